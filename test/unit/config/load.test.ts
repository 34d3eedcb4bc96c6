import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { formatDuration, MAX_DURATION_MS, parseDuration } from '../../../src/config/duration.ts';
import {
  type ConfigProblem,
  defaultConfig,
  formatProblem,
  loadConfigFile,
  parseConfig,
} from '../../../src/config/load.ts';
import { type FileConfig, resolveSettings } from '../../../src/config/schema.ts';
import { MAX_TIMER_MS } from '../../../src/lib/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const NONE = { intervalMs: Number.NaN, timeoutMs: Number.NaN };

function settingsOf(config: FileConfig, name: string) {
  return resolveSettings(config, name, COLLECTOR_DEFAULTS[name] ?? NONE);
}

function problemsOf(text: string): readonly ConfigProblem[] {
  const outcome = parseConfig(text, COLLECTOR_DEFAULTS);
  return outcome.state === 'invalid' ? outcome.problems : [];
}

function configOf(text: string) {
  const outcome = parseConfig(text, COLLECTOR_DEFAULTS);
  if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
  return outcome.config;
}

describe('a mistake', () => {
  it.each<[string, string, string, string]>([
    ['gateway: {url: "http://"}', 'gateway.url', '"http://"', 'ws://127.0.0.1:18789'],
    ['gateway: {startup_window: 5}', 'gateway.startup_window', '5', 'a duration from 1s'],
    ['gateway: {startup_window: 5 min}', 'gateway.startup_window', '"5 min"', 'a duration from 1s'],
    ['gateway: {state_dir: ""}', 'gateway.state_dir', '""', 'at least 1 character'],
    ['gateway:', 'gateway', 'null', 'a map of keys'],
    ['cron: {max_jobs: 0}', 'cron.max_jobs', '0', 'at least 1'],
    ['cron: {max_jobs: 1e6}', 'cron.max_jobs', '1000000', 'at most 10000'],
    ['cron: {max_jobs: 1.5}', 'cron.max_jobs', '1.5', 'a whole number'],
    ['cron: {logs: [{success: x}]}', 'cron.logs.0.path', 'undefined', 'a text'],
    [
      'cron: {logs: [{path: a, success: "("}]}',
      'cron.logs.0.success',
      'a text of 1 characters',
      'a regular expression',
    ],
    ['cron: {logs: all}', 'cron.logs', 'a text of 3 characters', 'a list'],
    [
      'ssh: {hosts: [{name: a, target: -oX}]}',
      'ssh.hosts.0.target',
      'a text of 3 characters',
      'no leading -',
    ],
    ['ssh: {hosts: [{name: a, target: a b}]}', 'ssh.hosts.0.target', 'a text of 3 characters', 'no blanks'],
    ['ssh: {hosts: [{name: a, target: b, port: 65536}]}', 'ssh.hosts.0.port', '65536', 'at most 65535'],
    ['ssh: {hosts: [{name: a, target: b, port: "22"}]}', 'ssh.hosts.0.port', '"22"', 'a number'],
    [
      'ssh: {hosts: [{name: a, target: b, always_on: ja}]}',
      'ssh.hosts.0.always_on',
      'a text of 2 characters',
      'true or false',
    ],
    ['ssh: {hosts: [{name: a, target: b}, {name: a, target: c}]}', 'ssh.hosts', 'a list', 'names differ'],
    ['gateways: [{name: a}]', 'gateways.0.url', 'undefined', 'a text'],
    [
      'gateways: [{url: "ws://a", name: a b}]',
      'gateways.0.name',
      'a text of 3 characters',
      'letters, digits and . _ : @ -',
    ],
    ['gateways: [{name: a, url: "ftp://a"}]', 'gateways.0.url', '"ftp://a"', 'ws://127.0.0.1:18789'],
    ['gateways: [{name: a, url: "ws://a:99999"}]', 'gateways.0.url', '"ws://a:99999"', 'a URL'],
    ['gateways: [{name: a, url: "ws://a"}, {name: a, url: "ws://b"}]', 'gateways', 'a list', 'names differ'],
    [
      'gateways: [{name: a, url: "wss://a", tls_fingerprint: AB}]',
      'gateways.0.tls_fingerprint',
      'a text of 2 characters',
      '64',
    ],
    [
      `gateways: [{name: a, url: "ws://a", tls_fingerprint: "${'ab'.repeat(32)}"}]`,
      'gateways.0.url',
      '"ws://a"',
      'a wss: or https: URL',
    ],
    [
      'gateways: [{name: a, url: "ws://a", auth: none}]',
      'gateways.0.auth',
      'a text of 4 characters',
      'token, password',
    ],
    [
      'gateways: [{name: a, url: "ws://a", labels: {__x: y}}]',
      'gateways.0.labels.__x',
      'a text of 3 characters',
      'label names',
    ],
    ['gateways: [{name: a, url: "ws://a", labels: {x: 1}}]', 'gateways.0.labels.x', '1', 'a text'],
    ['collectors: {ping: {interval: 30d}}', 'collectors.ping.interval', '"30d"', 'to 7d'],
    ['collectors: {ping: {interval: 1ms}}', 'collectors.ping.interval', '"1ms"', 'from 100ms'],
    ['collectors: {ping: {timeout: 1m}}', 'collectors.ping.timeout', '1m', 'at most the interval, 15s'],
    ['- a', '(top level)', 'a list', 'a map of keys'],
  ])('in %s is told with its path, its value and what is allowed', (text, path, value, allowed) => {
    const [problem, ...more] = problemsOf(text);
    expect(more).toEqual([]);
    expect(problem?.path).toBe(path);
    const [shown, allowedShown] = problem?.message.split(' is not allowed; allowed: ') ?? [];
    expect(shown).toBe(value);
    expect(allowedShown).toContain(allowed);
  });

  it('is told together with all others', () => {
    const text = 'gateway: {startup_window: x}\ncron: {max_jobs: x}\nssh: {hosts: [{}]}\nfoo: 1';
    expect(
      problemsOf(text)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['cron.max_jobs', 'foo', 'gateway.startup_window', 'ssh.hosts.0.name', 'ssh.hosts.0.target']);
  });

  it('names its file and line, and the key that was meant', () => {
    const path = join(tempFolder(), 'exporter.yml');
    writeFileSync(path, 'cron:\n  grace: 5m\n  max_jobs: "many"\ngatway:\n  url: ws://127.0.0.1:1\n');
    const outcome = loadConfigFile(path, COLLECTOR_DEFAULTS);
    const lines = outcome.state === 'invalid' ? outcome.problems.map(formatProblem) : [];
    expect(lines).toContainEqual(
      expect.stringContaining(`${path}:3: cron.max_jobs: a text of 4 characters is not allowed`),
    );
    expect(lines).toContainEqual(
      expect.stringMatching(
        /exporter\.yml:4: gatway: unknown key; allowed here: .* \(did you mean gateway\?\)$/,
      ),
    );
    writeFileSync(path, 'cron:\n  grace: 5m\n max_jobs: 5\n');
    const broken = loadConfigFile(path, COLLECTOR_DEFAULTS);
    expect(broken.state === 'invalid' && broken.problems.map(formatProblem).join()).toMatch(
      /exporter\.yml: line 3: not YAML: .*[a-z ]+ \([A-Z_]+\)/,
    );
  });

  it('in YAML itself is told with its line', () => {
    expect(problemsOf('gateway: {}\ncron: [')[0]?.path).toMatch(/^line \d+$/);
    expect(problemsOf('gateway: {}\ngateway: {}')).toEqual([
      { path: 'line 2', message: 'not YAML: a key stands twice (DUPLICATE_KEY)' },
    ]);
    expect(problemsOf('gateway: !secret x')).toEqual([
      { path: 'line 1', message: 'not YAML: tags such as !secret are not supported (TAG_RESOLVE_FAILED)' },
    ]);
  });

  it('is told by its value alone, and never printed by the library that read it', async () => {
    const printed: Error[] = [];
    const listen = (warning: Error) => printed.push(warning);
    process.on('warning', listen);
    expect(problemsOf('ssh: {hosts: [{{name: a}: b}]}')).not.toEqual([]);
    // Warnings are emitted on the next tick.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(printed).toEqual([]);
  });

  it('of aliases that multiply beyond measure is refused, not expanded', () => {
    const levels = 'abcdefgh'.split('').map((name, index, all) => {
      const inner = index === 0 ? '1' : `*${all[index - 1]}`;
      return `${name}: &${name} [${Array(10).fill(inner).join(',')}]`;
    });
    expect(problemsOf(levels.join('\n'))[0]?.message).toContain('aliases');
  });
});

