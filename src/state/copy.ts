import type { z } from 'zod';
import { type CommitOutcome, readSections, type StateStore, statePath } from './state-file.ts';

/**
 * What the state file held when it was first needed, in memory: it can be read while an exporter
 * owns the file, and nothing that is committed here ever reaches it. The file is replaced by
 * renaming, so a copy is never half of it.
 */
export class StateCopy implements StateStore {
  readonly #folder: string;
  #sections: Map<string, unknown> | undefined;

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
    const value = this.#sections?.get(name);
    return value === undefined ? undefined : schema.safeParse(value).data;
  }

  async commit(name: string, value: unknown): Promise<CommitOutcome> {
    this.open();
    this.#sections?.set(name, value);
    return { state: 'saved' };
  }
}

function sectionsOf(folder: string): Map<string, unknown> {
  try {
    const content = readSections(statePath(folder));
    return content.state === 'read' ? new Map(content.sections) : new Map();
  } catch {
    return new Map();
  }
}
