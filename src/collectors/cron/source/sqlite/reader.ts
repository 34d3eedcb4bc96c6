import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { lookAtDatabase, readDatabase } from '../../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../../openclaw/paths.ts';
import type { CronSource, ReadSource, SourceReading, SourceRun } from '../cron-source.ts';
import type { CronJob } from '../records.ts';
import { NOWHERE, places, positionAfter, positionOf } from './position.ts';
import {
  CronRows,
  type CronTables,
  type KnownJobs,
  PAGE_ROWS,
  type ReceiptRow,
  receiptIdOf,
  runOfReceipt,
  runOfTask,
  type TaskRow,
} from './rows.ts';
import { RunLogs } from './run-logs.ts';

const cursorSchema = z.object({
  receipts: places,
  tasks: places,
  /** Missing where the gateway has no such table. */
  logs: places.optional(),
  /** Runs that were under way: their rows change where they are. */
  pendingReceipts: z.array(z.string()),
  pendingTasks: z.array(z.string()),
});
type Cursor = z.output<typeof cursorSchema>;

/** The newest schema this was tried with; a newer one is read as long as it has the columns. */
const KNOWN_VERSION = 18;
const MAX_PENDING = 2_000;
/** How often, and how many milliseconds apart, a database is tried that a writer has locked. */
const LOCK_ATTEMPTS = 20;
const LOCK_WAIT_MS = 100;
/** A search reads at most one job's kept history (2,000 rows, some milliseconds). */
const SEARCHES_PER_PAGE = 4;

interface SqliteOptions {
  readonly stateDir: string;
  readonly now: () => number;
}

interface LookOptions {
  readonly path: string;
  readonly ownStoreKey: string;
  readonly sinceMs: number;
  readonly cursor: unknown;
  readonly knownJobs: KnownJobs;
}

/** What one page's transaction found. */
interface Page {
  readonly jobs: CronJob[] | undefined;
  readonly strange: number;
  readonly version: number;
  readonly misfits: CronTables['misfits'];
  readonly more: boolean;
}

/**
 * Cron jobs and runs of 2026.6 and later from `state/openclaw.sqlite`. From 2026.8 on runs are in two tables:
 * a receipt (its status is the truth, the newest 64 a job are kept) and a task (7 days, with the delivery),
 * joined by the receipt's id; before, in {@link RunLogs}. A look costs what is new since the cursor, and two
 * `stat`s when nothing changed.
 */
export function createSqliteSource({ stateDir, now }: SqliteOptions): CronSource {
  const path = stateDatabase(stateDir);
  const ownStoreKey = join(stateDir, 'cron', 'jobs.json');
  const knownJobs: KnownJobs = new Map();
  let last: { stamp: string; reading: ReadSource } | undefined;
  return {
    async read(cursor, sinceMs, signal) {
      const look = lookAtDatabase(path, now());
      if (look.state !== 'there') return look;
      if (last !== undefined && last.stamp === look.stamp && last.reading.cursor === cursor)
        return last.reading;
      const reading = await new Look({ path, ownStoreKey, sinceMs, cursor, knownJobs }).run(signal);
      last = undefined;
      if (reading.state === 'read' && look.settled) {
        last = { stamp: look.stamp, reading: { ...reading, runs: [], lastSuccesses: new Map() } };
      }
      return reading;
    },
  };
}

/** One look: pages, each in its own short transaction, until nothing new is left. */
class Look {
  readonly #path: string;
  readonly #ownStoreKey: string;
  readonly #sinceMs: number;
  readonly #knownJobs: KnownJobs;
  readonly #first: boolean;
  readonly #runs = new Map<string, SourceRun>();
  readonly #pendingReceipts = new Set<string>();
  readonly #pendingTasks = new Set<string>();
  readonly #cursor: Cursor;
  #receipts = NOWHERE;
  #tasks = NOWHERE;
  #logs: RunLogs | undefined;
  #started = false;
  readonly #wanted: CronJob[] = [];
  readonly #lastSuccesses = new Map<string, number>();
  /** Set while tasks are read by their end instead of by position. */
  #endedAfter: [number, number] | undefined;

  constructor({ path, ownStoreKey, sinceMs, cursor, knownJobs }: LookOptions) {
    this.#knownJobs = knownJobs;
    this.#path = path;
    this.#ownStoreKey = ownStoreKey;
    this.#sinceMs = sinceMs;
    const known = cursorSchema.safeParse(cursor).data;
    this.#first = known === undefined;
    this.#cursor = known ?? { receipts: [], tasks: [], pendingReceipts: [], pendingTasks: [] };
  }

