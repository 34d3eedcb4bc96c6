import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../../../../lib/clock.ts';
import { type LineBatch, type NextLines, nextLines, type Progress, printsAt } from './content.ts';
import { type LogEntry, type LogFacts, type LogMark, unreadSize } from './cursor.ts';
import { type Judged, type LineJudge, type LogRule, tellsTime } from './rules.ts';
import { choosePairing, type LogRun, takeLine } from './runs.ts';
import type { SightLog } from './sights.ts';

/** What a round may still read; shared by all logs of the round. */
export interface Budget {
  bytes: number;
  runs: number;
}

/** Bytes of one file in one round. */
export const LOG_BYTES = 8 * 1024 * 1024;

/** What the patterns of one rule may still take in a round, milliseconds; shared by all logs of the rule. */
export interface RuleTime {
  leftMs: number;
}

/** What reading lines needs from the round. */
export interface ReadContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** At least 128 KiB; used by one log at a time. */
  readonly buffer: Buffer;
  readonly budget: Budget;
  readonly sights: SightLog;
  /** Runs that ended earlier are history where a log is new; milliseconds since the epoch. */
  readonly historyBeforeMs: number;
}

/** A log with what its lines are understood by. */
export interface TailedLog {
  readonly path: string;
  readonly rule: LogRule;
  readonly judge: LineJudge;
  readonly time: RuleTime;
}

/** How far one reading came. */
export interface ReadOn {
  readonly mark: LogMark;
  /** Whether all that the file held was read. */
  readonly done: boolean;
}

/** Reads lines of one log's files, one after another, and takes out the runs that they tell. */
export class RunReader {
  /** In the order of the lines. */
  readonly runs: LogRun[] = [];
  /** Words to stand behind the job's id, without those on the patterns. */
  readonly problems: string[] = [];
  readonly #log: TailedLog;
  readonly #context: ReadContext;
  #facts: LogFacts;
  #fresh: boolean;
  #slowLines = 0;
  #outOfTime = false;

  /** Goes on from what `entry` knows of the log. */
  constructor(log: TailedLog, entry: Pick<LogEntry, 'facts' | 'fresh'>, context: ReadContext) {
    this.#log = log;
    this.#facts = entry.facts;
    this.#fresh = entry.fresh === true;
    this.#context = context;
  }

  /** What the log has told of its job up to here. */
  get facts(): LogFacts {
    return this.#facts;
  }

  /** Whether the log's first reading is not finished: old runs in it are still history. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Lines that are not counted, since a pattern took too long on each of them. */
  get slowLines(): number {
    return this.#slowLines;
  }

  /** Whether lines are left that could not be judged, as the time of the log's rule is up. */
  get outOfTime(): boolean {
    return this.#outOfTime;
  }

  /** From now on each run counts, however old it is. */
  endFirstReading(): void {
    this.#fresh = false;
  }

  /**
   * Reads from a mark to the end of the file as `stat` has it, or as far as `maxBytes` and the budget go.
   * Where `final` is true, an unfinished last line is taken as it is.
   */
  async read(
    handle: FileHandle,
    stat: Stats,
    from: LogMark,
    maxBytes: number,
    final: boolean,
  ): Promise<ReadOn> {
    const { budget, signal, buffer } = this.#context;
    const seenMs = this.#context.sights.note(stat, from.offset);
    const limit = from.offset + maxBytes;
    let progress: Progress = { offset: from.offset, mid: from.mid === true };
    let done = false;
    while (!done && progress.offset < limit && budget.bytes > 0 && budget.runs > 0) {
      signal.throwIfAborted();
      const step = stepOf(await nextLines(handle, buffer, progress, stat.size), progress, final);
      if (step.batch.lines.length > 0 && this.#log.time.leftMs <= 0) {
        this.#outOfTime = true;
        break;
      }
      const before = progress.offset;
      const leftOffAt = this.#take(step.batch, seenMs);
      progress = leftOffAt === undefined ? step.progress : { offset: leftOffAt, mid: false };
      done = step.done && leftOffAt === undefined;
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
      size: done ? stat.size : unreadSize(offset),
      mtimeMs: stat.mtimeMs,
      offset,
      ...(mid ? { mid } : {}),
      head,
      anchor,
      ...(distinct ? { distinct } : {}),
    };
  }

  /** The offset behind the last line that was judged, where that was not the last of them. */
  #take({ lines, ends }: LineBatch, seenMs: (end: number) => number): number | undefined {
    const { findings, slowLines } = this.#judge(lines);
    this.#slowLines += slowLines;
    const pairing = choosePairing(this.#log.rule);
    for (const [index, finding] of findings.entries()) {
      if (finding === undefined) continue;
      const taken = takeLine(this.#facts, finding, seenMs(ends[index] ?? 0), pairing);
      this.#facts = taken.facts;
      for (const run of taken.runs) this.#count(run);
    }
    return findings.length < lines.length ? ends[findings.length - 1] : undefined;
  }

  #judge(lines: readonly string[]): Judged {
    const { clock } = this.#context;
    const { judge, time } = this.#log;
    const beganMs = clock.monotonic();
    const judged = judge.judge(lines);
    time.leftMs -= clock.monotonic() - beganMs;
    return judged;
  }

  #count(run: LogRun): void {
    if (this.#fresh && run.finishedAtMs < this.#context.historyBeforeMs) return;
    this.runs.push(run);
    this.#context.budget.runs -= 1;
  }
}

/** What is to be judged next, and how far the file is read then. */
interface Step {
  readonly batch: LineBatch;
  readonly progress: Progress;
  readonly done: boolean;
}

function stepOf(next: NextLines, before: Progress, final: boolean): Step {
  if (next.state === 'lines') return { batch: next.batch, progress: next.progress, done: false };
  if (!final || next.rest === '') return { batch: { lines: [], ends: [] }, progress: before, done: true };
  // Should the writer go on after all, the rest of that line is no line of its own.
  return {
    batch: { lines: [next.rest], ends: [next.restEnd] },
    progress: { offset: next.restEnd, mid: true },
    done: true,
  };
}
