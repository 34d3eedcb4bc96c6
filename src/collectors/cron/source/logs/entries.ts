import type { LogCursor, LogEntry } from './cursor.ts';

/**
 * What is known of each log in one round: what the cursor says, with what the
 * round changed. By absolute path.
 */
export class LogEntries {
  readonly cursor: LogCursor;
  readonly #changed = new Map<string, LogEntry | undefined>();

  constructor(cursor: LogCursor) {
    this.cursor = cursor;
  }

  get(path: string): LogEntry | undefined {
    return this.#changed.has(path) ? this.#changed.get(path) : this.cursor.files[path];
  }

  set(path: string, entry: LogEntry): void {
    if (entry !== this.cursor.files[path]) this.#changed.set(path, entry);
  }

  forget(path: string): void {
    this.#changed.set(path, undefined);
  }

  /**
   * The cursor of the next round; the same object where nothing changed. `globs`:
   * those whose first look has been.
   */
  next(globs: readonly string[]): LogCursor {
    const { cursor } = this;
    if (this.#changed.size === 0 && globs.join('\n') === cursor.globs.join('\n')) return cursor;
    const files = { ...cursor.files };
    for (const [path, entry] of this.#changed) {
      if (entry === undefined) delete files[path];
      else files[path] = entry;
    }
    return { version: 1, sinceMs: cursor.sinceMs, globs: [...globs], files };
  }
}
