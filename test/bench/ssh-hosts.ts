import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { COLLECTOR_DEFAULTS, COLLECTORS } from '../../src/collectors/index.ts';
import { startBlackHole } from '../support/black-hole.ts';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { Sshd } from '../support/sshd.ts';
import { SwallowingPort } from '../support/swallowing-port.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, cpuSecondsOf, ms, quantile, statOf, times } from './bench.ts';

const HOSTS = 200;
/** Every third host is dead, in turn refusing, silent, and swallowing. */
const DEAD_SHARE = 3;
const DEFAULT_ROUNDS = 4;
/**
 * As many rounds as there are in an hour of the default interval of 30 s, each
 * after the other without a rest.
 */
const HOUR_OF_ROUNDS = 120;
const LOGINS_BY_HAND = 10;

interface Reading {
  /** Of the collector's last round. */
  readonly roundSeconds: number;
  readonly rounds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly openFiles: number;
  /** Children at once during the round, the most that were seen. */
  readonly processes: number;
  /** Exporter and all the children it has waited for. */
  readonly cpuSeconds: number;
  readonly hostsSeen: number;
  readonly atSeconds: number;
}

/** Many SSH hosts, a third of them dead: what a round costs, and whether anything grows. */
export const sshHosts: Bench = {
  name: '200 ssh hosts',
  claim: `${HOSTS} SSH hosts, a third of them dead, are looked at in each interval, and nothing grows over as many rounds as an hour has.`,
  alternative:
    'a loop that logs in to one host after the other (`ssh -o ConnectTimeout=3 HOST true`), as a script by hand does',
  async run() {
    const sshd = await Sshd.start();
    const holePort = await freePort();
    const hole = await startBlackHole(holePort);
    const swallowing = await SwallowingPort.open();
    try {
      const dead = [await freePort(), holePort, swallowing.port];
      const hosts = Array.from({ length: HOSTS }, (_, index) => ({
        name: `host${index}`,
        target: sshd.target,
        port: index % DEAD_SHARE === 0 ? dead[(index / DEAD_SHARE) % dead.length] : sshd.port,
      }));
      const usual = await rounds(sshd, hosts, { interval: '30s', timeout: '25s' }, DEFAULT_ROUNDS);
      const hour = await rounds(
        sshd,
        hosts.map((host) => ({ ...host, command_interval: '50s' })),
        { interval: '5s', timeout: '5s' },
        HOUR_OF_ROUNDS,
      );
      const byHand = await loginsByHand(sshd, dead);
      return rowsOf(usual, hour, byHand);
    } finally {
      await sshd.remove();
      await hole.end();
      await swallowing.close();
    }
  },
};

const SIZES = [0, 10, 50, 200] as const;
const ROUNDS_A_SIZE = 2;
const ROUND_MS = COLLECTORS.ssh.defaults.intervalMs;
const OTHERS = Object.keys(COLLECTOR_DEFAULTS).filter((name) => name !== 'ssh');

/** What a round costs by the number of hosts, all of them alive. */
export const sshHostsBySize: Bench = {
  name: 'cost by number of ssh hosts',
  claim:
    'A round of 30 s in which no login is due costs a connection and a banner a host; what is there without any host is the exporter itself with no other collector. By default a login is due each five minutes besides.',
  alternative: 'processor time of logging in to as many hosts (`ssh HOST true`), from 10 logins',
  async run() {
    const sshd = await Sshd.start();
    try {
      const login = await cpuSecondsOfLogin(sshd);
      const rows: BenchRow[] = [];
      for (const size of SIZES) rows.push(...(await rowsOfSize(sshd, size, login)));
      return rows;
    } finally {
      await sshd.remove();
    }
  },
};

