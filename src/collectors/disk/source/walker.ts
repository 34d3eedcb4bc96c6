import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../lib/clock.ts';
import { unlessLate } from '../../../lib/deadline.ts';
import { type WalkOutcome, walkStateFolder } from './walk.ts';

/** Work and rest of a walk: a tenth of a core's time at most. */
const WORK_MS = 5;
const REST_MS = 45;
const CLOSE_MS = 500;
/** Between two walks: what the data weigh changes over hours. */
const PAUSE_MS = 10 * 60_000;
/** A state folder with more entries than this is not measured by part. */
const MAX_ENTRIES = 5_000_000;
/** Figures older than this are not shown any more: a disk may have stopped to answer. */
const MAX_AGE_MS = 2 * 3_600_000;

/** Figures of a completed walk, or why there are none. */
export type WalkReading = WalkOutcome | { readonly state: 'under-way' };

/**
 * Walks through a state folder in the background, one walk at a time, so that a run
 * waits only for small folders.
 */
export class StateWalker {
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #walk: { readonly root: string; readonly done: Promise<unknown> } | undefined;
  #last: { readonly root: string; readonly atMs: number; readonly outcome: WalkOutcome } | undefined;
  /** No walk begins before this; a long one rests for as long as it took. */
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest complete figures; waits at most `waitMs` for a walk that is under way. */
  async read(root: string, waitMs: number): Promise<WalkReading> {
    const nowMs = this.#clock.monotonic();
    if (this.#walk === undefined && (nowMs >= this.#nextMs || this.#last?.root !== root)) this.#begin(root);
    if (this.#walk !== undefined) await unlessLate(this.#walk.done, waitMs, this.#clock);
    const last = this.#last;
    if (last?.root !== root || this.#clock.monotonic() - last.atMs > MAX_AGE_MS)
      return { state: 'under-way' };
    return last.outcome;
  }

  /** Ends the walk; one that a disk holds up is left behind. */
  async close(): Promise<void> {
    this.#stopping.abort();
    if (this.#walk !== undefined) await unlessLate(this.#walk.done, CLOSE_MS, this.#clock);
  }

  #begin(root: string): void {
    const beganMs = this.#clock.monotonic();
    const done = walkStateFolder(root, { pause: this.#pacer(), maxEntries: MAX_ENTRIES })
      .then((outcome) => {
        this.#last = { root, atMs: beganMs, outcome };
      })
      .finally(() => {
        this.#walk = undefined;
        const endedMs = this.#clock.monotonic();
        this.#nextMs = endedMs + Math.max(PAUSE_MS, endedMs - beganMs);
      });
    this.#walk = { root, done };
  }

  /** Rests after each slice of work. */
  #pacer(): () => Promise<boolean> | undefined {
    const { signal } = this.#stopping;
    let endAtMs = performance.now() + WORK_MS;
    const rest = async () => {
      await sleep(REST_MS, undefined, { signal, ref: false }).catch(() => undefined);
      endAtMs = performance.now() + WORK_MS;
      return !signal.aborted;
    };
    return () => (performance.now() < endAtMs ? undefined : rest());
  }
}
