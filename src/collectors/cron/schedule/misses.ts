import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CronJob, RunStatus } from '../source/records.ts';
import { isTime, type Planner, plannerOf } from './planner.ts';

/** A run may begin this much before its occurrence: clocks are read at different moments. */
const EARLY_MS = 1_000;
/** A time this far in the future was written by a clock that has been set back since. */
const AHEAD_MS = 300_000;
/** Gateways drop the mark of a run under way after this long; a longer one counts when the job's runs are longer. */
const STUCK_MS = 2 * 3_600_000;
/** After a gap this long nothing reliable is left to compare with: gateways keep a week of history. */
const FORGOTTEN_MS = 35 * 86_400_000;
const MAX_PLANS = 32;
const MAX_TIMES = 50;

/** Where the search for a job's missed occurrences goes on; JSON, below 2 kB. Times in milliseconds since the epoch. */
export const missCursorSchema = z.object({
  /** Stands for the schedule; another one starts the search anew. */
  schedule: z.string().max(64),
  enabled: z.boolean(),
  /**
   * Occurrences without a decision, ascending. With a schedule that can be computed only the first, from which the
   * others follow; else every `nextRunAtMs` that was seen.
   */
  due: z.array(z.number()).max(MAX_PLANS),
  /** The first occurrence after the last run, decided or not. */
  waitingSinceMs: z.number().optional(),
  /** Everything up to here is decided. */
  decidedMs: z.number(),
  /** The newest run. Without an end it is under way; `lost` ones vanished without one. */
  run: z
    .object({ startMs: z.number(), endMs: z.number().optional(), errors: z.int(), lost: z.boolean() })
    .optional(),
  /** About the longest that recent runs took. */
  longestMs: z.number(),
});
/** Where the search in one job's schedule goes on. */
export type MissCursor = z.output<typeof missCursorSchema>;

/** A run that began; a `FinishedRun` is one. */
export interface RunSeen {
  readonly runAtMs: number;
  readonly finishedAtMs?: number | undefined;
  readonly status?: RunStatus | undefined;
}

/** What decides whether an occurrence counts as missed. */
export interface MissOptions {
  /** How late a run may begin and still be the occurrence's. */
  readonly graceMs: number;
  /** The gateway's time zone, for expressions that name none; undefined where it is not known. */
  readonly timeZone: string | undefined;
  /** Runs of this job that began earlier may have been pruned before anybody saw them; undefined: none were. */
  readonly historyCompleteSinceMs?: number | undefined;
}

/** What one search found. */
export interface Misses {
  /** The very object that was given when nothing changed. */
  readonly cursor: MissCursor;
  /** Occurrences found to be missed by this call, never told again by a call with the new cursor. */
  readonly missed: number;
  /** When the newest of them were due, at most 50, ascending. */
  readonly missedAtMs: readonly number[];
}

/**
 * Finds the occurrences of a job that passed without a run. To be called after each look that could read the job's
 * history, with all runs that it told since the last call whose cursor was kept (more do no harm, in any order). Pure:
 * the same arguments give the same answer. The first call, and the first after the schedule was edited, the job was
 * enabled or the clock was set back by more than the grace, only begins: what was due earlier is not judged.
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
  const seen = runsOf(job, runs, nowMs);
  if (cursor === undefined || !goesOn(cursor, job, nowMs, search.schedule)) search.begin(seen);
  else search.goOn(cursor, seen);
  return search.result(cursor);
}

/**
 * Seconds for which a job's next run has been due, 0 when it is not or a run is under way; undefined for jobs that are
 * never due: disabled, event-driven, done, or of unknown schedule.
 */
export function overdueSeconds(
  job: CronJob,
  cursor: MissCursor | undefined,
  nowMs: number,
): number | undefined {
  if (isDueKind(job) && job.runningAtMs !== undefined) return 0;
  const sinceMs = dueSince(job, cursor);
  return sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs) / 1000;
}

