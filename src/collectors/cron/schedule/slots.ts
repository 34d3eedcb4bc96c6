import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { ZoneClock } from './zone-offset.ts';

const MAX_KEPT = 512;
/** More than the seconds of an hour that is shown twice. */
const MAX_STEPS = 8_000;
const TOP_OF_HOUR_STAGGER_MS = 300_000;
const PLAIN_HOUR = /^(?:\d+|\d+-\d+)(?:\/\d+)?$|^[*?](?:\/\d+)?$/;

const clocks = new Map<string, ZoneClock>();
const slotsKept = new Map<string, CronSlots | undefined>();

/**
 * The instants of a cron expression in one time zone. The library is asked in plain wall time, which
 * costs a tenth of asking it for a zone; the zone's changes are applied here. Only instants on which
 * every gateway version agrees are told: a time that the clock skips is none, and of a time that it
 * shows twice the first counts.
 */
export class CronSlots {
  readonly #wall: Cron;
  readonly #zoned: Cron;
  readonly #clock: ZoneClock;

  /** Throws where the expression or the zone is not valid. */
  constructor(expr: string, timeZone: string) {
    this.#clock = kept(clocks, timeZone, () => new ZoneClock(timeZone));
    this.#wall = new Cron(expr, { utcOffset: 0, catch: false });
    this.#zoned = new Cron(expr, { timezone: timeZone, catch: false });
  }

  /** The first instant after `ms`, or undefined where none follows. */
  next(ms: number): number | undefined {
    let wallMs = ms + this.#clock.offsetAt(ms);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const next = this.#wall.nextRun(new Date(wallMs))?.getTime();
      if (next === undefined) return undefined;
      wallMs = next;
      const instants = this.#clock.instantsOf(wallMs);
      const [first] = instants;
      if (first !== undefined && first > ms && (instants.length === 1 || this.#isCommon(first))) return first;
    }
    return undefined;
  }

  /** Whether the expression names this instant. */
  has(ms: number): boolean {
    return this.next(ms - 1) === ms;
  }

  /** Of a time shown twice older gateways take what the library says, newer ones the first. */
  #isCommon(firstMs: number): boolean {
    return this.#zoned.nextRun(new Date(firstMs - 1000))?.getTime() === firstMs;
  }
}

/** The instants of an expression, or undefined where it or the zone is not valid. */
export function cronSlots(expr: string, timeZone: string): CronSlots | undefined {
  return kept(slotsKept, `${timeZone}\0${expr}`, () => {
    try {
      return new CronSlots(expr.trim(), timeZone);
    } catch {
      return undefined;
    }
  });
}

/**
 * How long after an expression's instants a job may run, in milliseconds: its share of the
 * stagger window, by its id. Two values where gateway versions differ in which expressions are
 * staggered when the job does not say.
 */
export function staggerOffsets(jobId: string, expr: string, staggerMs: number | undefined): number[] {
  if (staggerMs !== undefined) return [shareOf(jobId, staggerMs)];
  const windows = new Set([
    isTopOfHour(expr, isPlainWildcard),
    isTopOfHour(expr, (hour) => hour.includes('*')),
  ]);
  return [...windows].map((isStaggered) => (isStaggered ? shareOf(jobId, TOP_OF_HOUR_STAGGER_MS) : 0));
}

function shareOf(jobId: string, windowMs: number): number {
  if (windowMs <= 1) return 0;
  return createHash('sha256').update(jobId).digest().readUInt32BE(0) % Math.floor(windowMs);
}

function isTopOfHour(expr: string, isWildcard: (hour: string) => boolean): boolean {
  const fields = expr.trim().split(/\s+/);
  const [minute, hour] = fields.length === 6 ? fields.slice(1) : fields;
  if (fields.length !== 5 && !(fields.length === 6 && fields[0] === '0')) return false;
  return minute === '0' && hour !== undefined && isWildcard(hour);
}

function isPlainWildcard(hour: string): boolean {
  const parts = hour.split(',');
  return parts.every((part) => PLAIN_HOUR.test(part)) && parts.some((part) => /^[*?]/.test(part));
}

function kept<T>(values: Map<string, T>, key: string, make: () => T): T {
  const known = values.get(key);
  if (known !== undefined || values.has(key)) return known as T;
  if (values.size >= MAX_KEPT) values.clear();
  const value = make();
  values.set(key, value);
  return value;
}
