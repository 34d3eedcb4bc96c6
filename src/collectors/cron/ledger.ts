import type { SourceRun } from './source/cron-source.ts';
import type { JobOrigin } from './source/records.ts';
import {
  type Counts,
  type DisappearedJob,
  isShown,
  type JobEntry,
  noCounts,
  REMOVED_SHOWN_MS,
  type Reasons,
  type StoredLedger,
  shownCounts,
  sumCounts,
  sumReasons,
  type Track,
} from './totals.ts';

/** Identities kept beside the watermark, by time of counting: few are enough, runs of a job follow each other. */
const MAX_SEEN = 24;
/** Longer than any gateway keeps the runs of a removed job (7 days), so that none is counted again. */
const REMOVED_KEPT_MS = 8 * 24 * 3_600_000;
const MAX_REMOVED = 2_000;
const NOTHING_SEEN: Track = { seen: [] };

/** A job as a source has it now. */
export interface PresentJob {
  readonly id: string;
  readonly name: string;
  readonly origin: JobOrigin;
  /** It goes away by itself. */
  readonly isTransient?: boolean;
}

/**
 * The exactly-once accounting of cron: each finished run changes the totals once, whoever tells it and how
 * often. Entries are replaced, never changed, so a snapshot taken for the state file stays as it is.
 */
export class CronLedger {
  /**
   * When counting began: older runs count only where a source appends them. Wall time, milliseconds since the
   * epoch.
   */
  readonly sinceMs: number;
  readonly #entries: Map<string, JobEntry>;
  #other: Counts;
  #cursors: Readonly<Record<string, unknown>>;
  #sourcesSeen: ReadonlySet<string>;
  #departedReasons: Reasons;
  #disappeared: readonly DisappearedJob[];
  #version: string | undefined;
  #versionSinceMs: number | undefined;
  #seenAtMs: number | undefined;
  #freeSlots = 0;
  /** Something changed that must be on disk before it is shown. */
  dirty: boolean;

  private constructor(stored: StoredLedger, dirty: boolean) {
    this.sinceMs = stored.sinceMs;
    this.#entries = new Map(stored.jobs.map((entry) => [entry.id, entry]));
    this.#other = stored.other;
    this.#cursors = stored.cursors;
    this.#sourcesSeen = new Set(stored.sourcesSeen);
    this.#departedReasons = stored.departedReasons;
    this.#disappeared = stored.disappeared;
    this.#version = stored.version;
    this.#versionSinceMs = stored.versionSinceMs;
    this.#seenAtMs = stored.seenAtMs;
    this.dirty = dirty;
  }

