import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../../lib/clock.ts';
import { codeOf } from '../../../../lib/errors.ts';
import { createNameMatcher, expandBraces, hasMagic, splitGlob } from '../../../../lib/glob.ts';
import { jobIdentity } from './names.ts';

/** A log that a glob found. */
export interface FoundLog {
  /** Absolute. */
  readonly path: string;
  /** Index of the glob. */
  readonly glob: number;
  /**
   * `<workspace>/<name>`: the folders that the glob leaves open, then the file's
   * name without `cron-` and `.log`.
   */
  readonly job: string;
  /** The file, or a folder on the way to it that the glob leaves open, is a symbolic link. */
  readonly symlink: boolean;
}

/** The folders on the way that the glob left open. */
interface Way {
  readonly open: readonly string[];
  readonly linked: boolean;
}

/** What the globs found in one look. */
export interface Discovery {
  /** Sorted by glob, then path. */
  readonly logs: readonly FoundLog[];
  /** Words without paths. */
  readonly problems: readonly string[];
  /** Globs of whose first folder this is true could not be looked at; by index, with the system's code. */
  readonly unreadable: ReadonlyMap<number, string>;
  /** Indexes of the globs whose first folder is not there. */
  readonly missing: ReadonlySet<number>;
}

interface Name {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
}

interface Listing {
  readonly mtimeMs: number;
  readonly ino: number;
  readonly names: readonly Name[];
}

/** What one round of looking through the folders found. */
interface Walked {
  readonly discovery: Discovery;
  /** All of it follows from the folders' lists alone: the same lists give the same again. */
  readonly repeatable: boolean;
}

interface Walk {
  readonly signal: AbortSignal;
  readonly glob: number;
  readonly logs: Map<string, FoundLog>;
  unreadable: number;
  tooMany: boolean;
}

/**
 * A folder that changed so short before it was listed may change again within the
 * same tick of its file system.
 */
const SETTLED_MS = 2000;
const MAX_FOLDERS = 20_000;
/** How deep `**` goes. */
const MAX_DEPTH = 16;
/** There is nothing at this name; no reason to worry anybody. */
const NOTHING = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

/**
 * Finds logs by glob: `*`, `?`, `[a-z]`, `{a,b}` within a name and `**` for any folders between. A name that
 * begins with a dot must be asked for with a dot. `**` does not follow symbolic links, so a loop of them
 * ends; the others do, one level a pattern. A folder is listed again only when its modification time changed:
 * a quiet round costs one `stat` a folder.
 */
export class LogDiscovery {
  readonly #maxLogs: number;
  readonly #clock: Clock;
  #listings = new Map<string, Listing>();
  #folders = new Map<string, Listing>();
  #last: { readonly globs: string; readonly discovery: Discovery } | undefined;

  /** More than `maxLogs` logs are not looked for. */
  constructor(maxLogs: number, clock: Clock) {
    this.#maxLogs = maxLogs;
    this.#clock = clock;
  }

  /** Looks for the files of absolute globs; gives the same object where no folder changed. */
  async discover(globs: readonly string[], signal: AbortSignal): Promise<Discovery> {
    const key = globs.join('\n');
    const last = this.#last;
    if (last?.globs === key && (await this.#isUnchanged(signal))) return last.discovery;
    const { discovery, repeatable } = await this.#discover(globs, signal);
    this.#last = repeatable ? { globs: key, discovery } : undefined;
    return discovery;
  }

  async #isUnchanged(signal: AbortSignal): Promise<boolean> {
    for (const [folder, listing] of this.#listings) {
      signal.throwIfAborted();
      const now = await stat(folder).catch(() => undefined);
      if (now === undefined || !isSameFolder(listing, now)) return false;
    }
    return true;
  }

  async #discover(globs: readonly string[], signal: AbortSignal): Promise<Walked> {
    const unreadable = new Map<number, string>();
    const missing = new Set<number>();
    const logs = new Map<string, FoundLog>();
    this.#folders = new Map();
    let failures = 0;
    let tooMany = false;
    for (const [glob, pattern] of globs.entries()) {
      const walk: Walk = { signal, glob, logs, unreadable: 0, tooMany: false };
      for (const spelled of expandBraces(pattern)) {
        const { base, rest } = splitGlob(spelled);
        const outcome = await this.#list(base, signal);
        if (typeof outcome === 'string') {
          if (NOTHING.has(outcome)) missing.add(glob);
          else unreadable.set(glob, outcome);
        } else await this.#walk(walk, base, rest, { open: [], linked: false });
      }
      failures += walk.unreadable;
      tooMany ||= walk.tooMany;
    }
    this.#listings = this.#folders;
    const problems: string[] = [];
    if (failures > 0) problems.push(`${failures} log folders cannot be read`);
    if (tooMany)
      problems.push(
        `more than ${this.#maxLogs} log files or ${MAX_FOLDERS} folders; the rest is not watched`,
      );
    const sorted = [...logs.values()].sort((a, b) => a.glob - b.glob || compare(a.path, b.path));
    const repeatable = failures + unreadable.size + missing.size === 0;
    return { discovery: { logs: sorted, problems, unreadable, missing }, repeatable };
  }

