import { z } from 'zod';
import {
  ERROR_REASONS,
  type ErrorReason,
  type JobOrigin,
  RUN_STATUSES,
  type RunStatus,
} from './source/records.ts';

/** How long the counters of a removed job are shown, milliseconds. */
export const REMOVED_SHOWN_MS = 3_600_000;
/** The label values of the one series that stands for all jobs beyond the limit. */
export const OTHER = '_other';

const count = z.int().nonnegative();
const countsSchema = z.object({
  runs: z.object(
    Object.fromEntries(RUN_STATUSES.map((status) => [status, count])) as Record<RunStatus, typeof count>,
  ),
  deliveryFailures: count,
  missed: count,
  duplicates: count.default(0),
  /** Failed runs by reason; a reason that is not in it: none. */
  reasons: z.record(z.string(), count).default({}),
});
/**
 * Which occurrences were counted: those in `seen`, and every one up to the watermark, which is the latest
 * that `seen` had to let go. Milliseconds since the epoch.
 */
const trackSchema = z.object({
  seen: z.array(z.number()),
  watermark: z.number().optional(),
  /**
   * First and last of those that a source without places counted ahead of the store: once they are no longer
   * in `seen`, their place in the store proves nothing.
   */
  ahead: z.tuple([z.number(), z.number()]).optional(),
});

const outcomeSchema = z.object({
  isEmptyReply: z.boolean().optional(),
  isUndelivered: z.boolean().optional(),
  isWithoutChannel: z.boolean().optional(),
  model: z.string().optional(),
});

const storedEntrySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Missing in states of before 0.2, where the id tells it. */
  origin: z.enum(['gateway', 'log']).optional(),
  /** It goes away by itself: a one-shot job, or a heartbeat that the gateway keeps. */
  isTransient: z.boolean().optional(),
  /** Whether the job has series of its own or is summed into `_other`; never both for the same count. */
  slot: z.enum(['own', 'other']),
  counts: countsSchema,
  /** What is shown instead of `counts` until the publishing delay is over. */
  held: countsSchema.optional(),
  /** For how long `held` has been shown, milliseconds; the exporter's restarts left out. */
  heldForMs: z.number().optional(),
  runs: trackSchema,
  deliveries: trackSchema,
  last: z
    .object({
      atMs: z.number(),
      status: z.enum(RUN_STATUSES),
      durationMs: z.number().optional(),
      reason: z.enum(ERROR_REASONS).optional().catch(undefined),
      outcome: outcomeSchema.optional().catch(undefined),
    })
    .optional(),
  lastSuccessMs: z.number().optional(),
  removedAtMs: z.number().optional(),
  /** When a second run of one occurrence was noticed last. */
  twiceAtMs: z.number().optional(),
  /** Where the search for missed runs goes on. */
  schedule: z.unknown().optional(),
});
const entrySchema = storedEntrySchema.transform((entry) => {
  return { ...entry, origin: entry.origin ?? originFromId(entry.id) };
});

/** A job that vanished together with others. */
const disappearedSchema = z.object({ id: z.string(), name: z.string(), atMs: z.number() });

/** The section of the state file: totals, what they already hold, and where each source goes on. */
export const ledgerSchema = z.object({
  /**
   * Runs that finished earlier are history from before this exporter: they set gauges and are never counted.
   */
  sinceMs: z.number(),
  jobs: z.array(entrySchema),
  /** Counts of jobs that were summed into `_other` and have left it. */
  other: countsSchema,
  cursors: z.record(z.string(), z.unknown()),
  /** Sources that were readable at least once: their absence is a loss. */
  sourcesSeen: z.array(z.string()),
  /** Failed runs by reason of jobs that are forgotten. */
  departedReasons: z.record(z.string(), count).default({}),
  disappeared: z.array(disappearedSchema).default([]),
  /** The version of OpenClaw that last wrote its configuration, at the last run. */
  version: z.string().optional(),
  /** When it was first another one than before; wall time. */
  versionSinceMs: z.number().optional(),
  /** Wall time of the last run. */
  seenAtMs: z.number().optional(),
});

function originFromId(id: string): JobOrigin {
  return id.startsWith('log:') ? 'log' : 'gateway';
}

/** Totals of one job, or of all beyond the limit of series. */
export type Counts = z.output<typeof countsSchema>;
/** What is kept of one job; times in milliseconds since the epoch. */
export type JobEntry = z.output<typeof entrySchema>;
/** A job that vanished together with others; times in milliseconds since the epoch. */
export type DisappearedJob = z.output<typeof disappearedSchema>;
/** Which occurrences were counted. */
export type Track = z.output<typeof trackSchema>;
/** The section of the state file. */
export type StoredLedger = z.output<typeof ledgerSchema>;

/** Nothing counted. */
export function noCounts(): Counts {
  const runs = Object.fromEntries(RUN_STATUSES.map((status) => [status, 0])) as Record<RunStatus, number>;
  return { runs, deliveryFailures: 0, missed: 0, duplicates: 0, reasons: {} };
}

/** Two totals added. */
export function sumCounts(a: Counts, b: Counts): Counts {
  const runs = { ...a.runs };
  for (const status of RUN_STATUSES) runs[status] += b.runs[status];
  return {
    runs,
    deliveryFailures: a.deliveryFailures + b.deliveryFailures,
    missed: a.missed + b.missed,
    duplicates: a.duplicates + b.duplicates,
    reasons: sumReasons(a.reasons, b.reasons),
  };
}

/** Failed runs by reason. */
export type Reasons = Counts['reasons'];

/** Two numbers of failed runs by reason added. */
export function sumReasons(a: Reasons, b: Reasons): Reasons {
  const sum = { ...a };
  for (const [reason, more] of Object.entries(b)) sum[reason] = (sum[reason] ?? 0) + more;
  return sum;
}

/**
 * Failed runs by reason of all jobs, from a state that is on disk. Their sum
 * grows as the runs that failed do.
 */
export function reasonTotals({ jobs, other, departedReasons }: StoredLedger): Record<ErrorReason, number> {
  const sum: Reasons = { ...departedReasons };
  for (const { reasons } of [...jobs.map(shownCounts), other]) {
    for (const reason in reasons) sum[reason] = (sum[reason] ?? 0) + (reasons[reason] ?? 0);
  }
  const totals = ERROR_REASONS.map((reason) => [reason, sum[reason] ?? 0]);
  return Object.fromEntries(totals) as Record<ErrorReason, number>;
}

/** What a scrape may see of an entry now. */
export function shownCounts(entry: JobEntry): Counts {
  return entry.held ?? entry.counts;
}

/** Whether an entry's counters are still shown. */
export function isShown({ removedAtMs }: JobEntry, nowMs: number): boolean {
  return removedAtMs === undefined || nowMs - removedAtMs < REMOVED_SHOWN_MS;
}
