import type { Scenario } from './scenario.ts';
import { growing, type Timeline } from './timeline.ts';
import { all, JOBS, job, killed, type World } from './world.ts';

const failures = (name: string, ...points: readonly (readonly [number, number])[]): World => ({
  [`openclaw_cron_runs_total{${job(name)}, status="error"}`]: [[0, 0], ...points],
  [`openclaw_cron_consecutive_errors{${job(name)}}`]: [[0, 0], ...points],
});

/** Every job due at `from` and none run since. */
export const allSilent = (from: number): World =>
  Object.assign(
    {},
    ...JOBS.map((name) => ({
      [`openclaw_cron_runs_total{${job(name)}, status="ok"}`]: [
        [0, growing(1 / 15)],
        [from, from / 15],
      ] as Timeline,
      [`openclaw_cron_job_overdue_seconds{${job(name)}}`]: [
        [0, 0],
        [from, growing(60)],
      ] as Timeline,
      [`openclaw_cron_last_run_timestamp_seconds{${job(name)}}`]: [
        [0, growing(60)],
        [from, from * 60],
      ] as Timeline,
    })),
  ) as World;

export const missed = (name: string, at: number): World => ({
  [`openclaw_cron_missed_runs_total{${job(name)}}`]: [
    [0, 0],
    [at, 1],
  ],
});

