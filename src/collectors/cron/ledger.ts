import { z } from 'zod';
import type { SourceRun } from './source/cron-source.ts';
import { RUN_STATUSES, type RunStatus } from './source/records.ts';

/** Identities kept beside the watermark, by time of counting; runs of a job follow each other, so few are enough. */
const MAX_SEEN = 24;
/** How long the counters of a removed job are shown. */
const REMOVED_SHOWN_MS = 3_600_000;
/** A removed job is remembered for longer than any gateway keeps its runs (7 days), so that none is counted anew. */
const REMOVED_KEPT_MS = 8 * 24 * 3_600_000;
const MAX_REMOVED = 2_000;
/** The label values of the one series that stands for all jobs beyond the limit. */
export const OTHER = '_other';

const count = z.int().nonnegative();
const countsSchema = z.object({
  runs: z.object(
    Object.fromEntries(RUN_STATUSES.map((status) => [status, count])) as Record<RunStatus, typeof count>,
  ),
  deliveryFailures: count,
  missed: count,
});
/**
 * Which occurrences were counted: those in `seen`, and every one up to the watermark, which is the latest that `seen`
 * had to let go. Milliseconds since the epoch.
 */
const trackSchema = z.object({
  seen: z.array(z.number()),
  watermark: z.number().optional(),
  /**
   * First and last of those that a source without places counted ahead of the store: once they are no longer in
   * `seen`, their place in the store proves nothing.
   */
  ahead: z.tuple([z.number(), z.number()]).optional(),
});

const entrySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Whether the job has series of its own or is summed into `_other`; never both for the same count. */
  slot: z.enum(['own', 'other']),
  counts: countsSchema,
  /** What is shown instead of `counts` until the publishing delay is over. */
  held: countsSchema.optional(),
  runs: trackSchema,
  deliveries: trackSchema,
  last: z
    .object({ atMs: z.number(), status: z.enum(RUN_STATUSES), durationMs: z.number().optional() })
    .optional(),
  lastSuccessMs: z.number().optional(),
  removedAtMs: z.number().optional(),
  /** Where the search for missed runs goes on. */
  schedule: z.unknown().optional(),
});

/** The section of the state file: totals, what they already hold, and where each source goes on. */
export const ledgerSchema = z.object({
  /** Runs that finished earlier are history from before this exporter: they set gauges and are never counted. */
  sinceMs: z.number(),
  jobs: z.array(entrySchema),
  /** Counts of jobs that were summed into `_other` and have left it. */
  other: countsSchema,
  cursors: z.record(z.string(), z.unknown()),
  /** Sources that were readable at least once: their absence is a loss. */
  sourcesSeen: z.array(z.string()),
});

/** Totals of one job, or of all beyond the limit of series. */
export type Counts = z.output<typeof countsSchema>;
/** What is kept of one job; times in milliseconds since the epoch. */
export type JobEntry = z.output<typeof entrySchema>;
type Track = z.output<typeof trackSchema>;
type StoredLedger = z.output<typeof ledgerSchema>;

const NOTHING_SEEN: Track = { seen: [] };

/** Nothing counted. */
export function noCounts(): Counts {
  const runs = Object.fromEntries(RUN_STATUSES.map((status) => [status, 0])) as Record<RunStatus, number>;
  return { runs, deliveryFailures: 0, missed: 0 };
}

/** Two totals added. */
export function sumCounts(a: Counts, b: Counts): Counts {
  const runs = { ...a.runs };
  for (const status of RUN_STATUSES) runs[status] += b.runs[status];
  return { runs, deliveryFailures: a.deliveryFailures + b.deliveryFailures, missed: a.missed + b.missed };
}

/** What a scrape may see of an entry now. */
export function shownCounts(entry: JobEntry): Counts {
  return entry.held ?? entry.counts;
}

/** Whether an entry's counters are still shown. */
export function isShown({ removedAtMs }: JobEntry, nowMs: number): boolean {
  return removedAtMs === undefined || nowMs - removedAtMs < REMOVED_SHOWN_MS;
}

/**
 * The exactly-once accounting of cron: each finished run changes the totals once, whoever tells it and how often.
 * Entries are replaced, never changed, so a snapshot taken for the state file stays as it is.
 */
export class CronLedger {
  /** When counting began: older runs count only where a source appends them. Wall time, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly #entries: Map<string, JobEntry>;
  #other: Counts;
  #cursors: Readonly<Record<string, unknown>>;
  #sourcesSeen: ReadonlySet<string>;
  #freeSlots = 0;
  /** Something changed that must be on disk before it is shown. */
  dirty: boolean;

  private constructor(stored: StoredLedger, dirty: boolean) {
    this.sinceMs = stored.sinceMs;
    this.#entries = new Map(stored.jobs.map((entry) => [entry.id, entry]));
    this.#other = stored.other;
    this.#cursors = stored.cursors;
    this.#sourcesSeen = new Set(stored.sourcesSeen);
    this.dirty = dirty;
  }

