import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type InstallOptions,
  isGatewayHere,
  openClawInstall,
  openClawInstallReader,
} from '../../../src/openclaw/install.ts';
import type { LiveGateway } from '../../../src/openclaw/locate.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function home(files: Readonly<Record<string, string>> = {}): string {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) write(join(folder, name), text);
  return folder;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function find(folder: string, env: InstallOptions['env'] = {}, gateway: InstallOptions['gateway'] = {}) {
  const install = openClawInstall({ env: { HOME: folder, ...env }, gateway });
  return { ...install, token: install.credential?.secret.reveal(), place: install.credential?.place };
}

const CONFIG = '.openclaw/openclaw.json';
const withToken = (token: string) => `{ gateway: { auth: { token: ${JSON.stringify(token)} } } }`;

describe('finding OpenClaw where something is broken', () => {
  it.each([
    ['no JSON5', '{ gateway: ', 'is not JSON5 (line 1)'],
    ['no object', '[1]', 'holds no object'],
    ['a wrong value', '{ gateway: { port: "many" } }', 'gateway.port is not what OpenClaw allows'],
    ['a missing include', '{ $include: "gone.json" }', 'includes a file that is not there'],
    ['itself included', '{ $include: "openclaw.json" }', 'includes itself'],
    ['an include from elsewhere', '{ $include: "/etc/hostname" }', 'outside its folder'],
  ])('falls back to the environment on %s, and says so', (_, text, problem) => {
    const found = find(home({ [CONFIG]: text }), { OPENCLAW_GATEWAY_TOKEN: 'from-env' });
    expect(found.token).toBe('from-env');
    expect(found.problems.join()).toContain(problem);
  });

  it('says of a configuration that cannot be read that it may hold a credential', () => {
    expect(find(home({ [CONFIG]: '{ gateway: ' })).unreadable).toEqual(['config']);
    expect(find(home({ [CONFIG]: '{}' })).unreadable).toEqual([]);
  });

  it('takes the rest of a configuration with one broken value', () => {
    const found = find(home({ [CONFIG]: '{ gateway: { tls: "many", auth: { token: "kept" } } }' }));
    expect([found.token, found.address.unknown]).toEqual(['kept', undefined]);
  });

  it.each([
    ['[1]', undefined],
    ['{ cron: ', undefined],
    ['{ $include: "gone.json" }', undefined],
    ['{ cron: "off" }', undefined],
    ['{ cron: { enabled: "no" } }', undefined],
    ['{ gateway: { port: "many" } }', true],
    ['{ cron: { enabled: false }, gateway: { port: "many" } }', false],
    ['{ env: { SLACK: "${GONE}" } }', true],
    ['{}', true],
  ])('knows of %s whether cron is switched on: %s', (text, enabled) => {
    expect(find(home({ [CONFIG]: text })).cron?.enabled).toBe(enabled);
  });

  it.each([
    ['{ mode: "token", token: "t", password: "p" }', 't'],
    ['{ mode: "password", token: "t", password: "p" }', 'p'],
    ['{ token: "t" }', 't'],
    ['{ password: "p" }', 'p'],
    ['{ mode: "none", token: "t", password: "p" }', undefined],
    ['{ mode: "trusted-proxy", token: "t", password: "p" }', 'p'],
    ['{ mode: "trusted-proxy", token: "t" }', undefined],
  ])('proves of auth %s what the mode compares: %s', (auth, credential) => {
    expect(find(home({ [CONFIG]: `{ gateway: { auth: ${auth} } }` })).token).toBe(credential);
  });

  it('proves no password of a trusted proxy on another machine, which would not count there', () => {
    const auth = '{ gateway: { auth: { mode: "trusted-proxy", password: "p" } } }';
    const found = find(home({ [CONFIG]: auth }), {}, { url: 'wss://gateway.example.net' });
    expect(found.credential).toBeUndefined();
  });

  it('takes no credential from a pipe, a folder or a file that is too large', () => {
    const folder = home({ big: 'x'.repeat(100_000) });
    mkdirSync(join(folder, 'folder'));
    for (const name of ['big', 'folder', 'absent']) {
      const found = find(folder, {}, { token_file: join(folder, name) });
      expect(found.credential).toBeUndefined();
      expect(found.problems.join()).toMatch(/gateway\.token_file \S+ cannot be read/);
    }
  });

  it('shows neither a pasted token nor a folder in a problem', () => {
    const folder = home({ [CONFIG]: '{ broken' });
    const pasted = 'sk-pasted-secret-where-a-path-belongs';
    const found = find(folder, {}, { token_file: pasted, url: 'ws://u:p@nowhere' });
    expect(found.problems.join()).not.toContain(pasted);
    expect(found.problems.join()).not.toContain(folder);
    expect(JSON.stringify(find(home({ [CONFIG]: withToken('visible?') })).credential)).not.toContain(
      'visible?',
    );
  });

  it('never throws, whatever stands in the files and the environment', () => {
    const folder = home();
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({
          gateway: fc.object({ key: fc.constantFrom('auth', 'token', 'port', 'remote', 'url', 'mode') }),
        })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, text, fc.string(), (config, dotenv, value) => {
        write(join(folder, CONFIG), config);
        write(join(folder, '.openclaw/.env'), dotenv);
        const env = { OPENCLAW_GATEWAY_URL: value, OPENCLAW_GATEWAY_PORT: value, OPENCLAW_PROFILE: value };
        const { address } = find(folder, env);
        expect(address.port).toBeGreaterThan(0);
        expect(URL.canParse(address.url)).toBe(true);
      }),
    );
  });
});