  /** An empty ledger: counting starts at `nowMs`. */
  static startingAt(nowMs: number): CronLedger {
    const empty = { jobs: [], other: noCounts(), cursors: {}, sourcesSeen: [] };
    return new CronLedger({ sinceMs: nowMs, ...empty, departedReasons: {}, disappeared: [] }, true);
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
      departedReasons: this.#departedReasons,
      disappeared: [...this.#disappeared],
      ...(this.#version === undefined ? {} : { version: this.#version }),
      ...(this.#versionSinceMs === undefined ? {} : { versionSinceMs: this.#versionSinceMs }),
      ...(this.#seenAtMs === undefined ? {} : { seenAtMs: this.#seenAtMs }),
    };
  }

  /** Jobs that count as existing. */
  *existing(): Generator<JobEntry> {
    for (const entry of this.#entries.values()) if (entry.removedAtMs === undefined) yield entry;
  }

  /**
   * When this ledger saw the jobs last, and since when OpenClaw's version is another one than before. Wall
   * time.
   */
  get lastSeen(): { readonly atMs: number | undefined; readonly upgradedAtMs: number | undefined } {
    return { atMs: this.#seenAtMs, upgradedAtMs: this.#versionSinceMs };
  }

  /** By itself no reason to write the state, unless the version changed. */
  noteSeen(atMs: number): void {
    this.#seenAtMs = atMs;
  }

  /** The version of OpenClaw that wrote its configuration last; undefined where it is not known now. */
  noteVersion(version: string | undefined, nowMs: number): void {
    if (version === undefined || version === this.#version) return;
    if (this.#version !== undefined) this.#versionSinceMs = nowMs;
    this.#version = version;
    this.dirty = true;
  }

  /** Jobs that vanished together with others and are neither back nor long gone. */
  get disappeared(): readonly DisappearedJob[] {
    return this.#disappeared;
  }

  set disappeared(jobs: readonly DisappearedJob[]) {
    this.#disappeared = jobs;
    this.dirty = true;
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
   * Moves a source's cursor on. By itself that is no reason to write the state: from the former place the
   * same runs would be found and recognized again.
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

  /** Enters an existing job. New and returning series show their former value for the publishing delay. */
  present({ id, name, origin, isTransient = false }: PresentJob, nowMs: number): void {
    const entry = this.#entries.get(id);
    const kind = { origin, ...(isTransient ? { isTransient } : {}) };
    if (entry === undefined) {
      this.#put({ ...this.#newEntry(id, name), ...kind });
      return;
    }
    const isSame = entry.name === name && (entry.isTransient ?? false) === isTransient;
    if (entry.removedAtMs === undefined && isSame) return;
    const appearsAnew = entry.name !== name || !isShown(entry, nowMs);
    const { removedAtMs: _, isTransient: __, ...rest } = entry;
    this.#put({ ...rest, name, ...kind, ...(appearsAnew ? { held: shownCounts(entry), heldForMs: 0 } : {}) });
  }

  /** Jobs that no longer exist; `isGone` is asked of every entry that still counts as existing. */
  removeWhere(isGone: (entry: JobEntry) => boolean, nowMs: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.removedAtMs === undefined) {
        if (isGone(entry)) this.#put({ ...entry, removedAtMs: nowMs });
      } else if (entry.removedAtMs > nowMs) {
        // The wall clock was set back: the hour starts again rather than lasting until the clock catches up.
        this.#put({ ...entry, removedAtMs: nowMs });
      }
    }
    this.#forgetRemoved(nowMs);
  }

  /**
   * Counts a finished run unless it is counted already or older than this ledger. A run of a job that nobody
   * lists any more (a one-shot job between two looks) makes that job known as a removed one.
   */
  countRun(run: SourceRun, origin: JobOrigin, nowMs: number): void {
    const known = this.#entries.get(run.jobId);
    const runs = this.#once(known?.runs ?? NOTHING_SEEN, run);
    const deliveries = run.deliveryFailed ? this.#once(known?.deliveries ?? NOTHING_SEEN, run) : undefined;
    const isNew = runs !== undefined || deliveries !== undefined;
    if (known === undefined && !isNew) return;
    const base = known ?? {
      ...this.#newEntry(run.jobId, run.jobName ?? run.jobId),
      origin,
      removedAtMs: nowMs,
    };
    const entry = withLast(base, run);
    if (isNew) this.#put(counted(entry, run, runs, deliveries));
    else if (entry !== known) this.#put(entry);
  }

  /** Adds occurrences that passed without a run and runs beyond one each, with where their search goes on. */
  countMissed(
    id: string,
    more: Pick<Counts, 'missed' | 'duplicates'>,
    schedule: unknown,
    nowMs: number,
  ): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const { counts } = entry;
    const missed = counts.missed + more.missed;
    const duplicates = counts.duplicates + more.duplicates;
    const twice = more.duplicates > 0 ? { twiceAtMs: nowMs } : {};
    this.#put({ ...entry, schedule, ...twice, counts: { ...counts, missed, duplicates } });
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
    const { held: _, heldForMs: __, ...rest } = entry;
    this.#put(rest);
  }

  /** The entry has been shown with its held values for so much longer, milliseconds. */
  addHeldTime(id: string, ms: number): void {
    const entry = this.#entries.get(id);
    if (entry?.held !== undefined && ms > 0) this.#put({ ...entry, heldForMs: (entry.heldForMs ?? 0) + ms });
  }

  /**
   * Gives at most `max` jobs series of their own, the longest known first; who has some keeps them. A job
   * that moves leaves its counts where they were shown and starts at 0 where it goes, so that no series ever
   * falls. To be called before jobs and runs of a look are entered.
   */
  assignSlots(max: number, nowMs: number): void {
    const shown = [...this.#entries.values()].filter((entry) => isShown(entry, nowMs));
    const own = shown.filter(({ slot }) => slot === 'own');
    for (const entry of own.slice(max)) {
      const { held: _, heldForMs: __, ...rest } = entry;
      this.#put({ ...rest, slot: 'other', counts: noCounts() });
    }
    const waiting = shown.filter(({ slot, removedAtMs }) => slot === 'other' && removedAtMs === undefined);
    const promoted = waiting.slice(0, Math.max(max - own.length, 0));
    for (const entry of promoted) {
      this.#other = sumCounts(this.#other, entry.counts);
      this.#put({ ...entry, slot: 'own', counts: noCounts(), held: noCounts(), heldForMs: 0 });
    }
    this.#freeSlots = Math.max(max - own.length - promoted.length, 0);
  }

  #newEntry(id: string, name: string): Omit<JobEntry, 'origin'> {
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
      else this.#departedReasons = sumReasons(this.#departedReasons, entry.counts.reasons);
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
  const isFailure = runs !== undefined && run.status === 'error';
  const reason = run.errorReason ?? 'unknown';
  return {
    ...entry,
    runs: runs ?? entry.runs,
    deliveries: deliveries ?? entry.deliveries,
    counts: {
      ...counts,
      reasons: isFailure ? sumReasons(counts.reasons, { [reason]: 1 }) : counts.reasons,
      runs: runs === undefined ? counts.runs : { ...counts.runs, [run.status]: counts.runs[run.status] + 1 },
      deliveryFailures: counts.deliveryFailures + (deliveries === undefined ? 0 : 1),
    },
  };
}

/** Whether a run is newer than the last one, or tells more of it. */
function isNews(last: JobEntry['last'], run: SourceRun): boolean {
  if (last?.atMs === run.runAtMs && last.status === run.status) {
    return (
      last.reason === undefined &&
      last.outcome === undefined &&
      (run.errorReason ?? run.outcome) !== undefined
    );
  }
  return run.appended || last === undefined || run.runAtMs > last.atMs;
}

/** The entry with the newest run and success; itself when the run tells nothing new. */
function withLast(entry: JobEntry, run: SourceRun): JobEntry {
  const { runAtMs: atMs, status, durationMs, errorReason: reason, outcome } = run;
  const isLast = isNews(entry.last, run);
  const isSuccess = status === 'ok' && (run.appended || atMs > (entry.lastSuccessMs ?? 0));
  const isNewSuccess = isSuccess && entry.lastSuccessMs !== atMs;
  if (!isLast && !isNewSuccess) return entry;
  const last = {
    atMs,
    status,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(reason === undefined ? {} : { reason }),
    ...(outcome === undefined ? {} : { outcome }),
  };
  return { ...entry, ...(isLast ? { last } : {}), ...(isNewSuccess ? { lastSuccessMs: atMs } : {}) };
}
