import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { expandHome } from '../runtime/home.ts';
import type { CronJob, CronSchedule } from './cron-records.ts';
import type { ReadSource, SourceReading, SourceRun } from './cron-source.ts';
import { CHUNK_BYTES, continues, openLog } from './log-content.ts';
import { BLANK_MARK, isQuiet, type LogCursor, type LogEntry, parseLogCursor } from './log-cursor.ts';
import { type Discovery, type FoundLog, LogDiscovery } from './log-discovery.ts';
import type { TailContext } from './log-earlier-files.ts';
import { archiveOf, describePath, jobNameOf } from './log-names.ts';
import { createLineJudge, type LogRule } from './log-rules.ts';
import type { TailedLog } from './log-run-reader.ts';
import { Siblings } from './log-siblings.ts';
import { SightLog } from './log-sights.ts';
import { appeared, firstLook, follow, type TailResult, unseenHistory } from './log-tail.ts';
import { LogWatch, type WatchFolders } from './log-watch.ts';

/** Logs of one kind: where they are and how their lines are understood. */
export interface CronLogRule extends LogRule {
  /** A glob; `~` is the home folder, a relative one begins at the working folder. */
  readonly path: string;
  /** How often the job is expected to run, milliseconds; undefined: not known. */
  readonly interval?: number | undefined;
}

export interface CronLogSourceOptions {
  /** Undefined: `cron-*.log` one level below the workspaces, with the words SUCCESS and ERROR. */
  readonly logs: readonly CronLogRule[] | undefined;
  /** OpenClaw's state folder as it is now; absolute. */
  readonly stateDir: () => string;
  readonly home: string;
  readonly clock: Clock;
  /** Default true: where there are thousands of files, those that inotify says nothing of are not looked at each time. */
  readonly watch?: boolean | undefined;
  /** Even then each file is looked at this often, milliseconds; default 5 minutes. */
  readonly sweepMs?: number | undefined;
  /** An unfinished last line of a rotated file is taken as it is after so many quiet milliseconds; default 5000. */
  readonly settleMs?: number | undefined;
  readonly platform?: NodeJS.Platform | undefined;
  readonly limits?: Partial<CronLogLimits> | undefined;
  readonly watchFolders?: WatchFolders | undefined;
}

/** Bounds on what a look may cost. */
export interface CronLogLimits {
  /** Logs; the rest is told as a problem. */
  readonly files: number;
  /** Below this many files a look at each of them costs less than watching. */
  readonly watchFrom: number;
  /** Of one log at the first look. */
  readonly firstBytes: number;
  /** Of one log that appears later; what stands before its last so many bytes is not counted. */
  readonly newBytes: number;
  /** Of all logs in one round; the rest waits for the next one. */
  readonly roundBytes: number;
  readonly roundRuns: number;
  /** How long files are read in one round, milliseconds. */
  readonly roundMs: number;
}

export interface CronLogSource {
  /** Looks from `cursor` on; one that is not usable means a first start. Rejects only when `signal` aborts. */
  read(cursor: unknown, signal: AbortSignal): Promise<SourceReading>;
  /** Ends the watching. */
  close(): Promise<void>;
}

const LIMITS: CronLogLimits = {
  files: 20_000,
  watchFrom: 1000,
  firstBytes: 1024 * 1024,
  newBytes: 64 * 1024 * 1024,
  roundBytes: 64 * 1024 * 1024,
  roundRuns: 20_000,
  roundMs: 4000,
};
const MIN_FIRST_BYTES = 16 * 1024;
const DEFAULT_SWEEP_MS = 300_000;
const DEFAULT_SETTLE_MS = 5000;
const DEFAULT_GLOBS = ['workspace/*/cron-*.log', 'workspace-*/*/cron-*.log'];
/** Lines of a log that is new to the exporter count from a day before its first look: their zone may be misread. */
const HISTORY_SLACK_MS = 86_400_000;
/** A log that has been gone for so long is forgotten. */
const FORGET_MS = 30 * 86_400_000;
const MAX_PROBLEMS = 20;
const PARALLEL = 32;

