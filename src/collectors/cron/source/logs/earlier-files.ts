import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { continues, hasHead, openLog } from './content.ts';
import { isQuiet, isUnread, type LogMark, MAX_GENERATIONS, type RotatedMark } from './cursor.ts';
import { LOG_BYTES, type ReadContext, type RunReader } from './run-reader.ts';
import type { Siblings } from './siblings.ts';

/** What following the files of one log needs from the round. */
export interface TailContext extends ReadContext {
  /** Wall time of the round, which all its logs share; milliseconds since the epoch. */
  readonly nowMs: number;
  readonly siblings: Siblings;
  /** The stat of a path, undefined where there is no regular file. */
  readonly statOf: (path: string) => Promise<Stats | undefined>;
  /** As `statOf`, of a folder. */
  readonly statFolder: (path: string) => Promise<Stats | undefined>;
  /** An unfinished last line of a rotated file is taken as it is after so many quiet milliseconds. */
  readonly settleMs: number;
}

/** A rotated file that has not changed for so long is left alone. */
const FOLLOW_MS = 48 * 3_600_000;

interface RotatedStep {
  /** Undefined: there is nothing left to follow. */
  readonly next: RotatedMark | undefined;
  readonly done: boolean;
}

/** The earlier files of one log, which may still grow: renamed ones, and copies of what was emptied. */
export class EarlierFiles {
  readonly #folder: string;
  readonly #name: string;
  readonly #reader: RunReader;
  readonly #context: TailContext;
  #marks: readonly RotatedMark[];

  /** `marks`: those that are known, the oldest first; `path`: of the log itself. */
  constructor(path: string, marks: readonly RotatedMark[], reader: RunReader, context: TailContext) {
    this.#folder = dirname(path);
    this.#name = basename(path);
    this.#marks = marks;
    this.#reader = reader;
    this.#context = context;
  }

  /** The oldest first. */
  get marks(): readonly RotatedMark[] {
    return this.#marks;
  }

  /**
   * Reads on in all of them; false while one of them is not finished, as its lines come first. `currentHead`
   * is what the file at the log's own name begins with, as a fingerprint; empty where nothing is known of it.
   */
  async read(currentHead: string): Promise<boolean> {
    const kept: RotatedMark[] = [];
    let ready = true;
    for (const mark of this.#marks) {
      const { next, done }: RotatedStep = ready
        ? await this.#readOne(mark, currentHead)
        : { next: mark, done: false };
      if (next !== undefined) kept.push(next);
      ready = ready && done;
    }
    this.#marks = kept;
    return ready;
  }

  async #readOne(mark: RotatedMark, currentHead: string): Promise<RotatedStep> {
    const found = await this.#locate(mark);
    if (found === undefined) {
      const loss = lossOf(mark);
      if (loss !== undefined) this.#reader.problems.push(loss);
      return { next: undefined, done: true };
    }
    const { name, stat } = found;
    const settled = this.#context.nowMs - stat.mtimeMs >= this.#context.settleMs;
    const unfinished = stat.size > mark.offset && mark.mid !== true;
    if (isQuiet(mark, stat) && !(settled && unfinished)) {
      const old = this.#context.nowMs - stat.mtimeMs > FOLLOW_MS;
      return { next: old ? undefined : withName(mark, name), done: true };
    }
    return this.#readMoved({ ...mark, name }, currentHead);
  }

  async #locate(mark: RotatedMark): Promise<{ name: string; stat: Stats } | undefined> {
    const there = await this.#context.statOf(join(this.#folder, mark.name));
    if (there?.ino === mark.ino) return { name: mark.name, stat: there };
    const name = await this.renamed(mark, this.#context.clock.monotonic());
    const stat = name === undefined ? undefined : await this.#context.statOf(join(this.#folder, name));
    return name === undefined || stat === undefined ? undefined : { name, stat };
  }

  async #readMoved(mark: RotatedMark, currentHead: string): Promise<RotatedStep> {
    const opened = await openLog(join(this.#folder, mark.name));
    if (opened.state !== 'open') return { next: mark, done: true };
    const { handle, stat } = opened;
    try {
      if (stat.ino !== mark.ino || !(await isStill(handle, stat, mark, currentHead)))
        return { next: undefined, done: true };
      const settled = this.#context.nowMs - stat.mtimeMs >= this.#context.settleMs;
      const { mark: next, done } = await this.#reader.read(handle, stat, mark, LOG_BYTES, settled);
      return { next: { ...next, name: mark.name }, done };
    } finally {
      await handle.close();
    }
  }

  /**
   * The name that the file of a mark has now; undefined where it is not in the
   * log's folder under another one.
   */
  renamed(mark: LogMark, sinceMs: number): Promise<string | undefined> {
    return this.#context.siblings.renamed(this.#folder, this.#name, mark, sinceMs);
  }

  /** The mark of one that was put back in the log's place; it is no earlier file any more. */
  async takeBack(handle: FileHandle, stat: Stats): Promise<LogMark | undefined> {
    const back = this.#marks.find(({ ino }) => ino === stat.ino);
    if (back === undefined || back.offset === 0 || !(await continues(handle, stat.size, back)))
      return undefined;
    this.#marks = this.#marks.filter((mark) => mark !== back);
    const { name: _, ...mark } = back;
    return mark;
  }

  /**
   * Notes what is no longer at the log's name: the rest of the content that `mark` was made in, and what came
   * and went since. `renamed` is the name that the file of `mark` has now, where that is known; `currentIno`
   * the inode of the file at the log's name, 0 where there is none. How many were found.
   */
  async note(
    mark: LogMark,
    renamed: string | undefined,
    currentIno: number,
    sinceMs: number,
  ): Promise<number> {
    const { siblings } = this.#context;
    const before = this.#marks;
    const known = new Set([...before.map(({ ino }) => ino), currentIno]);
    const copy =
      renamed === undefined
        ? await siblings.copied(this.#folder, this.#name, mark, known, sinceMs)
        : undefined;
    const earlier = renamed === undefined ? copy : { name: renamed, ino: mark.ino };
    // Of a file of which nothing was read the time alone tells where among the others it belongs.
    if (earlier !== undefined && mark.offset > 0) known.add(earlier.ino);
    const unseen = await siblings.unseen(this.#folder, this.#name, mark, known, sinceMs);
    const first = earlier !== undefined && unseen.every(({ ino }) => ino !== earlier.ino) ? [earlier] : [];
    const found = [...first.map((file): RotatedMark => ({ ...mark, ...file })), ...unseen];
    this.#marks = [...before, ...found].slice(-MAX_GENERATIONS);
    return found.length;
  }
}

/** Of an empty file only the inode is known, and that may have gone to a copy of the log meanwhile. */
async function isStill(
  handle: FileHandle,
  stat: Stats,
  mark: RotatedMark,
  currentHead: string,
): Promise<boolean> {
  if (mark.offset > 0) return continues(handle, stat.size, mark);
  return currentHead === '' || !(await hasHead(handle, currentHead));
}

/** What is lost with a file that is not there any more, in words to stand behind the job's id. */
function lossOf(mark: RotatedMark): string | undefined {
  if (isUnread(mark)) return 'lost a rotated file before it was read to its end: runs may be missing';
  return mark.size > mark.offset ? 'lost the unfinished last line of a rotated file' : undefined;
}

function withName(mark: RotatedMark, name: string): RotatedMark {
  return mark.name === name ? mark : { ...mark, name };
}
