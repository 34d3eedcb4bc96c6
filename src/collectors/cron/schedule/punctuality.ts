import { Slices } from '../../../lib/slices.ts';
import type { CronLedger, JobEntry } from '../ledger.ts';
import type { SourceRun } from '../source/cron-source.ts';
import type { CronJob } from '../source/records.ts';
import { logInterval } from './log-interval.ts';
import { advance, dueSince, type MissCursor, missCursorSchema, overdueSeconds } from './misses.ts';
import { expectedInterval, plannerOf } from './planner.ts';

/** A gateway keeps at most 2,000 runs a job; so many told at once may be what is left of more. */
const FULL_HISTORY = 1_900;
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

interface LastJudged {
  readonly job: CronJob;
  readonly cursor: MissCursor;
  readonly atMs: number;
}

/** Whether jobs run when they are due: counts what they missed and says how late they are. */
export class Punctuality {
  readonly #options: PunctualityOptions;
  /** Jobs as they were when they were judged last; one that did not change is judged again only when it may be late. */
  readonly #judged = new Map<string, LastJudged>();

  constructor(options: PunctualityOptions) {
    this.#options = options;
  }

  /**
   * Counts in `ledger` what `jobs` missed; pauses now and then, as there may be thousands, and one that was away for
   * long takes ten milliseconds. Jobs and runs are those of sources that could be read in this look.
   */
  async judge(
    jobs: readonly CronJob[],
    runs: readonly SourceRun[],
    ledger: CronLedger,
    nowMs: number,
  ): Promise<void> {
    const runsOf = Map.groupBy(runs, ({ jobId }) => jobId);
    const timeZone = zoneThatFits(jobs, this.#options.timeZone);
    const slices = new Slices();
    for (const job of jobs) {
      const entry = ledger.get(job.id);
      const its = runsOf.get(job.id) ?? [];
      if (entry !== undefined && !(its.length === 0 && this.#isSettled(job, entry, nowMs))) {
        this.#judgeOne(job, entry, { its, ledger, nowMs, timeZone });
      }
      await slices.pause();
    }
    for (const id of this.#judged.keys()) if (ledger.get(id) === undefined) this.#judged.delete(id);
  }

  /**
   * Until when another judgement of the same jobs, without any run, would say the same; `nowMs` where one of them runs,
   * is late or was not judged. Milliseconds since the epoch.
   */
  quietUntil(jobs: readonly CronJob[], ledger: CronLedger, nowMs: number): number {
    let untilMs = Number.POSITIVE_INFINITY;
    for (const job of jobs) {
      const entry = ledger.get(job.id);
      const cursor = entry === undefined ? undefined : missCursorOf(entry);
      if (entry === undefined || cursor === undefined || !this.#isSettled(job, entry, nowMs)) return nowMs;
      const lateFromMs = dueSince(withInterval(job, entry), cursor) ?? Number.POSITIVE_INFINITY;
      const [dueMs = Number.POSITIVE_INFINITY] = cursor.due;
      untilMs = Math.min(untilMs, lateFromMs, dueMs + this.#options.graceMs);
    }
    return Math.max(nowMs, untilMs);
  }

  #judgeOne(job: CronJob, entry: JobEntry, { its, ledger, nowMs, timeZone }: Judging): void {
    const { graceMs } = this.#options;
    const runs = its.toSorted((a, b) => a.runAtMs - b.runAtMs);
    const historyCompleteSinceMs = runs.length < FULL_HISTORY ? undefined : runs[0]?.runAtMs;
    const cursor = missCursorOf(entry);
    const options = { graceMs, timeZone, historyCompleteSinceMs };
    const misses = advance(cursor, withInterval(job, entry), runs, nowMs, options);
    if (misses.cursor !== cursor) ledger.countMissed(job.id, misses.missed, misses.cursor);
    this.#judged.set(job.id, { job, cursor: misses.cursor, atMs: nowMs });
  }

  #isSettled(job: CronJob, entry: JobEntry, nowMs: number): boolean {
    const last = this.#judged.get(job.id);
    if (last?.job !== job || last.cursor !== missCursorOf(entry) || nowMs < last.atMs) return false;
    const [dueMs] = last.cursor.due;
    return job.runningAtMs === undefined && (dueMs === undefined || nowMs <= dueMs + this.#options.graceMs);
  }
}

interface Judging {
  readonly its: readonly SourceRun[];
  readonly ledger: CronLedger;
  readonly nowMs: number;
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

/** How late a job is; undefined for jobs that are never due. Seconds. */
export function lateness(job: CronJob, entry: JobEntry | undefined, nowMs: number): number | undefined {
  const cursor = entry === undefined ? undefined : missCursorOf(entry);
  const due = entry === undefined ? job : withInterval(job, entry);
  return overdueSeconds(due, cursor, nowMs);
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

function learntInterval({ id, schedule }: CronJob, entry: JobEntry | undefined) {
  if (!id.startsWith('log:') || schedule.kind !== 'unknown') return undefined;
  return logInterval(undefined, entry?.runs.seen ?? []);
}

/** A job that only its log tells, with the interval that its runs show, once that is reliable. */
function withInterval(job: CronJob, entry: JobEntry): CronJob {
  const learnt = learntInterval(job, entry);
  if (learnt?.steady !== true) return job;
  return { ...job, schedule: { kind: 'every', everyMs: learnt.intervalMs, anchorMs: undefined } };
}

/** The zone for expressions that name none, unless a plan of the gateway shows that it lives in another one. */
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
    // A run that the gateway deferred at its start is off by any time at all; another zone, by quarters of an hour.
    return ours !== plannedMs && (ours - plannedMs) % ZONE_STEP_MS === 0;
  };
  return comparable.slice(0, MAX_COMPARED).some(contradicts) ? undefined : timeZone;
}
