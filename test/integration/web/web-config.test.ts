import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashSync } from 'bcryptjs';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { systemClock } from '../../../src/lib/clock.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { PasswordThread } from '../../../src/web/password-thread.ts';
import { Passwords } from '../../../src/web/passwords.ts';
import { serve, type WebServer } from '../../../src/web/server.ts';
import { type Certificate, selfSigned } from '../../support/certificate.ts';
import { Child } from '../../support/child.ts';
import { recordingLogger } from '../../support/logger.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const LAUNCHER = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
const PASSWORD = 'correct horse';
/** The lowest cost there is: what is tested here is who gets in. */
const HASH = hashSync(PASSWORD, 4);

interface Served {
  readonly url: URL;
  readonly server: WebServer;
  /** Settles when somebody asks for `/slow`, which is never answered. */
  readonly asked: Promise<void>;
  readonly folder: string;
  readonly logger: ReturnType<typeof recordingLogger>;
  /** Writes the web configuration anew, as an editor or a deployment does. */
  readonly configure: (content: unknown) => void;
}

/** Replaces a file whole: what is half written is nobody's configuration. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** A server with that web configuration; files stand beside it. */
async function served(
  content: unknown,
  files: Readonly<Record<string, string>> = {},
  host = '127.0.0.1',
): Promise<Served> {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const configFile = join(folder, 'web.yml');
  const configure = (next: unknown) => put(configFile, typeof next === 'string' ? next : stringify(next));
  configure(content);
  const app = express();
  const asked = new Promise<void>((resolve) => app.get('/slow', () => resolve()));
  app.get('/{*any}', (_request, response) => {
    response.set('X-Frame-Options', 'DENY').send('hello');
  });
  const logger = recordingLogger();
  const outcome = await serve({
    app,
    listen: [{ host, port: 0 }],
    configFile,
    allowUnauthenticatedRemote: false,
    clock: systemClock,
    logger,
  });
  if (outcome.state === 'failed') throw new Error(outcome.reason);
  onTestFinished(() => outcome.server.close());
  return { url: new URL(outcome.urls.join()), server: outcome.server, asked, folder, logger, configure };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

type Asked = RequestOptions & { readonly ca?: string; readonly cert?: string; readonly key?: string };

/** One request on a connection of its own. */
function ask(url: URL, options: Asked = {}): Promise<Answer> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, servername: 'localhost', ...options } as Asked, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

