/** A bounded number of places for work that is costly when done all at once. First come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(size: number) {
    this.#free = size;
  }

  /**
   * Does `work` as soon as a place is free; undefined, with nothing done, when `signal` fires before that.
   */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.#take(signal))) return undefined;
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #take(signal: AbortSignal): Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(true);
    }
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((settle) => {
      const granted = () => {
        signal.removeEventListener('abort', leave);
        settle(true);
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(granted), 1);
        settle(false);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(granted);
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