describe('finding the credential', () => {
  it('prefers openclaw.json, then the environment, then .env', () => {
    const files = { [CONFIG]: withToken('c'), '.openclaw/.env': 'OPENCLAW_GATEWAY_TOKEN="d"\n' };
    const all = find(home(files), { OPENCLAW_GATEWAY_TOKEN: 'e' });
    expect([all.token, all.place]).toEqual(['c', 'config']);
    expect(all.credentials.map(({ place }) => place)).toEqual(['config', 'env', 'dotenv']);
    const { [CONFIG]: _, ...onlyDotenv } = files;
    expect(find(home(onlyDotenv), { OPENCLAW_GATEWAY_TOKEN: 'e' }).token).toBe('e');
    expect(find(home(onlyDotenv)).token).toBe('d');
  });

  it('takes the same token for one however it is written (T4)', () => {
    const config = `{ gateway: { auth: { token: '\${TOK}', }, }, } // JSON5`;
    const dotenv = 'export OPENCLAW_GATEWAY_TOKEN=\'same\'  # quoted\nTOK="same"\n';
    const found = find(home({ [CONFIG]: config, '.openclaw/.env': dotenv }), {
      OPENCLAW_GATEWAY_TOKEN: ' same ',
    });
    expect(found.credentials.map(({ secret }) => secret.reveal())).toEqual(['same', 'same', 'same']);
  });

  it('resolves references to variables and files, and runs no command', () => {
    const ref = (
      source: string,
      id: string,
    ) => `{ gateway: { auth: { token: { source: '${source}', id: '${id}' } } },
      secrets: { providers: { default: { source: 'file', path: 'secrets.json', mode: 'json' } } } }`;
    const files = (source: string, id: string) =>
      home({ [CONFIG]: ref(source, id), '.openclaw/secrets.json': '{"a":{"b~/":"from-file"}}' });
    expect(find(files('env', 'TOK'), { TOK: 'from-env' }).token).toBe('from-env');
    expect(find(files('file', '/a/b~0~1')).token).toBe('from-file');
    for (const source of ['exec', 'store', 'other']) {
      const found = find(files(source, 'touch'));
      expect(found.credential).toBeUndefined();
      expect(found.unresolved).toEqual(['config']);
      expect(found.problems.join()).toContain('token_file');
    }
  });

  it('is none where the text still names a variable that is not set', () => {
    const found = find(home({ [CONFIG]: withToken(`x-\${NOT_SET}`) }));
    expect(found.credential).toBeUndefined();
    expect(found.unresolved).toEqual(['config']);
  });

  it.each([
    ['2026.5.7', 'undefined', 'undefined'],
    ['2026.9.6', undefined, undefined],
    ['2026.9.6', 'right', 'right'],
  ])('is a placeholder only for a version that starts with one (%s)', (version, dotenv, token) => {
    const gateway = { auth: { token: 'undefined' } };
    const found = find(
      home({
        [CONFIG]: JSON.stringify({ gateway, meta: { lastTouchedVersion: version } }),
        ...(dotenv === undefined ? {} : { '.openclaw/.env': `OPENCLAW_GATEWAY_TOKEN=${dotenv}` }),
      }),
    );
    expect(found.token).toBe(token);
    expect(found.placeholders).toContainEqual({
      place: 'config',
      kind: 'unset',
      isRefused: version === '2026.9.6',
    });
  });

  it('is no placeholder in the file of the exporter itself', () => {
    const folder = home({ [CONFIG]: withToken('right'), token: 'change-me-now' });
    const found = find(folder, {}, { token_file: join(folder, 'token') });
    expect(found.token).toBeUndefined();
    expect(found.problems.join()).toMatch(/^gateway\.token_file .* holds a placeholder/);
  });

  it('is the one in token_file where that is configured, and nothing else when it cannot be read', () => {
    const folder = home({ [CONFIG]: withToken('c'), token: ' t \n' });
    expect(find(folder, {}, { token_file: '~/token' })).toMatchObject({ token: 't', place: 'other' });
    expect(find(folder, {}, { token_file: '~/absent' }).credential).toBeUndefined();
  });

  it("never gives this machine's own token to a gateway that somebody else's URL names", () => {
    const folder = home({ [CONFIG]: withToken('local') });
    expect(find(folder, { OPENCLAW_GATEWAY_URL: 'wss://elsewhere' }).credential).toBeUndefined();
    expect(find(folder, {}, { url: 'wss://elsewhere' }).credential).toBeUndefined();
    expect(find(folder, { OPENCLAW_GATEWAY_TOKEN: 'e' }, { url: 'wss://elsewhere' }).token).toBe('e');
    expect(find(folder, {}, { url: 'ws://127.0.0.1:1' }).token).toBe('local');
  });

  it('is the remote one in remote mode', () => {
    const remote =
      "{ gateway: { mode: 'remote', remote: { url: 'wss://studio:444', token: 'r' }, auth: { token: 'l' } } }";
    const found = find(home({ [CONFIG]: remote }));
    expect(found.token).toBe('r');
    expect(found.address).toMatchObject({ host: 'studio', port: 444, tls: true, local: false });
  });
});

