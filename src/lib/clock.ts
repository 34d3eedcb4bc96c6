import { uptime } from 'node:os';

/** Time as the program sees it; passed in everywhere so that a test decides what time it is. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps when the wall clock is set. */
  monotonic(): number;
  /** Milliseconds since the machine started, time asleep included; missing where a clock does not know. */
  uptime?(): number;
  /** Calls `fire` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, fire: () => void): () => void;
}

/** The longest wait of a Node timer; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock; a wait is at most {@link MAX_TIMER_MS} (24.8 days). */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1000,
  after: (ms, fire) => {
    const timer = setTimeout(fire, Math.min(ms, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