const basic = (user: string, password: string) => ({
  headers: { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
});

/** A name for a certificate that signed itself: `localhost` is what it says. */
const trusting = ({ cert }: Certificate) => ({ ca: cert, checkServerIdentity: () => undefined });

const withTls = (more = {}) => ({
  tls_server_config: { cert_file: 'cert.pem', key_file: 'key.pem', ...more },
});

/** A certificate and its key as files of a web configuration. */
const filesOf = ({ cert, key }: Certificate) => ({ 'cert.pem': cert, 'key.pem': key });

/** A connection that never says a word, accepted by the time this settles. */
async function silentConnection(url: URL, certificate: Certificate): Promise<void> {
  const socket = connect(Number(url.port), url.hostname);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  // Connections are accepted in their order.
  await ask(url, trusting(certificate));
}

async function startProgram(args: readonly string[]) {
  const child = new Child(process.execPath, [LAUNCHER, ...args], { env: { HOME: tempFolder() } });
  onTestFinished(() => child.end());
  return { code: await child.exited, output: child.output };
}

describe('basic authentication', () => {
  it('answers whoever knows a password, and nobody else', async () => {
    const { url } = await served({ basic_auth_users: { alice: HASH } });
    expect(await ask(url, basic('alice', PASSWORD))).toMatchObject({ status: 200, body: 'hello' });
    const refused = [
      {},
      basic('alice', 'wrong'),
      basic('alice', ''),
      basic('bob', PASSWORD),
      basic('', ''),
      { headers: { Authorization: 'Bearer x' } },
      { headers: { Authorization: 'Basic !!!' } },
      { headers: { Authorization: `Basic ${Buffer.from('alice').toString('base64')}` } },
    ];
    for (const options of refused) {
      const { status, headers, body } = await ask(url, options);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toContain('Basic realm=');
      expect(body).not.toContain('hello');
    }
  });

  it('does not take a long password by its first 72 bytes', async () => {
    const long = 'x'.repeat(72);
    const { url } = await served({ basic_auth_users: { alice: hashSync(long, 4) } });
    expect((await ask(url, basic('alice', long))).status).toBe(200);
    expect((await ask(url, basic('alice', `${long}y`))).status).toBe(401);
  });

  it('takes a new password at once, and the old one no longer, though it was remembered', async () => {
    const { url, configure } = await served({ basic_auth_users: { alice: HASH } });
    expect((await ask(url, basic('alice', PASSWORD))).status).toBe(200);
    configure({ basic_auth_users: { alice: hashSync('another', 4) } });
    expect((await ask(url, basic('alice', PASSWORD))).status).toBe(401);
    expect((await ask(url, basic('alice', 'another'))).status).toBe(200);
  });

  it('compares as costly for a user that does not exist as for one that does, whatever the costs of the hashes', async () => {
    const users = new Map([
      ['alice', hashSync(PASSWORD, 4)],
      ['bob', hashSync(PASSWORD, 6)],
    ]);
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['bob', 'wrong'],
      ['nobody', 'wrong'],
      ['alice', PASSWORD],
    ] as const) {
      let rounds = 0;
      const passwords = new Passwords((_password, hash) => {
        rounds += 2 ** Number(hash.slice(4, 6));
        return Promise.resolve(password === PASSWORD);
      });
      await passwords.check(users, user, new Secret(password));
      expect([user, rounds]).toEqual([user, 2 ** 6]);
    }
  });

  it('pays for a right password once, for a wrong one each time', async () => {
    let comparisons = 0;
    const users = new Map([['alice', HASH]]);
    const passwords = new Passwords((password) => {
      comparisons += 1;
      return Promise.resolve(password === PASSWORD);
    });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await passwords.check(users, 'alice', new Secret(PASSWORD))).toBe('right');
    }
    expect(comparisons).toBe(1);
    await passwords.check(users, 'alice', new Secret('wrong'));
    await passwords.check(users, 'alice', new Secret('wrong'));
    expect(comparisons).toBe(3);
  });

  it('serves an address that has shown no wrong password before all that have', async () => {
    const turns: ((matches: boolean) => void)[] = [];
    const passwords = new Passwords(() => new Promise((resolve) => turns.push(resolve)));
    const users = new Map([['alice', HASH]]);
    const guess = (turn: number) => passwords.check(users, 'alice', new Secret(`${turn}`), '10.0.0.9');
    const answer = async (matches: boolean) => {
      await expect.poll(() => turns.length).toBe(1);
      turns.shift()?.(matches);
    };
    const first = guess(0);
    await answer(false);
    expect(await first).toBe('wrong');
    const guesses = Array.from({ length: 40 }, (_, turn) => guess(turn + 1));
    const login = passwords.check(users, 'alice', new Secret(PASSWORD), '10.0.0.1');
    // The guess under way is finished first.
    await answer(false);
    await answer(true);
    expect(await login).toBe('right');
    expect(await guesses[0]).toBe('wrong');
  });

  it('answers a login that comes after 40 guesses from the same address, in its turn', async () => {
    const passwords = new Passwords((password) => Promise.resolve(password === PASSWORD));
    const users = new Map([['alice', HASH]]);
    const guesses = Array.from({ length: 40 }, (_, turn) =>
      passwords.check(users, 'alice', new Secret(`${turn}`)),
    );
    expect(await passwords.check(users, 'alice', new Secret(PASSWORD))).toBe('right');
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(['wrong']));
  });

  it('sends the last guess away where too many wait, and no login from elsewhere', async () => {
    const passwords = new Passwords(() => new Promise(() => undefined));
    const users = new Map([['alice', HASH]]);
    const settled: string[] = [];
    const waiting = Array.from({ length: 129 }, (_, turn) =>
      passwords.check(users, 'alice', new Secret(`${turn}`)),
    );
    for (const one of waiting) void one.then((verdict) => settled.push(verdict));
    expect(await passwords.check(users, 'alice', new Secret('one more'))).toBe('busy');
    expect(settled).toEqual([]);
  });

  it('does the work in another thread: this one only waits', async () => {
    const hash = hashSync(PASSWORD, 10);
    const thread = new PasswordThread(systemClock);
    onTestFinished(() => thread.close());
    expect(await thread.compare(PASSWORD, hash)).toBe(true);
    const before = performance.eventLoopUtilization();
    const turns = Array.from({ length: 4 }, (_, turn) => thread.compare(`wrong ${turn}`, hash));
    expect(await Promise.all(turns)).toEqual([false, false, false, false]);
    const { active, idle } = performance.eventLoopUtilization(before);
    expect(active).toBeLessThan(idle);
  });
});

