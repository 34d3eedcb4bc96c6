import type { z } from 'zod';
import { messageOf } from '../runtime/errors.ts';
import { type CommitOutcome, readSections, type StateStore, statePath } from './state-file.ts';

/**
 * What the state file held when it was first needed, in memory: it can be read while an exporter owns the file, and
 * nothing that is committed here ever reaches it. The file is replaced by renaming, so a copy is never half of it.
 */
export class StateCopy implements StateStore {
  readonly #folder: string;
  #sections: Map<string, string> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Never fails: a state that cannot be read is none. */
  open(): CommitOutcome {
    this.#sections ??= sectionsOf(this.#folder);
    return { state: 'saved' };
  }

  read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    this.open();
    const text = this.#sections?.get(name);
    return text === undefined ? undefined : schema.safeParse(JSON.parse(text)).data;
  }

  commit(name: string, value: unknown): CommitOutcome {
    this.open();
    try {
      this.#sections?.set(name, JSON.stringify(value));
      return { state: 'saved' };
    } catch (error) {
      return { state: 'not_saved', reason: messageOf(error) };
    }
  }
}

function sectionsOf(folder: string): Map<string, string> {
  try {
    const content = readSections(statePath(folder));
    return content.state === 'read' ? content.sections : new Map();
  } catch {
    return new Map();
  }
}
