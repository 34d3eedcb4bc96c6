import { setTimeout as pause } from 'node:timers/promises';
import { SqliteStore } from '../support/cron-store.ts';
import { Exporter } from '../support/exporter.ts';
import { newToken } from '../support/openclaw.ts';
import { StandInPlace } from '../support/status-world.ts';
import { type Bench, type BenchRow, cpuSecondsOf, ms } from './bench.ts';

/** The folder of the earlier source tree, with its dependencies: `git worktree add FOLDER COMMIT`. */
const EARLIER = process.env.EARLIER_BUILD;
const JOBS = 20;
const RUNS_KEPT = 40;
const WARM_UP_MS = 60_000;
const ROUNDS = 5;
const ROUND_MS = 60_000;
const INTERVAL_MS = 15_000;

/** Two exporters with default settings beside one gateway, at the same time on the same processors. */
export const earlierBuild: Bench = {
  name: 'refresh beside an earlier build',
  claim: `Processor time of an exporter with its default settings in ${ROUND_MS / 1000} s beside one stand-in gateway with ${JOBS} jobs, of which one runs every ${INTERVAL_MS / 1000} s, scraped as often; both at the same time, after a minute to warm up, ${ROUNDS} rounds. Neither knows of the other, and what else the machine does slows both alike.`,
  needs: 'EARLIER_BUILD',
  alternative: 'the source tree in `EARLIER_BUILD`, run by the same Node',
  async run() {
    if (EARLIER === undefined) throw new Error('EARLIER_BUILD names no source tree');
    const place = await StandInPlace.create();
    place.configure(newToken());
    const store = fillStore(place.stateDir);
    const gateway = await place.startReady();
    const env = { ...place.env, PATH: process.env.PATH ?? '' };
    const ours = await Exporter.start({ env });
    const theirs = await Exporter.start({ env, root: EARLIER });
    try {
      await live([ours, theirs], store, WARM_UP_MS);
      const rounds: (readonly [number, number])[] = [];
      while (rounds.length < ROUNDS) rounds.push(await measure([ours, theirs], store));
      return [...rounds.map(toRow), totalRow(rounds), await seriesRow(ours, theirs)];
    } finally {
      for (const exporter of [ours, theirs]) {
        await exporter.stop('SIGKILL');
        exporter.remove();
      }
      await gateway.end('SIGKILL');
      place.remove();
    }
  },
};

function fillStore(stateDir: string): SqliteStore {
  const store = new SqliteStore(stateDir);
  const now = Date.now();
  for (let number = 0; number < JOBS; number += 1) {
    const id = `job-${number}`;
    const job = { schedule: { kind: 'every', everyMs: 60_000 } };
    store.putJob(id, id, { job, state: { nextRunAtMs: now + 60_000 } });
    for (let ago = 1; ago < RUNS_KEPT; ago += 1) {
      const runAtMs = now - ago * 60_000;
      store.addRun({ jobId: id, runAtMs, finishedAtMs: runAtMs + 500, status: 'ok' });
    }
  }
  return store;
}

/** The gateway's life: a run of a job and a scrape of each exporter every interval. */
async function live(exporters: readonly Exporter[], store: SqliteStore, lengthMs: number): Promise<void> {
  for (let at = 0; at < lengthMs; at += INTERVAL_MS) {
    await pause(INTERVAL_MS);
    const finishedAtMs = Date.now();
    const jobId = `job-${(at / INTERVAL_MS) % JOBS}`;
    store.addRun({ jobId, runAtMs: finishedAtMs - 500, finishedAtMs, status: 'ok' });
    for (const exporter of exporters) await exporter.scrape();
  }
}

async function measure(
  exporters: readonly [Exporter, Exporter],
  store: SqliteStore,
): Promise<readonly [number, number]> {
  const used = () => exporters.map(({ child }) => cpuSecondsOf(child.pid));
  const before = used();
  await live(exporters, store, ROUND_MS);
  const [ours = 0, theirs = 0] = used().map((seconds, index) => seconds - (before[index] ?? 0));
  return [ours, theirs];
}

function toRow([ours, theirs]: readonly [number, number], index: number): BenchRow {
  return row(`round ${index + 1}`, ours, theirs);
}

function totalRow(rounds: readonly (readonly [number, number])[]): BenchRow {
  const sum = (place: 0 | 1) => rounds.reduce((total, round) => total + round[place], 0) / rounds.length;
  return row('mean of all rounds', sum(0), sum(1));
}

function row(what: string, ours: number, theirs: number): BenchRow {
  return {
    what,
    ours: ms(ours * 1000),
    alternative: ms(theirs * 1000),
    ratio: `${(ours / theirs).toFixed(2)} times`,
  };
}

async function seriesRow(ours: Exporter, theirs: Exporter): Promise<BenchRow> {
  const [own, other] = await Promise.all([ours.series(), theirs.series()]);
  const ratio = `${(own.length / other.length).toFixed(2)} times`;
  return { what: 'series', ours: String(own.length), alternative: String(other.length), ratio };
}