/**
 * Reads jobs and their runs from the logs that jobs write themselves, `workspace/<workspace>/cron-<name>.log`: the only
 * source for jobs of the system's own crontab. Nothing in those folders is ever written, and no file stays open between
 * two looks.
 *
 * **Counting.** The first look takes what is there as history: it tells each job's last run from the end of its log and
 * counts nothing. From then on each run is told once: the cursor holds, per log, how far it was read. A read with the
 * same cursor gives the same runs again. A log that appears later is counted from its beginning. A run is known by job
 * and start time in milliseconds; see `takeLine` for logs that repeat a time or tell none.
 *
 * **Rotation.** A file is recognised by its inode and by fingerprints of its first bytes and of those before the offset,
 * so that a log which was emptied and has grown beyond the offset again is noticed. The earlier file is looked for in
 * the same folder and read to its end: under its new name (and followed for two days, since a job that still runs goes
 * on writing there), or as the copy that was made before the log was emptied. A log that was trimmed or edited goes on
 * behind the last lines known, if they hold a timestamp. When the earlier file is not found (compressed at once, moved
 * to another folder) a problem says that runs may be missing. What nobody can see: a log emptied and filled between two
 * looks with exactly the same bytes.
 *
 * **Cost** follows what is new: a quiet file costs one `stat`, a quiet folder too. That alone is correct, also on
 * network file systems that report no changes, and 1,000 files take some 15 ms a round. Watching is therefore used only
 * above that: then a file that inotify says nothing of is looked at only once in `sweepMs`. Where inotify's limits are
 * reached all files are looked at in each round, and `watching` says `polling`.
 */
export function createCronLogSource(options: CronLogSourceOptions): CronLogSource {
  return new Source(options);
}

/** What all steps of one look share. */
interface Round {
  readonly cursor: LogCursor;
  readonly globs: readonly string[];
  readonly rules: readonly CronLogRule[];
  readonly found: Discovery;
  readonly context: TailContext;
  /** The logs of this round by path: no second names, no archives. */
  readonly logs: Map<string, LogAtHand>;
  readonly archives: Set<string>;
  /** Logs whose plain id another log has. */
  readonly suffixed: Set<string>;
  readonly changed: Map<string, LogEntry | undefined>;
  readonly runs: SourceRun[];
  readonly problems: string[];
  unreadable: number;
  /** Something was read or waits for its time: the next round may tell more although nothing changes. */
  active: boolean;
  /** On the monotonic clock: what was not looked into until then waits for the next round. */
  readonly untilMs: number;
}

interface LogAtHand {
  readonly log: FoundLog;
  readonly stat: Stats;
}

class Source implements CronLogSource {
  readonly #options: CronLogSourceOptions;
  readonly #limits: CronLogLimits;
  readonly #discovery: LogDiscovery;
  readonly #watch: LogWatch;
  readonly #sights = new SightLog();
  readonly #judges = new Map<LogRule, TailedLog['judge']>();
  /** Cursors that this object made, so that they need no validation when they come back. */
  readonly #own = new WeakSet<object>();
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #stats = new Map<string, Stats | undefined>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  #watching = false;
  /** What a round told that found every log at rest. */
  #atRest: { readonly found: Discovery; readonly reading: ReadSource } | undefined;
  #firstLookMs: number | undefined;
  readonly #defaults: CronLogRule = { path: '', success: /SUCCESS/, error: /ERROR/ };

  constructor(options: CronLogSourceOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#discovery = new LogDiscovery(this.#limits.files, options.clock);
    this.#watch = new LogWatch(options.watchFolders);
  }

  async close(): Promise<void> {
    await this.#watch.close();
  }

