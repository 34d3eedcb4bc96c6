import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf, stateOf } from '../support/exposition.ts';
import { FaultTable } from '../support/fault-table.ts';
import { type Host, Network, namespacesForbidden } from '../support/namespaces.ts';
import { NAME_SERVER, PROXY } from '../support/network-programs.ts';
import { GatewayHome, newToken, refusedAttempts } from '../support/openclaw.ts';
import { expectNoSecretShown, rememberSecret } from '../support/secrets.ts';
import { Sshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

const forbidden = namespacesForbidden();
if (forbidden !== undefined) process.stderr.write(`network namespaces cannot be made here: ${forbidden}\n`);

const SSH_PORT = 2200;
/** Ports of the proxies on the steady host, by what they do. */
const PROXIES = { reset: 2201, stall: 2202, delay: 2203 } as const;
const NAME = 'named.test';
const ROUND = { interval: '6s', timeout: '6s' };
/** Long enough for a login through a path that takes 0.8 s for each way back and forth. */
const SLOW_ROUND = { interval: '25s', timeout: '25s' };
/** Each way, so that a question and its answer are 800 ms apart. */
const DELAY_MS = 400;
const CLOCK_ERROR_SECONDS = 300;
/** What `date` prints has to be off by; logins on a busy machine take up to seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;

const PHASES = ['resolve', 'connect', 'banner', 'command'] as const;

const up = (series: readonly Series[], host: string) => sampleOf(series, 'openclaw_ssh_up', { host });
const probes = (series: readonly Series[], host: string, result: string) =>
  sampleOf(series, 'openclaw_ssh_probes_total', { host, result }) ?? 0;
const inSync = (series: readonly Series[], host: string) =>
  sampleOf(series, 'openclaw_gateway_token_in_sync', { credential: 'remote', host });
const phases = (series: readonly Series[], host: string) =>
  PHASES.map((phase) => `${phase}=${sampleOf(series, 'openclaw_ssh_phase_up', { host, phase }) ?? '-'}`).join(
    ' ',
  );

/**
 * Everything that is no business of a fault on the way to `host`: other hosts and all other layers, as texts.
 */
function otherVerdicts(series: readonly Series[], hosts: readonly string[]): Record<string, unknown> {
  const ofHosts = hosts.map((host) => [
    host,
    {
      up: up(series, host),
      phases: phases(series, host),
      token: inSync(series, host),
      clock: clockIsRight(series, host),
    },
  ]);
  return {
    ...Object.fromEntries(ofHosts),
    gateway: sampleOf(series, 'openclaw_gateway_up'),
    state: stateOf(series, 'openclaw_gateway_state', 'state'),
    process: sampleOf(series, 'openclaw_gateway_process_up'),
    token: sampleOf(series, 'openclaw_gateway_token_match'),
    collectors: matching(series, 'openclaw_exporter_collector_up').filter(({ value }) => value !== 1),
  };
}

function clockIsRight(series: readonly Series[], host: string): boolean | undefined {
  const offset = sampleOf(series, 'openclaw_clock_offset_seconds', { host });
  return offset === undefined ? undefined : Math.abs(offset) < CLOCK_TOLERANCE_SECONDS;
}

describe.skipIf(forbidden !== undefined)('SSH hosts in network namespaces of their own', () => {
  const token = newToken();
  const table = new FaultTable();
  let network: Network;
  let steady: Sshd;
  let victim: Sshd;
  let home: GatewayHome;
  let gateway: Child;
  let names: Child;
  let exporter: Exporter;
  let patient: Exporter;
  /** Seconds until a host's flapping showed, counted from the exporter's start. */
  let flapping: Readonly<Record<'resetting' | 'stalling', Promise<number>>>;
  const folders = { steady: '', victim: '' };

  const victimHost = () => network.host('victim');
  const startNames = () =>
    network.run('hub', NAME_SERVER, '127.0.0.1', `${NAME}=${network.host('steady').address}`);
  const restored = () =>
    exporter.untilMetrics('the host to be back', (series) => up(series, 'victim') === 1, 60_000);

  beforeAll(async () => {
    network = new Network(['steady', 'victim']);
    home = await GatewayHome.create('2026.9.6');
    home.configure(token);
    gateway = startGateway(network, home);
    await until(
      () => {
        if (gateway.ended !== undefined) throw new Error(`gateway ended: ${gateway.output.slice(-2000)}`);
        return /\bready\b/.test(gateway.output);
      },
      { timeoutMs: 120_000, everyMs: 250, what: 'the gateway to be ready' },
    );
    for (const name of ['steady', 'victim'] as const) {
      folders[name] = stateDir(network, name);
      writeClient(folders[name], token);
    }
    steady = await startSshd(network.host('steady'), network, folders.steady);
    victim = await startSshd(victimHost(), network, folders.victim);
    network.etc('hub', 'resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    names = await startNames();
    for (const [mode, port] of Object.entries(PROXIES)) {
      await network.run(
        'steady',
        PROXY,
        String(port),
        String(SSH_PORT),
        mode,
        String(mode === 'delay' ? DELAY_MS : 3),
      );
    }
    const configFile = join(network.folder, 'ssh_config');
    writeFileSync(
      configFile,
      clientConfig([
        [`${NAME} ${network.host('steady').address}`, steady],
        [victimHost().address, victim],
      ]),
    );
    const target = (host: Host, port: number = SSH_PORT) => ({
      target: `${userInfo().username}@${host.address}`,
      port,
    });
    const away = target(network.host('steady'));
    const patientHosts = [{ name: 'delayed', ...away, port: PROXIES.delay }];
    const hosts = [
      { name: 'steady', ...away, command_interval: '10m', token: true },
      { name: 'victim', ...target(victimHost()), command_interval: '6s', token: true },
      { name: 'named', ...away, target: `${userInfo().username}@${NAME}`, command_interval: '10m' },
      { name: 'resetting', ...away, port: PROXIES.reset, command_interval: '6s' },
      { name: 'stalling', ...away, port: PROXIES.stall, command_interval: '6s' },
    ];
    const start = async (hosts: readonly unknown[], round: unknown) =>
      Exporter.start({
        env: home.env,
        through: network.through('hub'),
        port: await network.hubPort(),
        config: {
          gateway: { url: `ws://127.0.0.1:${home.port}` },
          ssh: { config_file: configFile, hosts },
          collectors: {
            ssh: round,
            clock: { interval: '1s' },
            remote: { interval: '10s' },
            token: { interval: '5s' },
            ping: { interval: '3s' },
            process: { interval: '3s' },
          },
        },
      });
    exporter = await start(hosts, ROUND);
    flapping = { resetting: untilFlapping('resetting'), stalling: untilFlapping('stalling') };
    patient = await start(patientHosts, SLOW_ROUND);
    await exporter.untilMetrics('everything to be well', isWell, 120_000);
  });

  afterAll(async () => {
    table.publish();
    rememberSecret('-----BEGIN OPENSSH PRIVATE KEY-----');
    // Whatever fails at its end: the namespaces go.
    const ends = await Promise.allSettled([exporter?.stop(), patient?.stop(), gateway?.end()]);
    await Promise.allSettled([steady?.remove(), victim?.remove()]);
    await network?.remove();
    exporter?.remove();
    patient?.remove();
    home?.remove();
    expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
    expectNoSecretShown();
  });

  function untilFlapping(host: string): Promise<number> {
    const from = performance.now();
    const seen = exporter.untilMetrics(
      `${host} to flap`,
      (series) =>
        (sampleOf(series, 'openclaw_ssh_transitions_total', { host }) ?? 0) >= 2 &&
        probes(series, host, 'ok') > 0 &&
        probes(series, host, 'no_banner') + probes(series, host, 'refused') > 0,
      150_000,
    );
    const seconds = seen.then(() => (performance.now() - from) / 1000);
    // Its failure is the failure of the test that waits for it.
    seconds.catch(() => undefined);
    return seconds;
  }

  /** Injects, waits for what has to be seen, and compares everything else with what stood there before. */
  async function see(
    fault: string,
    inject: () => void | Promise<void>,
    seen: { readonly metrics: string; readonly when: (series: readonly Series[]) => boolean },
    spared: readonly string[] = ['steady', 'named'],
  ): Promise<readonly Series[]> {
    const before = otherVerdicts(await exporter.series(), spared);
    await inject();
    const from = performance.now();
    await exporter.untilMetrics(fault, seen.when, 40_000);
    table.add({ fault, seconds: (performance.now() - from) / 1000, metrics: seen.metrics });
    return exporter.untilShown(`${fault}, and nothing else`, (all) => {
      expect(seen.when(all)).toBe(true);
      expect(otherVerdicts(all, spared)).toEqual(before);
    });
  }

  const down = (result: string, way: string, before: readonly Series[]) => ({
    metrics: `ssh_up 0, probes_total{result="${result}"} rises, phases ${way}`,
    when: (series: readonly Series[]) =>
      up(series, 'victim') === 0 &&
      phases(series, 'victim') === way &&
      probes(series, 'victim', result) > probes(before, 'victim', result),
  });

  it.each([
    ['blackhole', 'unreachable'],
    ['unreachable', 'unreachable'],
    ['prohibit', 'unreachable'],
  ])(
    'a route of the kind %s to one host is seen as %s, and nobody else is touched',
    async (route, result) => {
      const before = await exporter.series();
      const way = [route, `${victimHost().address}/32`];
      onTestFinished(async () => {
        network.ip('hub', 'route', 'delete', ...way);
        await restored();
      });
      await see(
        `${route} route`,
        () => network.ip('hub', 'route', 'add', ...way),
        down(result, 'resolve=1 connect=0 banner=0 command=0', before),
      );
    },
  );

  it('packets that are swallowed are seen as a time-out while connecting', async () => {
    const before = await exporter.series();
    const way = ['blackhole', `${victimHost().hubAddress}/32`];
    onTestFinished(async () => {
      network.ip('victim', 'route', 'delete', ...way);
      await restored();
    });
    await see(
      'responses dropped',
      () => network.ip('victim', 'route', 'add', ...way),
      down('timeout', 'resolve=1 connect=0 banner=0 command=0', before),
    );
  });

  it('a throttled link lets the banner through and no login', async () => {
    const before = await exporter.series();
    const { device } = victimHost();
    onTestFinished(async () => {
      network.tc('victim', 'qdisc', 'delete', 'dev', device, 'root');
      await restored();
    });
    await see(
      'link throttled to 4 kbit/s (tbf)',
      () =>
        network.tc(
          'victim',
          'qdisc',
          'add',
          'dev',
          device,
          'root',
          'tbf',
          'rate',
          '4kbit',
          'burst',
          '1600',
          'latency',
          '20s',
        ),
      {
        metrics: 'ssh_up 0, probes_total{result="timeout"} rises, command phase 0',
        when: (series) =>
          up(series, 'victim') === 0 &&
          probes(series, 'victim', 'timeout') > probes(before, 'victim', 'timeout'),
      },
    );
  });

  it('an sshd that accepts and is silent is seen as such', async () => {
    const before = await exporter.series();
    onTestFinished(async () => {
      victim.thaw();
      await restored();
    });
    await see(
      'sshd accepts and sends nothing',
      () => victim.freeze(),
      down('no_banner', 'resolve=1 connect=1 banner=0 command=0', before),
    );
  });

  it('a stopped sshd is seen as refusing', async () => {
    const before = await exporter.series();
    onTestFinished(async () => {
      await victim.resume();
      await restored();
    });
    await see(
      'sshd stopped',
      () => victim.stop(),
      down('refused', 'resolve=1 connect=0 banner=0 command=0', before),
    );
  });

  it('a revoked key is seen as a denied login', async () => {
    const before = await exporter.series();
    const revoked = join(victim.folder, 'revoked');
    onTestFinished(async () => {
      writeFileSync(revoked, '');
      await restored();
    });
    await see(
      'key revoked',
      () => writeFileSync(revoked, victim.clientKey),
      down('auth_denied', 'resolve=1 connect=1 banner=1 command=0', before),
    );
  });

  it('another host key is seen as such', async () => {
    const before = await exporter.series();
    onTestFinished(async () => {
      victim.know();
      await restored();
    });
    await see(
      'host key changed',
      () => victim.renewHostKey(),
      down('host_key_changed', 'resolve=1 connect=1 banner=1 command=0', before),
    );
  });

  it('a name server that is gone costs only those who are known by name', async () => {
    const before = await exporter.series();
    onTestFinished(async () => {
      names = await startNames();
      // Its clock follows a moment later, and the next test begins with what stands there.
      await exporter.untilMetrics(
        'the name to be known',
        (series) => up(series, 'named') === 1 && clockIsRight(series, 'named') === true,
        40_000,
      );
    });
    await see(
      'name server gone',
      () => names.end(),
      {
        metrics: 'ssh_up 0, probes_total{result="resolve_failed"} rises, resolve phase 0',
        when: (series) =>
          up(series, 'named') === 0 &&
          probes(series, 'named', 'resolve_failed') > probes(before, 'named', 'resolve_failed'),
      },
      ['steady'],
    );
  });

  it('a clock that is five minutes wrong is seen, and no path is blamed (a `date` that lies at the other end)', async () => {
    onTestFinished(() => writeDate(folders.victim, 0));
    const series = await see('clock 5 minutes ahead', () => writeDate(folders.victim, CLOCK_ERROR_SECONDS), {
      metrics: 'clock_offset_seconds 300, ssh_up stays 1',
      when: (all) =>
        Math.abs(
          (sampleOf(all, 'openclaw_clock_offset_seconds', { host: 'victim' }) ?? 0) - CLOCK_ERROR_SECONDS,
        ) < CLOCK_TOLERANCE_SECONDS,
    });
    expect(up(series, 'victim')).toBe(1);
  });

  it('a token rotated on one client is seen there alone, and nobody is refused for it', async () => {
    const other = newToken();
    const series = await see('token rotated on one client', () => writeClient(folders.victim, other), {
      metrics: 'token_in_sync{credential="remote",host} 0, token_variants 2, token_match stays 1',
      when: (all) => inSync(all, 'victim') === 0 && sampleOf(all, 'openclaw_gateway_token_variants') === 2,
    });
    expect(inSync(series, 'steady')).toBe(1);
    expect(sampleOf(series, 'openclaw_gateway_token_present', { credential: 'remote', host: 'victim' })).toBe(
      1,
    );
    writeClient(folders.victim, token);
    await exporter.untilMetrics(
      'the token to agree again',
      (all) => inSync(all, 'victim') === 1 && sampleOf(all, 'openclaw_gateway_token_variants') === 1,
      60_000,
    );
  });

  it.each([
    ['resetting', 'a third of connections reset'],
    ['stalling', 'a third of connections stall'],
  ] as const)('a host behind a %s proxy flaps, and is counted as such: %s', async (host, fault) => {
    table.add({
      fault,
      metrics: 'transitions_total rises, probes_total by result: ok and others; ssh_up flips',
      seconds: await flapping[host],
    });
  });

  it('a path that takes 800 ms for each question is slow, and up', async () => {
    const series = await patient.untilMetrics('the slow host', (all) => up(all, 'delayed') === 1, 60_000);
    const banner = sampleOf(series, 'openclaw_ssh_phase_duration_seconds', {
      host: 'delayed',
      phase: 'banner',
    });
    expect(banner).toBeGreaterThanOrEqual(DELAY_MS / 1000);
    const command = sampleOf(series, 'openclaw_ssh_phase_duration_seconds', {
      host: 'delayed',
      phase: 'command',
    });
    table.add({
      fault: 'each round trip takes 800 ms',
      metrics: `ssh_up stays 1, phase_duration_seconds{phase="command"} ${command?.toFixed(1)} instead of ${sampleOf(await exporter.series(), 'openclaw_ssh_phase_duration_seconds', { host: 'steady', phase: 'command' })?.toFixed(1)}; clock uncertainty grows with it`,
      seconds: undefined,
    });
  });

  it('costs the gateway no refused attempt at all', () => {
    expect(refusedAttempts(gateway)).toBe(0);
  });
});

function isWellAt(host: string, series: readonly Series[]): boolean {
  return up(series, host) === 1 && clockIsRight(series, host) === true && inSync(series, host) === 1;
}

function isWell(series: readonly Series[]): boolean {
  return (
    ['steady', 'victim'].every((host) => isWellAt(host, series)) &&
    up(series, 'named') === 1 &&
    sampleOf(series, 'openclaw_gateway_token_match') === 1 &&
    sampleOf(series, 'openclaw_gateway_token_variants') === 1 &&
    sampleOf(series, 'openclaw_gateway_state', { state: 'up' }) === 1
  );
}

function stateDir(network: Network, name: string): string {
  const folder = join(network.folder, name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeDate(folder, 0);
  return folder;
}

/** A client of the gateway, as JSON5 and with a variable, so that equal tokens are not written alike. */
function writeClient(folder: string, token: string): void {
  writeFileSync(join(folder, '.env'), `GATEWAY_TOKEN_THERE='${token}'\n`);
  const config = `// the laptop
{ gateway: { mode: "remote", remote: { token: "\${GATEWAY_TOKEN_THERE}", }, }, }
`;
  writeFileSync(join(folder, 'openclaw.json'), config);
}

/** The host's `date`, wrong by that many seconds: the kernel's own clock is shared by all namespaces. */
function writeDate(folder: string, wrongBySeconds: number): void {
  const path = join(folder, 'bin', 'date');
  writeFileSync(path, `#!/bin/sh\nexec /bin/date --date='${wrongBySeconds} seconds' "$@"\n`);
  chmodSync(path, 0o755);
}

function startGateway(network: Network, home: GatewayHome): Child {
  const [file = '', ...args] = [
    ...network.through('hub'),
    process.execPath,
    home.program,
    ...['gateway', 'run', '--allow-unconfigured', '--auth', 'token'],
  ];
  return new Child(file, args, { env: home.env, cwd: home.root });
}

function startSshd(host: Host, network: Network, stateDir: string): Promise<Sshd> {
  return Sshd.start({
    address: host.address,
    port: SSH_PORT,
    through: network.through(host.name),
    lines: (folder) => {
      writeFileSync(join(folder, 'revoked'), '');
      const path = [join(stateDir, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':');
      return [`RevokedKeys ${join(folder, 'revoked')}`, `SetEnv PATH=${path} OPENCLAW_STATE_DIR=${stateDir}`];
    },
  });
}

function clientConfig(hosts: readonly (readonly [string, Sshd])[]): string {
  return hosts
    .map(([patterns, { folder, port, target }]) =>
      [
        `Host ${patterns}`,
        `  IdentityFile ${join(folder, 'client')}`,
        '  IdentitiesOnly yes',
        `  UserKnownHostsFile ${join(folder, 'known_hosts')}`,
        '  GlobalKnownHostsFile /dev/null',
        `  HostKeyAlias [${target.split('@')[1]}]:${port}`,
      ].join('\n'),
    )
    .join('\n');
}
