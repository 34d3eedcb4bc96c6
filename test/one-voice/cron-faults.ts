import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeJobs } from '../support/status-world.ts';
import { putJobs, rewriteConfig, storeIn, type VoicedFault } from './stage.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Faults of cron jobs, of their runs and of what is known of them. */
export const CRON_FAULTS: readonly VoicedFault[] = [
  {
    id: 'C1',
    fault: 'one job failed once',
    prepare: (stage) => writeJobs(storeIn(stage), [{ name: 'backup', errors: 1 }, { name: 'briefing' }]),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 1],
  },
  {
    id: 'C2',
    fault: 'one job failed three times running',
    prepare: (stage) => writeJobs(storeIn(stage), [{ name: 'backup', errors: 3 }, { name: 'briefing' }]),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 3],
  },
  {
    id: 'C7',
    fault: 'the database is damaged',
    prepare: ({ place }) => {
      mkdirSync(join(place.stateDir, 'state'));
      writeFileSync(join(place.stateDir, 'state', 'openclaw.sqlite'), 'no database '.repeat(1_000));
    },
    seen: ['openclaw_cron_source_up', { source: 'sqlite' }, 0],
  },
  {
    id: 'C12',
    fault: 'cron switched off on purpose',
    prepare: (stage) => {
      rewriteConfig(stage, stage.token, {}, { cron: { enabled: false } });
      putJobs(storeIn(stage), [{ everyMs: MINUTE }]);
    },
    seen: ['openclaw_cron_scheduler_enabled', {}, 0],
  },
  {
    id: 'C15',
    fault: 'one job is skipped every time',
    prepare: (stage) =>
      putJobs(storeIn(stage), [{ everyMs: HOUR, status: 'skipped', state: { consecutiveSkipped: 60 } }]),
    seen: ['openclaw_cron_consecutive_skips', { cron_job: 'backup' }, 60],
  },
  {
    id: 'C16',
    fault: 'one rare job failed once',
    prepare: (stage) =>
      putJobs(storeIn(stage), [{ everyMs: 24 * HOUR, status: 'error', state: { consecutiveErrors: 1 } }]),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 1],
  },
  {
    id: 'C3',
    fault: 'a run vanishes: the plan has moved on without it',
    prepare: (stage) => putJobs(storeIn(stage), [{ everyMs: HOUR, agoMs: HOUR - 5_000 }]),
    inject: (stage) =>
      storeIn(stage).exec(
        `UPDATE cron_jobs SET state_json = json_set(state_json, '$.nextRunAtMs', ${Date.now() + HOUR})`,
      ),
    config: () => ({ cron: { grace: '1s', publish_delay: '0s' } }),
    seen: ['openclaw_cron_missed_runs_total', { cron_job: 'backup' }, 1],
    rising: [{ name: 'openclaw_cron_missed_runs_total', perMinute: 1 }],
  },
  {
    id: 'C5',
    fault: 'all jobs are silent while the gateway answers',
    prepare: (stage) =>
      putJobs(
        storeIn(stage),
        ['backup', 'briefing', 'digest'].map((name) => ({ name, everyMs: MINUTE, agoMs: 3 * HOUR })),
      ),
    seen: ['openclaw_cron_job_overdue_seconds', { cron_job: 'digest' }, (seconds) => seconds > 3_600],
  },
  {
    id: 'C6',
    fault: 'a job ran, and its message did not arrive',
    prepare: (stage) =>
      putJobs(storeIn(stage), [
        { everyMs: HOUR, state: { lastDeliveryStatus: 'not-delivered', lastDeliveryError: 'no route' } },
      ]),
    seen: ['openclaw_cron_delivery_failures_total', { cron_job: 'backup' }, (count) => count >= 0],
    rising: [{ name: 'openclaw_cron_delivery_failures_total', perMinute: 0.1 }],
  },
  {
    id: 'C13, run',
    fault: 'a run mark that is never cleared',
    prepare: (stage) =>
      putJobs(storeIn(stage), [
        { everyMs: MINUTE, agoMs: HOUR, state: { runningAtMs: Date.now() - 30 * MINUTE } },
      ]),
    seen: ['openclaw_cron_job_enabled', { cron_job: 'backup' }, 1],
  },
  {
    id: 'C13, plan',
    fault: 'a plan that lies far beyond the schedule',
    prepare: (stage) =>
      putJobs(storeIn(stage), [
        { everyMs: MINUTE, agoMs: MINUTE, state: { nextRunAtMs: Date.now() + 20 * MINUTE } },
      ]),
    seen: ['openclaw_cron_next_run_beyond_schedule', { cron_job: 'backup' }, 1],
  },
  {
    id: 'C13, clock',
    fault: 'a last run in the future: the clock was set back',
    prepare: (stage) => putJobs(storeIn(stage), [{ everyMs: MINUTE, agoMs: -HOUR }]),
    seen: ['openclaw_cron_last_run_in_future', {}, 1],
  },
  {
    id: 'C14, jobs',
    fault: 'three of four jobs are gone',
    prepare: (stage) =>
      putJobs(
        storeIn(stage),
        ['backup', 'briefing', 'digest', 'report'].map((name) => ({ name, everyMs: HOUR })),
      ),
    inject: async (stage) => {
      await stage.untilSeen(['openclaw_cron_job_enabled', { cron_job: 'report' }, 1]);
      const store = storeIn(stage);
      for (const id of ['job-1', 'job-2', 'job-3']) store.removeJob(id);
    },
    seen: ['openclaw_cron_jobs_disappeared', {}, 3],
  },
  {
    id: 'C14, file',
    fault: 'a file of jobs beside the database was never migrated',
    prepare: (stage) => {
      rewriteConfig(stage, stage.token, {}, { meta: { lastTouchedVersion: '2026.9.6' } });
      putJobs(storeIn(stage), [{ everyMs: HOUR }]);
      mkdirSync(join(stage.place.stateDir, 'cron'));
      const schedule = { kind: 'every', everyMs: HOUR };
      const jobs = ['a', 'b'].map((id) => ({ id, name: id, enabled: true, schedule, state: {} }));
      writeFileSync(join(stage.place.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
    },
    seen: ['openclaw_cron_unmigrated_jobs', {}, 2],
  },
  {
    id: 'C17',
    fault: 'the provider of their model refuses five jobs',
    prepare: (stage) =>
      putJobs(
        storeIn(stage),
        ['backup', 'briefing', 'digest', 'report', 'summary'].map((name) => ({
          name,
          everyMs: HOUR,
          status: 'error' as const,
          job: { payload: { kind: 'agentTurn', model: 'acme/m1' } },
          state: { consecutiveErrors: 2, lastErrorReason: 'auth', lastError: '401 Incorrect API key' },
        })),
      ),
    seen: ['openclaw_cron_provider_failing_jobs', { provider: 'acme' }, 5],
  },
];
