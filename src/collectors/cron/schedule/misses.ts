import type { CronJob } from '../source/records.ts';
import { AHEAD_MS, identifySchedule, isDueKind, isSameCursor, MAX_PLANS, type MissCursor } from './due.ts';
import { EARLY_MS, isTime, type Planner, plannerOf } from './planner.ts';
import { FORGOTTEN_MS, type RunSeen, readDuration, sortRuns } from './runs.ts';

/** A gateway puts runs that it owes at its start off by two minutes and some seconds a job. */
const DEFERRED_MS = 300_000;
/** Gateways drop the mark of a run after this long; a longer mark counts where the job's runs are longer. */
const STUCK_MS = 2 * 3_600_000;
const MAX_TIMES = 50;

/** What decides whether an occurrence counts as missed. */
export interface MissOptions {
  /** How late a run may begin and still be the occurrence's. */
  readonly graceMs: number;
  /** The gateway's time zone, for expressions that name none; undefined where it is not known. */
  readonly timeZone: string | undefined;
  /** Runs of this job that began earlier may have been pruned unseen; undefined: none were. */
  readonly historyCompleteSinceMs?: number | undefined;
  /** Wall time to which the clock was stepped since the last call: what lies before it is not judged. */
  readonly steppedToMs?: number | undefined;
}

/** What one search found. */
export interface Misses {
  /** The very object that was given when nothing changed. */
  readonly cursor: MissCursor;
  /** Occurrences found to be missed by this call, never told again by a call with the new cursor. */
  readonly missed: number;
  /** When the newest of them were due, at most 50, ascending. */
  readonly missedAtMs: readonly number[];
  /** Runs found to be a second one of their occurrence by this call, never told again either. */
  readonly duplicates: number;
  /**
   * Whether the gateway plans the next run for later than the schedule allows; undefined where it plans none
   * or the schedule does not tell.
   */
  readonly isBeyondSchedule: boolean | undefined;
}

/**
 * Finds the occurrences of a job that passed without a run. To be called after each look that could read the
 * job's history, with all runs that it told since the last call whose cursor was kept (more do no harm, in
 * any order). Pure: the same arguments give the same answer. The first call, and the first after the schedule
 * was edited, the job was enabled or the clock was set back by more than the grace, only begins: what was due
 * earlier is not judged.
 */
export function advance(
  cursor: MissCursor | undefined,
  job: CronJob,
  runs: readonly RunSeen[],
  nowMs: number,
  options: MissOptions,
): Misses {
  const planner = plannerOf(job, options.timeZone);
  const search = new Search(job, planner, nowMs, options);
  const seen = sortRuns(job, runs, nowMs);
  search.skipRepeated(cursor);
  if (cursor === undefined || !goesOn(cursor, job, nowMs, search.schedule)) search.begin(seen);
  else search.goOn(cursor, seen);
  return search.result(cursor);
}

type SearchedRun = NonNullable<MissCursor['run']>;

/** What is known of the run before the newest one. */
interface RunBefore {
  /** Its start, where it succeeded. */
  readonly afterOkMs?: number | undefined;
  readonly isAfterError?: boolean;
}

/** The work of one call: a cursor that is being moved. */
class Search {
  /** Stands for the job's schedule. */
  readonly schedule: string;
  readonly #job: CronJob;
  readonly #planner: Planner | undefined;
  readonly #nowMs: number;
  readonly #options: MissOptions;
  #run: MissCursor['run'];
  #due: number[] = [];
  #waitingSinceMs: number | undefined;
  #decidedMs: number;
  #repeatedUntilMs = 0;
  #longestMs = 0;
  #missed = 0;
  #missedAtMs: number[] = [];
  #duplicates = 0;

  constructor(job: CronJob, planner: Planner | undefined, nowMs: number, options: MissOptions) {
    this.schedule = identifySchedule(job);
    this.#job = job;
    this.#planner = planner;
    this.#nowMs = nowMs;
    this.#options = options;
    this.#decidedMs = Math.max(nowMs - options.graceMs - 1, options.steppedToMs ?? 0);
  }

  /**
   * What the clock shows for the second time had its run the first time, unless the gateway plans by the new
   * clock. `former` is where the search stood before the clock was set back.
   */
  skipRepeated(former: MissCursor | undefined): void {
    const { nextRunAtMs: plannedMs, lastRunAtMs = 0 } = this.#job;
    const untilMs = Math.max(former?.decidedMs ?? 0, former?.run?.startMs ?? 0, lastRunAtMs);
    const isAhead = isTime(untilMs) && untilMs > this.#nowMs + AHEAD_MS;
    if (!isAhead || (isTime(plannedMs) && plannedMs <= untilMs)) return;
    this.#repeatedUntilMs = untilMs;
    this.#decidedMs = Math.max(this.#decidedMs, untilMs);
  }

