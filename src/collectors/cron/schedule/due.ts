import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CronJob } from '../source/records.ts';
import { isTime } from './planner.ts';

/** A time this far in the future was written by a clock that has been set back since. */
export const AHEAD_MS = 300_000;
/** Plans without a decision that are kept of a job whose schedule does not tell when it is due. */
export const MAX_PLANS = 32;

/**
 * Where the search for a job's missed occurrences goes on; JSON, below 2 kB. Times in
 * milliseconds since the epoch.
 */
export const missCursorSchema = z.object({
  /** Stands for the schedule; another one starts the search anew. */
  schedule: z.string().max(64),
  enabled: z.boolean(),
  /**
   * Occurrences without a decision, ascending. With a schedule that can be computed only the first, from
   * which the others follow; else every `nextRunAtMs` that was seen.
   */
  due: z.array(z.number()).max(MAX_PLANS),
  /** The first occurrence after the last run, decided or not. */
  waitingSinceMs: z.number().optional(),
  /** Everything up to here is decided. */
  decidedMs: z.number(),
  /** The newest run. Without an end it is under way; `lost` ones vanished without one. */
  run: z
    .object({
      startMs: z.number(),
      endMs: z.number().optional(),
      errors: z.int(),
      lost: z.boolean(),
      /** The run before it failed. */
      afterError: z.boolean().optional(),
      /** It succeeded. */
      ok: z.boolean().optional(),
      /** Start of the run before it, where that one succeeded. */
      afterOkMs: z.number().optional(),
    })
    .optional(),
  /** About the longest that recent runs took. */
  longestMs: z.number(),
});
/** Where the search in one job's schedule goes on. */
export type MissCursor = z.output<typeof missCursorSchema>;

/** Whether a job's last run lies in the future, which only a clock that was set back explains. */
export function isLastRunInFuture({ lastRunAtMs }: Pick<CronJob, 'lastRunAtMs'>, nowMs: number): boolean {
  return isTime(lastRunAtMs) && lastRunAtMs > nowMs + AHEAD_MS;
}

/**
 * Seconds for which a job's next run has been due, 0 when it is not or a run is under way; undefined
 * for jobs that are never due: disabled, event-driven, done, or of unknown schedule.
 * `isBeyondSchedule`: the job's plan is not believed.
 */
export function overdueSeconds(
  job: CronJob,
  cursor: MissCursor | undefined,
  nowMs: number,
  isBeyondSchedule = false,
): number | undefined {
  const isHanging = cursor?.run?.lost === true && cursor.run.startMs === job.runningAtMs;
  if (isDueKind(job) && job.runningAtMs !== undefined && !isHanging) return 0;
  const sinceMs = dueSince(job, cursor, isBeyondSchedule || isHanging);
  return sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs) / 1000;
}

/**
 * From when on a job's next run is overdue, milliseconds since the epoch; undefined
 * for jobs that are never due.
 */
export function dueSince(
  job: CronJob,
  cursor: MissCursor | undefined,
  isPlanWrong = false,
): number | undefined {
  if (!isDueKind(job)) return undefined;
  const bySchedule = cursor?.waitingSinceMs;
  return isTime(job.nextRunAtMs) && !(isPlanWrong && bySchedule !== undefined) ? job.nextRunAtMs : bySchedule;
}

/** Whether a job can be due at all. */
export function isDueKind({ enabled, schedule }: CronJob): boolean {
  return enabled && schedule.kind !== 'event';
}

/** Whether two cursors say the same. */
export function isSameCursor(a: MissCursor, b: MissCursor): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf({ schedule, enabled, due, waitingSinceMs, decidedMs, run, longestMs }: MissCursor): string {
  const runKey = [run?.startMs, run?.endMs, run?.errors, run?.lost, run?.ok, run?.afterOkMs, run?.afterError];
  return JSON.stringify([schedule, enabled, due, waitingSinceMs, decidedMs, runKey, longestMs]);
}

/**
 * What makes a schedule another one. An anchor is added by the gateway itself. The interval of a job that
 * only its log tells is an estimate that may change.
 */
export function identifySchedule({ origin, schedule, selfPaced = false }: CronJob): string {
  const { anchorMs: _, staggerMs: __, ...rest } = { anchorMs: 0, staggerMs: 0, ...schedule };
  const what = origin === 'log' && schedule.kind === 'every' ? { kind: 'every' } : rest;
  return createHash('sha256')
    .update(JSON.stringify([what, selfPaced]))
    .digest('hex')
    .slice(0, 16);
}
