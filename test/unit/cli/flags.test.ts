import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FLAG_TEXTS } from '../../../src/cli/flag-texts.ts';
import { type Flags, parseFlags, USAGE } from '../../../src/cli/flags.ts';
import { COLLECTOR_LIST } from '../../../src/collectors/index.ts';
import { isLoopback } from '../../../src/config/listen.ts';

const env = { HOME: '/home/somebody' };

function flagsOf(args: readonly string[], environment: Record<string, string> = env): Flags {
  const outcome = parseFlags(args, environment);
  if (outcome.state !== 'run') throw new Error(JSON.stringify(outcome));
  return outcome.flags;
}

function problemsOf(...args: readonly string[]): readonly string[] {
  const outcome = parseFlags(args, env);
  return outcome.state === 'invalid' ? outcome.problems : [];
}

describe('a mistake on the command line', () => {
  it.each([
    [['chekc'], 'chekc: unknown command, did you mean check? (see --help)'],
    [['check', 'now'], 'check with these words is not allowed; allowed: check (see --help)'],
    [
      ['maintenance', 'start', '30'],
      'maintenance start 30: the duration needs a unit, such as 30m (s, m, h or d)',
    ],
    [['maintenance', 'start'], 'maintenance start: a duration is needed, such as 30m, at most 7d'],
    [['maintenance', 'staus'], 'maintenance staus: did you mean status?'],
  ])('as in %j is explained', (args, problem) => {
    expect(problemsOf(...args)).toEqual([problem]);
  });

  it('in the name of a flag has the name that was meant', () => {
    expect(problemsOf('--web.listen-adress=127.0.0.1:1').join()).toContain(
      '--web.listen-adress: unknown flag, did you mean --web.listen-address? (see --help)',
    );
  });

  it('is never repeated where it may be a token', () => {
    expect(problemsOf('0123456789abcdef0123456789abcdef').join()).not.toContain('0123456789abcdef');
  });
});

describe('maintenance status', () => {
  it('is a command of its own', () => {
    expect(parseFlags(['maintenance', 'status', '--storage.path=/x'], env)).toEqual({
      state: 'maintenance_status',
      storagePath: '/x',
    });
  });
});

describe('a bad flag', () => {
  it.each([
    ['--web.listen-address=9000', '"9000"', 'host:port'],
    ['--web.listen-address=127.0.0.1:65536', '"127.0.0.1:65536"', 'host:port'],
    ['--web.listen-address=::1:9000', '"::1:9000"', '[::1]:10789'],
    ['--web.route-prefix=claw', '"claw"', '/openclaw'],
    ['--web.telemetry-path=metrics', '"metrics"', '/openclaw/metrics'],
    ['--web.telemetry-path=/a:b', '"/a:b"', '/openclaw/metrics'],
    ['--web.telemetry-path=//', '"//"', '/openclaw/metrics'],
    ['--web.telemetry-path=/a/../b', '"/a/../b"', '/openclaw/metrics'],
    ['--web.telemetry-path=/-/ready', '"/-/ready"', 'where no other page is'],
    ['--web.telemetry-path=/Probe', '"/Probe"', 'where no other page is'],
    ['--log.level=loud', '"loud"', 'debug, info, warn, error'],
    ['--log.format=xml', '"xml"', 'logfmt, json'],
    ['--web.external-url=mini:10789', '"mini:10789"', 'the http or https URL'],
    ['--config.file=', '""', 'a file'],
    ['--storage.path=', '""', 'a folder'],
  ])('%s is told with its value and what is allowed', (arg, value, allowed) => {
    const [problem, ...more] = problemsOf(arg);
    expect(more).toEqual([]);
    expect(problem).toContain(`${arg.slice(0, arg.indexOf('='))}: ${value} is not allowed; allowed: `);
    expect(problem).toContain(allowed);
  });

  it.each([
    ['an unknown one', '--colour=red'],
    ['one without its value', '--config.file'],
    ['a switch with a value', '--web.enable-lifecycle=yes'],
    ['a word without a flag', 'start'],
  ])('such as %s is refused with a word on --help', (_what, arg) => {
    expect(problemsOf(arg)).toEqual([expect.stringContaining('--help')]);
  });

  it('does not repeat the password of an external URL', () => {
    const told = problemsOf('--web.external-url=https://user:hunter2@mini.example.org').join();
    expect(told).toContain('without user, query and fragment');
    expect(told).not.toContain('hunter2');
  });

  it('does not echo the value of an unknown flag, which may be a token', () => {
    expect(problemsOf('--token=hunter2').join()).not.toContain('hunter2');
  });

  it('is told together with all others', () => {
    expect(problemsOf('--log.level=x', '--log.format=x', '--web.listen-address=x').length).toBe(3);
  });
});