describe('TLS', () => {
  it('serves HTTPS with the files beside the configuration, from TLS 1.2 on', async () => {
    const certificate = await selfSigned();
    const { url } = await served(withTls(), filesOf(certificate));
    expect(url.protocol).toBe('https:');
    expect(await ask(url, trusting(certificate))).toMatchObject({ status: 200, body: 'hello' });
    const old = { ...trusting(certificate), minVersion: 'TLSv1', maxVersion: 'TLSv1.1' };
    await expect(ask(url, old as Asked)).rejects.toThrow();
  });

  it('speaks nothing older than min_version', async () => {
    const certificate = await selfSigned();
    const { url } = await served(withTls({ min_version: 'TLS13' }), filesOf(certificate));
    await expect(ask(url, { ...trusting(certificate), maxVersion: 'TLSv1.2' } as Asked)).rejects.toThrow();
    expect((await ask(url, trusting(certificate))).status).toBe(200);
  });

  it('shows a new certificate on the next connection, without a restart', async () => {
    const [before, after] = [await selfSigned(), await selfSigned()];
    const { url, folder } = await served(withTls(), filesOf(before));
    expect((await ask(url, trusting(before))).status).toBe(200);
    put(join(folder, 'key.pem'), after.key);
    // Until both halves are there, the old pair goes on.
    expect((await ask(url, trusting(before))).status).toBe(200);
    put(join(folder, 'cert.pem'), after.cert);
    expect((await ask(url, trusting(after))).status).toBe(200);
    await expect(ask(url, trusting(before))).rejects.toThrow();
  });

  it('asks for a client certificate of its authorities where it is told to', async () => {
    const [certificate, friend, stranger] = [await selfSigned(), await selfSigned(), await selfSigned()];
    const config = withTls({ client_auth_type: 'RequireAndVerifyClientCert', client_ca_file: 'ca.pem' });
    const files = { ...filesOf(certificate), 'ca.pem': friend.cert };
    const { url } = await served(config, files, '0.0.0.0');
    url.hostname = '127.0.0.1';
    const as = ({ cert, key }: Certificate) => ({ ...trusting(certificate), cert, key });
    expect((await ask(url, as(friend))).status).toBe(200);
    await expect(ask(url, as(stranger))).rejects.toThrow();
    await expect(ask(url, trusting(certificate))).rejects.toThrow();
  });

  it.each([
    ['RequireAnyClientCert', { none: false, friend: true, stranger: true }, false],
    ['VerifyClientCertIfGiven', { none: true, friend: true, stranger: false }, true],
    ['RequestClientCert', { none: true, friend: true, stranger: true }, false],
  ] as const)('takes %s as its name says', async (type, expected, verifies) => {
    const [certificate, friend, stranger] = [await selfSigned(), await selfSigned(), await selfSigned()];
    const config = withTls({ client_auth_type: type, ...(verifies ? { client_ca_file: 'ca.pem' } : {}) });
    const { url } = await served(config, { ...filesOf(certificate), 'ca.pem': friend.cert });
    const answered = async (client?: Certificate) => {
      const own = client === undefined ? {} : { cert: client.cert, key: client.key };
      return ask(url, { ...trusting(certificate), ...own }).then(
        ({ status }) => status === 200,
        () => false,
      );
    };
    const seen = {
      none: await answered(),
      friend: await answered(friend),
      stranger: await answered(stranger),
    };
    expect(seen).toEqual(expected);
  });

  it('turns from HTTP to HTTPS and asks for certificates as soon as the file says so', async () => {
    const [certificate, friend] = [await selfSigned(), await selfSigned()];
    const { url, configure } = await served({}, { ...filesOf(certificate), 'ca.pem': friend.cert });
    expect((await ask(url)).status).toBe(200);
    configure(withTls({ client_auth_type: 'RequireAndVerifyClientCert', client_ca_file: 'ca.pem' }));
    await expect(ask(url)).rejects.toThrow();
    const secure = new URL(`https://${url.host}`);
    const { cert, key } = friend;
    await expect
      .poll(
        () =>
          ask(secure, { ...trusting(certificate), cert, key }).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200);
    await expect(ask(secure, trusting(certificate))).rejects.toThrow();
  });
});

