import type { CronJob } from '../source/records.ts';
import { type CronSlots, cronSlots, staggerOffsets } from './slots.ts';

/** A gateway waits this long after a failed run, by how many failed in a row. */
const BACK_OFF_MS = [30_000, 60_000, 300_000, 900_000, 3_600_000] as const;
/** The longest wait of all of them; gateways from 2026.7 on can be configured to wait for others. */
const MAX_BACK_OFF_MS = 3_600_000;
/** Two starts this close are no catch-up of one occurrence that is followed by the next one. */
const TWICE_MS = 2_000;
/** A person who starts a job by hand does so seconds after it ran, not within them. */
const BY_HAND_MS = 60_000;
/** A gateway starts a cron-expression job again no sooner than this after its run's end. */
const MIN_REFIRE_MS = 2_000;
/** A run may begin this much before its occurrence: clocks are read at different moments. */
export const EARLY_MS = 1_000;
/** Occurrences looked at in one question. */
export const MAX_OCCURRENCES = 10_000;
/** Occurrences whose times are told. */
const MAX_TIMES = 64;
/** The latest instant that a date can hold. */
const MAX_TIME_MS = 8.64e15;
/** Gaps looked at for the longest, and from when: a Monday in the middle of winter. */
const MAX_GAPS = 4_000;
const GAPS_FROM_MS = Date.UTC(2025, 0, 6);

/** Whether a stored number can be a time at which something is due. */
export function isTime(ms: number | undefined): ms is number {
  return ms !== undefined && ms > 0 && ms < MAX_TIME_MS;
}

/** Occurrences in a span of time; milliseconds since the epoch. */
export interface Occurrences {
  readonly count: number;
  readonly lastMs: number | undefined;
  /** The newest, at most 64, ascending. */
  readonly timesMs: readonly number[];
  /** The first after the span. */
  readonly nextMs: number | undefined;
}

/** What the next run of a job follows from. */
export interface RunEnd {
  readonly startMs: number;
  readonly endMs: number;
  /** Failed runs in a row up to this one. */
  readonly errors: number;
  /** The run before it failed. */
  readonly isAfterError: boolean;
}

/** When a job is due, by its own schedule. Pure; all times in milliseconds since the epoch. */
export interface Planner {
  /** The first occurrence after a run, with the gateway's back-off. */
  after(run: RunEnd): number | undefined;
  /** The first occurrence after an instant, for a job of which no run is known. */
  next(ms: number): number | undefined;
  /** Occurrences from one of them, `firstMs`, to `untilMs`, both included, as long as nothing runs. */
  span(firstMs: number, untilMs: number): Occurrences;
  /** The first occurrence of the row that begins at `firstMs` which is not before `ms`. */
  from(firstMs: number, ms: number): number | undefined;
  /**
   * The latest time for which a gateway plans the run that follows `ms`, `errors` being failures in a row.
   */
  latest(ms: number, errors: number): number;
  /**
   * Whether two starts, the earlier first, belong to one occurrence. `isScheduled`: the gateway itself
   * started the second; otherwise a person may have, some time after the first.
   */
  isSameSlot(earlierMs: number, laterMs: number, isScheduled: boolean): boolean;
}

/**
 * A job's planner, or undefined where its schedule does not tell when it is due: event-driven and unknown
 * kinds, jobs that set their own pace, expressions that are not valid or whose time zone is not known.
 */
export function plannerOf(job: CronJob, timeZone: string | undefined): Planner | undefined {
  const { schedule } = job;
  if (job.selfPaced === true) return undefined;
  switch (schedule.kind) {
    case 'every':
      return everyPlanner(Math.max(1, Math.floor(schedule.everyMs)), schedule.anchorMs ?? job.createdAtMs);
    case 'at':
      return oncePlanner(schedule.atMs);
    case 'cron': {
      const zone = schedule.tz?.trim() || timeZone;
      const slots = zone === undefined ? undefined : cronSlots(schedule.expr, zone);
      return slots === undefined ? undefined : cronPlanner(slots, staggerOf(job, slots));
    }
    default:
      return undefined;
  }
}

/**
 * Seconds from one planned run to the next, the longest such time where they differ (a job on weekdays: three
 * days); undefined for jobs that run once, on events, or by an unknown rule.
 */
export function expectedInterval({ schedule }: Pick<CronJob, 'schedule'>): number | undefined {
  if (schedule.kind === 'every') return schedule.everyMs / 1000;
  if (schedule.kind !== 'cron') return undefined;
  const known = intervals.get(schedule.expr);
  if (known !== undefined || intervals.has(schedule.expr)) return known;
  if (intervals.size >= 512) intervals.clear();
  const interval = longestGap(schedule.expr);
  intervals.set(schedule.expr, interval);
  return interval;
}

const intervals = new Map<string, number | undefined>();

function longestGap(expr: string): number | undefined {
  const slots = cronSlots(expr, 'UTC');
  let lastMs = slots?.next(GAPS_FROM_MS);
  let longestMs: number | undefined;
  for (let gaps = 0; lastMs !== undefined && gaps < MAX_GAPS; gaps += 1) {
    const nextMs = slots?.next(lastMs);
    if (nextMs === undefined) break;
    longestMs = Math.max(longestMs ?? 0, nextMs - lastMs);
    lastMs = nextMs;
    if (gaps >= 3 && lastMs - GAPS_FROM_MS > 60 * 86_400_000) break;
  }
  return longestMs === undefined ? undefined : longestMs / 1000;
}

