import type { Clock } from '../../../lib/clock.ts';

/**
 * Time services slew smaller differences, and what reads the clocks may be held up between the two readings.
 */
const STEP_MS = 30_000;

/** A step of the wall clock: somebody set it. Times in milliseconds since the epoch. */
export interface ClockStep {
  /** What the clock showed when the step was noticed. */
  readonly atMs: number;
  /** How far it was set forward; negative: back. */
  readonly byMs: number;
}

/**
 * Notices that the wall clock was set, by comparing it with the time since the machine's start. Sleep is
 * none, where the system counts it in that time (Linux). macOS moves that time along with the wall clock, so
 * that nothing is noticed there.
 */
export class ClockSteps {
  readonly #clock: Clock;
  #offsetMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The step since the last call; undefined where there was none. */
  take(): ClockStep | undefined {
    const atMs = this.#clock.now();
    const offsetMs = atMs - (this.#clock.uptime?.() ?? this.#clock.monotonic());
    const before = this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (before === undefined || Math.abs(offsetMs - before) < STEP_MS) return undefined;
    return { atMs, byMs: offsetMs - before };
  }
}