  async read(raw: unknown, signal: AbortSignal): Promise<SourceReading> {
    signal.throwIfAborted();
    const cursor = this.#cursorOf(raw);
    const { globs, rules } = this.#globs();
    const found = await this.#discovery.discover(globs, signal);
    if (found.logs.length === 0) {
      const known = Object.keys(cursor.files).length > 0;
      const reason = failureOf(found, globs.length, known);
      if (reason !== undefined) return { state: 'unreadable', reason };
      if (!known) return { state: 'absent', cursor: this.#keep({ ...cursor, globs: [...globs] }) };
    }
    const round = this.#round(cursor, globs, rules, found, signal);
    const untouched = this.#planWatching(round);
    const rest = this.#atRest;
    if (untouched && rest?.found === found && rest.reading.cursor === cursor) return rest.reading;
    // Before anything may be cut: which files were touched is told once, so the next look has to be a whole one.
    this.#atRest = undefined;
    await this.#collectLogs(round);
    await this.#readAll(round);
    if (round.logs.size > 0 && round.unreadable === round.logs.size)
      return { state: 'unreadable', reason: 'EACCES' };
    const reading = this.#reading(round);
    if (round.active || round.problems.length > found.problems.length) return reading;
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

  #globs(): { globs: readonly string[]; rules: readonly CronLogRule[] } {
    const { logs, home, stateDir } = this.#options;
    if (logs === undefined) {
      const globs = DEFAULT_GLOBS.map((glob) => `${stateDir()}/${glob}`);
      return { globs, rules: globs.map(() => this.#defaults) };
    }
    const globs = logs.map(({ path }) => resolve(expandHome(path, home)));
    return { globs, rules: logs };
  }

  #round(
    cursor: LogCursor,
    globs: readonly string[],
    rules: readonly CronLogRule[],
    found: Discovery,
    signal: AbortSignal,
  ): Round {
    const { clock } = this.#options;
    const logs = new Map<string, LogAtHand>();
    const context: TailContext = {
      nowMs: clock.now(),
      clock,
      signal,
      buffer: this.#buffer,
      budget: { bytes: this.#limits.roundBytes, runs: this.#limits.roundRuns },
      sights: this.#sights,
      siblings: new Siblings((path) => logs.has(path), signal, clock),
      statOf: (path) => this.#statOf(path),
      statFolder: (path) => stat(path).catch(() => undefined),
      settleMs: this.#options.settleMs ?? DEFAULT_SETTLE_MS,
      historyBeforeMs: cursor.sinceMs - HISTORY_SLACK_MS,
    };
    return {
      cursor,
      globs,
      rules,
      found,
      context,
      logs,
      archives: new Set(),
      suffixed: new Set(),
      changed: new Map(),
      runs: [],
      problems: [...found.problems],
      unreadable: 0,
      active: false,
      untilMs: clock.monotonic() + this.#limits.roundMs,
    };
  }

  /**
   * Decides which remembered stats still hold: those that a complete watch says nothing of, until the next sweep. True
   * when all of them do.
   */
  #planWatching({ found, problems }: Round): boolean {
    const { clock, watch = true, sweepMs = DEFAULT_SWEEP_MS, platform = process.platform } = this.#options;
    const wanted = watch && platform === 'linux' && found.logs.length >= this.#limits.watchFrom;
    const touched = this.#watch.takeTouched();
    const covered = this.#watch.cover(wanted ? new Set(found.logs.map(({ path }) => dirname(path))) : []);
    this.#watching = wanted && covered;
    if (wanted && this.#watch.failure !== undefined) {
      problems.push(
        `log folders cannot be watched (${this.#watch.failure}): all files are looked at in each round`,
      );
    }
    const now = clock.monotonic();
    const sweeps = !this.#watching || now - this.#sweptAtMs >= sweepMs;
    if (sweeps) {
      this.#stats.clear();
      this.#sweptAtMs = now;
    }
    for (const path of touched) this.#stats.delete(path);
    // What a link leads to changes in a folder that nobody watches.
    const linked = found.logs.filter(({ symlink }) => symlink);
    for (const { path } of linked) this.#stats.delete(path);
    return !sweeps && touched.size + linked.length === 0;
  }

  async #statOf(path: string): Promise<Stats | undefined> {
    if (this.#stats.has(path)) return this.#stats.get(path);
    const found = await stat(path).catch(() => undefined);
    const file = found?.isFile() === true ? found : undefined;
    this.#stats.set(path, file);
    return file;
  }

  /** Finds the files that are logs of their own: neither a second name of one nor the archive of one. */
  async #collectLogs(round: Round): Promise<void> {
    const { found, cursor, context, archives, logs } = round;
    const paths = new Set(found.logs.map(({ path }) => path));
    for (const path of paths) if (isArchive(path, paths, cursor)) archives.add(path);
    const own = found.logs.filter(({ path }) => !archives.has(path));
    const byFile = new Map<string, LogAtHand>();
    for (let index = 0; index < own.length; index += PARALLEL) {
      context.signal.throwIfAborted();
      const group = own.slice(index, index + PARALLEL);
      const stats = await Promise.all(group.map(({ path }) => this.#statOf(path)));
      for (const [at, log] of group.entries()) {
        const stat = stats[at];
        if (stat !== undefined) keepBest(byFile, { log, stat }, cursor);
      }
    }
    for (const at of byFile.values()) logs.set(at.log.path, at);
    for (const path of withoutPlainId([...byFile.values()], cursor)) round.suffixed.add(path);
  }

  async #readAll(round: Round): Promise<void> {
    const fresh = [...round.logs.values()].filter(({ log }) => round.cursor.files[log.path] === undefined);
    round.active ||= fresh.length > 0;
    await this.#adoptRenamed(round, fresh);
    await this.#readKnown(round);
    const unknown = fresh.filter(({ log }) => entryOf(round, log.path) === undefined);
    const history = unknown.filter(({ log }) => !round.cursor.globs.includes(round.globs[log.glob] ?? ''));
    const share = Math.floor(this.#limits.roundBytes / Math.max(1, history.length));
    const tailBytes = Math.max(MIN_FIRST_BYTES, Math.min(this.#limits.firstBytes, share));
    const old = new Set(history);
    for (const at of unknown) await this.#readNew(round, at, old.has(at), tailBytes);
    await this.#readGone(round);
  }

  async #readKnown(round: Round): Promise<void> {
    const due: { log: FoundLog; stat: Stats; entry: LogEntry }[] = [];
    for (const { log, stat } of round.logs.values()) {
      const entry = entryOf(round, log.path);
      if (entry !== undefined && !isAtRest(entry, stat)) due.push({ log, stat, entry });
    }
    round.active ||= due.length > 0;
    // Short ones first: a log with much to catch up on delays no other.
    due.sort((a, b) => a.stat.size - a.entry.mark.offset - (b.stat.size - b.entry.mark.offset));
    for (const { log, stat, entry } of due) {
      if (round.context.clock.monotonic() > round.untilMs) break;
      this.#take(round, log, await follow(this.#tailed(round, log), entry, stat, round.context));
    }
  }

  async #readNew(round: Round, { log, stat }: LogAtHand, history: boolean, tailBytes: number): Promise<void> {
    const { context, cursor } = round;
    const tailed = this.#tailed(round, log);
    if (round.context.clock.monotonic() > round.untilMs) {
      // A log that is to be counted can wait; what is history must be noted now.
      if (history) this.#take(round, log, { entry: unseenHistory(stat), runs: [], problems: [] });
      return;
    }
    const result =
      history || stat.mtimeMs < cursor.sinceMs - HISTORY_SLACK_MS
        ? await firstLook(tailed, stat, tailBytes, context)
        : await appeared(tailed, stat, this.#limits.newBytes, context);
    this.#take(round, log, result);
  }

  /** A log under a name that was not known, whose file was: the job was renamed, and nothing of it is told again. */
  async #adoptRenamed(round: Round, fresh: readonly LogAtHand[]): Promise<void> {
    const files = Object.entries(round.cursor.files);
    if (fresh.length === 0 || files.length === 0) return;
    const owners = new Map<number, string>();
    for (const [path, { mark, rotated }] of files) {
      for (const { ino } of [...rotated, mark]) owners.set(ino, path);
    }
    for (const { log, stat } of fresh) {
      const owner = owners.get(stat.ino);
      if (owner !== undefined) await this.#adopt(round, log, stat, owner);
    }
  }

  async #adopt(round: Round, log: FoundLog, stat: Stats, owner: string): Promise<void> {
    const entry = entryOf(round, owner);
    const found =
      entry === undefined ? undefined : [entry.mark, ...entry.rotated].find(({ ino }) => ino === stat.ino);
    if (entry === undefined || found === undefined || found.offset === 0) return;
    if (!(await stillHolds(log.path, found))) return;
    const { ino, size, mtimeMs, offset, mid, head, anchor, distinct } = found;
    const mark = { ino, size, mtimeMs, offset, mid, head, anchor, distinct };
    round.changed.set(log.path, { mark, rotated: [], facts: entry.facts });
    const rotated = entry.rotated.filter((other) => other !== found);
    const rest = { ...entry, rotated, mark: found === entry.mark ? BLANK_MARK : entry.mark };
    const moved = !round.logs.has(owner) && found === entry.mark;
    round.changed.set(owner, moved ? undefined : rest);
  }

  /** Logs that are not there at this moment. */
  async #readGone(round: Round): Promise<void> {
    const gone: { path: string; atMs: number }[] = [];
    for (const path of Object.keys(round.cursor.files)) {
      const entry = entryOf(round, path);
      if (entry === undefined || round.logs.has(path)) continue;
      const described = describePath(round.globs, path);
      if (described === undefined) round.changed.set(path, undefined);
      else {
        gone.push({ path, atMs: entry.goneAtMs ?? round.context.nowMs });
        const log = { path, ...described };
        this.#take(round, log, await follow(this.#tailed(round, log), entry, undefined, round.context));
      }
    }
    round.active ||= gone.length > 0;
    const spare = Math.max(0, this.#limits.files * 2 - round.logs.size);
    const forgotten = gone
      .sort((a, b) => b.atMs - a.atMs)
      .filter(({ atMs }, index) => index >= spare || round.context.nowMs - atMs > FORGET_MS);
    for (const { path } of forgotten) round.changed.set(path, undefined);
  }

  #take(round: Round, log: Pick<FoundLog, 'path' | 'job'>, { entry, runs, problems }: TailResult): void {
    const suffixed = round.logs.has(log.path) ? round.suffixed.has(log.path) : entry.suffixed === true;
    const { suffixed: before, ...rest } = entry;
    const after: LogEntry =
      (before === true) === suffixed ? entry : { ...rest, ...(suffixed ? { suffixed } : {}) };
    if (after !== round.cursor.files[log.path]) round.changed.set(log.path, after);
    const id = idOf(log, suffixed);
    if (problems.some((problem) => problem.startsWith('cannot be read'))) round.unreadable += 1;
    round.problems.push(...problems.map((problem) => `${id} ${problem}`));
    for (const run of runs) round.runs.push({ ...run, jobId: id, jobName: nameOf(log.path) });
  }

  #tailed(round: Round, { path, glob }: Pick<FoundLog, 'path' | 'glob'>): TailedLog {
    const rule = round.rules[glob] ?? this.#defaults;
    const judge = this.#judges.get(rule) ?? createLineJudge(rule);
    this.#judges.set(rule, judge);
    return { path, rule, judge };
  }

