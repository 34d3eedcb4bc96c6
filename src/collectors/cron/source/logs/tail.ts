import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { continues, findAnchor, openLog } from './content.ts';
import { BLANK_MARK, isQuiet, isUnread, type LogEntry, type LogFacts, type LogMark } from './cursor.ts';
import { EarlierFiles, type TailContext } from './earlier-files.ts';
import { LOG_BYTES, RunReader, type TailedLog } from './run-reader.ts';
import type { LogRun } from './runs.ts';

/** What one log told in one round. */
export interface TailResult {
  readonly entry: LogEntry;
  readonly runs: readonly LogRun[];
  /** Words to stand behind the job's id. */
  readonly problems: readonly string[];
}

/** A folder may change again within the tick of its file system in which it was looked at. */
const SETTLED_MS = 2000;

const NO_FACTS: LogFacts = { consecutiveErrors: 0 };

/**
 * Looks at a log for the first time as history: its last lines tell the last run, none of them is counted.
 */
export async function firstLook(
  log: TailedLog,
  stat: Stats,
  tailBytes: number,
  context: TailContext,
): Promise<TailResult> {
  const opened = await openLog(log.path);
  if (opened.state !== 'open') {
    return { entry: unseenHistory(stat), runs: [], problems: [`cannot be read (${opened.reason})`] };
  }
  const budget = { bytes: Number.POSITIVE_INFINITY, runs: Number.POSITIVE_INFINITY };
  const tail = new Tail(log, { mark: BLANK_MARK, rotated: [], facts: NO_FACTS }, { ...context, budget });
  let done: boolean;
  try {
    done = await tail.readFrom(opened.handle, opened.stat, lastBytes(opened.stat, tailBytes), tailBytes * 2);
  } finally {
    await opened.handle.close();
  }
  const { entry, problems } = tail.result();
  return { entry: done ? entry : unseenHistory(opened.stat), runs: [], problems };
}

/** What is there now is history, also without a look inside: only the last run is not known then. */
export function unseenHistory(stat: Stats): LogEntry {
  return { mark: { ...BLANK_MARK, ino: stat.ino, offset: stat.size }, rotated: [], facts: NO_FACTS };
}

/** Counts a log that appeared after the first look from its beginning, or its last `maxBytes` bytes. */
export async function appeared(
  log: TailedLog,
  stat: Stats,
  maxBytes: number,
  context: TailContext,
): Promise<TailResult> {
  const start = lastBytes(stat, maxBytes);
  const mark = { ...start, ino: stat.ino };
  const tail = new Tail(log, { mark, rotated: [], facts: NO_FACTS, fresh: true }, context);
  if (start.offset > 0) tail.problems.push('is new and very long: only its end is counted');
  await tail.readMain(stat);
  return tail.result();
}

/** Reads what is new in a log and in its earlier files; `stat` is undefined when it is not there. */
export async function follow(
  log: TailedLog,
  entry: LogEntry,
  stat: Stats | undefined,
  context: TailContext,
): Promise<TailResult> {
  const tail = new Tail(log, entry, context);
  const ready = await tail.readEarlier();
  if (stat === undefined) await tail.gone();
  else if (ready) await tail.readMain(stat);
  return tail.result();
}

function lastBytes(stat: Stats, bytes: number): LogMark {
  const offset = Math.max(0, stat.size - bytes);
  return offset === 0 ? BLANK_MARK : { ...BLANK_MARK, offset, mid: true };
}

/** One log in one round: which of its files goes on where, as they are written, moved, copied and emptied. */
class Tail {
  readonly #log: TailedLog;
  readonly #context: TailContext;
  readonly #folder: string;
  readonly #reader: RunReader;
  readonly #earlier: EarlierFiles;
  readonly #before: LogEntry;
  #mark: LogMark;
  #goneAtMs: number | undefined;

  constructor(log: TailedLog, entry: LogEntry, context: TailContext) {
    this.#log = log;
    this.#context = context;
    this.#folder = dirname(log.path);
    this.#before = entry;
    this.#mark = entry.mark;
    this.#reader = new RunReader(log, entry, context);
    this.#earlier = new EarlierFiles(log.path, entry.rotated, this.#reader, context);
    this.#goneAtMs = entry.goneAtMs;
  }

  /** Words to stand behind the job's id. */
  get problems(): string[] {
    return this.#reader.problems;
  }

