import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import {
  counted,
  countedTotals,
  type RememberedRun,
  rememberedRuns,
  rememberedTotals,
} from '../support/cron-history.ts';
import { type CronJobs, EMPTY_EVENT, startWithJobs } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken, STORAGE_AGES } from '../support/openclaw.ts';
import { until } from '../support/until.ts';

/** The scheduled job is due each time the clock shows a multiple of this. */
const PERIOD_MS = 10_000;
const GRACE_MS = 5_000;
/** A timer may fire this much early by the wall clock. */
const EARLY_MS = 1_000;

const CONFIG = {
  cron: { grace: `${GRACE_MS}ms`, publish_delay: '1s' },
  collectors: { cron: { interval: '1s' } },
};

describe.each(STORAGE_AGES)('cron of a real gateway %s', (version) => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let jobs: CronJobs;
  let exporter: Exporter;
  let storagePath: string;
  let watchedFromMs: number;

  const startExporter = async () => {
    const kept = storagePath === undefined ? {} : { storagePath };
    exporter = await Exporter.start({ env: home.env, config: CONFIG, ...kept });
    storagePath = exporter.storagePath;
  };
  /**
   * Begins early in a period: no due time falls between the exporter's first look
   * and the moment that is noted.
   */
  const watch = async () => {
    const isEarly = () => Date.now() % PERIOD_MS < PERIOD_MS / 4;
    await until(isEarly, { timeoutMs: 2 * PERIOD_MS, what: 'a period to begin' });
    await startExporter();
    watchedFromMs = Date.now();
  };
  const missed = (series: readonly Series[]) =>
    sampleOf(series, 'openclaw_cron_missed_runs_total', { cron_job_id: jobs.scheduled }) ?? 0;
  const scheduledRuns = (atLeast: number) =>
    exporter.untilMetrics(
      `${atLeast} runs of the scheduled job`,
      (series) => counted(series, jobs.scheduled, 'ok') >= atLeast,
      120_000,
    );

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    home.configure(token);
    ({ gateway, jobs } = await startWithJobs(home, token, EMPTY_EVENT, watch));
    // There the jobs are made after the exporter's start; in 2026.5.7 they wait for a
    // gateway that may start slowly.
    if (version !== '2026.5.7') watchedFromMs = Date.now();
  });

  afterAll(() => leave({ exporter, gateway, home }, 'SIGKILL'));

  it('is told whole, however gateway and exporter come and go', async () => {
    await scheduledRuns(2);

    await exporter.stop('SIGKILL');
    await gateway.end('SIGTERM');
    await dueTimesPass(3);
    await startExporter();
    gateway = await home.startReady();
    const before = counted(await scheduledRuns(3), jobs.scheduled, 'ok');

    await exporter.stop('SIGKILL');
    await dueTimesPass(2);
    await startExporter();
    await scheduledRuns(before + 2);
    await gateway.end('SIGTERM');

    const history = rememberedRuns(home);
    await until(
      async () =>
        expect(countedTotals(await exporter.series(), ids())).toEqual(rememberedTotals(history, ids())),
      {
        timeoutMs: 30_000,
        what: 'totals to equal the history',
      },
    ).catch(async () =>
      expect(countedTotals(await exporter.series(), ids())).toEqual(rememberedTotals(history, ids())),
    );
    await until(
      async () => {
        expect(missed(await exporter.series())).toBe(missedOf(history, Date.now()));
        return true;
      },
      {
        timeoutMs: 2 * PERIOD_MS,
        everyMs: 100,
        what: `misses to equal the due times without a run; runs: ${startsOf(history).map((at) => new Date(at).toISOString())}, watched from ${new Date(watchedFromMs).toISOString()}`,
      },
    );
    expect(missed(await exporter.series())).toBeGreaterThanOrEqual(3);
  });

  /** Waits until the scheduled job has been due `count` times from now. */
  async function dueTimesPass(count: number): Promise<void> {
    const end = (Math.floor(Date.now() / PERIOD_MS) + count) * PERIOD_MS + 1_000;
    await until(() => Date.now() >= end, { timeoutMs: (count + 1) * PERIOD_MS, what: 'due times to pass' });
  }

  const ids = () => [jobs.succeeding, jobs.failing, jobs.scheduled];
  function startsOf(history: readonly RememberedRun[]): number[] {
    return history.filter(({ jobId }) => jobId === jobs.scheduled).map(({ runAtMs }) => runAtMs);
  }

  /** Due times of the scheduled job since it was made, past their grace, with no run that started in time. */
  function missedOf(history: readonly RememberedRun[], nowMs: number): number {
    const starts = startsOf(history);
    const first = Math.ceil(watchedFromMs / PERIOD_MS) * PERIOD_MS;
    let count = 0;
    for (let due = first; due + GRACE_MS < nowMs; due += PERIOD_MS) {
      if (!starts.some((at) => at >= due - EARLY_MS && at <= due + GRACE_MS)) count += 1;
    }
    return count;
  }
});
