import { counter, type Family, gauge, type Sample, stateset } from '../../metrics/family.ts';
import { isCut, type JobLabels, jobLabels } from './labels.ts';
import { type Counts, isShown, type JobEntry, noCounts, OTHER, shownCounts, sumCounts } from './ledger.ts';
import { intervalOf } from './schedule/punctuality.ts';
import { type CronJob, RUN_STATUSES, type RunStatus } from './source/records.ts';

const labels = ['cron_job', 'cron_job_id'] as const;
const gone = 'the job was removed, or the source that tells it is unreadable';
const notSaved =
  'nothing could be saved in the storage path yet, or the job was removed more than an hour ago';

const runs = counter(
  'openclaw_cron_runs_total',
  'Finished runs of this job by how they ended, each counted once; counting starts when the exporter first runs with its storage path.',
  { labels: ['cron_job', 'cron_job_id', 'status'], meaning: { absent: notSaved } },
);
const missed = counter(
  'openclaw_cron_missed_runs_total',
  'Times at which this job was due and did not run within the grace period (cron.grace).',
  { labels, meaning: { absent: notSaved } },
);
const deliveryFailures = counter(
  'openclaw_cron_delivery_failures_total',
  'Runs of this job whose message did not arrive, whatever the run itself said.',
  { labels, meaning: { absent: notSaved } },
);
const lastRun = gauge(
  'openclaw_cron_last_run_timestamp_seconds',
  'When the last finished run of this job started, as Unix time.',
  { labels, meaning: { absent: `it never ran; ${gone}` } },
);
const lastSuccess = gauge(
  'openclaw_cron_last_success_timestamp_seconds',
  'When the last successful run of this job started, as Unix time.',
  { labels, meaning: { absent: `no success in the kept history; ${gone}` } },
);
const nextRun = gauge(
  'openclaw_cron_next_run_timestamp_seconds',
  'When the gateway means to run this job next, as Unix time; in the past while a run is under way or late.',
  { labels, meaning: { absent: `it is disabled, done or driven by events; ${gone}` } },
);
const lastDuration = gauge(
  'openclaw_cron_last_run_duration_seconds',
  'How long the last finished run of this job took.',
  { labels, meaning: { absent: `it never ran; ${gone}` } },
);
const consecutiveErrors = gauge(
  'openclaw_cron_consecutive_errors',
  'How many times in a row this job has failed; the gateway runs it less and less often and disables it after 10.',
  { labels, meaning: { absent: gone, zero: 'the last run did not fail, or there was none' } },
);
const enabled = gauge('openclaw_cron_job_enabled', 'Whether this job is enabled.', {
  labels,
  meaning: { absent: gone, zero: 'disabled, by a person or after too many failures', one: 'enabled' },
});
const lastStatus = gauge(
  'openclaw_cron_last_run_status',
  'How the last run of this job ended: one status is 1.',
  {
    labels: ['cron_job', 'cron_job_id', 'status'],
    meaning: { absent: `it never ran; ${gone}`, zero: 'not this status', one: 'this status' },
  },
);
const overdue = gauge(
  'openclaw_cron_job_overdue_seconds',
  'For how long the next run of this job has been due; 0 while a run is under way.',
  {
    labels,
    meaning: { absent: `it is disabled, done or driven by events; ${gone}`, zero: 'it is not late' },
  },
);
const interval = gauge(
  'openclaw_cron_expected_interval_seconds',
  'The longest time from one planned run of this job to the next, by its schedule or learnt from its log.',
  { labels, meaning: { absent: `it runs once, on events, or by an unknown rule; ${gone}` } },
);
const intervalLearnt = gauge(
  'openclaw_cron_expected_interval_learnt',
  'Whether the expected interval of this job was learnt from its runs, since nobody configured it.',
  {
    labels,
    meaning: {
      absent: 'its interval is not known',
      zero: 'scheduled or configured',
      one: 'learnt from its runs',
    },
  },
);
const jobsByEnabled = gauge('openclaw_cron_jobs', 'Cron jobs the gateway has, by whether they are enabled.', {
  labels: ['enabled'],
  meaning: { absent: 'no source of cron jobs is readable', zero: 'there is none' },
});
const sourceUp = gauge(
  'openclaw_cron_source_up',
  'Whether this source of cron jobs and runs can be read; the others go on without it.',
  {
    labels: ['source'],
    meaning: {
      absent: 'this gateway never had it, or it is not configured',
      zero: 'it is there, or was, and cannot be read',
      one: 'it is readable',
    },
  },
);
const cutLabels = gauge(
  'openclaw_cron_jobs_with_cut_labels',
  'Jobs whose name or id is longer than 128 characters and is shown cut.',
  { meaning: { absent: 'no source of cron jobs is readable', zero: 'there is none' } },
);