  /** An empty ledger: counting starts at `nowMs`. */
  static startingAt(nowMs: number): CronLedger {
    const stored = { sinceMs: nowMs, jobs: [], other: noCounts(), cursors: {}, sourcesSeen: [] };
    return new CronLedger(stored, true);
  }

  /** Goes on from what the state file holds. */
  static from(stored: StoredLedger): CronLedger {
    return new CronLedger(stored, false);
  }

  /** What the state file has to hold. */
  stored(): StoredLedger {
    return {
      sinceMs: this.sinceMs,
      jobs: [...this.#entries.values()],
      other: this.#other,
      cursors: this.#cursors,
      sourcesSeen: [...this.#sourcesSeen],
    };
  }

  /** What is known of a job, also of one that was removed; stays as it is, a change makes another. */
  get(id: string): JobEntry | undefined {
    return this.#entries.get(id);
  }

  /** Where the next look at a source goes on; undefined before the first. */
  cursor(source: string): unknown {
    return this.#cursors[source];
  }

  /**
   * Moves a source's cursor on. By itself that is no reason to write the state: from the former place the same runs
   * would be found and recognized again.
   */
  moveCursor(source: string, cursor: unknown): void {
    this.#cursors = { ...this.#cursors, [source]: cursor };
  }

  /** Whether a source was readable at least once, so that its absence is a loss. */
  hasSeen(source: string): boolean {
    return this.#sourcesSeen.has(source);
  }

  /** Notes that a source was readable, or that it is rightly gone: its content was imported elsewhere. */
  markSource(source: string, seen: boolean): void {
    if (this.hasSeen(source) === seen) return;
    const sources = new Set(this.#sourcesSeen);
    if (seen) sources.add(source);
    else sources.delete(source);
    this.#sourcesSeen = sources;
    this.dirty = true;
  }

  /** Until when what is shown of removed jobs stays as it is; milliseconds since the epoch. */
  removedUntil(nowMs: number): number {
    let untilMs = Number.POSITIVE_INFINITY;
    for (const { removedAtMs } of this.#entries.values()) {
      const hiddenMs = (removedAtMs ?? Number.POSITIVE_INFINITY) + REMOVED_SHOWN_MS;
      if (hiddenMs > nowMs) untilMs = Math.min(untilMs, hiddenMs);
    }
    return untilMs;
  }

  /** A job that exists now. New names and returning series show their former value first, for the publishing delay. */
  present(id: string, name: string, nowMs: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      this.#put(this.#newEntry(id, name));
      return;
    }
    if (entry.removedAtMs === undefined && entry.name === name) return;
    const appearsAnew = entry.name !== name || !isShown(entry, nowMs);
    const { removedAtMs: _, ...rest } = entry;
    this.#put({ ...rest, name, ...(appearsAnew ? { held: shownCounts(entry) } : {}) });
  }

  /** Jobs that no longer exist; `isGone` is asked of every entry that still counts as existing. */
  removeWhere(isGone: (id: string) => boolean, nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.removedAtMs === undefined) {
        if (isGone(entry.id)) this.#put({ ...entry, removedAtMs: nowMs });
      } else if (entry.removedAtMs > nowMs) {
        // The wall clock was set back: the hour starts again rather than lasting until the clock catches up.
        this.#put({ ...entry, removedAtMs: nowMs });
      }
    }
    this.#forgetRemoved(nowMs);
  }

  /**
   * Counts a finished run unless it is counted already or older than this ledger. A run of a job that nobody lists any
   * more (a one-shot job between two looks) makes that job known as a removed one.
   */
  countRun(run: SourceRun, nowMs: number): void {
    const known = this.#entries.get(run.jobId);
    const runs = this.#once(known?.runs ?? NOTHING_SEEN, run);
    const deliveries = run.deliveryFailed ? this.#once(known?.deliveries ?? NOTHING_SEEN, run) : undefined;
    const isNew = runs !== undefined || deliveries !== undefined;
    if (known === undefined && !isNew) return;
    const base = known ?? { ...this.#newEntry(run.jobId, run.jobName ?? run.jobId), removedAtMs: nowMs };
    const entry = withLast(base, run);
    if (isNew) this.#put(counted(entry, run, runs, deliveries));
    else if (entry !== known) this.#put(entry);
  }

  /** Adds occurrences that passed without a run, with where their search goes on. */
  countMissed(id: string, missed: number, schedule: unknown): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#put({ ...entry, schedule, counts: { ...entry.counts, missed: entry.counts.missed + missed } });
  }

