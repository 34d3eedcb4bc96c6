import { stat } from 'node:fs/promises';
import type { Clock } from '../../../../lib/clock.ts';
import type { ReadSource, SourceReading } from '../cron-source.ts';
import { CHUNK_BYTES } from './content.ts';
import { type LogCursor, parseLogCursor } from './cursor.ts';
import { type Discovery, LogDiscovery } from './discovery.ts';
import type { TailContext } from './earlier-files.ts';
import { groupIntoJobs } from './jobs.ts';
import { type LogAtHand, ownLogs } from './own-logs.ts';
import { HISTORY_SLACK_MS, type Judges, LogRound } from './round.ts';
import { type AskedLogs, askedLogs, type CronLogLimits, type CronLogRule, LOG_LIMITS } from './settings.ts';
import { Siblings } from './siblings.ts';
import { SightLog } from './sights.ts';
import { LogStats } from './stats.ts';
import type { WatchFolders } from './watch.ts';

/** Which logs are read, and how they are watched. */
export interface CronLogSourceOptions {
  /** Undefined: `cron-*.log` one level below the workspaces, with the words SUCCESS and ERROR. */
  readonly logs: readonly CronLogRule[] | undefined;
  /** OpenClaw's state folder as it is now; absolute. */
  readonly stateDir: () => string;
  readonly home: string;
  readonly clock: Clock;
  /**
   * Default true: where there are thousands of files, those that inotify says nothing of
   * are not looked at each time.
   */
  readonly watch?: boolean | undefined;
  /** Even then each file is looked at this often, milliseconds; default 5 minutes. */
  readonly sweepMs?: number | undefined;
  /**
   * An unfinished last line of a rotated file is taken as it is after so many
   * quiet milliseconds; default 5000.
   */
  readonly settleMs?: number | undefined;
  readonly platform?: NodeJS.Platform | undefined;
  readonly limits?: Partial<CronLogLimits> | undefined;
  readonly watchFolders?: WatchFolders | undefined;
}

/** Jobs and runs from the logs that jobs write themselves. */
export interface CronLogSource {
  /**
   * Looks from `cursor` on; one that is not usable means a first start. Rejects only when `signal` aborts.
   */
  read(cursor: unknown, signal: AbortSignal): Promise<SourceReading>;
  /** Ends the watching. */
  close(): Promise<void>;
}

const DEFAULT_SWEEP_MS = 300_000;
const DEFAULT_SETTLE_MS = 5000;
const MAX_PROBLEMS = 20;

/**
 * Reads jobs and their runs from the logs that jobs write themselves,
 * `workspace/<workspace>/cron-<name>.log`: the only source for jobs of the system's own crontab. Nothing in
 * those folders is ever written, and no file stays open between two looks.
 *
 * **Counting.** The first look takes what is there as history: it tells each job's last
 *  run from the end of its log and
 * counts nothing. From then on each run is told once: the cursor holds, per log, how far it was
 * read. A read with the same cursor gives the same runs again. A log that appears later is counted
 * from its beginning. A run is known by job and start time in milliseconds; see `takeLine` for logs
 * that repeat a time or tell none.
 *
 * **Rotation.** A file is recognised by its inode and by fingerprints of its first bytes
 *  and of those before the offset,
 * so that a log which was emptied and has grown beyond the offset again is noticed. The earlier file is
 * looked for in the same folder and read to its end: under its new name (and followed for two days, since a
 * job that still runs goes on writing there), or as the copy that was made before the log was emptied. A log
 * that was trimmed or edited goes on behind the last lines known, if they hold a timestamp. When the earlier
 * file is not found (compressed at once, moved to another folder) a problem says that runs may be missing.
 * What nobody can see: a log emptied and filled between two looks with exactly the same bytes.
 *
 * **Cost** follows what is new: a quiet file costs one `stat`, a quiet folder too.
 *  That alone is correct, also on
 * network file systems that report no changes, and 1,000 files take some 15 ms a round. Watching is therefore
 * used only above that: then a file that inotify says nothing of is looked at only once in `sweepMs`. Where
 * inotify's limits are reached all files are looked at in each round, and `watching` says `polling`.
 */
export function createCronLogSource(options: CronLogSourceOptions): CronLogSource {
  return new Source(options);
}

class Source implements CronLogSource {
  readonly #options: CronLogSourceOptions;
  readonly #limits: CronLogLimits;
  readonly #discovery: LogDiscovery;
  readonly #stats: LogStats;
  readonly #sights = new SightLog();
  readonly #judges: Judges = new WeakMap();
  /** Cursors that this object made, so that they need no validation when they come back. */
  readonly #own = new WeakSet<object>();
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  /** What a round told that found every log at rest. */
  #atRest: { readonly found: Discovery; readonly reading: ReadSource } | undefined;
  #firstLookMs: number | undefined;