describe('an unknown key', () => {
  it.each([
    [
      'nonsense: 1',
      'nonsense',
      'gateway, cron, ssh, gateways, heartbeat_url_file, heartbeat_interval, collectors',
    ],
    ['gateway: {prot: 1}', 'gateway.prot', 'url'],
    ['ssh: {hosts: [{name: a, target: b, user: c}]}', 'ssh.hosts.0.user', 'always_on'],
    ['collectors: {pong: {}}', 'collectors.pong', 'ping'],
    ['__proto__: {gateway: 1}', '__proto__', 'gateway'],
  ])('in %s is told with the keys that are allowed there', (text, path, allowed) => {
    const [problem] = problemsOf(text);
    expect(problem).toMatchObject({ path });
    expect(problem?.message).toContain(`unknown key; allowed here: `);
    expect(problem?.message).toContain(allowed);
  });

  it('for a token says where a token belongs', () => {
    expect(problemsOf('gateway: {token: abc}')[0]?.message).toContain('token_file');
  });
});

describe('a secret in the file', () => {
  const SECRET = 'hunter2secret';

  it.each([
    ['as the whole file', SECRET],
    ['as lines of an environment file', `TOKEN=${SECRET}\nOTHER=${SECRET}`],
    ['as a key that does not exist', `gateway: {token: ${SECRET}}`],
    ['where a map belongs', `gateway: ${SECRET}`],
    ['where a list belongs', `ssh: {hosts: ${SECRET}}`],
    ['as a password in a URL', `gateway: {url: "ws://user:${SECRET}@host:1"}`],
    ['as a password in a URL with a slash in it', `gateway: {url: "ws://user:a/${SECRET}@host:1"}`],
    ['as a password in what should be a URL', `gateway: {url: "user:${SECRET}@host:1"}`],
    ['as a query of a URL', `gateway: {url: "ws://host/?token=${SECRET}"}`],
    ['behind # in a URL', `gateway: {url: "ws://host/#token=${SECRET}"}`],
    ['where YAML ends too early', `gateway: {token: "${SECRET}`],
    ['as a regular expression', `cron: {logs: [{path: a, success: "${SECRET}("}]}`],
    ['as a host', `ssh: {hosts: [{name: a, target: "-${SECRET}"}]}`],
    ['as a name', `gateways: [{url: "ws://a", name: "${SECRET} "}]`],
    ['as a word of a closed list', `gateways: [{url: "ws://a", name: a, auth: ${SECRET}}]`],
    ['as a fingerprint', `gateways: [{url: "wss://a", name: a, tls_fingerprint: ${SECRET}}]`],
    ['as true or false', `cron: {api: ${SECRET}}`],
    ['as a duration', `cron: {grace: ${SECRET}}`],
    ['as a key', `gateway: {${SECRET}: x}`],
    ['as a label', `gateways: [{url: "ws://a", name: a, labels: {__${SECRET}: x}}]`],
    ['as a path of a URL', `gateway: {url: "https://host/${SECRET}"}`],
    ['as a long text anywhere', `cron: {grace: ${SECRET}${'x'.repeat(40)}}`],
  ])('%s is not echoed', (_where, text) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain(SECRET);
  });
});