describe('a gateway', () => {
  const remote = (url: string) =>
    home({ [CONFIG]: `{ gateway: { mode: 'remote', remote: { url: '${url}' } } }` });

  it('is here where nothing names another machine, and not behind a tunnel that openclaw.json leads to', () => {
    expect(isGatewayHere(find(home()))).toBe(true);
    const tunnel = find(remote('ws://127.0.0.1:4000'));
    expect(tunnel.address.local).toBe(true);
    expect(isGatewayHere(tunnel)).toBe(false);
    expect(isGatewayHere(find(remote('wss://studio:444')))).toBe(false);
  });
});

describe('finding state folder, configuration and port', () => {
  it.each([
    [{}, 18_789],
    [{ OPENCLAW_GATEWAY_PORT: '4000' }, 4000],
    [{ OPENCLAW_GATEWAY_PORT: '0.0.0.0:4001' }, 4001],
    [{ OPENCLAW_GATEWAY_PORT: '[::]:4002' }, 4002],
    [{ OPENCLAW_GATEWAY_PORT: 'none' }, 18_789],
    [{ OPENCLAW_PROFILE: 'work' }, 41_984],
    [{ OPENCLAW_STATE_DIR: '~/.openclaw-work' }, 41_984],
    [{ OPENCLAW_STATE_DIR: '~/.openclaw-dev' }, 19_001],
  ])('takes the port from %j', (env, port) => {
    expect(find(home(), env).address.port).toBe(port);
  });

  it('takes the older folder where only that is there', () => {
    const folder = home({ '.clawdbot/clawdbot.json': withToken('old') });
    expect(find(folder)).toMatchObject({ stateDir: join(folder, '.clawdbot'), token: 'old' });
  });

  it("goes by the exporter's own state_dir, then by the environment, tilde and all", () => {
    const folder = home({ 'a/openclaw.json': withToken('a'), 'b/openclaw.json': withToken('b') });
    expect(find(folder, { OPENCLAW_STATE_DIR: '~/b' }).token).toBe('b');
    expect(find(folder, { OPENCLAW_STATE_DIR: '~/b' }, { state_dir: '~/a' }).token).toBe('a');
    expect(find(folder, { OPENCLAW_CONFIG_PATH: '~/b/openclaw.json' }).token).toBe('b');
  });

  it('merges includes as OpenClaw does', () => {
    const found = find(
      home({
        [CONFIG]: "{ $include: ['one.json', 'two.json'], gateway: { port: 5 } }",
        '.openclaw/one.json': "{ gateway: { port: 1, auth: { token: 'one', mode: 'token' } } }",
        '.openclaw/two.json': "{ gateway: { port: 2, auth: { token: 'two' } } }",
      }),
    );
    expect([found.address.port, found.token]).toEqual([5, 'two']);
  });
});

