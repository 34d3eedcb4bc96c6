import { setImmediate as nextTurn } from 'node:timers/promises';

/** Far below the 50 ms for which nothing may hold the event loop, for one step of work comes on top. */
const SLICE_MS = 8;

/** Long work in slices of a few milliseconds, with turns for everything else in between. */
export class Slices {
  readonly #signal: AbortSignal | undefined;
  #endAt = performance.now() + SLICE_MS;

  /** With `signal`, work nobody waits for any more ends at a pause. */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** To be called after each step. Throws where the signal has fired. */
  async pause(): Promise<void> {
    if (performance.now() < this.#endAt) return;
    await nextTurn();
    this.#signal?.throwIfAborted();
    this.#endAt = performance.now() + SLICE_MS;
  }
}