  #reading(round: Round): ReadSource {
    const { cursor, changed, runs, logs, globs, rules } = round;
    const next = this.#nextCursor(round);
    const jobs: CronJob[] = [];
    const lastSuccesses = new Map<string, number>();
    const add = (log: Pick<FoundLog, 'path' | 'job' | 'glob'>, entry: LogEntry) => {
      const job = jobOf(log, entry, rules[log.glob]?.interval);
      jobs.push(job);
      if (entry.facts.lastSuccessAtMs !== undefined) lastSuccesses.set(job.id, entry.facts.lastSuccessAtMs);
    };
    for (const { log } of logs.values()) {
      const entry = entryOf(round, log.path);
      if (entry !== undefined) add(log, entry);
    }
    // A log between its rotation and its next line is no removed job.
    for (const [path, entry] of [...Object.entries(cursor.files), ...changed]) {
      if (logs.has(path) || entry !== next.files[path] || entry === undefined || entry.rotated.length === 0)
        continue;
      const described = describePath(globs, path);
      if (described !== undefined) add({ path, ...described }, entry);
    }
    return {
      state: 'read',
      jobs,
      runs,
      lastSuccesses,
      cursor: next,
      problems: bounded(round.problems),
      watching: this.#watching ? 'inotify' : 'polling',
    };
  }

  #nextCursor({ cursor, changed, globs, found }: Round): LogCursor {
    const looked = globs.filter((glob, index) => cursor.globs.includes(glob) || !found.unreadable.has(index));
    const sameGlobs = looked.join('\n') === cursor.globs.join('\n');
    if (changed.size === 0 && sameGlobs && this.#own.has(cursor)) return cursor;
    const files = { ...cursor.files };
    for (const [path, entry] of changed) {
      if (entry === undefined) delete files[path];
      else files[path] = entry;
    }
    return this.#keep({ version: 1, sinceMs: cursor.sinceMs, globs: looked, files });
  }
}