describe('reading again', () => {
  it('gives the same object until a file changes, appears or goes', () => {
    const folder = home({ [CONFIG]: withToken('one') });
    const path = join(folder, CONFIG);
    const read = openClawInstallReader({ env: { HOME: folder }, gateway: {} });
    const first = read();
    expect(read()).toBe(first);
    write(path, withToken('two'));
    const second = read();
    expect(second.credential?.secret.reveal()).toBe('two');
    write(join(folder, '.openclaw/.env'), 'OPENCLAW_GATEWAY_TOKEN=three');
    expect(read().credentials).toHaveLength(2);
    rmSync(path);
    expect(read().credential?.secret.reveal()).toBe('three');
  });

  it('notices a change that leaves size and time of modification as they were', () => {
    const folder = home({ [CONFIG]: withToken('one') });
    const path = join(folder, CONFIG);
    const { atime, mtime } = statSync(path);
    const read = openClawInstallReader({ env: { HOME: folder }, gateway: {} });
    read();
    write(path, withToken('two'));
    utimesSync(path, atime, mtime);
    expect(read().credential?.secret.reveal()).toBe('two');
  });
});

describe('the address of the gateway', () => {
  const listens = [
    { host: '::1', port: 4000 },
    { host: '127.0.0.1', port: 4000 },
  ];
  const at = (
    files: Readonly<Record<string, string>>,
    { env = {}, url, live, addresses = [] }: Partial<Where> = {},
  ) => {
    const folder = home(files);
    const { address, location } = openClawInstall(
      { env: { HOME: folder, ...env }, gateway: { url }, root: folder, addresses: () => addresses },
      live,
    );
    return { host: address.host, port: address.port, by: location.by, unknown: address.unknown };
  };
  interface Where {
    readonly env: InstallOptions['env'];
    readonly url: string;
    readonly live: LiveGateway;
    readonly addresses: readonly string[];
  }
  const live = { listens, port: 4000 };
  const config = (gateway: object, version?: string) => ({
    [CONFIG]: JSON.stringify({ gateway, ...(version && { meta: { lastTouchedVersion: version } }) }),
  });

  it('is what the user named, whatever the process does', () => {
    expect(at({}, { live, url: 'ws://127.0.0.1:5000' })).toMatchObject({ port: 5000, by: 'exporter' });
    expect(at({}, { live, env: { OPENCLAW_GATEWAY_URL: 'ws://127.0.0.1:5001' } })).toMatchObject({
      port: 5001,
      by: 'env',
    });
    expect(at({}, { live, env: { OPENCLAW_GATEWAY_PORT: '5002' } })).toMatchObject({ port: 5002, by: 'env' });
  });

  it('is where the process listens, else what the configuration says, else the default', () => {
    expect(at(config({ port: 6000 }), { live })).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      by: 'process',
    });
    expect(at(config({ port: 6000 }))).toMatchObject({ port: 6000, by: 'config' });
    expect(at({})).toMatchObject({ host: '127.0.0.1', port: 18_789, by: 'default' });
  });

  it('is the configured port of a process that holds several, else the lowest', () => {
    const many = {
      listens: [4002, 4000, 4011].map((port) => ({ host: '127.0.0.1', port })),
      port: undefined,
    };
    expect(at(config({ port: 4011 }), { live: many }).port).toBe(4011);
    expect(at(config({ port: 6000 }), { live: many }).port).toBe(4000);
  });

  it.each([
    [{ bind: 'custom', customBindHost: '127.0.0.2' }, '2026.5.7', '127.0.0.2'],
    [{ bind: 'custom', customBindHost: '127.0.0.2' }, undefined, '127.0.0.2'],
    [{ bind: 'custom', customBindHost: '127.0.0.2' }, '2026.9.6', '127.0.0.1'],
    [{ bind: 'custom', customBindHost: '192.0.2.7' }, '2026.5.7', '127.0.0.1'],
    [{ bind: 'tailnet' }, '2026.7.35', '100.64.0.9'],
    [{ bind: 'lan' }, '2026.5.7', '127.0.0.1'],
  ])('with %j of version %s is %s', (gateway, version, host) => {
    const addresses = ['192.168.1.4', '100.64.0.9'];
    expect(at(config(gateway, version), { addresses })).toMatchObject({ host, unknown: undefined });
  });

  it.each([
    ['no JSON5', '{ gateway: '],
    ['a port that is none', '{ gateway: { port: "many" } }'],
    ['a bind that is none', '{ gateway: { bind: 7 } }'],
  ])('is unknown, and not the default, on %s', (_, text) => {
    expect(at({ [CONFIG]: text }).unknown).toContain('openclaw.json');
    expect(at({ [CONFIG]: text }, { live })).toMatchObject({ port: 4000, unknown: undefined });
    expect(at({ [CONFIG]: text }, { url: 'ws://127.0.0.1:5000' }).unknown).toBeUndefined();
  });

  it('of a profile has no port of its own in older versions', () => {
    const env = { OPENCLAW_PROFILE: 'work' };
    expect(at(config({}, '2026.7.35'), { env }).port).toBe(18_789);
    expect(at(config({}, '2026.8.1'), { env }).port).toBe(41_984);
  });
});