  /** The entry is the same object as before when nothing changed. */
  result(): TailResult {
    const entry: LogEntry = {
      mark: this.#mark,
      rotated: [...this.#earlier.marks],
      facts: this.#reader.facts,
      ...(this.#goneAtMs === undefined ? {} : { goneAtMs: this.#goneAtMs }),
      ...(this.#reader.fresh ? { fresh: true } : {}),
      ...(this.#before.suffixed === undefined ? {} : { suffixed: true }),
    };
    const same = JSON.stringify(entry) === JSON.stringify(this.#before);
    return { entry: same ? this.#before : entry, runs: this.#reader.runs, problems: this.#words() };
  }

  #words(): readonly string[] {
    const { slowLines, outOfTime } = this.#reader;
    const slow = `a pattern takes too long on ${slowLines} lines: they are not counted`;
    const late = 'was not read to its end in this look: the patterns of its rule take too long';
    return [...this.problems, ...(slowLines > 0 ? [slow] : []), ...(outOfTime ? [late] : [])];
  }

  /**
   * Reads on in the log's earlier files; false while one of them is not finished, as its lines come first.
   */
  readEarlier(): Promise<boolean> {
    return this.#earlier.read(this.#mark.head);
  }

  /** The file is not there: finishes it under its new name, or remembers it in case it comes back. */
  async gone(): Promise<void> {
    const { nowMs, statFolder } = this.#context;
    if (this.#goneAtMs !== undefined) {
      const folder = await statFolder(this.#folder);
      if (folder === undefined || folder.mtimeMs < this.#goneAtMs - SETTLED_MS) return;
    }
    const again = this.#goneAtMs !== undefined;
    this.#goneAtMs = nowMs;
    const mark = this.#mark;
    const sinceMs = this.#context.clock.monotonic();
    const name = await this.#earlier.renamed(mark, sinceMs);
    if ((await this.#earlier.note(mark, name, 0, sinceMs)) > 0) {
      await this.readEarlier();
      this.#mark = {
        ...BLANK_MARK,
        mtimeMs: Math.max(0, ...this.#earlier.marks.map(({ mtimeMs }) => mtimeMs)),
      };
    } else if (!again && isUnread(mark)) {
      this.problems.push('vanished before it was read to its end: runs may be missing');
    } else if (!again && mark.size > mark.offset) {
      this.problems.push('vanished before its last line was complete');
    }
  }

  /** Reads what is new in the file at the log's own name. */
  async readMain(stat: Stats): Promise<void> {
    this.#goneAtMs = undefined;
    if (isQuiet(this.#mark, stat) && !this.#reader.fresh) return;
    const opened = await openLog(this.#log.path);
    if (opened.state !== 'open') {
      if (opened.reason !== 'ENOENT') this.problems.push(`cannot be read (${opened.reason})`);
      return;
    }
    const openedAtMs = this.#context.clock.monotonic();
    try {
      const from = await this.#whereToGoOn(opened.handle, opened.stat, openedAtMs);
      if (from !== undefined) await this.readFrom(opened.handle, opened.stat, from, LOG_BYTES);
    } finally {
      await opened.handle.close();
    }
  }

  /** Reads on in the file at the log's own name; whether to its end. */
  async readFrom(handle: FileHandle, stat: Stats, from: LogMark, maxBytes: number): Promise<boolean> {
    const { mark, done } = await this.#reader.read(handle, stat, from, maxBytes, false);
    this.#mark = mark;
    if (done) this.#reader.endFirstReading();
    return done;
  }

  /**
   * Where in the file at the log's name reading goes on; undefined: an earlier file has to be finished first.
   */
  async #whereToGoOn(handle: FileHandle, stat: Stats, sinceMs: number): Promise<LogMark | undefined> {
    const mark = this.#mark;
    const same = stat.ino === mark.ino;
    if (same && mark.offset === 0) return this.#goOnFromStart(mark, stat, sinceMs);
    const straight = mark.offset > 0 && (await continues(handle, stat.size, mark));
    if (straight && (same || mark.distinct === true)) return mark;
    const back = await this.#earlier.takeBack(handle, stat);
    if (back !== undefined) return back;
    const moved = await findAnchor(handle, stat.size, mark, this.#context.signal);
    if (moved !== undefined) return { ...mark, ino: stat.ino, offset: moved };
    const earlier = same ? undefined : await this.#earlier.renamed(mark, sinceMs);
    // The same bytes in another file, and the old file is nowhere: it was replaced by a copy of itself.
    if (earlier === undefined && straight) return mark;
    const fresh = { ...BLANK_MARK, ino: stat.ino };
    this.#context.sights.forget(stat.ino);
    this.#mark = fresh;
    const found = await this.#earlier.note(mark, earlier, stat.ino, sinceMs);
    if (found === 0 && (mark.size > 0 || isUnread(mark))) {
      this.problems.push(
        'was emptied or replaced and its earlier content is not found: its last runs may be missing',
      );
    }
    return (await this.readEarlier()) ? fresh : undefined;
  }

  /** A file of which nothing was read yet may have been filled, copied and emptied since. */
  async #goOnFromStart(mark: LogMark, stat: Stats, sinceMs: number): Promise<LogMark | undefined> {
    const found = await this.#earlier.note(mark, undefined, stat.ino, sinceMs);
    return found === 0 || (await this.readEarlier()) ? mark : undefined;
  }
}