/** A fixed time after each run's start; while nothing runs, one occurrence each such time. */
function everyPlanner(everyMs: number, anchorMs: number | undefined): Planner {
  const span = (firstMs: number, untilMs: number): Occurrences => {
    const count = untilMs < firstMs ? 0 : Math.floor((untilMs - firstMs) / everyMs) + 1;
    const told = Math.min(count, MAX_TIMES);
    const timesMs = Array.from({ length: told }, (_, index) => firstMs + (count - told + index) * everyMs);
    return { count, lastMs: timesMs.at(-1), timesMs, nextMs: firstMs + count * everyMs };
  };
  const onGrid = (ms: number) => {
    if (anchorMs === undefined) return ms + everyMs;
    return anchorMs > ms ? anchorMs : anchorMs + (Math.floor((ms - anchorMs) / everyMs) + 1) * everyMs;
  };
  return {
    // After a failure 2026.6 and 2026.7 return to the anchor's grid, other versions keep to the last start.
    after: ({ startMs, endMs, errors, isAfterError }) => {
      const fromStart = startMs + everyMs;
      const naturalMs = fromStart > endMs && !isAfterError ? fromStart : onGrid(endMs);
      return errors === 0 ? naturalMs : Math.max(naturalMs, endMs + backOffMs(errors));
    },
    next: (ms) => (anchorMs === undefined ? undefined : onGrid(ms)),
    span,
    from: (firstMs, ms) =>
      ms <= firstMs ? firstMs : firstMs + Math.ceil((ms - firstMs) / everyMs) * everyMs,
    latest: (ms, errors) => Math.max(ms + everyMs, onGrid(ms)) + longestBackOff(errors),
    isSameSlot: (earlierMs, laterMs) => laterMs - earlierMs < Math.min(TWICE_MS, everyMs / 2),
  };
}

function longestBackOff(errors: number): number {
  return errors > 0 ? MAX_BACK_OFF_MS : 0;
}

function oncePlanner(atMs: number): Planner {
  return {
    after: ({ startMs }) => (atMs > startMs ? atMs : undefined),
    next: (ms) => (atMs > ms ? atMs : undefined),
    span: (firstMs, untilMs) =>
      firstMs > untilMs
        ? { count: 0, lastMs: undefined, timesMs: [], nextMs: firstMs }
        : { count: 1, lastMs: firstMs, timesMs: [firstMs], nextMs: undefined },
    from: (firstMs, ms) => (firstMs >= ms ? firstMs : undefined),
    latest: (ms, errors) => Math.max(atMs, ms + longestBackOff(errors)),
    isSameSlot: (earlierMs, laterMs, isScheduled) => isScheduled || laterMs - earlierMs < BY_HAND_MS,
  };
}

function cronPlanner(slots: CronSlots, offsetMs: number): Planner {
  const next = (ms: number) => {
    const slotMs = slots.next(ms - offsetMs);
    return slotMs === undefined ? undefined : slotMs + offsetMs;
  };
  return {
    after: ({ endMs, errors }) => {
      const naturalMs = next(endMs);
      const waitMs = errors === 0 ? MIN_REFIRE_MS : backOffMs(errors);
      return naturalMs === undefined ? undefined : Math.max(naturalMs, endMs + waitMs);
    },
    next,
    span: (firstMs, untilMs) => cronSpan(next, firstMs, untilMs),
    from: (firstMs, ms) => (ms <= firstMs ? firstMs : next(ms - 1)),
    latest: (ms, errors) => Math.max(next(ms) ?? ms, ms + longestBackOff(errors)),
    isSameSlot: (earlierMs, laterMs, isScheduled) =>
      (next(earlierMs) ?? Number.POSITIVE_INFINITY) > laterMs + EARLY_MS &&
      (isScheduled || laterMs - earlierMs < BY_HAND_MS),
  };
}

function cronSpan(next: (ms: number) => number | undefined, firstMs: number, untilMs: number): Occurrences {
  const timesMs: number[] = [];
  let count = 0;
  let lastMs: number | undefined;
  let nextMs: number | undefined = firstMs;
  while (nextMs !== undefined && nextMs <= untilMs) {
    // What lies beyond the limit is not counted; the row goes on after the span.
    if (count === MAX_OCCURRENCES) {
      nextMs = next(untilMs);
      break;
    }
    count += 1;
    lastMs = nextMs;
    if (timesMs.push(lastMs) > 2 * MAX_TIMES) timesMs.splice(0, MAX_TIMES);
    nextMs = next(lastMs + MIN_REFIRE_MS - 1);
  }
  return { count, lastMs, timesMs: timesMs.slice(-MAX_TIMES), nextMs };
}

/** The offset that fits the gateway's own next run, where versions differ; else the longest. */
function staggerOf(job: CronJob, slots: CronSlots): number {
  if (job.schedule.kind !== 'cron') return 0;
  const offsets = staggerOffsets(job.id, job.schedule.expr, job.schedule.staggerMs);
  const { nextRunAtMs } = job;
  if (offsets.length === 1 || !isTime(nextRunAtMs)) return Math.max(...offsets);
  const fitting = offsets.find((offset) => slots.has(nextRunAtMs - offset));
  return fitting ?? Math.max(...offsets);
}

function backOffMs(errors: number): number {
  return BACK_OFF_MS[Math.min(errors, BACK_OFF_MS.length) - 1] ?? BACK_OFF_MS[0];
}