  constructor(options: CronLogSourceOptions) {
    const { clock, watch = true, sweepMs = DEFAULT_SWEEP_MS, platform = process.platform } = options;
    this.#options = options;
    this.#limits = { ...LOG_LIMITS, ...options.limits };
    this.#discovery = new LogDiscovery(this.#limits.files, clock);
    this.#stats = new LogStats({
      clock,
      watch: watch && platform === 'linux',
      watchFrom: this.#limits.watchFrom,
      sweepMs,
      watchFolders: options.watchFolders,
    });
  }

  async close(): Promise<void> {
    await this.#stats.close();
  }

  async read(raw: unknown, signal: AbortSignal): Promise<SourceReading> {
    signal.throwIfAborted();
    const cursor = this.#cursorOf(raw);
    const asked = askedLogs(this.#options.logs, this.#options);
    const found = await this.#discovery.discover(asked.globs, signal);
    if (found.logs.length === 0) {
      const known = Object.keys(cursor.files).length > 0;
      const reason = failureOf(found, asked.globs.length, known);
      if (reason !== undefined) return { state: 'unreadable', reason };
      if (!known) return { state: 'absent', cursor: this.#keep({ ...cursor, globs: [...asked.globs] }) };
    }
    const { untouched, problems } = this.#stats.renew(found.logs);
    const rest = this.#atRest;
    if (untouched && rest?.found === found && rest.reading.cursor === cursor) return rest.reading;
    // Before anything may be cut: which files were touched is told once, so the
    // next look has to be a whole one.
    this.#atRest = undefined;
    const round = await this.#look(cursor, asked, found, signal);
    if (round.allUnreadable) return { state: 'unreadable', reason: 'EACCES' };
    const toTell = [...problems, ...round.problems];
    const reading = this.#readingOf(round, asked, found, toTell);
    if (round.active || toTell.length > 0) return reading;
    const same = rest?.found === found && rest.reading.cursor === reading.cursor;
    this.#atRest = same ? rest : { found, reading };
    return this.#atRest.reading;
  }

  #cursorOf(raw: unknown): LogCursor {
    if (typeof raw === 'object' && raw !== null && this.#own.has(raw)) return raw as LogCursor;
    const parsed = raw === undefined ? undefined : parseLogCursor(raw);
    if (parsed !== undefined) return this.#keep(parsed);
    this.#firstLookMs ??= this.#options.clock.now();
    return { version: 1, sinceMs: this.#firstLookMs, globs: [], files: {} };
  }

  #keep(cursor: LogCursor): LogCursor {
    this.#own.add(cursor);
    return cursor;
  }

  async #look(cursor: LogCursor, asked: AskedLogs, found: Discovery, signal: AbortSignal): Promise<LogRound> {
    const untilMs = this.#options.clock.monotonic() + this.#limits.roundMs;
    const logs = await ownLogs(found.logs, cursor, (path) => this.#stats.of(path), signal);
    const context = this.#context(cursor, logs, signal);
    const round = new LogRound({
      cursor,
      asked,
      logs,
      context,
      limits: this.#limits,
      judges: this.#judges,
      untilMs,
    });
    await round.read();
    return round;
  }

  #context(cursor: LogCursor, logs: ReadonlyMap<string, LogAtHand>, signal: AbortSignal): TailContext {
    const { clock, settleMs = DEFAULT_SETTLE_MS } = this.#options;
    return {
      nowMs: clock.now(),
      clock,
      signal,
      buffer: this.#buffer,
      budget: { bytes: this.#limits.roundBytes, runs: this.#limits.roundRuns },
      sights: this.#sights,
      siblings: new Siblings((path) => logs.has(path), signal, clock),
      statOf: (path) => this.#stats.of(path),
      statFolder: (path) => stat(path).catch(() => undefined),
      settleMs,
      historyBeforeMs: cursor.sinceMs - HISTORY_SLACK_MS,
    };
  }

  #readingOf(round: LogRound, asked: AskedLogs, found: Discovery, problems: readonly string[]): ReadSource {
    const before = round.entries.cursor.globs;
    const looked = asked.globs.filter((glob, at) => before.includes(glob) || !found.unreadable.has(at));
    const cursor = this.#keep(round.entries.next(looked));
    return {
      state: 'read',
      ...groupIntoJobs(round.logs, cursor, asked),
      runs: round.runs,
      cursor,
      problems: bounded([...found.problems, ...problems]),
      watching: this.#stats.watching ? 'inotify' : 'polling',
    };
  }
}

/** Why nothing could be looked at; undefined when there is just nothing. */
function failureOf({ unreadable, missing }: Discovery, globs: number, known: boolean): string | undefined {
  const [code] = unreadable.values();
  if (code !== undefined) return code;
  return known && missing.size === globs ? 'the folder of the logs is gone' : undefined;
}

function bounded(problems: readonly string[]): readonly string[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  return [...problems.slice(0, MAX_PROBLEMS), `and ${problems.length - MAX_PROBLEMS} more`];
}
