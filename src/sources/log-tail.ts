import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import {
  continues,
  findAnchor,
  hasHead,
  nextLines,
  openLog,
  type Progress,
  printsAt,
} from './log-content.ts';
import {
  BLANK_MARK,
  type LogEntry,
  type LogFacts,
  type LogMark,
  MAX_GENERATIONS,
  type RotatedMark,
} from './log-cursor.ts';
import { type Judged, type LogRule, tellsTime } from './log-rules.ts';
import { type LogRun, takeLine } from './log-runs.ts';
import type { Siblings } from './log-siblings.ts';

/** What a round may still read; shared by all logs of the round. */
export interface Budget {
  bytes: number;
  runs: number;
}

/** When each part of a growing file was first seen: the time of lines that tell none, stable when they are read again. */
export class SightLog {
  readonly #sights = new Map<number, { size: number; mtimeMs: number }[]>();

  /** Notes how far a file reaches now, and tells when the byte before an offset had been written at the latest. */
  note(stat: Stats, readUpTo: number): (end: number) => number {
    if (this.#sights.size > 20_000) this.#sights.clear();
    const before = (this.#sights.get(stat.ino) ?? []).filter(
      ({ size }) => size > readUpTo && size <= stat.size,
    );
    const known = before.at(-1)?.size === stat.size;
    const sights = known ? before : [...before.slice(-31), { size: stat.size, mtimeMs: stat.mtimeMs }];
    this.#sights.set(stat.ino, sights);
    return (end) => sights.find(({ size }) => size >= end)?.mtimeMs ?? stat.mtimeMs;
  }

  /** The file has other content now. */
  forget(ino: number): void {
    this.#sights.delete(ino);
  }
}

/** What following one log needs from the round. */
export interface TailContext {
  /** Wall time of the round, which all its logs share; milliseconds. */
  readonly nowMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** At least 128 KiB; used by one log at a time. */
  readonly buffer: Buffer;
  readonly budget: Budget;
  readonly sights: SightLog;
  readonly siblings: Siblings;
  /** The stat of a path, undefined where there is no regular file. */
  readonly statOf: (path: string) => Promise<Stats | undefined>;
  readonly statFolder: (path: string) => Promise<Stats | undefined>;
  /** An unfinished last line of a rotated file is taken as it is after so many quiet milliseconds. */
  readonly settleMs: number;
  /** Runs that ended earlier are history where a log is new. */
  readonly historyBeforeMs: number;
}

export interface TailedLog {
  readonly path: string;
  readonly rule: LogRule;
  readonly judge: (lines: readonly string[]) => Judged;
}

export interface TailResult {
  readonly entry: LogEntry;
  readonly runs: readonly LogRun[];
  /** Words to stand behind the job's id. */
  readonly problems: readonly string[];
}

/** Bytes of one log in one round. */
const LOG_BYTES = 8 * 1024 * 1024;
/** A folder may change again within the tick of its file system in which it was looked at. */
const SETTLED_MS = 2000;
/** A rotated file that has not changed for so long is left alone. */
const FOLLOW_MS = 48 * 3_600_000;

const NO_FACTS: LogFacts = { consecutiveErrors: 0 };

/** Looks at a log for the first time as history: its last lines tell the last run, none of them is counted. */
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
  try {
    await tail.readFrom(opened.handle, opened.stat, lastBytes(opened.stat, tailBytes), tailBytes * 2);
  } finally {
    await opened.handle.close();
  }
  const { entry, problems } = tail.result();
  return { entry, runs: [], problems };
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
  const ready = await tail.readRotated();
  if (stat === undefined) await tail.gone();
  else if (ready) await tail.readMain(stat);
  return tail.result();
}

function lastBytes(stat: Stats, bytes: number): LogMark {
  const offset = Math.max(0, stat.size - bytes);
  return offset === 0 ? BLANK_MARK : { ...BLANK_MARK, offset, mid: true };
}

/** Whether a look at the size and times is enough to know that nothing is new. */
export function isQuiet(mark: LogMark, stat: Stats): boolean {
  return mark.ino === stat.ino && mark.size === stat.size && mark.mtimeMs === stat.mtimeMs;
}

interface RotatedStep {
  /** Undefined: there is nothing left to follow. */
  readonly next: RotatedMark | undefined;
  readonly done: boolean;
}

/** One log in one round. */
class Tail {
  readonly #log: TailedLog;
  readonly #context: TailContext;
  readonly #folder: string;
  readonly #name: string;
  readonly problems: string[] = [];
  readonly #runs: LogRun[] = [];
  readonly #before: LogEntry;
  #mark: LogMark;
  #rotated: RotatedMark[];
  #facts: LogFacts;
  #fresh: boolean;
  #goneAtMs: number | undefined;

  constructor(log: TailedLog, entry: LogEntry, context: TailContext) {
    this.#log = log;
    this.#context = context;
    this.#folder = dirname(log.path);
    this.#name = basename(log.path);
    this.#before = entry;
    this.#mark = entry.mark;
    this.#rotated = [...entry.rotated];
    this.#facts = entry.facts;
    this.#fresh = entry.fresh === true;
    this.#goneAtMs = entry.goneAtMs;
  }

