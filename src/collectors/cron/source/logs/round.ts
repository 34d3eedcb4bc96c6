import type { Stats } from 'node:fs';
import type { SourceRun } from '../cron-source.ts';
import { adoptRenamed } from './adoption.ts';
import { isQuiet, type LogCursor, type LogEntry } from './cursor.ts';
import type { FoundLog } from './discovery.ts';
import type { TailContext } from './earlier-files.ts';
import { LogEntries } from './entries.ts';
import { idOf, nameOf, withoutPlainId } from './jobs.ts';
import { describePath } from './names.ts';
import type { LogAtHand } from './own-logs.ts';
import { createLineJudge, type LineJudge, type LogRule } from './rules.ts';
import type { RuleTime, TailedLog } from './run-reader.ts';
import type { AskedLogs, CronLogLimits } from './settings.ts';
import { appeared, firstLook, follow, type TailResult, unseenHistory } from './tail.ts';

/** The judges of rules, kept from round to round. */
export type Judges = WeakMap<LogRule, LineJudge>;

/** What one look begins with. */
export interface LogRoundOptions {
  readonly cursor: LogCursor;
  readonly asked: AskedLogs;
  /** The logs of this round by path: no second names, no archives. */
  readonly logs: ReadonlyMap<string, LogAtHand>;
  readonly context: TailContext;
  readonly limits: CronLogLimits;
  readonly judges: Judges;
  /** On the monotonic clock: what was not looked into until then waits for the next round. */
  readonly untilMs: number;
}

const MIN_FIRST_BYTES = 16 * 1024;
/**
 * Lines of a log that is new to the exporter count from a day before its first
 * look: their zone may be misread.
 */
export const HISTORY_SLACK_MS = 86_400_000;
/** A log that has been gone for so long is forgotten. */
const FORGET_MS = 30 * 86_400_000;

/** One look into all logs: reads what is new in each, and keeps what the next look has to know. */
export class LogRound {
  readonly runs: SourceRun[] = [];
  /** Words without paths. */
  readonly problems: string[] = [];
  readonly entries: LogEntries;
  readonly #options: LogRoundOptions;
  /** Logs whose plain id another log has. */
  readonly #suffixed: ReadonlySet<string>;
  readonly #times = new Map<LogRule, RuleTime>();
  #active = false;
  #unreadable = 0;

  constructor(options: LogRoundOptions) {
    this.#options = options;
    this.entries = new LogEntries(options.cursor);
    this.#suffixed = withoutPlainId(options.logs, options.cursor);
  }

  /** The logs of this round by path. */
  get logs(): ReadonlyMap<string, LogAtHand> {
    return this.#options.logs;
  }

  /**
   * Whether something was read or waits for its time: the next round may tell more although nothing changes.
   */
  get active(): boolean {
    return this.#active;
  }

  /** Whether there are logs and none of them can be opened. */
  get allUnreadable(): boolean {
    const { size } = this.#options.logs;
    return size > 0 && this.#unreadable === size;
  }

  /** To be called once. Rejects only when the signal of the context aborts. */
  async read(): Promise<void> {
    const { logs, cursor } = this.#options;
    const fresh = [...logs.values()].filter(({ log }) => cursor.files[log.path] === undefined);
    this.#active ||= fresh.length > 0;
    await adoptRenamed(this.entries, fresh, (path) => logs.has(path));
    await this.#readKnown();
    await this.#readNew(fresh.filter(({ log }) => this.entries.get(log.path) === undefined));
    await this.#readGone();
  }

  async #readKnown(): Promise<void> {
    const { logs, context } = this.#options;
    const due: { log: FoundLog; stat: Stats; entry: LogEntry }[] = [];
    for (const { log, stat } of logs.values()) {
      const entry = this.entries.get(log.path);
      if (entry !== undefined && !isAtRest(entry, stat)) due.push({ log, stat, entry });
    }
    this.#active ||= due.length > 0;
    // Short ones first: a log with much to catch up on delays no other.
    due.sort((a, b) => a.stat.size - a.entry.mark.offset - (b.stat.size - b.entry.mark.offset));
    for (const { log, stat, entry } of due) {
      if (this.#isTimeUp()) break;
      this.#take(log, await follow(this.#tailed(log), entry, stat, context));
    }
  }

