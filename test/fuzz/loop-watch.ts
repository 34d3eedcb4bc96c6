const EVERY_MS = 1;

/**
 * How long the event loop was held up: as the wall clock tells, in which the machine's other programs have
 * their share, and the processor time that this thread itself used meanwhile, which no other program adds to.
 */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout;
  #at = performance.now();
  #work = workMs();
  #maxDelayMs = 0;
  #maxWorkMs = 0;
  #worst = 0;
  #label = 0;

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** Names what is played from now on. */
  label(name: number): void {
    this.#label = name;
  }

  /** Forgets what was seen so far. */
  reset(): void {
    this.#at = performance.now();
    this.#work = workMs();
    this.#maxDelayMs = 0;
    this.#maxWorkMs = 0;
  }

  stop(): { readonly maxDelayMs: number; readonly maxWorkMs: number; readonly worst: number } {
    clearInterval(this.#timer);
    return { maxDelayMs: this.#maxDelayMs, maxWorkMs: this.#maxWorkMs, worst: this.#worst };
  }

  #look(): void {
    const [now, work] = [performance.now(), workMs()];
    const delayMs = now - this.#at - EVERY_MS;
    // Many short turns may pass between two looks: what one of them took is at most both.
    const workedMs = Math.min(work - this.#work, delayMs);
    if (workedMs > this.#maxWorkMs) {
      this.#maxWorkMs = workedMs;
      this.#worst = this.#label;
    }
    this.#maxDelayMs = Math.max(this.#maxDelayMs, delayMs);
    this.#at = now;
    this.#work = work;
  }
}

function workMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