  /** Starts from now; an occurrence that is due already counts when its grace is not over yet. */
  begin(runs: readonly RunSeen[]): void {
    this.#longestMs = readDuration(this.#job);
    const last = runs.at(-1);
    if (last !== undefined) this.#enter(last);
    this.#enterRunning();
    if (!isDueKind(this.#job)) this.#expect(undefined);
    else if (!this.#isUnderWay()) this.#expect(this.#firstDue());
    this.#missed = 0;
    this.#missedAtMs = [];
    this.#duplicates = 0;
  }

  goOn(cursor: MissCursor, runs: readonly RunSeen[]): void {
    this.#run = cursor.run;
    this.#due = this.#planner === undefined ? [...cursor.due] : cursor.due.slice(0, 1);
    this.#waitingSinceMs = cursor.waitingSinceMs;
    this.#decidedMs = Math.max(this.#repeatedUntilMs, cursor.decidedMs);
    this.#longestMs = cursor.longestMs;
    this.#skipStepped();
    this.#skipUnknown(runs);
    for (const run of runs) this.#takeRun(run);
    this.#enterRunning();
    if (!isDueKind(this.#job)) {
      this.#expect(undefined);
      return;
    }
    this.#letGo();
    if (this.#isUnderWay()) return;
    this.#replan();
    this.#decide();
  }

  result(former: MissCursor | undefined): Misses {
    const moved: MissCursor = {
      schedule: this.schedule,
      enabled: this.#job.enabled,
      due: this.#due,
      decidedMs: this.#decidedMs,
      longestMs: this.#longestMs,
      ...(this.#waitingSinceMs === undefined ? {} : { waitingSinceMs: this.#waitingSinceMs }),
      ...(this.#run === undefined ? {} : { run: this.#run }),
    };
    const isSame = former !== undefined && isSameCursor(former, moved);
    return {
      cursor: isSame ? former : moved,
      missed: this.#missed,
      missedAtMs: this.#missedAtMs,
      duplicates: this.#duplicates,
      isBeyondSchedule: this.#isPlanBeyond(),
    };
  }

  /** What became due only because the clock was stepped over it never was. */
  #skipStepped(): void {
    const { steppedToMs } = this.#options;
    const [firstMs] = this.#due;
    if (steppedToMs === undefined || firstMs === undefined || firstMs > steppedToMs) return;
    this.#decidedMs = Math.max(this.#decidedMs, steppedToMs);
    if (this.#planner === undefined) {
      this.#due = this.#due.filter((dueMs) => dueMs > steppedToMs);
      [this.#waitingSinceMs] = this.#due;
    } else this.#expect(this.#planner.from(firstMs, steppedToMs + 1));
  }

  /**
   * Whether the plan lies beyond the schedule; what is decided up to a time in the future explains such a
   * plan.
   */
  #isPlanBeyond(): boolean | undefined {
    const job = this.#job;
    const plannedMs = job.nextRunAtMs;
    if (this.#planner === undefined || job.isHeartbeat === true || !isTime(plannedMs) || !isDueKind(job)) {
      return undefined;
    }
    const fromMs = Math.max(this.#nowMs, this.#run?.endMs ?? 0, this.#decidedMs);
    return plannedMs > this.#planner.latest(fromMs, job.consecutiveErrors) + DEFERRED_MS;
  }

  /** Occurrences of a time whose runs may be lost are not judged, unless the job says that it did not run. */
  #skipUnknown(runs: readonly RunSeen[]): void {
    const since = this.#options.historyCompleteSinceMs;
    const [dueMs] = this.#due;
    if (since === undefined || dueMs === undefined || dueMs >= since) return;
    if (runs.some(({ runAtMs }) => this.#run === undefined || runAtMs > this.#run.startMs)) this.#due = [];
  }

  #takeRun(run: RunSeen): void {
    const known = this.#run;
    if (known === undefined || run.runAtMs > known.startMs) {
      this.#passTo(run.runAtMs);
      this.#due = [];
      const afterOkMs = known?.ok === true ? known.startMs : undefined;
      this.#enter(run, { afterOkMs, isAfterError: (known?.errors ?? 0) > 0 });
      this.#countTwice(run, afterOkMs);
    } else if (run.runAtMs === known.startMs && (known.endMs === undefined || known.lost)) {
      this.#enter(run, { afterOkMs: known.afterOkMs, isAfterError: known.afterError === true });
      if (!known.lost) this.#countTwice(run, known.afterOkMs);
    }
  }

  /** A run that the gateway started for an occurrence whose run had succeeded already. */
  #countTwice({ runAtMs, isManual }: RunSeen, afterOkMs: number | undefined): void {
    if (afterOkMs === undefined || isManual === true || this.#planner === undefined) return;
    if (this.#planner.isSameSlot(afterOkMs, runAtMs, isManual === false)) this.#duplicates += 1;
  }

  /** Takes a run as the newest one and expects what follows it. */
  #enter(run: RunSeen, { afterOkMs, isAfterError = false }: RunBefore = {}): void {
    const { runAtMs: startMs, status } = run;
    const endMs = Math.max(startMs, Math.min(run.finishedAtMs ?? startMs, this.#nowMs + AHEAD_MS));
    const errors = this.#errorsAfter(run);
    if (status === 'interrupted') this.#enterInterrupted(startMs, endMs);
    else this.#longestMs = Math.max(Math.round(this.#longestMs * 0.9), endMs - startMs);
    this.#run = {
      ...{ startMs, endMs, errors, lost: false },
      ...(status === 'ok' ? { ok: true } : {}),
      ...(afterOkMs === undefined ? {} : { afterOkMs }),
      ...(isAfterError || errors > 1 ? { afterError: true } : {}),
    };
    this.#decidedMs = Math.max(this.#decidedMs, startMs);
    this.#expect(this.#after(this.#run, endMs));
  }

  /** The first occurrence after a run that ended at `endMs`. */
  #after({ startMs, errors, afterError = false }: SearchedRun, endMs: number): number | undefined {
    return this.#planner?.after({ startMs, endMs, errors, isAfterError: afterError });
  }

  /**
   * An interrupted run is written down by the next gateway as having lasted until then. What was due after
   * the time it would have taken was not suppressed by it but missed.
   */
  #enterInterrupted(startMs: number, endMs: number): void {
    const planner = this.#planner;
    if (planner === undefined) return;
    const wouldEndMs = Math.min(endMs, startMs + this.#longestMs);
    const [firstMs = planner.after({ startMs, endMs: wouldEndMs, errors: 0, isAfterError: false })] =
      this.#due;
    if (firstMs !== undefined) this.#countSpan(planner, firstMs, endMs);
  }

  #errorsAfter({ runAtMs, status }: RunSeen): number {
    if (status !== 'error' && status !== 'interrupted') return 0;
    if (this.#job.lastRunAtMs === runAtMs && this.#job.consecutiveErrors > 0)
      return this.#job.consecutiveErrors;
    return (this.#run?.errors ?? 0) + 1;
  }

  /** A run under way: nothing is due until it ends. */
  #enterRunning(): void {
    const startMs = this.#job.runningAtMs;
    if (startMs === undefined || startMs > this.#nowMs + AHEAD_MS) return;
    if (this.#run !== undefined && startMs <= this.#run.startMs) return;
    const order = this.#run?.ok === true ? { afterOkMs: this.#run.startMs } : {};
    this.#passTo(startMs);
    const errors = this.#job.consecutiveErrors;
    this.#run = { startMs, errors, lost: false, ...order, ...(errors > 0 ? { afterError: true } : {}) };
    this.#decidedMs = Math.max(this.#decidedMs, startMs);
    this.#expect(undefined);
  }

  /** A run under way that the job no longer knows, or that hangs: what follows is due again. */
  #letGo(): void {
    const run = this.#run;
    if (run === undefined || run.endMs !== undefined) return;
    const isRunning = this.#job.runningAtMs !== undefined;
    if (isRunning && this.#nowMs - run.startMs <= Math.max(STUCK_MS, 2 * this.#longestMs)) return;
    const endMs = Math.min(this.#nowMs, run.startMs + this.#longestMs);
    this.#run = { ...run, endMs, lost: true };
    this.#expect(this.#after(run, endMs));
  }

  #isUnderWay(): boolean {
    return this.#run !== undefined && this.#run.endMs === undefined;
  }

  /** Decides all occurrences up to a run's start: it belongs to the latest, unless it is too late for it. */
  #passTo(startMs: number): void {
    const [firstMs] = this.#due;
    if (firstMs === undefined || firstMs > startMs + EARLY_MS) return;
    const untilMs = Math.max(firstMs, startMs);
    const { graceMs } = this.#options;
    if (this.#planner === undefined) {
      this.#count(this.#due.filter((dueMs) => dueMs <= untilMs && startMs - dueMs > graceMs));
      return;
    }
    const { count, lastMs, timesMs } = this.#planner.span(firstMs, untilMs);
    const isInTime = lastMs !== undefined && startMs - lastMs <= graceMs;
    this.#count(isInTime ? timesMs.slice(0, -1) : timesMs, isInTime ? count - 1 : count);
  }

  /** What the gateway plans is better evidence than what was computed, except of what has passed already. */
  #replan(): void {
    const plannedMs = this.#job.nextRunAtMs;
    if (!isTime(plannedMs) || plannedMs <= this.#decidedMs || this.#isPlanBeyond() === true) {
      if (this.#due.length === 0 && this.#planner !== undefined) this.#expect(this.#computed());
      return;
    }
    if (this.#planner === undefined) {
      const passed = this.#due.filter((dueMs) => dueMs <= this.#nowMs && dueMs !== plannedMs);
      this.#due = [...passed, plannedMs].sort((a, b) => a - b).slice(-MAX_PLANS);
      this.#waitingSinceMs = this.#due[0];
      return;
    }
    // Without a run, a plan moved after its time is the same occurrence postponed or passed over, not a new
    // rhythm.
    const since = this.#waitingSinceMs;
    const isAhead = since === undefined || since > this.#nowMs || plannedMs < since;
    if (isAhead && since !== plannedMs) this.#expect(plannedMs);
  }

  /** Counts what is past its grace. */
  #decide(): void {
    const [firstMs] = this.#due;
    const untilMs = this.#nowMs - this.#options.graceMs - 1;
    if (firstMs === undefined || firstMs > untilMs) return;
    if (this.#planner === undefined) {
      const late = this.#due.filter((dueMs) => dueMs <= untilMs);
      this.#count(late);
      this.#due = this.#due.slice(late.length);
      this.#decidedMs = Math.max(this.#decidedMs, late.at(-1) ?? 0);
    } else {
      const nextMs = this.#countSpan(this.#planner, firstMs, untilMs);
      this.#due = isTime(nextMs) ? [nextMs] : [];
      this.#decidedMs = Math.max(this.#decidedMs, untilMs);
    }
  }

  #countSpan(planner: Planner, firstMs: number, untilMs: number): number | undefined {
    const { count, timesMs, nextMs } = planner.span(firstMs, untilMs);
    this.#count(timesMs, count);
    return nextMs;
  }

  #count(timesMs: readonly number[], count = timesMs.length): void {
    this.#missed += count;
    this.#missedAtMs = [...this.#missedAtMs, ...timesMs].slice(-MAX_TIMES);
  }

  #expect(dueMs: number | undefined): void {
    this.#due = isTime(dueMs) ? [dueMs] : [];
    [this.#waitingSinceMs] = this.#due;
  }

  /** The first occurrence that this search judges. */
  #firstDue(): number | undefined {
    const notBeforeMs = this.#decidedMs + 1;
    const plannedMs = this.#job.nextRunAtMs;
    const isPlanned =
      isTime(plannedMs) &&
      (this.#run === undefined || plannedMs > this.#run.startMs) &&
      this.#isPlanBeyond() !== true;
    const firstMs = isPlanned ? plannedMs : this.#computed();
    if (firstMs === undefined || firstMs >= notBeforeMs) return firstMs;
    return this.#planner?.from(firstMs, notBeforeMs);
  }

  #computed(): number | undefined {
    const run = this.#run;
    if (run?.endMs === undefined) return this.#planner?.next(Math.max(this.#nowMs, this.#decidedMs));
    const nextMs = this.#after(run, run.endMs);
    return nextMs === undefined ? undefined : this.#planner?.from(nextMs, this.#decidedMs + 1);
  }
}

function goesOn(cursor: MissCursor, job: CronJob, nowMs: number, schedule: string): boolean {
  const isSetBack = cursor.decidedMs > nowMs + AHEAD_MS || (cursor.run?.startMs ?? 0) > nowMs + AHEAD_MS;
  const isForgotten = nowMs - (cursor.due[0] ?? nowMs) > FORGOTTEN_MS;
  const isAwake = cursor.enabled || !job.enabled;
  return isAwake && !isSetBack && !isForgotten && cursor.schedule === schedule;
}