  async #readNew(unknown: readonly LogAtHand[]): Promise<void> {
    const { cursor, asked, limits } = this.#options;
    const history = unknown.filter(({ log }) => !cursor.globs.includes(asked.globs[log.glob] ?? ''));
    const share = Math.floor(limits.roundBytes / Math.max(1, history.length));
    const tailBytes = Math.max(MIN_FIRST_BYTES, Math.min(limits.firstBytes, share));
    const old = new Set(history);
    for (const at of unknown) await this.#readOneNew(at, old.has(at), tailBytes);
  }

  async #readOneNew({ log, stat }: LogAtHand, history: boolean, tailBytes: number): Promise<void> {
    const { context, cursor, limits } = this.#options;
    if (this.#isTimeUp()) {
      // A log that is to be counted can wait; what is history must be noted now.
      if (history) this.#take(log, { entry: unseenHistory(stat), runs: [], problems: [] });
      return;
    }
    const tailed = this.#tailed(log);
    const result =
      history || stat.mtimeMs < cursor.sinceMs - HISTORY_SLACK_MS
        ? await firstLook(tailed, stat, tailBytes, context)
        : await appeared(tailed, stat, limits.newBytes, context);
    this.#take(log, result);
  }

  /** Logs that are not there at this moment. */
  async #readGone(): Promise<void> {
    const { cursor, asked, logs, context, limits } = this.#options;
    const gone: { path: string; atMs: number }[] = [];
    for (const path of Object.keys(cursor.files)) {
      const entry = this.entries.get(path);
      if (entry === undefined || logs.has(path)) continue;
      const described = describePath(asked.globs, path);
      if (described === undefined) this.entries.forget(path);
      else {
        gone.push({ path, atMs: entry.goneAtMs ?? context.nowMs });
        const log = { path, ...described };
        this.#take(log, await follow(this.#tailed(log), entry, undefined, context));
      }
    }
    this.#active ||= gone.length > 0;
    const spare = Math.max(0, limits.files * 2 - logs.size);
    const forgotten = gone
      .sort((a, b) => b.atMs - a.atMs)
      .filter(({ atMs }, index) => index >= spare || context.nowMs - atMs > FORGET_MS);
    for (const { path } of forgotten) this.entries.forget(path);
  }

  #take(log: Pick<FoundLog, 'path' | 'job'>, { entry, runs, problems }: TailResult): void {
    const suffixed = this.#options.logs.has(log.path)
      ? this.#suffixed.has(log.path)
      : entry.suffixed === true;
    this.entries.set(log.path, withSuffixed(entry, suffixed));
    const id = idOf(log, suffixed);
    if (problems.some((problem) => problem.startsWith('cannot be read'))) this.#unreadable += 1;
    this.problems.push(...problems.map((problem) => `${id} ${problem}`));
    for (const run of runs) this.runs.push({ ...run, jobId: id, jobName: nameOf(log.path) });
  }

  #tailed({ path, glob }: Pick<FoundLog, 'path' | 'glob'>): TailedLog {
    const { asked, judges, limits } = this.#options;
    const rule = asked.rules[glob];
    if (rule === undefined) throw new Error('a log of no glob');
    const judge = judges.get(rule) ?? createLineJudge(rule);
    judges.set(rule, judge);
    const time = this.#times.get(rule) ?? { leftMs: judge.tame ? Number.POSITIVE_INFINITY : limits.ruleMs };
    this.#times.set(rule, time);
    return { path, rule, judge, time };
  }

  #isTimeUp(): boolean {
    const { context, untilMs } = this.#options;
    return context.clock.monotonic() > untilMs;
  }
}

function isAtRest(entry: LogEntry, stat: Stats): boolean {
  return (
    entry.goneAtMs === undefined &&
    entry.rotated.length === 0 &&
    entry.fresh !== true &&
    isQuiet(entry.mark, stat)
  );
}

function withSuffixed(entry: LogEntry, suffixed: boolean): LogEntry {
  const { suffixed: before, ...rest } = entry;
  return (before === true) === suffixed ? entry : { ...rest, ...(suffixed ? { suffixed } : {}) };
}