const disagree = gauge(
  'openclaw_cron_sources_disagree',
  'Whether the gateway itself (cron.api) tells other enabled jobs or other last runs than its stored ones, for two of its answers in a row.',
  {
    meaning: {
      absent: 'cron.api is off, or either side cannot be read',
      zero: 'they agree',
      one: 'they differ: the gateway keeps its runs in another place, or does not store them',
    },
  },
);
const logsWatching = gauge(
  'openclaw_cron_logs_watching',
  "Whether inotify tells which of the jobs' logs changed.",
  {
    meaning: {
      absent: 'no log is configured or readable',
      zero: 'every log is looked at in each round: few logs, cron.log_watch off, or the limits of inotify reached',
      one: 'only changed logs are looked at',
    },
  },
);

/** Everything the cron collector shows. */
export const CRON_FAMILIES: readonly Family<string>[] = [
  runs,
  missed,
  deliveryFailures,
  lastRun,
  lastSuccess,
  nextRun,
  lastDuration,
  consecutiveErrors,
  enabled,
  lastStatus,
  overdue,
  interval,
  intervalLearnt,
  jobsByEnabled,
  sourceUp,
  disagree,
  logsWatching,
  cutLabels,
];

/** The counters of all jobs that are still shown, from entries that are on disk; one list an entry. */
export function* counterSamples(
  entries: readonly JobEntry[],
  departed: Counts,
  nowMs: number,
): Generator<readonly Sample[]> {
  let other = departed;
  let hasOther = total(departed) > 0;
  for (const entry of entries) {
    if (entry.slot === 'other') {
      hasOther = true;
      other = sumCounts(other, shownCounts(entry));
    } else if (isShown(entry, nowMs)) {
      yield entrySamples(entry);
    }
  }
  if (hasOther) yield countsSamples(other, { cron_job: OTHER, cron_job_id: OTHER });
}

/** Entries and jobs that did not change give the samples of before, whose text the registry has already. */
const samplesOfEntry = new WeakMap<JobEntry, readonly Sample[]>();
const samplesOfJob = new WeakMap<
  CronJob,
  { readonly entry: JobEntry | undefined; readonly samples: readonly Sample[] }
>();

function entrySamples(entry: JobEntry): readonly Sample[] {
  const known = samplesOfEntry.get(entry);
  if (known !== undefined) return known;
  const samples = countsSamples(shownCounts(entry), jobLabels(entry));
  samplesOfEntry.set(entry, samples);
  return samples;
}

function countsSamples(counts: Counts, job: JobLabels): Sample[] {
  return [
    ...RUN_STATUSES.map((status) => runs.sample(counts.runs[status], { ...job, status })),
    missed.sample(counts.missed, { ...job }),
    deliveryFailures.sample(counts.deliveryFailures, { ...job }),
  ];
}

function total(counts: Counts): number {
  const { runs: byStatus, deliveryFailures: failures, missed: late } = sumCounts(counts, noCounts());
  return RUN_STATUSES.reduce((sum, status) => sum + byStatus[status], failures + late);
}

/** The gauges of one existing job; `entry` adds what only its runs tell. */
export function jobSamples(job: CronJob, entry: JobEntry | undefined): readonly Sample[] {
  const known = samplesOfJob.get(job);
  if (known !== undefined && known.entry === entry) return known.samples;
  const samples = newJobSamples(job, entry);
  samplesOfJob.set(job, { entry, samples });
  return samples;
}