/** From when on a job's next run is overdue, milliseconds since the epoch; undefined for jobs that are never due. */
export function dueSince(job: CronJob, cursor: MissCursor | undefined): number | undefined {
  if (!isDueKind(job)) return undefined;
  return isTime(job.nextRunAtMs) ? job.nextRunAtMs : cursor?.waitingSinceMs;
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
  #longestMs = 0;
  #missed = 0;
  #missedAtMs: number[] = [];

  constructor(job: CronJob, planner: Planner | undefined, nowMs: number, options: MissOptions) {
    this.schedule = identityOf(job);
    this.#job = job;
    this.#planner = planner;
    this.#nowMs = nowMs;
    this.#options = options;
    this.#decidedMs = nowMs - options.graceMs - 1;
  }

  /** Starts from now; an occurrence that is due already counts when its grace is not over yet. */
  begin(runs: readonly RunSeen[]): void {
    this.#longestMs = durationOf(this.#job);
    const last = runs.at(-1);
    if (last !== undefined) this.#enter(last);
    this.#enterRunning();
    if (!isDueKind(this.#job)) this.#expect(undefined);
    else if (!this.#isUnderWay()) this.#expect(this.#firstDue());
    this.#missed = 0;
    this.#missedAtMs = [];
  }

  goOn(cursor: MissCursor, runs: readonly RunSeen[]): void {
    this.#run = cursor.run;
    this.#due = this.#planner === undefined ? [...cursor.due] : cursor.due.slice(0, 1);
    this.#waitingSinceMs = cursor.waitingSinceMs;
    this.#decidedMs = cursor.decidedMs;
    this.#longestMs = cursor.longestMs;
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
    const isSame = former !== undefined && isEqual(former, moved);
    return { cursor: isSame ? former : moved, missed: this.#missed, missedAtMs: this.#missedAtMs };
  }

  /** Occurrences from the time of which runs may be lost are not judged, unless the job says that it did not run. */
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
      this.#enter(run);
    } else if (run.runAtMs === known.startMs && (known.endMs === undefined || known.lost)) {
      this.#enter(run);
    }
  }

  /** Takes a run as the newest one and expects what follows it. */
  #enter(run: RunSeen): void {
    const { runAtMs: startMs, status } = run;
    const endMs = Math.max(startMs, Math.min(run.finishedAtMs ?? startMs, this.#nowMs + AHEAD_MS));
    const errors = this.#errorsAfter(run);
    if (status === 'interrupted') this.#enterInterrupted(startMs, endMs);
    else this.#longestMs = Math.max(Math.round(this.#longestMs * 0.9), endMs - startMs);
    this.#run = { startMs, endMs, errors, lost: false };
    this.#decidedMs = Math.max(this.#decidedMs, startMs);
    this.#expect(this.#planner?.after({ startMs, endMs, errors }));
  }

  /**
   * An interrupted run is written down by the next gateway as having lasted until then. What was due after the time it
   * would have taken was not suppressed by it but missed.
   */
  #enterInterrupted(startMs: number, endMs: number): void {
    const planner = this.#planner;
    if (planner === undefined) return;
    const wouldEndMs = Math.min(endMs, startMs + this.#longestMs);
    const [firstMs = planner.after({ startMs, endMs: wouldEndMs, errors: 0 })] = this.#due;
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
    this.#passTo(startMs);
    this.#run = { startMs, errors: this.#job.consecutiveErrors, lost: false };
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
    this.#expect(this.#planner?.after({ startMs: run.startMs, endMs, errors: run.errors }));
  }

  #isUnderWay(): boolean {
    return this.#run !== undefined && this.#run.endMs === undefined;
  }

  /** Decides all occurrences up to a run's start: it is the run of the latest, if it is not too late for it. */
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
    if (!isTime(plannedMs) || plannedMs <= this.#decidedMs) {
      if (this.#due.length === 0 && this.#planner !== undefined) this.#expect(this.#computed());
      return;
    }
    if (this.#planner === undefined) {
      const passed = this.#due.filter((dueMs) => dueMs <= this.#nowMs && dueMs !== plannedMs);
      this.#due = [...passed, plannedMs].sort((a, b) => a - b).slice(-MAX_PLANS);
      this.#waitingSinceMs = this.#due[0];
      return;
    }
    // Without a run, a plan moved after its time is the same occurrence postponed or passed over, not a new rhythm.
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
    const isPlanned = isTime(plannedMs) && (this.#run === undefined || plannedMs > this.#run.startMs);
    const firstMs = isPlanned ? plannedMs : this.#computed();
    if (firstMs === undefined || firstMs >= notBeforeMs) return firstMs;
    return this.#planner?.from(firstMs, notBeforeMs);
  }

  #computed(): number | undefined {
    const run = this.#run;
    if (run?.endMs === undefined) return this.#planner?.next(Math.max(this.#nowMs, this.#decidedMs));
    const nextMs = this.#planner?.after({ startMs: run.startMs, endMs: run.endMs, errors: run.errors });
    return nextMs === undefined ? undefined : this.#planner?.from(nextMs, this.#decidedMs + 1);
  }
}

/** Runs in the order of their starts, each once, those the job itself tells included. */
function runsOf(job: CronJob, runs: readonly RunSeen[], nowMs: number): RunSeen[] {
  const byStart = new Map<number, RunSeen>();
  for (const run of [...runs, ...lastRunOf(job)]) {
    if (!isTime(run.runAtMs) || run.runAtMs > nowMs + AHEAD_MS) continue;
    const known = byStart.get(run.runAtMs);
    if (known === undefined || (run.status === 'interrupted' && known.status !== 'interrupted')) {
      byStart.set(run.runAtMs, run);
    }
  }
  return [...byStart.values()].sort((a, b) => a.runAtMs - b.runAtMs);
}

function lastRunOf(job: CronJob): RunSeen[] {
  const { lastRunAtMs, lastRunStatus } = job;
  if (lastRunAtMs === undefined) return [];
  return [{ runAtMs: lastRunAtMs, finishedAtMs: lastRunAtMs + durationOf(job), status: lastRunStatus }];
}

function durationOf({ lastDurationMs = 0 }: CronJob): number {
  return Math.min(Math.max(lastDurationMs, 0), FORGOTTEN_MS);
}

function goesOn(cursor: MissCursor, job: CronJob, nowMs: number, schedule: string): boolean {
  const isSetBack = cursor.decidedMs > nowMs + AHEAD_MS || (cursor.run?.startMs ?? 0) > nowMs + AHEAD_MS;
  const isForgotten = nowMs - (cursor.due[0] ?? nowMs) > FORGOTTEN_MS;
  const isAwake = cursor.enabled || !job.enabled;
  return isAwake && !isSetBack && !isForgotten && cursor.schedule === schedule;
}

/**
 * What makes a schedule another one. An anchor is added by the gateway itself. The interval of a job that only its log
 * tells is an estimate that may change.
 */
function identityOf({ id, schedule, selfPaced = false }: CronJob): string {
  const { anchorMs: _, staggerMs: __, ...rest } = { anchorMs: 0, staggerMs: 0, ...schedule };
  const what = id.startsWith('log:') && schedule.kind === 'every' ? { kind: 'every' } : rest;
  return createHash('sha256')
    .update(JSON.stringify([what, selfPaced]))
    .digest('hex')
    .slice(0, 16);
}

function isDueKind({ enabled, schedule }: CronJob): boolean {
  return enabled && schedule.kind !== 'event';
}

function isEqual(a: MissCursor, b: MissCursor): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf({ schedule, enabled, due, waitingSinceMs, decidedMs, run, longestMs }: MissCursor): string {
  const runKey = [run?.startMs, run?.endMs, run?.errors, run?.lost];
  return JSON.stringify([schedule, enabled, due, waitingSinceMs, decidedMs, runKey, longestMs]);
}
