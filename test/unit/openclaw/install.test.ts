import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type InstallOptions,
  openClawInstall,
  openClawInstallReader,
} from '../../../src/openclaw/install.ts';
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

  it('takes the rest of a configuration with one broken value', () => {
    const found = find(home({ [CONFIG]: '{ gateway: { port: "many", auth: { token: "kept" } } }' }));
    expect(found.token).toBe('kept');
    expect(found.address.port).toBe(18_789);
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

describe('finding state folder, configuration and port', () => {
  it.each([
    [{}, 18_789],
    [{ OPENCLAW_GATEWAY_PORT: '4000' }, 4000],
    [{ OPENCLAW_GATEWAY_PORT: '0.0.0.0:4001' }, 4001],
    [{ OPENCLAW_GATEWAY_PORT: '[::]:4002' }, 4002],
    [{ OPENCLAW_GATEWAY_PORT: 'none' }, 18_789],
    [{ OPENCLAW_PROFILE: 'dev' }, 19_001],
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
