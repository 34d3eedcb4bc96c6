import { type Family, type Sample, stateset } from '../../metrics/family.ts';
import { isCut, type JobLabels, jobLabels } from './labels.ts';
import { CRON_METRICS } from './metrics.ts';
import { intervalOf, type Standing } from './schedule/punctuality.ts';
import {
  type CronJob,
  DISABLED_BY,
  ERROR_REASONS,
  type ErrorReason,
  RUN_STATUSES,
  type RunOutcome,
  type RunStatus,
} from './source/records.ts';
import { type Counts, isShown, type JobEntry, OTHER, shownCounts, sumCounts } from './totals.ts';

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
    ...RUN_STATUSES.map((status) => CRON_METRICS.runs.sample(counts.runs[status], { ...job, status })),
    CRON_METRICS.missed.sample(counts.missed, { ...job }),
    CRON_METRICS.duplicates.sample(counts.duplicates, { ...job }),
    CRON_METRICS.deliveryFailures.sample(counts.deliveryFailures, { ...job }),
  ];
}

function total(counts: Counts): number {
  const { runs: byStatus, deliveryFailures: failures, missed: late, duplicates: twice } = counts;
  return RUN_STATUSES.reduce((sum, status) => sum + byStatus[status], failures + late + twice);
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
    CRON_METRICS.enabled.sample(job.enabled ? 1 : 0, its),
    CRON_METRICS.consecutiveErrors.sample(job.consecutiveErrors, its),
    ...seconds(CRON_METRICS.nextRun, job.nextRunAtMs, its),
    ...seconds(CRON_METRICS.lastRun, last?.atMs, its),
    ...seconds(CRON_METRICS.lastDuration, last?.durationMs, its),
    ...seconds(CRON_METRICS.lastSuccess, lastSuccessOf(job, entry), its),
    ...intervalSamples(job, entry, its),
    ...claimSamples(job, its),
    ...(last?.status === 'error'
      ? [CRON_METRICS.lastError.sample(1, { ...its, reason: last.reason ?? 'unknown' })]
      : []),
    ...(last === undefined
      ? []
      : stateset(RUN_STATUSES, last.status, (status, on) =>
          CRON_METRICS.lastStatus.sample(on, { ...its, status }),
        )),
  ];
}

/** What a job's own state says beside its runs. */
function claimSamples(job: CronJob, its: JobLabels): Sample[] {
  const { consecutiveSkips: skips, disabledBy, hasUnmatchedLog } = job;
  return [
    ...(skips === undefined || job.isHeartbeat === true
      ? []
      : [CRON_METRICS.consecutiveSkips.sample(skips, { ...its })]),
    ...DISABLED_BY.filter((by) => by === disabledBy).map((by) =>
      CRON_METRICS.disabledInfo.sample(1, { ...its, by }),
    ),
    ...(hasUnmatchedLog === undefined
      ? []
      : [CRON_METRICS.logUnmatched.sample(hasUnmatchedLog ? 1 : 0, { ...its })]),
  ];
}

/** Of jobs that are in time, idle, and planned as their schedule says; by whether that could be compared. */
const calmSamples = {
  compared: new WeakMap<CronJob, readonly Sample[]>(),
  unknown: new WeakMap<CronJob, readonly Sample[]>(),
};

/** How a job stands at this moment; apart from its other samples, since time alone changes these. */
export function standingSamples(job: CronJob, standing: Standing, nowMs: number): readonly Sample[] {
  const { lateSeconds, isBeyondSchedule } = standing;
  const isCalm = lateSeconds === 0 && isBeyondSchedule !== true && job.runningAtMs === undefined;
  if (!isCalm) return newStandingSamples(job, standing, nowMs);
  const calm = isBeyondSchedule === undefined ? calmSamples.unknown : calmSamples.compared;
  const known = calm.get(job);
  if (known !== undefined) return known;
  const samples = newStandingSamples(job, standing, nowMs);
  calm.set(job, samples);
  return samples;
}

function newStandingSamples(
  job: CronJob,
  { lateSeconds, isBeyondSchedule }: Standing,
  nowMs: number,
): readonly Sample[] {
  const its = jobLabels(job);
  const age = runAge(job, nowMs);
  return [
    ...(lateSeconds === undefined ? [] : [CRON_METRICS.overdue.sample(lateSeconds, { ...its })]),
    ...(isBeyondSchedule === undefined
      ? []
      : [CRON_METRICS.beyondSchedule.sample(isBeyondSchedule ? 1 : 0, { ...its })]),
    ...(age === undefined ? [] : [CRON_METRICS.inProgress.sample(age, { ...its })]),
  ];
}

/** Seconds since the start of the run that the gateway marks as under way; undefined where it marks none. */
export function runAge({ runningAtMs }: CronJob, nowMs: number): number | undefined {
  return runningAtMs === undefined ? undefined : Math.max(0, nowMs - runningAtMs) / 1000;
}

