import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newToken } from '../../support/openclaw.ts';
import { until } from '../../support/until.ts';
import { countOf, type Picture } from '../picture.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { GONE } from './gateway.ts';
import { expectFewRefusals, lastRefusals, MISMATCHED, restartWithOwnToken } from './token.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';
const NO_CRON = { cron: { enabled: false } } as const;

const once: Scenario = {
  id: 'C1',
  fault: 'one job fails once',
  inject: async (world) => {
    world.breakJob('backup');
    await world.runJob('backup');
  },
  metrics: { 'cron_consecutive_errors{cron_job="backup"}': '1' },
  counts: ['openclaw_cron_runs_total{cron_job="backup",status="error"}'],
  alerts: ['info OpenClawCronJobFailing'],
  pages: [],
  repair: async (world) => {
    world.healJob('backup');
    await world.runJob('backup');
  },
};

const JOBS = ['backup', 'important-backup'] as const;

const thrice: Scenario = {
  id: 'C2',
  fault: 'two jobs fail three times running, one of them named important',
  inject: async (world) => {
    for (const job of JOBS) world.breakJob(job);
    for (let run = 0; run < 3; run += 1) await Promise.all(JOBS.map((job) => world.runJob(job)));
  },
  metrics: Object.fromEntries(JOBS.map((job) => [`cron_consecutive_errors{cron_job="${job}"}`, '3'])),
  counts: JOBS.map((job) => `openclaw_cron_runs_total{cron_job="${job}",status="error"}`),
  alerts: [
    'critical OpenClawCronJobFailing',
    'info OpenClawCronJobFailing',
    'warning OpenClawCronJobFailing',
  ],
  pages: ['cron-failing'],
  repair: async (world) => {
    for (const job of JOBS) world.healJob(job);
    await Promise.all(JOBS.map((job) => world.runJob(job)));
  },
};

const TICK = ['--cron', '*/5 * * * * *', '--exact'] as const;
const MISSED = 'openclaw_cron_missed_runs_total{cron_job="tick"}';
const missedOf = async (world: World) => countOf(await world.series(), MISSED);

let mover: NodeJS.Timeout | undefined;

const vanished: Scenario = {
  id: 'C3',
  fault: 'ticks of a job vanish: no receipt, its next run moves on',
  standIn: "the scheduler of the real gateway is off, and the store's next run is moved by the scenario",
  prepare: (world) => world.addJob('tick', ['/bin/true'], TICK),
  inject: async (world) => {
    await world.restartWithoutScheduler();
    mover = setInterval(() => world.planJob('tick', Date.now() + 5_000), 1_000);
  },
  metrics: {},
  counts: [MISSED],
  alerts: [RESTARTED, 'warning OpenClawCronRunMissed'],
  remembered: ['warning OpenClawCronRunMissed'],
  pages: [],
  repair: async (world) => {
    clearInterval(mover);
    world.configureGateway(world.token);
    await world.restartGateway();
  },
  cleanup: (world) => world.removeJob('tick'),
};

const overDue: Scenario = {
  id: 'C4',
  fault: 'gateway killed over due times, and back afterwards',
  prepare: (world) => world.addJob('tick', ['/bin/true'], TICK),
  inject: (world) => world.killGateway(),
  metrics: GONE,
  counts: [],
  alerts: ['critical OpenClawGatewayDown'],
  pages: ['gateway-down'],
  holdMs: 14_000,
  repair: (world) => world.startGateway(),
  afterwards: [RESTARTED, 'warning OpenClawCronRunMissed'],
  remembered: ['warning OpenClawCronRunMissed'],
  check: async (world) => {
    await until(async () => (await missedOf(world)) >= 1, { what: 'the misses to be counted' });
  },
  cleanup: (world) => world.removeJob('tick'),
};

const STOPPED_JOBS = ['nightly', 'weekly', ...JOBS] as const;

const silent: Scenario = {
  id: 'C5',
  fault: 'all jobs are late and none runs while the gateway answers',
  standIn: "the scheduler of the real gateway is off, and every job's next run lies in the past of its store",
  inject: async (world) => {
    world.configureGateway(world.token, NO_CRON);
    await world.gateway.end('SIGTERM');
    for (const job of STOPPED_JOBS) world.planJob(job, Date.now() - 15_000);
    await world.startGateway();
    // Otherwise the exporter would say that cron is off on purpose.
    world.configureGateway(world.token);
  },
  metrics: Object.fromEntries(STOPPED_JOBS.map((job) => [`cron_late{cron_job="${job}"}`, 'yes'])),
  alerts: ['critical OpenClawCronStopped', RESTARTED],
  tolerated: {
    'warning OpenClawCronJobOverdue': 'each late job; silenced by the page',
    'warning OpenClawCronRunMissed': 'what was due and never ran is missed in the end',
  },
  remembered: ['warning OpenClawCronRunMissed'],
  pages: ['cron-stopped'],
  repair: async (world) => {
    world.configureGateway(world.token);
    await world.gateway.end('SIGTERM');
    for (const job of STOPPED_JOBS) world.planJob(job, Date.now() + 3_600_000);
    await world.startGateway();
  },
};

