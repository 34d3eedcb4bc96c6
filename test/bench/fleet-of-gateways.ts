import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { type Fleet, type FleetSize, fleetJob, startFleet } from '../support/fleet.ts';
import { newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { Prometheus } from '../support/prometheus.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, times } from './bench.ts';

const FLEET: FleetSize = { healthy: 375, mismatched: 25, hung: 60, down: 40 };
const COUNT = Object.values(FLEET).reduce((sum, one) => sum + one, 0);
const EVERY = { scrape_interval: '15s', scrape_timeout: '10s' };
const OFF = { enabled: false };
/** The machine of this exporter has no gateway of its own. */
const NONE = { process: OFF, ping: OFF, token: OFF, api: OFF, cron: OFF };
const WARM_UP_MS = 45_000;
const MEASURED_MS = 90_000;

/** One exporter, one Prometheus job and a fleet of which a fifth is down. */
export const fleetOfGateways: Bench = {
  name: 'fleet of 500 gateways through one exporter',
  claim: `One exporter answers one Prometheus job for ${COUNT} gateways (${FLEET.hung} that hang, ${FLEET.down} where nothing listens, ${FLEET.mismatched} that refuse the token) each 15 s; one that hangs delays no other, and nothing grows. Besides the HTTP answer it looks at readiness and start-up and proves the tokens, which the alternative does not.`,
  alternative:
    "Debian's prometheus-blackbox-exporter asking the same ports for /healthz alone over HTTP, with the same timeout",
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
    const fleet = await startFleet(FLEET, folder, newToken());
    try {
      const ours = await withExporter(fleet, folder);
      const theirs = await withBlackbox(fleet, folder);
      return rows(ours, theirs);
    } finally {
      await fleet.child.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** What Prometheus saw of one exporter; seconds, bytes and counts. */
interface Seen {
  readonly answered: number;
  readonly succeeded: number;
  readonly unhindered: { readonly p50: number; readonly p99: number; readonly most: number };
  readonly cpuPerProbe: number;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly files: { readonly before: number; readonly after: number };
}

async function withExporter(fleet: Fleet, folder: string): Promise<Seen> {
  const exporter = await Exporter.start({
    env: { HOME: folder },
    config: { gateways: fleet.gateways, collectors: NONE },
  });
  try {
    return await seenBy(await Prometheus.start(exporter.port, [fleetJob(exporter.port, EVERY)]));
  } finally {
    await exporter.stop();
    exporter.remove();
  }
}

async function withBlackbox(fleet: Fleet, folder: string): Promise<Seen> {
  const port = await freePort();
  const config = join(folder, 'blackbox.yml');
  writeFileSync(config, 'modules: {gateway: {prober: http, timeout: 9.5s}}\n');
  const child = new Child('prometheus-blackbox-exporter', [
    `--config.file=${config}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const targets = fleet.gateways.map(({ labels, url }) => ({
    targets: [`${url.replace(/^ws:/, 'http:')}/healthz`],
    labels,
  }));
  const job = { ...fleetJob(port, EVERY), http_sd_configs: undefined, static_configs: targets };
  try {
    await until(async () => (await fetch(`http://127.0.0.1:${port}/-/healthy`)).ok, {
      what: 'blackbox_exporter',
    });
    return await seenBy(await Prometheus.start(port, [job]));
  } finally {
    await child.end('SIGTERM');
  }
}

async function seenBy(prometheus: Prometheus): Promise<Seen> {
  try {
    await until(async () => (await prometheus.query('count(up{job="fleet"})'))[0]?.value === COUNT, {
      timeoutMs: 60_000,
      everyMs: 1_000,
      what: 'a whole round',
    });
    await pause(WARM_UP_MS);
    const before = await own(prometheus);
    await pause(MEASURED_MS);
    const after = await own(prometheus);
    const window = `[${MEASURED_MS / 1000}s]`;
    const value = async (expression: string) => (await prometheus.query(expression))[0]?.value ?? Number.NaN;
    const unhindered = `{job="fleet",kind=~"healthy|mismatched"}`;
    const quantileOf = (p: number) =>
      value(`quantile(${p}, quantile_over_time(${p}, scrape_duration_seconds${unhindered}${window}))`);
    const probes = await value(`sum(count_over_time(up{job="fleet"}${window}))`);
    return {
      answered: await value(`avg(avg_over_time(up{job="fleet"}${window}))`),
      succeeded: await value(`avg(avg_over_time(probe_success${unhindered}${window}))`),
      unhindered: {
        p50: await quantileOf(0.5),
        p99: await quantileOf(0.99),
        most: await value(`max(max_over_time(scrape_duration_seconds${unhindered}${window}))`),
      },
      cpuPerProbe: (after.cpu - before.cpu) / probes,
      bytes: { before: before.bytes, after: after.bytes },
      files: { before: before.files, after: after.files },
    };
  } finally {
    await prometheus.stop();
  }
}

async function own(prometheus: Prometheus) {
  const value = async (name: string) =>
    (await prometheus.query(`${name}{job="openclaw"}`))[0]?.value ?? Number.NaN;
  return {
    bytes: await value('process_resident_memory_bytes'),
    files: await value('process_open_fds'),
    cpu: await value('process_cpu_seconds_total'),
  };
}

function rows(ours: Seen, theirs: Seen): BenchRow[] {
  const row = (what: string, show: (seen: Seen) => string, ratio = ''): BenchRow => ({
    what,
    ours: show(ours),
    alternative: show(theirs),
    ratio,
  });
  const ms = (seconds: number) => `${(seconds * 1000).toPrecision(3)} ms`;
  const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
  const compared = (pick: (seen: Seen) => number) => times(pick(theirs), pick(ours));
  return [
    row('scrapes answered', ({ answered }) => percent(answered)),
    row('probes of gateways that work which say so', ({ succeeded }) => percent(succeeded)),
    row(
      'scrape of a gateway that answers, p50',
      ({ unhindered }) => ms(unhindered.p50),
      compared(({ unhindered }) => unhindered.p50),
    ),
    row(
      'slowest scrape of each, p99 of them',
      ({ unhindered }) => ms(unhindered.p99),
      compared(({ unhindered }) => unhindered.p99),
    ),
    row('slowest scrape of all', ({ unhindered }) => ms(unhindered.most)),
    row(
      'processor time a probe',
      ({ cpuPerProbe }) => ms(cpuPerProbe),
      compared(({ cpuPerProbe }) => cpuPerProbe),
    ),
    row(
      `resident memory, ${MEASURED_MS / 1000} s apart`,
      ({ bytes }) => `${mib(bytes.before)}, ${mib(bytes.after)}`,
    ),
    row(`open files, ${MEASURED_MS / 1000} s apart`, ({ files }) => `${files.before}, ${files.after}`),
  ];
}
