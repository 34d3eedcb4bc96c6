import { Slices } from '../../../lib/slices.ts';
import type { CronLedger } from '../ledger.ts';
import type { SourceRun } from '../source/cron-source.ts';
import type { CronJob } from '../source/records.ts';
import type { JobEntry } from '../totals.ts';
import {
  AHEAD_MS,
  dueSince,
  isLastRunInFuture,
  type MissCursor,
  missCursorSchema,
  overdueSeconds,
} from './due.ts';
import { logInterval } from './log-interval.ts';
import { advance } from './misses.ts';
import { expectedInterval, plannerOf } from './planner.ts';

/** A gateway keeps at most 2,000 runs a job; so many told at once may be what is left of more. */
const FULL_HISTORY = 1_900;
/** So long a gateway may take to clear the marks of runs that ended with its predecessor. */
const GATEWAY_RECOVERY_MS = 120_000;
/** After so long a gateway drops the mark of a run under way. */
const MAX_RUN_MS = 2 * 3_600_000;
/** Jobs by which the exporter's own time zone is compared with the gateway's plans. */
const MAX_COMPARED = 20;
/** The offsets of all time zones in use are multiples of this. */
const ZONE_STEP_MS = 15 * 60_000;

/** What holds for all jobs. */
export interface PunctualityOptions {
  readonly graceMs: number;
  /** The exporter's own zone; used only as long as it fits what the gateway plans. */
  readonly timeZone: string;
}

/**
 * What is known at one run of the collector beside the jobs themselves. Times in
 * milliseconds since the epoch.
 */
export interface Moment {
  readonly nowMs: number;
  /** The gateway runs no job on purpose; nothing of it is due. */
  readonly isSchedulerOff: boolean;
  /** When the gateway's process started; undefined where it is not known. */
  readonly gatewayStartedAtMs: number | undefined;
  /** Where the wall clock was stepped to since the last run. */
  readonly steppedToMs: number | undefined;
}

/** How a job stands against its schedule. */
export interface Standing {
  /** Seconds for which its next run has been due, 0 while it is in time; undefined: it is never due. */
  readonly lateSeconds: number | undefined;
  /**
   * Whether its plan lies beyond its schedule; undefined where there is no plan or no schedule to compare.
   */
  readonly isBeyondSchedule: boolean | undefined;
  /**
   * The run under way has lasted so long, or is proved to be over, that its mark is wrong in all likelihood.
   */
  readonly isWedged: boolean;
}

interface LastJudged {
  readonly job: CronJob;
  readonly cursor: MissCursor;
  readonly atMs: number;
  readonly isBeyondSchedule: boolean | undefined;
}