  /** The entry is the same object as before when nothing changed. */
  result(): TailResult {
    const entry: LogEntry = {
      mark: this.#mark,
      rotated: this.#rotated,
      facts: this.#facts,
      ...(this.#goneAtMs === undefined ? {} : { goneAtMs: this.#goneAtMs }),
      ...(this.#fresh ? { fresh: true } : {}),
      ...(this.#before.suffixed === undefined ? {} : { suffixed: true }),
    };
    const same = JSON.stringify(entry) === JSON.stringify(this.#before);
    return { entry: same ? this.#before : entry, runs: this.#runs, problems: this.problems };
  }

  /** Reads on in the log's earlier files; false while one of them is not finished, as its lines come first. */
  async readRotated(): Promise<boolean> {
    const kept: RotatedMark[] = [];
    let ready = true;
    for (const mark of this.#rotated) {
      const { next, done }: RotatedStep = ready
        ? await this.#readOneRotated(mark)
        : { next: mark, done: false };
      if (next !== undefined) kept.push(next);
      ready = ready && done;
    }
    this.#rotated = kept;
    return ready;
  }

  async #readOneRotated(mark: RotatedMark): Promise<RotatedStep> {
    const found = await this.#locate(mark);
    if (found === undefined) {
      if (mark.size > mark.offset) this.problems.push('lost the unfinished last line of a rotated file');
      return { next: undefined, done: true };
    }
    const { name, stat } = found;
    const settled = this.#context.nowMs - stat.mtimeMs >= this.#context.settleMs;
    const unfinished = stat.size > mark.offset && mark.mid !== true;
    if (isQuiet(mark, stat) && !(settled && unfinished)) {
      const old = this.#context.nowMs - stat.mtimeMs > FOLLOW_MS;
      return { next: old ? undefined : withName(mark, name), done: true };
    }
    return this.#readMoved({ ...mark, name });
  }

  async #locate(mark: RotatedMark): Promise<{ name: string; stat: Stats } | undefined> {
    const there = await this.#context.statOf(join(this.#folder, mark.name));
    if (there?.ino === mark.ino) return { name: mark.name, stat: there };
    const name = await this.#context.siblings.renamed(
      this.#folder,
      this.#name,
      mark,
      this.#context.clock.monotonic(),
    );
    const stat = name === undefined ? undefined : await this.#context.statOf(join(this.#folder, name));
    return name === undefined || stat === undefined ? undefined : { name, stat };
  }

  async #readMoved(mark: RotatedMark): Promise<RotatedStep> {
    const opened = await openLog(join(this.#folder, mark.name));
    if (opened.state !== 'open') return { next: mark, done: true };
    const { handle, stat } = opened;
    try {
      if (stat.ino !== mark.ino || !(await this.#isStill(handle, stat, mark)))
        return { next: undefined, done: true };
      const settled = this.#context.nowMs - stat.mtimeMs >= this.#context.settleMs;
      const { mark: next, done } = await this.#advance(handle, stat, mark, LOG_BYTES, settled);
      return { next: { ...next, name: mark.name }, done };
    } finally {
      await handle.close();
    }
  }

  /** Of an empty file only the inode is known, and that may have gone to a copy of the log meanwhile. */
  async #isStill(handle: FileHandle, stat: Stats, mark: RotatedMark): Promise<boolean> {
    if (mark.offset > 0) return continues(handle, stat.size, mark);
    return this.#mark.head === '' || !(await hasHead(handle, this.#mark.head));
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
    const name = await this.#context.siblings.renamed(this.#folder, this.#name, mark, sinceMs);
    if ((await this.#findEarlier(mark, name, 0, sinceMs)) > 0) {
      await this.readRotated();
      this.#mark = { ...BLANK_MARK, mtimeMs: Math.max(0, ...this.#rotated.map(({ mtimeMs }) => mtimeMs)) };
    } else if (!again && mark.size > mark.offset) {
      this.problems.push('vanished before its last line was complete');
    }
  }

  /** Reads what is new in the file at the log's own name. */
  async readMain(stat: Stats): Promise<void> {
    this.#goneAtMs = undefined;
    if (isQuiet(this.#mark, stat) && this.#fresh !== true) return;
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

  async readFrom(handle: FileHandle, stat: Stats, from: LogMark, maxBytes: number): Promise<void> {
    const { mark, done } = await this.#advance(handle, stat, from, maxBytes, false);
    this.#mark = mark;
    if (done) this.#fresh = false;
  }

  /** Where in the file at the log's name reading goes on; undefined: an earlier file has to be finished first. */
  async #whereToGoOn(handle: FileHandle, stat: Stats, sinceMs: number): Promise<LogMark | undefined> {
    const mark = this.#mark;
    const same = stat.ino === mark.ino;
    if (same && mark.offset === 0) return this.#goOnFromStart(mark, stat, sinceMs);
    const straight = mark.offset > 0 && (await continues(handle, stat.size, mark));
    if (straight && (same || mark.distinct === true)) return mark;
    const back = await this.#comeBack(handle, stat);
    if (back !== undefined) return back;
    const moved = await findAnchor(handle, stat.size, mark, this.#context.signal);
    if (moved !== undefined) return { ...mark, ino: stat.ino, offset: moved };
    const earlier = same
      ? undefined
      : await this.#context.siblings.renamed(this.#folder, this.#name, mark, sinceMs);
    // The same bytes in another file, and the old file is nowhere: it was replaced by a copy of itself.
    if (earlier === undefined && straight) return mark;
    const fresh = { ...BLANK_MARK, ino: stat.ino };
    this.#context.sights.forget(stat.ino);
    this.#mark = fresh;
    const found = await this.#findEarlier(mark, earlier, stat.ino, sinceMs);
    if (found === 0 && mark.size > 0) {
      this.problems.push(
        'was emptied or replaced and its earlier content is not found: its last runs may be missing',
      );
    }
    return (await this.readRotated()) ? fresh : undefined;
  }

  /** A file of which nothing was read yet may have been filled, copied and emptied since. */
  async #goOnFromStart(mark: LogMark, stat: Stats, sinceMs: number): Promise<LogMark | undefined> {
    const found = await this.#findEarlier(mark, undefined, stat.ino, sinceMs);
    return found === 0 || (await this.readRotated()) ? mark : undefined;
  }

  /** A rotated file that was put back in its place. */
  async #comeBack(handle: FileHandle, stat: Stats): Promise<LogMark | undefined> {
    const back = this.#rotated.find(({ ino }) => ino === stat.ino);
    if (back === undefined || back.offset === 0 || !(await continues(handle, stat.size, back)))
      return undefined;
    this.#rotated = this.#rotated.filter((mark) => mark !== back);
    const { name: _, ...mark } = back;
    return mark;
  }

  /** Notes what is no longer at the log's name: the rest of the content that was, and what came and went since. */
  async #findEarlier(
    mark: LogMark,
    renamed: string | undefined,
    currentIno: number,
    sinceMs: number,
  ): Promise<number> {
    const { siblings } = this.#context;
    const before = this.#rotated;
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
    this.#rotated = [...before, ...found].slice(-MAX_GENERATIONS);
    return found.length;
  }

  /** Reads forward from a mark to the end of the file as it is now, or as far as the budget goes. */
  async #advance(
    handle: FileHandle,
    stat: Stats,
    from: LogMark,
    maxBytes: number,
    final: boolean,
  ): Promise<{ mark: LogMark; done: boolean }> {
    const { budget, signal, buffer } = this.#context;
    const seenMs = this.#context.sights.note(stat, from.offset);
    const limit = from.offset + maxBytes;
    let progress: Progress = { offset: from.offset, mid: from.mid === true };
    let done = false;
    while (!done && progress.offset < limit && budget.bytes > 0 && budget.runs > 0) {
      signal.throwIfAborted();
      const next = await nextLines(handle, buffer, progress, stat.size);
      const before = progress.offset;
      if (next.state === 'lines') {
        this.#take(next.batch.lines, next.batch.ends, seenMs);
        progress = next.progress;
      } else {
        done = true;
        if (final && next.rest !== '') {
          this.#take([next.rest], [next.restEnd], seenMs);
          // Should the writer go on after all, the rest of that line is no line of its own.
          progress = { offset: next.restEnd, mid: true };
        }
      }
      budget.bytes -= progress.offset - before;
    }
    return { mark: await this.#markAt(handle, stat, progress, done), done };
  }

  async #markAt(handle: FileHandle, stat: Stats, progress: Progress, done: boolean): Promise<LogMark> {
    const { offset, mid } = progress;
    const { head, anchor, before } = await printsAt(handle, offset);
    const distinct = !mid && tellsTime(this.#log.rule, before);
    return {
      ino: stat.ino,
      // As long as there is more to read the mark must not look like the file.
      size: done ? stat.size : Math.min(offset, stat.size - 1),
      mtimeMs: stat.mtimeMs,
      offset,
      ...(mid ? { mid } : {}),
      head,
      anchor,
      ...(distinct ? { distinct } : {}),
    };
  }

  #take(lines: readonly string[], ends: readonly number[], seenMs: (end: number) => number): void {
    const { findings, slowLines } = this.#log.judge(lines);
    if (slowLines > 0)
      this.problems.push(`a pattern takes too long on ${slowLines} lines: they are not counted`);
    const withStart = this.#log.rule.start !== undefined;
    for (const [index, finding] of findings.entries()) {
      if (finding === undefined) continue;
      const taken = takeLine(this.#facts, finding, seenMs(ends[index] ?? 0), withStart);
      this.#facts = taken.facts;
      for (const run of taken.runs) this.#count(run);
    }
  }

  #count(run: LogRun): void {
    if (this.#fresh && run.finishedAtMs < this.#context.historyBeforeMs) return;
    this.#runs.push(run);
    this.#context.budget.runs -= 1;
  }
}

function withName(mark: RotatedMark, name: string): RotatedMark {
  return mark.name === name ? mark : { ...mark, name };
}
