import { join } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { codeOf } from '../../../../lib/errors.ts';

/** Starts to watch a folder; replaced in tests that want the system's limits without reaching them. */
export type WatchFolders = typeof watch;

/**
 * Tells which files of some folders were touched, with one inotify watch a folder however many files
 * are in it: chokidar watches the folders themselves, everything inside is ignored, and the names
 * come with its `raw` events. It is a hint about what need not be looked at, never the reason to
 * believe that something changed.
 */
export class LogWatch {
  readonly #start: WatchFolders;
  #watcher: FSWatcher | undefined;
  #folders = new Set<string>();
  #touched = new Set<string>();
  #failure: string | undefined;
  #ready = false;

  constructor(start: WatchFolders = watch) {
    this.#start = start;
  }

  /** The system's code for why there is no watching, such as ENOSPC where inotify's limit is reached. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Watches exactly these folders; true when all of them have been watched since before this call. */
  cover(folders: Iterable<string>): boolean {
    if (this.#failure !== undefined) return false;
    const wanted = new Set(folders);
    const added = [...wanted].filter((folder) => !this.#folders.has(folder));
    const removed = [...this.#folders].filter((folder) => !wanted.has(folder));
    const covered = added.length === 0 && this.#ready;
    this.#folders = wanted;
    try {
      if (removed.length > 0) this.#watcher?.unwatch(removed);
      if (added.length > 0) this.#add(added);
    } catch (error) {
      this.#fail(error);
    }
    return covered && this.#failure === undefined;
  }

  /** The paths that were touched since the last call. */
  takeTouched(): ReadonlySet<string> {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#ready = false;
    this.#folders.clear();
    this.#touched.clear();
    await watcher?.close();
  }

  #add(folders: string[]): void {
    if (this.#watcher !== undefined) {
      this.#watcher.add(folders);
      return;
    }
    const watcher = this.#start(folders, {
      depth: 0,
      ignoreInitial: true,
      // Only a hint: it keeps no program alive.
      persistent: false,
      ignored: (path) => !this.#folders.has(path),
    });
    this.#watcher = watcher;
    watcher.on('ready', () => {
      this.#ready = true;
    });
    watcher.on('raw', (_event, name, details) => this.#touch(name, details));
    watcher.on('error', (error) => this.#fail(error));
  }

  #touch(name: unknown, details: unknown): void {
    const folder =
      typeof details === 'object' && details !== null && 'watchedPath' in details
        ? details.watchedPath
        : undefined;
    if (typeof folder === 'string' && typeof name === 'string') this.#touched.add(join(folder, name));
  }

  /** A watch that failed once may miss events from then on: no half watching. */
  #fail(error: unknown): void {
    this.#failure = codeOf(error) ?? 'unknown';
    this.close().catch(() => undefined);
  }
}