describe('a server behind TLS', () => {
  it('closes at once, though somebody connected never begins the TLS greeting', async () => {
    const certificate = await selfSigned();
    const { url, server } = await served(withTls(), filesOf(certificate));
    await silentConnection(url, certificate);
    const before = performance.now();
    await server.close();
    // It would have five seconds for its greeting.
    expect(performance.now() - before).toBeLessThan(4_000);
  });

  it('closes at once, though somebody waits for an answer', async () => {
    const certificate = await selfSigned();
    const { url, server, asked } = await served(withTls(), filesOf(certificate));
    const waiting = expect(ask(new URL('/slow', url), trusting(certificate))).rejects.toThrow();
    await asked;
    await server.close();
    await waiting;
  });

  it('is replaced by one server alone where its configuration changes again meanwhile', async () => {
    const certificate = await selfSigned();
    const { url, server, configure, logger } = await served(withTls(), filesOf(certificate));
    await silentConnection(url, certificate);
    configure({});
    expect(server.refresh()).toBe('replaced');
    configure(withTls({ client_auth_type: 'RequireAnyClientCert' }));
    expect(server.refresh()).toBe('replaced');
    const { cert, key } = certificate;
    const answered = () =>
      ask(url, { ...trusting(certificate), cert, key }).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(answered, { timeout: 20_000 }).toBe(200);
    await server.close();
    expect(await answered()).toBe(0);
    expect(JSON.stringify(logger.lines)).not.toContain('not serving');
  });
});