describe('a file', () => {
  it('that cannot be read is told with the reason', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'folder.yml'));
    execFileSync('mkfifo', [join(folder, 'pipe.yml')]);
    for (const [name, reason] of [
      ['none.yml', 'ENOENT'],
      ['folder.yml', 'not a regular file'],
      ['pipe.yml', 'not a regular file'],
    ] as const) {
      const outcome = loadConfigFile(join(folder, name), COLLECTOR_DEFAULTS);
      expect(outcome).toMatchObject({ state: 'invalid', problems: [{ path: join(folder, name) }] });
      expect(JSON.stringify(outcome)).toContain(reason);
    }
  });

  it('that is empty or only comments is all defaults', () => {
    const file = join(tempFolder(), 'exporter.yml');
    for (const text of ['', '# nothing\n', 'null', '{}']) {
      writeFileSync(file, text);
      expect(loadConfigFile(file, COLLECTOR_DEFAULTS)).toEqual({ state: 'valid', config: defaultConfig() });
    }
  });

  it('with every section is understood', () => {
    const config = configOf(`
gateway:
  url: ws://127.0.0.1:18789
  state_dir: ~/.openclaw
  token_file: /run/secrets/openclaw
  startup_window: 5m
cron:
  logs: [{ path: "~/.openclaw/workspace/*/cron-*.log", success: SUCCESS, error: ERROR }]
  grace: 10m
  max_jobs: 500
ssh:
  hosts: [{ name: macbook, target: me@macbook, port: 22, always_on: false }]
collectors: { ping: { interval: 15s, timeout: 5s }, ssh: { enabled: false } }
`);
    expect(config.gateway).toMatchObject({ url: 'ws://127.0.0.1:18789', startup_window: 300_000 });
    expect(config.cron).toMatchObject({ grace: 600_000, max_jobs: 500 });
    expect(config.cron.logs?.[0]?.success?.test('a SUCCESS here')).toBe(true);
    expect(config.ssh.hosts[0]).toMatchObject({ name: 'macbook', port: 22, always_on: false });
    expect(settingsOf(config, 'ping')).toEqual({
      enabled: true,
      intervalMs: 15_000,
      timeoutMs: 5_000,
    });
    expect(settingsOf(config, 'ssh').enabled).toBe(false);
  });
});