/** Whether jobs run when they are due: counts what they missed and says how late they are. */
export class Punctuality {
  readonly #options: PunctualityOptions;
  /**
   * Jobs as they were when they were judged last; one that did not change is judged
   * again only when it may be late.
   */
  readonly #judged = new Map<string, LastJudged>();
  #moment: Moment = {
    nowMs: 0,
    isSchedulerOff: false,
    gatewayStartedAtMs: undefined,
    steppedToMs: undefined,
  };
  /** The last step of the wall clock. */
  #steppedToMs: number | undefined;
  /** Whether a run of any job is under way. */
  #isAnyRunning = false;

  constructor(options: PunctualityOptions) {
    this.#options = options;
  }

  /**
   * Counts in `ledger` what `jobs` missed; pauses now and then, as there may be thousands, and one that was
   * away for long takes ten milliseconds. Jobs and runs are those of sources that could be read in this run.
   */
  async judge(
    jobs: readonly CronJob[],
    runs: readonly SourceRun[],
    ledger: CronLedger,
    moment: Moment,
  ): Promise<void> {
    this.#enterMoment(moment, jobs);
    const runsOf = Map.groupBy(runs, ({ jobId }) => jobId);
    const timeZone = zoneThatFits(jobs, this.#options.timeZone);
    const slices = new Slices();
    for (const job of jobs) {
      const entry = ledger.get(job.id);
      const its = runsOf.get(job.id) ?? [];
      if (entry !== undefined && !(its.length === 0 && this.#isSettled(job, entry, moment.nowMs))) {
        this.#judgeOne(job, entry, { its, ledger, timeZone });
      }
      await slices.pause();
    }
    for (const id of this.#judged.keys()) if (ledger.get(id) === undefined) this.#judged.delete(id);
  }

  /**
   * Until when another judgement of the same jobs, without any run, would say the same; `nowMs` where one of
   * them runs, is late or was not judged. Milliseconds since the epoch.
   */
  quietUntil(jobs: readonly CronJob[], ledger: CronLedger, nowMs: number): number {
    let untilMs = Number.POSITIVE_INFINITY;
    for (const job of jobs) {
      const entry = ledger.get(job.id);
      const cursor = entry === undefined ? undefined : missCursorOf(entry);
      if (entry === undefined || cursor === undefined || !this.#isSettled(job, entry, nowMs)) return nowMs;
      const lateFromMs = dueSince(this.#asJudged(job, entry), cursor) ?? Number.POSITIVE_INFINITY;
      const [dueMs = Number.POSITIVE_INFINITY] = cursor.due;
      untilMs = Math.min(untilMs, lateFromMs, dueMs + this.#options.graceMs);
    }
    return Math.max(nowMs, untilMs);
  }

  /** How a job that was judged stands. */
  standing(job: CronJob, entry: JobEntry | undefined, nowMs: number): Standing {
    if (entry === undefined) {
      return { lateSeconds: undefined, isBeyondSchedule: undefined, isWedged: false };
    }
    const isBeyondSchedule = this.#judged.get(job.id)?.isBeyondSchedule;
    const isWedged = this.#isWedged(job, entry, nowMs);
    const late = overdueSeconds(this.#asJudged(job, entry), missCursorOf(entry), nowMs, isBeyondSchedule);
    if (late === undefined) return { lateSeconds: undefined, isBeyondSchedule, isWedged };
    // Nothing can have been due for longer than the clock has shown this time.
    const sinceStep = this.#steppedToMs === undefined ? late : (nowMs - this.#steppedToMs) / 1000;
    return { lateSeconds: Math.max(0, Math.min(late, sinceStep)), isBeyondSchedule, isWedged };
  }

  /**
   * A mark that nothing supports after a while; else one that is older than the grace, two of the longest
   * runs known and an interval of the job. Gateways themselves drop marks after two hours, so that a daily
   * job does not wait for a day.
   */
  #isWedged(job: CronJob, entry: JobEntry, nowMs: number): boolean {
    const { runningAtMs, origin } = job;
    if (runningAtMs === undefined || origin !== 'gateway') return false;
    const ageMs = nowMs - runningAtMs;
    if (this.#believedRun(job, entry) === undefined) return ageMs > GATEWAY_RECOVERY_MS;
    const intervalMs = (expectedInterval(job) ?? 0) * 1000;
    const longestMs = missCursorOf(entry)?.longestMs ?? 0;
    return ageMs > Math.max(this.#options.graceMs, 2 * longestMs, Math.min(intervalMs, MAX_RUN_MS));
  }

  #enterMoment(moment: Moment, jobs: readonly CronJob[]): void {
    const before = this.#moment;
    this.#moment = moment;
    this.#steppedToMs = moment.steppedToMs ?? this.#steppedToMs;
    this.#isAnyRunning = jobs.some(({ runningAtMs }) => runningAtMs !== undefined);
    if (before.isSchedulerOff !== moment.isSchedulerOff || moment.steppedToMs !== undefined) {
      this.#judged.clear();
    }
  }

  #judgeOne(job: CronJob, entry: JobEntry, { its, ledger, timeZone }: Judging): void {
    const { graceMs } = this.#options;
    const { nowMs, steppedToMs } = this.#moment;
    const runs = its.toSorted((a, b) => a.runAtMs - b.runAtMs);
    const historyCompleteSinceMs = runs.length < FULL_HISTORY ? undefined : runs[0]?.runAtMs;
    const cursor = missCursorOf(entry);
    const options = { graceMs, timeZone, historyCompleteSinceMs, steppedToMs };
    const found = advance(cursor, this.#asJudged(job, entry), runs, nowMs, options);
    if (found.cursor !== cursor) ledger.countMissed(job.id, found, found.cursor, nowMs);
    const { isBeyondSchedule } = found;
    this.#judged.set(job.id, { job, cursor: found.cursor, atMs: nowMs, isBeyondSchedule });
  }

  #isSettled(job: CronJob, entry: JobEntry, nowMs: number): boolean {
    const last = this.#judged.get(job.id);
    if (last?.job !== job || last.cursor !== missCursorOf(entry) || nowMs < last.atMs) return false;
    if (last.isBeyondSchedule === true || isLastRunInFuture(job, nowMs)) return false;
    const [dueMs] = last.cursor.due;
    const isIdle = job.runningAtMs === undefined && job.queuedAtMs === undefined;
    return isIdle && (dueMs === undefined || nowMs <= dueMs + this.#options.graceMs);
  }

  /**
   * The job with the interval that its runs show, without marks that are proved wrong, and
   * never due while cron is off.
   */
  #asJudged(job: CronJob, entry: JobEntry): CronJob {
    const { isSchedulerOff } = this.#moment;
    if (isSchedulerOff && job.origin === 'gateway') return { ...job, enabled: false };
    const timed = withInterval(job, entry);
    if (job.runningAtMs === undefined && job.queuedAtMs === undefined) return timed;
    return { ...timed, runningAtMs: this.#believedRun(job, entry) };
  }

  /**
   * Since when a run of the job is under way or waits for its turn, as far as nothing
   * contradicts the gateway's marks.
   */
  #believedRun(job: CronJob, entry: JobEntry): number | undefined {
    const { runningAtMs, queuedAtMs, lastRunAtMs, origin } = job;
    const { nowMs } = this.#moment;
    const gatewayStartedAtMs = origin === 'gateway' ? (this.#moment.gatewayStartedAtMs ?? 0) : 0;
    // A gateway clears the marks of its predecessor when it starts.
    const isStale = (atMs: number) =>
      atMs > nowMs + AHEAD_MS ||
      (atMs < gatewayStartedAtMs && nowMs - gatewayStartedAtMs > GATEWAY_RECOVERY_MS);
    if (runningAtMs !== undefined) {
      const isFinished = runningAtMs === lastRunAtMs || entry.runs.seen.includes(runningAtMs);
      return isFinished || isStale(runningAtMs) ? undefined : runningAtMs;
    }
    if (queuedAtMs === undefined || isStale(queuedAtMs)) return undefined;
    return this.#isAnyRunning || nowMs - queuedAtMs <= this.#options.graceMs ? queuedAtMs : undefined;
  }
}

interface Judging {
  readonly its: readonly SourceRun[];
  readonly ledger: CronLedger;
  readonly timeZone: string | undefined;
}

/** What stored cursors say; each is read once. */
const missCursors = new WeakMap<object, MissCursor>();

/** Where the search for missed runs of a job goes on; undefined where it has not begun. */
function missCursorOf({ schedule }: JobEntry): MissCursor | undefined {
  if (typeof schedule !== 'object' || schedule === null) return undefined;
  const known = missCursors.get(schedule) ?? missCursorSchema.safeParse(schedule).data;
  if (known === undefined) return undefined;
  missCursors.set(schedule, known);
  // It is handed back to the ledger as it is.
  missCursors.set(known, known);
  return known;
}

/** How often a job is meant to run, and whether that is learnt from its runs; seconds. */
export function intervalOf(
  job: CronJob,
  entry: JobEntry | undefined,
): { readonly seconds: number; readonly learnt: boolean } | undefined {
  const known = expectedInterval(job);
  if (known !== undefined) return { seconds: known, learnt: false };
  const learnt = learntInterval(job, entry);
  return learnt === undefined ? undefined : { seconds: learnt.intervalMs / 1000, learnt: true };
}

function learntInterval({ origin, schedule }: CronJob, entry: JobEntry | undefined) {
  if (origin !== 'log' || schedule.kind !== 'unknown') return undefined;
  return logInterval(undefined, entry?.runs.seen ?? []);
}

/** A job that only its log tells, with the interval that its runs show, once that is reliable. */
function withInterval(job: CronJob, entry: JobEntry): CronJob {
  const learnt = learntInterval(job, entry);
  if (learnt?.steady !== true) return job;
  return { ...job, schedule: { kind: 'every', everyMs: learnt.intervalMs, anchorMs: undefined } };
}

/**
 * The zone for expressions that name none, unless a plan of the gateway shows that it lives in another one.
 */
function zoneThatFits(jobs: readonly CronJob[], timeZone: string): string | undefined {
  const comparable = jobs.filter(
    ({ schedule, nextRunAtMs, consecutiveErrors, selfPaced }) =>
      schedule.kind === 'cron' &&
      schedule.tz === undefined &&
      nextRunAtMs !== undefined &&
      consecutiveErrors === 0 &&
      selfPaced !== true,
  );
  const contradicts = (job: CronJob) => {
    const plannedMs = job.nextRunAtMs ?? 0;
    const ours = plannerOf(job, timeZone)?.next(plannedMs - 1);
    if (ours === undefined) return true;
    // A run that the gateway deferred at its start is off by any time at all; another
    // zone, by quarters of an hour.
    return ours !== plannedMs && (ours - plannedMs) % ZONE_STEP_MS === 0;
  };
  return comparable.slice(0, MAX_COMPARED).some(contradicts) ? undefined : timeZone;
}