async function rowsOfSize(sshd: Sshd, size: number, loginSeconds: number): Promise<BenchRow[]> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
  const hosts = Array.from({ length: size }, (_, index) => ({
    name: `host${index}`,
    target: sshd.target,
    port: sshd.port,
    command_interval: '1h',
  }));
  const off = Object.fromEntries(OTHERS.map((name) => [name, { enabled: false }]));
  const exporter = await Exporter.start({
    env: { HOME: home },
    config: {
      ssh: { config_file: sshd.configFile, hosts },
      collectors: off,
    },
  });
  try {
    await exporter.untilMetrics('every login', (series) => loggedIn(series) === size, 120_000);
    await setTimeout(ROUND_MS);
    // Nobody scrapes meanwhile: that would cost more than a round.
    const from = cpuSecondsOf(exporter.child.pid);
    await setTimeout(ROUNDS_A_SIZE * ROUND_MS);
    const roundSeconds = (cpuSecondsOf(exporter.child.pid) - from) / ROUNDS_A_SIZE;
    const { residentBytes, openFiles } = read(exporter, await exporter.series());
    const byHand = loginSeconds * size;
    const row = (what: string, ours: string, alternative = '', ratio = ''): BenchRow => ({
      what: `${size} hosts: ${what}`,
      ours,
      alternative,
      ratio,
    });
    return [
      row(
        'processor time of a round',
        ms(roundSeconds * 1000),
        size === 0 ? '' : ms(byHand * 1000),
        size === 0 ? '' : times(byHand, roundSeconds),
      ),
      row('resident memory, open files', `${mib(residentBytes)}, ${openFiles}`),
    ];
  } finally {
    await exporter.stop();
    exporter.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Hosts on which the command has run. */
function loggedIn(series: readonly Series[]): number {
  return matching(series, 'openclaw_ssh_up').filter(({ value }) => value === 1).length;
}

/** Processor seconds of one login, of the client's side. */
async function cpuSecondsOfLogin(sshd: Sshd): Promise<number> {
  const from = cpuSecondsOf(process.pid);
  await secondsOfLogins(sshd, Array(LOGINS_BY_HAND).fill(sshd.port));
  return (cpuSecondsOf(process.pid) - from) / LOGINS_BY_HAND;
}

/** Runs an exporter for so many rounds and reads it after each. */
async function rounds(
  sshd: Sshd,
  hosts: readonly unknown[],
  settings: unknown,
  count: number,
): Promise<readonly Reading[]> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
  const config = {
    gateway: { url: `ws://127.0.0.1:${await freePort()}` },
    ssh: { config_file: sshd.configFile, hosts },
    collectors: { ssh: settings },
  };
  const exporter = await Exporter.start({ env: { HOME: home }, config });
  try {
    const readings: Reading[] = [];
    while (readings.length < count) {
      const last = readings.at(-1)?.rounds ?? 0;
      let processes = 0;
      const next = await until(
        async () => {
          processes = Math.max(processes, childrenOf(exporter.child.pid));
          const reading = read(exporter, await exporter.series());
          return reading.rounds > last ? { ...reading, processes } : undefined;
        },
        { timeoutMs: 120_000, everyMs: 250, what: `round ${last + 1}` },
      );
      readings.push(next);
    }
    return readings;
  } finally {
    await exporter.stop();
    exporter.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

function read(exporter: Exporter, series: readonly Series[]): Omit<Reading, 'processes'> {
  const value = (name: string) => sampleOf(series, name) ?? Number.NaN;
  const ofSsh = { collector: 'ssh' };
  return {
    roundSeconds: sampleOf(series, 'openclaw_exporter_collector_duration_seconds', ofSsh) ?? Number.NaN,
    rounds: matching(series, 'openclaw_exporter_collector_runs_total', ofSsh).reduce(
      (sum, one) => sum + one.value,
      0,
    ),
    residentBytes: value('process_resident_memory_bytes'),
    heapBytes: value('nodejs_heap_size_used_bytes'),
    openFiles: value('process_open_fds'),
    cpuSeconds: cpuSecondsOf(exporter.child.pid),
    hostsSeen: matching(series, 'openclaw_ssh_up').length,
    atSeconds: performance.now() / 1000,
  };
}

function childrenOf(pid: number): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(Number(name))[1] === String(pid))
    .length;
}

/** Seconds and processor seconds of a round by hand, from a few logins of each kind. */
async function loginsByHand(sshd: Sshd, dead: readonly number[]): Promise<{ readonly seconds: number }> {
  const living = await secondsOfLogins(sshd, Array(LOGINS_BY_HAND).fill(sshd.port));
  const lost = await secondsOfLogins(sshd, dead);
  const deadHosts = Math.ceil(HOSTS / DEAD_SHARE);
  return { seconds: living * (HOSTS - deadHosts) + lost * deadHosts };
}

async function secondsOfLogins(sshd: Sshd, ports: readonly number[]): Promise<number> {
  const from = performance.now();
  for (const port of ports) {
    const options = [
      '-F',
      sshd.configFile,
      '-o',
      'BatchMode=yes',
      '-o',
      'ConnectTimeout=3',
      '-p',
      String(port),
    ];
    await new Child('ssh', [...options, sshd.target, 'true']).exited;
  }
  return (performance.now() - from) / 1000 / ports.length;
}

function rowsOf(
  usual: readonly Reading[],
  hour: readonly Reading[],
  byHand: { readonly seconds: number },
): BenchRow[] {
  // The first round logs in to every host; later ones only to those that are due.
  const [first, ...later] = usual;
  const roundSeconds = quantile(
    later.map((one) => one.roundSeconds),
    0.5,
  );
  const half = hour.slice(hour.length / 2);
  const most = (what: keyof Reading) => Math.max(...[...usual, ...hour].map((one) => one[what]));
  const row = (what: string, ours: string, alternative = '', ratio = ''): BenchRow => ({
    what,
    ours,
    alternative,
    ratio,
  });
  const hosts = usual.map(({ hostsSeen }) => hostsSeen);
  return [
    row(
      'first round, every host logged in to',
      seconds(first?.roundSeconds),
      seconds(byHand.seconds),
      times(byHand.seconds, first?.roundSeconds ?? Number.NaN),
    ),
    row(
      'later rounds, p50',
      seconds(roundSeconds),
      seconds(byHand.seconds),
      times(byHand.seconds, roundSeconds),
    ),
    row('hosts with a verdict after each round', hosts.join(', ')),
    row('processor, ssh included, of one core', percent(cpuShare(usual))),
    row('child processes at once, most', String(most('processes'))),
    row('open files, most', String(most('openFiles'))),
    row(
      `resident memory over ${hour.length} rounds: middle, end`,
      [half[0], hour.at(-1)].map((one) => mib(one?.residentBytes)).join(', '),
    ),
    row(
      `heap in use, least in each quarter of ${hour.length} rounds`,
      quarters(hour)
        .map((part) => mib(Math.min(...part.map((one) => one.heapBytes))))
        .join(', '),
    ),
  ];
}

function cpuShare(readings: readonly Reading[]): number {
  const [from, to] = [readings[0], readings.at(-1)];
  if (from === undefined || to === undefined) return Number.NaN;
  return (to.cpuSeconds - from.cpuSeconds) / (to.atSeconds - from.atSeconds);
}

function quarters<T>(all: readonly T[]): T[][] {
  const size = Math.ceil(all.length / 4);
  return [0, 1, 2, 3].map((index) => all.slice(index * size, (index + 1) * size));
}

function seconds(value = Number.NaN): string {
  return `${value.toFixed(1)} s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function mib(bytes = Number.NaN): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
