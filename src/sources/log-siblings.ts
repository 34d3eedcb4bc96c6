import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { continues, openLog } from './log-content.ts';
import type { LogMark } from './log-cursor.ts';

/** A file beside a log. */
interface Sibling {
  readonly name: string;
  readonly stat: Stats;
}

interface Listed {
  readonly atMs: number;
  readonly files: readonly Sibling[];
}

/** More names in one folder are not searched. */
const MAX_NAMES = 40_000;
/** A folder with thousands of logs that are all rotated at once is not listed for each of them. */
const MAX_LISTINGS = 50;
const PARALLEL = 32;
const COMPRESSED = /\.(?:gz|bz2|xz|zst|lz4|zip|Z)$/;

/**
 * Finds the earlier file of a log that was rotated: under another name in the same folder. One of these lives for one
 * round, so that many logs rotated at once share one listing.
 */
export class Siblings {
  readonly #listed = new Map<string, Listed>();
  readonly #taken: (path: string) => boolean;
  readonly #signal: AbortSignal;
  #listings = 0;

  /** `taken`: paths that are logs of their own. */
  constructor(taken: (path: string) => boolean, signal: AbortSignal) {
    this.#taken = taken;
    this.#signal = signal;
  }

  /** The renamed file: same inode, and the bytes that were read from it are still there. */
  async renamed(
    folder: string,
    fileName: string,
    mark: LogMark,
    sinceMs: number,
  ): Promise<string | undefined> {
    if (mark.ino === 0) return undefined;
    for (const { name, stat } of await this.#list(folder, sinceMs)) {
      if (stat.ino !== mark.ino || name === fileName || this.#taken(join(folder, name))) continue;
      if (mark.offset === 0 && !isRelated(fileName, name)) continue;
      if (await holds(join(folder, name), mark)) return name;
    }
    return undefined;
  }

  /**
   * The copy that was made before a log was emptied: a related name, the same bytes up to the offset, and written no
   * earlier than the log when it was last looked at (an older generation was).
   */
  async copied(
    folder: string,
    fileName: string,
    mark: LogMark,
    followed: ReadonlySet<number>,
    sinceMs: number,
  ): Promise<{ name: string; ino: number } | undefined> {
    if (mark.offset === 0) return undefined;
    const candidates = (await this.#list(folder, sinceMs))
      .filter(({ name, stat }) => isRelated(fileName, name) && stat.mtimeMs >= mark.mtimeMs)
      .filter(({ name, stat }) => !followed.has(stat.ino) && !this.#taken(join(folder, name)))
      .sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs);
    for (const { name, stat } of candidates.slice(0, 10)) {
      if (await holds(join(folder, name), mark)) return { name, ino: stat.ino };
    }
    return undefined;
  }

  async #list(folder: string, sinceMs: number): Promise<readonly Sibling[]> {
    const before = this.#listed.get(folder);
    if (before !== undefined && (before.atMs >= sinceMs || this.#listings >= MAX_LISTINGS))
      return before.files;
    this.#listings += 1;
    const atMs = performance.now();
    const files = await listFiles(folder, this.#signal);
    this.#listed.set(folder, { atMs, files });
    return files;
  }
}

async function listFiles(folder: string, signal: AbortSignal): Promise<readonly Sibling[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return [];
  }
  const files: Sibling[] = [];
  const wanted = names.filter((name) => !COMPRESSED.test(name)).slice(0, MAX_NAMES);
  for (let index = 0; index < wanted.length; index += PARALLEL) {
    signal.throwIfAborted();
    const group = wanted.slice(index, index + PARALLEL);
    const stats = await Promise.all(group.map((name) => lstat(join(folder, name)).catch(() => undefined)));
    for (const [at, stat] of stats.entries()) {
      const name = group[at];
      if (stat?.isFile() === true && name !== undefined) files.push({ name, stat });
    }
  }
  return files;
}

async function holds(path: string, mark: LogMark): Promise<boolean> {
  const opened = await openLog(path);
  if (opened.state !== 'open') return false;
  try {
    return await continues(opened.handle, opened.stat.size, mark);
  } finally {
    await opened.handle.close();
  }
}

/** Whether a name is one that rotation gives: `x.log.1`, `x.log-20261123`, `x-20261123.log`, `x.log~`. */
function isRelated(fileName: string, name: string): boolean {
  if (name === fileName) return false;
  if (name.startsWith(fileName)) return /^[-._~]/.test(name.slice(fileName.length));
  return archiveOf(name) === fileName;
}

/** The log that an archive's name belongs to: `x.log` for `x.1.log` and `x-2026-11-23.log`; undefined for others. */
export function archiveOf(path: string): string | undefined {
  const name = basename(path);
  const match = /^(.+?)(?:\.\d{1,3}|[-._](?:\d{8}|\d{4}-\d{2}-\d{2})[-_T.\d:]*)\.log$/.exec(name);
  return match === null ? undefined : `${path.slice(0, path.length - name.length)}${match[1]}.log`;
}
