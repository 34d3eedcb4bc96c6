import type { Stats } from 'node:fs';
import { type FileHandle, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../../lib/clock.ts';
import { fileContinues, findAnchor, hasHead, isEarlierCopy, openLog } from './content.ts';
import { BLANK_MARK, type LogMark, MAX_GENERATIONS, type RotatedMark } from './cursor.ts';
import { generationOf, isGeneration, isRelated } from './names.ts';

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
 * Finds the earlier file of a log that was rotated: under another name in the same folder. One of these lives
 * for one round, so that many logs rotated at once share one listing. `sinceMs`, on the monotonic clock, is
 * when the question came up: an older listing may lack the answer.
 */
export class Siblings {
  readonly #listed = new Map<string, Listed>();
  readonly #taken: (path: string) => boolean;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  #listings = 0;

  /** `taken`: paths that are logs of their own. */
  constructor(taken: (path: string) => boolean, signal: AbortSignal, clock: Clock) {
    this.#taken = taken;
    this.#signal = signal;
    this.#clock = clock;
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
      if (await fileContinues(join(folder, name), mark)) return name;
    }
    return undefined;
  }

  /**
   * The copy that was made before a log was emptied: a related name, the same bytes up to the offset, and
   * written no earlier than the log when it was last looked at (an older generation was).
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
      if (await fileContinues(join(folder, name), mark)) return { name, ino: stat.ino };
    }
    return undefined;
  }

  /**
   * Earlier files of a log that came and were rotated away again since the last look: named as rotation names
   * them, born and written after that look, and no copy of the files that are known. The oldest first.
   */
  async unseen(
    folder: string,
    fileName: string,
    mark: LogMark,
    known: ReadonlySet<number>,
    sinceMs: number,
  ): Promise<RotatedMark[]> {
    // Without a look before there is nothing that came after it.
    if (mark.mtimeMs === 0) return [];
    const candidates = (await this.#list(folder, sinceMs))
      .filter(({ name, stat }) => isGeneration(fileName, name) && !known.has(stat.ino))
      .filter(({ stat }) => stat.size > 0 && isNewer(stat, mark))
      .filter(({ name }) => !this.#taken(join(folder, name)))
      .sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs || generationOf(b.name) - generationOf(a.name));
    const found: RotatedMark[] = [];
    for (const { name, stat } of candidates.slice(0, MAX_GENERATIONS)) {
      const begin = await this.#beginOf(join(folder, name), join(folder, fileName), mark);
      if (begin !== undefined) found.push({ ...begin, ino: stat.ino, name });
    }
    return found;
  }

  /** Where the lines begin that were not seen; undefined for a copy of a file that is known. */
  async #beginOf(path: string, current: string, mark: LogMark): Promise<LogMark | undefined> {
    const opened = await openLog(path);
    if (opened.state !== 'open') return undefined;
    const { handle, stat } = opened;
    try {
      if (mark.head !== '' && (await hasHead(handle, mark.head))) return undefined;
      if (await isCopyOf(handle, current)) return undefined;
      const moved = await findAnchor(handle, stat.size, mark, this.#signal);
      return moved === undefined ? BLANK_MARK : { ...mark, offset: moved, head: '' };
    } finally {
      await handle.close();
    }
  }

  async #list(folder: string, sinceMs: number): Promise<readonly Sibling[]> {
    const before = this.#listed.get(folder);
    if (before !== undefined && (before.atMs >= sinceMs || this.#listings >= MAX_LISTINGS))
      return before.files;
    this.#listings += 1;
    const atMs = this.#clock.monotonic();
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

/**
 * Written after a mark was made, and born after it too, or emptied since: an archive that was touched is not.
 */
function isNewer(stat: Stats, mark: LogMark): boolean {
  const begunMs = stat.ino === mark.ino ? stat.mtimeMs : Math.min(stat.birthtimeMs, stat.mtimeMs);
  return begunMs >= mark.mtimeMs;
}

/** Whether a file is a copy of an earlier state of another one. */
async function isCopyOf(handle: FileHandle, path: string): Promise<boolean> {
  const other = await openLog(path);
  if (other.state !== 'open') return false;
  try {
    return await isEarlierCopy(handle, other.handle);
  } finally {
    await other.handle.close();
  }
}
