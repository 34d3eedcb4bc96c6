import { counter, type Family, gauge } from '../../metrics/family.ts';

const labels = ['cron_job', 'cron_job_id'] as const;
const gone = 'the job was removed, or the source that tells it is unreadable';
const notSaved =
  'nothing could be saved in the storage path yet, or the job was removed more than an hour ago';

/** What the cron collector shows, by what it tells. */
export const CRON_METRICS = {
  runs: counter(
    'openclaw_cron_runs_total',
    'Finished runs of this job by how they ended, each counted once; counting starts when the exporter first runs with its storage path.',
    { labels: ['cron_job', 'cron_job_id', 'status'], meaning: { absent: notSaved } },
  ),
  missed: counter(
    'openclaw_cron_missed_runs_total',
    'Times at which this job was due and did not run within the grace period (cron.grace).',
    { labels, meaning: { absent: notSaved } },
  ),
  deliveryFailures: counter(
    'openclaw_cron_delivery_failures_total',
    'Runs of this job whose message did not arrive, whatever the run itself said.',
    { labels, meaning: { absent: notSaved } },
  ),
  lastRun: gauge(
    'openclaw_cron_last_run_timestamp_seconds',
    'When the last finished run of this job started, as Unix time.',
    { labels, meaning: { absent: `it never ran; ${gone}` } },
  ),
  lastSuccess: gauge(
    'openclaw_cron_last_success_timestamp_seconds',
    'When the last successful run of this job started, as Unix time.',
    { labels, meaning: { absent: `no success in the kept history; ${gone}` } },
  ),
  nextRun: gauge(
    'openclaw_cron_next_run_timestamp_seconds',
    'When the gateway means to run this job next, as Unix time; in the past while a run is under way or late.',
    { labels, meaning: { absent: `it is disabled, done or driven by events; ${gone}` } },
  ),
  lastDuration: gauge(
    'openclaw_cron_last_run_duration_seconds',
    'How long the last finished run of this job took.',
    { labels, meaning: { absent: `it never ran; ${gone}` } },
  ),
  consecutiveErrors: gauge(
    'openclaw_cron_consecutive_errors',
    'How many times in a row this job has failed; the gateway runs it less and less often and disables it after 10.',
    { labels, meaning: { absent: gone, zero: 'the last run did not fail, or there was none' } },
  ),
  enabled: gauge('openclaw_cron_job_enabled', 'Whether this job is enabled.', {
    labels,
    meaning: { absent: gone, zero: 'disabled, by a person or after too many failures', one: 'enabled' },
  }),
  lastStatus: gauge('openclaw_cron_last_run_status', 'How the last run of this job ended: one status is 1.', {
    labels: ['cron_job', 'cron_job_id', 'status'],
    meaning: { absent: `it never ran; ${gone}`, zero: 'not this status', one: 'this status' },
  }),
  overdue: gauge(
    'openclaw_cron_job_overdue_seconds',
    'For how long the next run of this job has been due; 0 while a run is under way.',
    {
      labels,
      meaning: { absent: `it is disabled, done or driven by events; ${gone}`, zero: 'it is not late' },
    },
  ),
  interval: gauge(
    'openclaw_cron_expected_interval_seconds',
    'The longest time from one planned run of this job to the next, by its schedule or learnt from its log.',
    { labels, meaning: { absent: `it runs once, on events, or by an unknown rule; ${gone}` } },
  ),
  intervalLearnt: gauge(
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
  ),
  jobsByEnabled: gauge('openclaw_cron_jobs', 'Cron jobs the gateway has, by whether they are enabled.', {
    labels: ['enabled'],
    meaning: { absent: 'no source of cron jobs is readable', zero: 'there is none' },
  }),
  sourceUp: gauge(
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
  ),
  disagree: gauge(
    'openclaw_cron_sources_disagree',
    'Whether the gateway itself (cron.api) tells other enabled jobs or other last runs than its stored ones, for two of its answers in a row.',
    {
      meaning: {
        absent: 'cron.api is off, or either side cannot be read',
        zero: 'they agree',
        one: 'they differ: the gateway keeps its runs in another place, or does not store them',
      },
    },
  ),
  logsWatching: gauge(
    'openclaw_cron_logs_watching',
    "Whether inotify tells which of the jobs' logs changed.",
    {
      meaning: {
        absent: 'no log is configured or readable',
        zero: 'every log is looked at in each round: few logs, cron.log_watch off, or the limits of inotify reached',
        one: 'only changed logs are looked at',
      },
    },
  ),
  cutLabels: gauge(
    'openclaw_cron_jobs_with_cut_labels',
    'Jobs whose name or id is longer than 128 characters and is shown cut.',
    { meaning: { absent: 'no source of cron jobs is readable', zero: 'there is none' } },
  ),
  duplicates: counter(
    'openclaw_cron_duplicate_runs_total',
    'Runs beyond one per scheduled occurrence of this job; runs started by a person and retries of failed runs are not counted.',
    { labels, meaning: { absent: notSaved } },
  ),
  errors: counter(
    'openclaw_cron_errors_total',
    "Failed runs of all jobs by reason; the sum over reasons grows exactly as openclaw_cron_runs_total with status 'error'.",
    { labels: ['reason'], meaning: { absent: 'nothing could be saved in the storage path yet' } },
  ),
  lastError: gauge('openclaw_cron_last_error_info', 'Why the last run of this job failed: one reason is 1.', {
    labels: ['cron_job', 'cron_job_id', 'reason'],
    meaning: { absent: `the last run did not fail, or there was none; ${gone}`, one: 'this reason' },
  }),
  providerFailing: gauge(
    'openclaw_cron_provider_failing_jobs',
    "Jobs whose last run failed because of the provider of their model, by provider and reason. The provider is the run's where it is recorded, else that of the job's or the agent's model; unknown where a model has an alias.",
    {
      labels: ['provider', 'reason'],
      meaning: { absent: 'no such job, or no source of cron jobs is readable', one: 'one job' },
    },
  ),
  inProgress: gauge(
    'openclaw_cron_run_in_progress_seconds',
    "Age of the run under way, by the gateway's own mark: one that is never cleared keeps the job from running again.",
    { labels, meaning: { absent: `no run is marked as under way; ${gone}`, zero: 'it has just begun' } },
  ),
  beyondSchedule: gauge(
    'openclaw_cron_next_run_beyond_schedule',
    'Whether the gateway plans the next run of this job for later than its schedule allows; occurrences that pass meanwhile are missed.',
    {
      labels,
      meaning: {
        absent: `it is disabled, has no plan, or its schedule does not tell when it is due; ${gone}`,
        zero: 'the plan fits the schedule, or the clock was set back',
        one: 'the plan is later than the schedule allows',
      },
    },
  ),
  lastRunInFuture: gauge(
    'openclaw_cron_last_run_in_future',
    'Jobs whose last run lies in the future: the clock was set back, and the gateway does not run them before the clock has caught up.',
    { meaning: { absent: 'no source of cron jobs is readable', zero: 'there is none', one: 'one such job' } },
  ),
  consecutiveSkips: gauge(
    'openclaw_cron_consecutive_skips',
    'How many times in a row this job was skipped.',
    {
      labels,
      meaning: {
        absent: `it is a heartbeat, whose skips are normal, or its source does not record skips; ${gone}`,
        zero: 'the last run was not skipped, or there was none',
      },
    },
  ),
  disabledInfo: gauge(
    'openclaw_cron_job_disabled_info',
    'Who disabled this job: a person, the gateway after too many failed runs (errors), or the gateway for a schedule it cannot compute (schedule).',
    {
      labels: ['cron_job', 'cron_job_id', 'by'],
      meaning: { absent: `it is enabled, or a one-shot that is done; ${gone}`, one: 'disabled by this' },
    },
  ),
  disappeared: gauge(
    'openclaw_cron_jobs_disappeared',
    'Jobs that vanished from the gateway together and were not removed one by one; counted until they are back, 3 days at most.',
    { meaning: { absent: 'no source of the gateway is readable', zero: 'none' } },
  ),
  unmigrated: gauge(
    'openclaw_cron_unmigrated_jobs',
    "Jobs in a cron/jobs.json beside the gateway's database that an upgrade did not take over: the gateway does not run them.",
    {
      meaning: { absent: 'the gateway keeps its jobs in files, or its database is unreadable', zero: 'none' },
    },
  ),
  schedulerEnabled: gauge(
    'openclaw_cron_scheduler_enabled',
    "Whether the gateway's scheduler of cron jobs is switched on.",
    {
      meaning: {
        absent: 'openclaw.json cannot be read',
        zero: 'switched off by cron.enabled or OPENCLAW_SKIP_CRON: nothing is due, missed or overdue',
        one: 'switched on',
      },
    },
  ),
  logUnmatched: gauge(
    'openclaw_cron_log_lines_unmatched',
    "Whether no line of this job's log ever matched its rule, so that its runs cannot be counted.",
    {
      labels,
      meaning: {
        absent: `its log is empty, or it is a job of the gateway; ${gone}`,
        zero: 'lines matched',
        one: 'lines were read and none matched',
      },
    },
  ),
} as const;

/** Everything the cron collector shows. */
export const CRON_FAMILIES: readonly Family<string>[] = Object.values(CRON_METRICS);