export const cronScenarios: readonly Scenario[] = [
  {
    ids: ['C1'],
    name: 'one job fails once',
    minutes: 60,
    world: {
      ...failures('daily-memory', [30, 1]),
      [`openclaw_cron_consecutive_errors{${job('daily-memory')}}`]: [
        [0, 0],
        [30, 1],
        [40, 0],
      ],
    },
    firing: {
      29: [],
      31: ['OpenClawCronJobFailing/1@daily-memory'],
      46: ['OpenClawCronJobFailing/1@daily-memory'],
    },
    cause: { 31: '' },
    never: 'warning|critical',
  },
  {
    ids: ['C2'],
    name: 'one job fails three times running, and recovers',
    minutes: 90,
    world: {
      ...failures('daily-memory', [30, 1], [31, 2], [34, 3]),
      [`openclaw_cron_consecutive_errors{${job('daily-memory')}}`]: [
        [0, 0],
        [30, 1],
        [31, 2],
        [34, 3],
        [70, 0],
      ],
    },
    firing: {
      33: ['OpenClawCronJobFailing/1@daily-memory'],
      34: ['OpenClawCronJobFailing/1@daily-memory', 'OpenClawCronJobFailing/2@daily-memory'],
      60: ['OpenClawCronJobFailing/1@daily-memory', 'OpenClawCronJobFailing/2@daily-memory'],
      71: ['OpenClawCronJobFailing/1@daily-memory'],
    },
    health: { 35: { cron: 0, token: 1 } },
    never: 'critical',
  },
  {
    ids: ['C2'],
    name: 'a job named important pages',
    minutes: 60,
    world: failures('important-report', [30, 1], [31, 2], [34, 3]),
    firing: {
      32: ['OpenClawCronJobFailing/1@important-report'],
      55: [
        'OpenClawCronJobFailing/1@important-report',
        'OpenClawCronJobFailing/2@important-report',
        'OpenClawCronJobFailing/3@important-report',
      ],
    },
  },
  {
    ids: ['C2'],
    name: 'a job somebody switched off is left alone, one the gateway switched off is not',
    minutes: 60,
    world: {
      [`openclaw_cron_consecutive_errors{${job('daily-memory')}}`]: [[0, 4]],
      [`openclaw_cron_job_enabled{${job('daily-memory')}}`]: [[0, 0]],
      [`openclaw_cron_consecutive_errors{${job('gcal-digest')}}`]: [[0, 10]],
      [`openclaw_cron_job_enabled{${job('gcal-digest')}}`]: [[0, 0]],
    },
    firing: { 30: ['OpenClawCronJobFailing/2@gcal-digest'] },
  },
  {
    ids: ['C3'],
    name: 'a tick vanishes without a trace',
    minutes: 120,
    world: missed('daily-memory', 30),
    firing: { 29: [], 31: ['OpenClawCronRunMissed/1@daily-memory'], 95: [] },
    never: 'critical',
  },
  {
    ids: ['C4'],
    name: 'gateway down over a due time: its page, and a warning for each job afterwards',
    minutes: 120,
    world: {
      ...killed(30, 60),
      ...all(
        JOBS.map((name) => `openclaw_cron_job_overdue_seconds{${job(name)}}`),
        [0, 0],
        [35, growing(60)],
        [62, 0],
      ),
      ...all(
        JOBS.map((name) => `openclaw_cron_missed_runs_total{${job(name)}}`),
        [0, 0],
        [61, 1],
      ),
    },
    firing: {
      58: ['OpenClawGatewayDown/1', 'OpenClawGatewayDown/2'],
      64: ['OpenClawGatewayRestarted/1', ...JOBS.map((name) => `OpenClawCronRunMissed/1@${name}`)],
    },
    cause: { 58: 'process' },
  },
  {
    ids: ['C5'],
    name: 'all jobs silent while the gateway answers: cron has stopped',
    minutes: 120,
    world: allSilent(30),
    firing: {
      44: [],
      46: ['OpenClawCronStopped/1'],
      55: ['OpenClawCronStopped/1', ...JOBS.map((name) => `OpenClawCronJobOverdue/1@${name}`)],
      61: [
        'OpenClawCronStopped/1',
        'OpenClawCronStopped/2',
        ...JOBS.map((name) => `OpenClawCronJobOverdue/1@${name}`),
      ],
      91: [
        'OpenClawCronStopped/1',
        'OpenClawCronStopped/2',
        'OpenClawCronStopped/3',
        ...JOBS.map((name) => `OpenClawCronJobOverdue/1@${name}`),
      ],
    },
    cause: { 39: '', 46: 'cron' },
    health: { 50: { cron: 0, answers: 1 } },
  },
  {
    ids: ['C5'],
    name: 'one late job beside others that run is overdue, no more',
    minutes: 90,
    world: {
      [`openclaw_cron_job_overdue_seconds{${job('daily-memory')}}`]: [
        [0, 0],
        [30, growing(60)],
      ],
      [`openclaw_cron_last_run_timestamp_seconds{${job('daily-memory')}}`]: [
        [0, growing(60)],
        [30, 1800],
      ],
    },
    firing: { 49: [], 55: ['OpenClawCronJobOverdue/1@daily-memory'] },
    never: 'critical',
  },
  {
    ids: ['C5'],
    name: 'two late jobs beside one that runs are no stop',
    minutes: 90,
    world: {
      ...allSilent(30),
      [`openclaw_cron_job_overdue_seconds{${job('gcal-digest')}}`]: [[0, 0]],
      [`openclaw_cron_last_run_timestamp_seconds{${job('gcal-digest')}}`]: [[0, growing(60)]],
    },
    firing: { 60: ['OpenClawCronJobOverdue/1@daily-memory', 'OpenClawCronJobOverdue/1@roundtable-standup'] },
    never: 'critical',
  },
  {
    ids: ['C6'],
    name: 'ran, but its message did not arrive',
    minutes: 90,
    world: {
      [`openclaw_cron_delivery_failures_total{${job('gcal-digest')}}`]: [
        [0, 0],
        [30, 1],
      ],
    },
    firing: { 29: [], 31: ['OpenClawCronDeliveryFailed/1@gcal-digest'], 65: [] },
    never: 'critical',
  },
  {
    ids: ['C7'],
    name: 'the database cannot be read, the logs can',
    minutes: 60,
    world: {
      'openclaw_cron_source_up{source="sqlite"}': [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 34: [], 35: ['OpenClawCronSourceLost/1'] },
    health: { 36: { cron: 0, token: 1 } },
    never: 'critical',
  },
  {
    ids: ['C8', 'C9'],
    name: 'history pruned and logs rotated: no counter moves, nothing fires',
    minutes: 60,
    world: all(
      JOBS.map((name) => `openclaw_cron_runs_total{${job(name)}, status="ok"}`),
      [0, 40],
    ),
    firing: { 59: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['C10'],
    name: 'a job that is removed leaves quietly',
    minutes: 120,
    world: {
      ...all(
        [
          `openclaw_cron_consecutive_errors{${job('daily-memory')}}`,
          `openclaw_cron_job_overdue_seconds{${job('daily-memory')}}`,
          `openclaw_cron_job_enabled{${job('daily-memory')}}`,
          `openclaw_cron_last_run_timestamp_seconds{${job('daily-memory')}}`,
        ],
        [0, 0],
        [30, 'gone'],
      ),
      [`openclaw_cron_runs_total{${job('daily-memory')}, status="error"}`]: [
        [0, 0],
        [90, 'gone'],
      ],
    },
    firing: { 45: [], 100: [] },
    never: 'info|warning|critical',
  },
];
