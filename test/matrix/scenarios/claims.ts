import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreRow } from '../../support/gateway-store.ts';
import { until } from '../../support/until.ts';
import type { Picture } from '../picture.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';
const MINUTE = 60_000;
const NO_SCHEDULER =
  "the scheduler of the real gateway is off, unknown to the exporter, and the marks are written into the gateway's store";

const pausedOnPurpose: Scenario = {
  id: 'C12',
  fault: 'cron is switched off on purpose (cron.enabled: false), and due times pass',
  inject: async (world) => {
    world.configureGateway(world.token, { cron: { enabled: false } });
    await world.gateway.end('SIGTERM');
    world.planJob('nightly', Date.now() - 15_000);
    await world.startGateway();
  },
  metrics: (healthy: Picture) =>
    Object.fromEntries(
      Object.keys(healthy)
        .filter((name) => name.startsWith('cron_late'))
        .map((name) => [name, 'absent']),
    ),
  shows: { openclaw_cron_scheduler_enabled: 0 },
  alerts: ['info OpenClawCronDisabled', RESTARTED],
  pages: [],
  repair: async (world) => {
    world.configureGateway(world.token);
    await world.gateway.end('SIGTERM');
    world.planJob('nightly', Date.now() + 60 * MINUTE);
    await world.startGateway();
  },
};

const ofJob = (metric: string, job: string) => `openclaw_cron_${metric}{cron_job="${job}"}`;

const wrongMarks: Scenario = {
  id: 'C13',
  fault: 'a run mark that is never cleared, a plan far beyond the schedule, a last run in the future',
  standIn: NO_SCHEDULER,
  prepare: async (world) => {
    await world.addJob('tick', ['/bin/true'], ['--cron', '*/10 * * * * *', '--exact']);
    await world.restartWithoutScheduler();
    // A plan within its schedule, until the fault.
    await keepPlanned(world);
  },
  inject: async (world) => {
    stopPlanning();
    const now = Date.now();
    world.store.writeMarks(world.idOf('tick'), { lastRunAtMs: now, nextRunAtMs: now + 60 * MINUTE });
    world.store.writeMarks(world.idOf('nightly'), { runningAtMs: now, nextRunAtMs: now + 60 * MINUTE });
    world.store.writeMarks(world.idOf('weekly'), {
      lastRunAtMs: now + 58 * MINUTE,
      nextRunAtMs: now + 118 * MINUTE,
    });
  },
  metrics: {},
  shows: {
    [ofJob('next_run_beyond_schedule', 'tick')]: 1,
    openclaw_cron_last_run_in_future: 1,
  },
  alerts: ['warning OpenClawCronLastRunInFuture', 'warning OpenClawCronPlanBeyondSchedule', RESTARTED],
  tolerated: {
    'warning OpenClawCronRunMissed': 'occurrences beyond which the plan lies are missed',
    'warning OpenClawCronRunStuck': 'a run is stuck after a while that is as long as its interval',
  },
  remembered: ['warning OpenClawCronRunMissed'],
  pages: [],
  repair: async (world) => {
    const due = Date.now() + 60 * MINUTE;
    world.store.writeMarks(world.idOf('nightly'), { runningAtMs: null, nextRunAtMs: due });
    world.store.writeMarks(world.idOf('weekly'), { lastRunAtMs: null, nextRunAtMs: due });
    await keepPlanned(world);
    await world.restartGateway();
    stopPlanning();
  },
  cleanup: (world) => world.removeJob('tick'),
};

let planning: NodeJS.Timeout | undefined;

async function keepPlanned(world: World): Promise<void> {
  stopPlanning();
  const plan = () => world.planJob('tick', (Math.floor(Date.now() / 10_000) + 1) * 10_000);
  plan();
  planning = setInterval(plan, 1_000);
}

function stopPlanning(): void {
  clearInterval(planning);
}

const LOST = ['lost-1', 'lost-2', 'lost-3'] as const;
let backup: readonly StoreRow[] = [];
const oldFile = (world: World) => join(world.home.stateDir, 'cron', 'jobs.json');

const lost: Scenario = {
  id: 'C14',
  fault: 'three jobs vanish at once, and an old cron/jobs.json lies beside the database',
  standIn: NO_SCHEDULER,
  prepare: async (world) => {
    for (const job of LOST) await world.addJob(job, ['/bin/true']);
    await world.restartWithoutScheduler();
  },
  inject: async (world) => {
    backup = LOST.map((job) => world.store.takeJob(world.idOf(job)));
    mkdirSync(join(world.home.stateDir, 'cron'), { recursive: true });
    const old = { id: 'old', name: 'old', enabled: true, schedule: { kind: 'every', everyMs: MINUTE } };
    const state = { nextRunAtMs: Date.now() - MINUTE };
    writeFileSync(oldFile(world), JSON.stringify({ version: 1, jobs: [{ ...old, state }] }));
  },
  metrics: (healthy: Picture) =>
    Object.fromEntries(
      Object.keys(healthy)
        .filter((name) => /^cron_.*\{cron_job="lost-/.test(name))
        .map((name) => [name, 'absent']),
    ),
  shows: { openclaw_cron_jobs_disappeared: 3, openclaw_cron_unmigrated_jobs: 1 },
  alerts: ['warning OpenClawCronJobsDisappeared', 'warning OpenClawCronJobsUnmigrated', RESTARTED],
  pages: [],
  repair: async (world) => {
    for (const row of backup) world.store.putBack(row);
    rmSync(oldFile(world));
  },
  cleanup: async (world) => {
    await world.restartGateway();
    for (const job of LOST) await world.removeJob(job);
  },
};

const skippedAndTwice: Scenario = {
  id: 'C15',
  fault: 'a job is skipped every time, another one runs twice for one slot',
  standIn: NO_SCHEDULER,
  prepare: async (world) => {
    await world.runJob('weekly');
    await until(async () => (await world.shown(`${ofJob('runs_total', 'weekly')}`)) > 0, {
      what: 'a run to be counted',
    });
    await world.restartWithoutScheduler();
  },
  inject: async (world) => {
    world.store.writeMarks(world.idOf('nightly'), { lastRunStatus: 'skipped', consecutiveSkipped: 60 });
    world.store.repeatRun(world.idOf('weekly'), 1_000);
  },
  metrics: {},
  counts: [ofJob('duplicate_runs_total', 'weekly')],
  shows: { [ofJob('consecutive_skips', 'nightly')]: 60 },
  alerts: ['warning OpenClawCronJobDuplicateRuns', 'warning OpenClawCronJobSkipped', RESTARTED],
  remembered: ['warning OpenClawCronJobDuplicateRuns'],
  pages: [],
  repair: async (world) => {
    world.store.writeMarks(world.idOf('nightly'), { lastRunStatus: 'ok', consecutiveSkipped: 0 });
    await world.restartGateway();
  },
};

/** What a gateway records of its jobs, where it is wrong. */
export const CLAIMS = [pausedOnPurpose, wrongMarks, lost, skippedAndTwice];
