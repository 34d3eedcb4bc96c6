import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

/** Measurements that a campaign keeps as it goes, committed, so that it can be taken up again. */
export class ResultFile<T> {
  readonly #path: string;
  readonly #schema: z.ZodType<T>;
  readonly #keyOf: (result: T) => string;

  /** `keyOf` tells which results are of the same measurement. */
  constructor(path: string, schema: z.ZodType<T>, keyOf: (result: T) => string) {
    this.#path = path;
    this.#schema = schema;
    this.#keyOf = keyOf;
  }

  /** All results so far, in the order in which they were measured. */
  read(): T[] {
    if (!existsSync(this.#path)) return [];
    return z.array(this.#schema).parse(JSON.parse(readFileSync(this.#path, 'utf8')));
  }

  /** Puts a result in the place of an older one of the same measurement; whole or not at all. */
  keep(result: T): void {
    const key = this.#keyOf(result);
    const others = this.read().filter((one) => this.#keyOf(one) !== key);
    const temporary = `${this.#path}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify([...others, result], null, 1)}\n`);
    renameSync(temporary, this.#path);
  }
}
