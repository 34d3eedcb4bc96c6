import type { Clock } from '../../src/lib/clock.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * A clock that stands still until a test moves it; wall and monotonic time move together
 * unless `setWall` parts them.
 */
export class FakeClock implements Clock {
  #monotonic = 0;
  #wallOffset: number;
  #timers: Timer[] = [];

  constructor(wallMs = Date.UTC(2026, 0, 5, 8, 39)) {
    this.#wallOffset = wallMs;
  }

  now(): number {
    return this.#monotonic + this.#wallOffset;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#monotonic + ms, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Steps the wall clock as an administrator would; monotonic time does not notice. */
  setWall(ms: number): void {
    this.#wallOffset = ms - this.#monotonic;
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves time on, firing what falls due in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#monotonic + ms;
    for (let next = this.#due(end); next !== undefined; next = this.#due(end)) {
      this.#monotonic = Math.max(this.#monotonic, next.at);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.fire();
      await settle();
    }
    this.#monotonic = end;
    await settle();
  }

  #due(end: number): Timer | undefined {
    return this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets every promise that can settle now do so. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