function newJobSamples(job: CronJob, entry: JobEntry | undefined): Sample[] {
  const its = { ...jobLabels(job) };
  const last = lastRunOf(job, entry);
  return [
    enabled.sample(job.enabled ? 1 : 0, its),
    consecutiveErrors.sample(job.consecutiveErrors, its),
    ...seconds(nextRun, job.nextRunAtMs, its),
    ...seconds(lastRun, last?.atMs, its),
    ...seconds(lastDuration, last?.durationMs, its),
    ...seconds(lastSuccess, lastSuccessOf(job, entry), its),
    ...intervalSamples(job, entry, its),
    ...(last === undefined
      ? []
      : stateset(RUN_STATUSES, last.status, (status, on) => lastStatus.sample(on, { ...its, status }))),
  ];
}

/** Of jobs that are in time. */
const punctualSamples = new WeakMap<CronJob, readonly Sample[]>();

/** How late a job is; apart from the others, since it changes with each moment. */
export function overdueSamples(job: CronJob, late: number | undefined): readonly Sample[] {
  if (late === undefined) return [];
  const known = late === 0 ? punctualSamples.get(job) : undefined;
  if (known !== undefined) return known;
  const samples = [overdue.sample(late, { ...jobLabels(job) })];
  if (late === 0) punctualSamples.set(job, samples);
  return samples;
}

function intervalSamples(job: CronJob, entry: JobEntry | undefined, its: JobLabels): Sample[] {
  const known = intervalOf(job, entry);
  if (known === undefined) return [];
  return [
    interval.sample(known.seconds, { ...its }),
    intervalLearnt.sample(known.learnt ? 1 : 0, { ...its }),
  ];
}

/** How many jobs there are; of all of them, beyond the limit too. */
export function jobCountSamples(jobs: readonly CronJob[]): Sample[] {
  const on = jobs.filter((job) => job.enabled).length;
  return [
    jobsByEnabled.sample(on, { enabled: 'true' }),
    jobsByEnabled.sample(jobs.length - on, { enabled: 'false' }),
    cutLabels.sample(jobs.filter(isCut).length, {}),
  ];
}

/** Whether a source of jobs and runs can be read. */
export function sourceSample(source: string, up: boolean): Sample {
  return sourceUp.sample(up ? 1 : 0, { source });
}

/** Nothing where there are no two sources to compare. */
export function disagreeSample(differ: boolean | undefined): Sample[] {
  return differ === undefined ? [] : [disagree.sample(differ ? 1 : 0, {})];
}

/** How changes of logs are noticed; nothing where there are no logs. */
export function watchingSample(watching: 'inotify' | 'polling' | undefined): Sample[] {
  return watching === undefined ? [] : [logsWatching.sample(watching === 'inotify' ? 1 : 0, {})];
}

interface LastRun {
  readonly atMs: number;
  readonly status: RunStatus;
  readonly durationMs?: number | undefined;
}

/** The job's own word, refined by the run itself: the job calls an interrupted run an error. */
function lastRunOf(job: CronJob, entry: JobEntry | undefined): LastRun | undefined {
  const { lastRunAtMs: atMs, lastRunStatus: status, lastDurationMs: durationMs } = job;
  if (atMs === undefined || status === undefined || atMs === entry?.last?.atMs) {
    return entry?.last ?? (atMs === undefined ? undefined : { atMs, status: status ?? 'other', durationMs });
  }
  return { atMs, status, durationMs };
}

function lastSuccessOf(job: CronJob, entry: JobEntry | undefined): number | undefined {
  return job.lastRunStatus === 'ok' ? (job.lastRunAtMs ?? entry?.lastSuccessMs) : entry?.lastSuccessMs;
}

function seconds(family: Family<(typeof labels)[number]>, ms: number | undefined, its: JobLabels): Sample[] {
  return ms === undefined ? [] : [family.sample(ms / 1000, { ...its })];
}
