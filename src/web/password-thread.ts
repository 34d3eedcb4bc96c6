import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';

/** The thread ends when nothing had to be compared for this long. */
const IDLE_MS = 30_000;

const answer = z.object({ id: z.int(), matches: z.boolean() });

/**
 * Compares passwords with bcrypt hashes in a thread of its own: bcrypt is slow on purpose
 * and would hold up every scrape.
 */
export class PasswordThread {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (matches: boolean) => void>();
  #lastId = 0;
  #worker: Worker | undefined;
  #cancelIdle: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `hash` is of `password`; false where the thread ends before it is done. */
  compare(password: string, hash: string): Promise<boolean> {
    this.#cancelIdle();
    this.#worker ??= this.#start();
    const worker = this.#worker;
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      worker.postMessage({ id, password, hash });
    });
  }

  /** Ends the thread until the next comparison; those under way prove nobody right. */
  close(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of waiting) settle(false);
    this.#cancelIdle();
    void this.#worker?.terminate();
    this.#worker = undefined;
  }

  #answered(id: number, matches: boolean): void {
    const settle = this.#waiting.get(id);
    // Of a thread that was ended meanwhile: there is nobody to tell, and nothing that idles.
    if (settle === undefined) return;
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#cancelIdle = this.#clock.after(IDLE_MS, () => this.close());
    settle(matches);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./password-worker.js', import.meta.url));
    // The exporter may end while nobody logs in.
    worker.unref();
    worker.on('message', (message) => {
      const { id, matches } = answer.parse(message);
      this.#answered(id, matches);
    });
    // A thread that fails proves nobody right.
    worker.on('error', () => {
      if (this.#worker === worker) this.close();
    });
    return worker;
  }
}