describe('the state folder of a profile', () => {
  const makeProfile = (folder: string, name: string) => write(join(folder, name, 'openclaw.json'), '{}');

  it('is the default one where only the variable names the profile', () => {
    const folder = home({ [CONFIG]: '{}' });
    expect(find(folder, { OPENCLAW_PROFILE: 'work' })).toMatchObject({
      stateDir: join(folder, '.openclaw'),
      profile: 'work',
    });
  });

  it('is that of the option where only that is there', () => {
    const folder = home();
    makeProfile(folder, '.openclaw-work');
    expect(find(folder, { OPENCLAW_PROFILE: 'work' }).stateDir).toBe(join(folder, '.openclaw-work'));
  });

  it.runIf(process.platform === 'linux')(
    'is the one in which a gateway lives, and stays so after its end',
    () => {
      const folder = home({ [CONFIG]: '{}' });
      makeProfile(folder, '.openclaw-work');
      const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
      const startTime = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[20]);
      const stateDir = join(folder, '.openclaw-work');
      const lock = {
        pid: process.pid,
        createdAt: '2026-11-23T00:47:24.452Z',
        stateDir,
        startTime,
        port: 4000,
      };
      const path = join(stateDir, 'tmp', 'openclaw-0', 'gateway.state.lock');
      write(path, JSON.stringify({ ...lock, configPath: join(stateDir, 'openclaw.json') }));
      const read = openClawInstallReader({ env: { HOME: folder, OPENCLAW_PROFILE: 'work' }, gateway: {} });
      expect(read()).toMatchObject({ stateDir, address: { port: 4000 } });
      rmSync(path);
      expect(read()).toMatchObject({ stateDir, address: { port: 41_984 } });
    },
  );
});