function entryOf({ cursor, changed }: Round, path: string): LogEntry | undefined {
  return changed.has(path) ? changed.get(path) : cursor.files[path];
}

function isAtRest(entry: LogEntry, stat: Stats): boolean {
  return (
    entry.goneAtMs === undefined &&
    entry.rotated.length === 0 &&
    entry.fresh !== true &&
    isQuiet(entry.mark, stat)
  );
}

function isArchive(path: string, paths: ReadonlySet<string>, cursor: LogCursor): boolean {
  const log = archiveOf(path);
  return log !== undefined && (paths.has(log) || cursor.files[log] !== undefined);
}

/** Of several names of one file: the one that is known, then the one that is no link, then the first. */
function keepBest(byFile: Map<string, LogAtHand>, at: LogAtHand, cursor: LogCursor): void {
  const key = `${at.stat.dev}:${at.stat.ino}`;
  const other = byFile.get(key);
  if (other === undefined || rank(at.log, cursor) < rank(other.log, cursor)) byFile.set(key, at);
}

function rank({ path, symlink }: FoundLog, cursor: LogCursor): number {
  return (cursor.files[path] === undefined ? 2 : 0) + (symlink ? 1 : 0);
}

/** Of logs in folders of the same name only one has the plain id: the one that had it, else the first. */
function withoutPlainId(logs: readonly LogAtHand[], cursor: LogCursor): string[] {
  const hadPlain = ({ log }: LogAtHand) => {
    const entry = cursor.files[log.path];
    return entry !== undefined && entry.suffixed !== true;
  };
  const owners = new Map<string, string>();
  for (const { log } of logs.filter(hadPlain)) if (!owners.has(log.job)) owners.set(log.job, log.path);
  for (const { log } of logs) if (!owners.has(log.job)) owners.set(log.job, log.path);
  return logs.filter(({ log }) => owners.get(log.job) !== log.path).map(({ log }) => log.path);
}