  async run(signal: AbortSignal): Promise<SourceReading> {
    let jobs: readonly CronJob[] = [];
    const problems = new Set<string>();
    let strange = 0;
    for (let more = true; more; ) {
      signal.throwIfAborted();
      const outcome = await this.#read(signal);
      if (outcome.state !== 'read') return outcome;
      if (!('jobs' in outcome.value)) return outcome.value;
      const page = outcome.value;
      jobs = page.jobs ?? jobs;
      strange += page.strange;
      if (page.version > KNOWN_VERSION)
        problems.add(`schema version ${page.version} is newer than this exporter`);
      for (const misfit of page.misfits) problems.add(`${misfit}: what stands only there is not counted`);
      more = page.more;
      if (more) await nextTurn();
    }
    if (strange > 0) problems.add(`${strange} rows could not be understood`);
    const cursor: Cursor = {
      receipts: this.#receipts.places,
      tasks: this.#tasks.places,
      ...(this.#logs === undefined ? {} : { logs: this.#logs.places }),
      pendingReceipts: [...this.#pendingReceipts].slice(-MAX_PENDING),
      pendingTasks: [...this.#pendingTasks].slice(-MAX_PENDING),
    };
    const runs = [...this.#runs.values()].sort((a, b) => a.runAtMs - b.runAtMs);
    return { state: 'read', jobs, runs, lastSuccesses: this.#lastSuccesses, cursor, problems: [...problems] };
  }

  /**
   * One page. A writer in rollback-journal mode may hold the lock for longer than this may hold up others.
   */
  async #read(signal: AbortSignal) {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = readDatabase(this.#path, (database) => this.#page(new CronRows(database)));
      if (outcome.state !== 'unreadable' || outcome.isLocked !== true || attempt === LOCK_ATTEMPTS)
        return outcome;
      await delay(LOCK_WAIT_MS, undefined, { signal });
    }
  }

  #page(rows: CronRows): Page | Exclude<SourceReading, { state: 'read' }> {
    const tables = rows.tables();
    const unfit = unfitness(tables);
    if (unfit !== undefined) return unfit;
    const starting = !this.#started;
    this.#started = true;
    const storeKey = starting ? rows.storeKey(this.#ownStoreKey) : undefined;
    if (starting) this.#start(rows, tables, storeKey ?? this.#ownStoreKey);
    const moreReceipts = tables.receipts && this.#readReceipts(rows);
    const moreTasks = tables.tasks && this.#readTasks(rows, tables.receipts);
    const moreLogs = this.#readLogs(rows);
    const jobs = storeKey === undefined ? undefined : rows.jobs(storeKey, this.#knownJobs);
    if (this.#first && (tables.tasks || tables.logs)) this.#wanted.push(...(jobs ?? []).filter(lacksSuccess));
    const moreWanted = this.#findSuccesses(rows);
    return {
      jobs: starting ? (jobs ?? []) : undefined,
      strange: rows.strange,
      version: tables.version,
      misfits: tables.misfits,
      more: moreReceipts || moreTasks || moreLogs || moreWanted,
    };
  }

  /** Searches the history of a few jobs whose last run was no success; true while some are left. */
  #findSuccesses(rows: CronRows): boolean {
    for (const job of this.#wanted.splice(0, SEARCHES_PER_PAGE)) {
      const at = this.#logs === undefined ? rows.lastSuccess(job.id) : this.#logs.lastSuccess(rows, job.id);
      if (at !== undefined) this.#lastSuccesses.set(job.id, at);
    }
    return this.#wanted.length > 0;
  }

  /** Finds where to go on in each history and takes up what was under way. */
  #start(rows: CronRows, { receipts, tasks, logs }: CronTables, storeKey: string): void {
    const known = this.#cursor;
    if (logs) this.#logs = new RunLogs(rows, storeKey, this.#first ? undefined : known.logs, this.#sinceMs);
    if (receipts) {
      const table = rows.placed('cron_run_receipts');
      this.#receipts = this.#first ? NOWHERE : positionOf(known.receipts, table);
      for (const id of known.pendingReceipts) this.#takeReceipt(rows.receipt(id), true);
    }
    if (tasks) this.#startTasks(rows, receipts);
  }

  #startTasks(rows: CronRows, hasReceipts: boolean): void {
    const { tasks, pendingTasks } = this.#cursor;
    const table = rows.placed('task_runs');
    this.#tasks = this.#first ? NOWHERE : positionOf(tasks, table);
    if (this.#tasks === NOWHERE) {
      this.#endedAfter = [this.#sinceMs, Number.MAX_SAFE_INTEGER];
      this.#tasks = { ...NOWHERE, places: table.newest() };
      for (const task of rows.tasksUnderWay()) this.#pendingTasks.add(task.task_id);
    }
    for (const id of pendingTasks) this.#takeTask(rows.task(id), rows, hasReceipts, true);
  }

  #readLogs(rows: CronRows): boolean {
    const page = this.#logs?.page(rows);
    for (const run of page?.runs ?? []) this.#take(run);
    return page?.more === true;
  }

  #readReceipts(rows: CronRows): boolean {
    const { from, provenAfter } = this.#receipts;
    const page = rows.receiptsAfter(from, provenAfter === NOWHERE.provenAfter ? this.#sinceMs : 0);
    for (const row of page) this.#takeReceipt(row, row.rowid > provenAfter);
    const more = page.length === PAGE_ROWS;
    this.#receipts = positionAfter(this.#receipts, page, more, rows.placed('cron_run_receipts'));
    return more;
  }

  #readTasks(rows: CronRows, hasReceipts: boolean): boolean {
    if (this.#endedAfter !== undefined) return this.#readTasksByEnd(this.#endedAfter, rows, hasReceipts);
    const { from, provenAfter } = this.#tasks;
    const page = rows.tasksAfter(from);
    for (const row of page) this.#takeTask(row, rows, hasReceipts, row.rowid > provenAfter);
    const more = page.length === PAGE_ROWS;
    this.#tasks = positionAfter(this.#tasks, page, more, rows.placed('task_runs'));
    return more;
  }

  #readTasksByEnd(after: readonly [number, number], rows: CronRows, hasReceipts: boolean): boolean {
    const page = rows.tasksEndedAfter(after);
    for (const row of page) this.#takeTask(row, rows, hasReceipts, false);
    const newest = page.at(-1);
    if (newest !== undefined) this.#endedAfter = [newest.ended_at ?? 0, newest.rowid];
    return page.length === PAGE_ROWS;
  }

