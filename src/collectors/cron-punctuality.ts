import type { CronJob } from '../sources/cron-records.ts';
import type { SourceRun } from '../sources/cron-source.ts';
import { logInterval } from './cron-log-interval.ts';
import { advance, type MissCursor, missCursorSchema, overdueSeconds } from './cron-misses.ts';
import { expectedInterval, plannerOf } from './cron-schedule.ts';
import type { CronLedger, JobEntry } from './cron-totals.ts';

/** A gateway keeps at most 2,000 runs a job; so many told at once may be what is left of more. */
const FULL_HISTORY = 1_900;
/** Jobs by which the exporter's own time zone is compared with the gateway's plans. */
const MAX_COMPARED = 20;
/** The offsets of all time zones in use are multiples of this. */
const ZONE_STEP_MS = 15 * 60_000;

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

  /** Counts in `ledger` what `jobs` missed. Jobs and runs are those of sources that could be read in this look. */
  judge(jobs: readonly CronJob[], runs: readonly SourceRun[], ledger: CronLedger, nowMs: number): void {
    const runsOf = Map.groupBy(runs, ({ jobId }) => jobId);
    const timeZone = zoneThatFits(jobs, this.#options.timeZone);
    for (const told of jobs) {
      const entry = ledger.get(told.id);
      if (entry === undefined) continue;
      const cursor = missCursorSchema.safeParse(entry.schedule).data;
      const its = (runsOf.get(told.id) ?? []).toSorted((a, b) => a.runAtMs - b.runAtMs);
      if (its.length === 0 && this.#isSettled(told, cursor, nowMs)) continue;
      const { graceMs } = this.#options;
      const historyCompleteSinceMs = its.length < FULL_HISTORY ? undefined : its[0]?.runAtMs;
      const options = { graceMs, timeZone, historyCompleteSinceMs };
      const misses = advance(cursor, withInterval(told, entry), its, nowMs, options);
      if (misses.cursor !== cursor) ledger.countMissed(told.id, misses.missed, misses.cursor);
      this.#judged.set(told.id, { job: told, cursor: misses.cursor, atMs: nowMs });
    }
    for (const id of this.#judged.keys()) if (ledger.get(id) === undefined) this.#judged.delete(id);
  }

  #isSettled(job: CronJob, cursor: MissCursor | undefined, nowMs: number): boolean {
    const last = this.#judged.get(job.id);
    if (cursor === undefined || last?.job !== job || nowMs < last.atMs) return false;
    const [dueMs] = cursor.due;
    return job.runningAtMs === undefined && (dueMs === undefined || nowMs <= dueMs + this.#options.graceMs);
  }
}

/** How late a job is; undefined for jobs that are never due. Seconds. */
export function lateness(job: CronJob, entry: JobEntry | undefined, nowMs: number): number | undefined {
  const cursor = missCursorSchema.safeParse(entry?.schedule).data;
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
