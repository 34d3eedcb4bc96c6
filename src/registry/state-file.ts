import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { codeOf, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';

const VERSION = 1;
/** A state larger than this is a defect of ours, not something to keep reading at every start. */
const MAX_BYTES = 16 * 1024 * 1024;

const envelope = z.object({ version: z.literal(VERSION), sections: z.record(z.string(), z.unknown()) });

export type CommitOutcome =
  | { readonly state: 'saved' }
  | { readonly state: 'not_saved'; readonly reason: string };

/**
 * Totals and cursors that survive the exporter, in one small file under the storage path. A section belongs to one
 * collector. What it returns as committed is on disk (written, synced, renamed), so a scraped total never goes down.
 * One process owns the file at a time, by a lock that the operating system releases even after `kill -9`.
 */
export class StateFile {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #sections = new Map<string, unknown>();
  #lock: DatabaseSync | undefined;
  /** How often a corrupt file was set aside since start. */
  corruptions = 0;

  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  /** A section as it was last committed, or undefined when there is none or it does not fit `schema`. */
  read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    if (this.#own().state === 'not_saved') return undefined;
    if (!this.#sections.has(name)) return undefined;
    const parsed = schema.safeParse(this.#sections.get(name));
    if (parsed.success) return parsed.data;
    this.#setAside('its section does not fit');
    return undefined;
  }

  /** Puts a section on disk. Until this says `saved`, nothing that depends on it may be exposed. */
  commit(name: string, value: unknown): CommitOutcome {
    const owned = this.#own();
    if (owned.state === 'not_saved') return owned;
    const before = this.#sections.get(name);
    this.#sections.set(name, value);
    try {
      this.#write();
      return owned;
    } catch (error) {
      this.#sections.set(name, before);
      return {
        state: 'not_saved',
        reason: `the state file cannot be written (${codeOf(error) ?? messageOf(error)})`,
      };
    }
  }

  /** Releases the file for another process. */
  close(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  get #path(): string {
    return join(this.#folder, 'state.json');
  }

  #own(): CommitOutcome {
    if (this.#lock !== undefined) return { state: 'saved' };
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const lock = new DatabaseSync(join(this.#folder, 'state.lock'));
      if (!takeForGood(lock)) {
        return { state: 'not_saved', reason: 'another exporter uses the same storage path' };
      }
      this.#lock = lock;
      this.#load();
      return { state: 'saved' };
    } catch (error) {
      return {
        state: 'not_saved',
        reason: `the storage path cannot be used (${codeOf(error) ?? messageOf(error)})`,
      };
    }
  }

  #load(): void {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#setAside(codeOf(error) ?? 'unreadable');
      return;
    }
    const parsed = text.length > MAX_BYTES ? undefined : envelope.safeParse(parseJson(text));
    if (parsed?.success)
      for (const [name, value] of Object.entries(parsed.data.sections)) this.#sections.set(name, value);
    else this.#setAside('not a state of this version');
  }

  #setAside(reason: string): void {
    this.corruptions += 1;
    this.#sections.clear();
    const kept = `state.json.corrupt-${process.pid}`;
    try {
      renameSync(this.#path, join(this.#folder, kept));
      this.#logger.error('state file set aside; totals start anew', { reason, kept });
    } catch (error) {
      this.#logger.error('state file is unusable', { reason, error: codeOf(error) ?? messageOf(error) });
    }
  }

  #write(): void {
    const fresh = `${this.#path}.new`;
    const text = JSON.stringify({ version: VERSION, sections: Object.fromEntries(this.#sections) });
    withFile(fresh, 'w', (file) => {
      writeSync(file, text);
      fsyncSync(file);
    });
    renameSync(fresh, this.#path);
    withFile(this.#folder, 'r', fsyncSync);
  }
}

/** Holds SQLite's exclusive lock until the database is closed or the process dies; false when another one holds it. */
function takeForGood(lock: DatabaseSync): boolean {
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return true;
  } catch {
    lock.close();
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
