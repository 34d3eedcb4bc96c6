import type { Clock } from '../lib/clock.ts';
import { unlessAborted, withDeadline } from '../lib/deadline.ts';
import type { Slots } from '../lib/slots.ts';
import type { Patience } from './probe.ts';

/** Share of a caller's time for the look itself; the rest is for getting the answer out. */
const LOOK_SHARE = 0.9;
/**
 * With less than this share of the time it should have, a look would call slow what is only late in its turn.
 */
const LEAST_SHARE = 0.5;

/** How looks at one target are made and limited. */
export interface SharedLooksOptions<T> {
  readonly clock: Clock;
  /** Places for looks of all targets. */
  readonly slots: () => Slots;
  /** Milliseconds that a look takes at most, however patient the caller. */
  readonly mostMs: number;
  /** Looks of this target under way at once, which differ in their patience. */
  readonly atOnce: number;
  /** Fires when no look may go on. */
  readonly signal: AbortSignal;
  /** Looks once, and gives a verdict within `ms` milliseconds. */
  readonly look: (ms: number) => Promise<T>;
}

/** What came of a look for one caller by its deadline. */
export type SharedLook<T> =
  | { readonly state: 'seen'; readonly verdict: T }
  /** There was no place for it, or none for one as impatient as the caller. */
  | { readonly state: 'no_turn' }
  /** It began in time and did not end when it should have. */
  | { readonly state: 'overran' };

interface Timing {
  readonly patienceMs: number;
  /** Monotonic: the latest moment of its verdict; known better once its turn has come. */
  endsAtMs: number;
  hasBegun: boolean;
}

interface Running<T> {
  readonly timing: Timing;
  readonly end: Promise<SharedLook<T>>;
}

/**
 * Looks at one target that callers share. A caller joins a look that is at least as patient as its own would
 * be and ends in its time; otherwise it gets one of its own, so that an impatient caller neither waits too
 * long nor makes a patient one believe that something slow is down.
 */
export class SharedLooks<T> {
  readonly #options: SharedLooksOptions<T>;
  readonly #running = new Set<Running<T>>();

  constructor(options: SharedLooksOptions<T>) {
    this.#options = options;
  }

  /** A look's verdict, or why there was none by the caller's deadline. Rejects when the look does. */
  async get({ budgetMs, deadlineMs }: Patience): Promise<SharedLook<T>> {
    const { clock, signal, mostMs } = this.#options;
    const patienceMs = Math.min(mostMs, budgetMs * LOOK_SHARE);
    const running = this.#joinable(patienceMs, deadlineMs) ?? this.#begin(patienceMs, deadlineMs);
    const leftMs = Math.max(0, deadlineMs - clock.monotonic());
    const look = await withDeadline({ clock, ms: leftMs, outer: signal }, (cut) =>
      unlessAborted(running.end, cut),
    );
    signal.throwIfAborted();
    if (look !== undefined) return look;
    const { hasBegun, endsAtMs } = running.timing;
    return { state: hasBegun && endsAtMs <= deadlineMs ? 'overran' : 'no_turn' };
  }

  #joinable(patienceMs: number, deadlineMs: number): Running<T> | undefined {
    const all = [...this.#running];
    const fitting = all.find(
      ({ timing }) => timing.patienceMs >= patienceMs && timing.endsAtMs <= deadlineMs,
    );
    return fitting ?? (all.length >= this.#options.atOnce ? all.at(-1) : undefined);
  }

  #begin(patienceMs: number, deadlineMs: number): Running<T> {
    const timing = { patienceMs, endsAtMs: deadlineMs, hasBegun: false };
    const end = this.#inTurn(timing, deadlineMs).finally(() => this.#running.delete(running));
    const running: Running<T> = { timing, end };
    this.#running.add(running);
    // Every caller may have left before it ends.
    running.end.catch(() => undefined);
    return running;
  }

  async #inTurn(timing: Timing, deadlineMs: number): Promise<SharedLook<T>> {
    const { clock, slots, signal, look } = this.#options;
    const waitMs = deadlineMs - clock.monotonic() - timing.patienceMs * LEAST_SHARE;
    if (waitMs <= 0) return { state: 'no_turn' };
    const seen = await withDeadline({ clock, ms: waitMs, outer: signal }, (giveUp) =>
      slots().use(giveUp, async () => {
        const now = clock.monotonic();
        const ms = Math.min(timing.patienceMs, deadlineMs - now);
        timing.endsAtMs = now + ms;
        timing.hasBegun = true;
        return { state: 'seen' as const, verdict: await look(ms) };
      }),
    );
    return seen ?? { state: 'no_turn' };
  }
}
