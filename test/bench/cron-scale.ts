import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { Exporter } from '../support/exporter.ts';
import { sampleOf } from '../support/exposition.ts';
import { type Bench, type BenchRow, cpuSecondsOf, ms, quantile, timed, times } from './bench.ts';
import { type ScaleSize, ScaleStore } from './cron-scale-store.ts';

const MIB = 1024 * 1024;
const SIZES: readonly ScaleSize[] = [
  { jobs: 10, runs: 2_000, logs: 100, bigLogBytes: 0 },
  { jobs: 100, runs: 20_000, logs: 1_000, bigLogBytes: 0 },
  { jobs: 1_000, runs: 200_000, logs: 10_000, bigLogBytes: 2_048 * MIB },
  { jobs: 10_000, runs: 200_000, logs: 100, bigLogBytes: 0 },
];
const ROUNDS = 8;
/**
 * The first ones still set watches and read what the very first one left: so many, and
 * more where there are many logs.
 */
const WARM_UP_ROUNDS = 10;
const LOGS_A_ROUND = 400;
const SCRAPES = 100;
const INTERVAL_MS = 1_500;
/** Thousands of jobs take longer to be read for the first time than a short round may last. */
const LONG_INTERVAL_MS = 6_000;
const MANY_JOBS = 1_000;
const OTHERS = Object.keys(COLLECTOR_DEFAULTS).filter((name) => name !== 'cron');
/** What the article runs by hand, over all logs. */
const BY_HAND = `find "$0" -name 'cron-*.log' | xargs grep -l "SUCCESS\\|ERROR"`;
const ALL_RUNS = `SELECT source_id, json_extract(detail_json, '$.status') AS status, count(*) FROM task_runs
  WHERE runtime = 'cron' GROUP BY source_id, status`;

interface Cost {
  readonly size: ScaleSize;
  readonly readySeconds: number;
  readonly quietMs: number;
  readonly runMs: number;
  readonly lineMs: number;
  readonly bigLineMs: number | undefined;
  readonly residentBytes: number;
  readonly scrapesMs: readonly number[];
  readonly byHandMs: number;
  readonly allRunsMs: number;
}

/**
 * Jobs, stored runs and logs in tens, hundreds and thousands: what a refresh costs, and
 * whether that follows what is new.
 */
export const cronScale: Bench = {
  name: 'cron at scale',
  claim:
    "A refresh that finds nothing new costs about the same whatever is there; one that finds something goes once through the names of all jobs and logs, never through the stored runs or the bytes of logs. 1,000 jobs with 200,000 runs, 10,000 logs and one log of 2 GiB fit. A refresh is 1.5 s of the exporter's life, with 10,000 jobs 6 s; a look at the event loop each 50 ms is in it: about 5 ms, 20 ms.",
  alternative:
    "the processor time of doing the same from scratch: the article's `find … | xargs grep -l`, which tells only which logs hold either word, and a `GROUP BY` over all stored runs",
  async run() {
    const costs: Cost[] = [];
    for (const size of SIZES) costs.push(await costOf(size));
    return costs.flatMap(rowsOf);
  },
};

async function costOf(size: ScaleSize): Promise<Cost> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
  const store = new ScaleStore(home, size);
  try {
    return await measure(store, home);
  } finally {
    store.close();
    rmSync(home, { recursive: true, force: true });
  }
}

async function measure(store: ScaleStore, home: string): Promise<Cost> {
  // Before the exporter runs: what blocks this process lets the connection to it die.
  const theirs = { byHandMs: cpuByHand(store.workspace), allRunsMs: cpuOfAllRuns(store.databasePath) };
  const off = Object.fromEntries(OTHERS.map((name) => [name, { enabled: false }]));
  const everyMs = intervalMs(store.size);
  const collectors = { ...off, cron: { interval: `${everyMs}ms`, timeout: `${everyMs}ms` } };
  const env = { HOME: home, OPENCLAW_STATE_DIR: home };
  const from = performance.now();
  const exporter = await Exporter.start({
    env,
    config: { cron: { max_jobs: store.size.jobs, publish_delay: '2s' }, collectors },
  });
  try {
    await untilComplete(exporter);
    const readySeconds = (performance.now() - from) / 1000;
    await setTimeout((WARM_UP_ROUNDS + store.size.logs / LOGS_A_ROUND) * everyMs);
    const cpu = (change: () => void) => cpuOfRounds(exporter, everyMs, change);
    const big = store.size.bigLogBytes > 0;
    return {
      size: store.size,
      readySeconds,
      quietMs: await cpu(() => undefined),
      runMs: await cpu(() => store.addRun()),
      lineMs: await cpu(() => store.addLine()),
      bigLineMs: big ? await cpu(() => store.addBigLine()) : undefined,
      scrapesMs: await scrapes(exporter),
      residentBytes: sampleOf(await exporter.series(), 'process_resident_memory_bytes') ?? Number.NaN,
      ...theirs,
    };
  } finally {
    await exporter.stop();
    exporter.remove();
  }
}