  async #walk(walk: Walk, folder: string, rest: readonly string[], way: Way): Promise<void> {
    walk.signal.throwIfAborted();
    const [segment, ...further] = rest;
    if (segment === undefined || walk.tooMany) return;
    if (segment === '**') return this.#walkDeep(walk, folder, further, way, 0);
    if (further.length > 0 && !hasMagic(segment))
      return this.#walk(walk, join(folder, segment), further, way);
    const names = await this.#list(folder, walk.signal);
    if (typeof names === 'string') {
      if (!NOTHING.has(names)) walk.unreadable += 1;
      return;
    }
    const matches = createNameMatcher(segment);
    for (const name of names.filter((at) => matches(at.name))) {
      if (further.length === 0) this.#take(walk, folder, name, way);
      else if (name.kind !== 'file') await this.#walkInto(walk, folder, name, further, way);
    }
  }

  async #walkInto(
    walk: Walk,
    folder: string,
    { name, kind }: Name,
    further: readonly string[],
    way: Way,
  ): Promise<void> {
    const linked = way.linked || kind === 'link';
    await this.#walk(walk, join(folder, name), further, { open: [...way.open, name], linked });
  }

  async #walkDeep(
    walk: Walk,
    folder: string,
    further: readonly string[],
    way: Way,
    depth: number,
  ): Promise<void> {
    await this.#walk(walk, folder, further, way);
    if (depth >= MAX_DEPTH || walk.tooMany) return;
    const names = await this.#list(folder, walk.signal);
    if (typeof names === 'string') return;
    for (const { name, kind } of names) {
      if (kind !== 'folder' || name.startsWith('.')) continue;
      await this.#walkDeep(
        walk,
        join(folder, name),
        further,
        { ...way, open: [...way.open, name] },
        depth + 1,
      );
    }
  }

  #take(walk: Walk, folder: string, { name, kind }: Name, way: Way): void {
    const path = join(folder, name);
    if (kind === 'folder' || walk.logs.has(path)) return;
    if (walk.logs.size >= this.#maxLogs) {
      walk.tooMany = true;
      return;
    }
    const job = jobIdentity(way.open, path);
    walk.logs.set(path, { path, glob: walk.glob, job, symlink: way.linked || kind === 'link' });
  }

  /** The names in a folder, or the system's code. */
  async #list(folder: string, signal: AbortSignal): Promise<readonly Name[] | string> {
    signal.throwIfAborted();
    const known = this.#folders.get(folder);
    if (known !== undefined) return known.names;
    if (this.#folders.size >= MAX_FOLDERS) return [];
    try {
      const now = await stat(folder);
      const before = this.#listings.get(folder);
      const same = before !== undefined && isSameFolder(before, now);
      const listing = same ? before : await listAnew(folder, now, this.#clock.now());
      this.#folders.set(folder, listing);
      return listing.names;
    } catch (error) {
      return codeOf(error) ?? 'unreadable';
    }
  }
}

function isSameFolder(before: Listing, now: Pick<Listing, 'mtimeMs' | 'ino'>): boolean {
  return before.mtimeMs === now.mtimeMs && before.ino === now.ino;
}

async function listAnew(
  folder: string,
  { mtimeMs, ino }: Pick<Listing, 'mtimeMs' | 'ino'>,
  nowMs: number,
): Promise<Listing> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry): Name[] => {
    if (entry.isFile()) return [{ name: entry.name, kind: 'file' }];
    if (entry.isDirectory()) return [{ name: entry.name, kind: 'folder' }];
    return entry.isSymbolicLink() ? [{ name: entry.name, kind: 'link' }] : [];
  });
  const settled = Math.abs(nowMs - mtimeMs) > SETTLED_MS;
  return { mtimeMs: settled ? mtimeMs : Number.NaN, ino, names };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
