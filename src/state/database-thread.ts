import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../lib/clock.ts';
import { unlessLate } from '../lib/deadline.ts';
import type { DatabaseAnswer, DatabaseTask, ResultRows, Statement } from './database-worker.ts';

/** What a database holds at first, and how large it may become. */
export interface DatabaseForm {
  /** SQL that makes the tables of an empty database. */
  readonly schema: string;
  /** A file of a higher version is set aside. */
  readonly version: number;
  readonly maxBytes: number;
}

/** Ending the thread takes at most this long, milliseconds. */
const END_MS = 1_500;
/** The thread's heap: it holds statements and the rows of one answer. */
const LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 2 };

/**
 * Opens and writes the exporter's own databases in one thread, so that no wait for a disk holds up the event loop. Tasks
 * are done one after the other, in the order in which they are given.
 */
export class DatabaseThread {
  readonly #waiting = new Map<number, (answer: DatabaseAnswer) => void>();
  #lastId = 0;
  #worker: Worker | undefined;

  /** Opens or creates a database; in WAL mode, or with a rollback journal on a network file system. Never rejects. */
  open(path: string, form: DatabaseForm): Promise<DatabaseAnswer> {
    return this.#perform({ kind: 'open', path, ...form });
  }

  /** Performs all statements in one transaction; `done` once it is on the disk. Never rejects. */
  write(path: string, statements: readonly Statement[]): Promise<DatabaseAnswer> {
    return this.#perform({ kind: 'write', path, statements });
  }

  /** The rows of each statement; undefined where the database cannot be read. Never rejects. */
  async read(path: string, statements: readonly Statement[]): Promise<readonly ResultRows[] | undefined> {
    const answer = await this.#perform({ kind: 'read', path, statements });
    return answer.state === 'done' ? answer.rows : undefined;
  }

  /** Closes one database. */
  async close(path: string): Promise<void> {
    if (this.#worker !== undefined) await this.#perform({ kind: 'close', path });
  }

  /**
   * Ends the thread within `limitMs`; what was not done by then fails. False where it goes on: a call to a disk that
   * hangs cannot be interrupted, and `process.exit` would wait for it.
   */
  async end(limitMs = END_MS): Promise<boolean> {
    const worker = this.#worker;
    this.#worker = undefined;
    const ended = worker === undefined ? 0 : await unlessLate(worker.terminate(), limitMs, systemClock);
    this.#failAll('the exporter stops');
    return ended !== undefined;
  }

  #perform(task: DatabaseTask): Promise<DatabaseAnswer> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      worker.ref();
      worker.postMessage({ id, task });
    });
  }

  #start(): Worker {
    // The sources run as they are too: beside them the worker is TypeScript, in dist it is not.
    const file = new URL(`./database-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: LIMITS,
    });
    worker.on('message', ({ id, answer }: { readonly id: number; readonly answer: DatabaseAnswer }) => {
      const settle = this.#waiting.get(id);
      this.#waiting.delete(id);
      // An idle thread keeps no program alive.
      if (this.#waiting.size === 0) worker.unref();
      settle?.(answer);
    });
    // The next task starts another one.
    worker.on('error', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#failAll('its thread failed');
    });
    return worker;
  }

  #failAll(reason: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const settle of waiting) settle({ state: 'failed', reason });
  }
}