/** Failed runs of all jobs by reason, from totals that are on disk. */
export function errorSamples(totals: Readonly<Record<ErrorReason, number>>): Sample[] {
  return ERROR_REASONS.map((reason) => CRON_METRICS.errors.sample(totals[reason], { reason }));
}

/** What is wrong with the gateway's jobs as a whole; undefined where it cannot be known. */
export interface StoreCondition {
  readonly inFuture: number | undefined;
  readonly disappeared: number | undefined;
  readonly unmigrated: number | undefined;
  readonly isSchedulerOn: boolean | undefined;
}

/** The condition of the gateway's jobs as a whole. */
export function conditionSamples(condition: StoreCondition): Sample[] {
  const sample = (family: Family, value: number | undefined) =>
    value === undefined ? [] : [family.sample(value, {})];
  const { isSchedulerOn } = condition;
  return [
    ...sample(CRON_METRICS.lastRunInFuture, condition.inFuture),
    ...sample(CRON_METRICS.disappeared, condition.disappeared),
    ...sample(CRON_METRICS.unmigrated, condition.unmigrated),
    ...sample(CRON_METRICS.schedulerEnabled, isSchedulerOn === undefined ? undefined : Number(isSchedulerOn)),
  ];
}

function intervalSamples(job: CronJob, entry: JobEntry | undefined, its: JobLabels): Sample[] {
  const known = intervalOf(job, entry);
  if (known === undefined) return [];
  return [
    CRON_METRICS.interval.sample(known.seconds, { ...its }),
    CRON_METRICS.intervalLearnt.sample(known.learnt ? 1 : 0, { ...its }),
  ];
}

/** How many jobs there are; of all of them, beyond the limit too. */
export function jobCountSamples(jobs: readonly CronJob[]): Sample[] {
  const on = jobs.filter((job) => job.enabled).length;
  return [
    CRON_METRICS.jobsByEnabled.sample(on, { enabled: 'true' }),
    CRON_METRICS.jobsByEnabled.sample(jobs.length - on, { enabled: 'false' }),
    CRON_METRICS.cutLabels.sample(jobs.filter(isCut).length, {}),
  ];
}

/** Whether a source of jobs and runs can be read. */
export function sourceSample(source: string, up: boolean): Sample {
  return CRON_METRICS.sourceUp.sample(up ? 1 : 0, { source });
}

/** Nothing where there are no two sources to compare. */
export function disagreeSample(differ: boolean | undefined): Sample[] {
  return differ === undefined ? [] : [CRON_METRICS.disagree.sample(differ ? 1 : 0, {})];
}

/** How changes of logs are noticed; nothing where there are no logs. */
export function watchingSample(watching: 'inotify' | 'polling' | undefined): Sample[] {
  return watching === undefined ? [] : [CRON_METRICS.logsWatching.sample(watching === 'inotify' ? 1 : 0, {})];
}

/** The last finished run of a job. */
export interface LastRun {
  readonly atMs: number;
  readonly status: RunStatus;
  readonly durationMs?: number | undefined;
  /** Why it failed; undefined where it did not, or no reason is recorded of this run. */
  readonly reason?: ErrorReason | undefined;
  readonly outcome?: RunOutcome | undefined;
}

/** The job's own word, refined by the run itself: the job calls an interrupted run an error. */
export function lastRunOf(job: CronJob, entry: JobEntry | undefined): LastRun | undefined {
  const { lastRunAtMs: atMs, lastRunStatus: status, lastDurationMs: durationMs } = job;
  const state = { reason: job.lastErrorReason, outcome: job.lastOutcome };
  const last = entry?.last;
  if (atMs === undefined) return last;
  if (last !== undefined && (status === undefined || atMs === last.atMs)) {
    if (atMs !== last.atMs) return last;
    return {
      ...last,
      reason: last.reason ?? state.reason,
      outcome: mergeOutcomes(last.outcome, state.outcome),
    };
  }
  return { atMs, status: status ?? 'other', durationMs, ...state };
}

function mergeOutcomes(a: RunOutcome | undefined, b: RunOutcome | undefined): RunOutcome | undefined {
  return a === undefined || b === undefined ? (a ?? b) : { ...b, ...a };
}

function lastSuccessOf(job: CronJob, entry: JobEntry | undefined): number | undefined {
  return job.lastRunStatus === 'ok' ? (job.lastRunAtMs ?? entry?.lastSuccessMs) : entry?.lastSuccessMs;
}

function seconds(family: Family<keyof JobLabels>, ms: number | undefined, its: JobLabels): Sample[] {
  return ms === undefined ? [] : [family.sample(ms / 1000, { ...its })];
}