  /** A success that only history tells. */
  learnSuccess(id: string, atMs: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || (entry.lastSuccessMs ?? Number.NEGATIVE_INFINITY) >= atMs) return;
    this.#put({ ...entry, lastSuccessMs: atMs });
  }

  /** The publishing delay of this entry is over. */
  release(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.held === undefined) return;
    const { held: _, ...rest } = entry;
    this.#put(rest);
  }

  /**
   * Gives at most `max` jobs series of their own, the longest known first; who has some keeps them. A job that moves
   * leaves its counts where they were shown and starts at 0 where it goes, so that no series ever falls. To be called
   * before jobs and runs of a look are entered.
   */
  assignSlots(max: number, nowMs: number): void {
    const shown = [...this.#entries.values()].filter((entry) => isShown(entry, nowMs));
    const own = shown.filter(({ slot }) => slot === 'own');
    for (const entry of own.slice(max)) {
      const { held: _, ...rest } = entry;
      this.#put({ ...rest, slot: 'other', counts: noCounts() });
    }
    const waiting = shown.filter(({ slot, removedAtMs }) => slot === 'other' && removedAtMs === undefined);
    const promoted = waiting.slice(0, Math.max(max - own.length, 0));
    for (const entry of promoted) {
      this.#other = sumCounts(this.#other, entry.counts);
      this.#put({ ...entry, slot: 'own', counts: noCounts(), held: noCounts() });
    }
    this.#freeSlots = Math.max(max - own.length - promoted.length, 0);
  }

  #newEntry(id: string, name: string): JobEntry {
    const slot = this.#freeSlots > 0 ? 'own' : 'other';
    this.#freeSlots -= 1;
    return {
      id,
      name,
      slot,
      counts: noCounts(),
      held: noCounts(),
      runs: NOTHING_SEEN,
      deliveries: NOTHING_SEEN,
    };
  }

  #once(track: Track, run: SourceRun): Track | undefined {
    if (track.seen.includes(run.runAtMs)) return undefined;
    const isAfter = track.watermark === undefined || run.runAtMs > track.watermark;
    const isNew = run.appended
      ? isAfter || !isWithin(run.runAtMs, track.ahead)
      : isAfter && run.finishedAtMs > this.sinceMs;
    if (!isNew) return undefined;
    const seen = [...track.seen, run.runAtMs];
    const evicted = seen.splice(0, seen.length - MAX_SEEN);
    const watermark = evicted.length === 0 ? track.watermark : Math.max(track.watermark ?? 0, ...evicted);
    const ahead = aheadAfter(track.ahead, run);
    return {
      seen,
      ...(watermark === undefined ? {} : { watermark }),
      ...(ahead === undefined ? {} : { ahead }),
    };
  }

  #forgetRemoved(nowMs: number): void {
    const removed = [...this.#entries.values()]
      .filter((entry) => entry.removedAtMs !== undefined)
      .sort((a, b) => (b.removedAtMs ?? 0) - (a.removedAtMs ?? 0));
    for (const [index, entry] of removed.entries()) {
      if (index < MAX_REMOVED && nowMs - (entry.removedAtMs ?? 0) < REMOVED_KEPT_MS) continue;
      if (entry.slot === 'other') this.#other = sumCounts(this.#other, entry.counts);
      this.#entries.delete(entry.id);
      this.dirty = true;
    }
  }

  #put(entry: JobEntry): void {
    this.#entries.set(entry.id, entry);
    this.dirty = true;
  }
}

function isWithin(ms: number, range: Track['ahead']): boolean {
  return range !== undefined && range[0] <= ms && ms <= range[1];
}

/** What is counted ahead of the store once `run` is counted; nothing as soon as the store is past it. */
function aheadAfter(ahead: Track['ahead'], { appended, placeless, runAtMs }: SourceRun): Track['ahead'] {
  if (placeless) return [Math.min(ahead?.[0] ?? runAtMs, runAtMs), Math.max(ahead?.[1] ?? runAtMs, runAtMs)];
  return appended && ahead !== undefined && runAtMs > ahead[1] ? undefined : ahead;
}

function counted(
  entry: JobEntry,
  run: SourceRun,
  runs: Track | undefined,
  deliveries: Track | undefined,
): JobEntry {
  const { counts } = entry;
  return {
    ...entry,
    runs: runs ?? entry.runs,
    deliveries: deliveries ?? entry.deliveries,
    counts: {
      ...counts,
      runs: runs === undefined ? counts.runs : { ...counts.runs, [run.status]: counts.runs[run.status] + 1 },
      deliveryFailures: counts.deliveryFailures + (deliveries === undefined ? 0 : 1),
    },
  };
}

/** The entry with the newest run and success; itself when the run tells nothing new. */
function withLast(entry: JobEntry, run: SourceRun): JobEntry {
  const { runAtMs: atMs, status, durationMs } = run;
  const isNewest = run.appended || entry.last === undefined || atMs > entry.last.atMs;
  const isLast = isNewest && !(entry.last?.atMs === atMs && entry.last.status === status);
  const isSuccess = status === 'ok' && (run.appended || atMs > (entry.lastSuccessMs ?? 0));
  const isNewSuccess = isSuccess && entry.lastSuccessMs !== atMs;
  if (!isLast && !isNewSuccess) return entry;
  const last = { atMs, status, ...(durationMs === undefined ? {} : { durationMs }) };
  return { ...entry, ...(isLast ? { last } : {}), ...(isNewSuccess ? { lastSuccessMs: atMs } : {}) };
}