function idOf({ path, job }: Pick<FoundLog, 'path' | 'job'>, suffixed: boolean): string {
  const suffix = suffixed ? `#${createHash('sha256').update(path).digest('hex').slice(0, 6)}` : '';
  return `log:${job}${suffix}`;
}

function nameOf(path: string): string {
  return jobNameOf(basename(path));
}

/** Jobs of entries that did not change: whoever compares sees at once that the job did not either. */
const jobsOfEntries = new WeakMap<LogEntry, { readonly key: string; readonly job: CronJob }>();

function jobOf(log: Pick<FoundLog, 'path' | 'job'>, entry: LogEntry, interval: number | undefined): CronJob {
  const key = `${interval} ${log.path}`;
  const known = jobsOfEntries.get(entry);
  if (known?.key === key) return known.job;
  const job = newJobOf(log, entry, interval);
  jobsOfEntries.set(entry, { key, job });
  return job;
}

function newJobOf(
  log: Pick<FoundLog, 'path' | 'job'>,
  entry: LogEntry,
  interval: number | undefined,
): CronJob {
  const { facts } = entry;
  const schedule: CronSchedule =
    interval === undefined ? { kind: 'unknown' } : { kind: 'every', everyMs: interval, anchorMs: undefined };
  return {
    id: idOf(log, entry.suffixed === true),
    name: nameOf(log.path),
    enabled: true,
    schedule,
    createdAtMs: undefined,
    nextRunAtMs: undefined,
    runningAtMs: facts.startedAtMs,
    lastRunAtMs: facts.lastRunAtMs,
    lastRunStatus: facts.lastStatus,
    lastDurationMs: facts.lastDurationMs,
    consecutiveErrors: facts.consecutiveErrors,
  };
}

async function stillHolds(path: string, mark: LogEntry['mark']): Promise<boolean> {
  const opened = await openLog(path);
  if (opened.state !== 'open') return false;
  try {
    return await continues(opened.handle, opened.stat.size, mark);
  } finally {
    await opened.handle.close();
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