const undelivered: Scenario = {
  id: 'C6',
  fault: 'a job runs, and its message goes to a channel that is not there',
  prepare: (world) =>
    world.addJob(
      'announcing',
      ['/bin/echo', 'news'],
      ['--every', '1h', '--announce', '--channel', 'telegram', '--to', '1'],
    ),
  inject: (world) => world.runJob('announcing'),
  metrics: {},
  counts: ['openclaw_cron_delivery_failures_total{cron_job="announcing"}'],
  alerts: ['warning OpenClawCronDeliveryFailed'],
  remembered: ['warning OpenClawCronDeliveryFailed'],
  tolerated: { 'info OpenClawCronJobFailing': 'a gateway may count a failed delivery as a failed run' },
  pages: [],
  repair: async () => undefined,
  cleanup: (world) => world.removeJob('announcing'),
};

const storeOf = (world: World) => join(world.home.stateDir, 'state', 'openclaw.sqlite');

/** What is unknown of jobs while their store cannot be read. */
export function withoutStore(healthy: Picture): Record<string, string> {
  const ofJobs = Object.keys(healthy).filter((name) => /^cron_.*\{cron_job=/.test(name));
  return {
    'cron_source_up{source="sqlite"}': '0',
    ...Object.fromEntries(ofJobs.map((name) => [name, 'absent'])),
  };
}

export function loseStore(world: World): void {
  renameSync(storeOf(world), `${storeOf(world)}.away`);
  writeFileSync(storeOf(world), 'not a database');
}

export function restoreStore(world: World): void {
  renameSync(`${storeOf(world)}.away`, storeOf(world));
}

const unreadable: Scenario = {
  id: 'C7',
  fault: 'the database of a running gateway is put away, something else lies in its place',
  inject: async (world) => loseStore(world),
  metrics: withoutStore,
  alerts: ['warning OpenClawCronSourceLost'],
  pages: [],
  repair: async (world) => restoreStore(world),
};

let before = 0;
const runsOf = async (world: World) => countOf(await world.series(), 'openclaw_cron_runs_total');

const pruned: Scenario = {
  id: 'C8',
  fault: 'the history in the store is pruned to nothing',
  inject: async (world) => {
    await world.runJob('nightly');
    await until(
      async () => countOf(await world.series(), 'openclaw_cron_runs_total{cron_job="nightly"}') > 0,
    );
    before = await runsOf(world);
    world.store.edit(
      "DELETE FROM cron_run_receipts WHERE status <> 'running'; DELETE FROM task_runs WHERE runtime = 'cron'",
    );
  },
  metrics: {},
  alerts: [],
  pages: [],
  holdMs: 6_000,
  repair: async () => undefined,
  check: async (world) => {
    const after = await runsOf(world);
    if (after !== before) throw new Error(`${before} runs became ${after}`);
  },
};

const LOG_JOB = 'openclaw_cron_runs_total{cron_job="report"}';
const logOf = (world: World) => join(world.home.stateDir, 'workspace', 'main', 'cron-report.log');
const lines = (count: number) =>
  Array.from({ length: count }, () => `${new Date().toISOString()} SUCCESS\n`).join('');
let logged = 0;

const rotated: Scenario = {
  id: 'C9',
  fault: "a job's log is rotated under the reader, with runs before and after",
  prepare: async (world) => {
    mkdirSync(join(world.home.stateDir, 'workspace', 'main'), { recursive: true });
    writeFileSync(logOf(world), lines(1));
    await until(async () => countOf(await world.series(), LOG_JOB) > 0, {
      what: 'its first run to be counted',
      timeoutMs: 15_000,
    });
    logged = countOf(await world.series(), LOG_JOB);
  },
  inject: async (world) => {
    appendFileSync(logOf(world), lines(2));
    renameSync(logOf(world), `${logOf(world)}.1`);
    writeFileSync(logOf(world), lines(3));
  },
  metrics: {},
  counts: [LOG_JOB],
  alerts: [],
  pages: [],
  holdMs: 6_000,
  repair: async () => undefined,
  check: async (world) => {
    const counted = countOf(await world.series(), LOG_JOB) - logged;
    if (counted !== 5) throw new Error(`${counted} of 5 runs were counted`);
  },
  cleanup: async (world) => rmSync(logOf(world)),
};

const removed: Scenario = {
  id: 'C10',
  fault: 'a job is removed',
  prepare: (world) => world.addJob('old', ['/bin/true']),
  inject: (world) => world.removeJob('old'),
  metrics: {
    'cron_job_enabled{cron_job="old"}': 'absent',
    'cron_consecutive_errors{cron_job="old"}': 'absent',
    'cron_late{cron_job="old"}': 'absent',
  },
  leaves: {
    'cron_job_enabled{cron_job="old"}': 'absent',
    'cron_consecutive_errors{cron_job="old"}': 'absent',
    'cron_late{cron_job="old"}': 'absent',
  },
  alerts: [],
  pages: [],
  repair: async () => undefined,
  cleanup: async () => undefined,
};

const morning: Scenario = {
  id: 'T1+C11',
  also: ['C11'],
  fault: 'gateway restarted with another token while jobs go on',
  inject: async (world) => {
    const other = newToken();
    await world.restartGateway(other);
    await world.runJob('nightly', other);
  },
  metrics: MISMATCHED,
  counts: ['openclaw_cron_runs_total{cron_job="nightly",status="ok"}'],
  alerts: ['critical OpenClawTokenMismatch', RESTARTED],
  pages: ['token-mismatch'],
  repair: restartWithOwnToken,
  check: () => expectFewRefusals(lastRefusals()),
};

export const CRON = [
  once,
  thrice,
  silent,
  vanished,
  overDue,
  undelivered,
  unreadable,
  pruned,
  rotated,
  removed,
  morning,
];