describe('the web configuration', () => {
  it('that becomes bad changes nothing, and the log says why without any secret', async () => {
    const { url, configure, logger } = await served({ basic_auth_users: { alice: HASH } });
    for (const bad of ['{', { nonsense: 1 }, { basic_auth_users: { alice: 'hunter2' } }]) {
      configure(bad);
      expect((await ask(url, basic('alice', PASSWORD))).status).toBe(200);
      expect((await ask(url)).status).toBe(401);
    }
    expect(JSON.stringify(logger.lines)).toContain('not reloaded');
    expect(JSON.stringify(logger.lines)).not.toContain('hunter2');
  });

  it('that becomes empty, as an editor leaves it for a moment, changes nothing', async () => {
    const { url, configure, logger } = await served({ basic_auth_users: { alice: HASH } });
    for (const emptied of ['', '\n', '# users\n', '---\n']) {
      configure(emptied);
      expect((await ask(url)).status).toBe(401);
      expect((await ask(url, basic('alice', PASSWORD))).status).toBe(200);
    }
    expect(JSON.stringify(logger.lines)).toContain('it is empty, and was not before');
    configure({ basic_auth_users: { alice: hashSync('another', 4) } });
    expect((await ask(url, basic('alice', 'another'))).status).toBe(200);
  });

  it('that becomes a pipe changes nothing, and nobody waits for it', async () => {
    const { url, folder, logger } = await served({ basic_auth_users: { alice: HASH } });
    rmSync(join(folder, 'web.yml'));
    execFileSync('mkfifo', [join(folder, 'web.yml')]);
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, basic('alice', PASSWORD))).status).toBe(200);
    expect(JSON.stringify(logger.lines)).toContain('not a regular file');
  });

  it('may not stop to authenticate beyond loopback while it runs', async () => {
    const { url, configure } = await served({ basic_auth_users: { alice: HASH } }, {}, '0.0.0.0');
    url.hostname = '127.0.0.1';
    configure({});
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, basic('alice', PASSWORD))).status).toBe(200);
  });

  it('adds headers to every answer, over the page’s own', async () => {
    const headers = { 'X-Frame-Options': 'SAMEORIGIN', 'Strict-Transport-Security': 'max-age=60' };
    const { url } = await served({ http_server_config: { headers }, basic_auth_users: { alice: HASH } });
    for (const answer of [await ask(url, basic('alice', PASSWORD)), await ask(url)]) {
      expect(answer.headers).toMatchObject({
        'x-frame-options': 'SAMEORIGIN',
        'strict-transport-security': 'max-age=60',
      });
    }
  });

  it.each([
    [{ basic_auth_users: { alice: 'hunter2' } }, 'basic_auth_users.alice: a text of 7 characters'],
    [{ basic_auth_users: { alice: HASH.replace('$04$', '$31$') } }, 'bcrypt hash of cost 4 to 14'],
    [{ tls_server_config: { cert_file: 'c.pem' } }, 'tls_server_config.key_file'],
    [{ tls_server_config: { cert_file: 'c.pem', key_file: 'no.pem' } }, 'cannot be read (ENOENT)'],
    [withTls({ min_version: 'TLS10' }), 'tls_server_config.min_version: "TLS10" is not allowed'],
    [withTls({ client_auth_type: 'RequireAndVerifyClientCert' }), 'tls_server_config.client_ca_file'],
    [withTls({ client_auth_type: 'Sometimes' }), 'one of NoClientCert'],
    [withTls({ cipher_suites: [] }), 'cipher_suites: unknown key'],
    [{ http_server_config: { headers: { Server: 'x' } } }, 'Server'],
    [{ http_server_config: { headers: { 'X-Frame-Options': 'a\r\nb' } } }, 'printable ASCII'],
  ])('with the mistake %j ends the program with 2 and says %s', async (content, words) => {
    const folder = tempFolder();
    const file = join(folder, 'web.yml');
    writeFileSync(file, stringify(content));
    for (const check of [[], ['--config.check']]) {
      const { code, output } = await startProgram([`--web.config.file=${file}`, ...check]);
      expect(code).toBe(2);
      expect(output).toContain(words);
      expect(output).not.toContain('hunter2');
    }
  });

  it('that authenticates nobody does not open the way beyond loopback', async () => {
    const file = join(tempFolder(), 'web.yml');
    writeFileSync(file, '');
    const { code, output } = await startProgram([
      `--web.config.file=${file}`,
      '--web.listen-address=0.0.0.0:0',
    ]);
    expect(code).toBe(2);
    expect(output).toContain('0.0.0.0 is not loopback');
  });

  it('is found and read with a folder in place of a file as a mistake', async () => {
    const folder = join(tempFolder(), 'web.yml');
    mkdirSync(folder);
    const { code, output } = await startProgram([`--web.config.file=${folder}`]);
    expect(code).toBe(2);
    expect(output).toContain('cannot be read (not a regular file)');
  });
});

describe('the limits of a request', () => {
  it('answer nobody who names another host on loopback: a page whose name was made to point here', async () => {
    const { url } = await served({});
    for (const host of [
      'evil.example',
      'evil.example:10789',
      '127.0.0.1.evil.example',
      'localhost.evil',
      '10.0.0.1',
    ]) {
      expect((await ask(url, { headers: { Host: host } })).status).toBe(421);
    }
    for (const host of ['localhost', `127.0.0.1:${url.port}`, '[::1]:1', 'LOCALHOST:80']) {
      expect((await ask(url, { headers: { Host: host } })).status).toBe(200);
    }
  });

  it('let any name in where a password is wanted, which no such page knows', async () => {
    const { url } = await served({ basic_auth_users: { alice: HASH } });
    const { headers } = basic('alice', PASSWORD);
    expect((await ask(url, { headers: { ...headers, Host: 'metrics.example' } })).status).toBe(200);
  });

  it('refuse a body and headers beyond measure', async () => {
    const { url } = await served({});
    expect((await ask(url, { method: 'POST', headers: { 'Content-Length': '100000' } })).status).toBe(413);
    expect((await ask(url, { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } })).status).toBe(
      413,
    );
    expect((await ask(url, { headers: { 'X-Long': 'x'.repeat(20_000) } })).status).toBe(431);
  });

  it('end a connection that never finishes its request', async () => {
    const { url } = await served({});
    const socket = connect(Number(url.port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    const said = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (data) => {
        text += String(data);
      });
      socket.on('close', () => resolve(text));
    });
    expect(said).toContain('408');
  });
});