describe('an address beyond loopback', () => {
  it.each([
    '0.0.0.0:1',
    ':1',
    '[::]:1',
    '192.0.2.1:1',
    'example.org:1',
    '[::ffff:127.0.0.1]:1',
    '127.1.1.999:1',
  ])('%s is refused, unless the user insists', (address) => {
    expect(problemsOf(`--web.listen-address=${address}`)).toEqual([
      expect.stringContaining('--web.allow-unauthenticated-remote'),
    ]);
    flagsOf([`--web.listen-address=${address}`, '--web.allow-unauthenticated-remote']);
  });

  it.each(['127.0.0.1', '127.255.0.9', '::1', 'localhost'])('is not %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
});

describe('each flag', () => {
  it('has a default', () => {
    expect(flagsOf([])).toEqual({
      onlyCheckConfig: false,
      configFile: undefined,
      listen: [{ host: '127.0.0.1', port: 10789 }],
      listensAtDefault: true,
      name: undefined,
      webConfigFile: undefined,
      allowUnauthenticatedRemote: false,
      enableLifecycle: false,
      externalUrl: undefined,
      collectorSwitches: new Map(),
      systemdSocket: false,
      telemetryPath: '/metrics',
      routePrefix: '',
      logLevel: 'info',
      logFormat: 'logfmt',
      storagePath: '/home/somebody/.local/state/openclaw-gateway-exporter',
    });
  });

  it.each<[string, Partial<Flags>]>([
    ['--config.check', { onlyCheckConfig: true }],
    ['--config.file=a.yml', { configFile: 'a.yml' }],
    ['--web.listen-address=[::1]:0', { listen: [{ host: '::1', port: 0 }], listensAtDefault: false }],
    [
      '--name=rescue',
      {
        name: 'rescue',
        storagePath: '/home/somebody/.local/state/openclaw-gateway-exporter-rescue',
      },
    ],
    ['--web.listen-address=localhost:9000', { listen: [{ host: 'localhost', port: 9000 }] }],
    ['--web.enable-lifecycle', { enableLifecycle: true }],
    ['--web.external-url=https://mini.example.org/', { externalUrl: 'https://mini.example.org' }],
    ['--web.config.file=web.yml', { webConfigFile: 'web.yml' }],
    ['--web.systemd-socket', { systemdSocket: true, listen: [] }],
    ['--web.route-prefix=/', { routePrefix: '' }],
    ['--web.route-prefix=/claw/of-mini/', { routePrefix: '/claw/of-mini' }],
    ['--web.external-url=https://mini.example.org/claw', { routePrefix: '/claw' }],
    ['--web.telemetry-path=/', { telemetryPath: '/' }],
    ['--web.telemetry-path=/of/this.host/', { telemetryPath: '/of/this.host' }],
    ['--log.level=debug', { logLevel: 'debug' }],
    ['--log.format=json', { logFormat: 'json' }],
    ['--storage.path=/var/lib/x', { storagePath: '/var/lib/x' }],
    ['--storage.path=x', { storagePath: join(process.cwd(), 'x') }],
  ])('%s is obeyed', (arg, flags) => {
    expect(flagsOf([arg])).toMatchObject(flags);
  });

  it('--web.route-prefix is wanted where the path of --web.external-url is no plain one', () => {
    expect(problemsOf('--web.external-url=https://mini/a%20b')).toEqual([
      expect.stringContaining('--web.route-prefix: "/a%20b" is not allowed'),
    ]);
  });

  it('--web.route-prefix counts over the path of --web.external-url', () => {
    const args = ['--web.external-url=https://mini.example.org/claw', '--web.route-prefix=/'];
    expect(flagsOf(args)).toMatchObject({ routePrefix: '', externalUrl: 'https://mini.example.org/claw' });
  });

  it('--web.listen-address may be repeated, and each mistake in it is told', () => {
    const args = ['127.0.0.1:1', '[::1]:2'].map((address) => `--web.listen-address=${address}`);
    expect(flagsOf(args).listen).toEqual([
      { host: '127.0.0.1', port: 1 },
      { host: '::1', port: 2 },
    ]);
    expect(problemsOf('--web.listen-address=x', '--web.listen-address=0.0.0.0:1')).toEqual([
      expect.stringContaining('"x" is not allowed'),
      expect.stringContaining('0.0.0.0 is not loopback'),
    ]);
  });

  it('of check decides what makes its exit code 1', () => {
    expect(parseFlags(['check'], env)).toMatchObject({ state: 'check', failOn: 'warning' });
    expect(parseFlags(['check', '--fail-on=critical'], env)).toMatchObject({ failOn: 'critical' });
    expect(problemsOf('check', '--fail-on=never').join()).toContain('allowed: warning, critical');
    expect(problemsOf('--fail-on=critical').join()).toContain('allowed with the command check alone');
  });

  it('of history decides what it tells', () => {
    expect(parseFlags(['history'], env)).toMatchObject({
      state: 'history',
      sinceMs: 86_400_000,
      json: false,
    });
    const args = ['history', '--since=7d', '--layer=token', '--json'];
    expect(parseFlags(args, env)).toMatchObject({ sinceMs: 7 * 86_400_000, layer: 'token', json: true });
    expect(problemsOf('history', '--since=yesterday', '--layer=ssh')).toEqual([
      expect.stringContaining('--since: "yesterday" is not allowed'),
      expect.stringContaining('allowed: process, answers, token, cron, network'),
    ]);
    expect(problemsOf('check', '--since=7d').join()).toContain('allowed with the command history alone');
    expect(problemsOf('--json').join()).toContain('allowed with the commands check and history alone');
  });

  it('of check names a file for the textfile collector, which reads no other', () => {
    expect(parseFlags(['check', '--textfile=/a/openclaw.prom'], env)).toMatchObject({
      textfile: '/a/openclaw.prom',
    });
    expect(problemsOf('check', '--textfile=/a/openclaw.txt').join()).toContain('a file that ends in .prom');
    expect(problemsOf('check', '--textfile=a.prom', '--json').join()).toContain('without --json and --watch');
    expect(problemsOf('--textfile=a.prom').join()).toContain('allowed with the command check alone');
  });

  it('is in --help', () => {
    for (const arg of ['--help', '-h']) expect(parseFlags([arg], env)).toEqual({ state: 'help' });
    expect(parseFlags(['--version'], env)).toEqual({ state: 'version' });
    for (const { flag } of FLAG_TEXTS) expect(USAGE).toContain(flag);
  });

  it('that --help names is known', () => {
    for (const { flag, spellings = [flag] } of FLAG_TEXTS) {
      for (const arg of spellings) expect(problemsOf(arg).join()).not.toContain('Unknown option');
    }
  });
});

describe('the flags of a collector', () => {
  it('enable and disable it', () => {
    expect(flagsOf(['--collector.cron', '--no-collector.ssh']).collectorSwitches).toEqual(
      new Map([
        ['cron', true],
        ['ssh', false],
      ]),
    );
  });

  it('count for check as well', () => {
    const outcome = parseFlags(['check', '--no-collector.ssh'], env);
    expect(outcome).toMatchObject({ flags: { collectorSwitches: new Map([['ssh', false]]) } });
  });

  it.each(['--collector.sshd', '--no-collector.sshd'])(
    '%s names none, and the known ones are listed',
    (arg) => {
      const [problem = '', ...more] = problemsOf(arg);
      expect(more).toEqual([]);
      expect(problem).toContain(`${arg}: no such collector; allowed: `);
      for (const { name } of COLLECTOR_LIST) expect(problem).toContain(name);
    },
  );

  it('do not echo what may be a secret', () => {
    expect(problemsOf('--collector.ssh=hunter2')).toEqual([expect.not.stringContaining('hunter2')]);
  });

  it('are refused where they name a collector twice, as in Prometheus programs', () => {
    expect(problemsOf('--collector.ssh', '--no-collector.ssh')).toEqual([
      expect.stringContaining('more than once'),
    ]);
  });

  it('are told together with all other mistakes', () => {
    expect(problemsOf('--collector.sshd', '--log.level=x', '--no-collector.x').length).toBe(3);
  });
});

describe('the storage path', () => {
  it('follows XDG_STATE_HOME where that is absolute, as its specification says', () => {
    const below = (xdg: string) => flagsOf([], { ...env, XDG_STATE_HOME: xdg }).storagePath;
    expect(below('/state')).toBe('/state/openclaw-gateway-exporter');
    expect(below('state')).toBe(flagsOf([]).storagePath);
    expect(below('')).toBe(flagsOf([]).storagePath);
  });
});
