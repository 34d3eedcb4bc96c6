import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { StateStore } from './state-file.ts';

/**
 * What of a section is on disk, and why its newest version is not; undefined
 * `section`: nothing could be saved yet.
 */
export interface Entered<S> {
  readonly section: S | undefined;
  /** In words without paths; undefined where everything is saved. */
  readonly failure: string | undefined;
}

/** One section of the state file, of which nothing is shown that is not on disk. */
export class Ledger<S> {
  readonly #state: StateStore;
  readonly #name: string;
  readonly #schema: z.ZodType<S>;
  #saved: S | undefined;

  constructor(state: StateStore, name: string, schema: z.ZodType<S>) {
    this.#state = state;
    this.#name = name;
    this.#schema = schema;
  }

  /** The section as it is on disk. */
  read(): S | undefined {
    this.#saved ??= this.#state.read(this.#name, this.#schema);
    return this.#saved;
  }

  /** Saves what follows from the section, unless `advance` returns the very object that it was given. */
  async enter(advance: (before: S | undefined) => S): Promise<Entered<S>> {
    const before = this.read();
    const after = advance(before);
    if (after === before) return { section: before, failure: undefined };
    const outcome = await this.#state.commit(this.#name, after);
    if (outcome.state !== 'saved') return { section: before, failure: outcome.reason };
    this.#saved = after;
    return { section: after, failure: undefined };
  }
}

/** Which gateway a section is about: a digest of its state folder, so that the file holds no path. */
export function digestGateway(stateDir: string): string {
  return createHash('sha256').update(stateDir).digest('hex').slice(0, 16);
}
