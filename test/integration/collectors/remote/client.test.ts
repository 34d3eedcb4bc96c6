import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RemoteClient, readAnswer, script } from '../../../../src/collectors/remote/client.ts';
import { runCommand } from '../../../../src/lib/run-command.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import type { CredentialKind } from '../../../../src/openclaw/credentials.ts';
import { holds, newNonce } from '../../../../src/openclaw/token-digest.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const TOKEN = 'a token, of some length: 0123456789';
const NODE = `${dirname(process.execPath)}:/usr/bin:/bin`;

interface There {
  /** Content of openclaw.json; undefined: there is none. */
  readonly config?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly kind?: CredentialKind;
  readonly shell?: string;
}

/** Runs the question on this machine, in a home folder of its own, as sshd would run it on the host. */
async function ask({
  config,
  files = {},
  env = {},
  kind = 'token',
  shell = 'sh',
}: There): Promise<RemoteClient> {
  const home = tempFolder();
  mkdirSync(join(home, '.openclaw'));
  if (config !== undefined) writeFileSync(join(home, '.openclaw', 'openclaw.json'), config);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, '.openclaw', name), text);
  const nonce = newNonce();
  const outcome = await runCommand(shell, ['-s'], {
    signal: new AbortController().signal,
    env: { PATH: NODE, HOME: home, ...env },
    input: script(nonce, kind),
  });
  if (outcome.state !== 'exited') throw new Error(outcome.state);
  const said = outcome.stdout + outcome.stderr;
  expect(said).not.toContain(TOKEN);
  expect(said).not.toContain(home);
  return readAnswer(outcome.stdout, nonce);
}

const remote = (token: string) => `{ gateway: { remote: { token: ${token} } } }`;

async function holdsToken(there: There): Promise<boolean> {
  const client = await ask(there);
  if (client.state !== 'held') throw new Error(JSON.stringify(client));
  return holds(client.held, new Secret(TOKEN));
}

describe('a client on another host that cannot be asked', () => {
  it('is unknown where there is no OpenClaw', async () => {
    expect(await ask({})).toEqual({ state: 'unknown', reason: 'there is no OpenClaw configuration there' });
  });

  it('is unknown where there is no Node.js', async () => {
    const bin = tempFolder();
    const client = await ask({ env: { PATH: bin }, shell: '/bin/sh' });
    // Where an installer has put Node.js into a place that is always looked at, it is found there.
    expect(client.state).toBe('unknown');
  });

  it.each([
    ['a broken configuration', { config: '{ gateway: ' }, 'not JSON5'],
    ['an include that is not there', { config: '{ $include: "other.json5" }' }, 'cannot be read'],
    ['an include of itself', { config: '{ $include: "openclaw.json" }' }, 'cannot be read'],
    ['a variable that is not set', { config: remote('"${NOT_SET}"') }, 'only OpenClaw itself'],
    ['a command', { config: remote('{ source: "exec", id: "pass" }') }, 'only OpenClaw itself'],
  ])('is unknown with %s, in words that hold no path', async (_, there, words) => {
    const client = await ask(there);
    expect(client).toMatchObject({ state: 'unknown', reason: expect.stringContaining(words) });
  });

  it('is unknown where a forced command answers instead', () => {
    for (const stdout of [
      '',
      'Welcome!\n',
      'openclaw-exporter:{"state":"held","digest":"no"}',
      'openclaw-exporter:{',
    ]) {
      expect(readAnswer(stdout, newNonce())).toMatchObject({
        reason: expect.stringContaining('forced command'),
      });
    }
  });

  it('holds none where its configuration names none', async () => {
    for (const config of ['{}', '{ gateway: { remote: {} } }', remote('""'), remote('"undefined"'), '[]']) {
      expect(await ask({ config })).toEqual({ state: 'none' });
    }
  });
});

describe('a client on another host', () => {
  it('that holds another token is told apart', async () => {
    expect(await holdsToken({ config: remote(`"${TOKEN}."`) })).toBe(false);
  });

  it.each([
    ['as JSON', { config: JSON.stringify({ gateway: { remote: { token: TOKEN } } }) }],
    [
      'as JSON5, with comments and blanks',
      { config: `// laptop\n{gateway:{remote:{token:' ${TOKEN} ',},},}` },
    ],
    [
      'as a variable of .env, in quotes',
      { config: remote('"${THE_TOKEN}"'), files: { '.env': `THE_TOKEN="${TOKEN}"\n` } },
    ],
    [
      'as a variable of .env that is exported',
      { config: remote('"$THE_TOKEN"'), files: { '.env': `export THE_TOKEN='${TOKEN}' # old\n` } },
    ],
    [
      'as a reference to the environment',
      { config: remote('{ source: "env", id: "THE_TOKEN" }'), env: { THE_TOKEN: TOKEN } },
    ],
    [
      'as a variable of the configuration itself',
      { config: `{ env: { vars: { T: "${TOKEN}" } }, gateway: { remote: { token: "\${T}" } } }` },
    ],
    [
      'in an included file',
      {
        config: '{ gateway: { $include: "./gateway.json5" } }',
        files: { 'gateway.json5': `{ remote: { token: "${TOKEN}" } }` },
      },
    ],
    [
      'as a password, where the gateway compares passwords',
      { config: `{ gateway: { remote: { password: "${TOKEN}", token: "x" } } }`, kind: 'password' as const },
    ],
    ['under another shell', { config: remote(`"${TOKEN}"`), shell: 'bash' }],
  ])('holds the same token, written %s', async (_, there) => {
    expect(await holdsToken(there)).toBe(true);
  });

  it('is found where its environment says', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'mine.json'), remote(`"${TOKEN}"`));
    expect(await holdsToken({ env: { OPENCLAW_CONFIG_PATH: join(folder, 'mine.json') } })).toBe(true);
    writeFileSync(join(folder, 'openclaw.json'), remote(`"${TOKEN}"`));
    expect(await holdsToken({ config: '{}', env: { OPENCLAW_STATE_DIR: folder } })).toBe(true);
  });

  it('is asked by a Node.js that is not on the path of a login', async () => {
    const home = tempFolder();
    const bin = join(home, '.local', 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, join(bin, 'node'));
    const config = join(home, 'openclaw.json');
    writeFileSync(config, remote(`"${TOKEN}"`));
    const nowhere = tempFolder();
    const env = { HOME: home, PATH: nowhere, OPENCLAW_CONFIG_PATH: config };
    expect(await holdsToken({ env, shell: '/bin/sh' })).toBe(true);
  });

  it('answers another question with another digest', async () => {
    const digests = await Promise.all([1, 2].map(() => ask({ config: remote(`"${TOKEN}"`) })));
    const shown = digests.map((client) => client.state === 'held' && client.held.digest.toString('hex'));
    expect(new Set(shown).size).toBe(2);
  });
});