function intervalMs({ jobs }: ScaleSize): number {
  return jobs > MANY_JOBS ? LONG_INTERVAL_MS : INTERVAL_MS;
}

async function untilComplete(exporter: Exporter): Promise<void> {
  await exporter.untilMetrics(
    'both sources read',
    (series) =>
      ['sqlite', 'logs'].every((source) => sampleOf(series, 'openclaw_cron_source_up', { source }) === 1),
    90_000,
  );
}

/**
 * Processor milliseconds of the whole exporter in one interval, with `change` before each. Nobody scrapes
 * meanwhile: that would cost more than a quiet round.
 */
async function cpuOfRounds(exporter: Exporter, everyMs: number, change: () => void): Promise<number> {
  const start = cpuSecondsOf(exporter.child.pid);
  for (let round = 0; round < ROUNDS; round += 1) {
    change();
    await setTimeout(everyMs);
  }
  return ((cpuSecondsOf(exporter.child.pid) - start) * 1000) / ROUNDS;
}

async function scrapes(exporter: Exporter): Promise<number[]> {
  const durations: number[] = [];
  for (let index = 0; index < SCRAPES; index += 1) {
    durations.push(await timed(async () => (await fetch(exporter.url('/metrics'))).arrayBuffer()));
  }
  return durations;
}

/** User and system milliseconds of all the article's processes. */
function cpuByHand(folder: string): number {
  const script = `TIMEFORMAT='%U %S'; { time bash -c '${BY_HAND.replaceAll("'", "'\\''")}' "$0" >/dev/null; } 2>&1`;
  const output = execFileSync('bash', ['-c', script, folder], { encoding: 'utf8' });
  return (
    output
      .trim()
      .split(' ')
      .map(Number)
      .reduce((sum, seconds) => sum + seconds, 0) * 1000
  );
}

function cpuOfAllRuns(path: string): number {
  const before = process.cpuUsage();
  const database = new DatabaseSync(path, { readOnly: true });
  database.prepare(ALL_RUNS).all();
  database.close();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function rowsOf(cost: Cost): BenchRow[] {
  const { jobs, runs, logs } = cost.size;
  const of = `${count(jobs)} jobs, ${count(runs)} runs, ${count(logs)} logs`;
  const both = cost.byHandMs + cost.allRunsMs;
  const row = (what: string, ours: string, alternative = '', ratio = ''): BenchRow => ({
    what: `${of}: ${what}`,
    ours,
    alternative,
    ratio,
  });
  const against = (what: string, oursMs: number, theirsMs: number) =>
    row(what, ms(oursMs), ms(theirsMs), times(theirsMs, oursMs));
  return [
    row('start to first complete round', `${cost.readySeconds.toFixed(1)} s`),
    against('processor time of a refresh, nothing new', cost.quietMs, both),
    against('processor time of a refresh, one run new', cost.runMs, both),
    against('processor time of a refresh, one log line new', cost.lineMs, both),
    ...(cost.bigLineMs === undefined
      ? []
      : [against('processor time of a refresh, one line new in the log of 2 GiB', cost.bigLineMs, both)]),
    row('scrape, p50 and p99', [0.5, 0.99].map((p) => ms(quantile(cost.scrapesMs, p))).join(', ')),
    row('resident memory', `${(cost.residentBytes / MIB).toFixed(0)} MiB`),
  ];
}

function count(value: number): string {
  return value.toLocaleString('en');
}