describe("a collector's settings", () => {
  const names = Object.keys(COLLECTOR_DEFAULTS);

  it.each(names)(
    'of %s are its defaults where the file says nothing, with a timeout within the interval',
    (name) => {
      const settings = settingsOf(defaultConfig(), name);
      expect(settings).toEqual({ enabled: true, ...COLLECTOR_DEFAULTS[name] });
      expect(settings.timeoutMs).toBeLessThanOrEqual(settings.intervalMs);
    },
  );

  it('keep the default timeout within a shorter interval', () => {
    const settings = settingsOf(configOf('collectors: {ping: {interval: 1s}}'), 'ping');
    expect(settings).toEqual({ enabled: true, intervalMs: 1000, timeoutMs: 1000 });
  });
});

describe('the token files', () => {
  it('lie below the folder of the configuration file, unless they are absolute or below a home folder', () => {
    const folder = tempFolder();
    const path = join(folder, 'exporter.yml');
    const named = ['a.token', 'sub/b.token', '/run/c.token', '~/d.token'];
    const gateways = named.map((file, index) => ({ name: `g${index}`, url: 'ws://a', token_file: file }));
    writeFileSync(path, JSON.stringify({ gateway: { token_file: 'own.token' }, gateways }));
    const outcome = loadConfigFile(path, COLLECTOR_DEFAULTS);
    if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
    expect(outcome.config.gateway.token_file).toBe(join(folder, 'own.token'));
    expect(outcome.config.gateways.map(({ token_file: file }) => file)).toEqual([
      join(folder, 'a.token'),
      join(folder, 'sub', 'b.token'),
      '/run/c.token',
      '~/d.token',
    ]);
  });
});

describe('a duration', () => {
  it.each([
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '1.5h',
    '5S',
    '5m30',
    '5min',
    ' 5s',
    '5s\n',
    '1e3s',
    '٣s',
    `${'9'.repeat(20)}w`,
  ])('is not %j', (text) => expect(parseDuration(text)).toBeUndefined());

  it('is the sum of its parts, in any order', () => {
    const unit = fc.constantFrom(...(['ms', 's', 'm', 'h', 'd', 'w'] as const));
    const part = fc.tuple(fc.nat(1000), unit);
    const inMs = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([count, name]) => `${count}${name}`).join('');
        expect(parseDuration(text)).toBe(parts.reduce((sum, [count, name]) => sum + count * inMs[name], 0));
      }),
    );
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it('never throws on any text', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseDuration(text)));
  });

  it('in the configuration never exceeds what a timer can wait', () => {
    expect(MAX_DURATION_MS).toBeLessThanOrEqual(MAX_TIMER_MS);
  });
});