  #takeReceipt(row: ReceiptRow | undefined, appended: boolean): void {
    if (row === undefined) return;
    const run = runOfReceipt(row, appended);
    if (run === undefined) this.#pendingReceipts.add(row.receipt_id);
    else this.#take(run);
  }

  #takeTask(row: TaskRow | undefined, rows: CronRows, hasReceipts: boolean, appended: boolean): void {
    if (row === undefined) return;
    const id = hasReceipts ? receiptIdOf(row) : undefined;
    const receipt = id === undefined ? undefined : rows.receipt(id);
    // A finished task whose receipt is not finished yet: the receipt will say how it really ended.
    if (row.ended_at === null || (receipt !== undefined && receipt.finished_at_ms === null)) {
      this.#pendingTasks.add(row.task_id);
      return;
    }
    const run = runOfTask(row, receipt, appended);
    if (run !== undefined) this.#take(run);
  }

  /** The same run from both tables becomes one: the first one's times and status, either one's delivery. */
  #take(run: SourceRun): void {
    const key = `${run.runAtMs} ${run.jobId}`;
    const other = this.#runs.get(key);
    if (other === undefined) {
      this.#runs.set(key, run);
      return;
    }
    this.#runs.set(key, {
      ...other,
      durationMs: run.durationMs ?? other.durationMs,
      errorReason: other.errorReason ?? run.errorReason,
      deliveryFailed: other.deliveryFailed || run.deliveryFailed,
      isManual: other.isManual ?? run.isManual,
      outcome: other.outcome ?? run.outcome,
      appended: other.appended || run.appended,
      jobName: other.jobName ?? run.jobName,
    });
  }
}

/**
 * Why nothing can be told of a database with these tables; undefined where its jobs, and
 * runs if it has any, can be read.
 */
function unfitness({
  jobs,
  receipts,
  tasks,
  logs,
  openclaw,
  misfits,
}: CronTables): Exclude<SourceReading, { state: 'read' }> | undefined {
  if (jobs && (receipts || tasks || logs || misfits.length === 0)) return undefined;
  if (misfits.length > 0) {
    return { state: 'unreadable', reason: `it is not as this exporter knows it: ${misfits.join('; ')}` };
  }
  if (openclaw) return { state: 'absent' };
  return { state: 'unreadable', reason: 'it has no cron tables that this exporter knows' };
}

function lacksSuccess({ lastRunAtMs, lastRunStatus }: CronJob): boolean {
  return lastRunAtMs !== undefined && lastRunStatus !== 'ok';
}
