import { appendFileSync, closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteStore } from '../support/cron-store.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Of each job a gateway keeps so many receipts. */
const RECEIPTS_KEPT = 64;
const LOGS_PER_FOLDER = 100;
const LINES_PER_LOG = 20;
const BLOCK_BYTES = 8 * 1024 * 1024;

export interface ScaleSize {
  readonly jobs: number;
  /** Stored runs of all jobs together. */
  readonly runs: number;
  /** Log files of a few lines each. */
  readonly logs: number;
  /** Size of one more log; 0 for none. */
  readonly bigLogBytes: number;
}

/** A gateway's state folder with many jobs, runs and logs; it does not run, time is what its rows say. */
export class ScaleStore {
  readonly size: ScaleSize;
  readonly stateDir: string;
  readonly #database: SqliteStore;
  #added = 0;

  constructor(stateDir: string, size: ScaleSize) {
    this.size = size;
    this.stateDir = stateDir;
    this.#database = new SqliteStore(stateDir);
    this.#fillDatabase(Date.now());
    this.#fillLogs(Date.now());
    this.#fillBigLog();
    // As after a clean start of the gateway: all in the main file, and a reader need
    // not go through a long `-wal`.
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  get databasePath(): string {
    return this.#database.path;
  }

  get workspace(): string {
    return join(this.stateDir, 'workspace');
  }

  /** One job ran once: its run is stored and its state moves on. */
  addRun(): void {
    const id = `job-${this.#added % this.size.jobs}`;
    const runAtMs = Date.now() - 10;
    this.#added += 1;
    this.#database.exec('BEGIN');
    this.#database.addRun({ jobId: id, runAtMs, finishedAtMs: runAtMs + 5, status: 'ok' });
    this.#database.putJob(id, id, jobOf(runAtMs));
    this.#database.exec('COMMIT');
  }

  /** One log gains a line. */
  addLine(): void {
    this.#added += 1;
    appendFileSync(this.#logPath(this.#added % this.size.logs), lineOf(Date.now()));
  }

  /** The big log gains a line. */
  addBigLine(): void {
    appendFileSync(this.bigLogPath, lineOf(Date.now()));
  }

  get bigLogPath(): string {
    return join(this.workspace, 'big', 'cron-big.log');
  }

  close(): void {
    this.#database.stop();
  }

  #fillDatabase(nowMs: number): void {
    const { jobs, runs } = this.size;
    const database = this.#database;
    database.exec('PRAGMA cache_size = -400000');
    database.exec('BEGIN');
    for (let index = 0; index < jobs; index += 1) {
      database.putJob(`job-${index}`, `job-${index}`, jobOf(nowMs - MINUTE_MS));
    }
    const perJob = runs / jobs;
    // Run n of a job, oldest first, spread over the week that a gateway remembers.
    const all = `WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ${runs}),
      runs AS (SELECT n, 'job-' || (n % ${jobs}) AS job, n / ${jobs} AS nth, printf('%08x-0000-4000-8000-%012x', n, n) AS receipt,
        ${nowMs - 6 * DAY_MS} + (n / ${jobs}) * ${Math.floor((6 * DAY_MS - MINUTE_MS) / perJob)} AS at,
        CASE WHEN n % 10 = 0 THEN 'error' ELSE 'ok' END AS status FROM numbers)`;
    const key = join(this.stateDir, 'cron', 'jobs.json');
    database.exec(`${all} INSERT INTO cron_run_receipts
      SELECT receipt, '${key}', job, 'sha256:x', 'main', NULL, status, 1, 1, at, at + 15, NULL FROM runs WHERE nth >= ${perJob - RECEIPTS_KEPT}`);
    database.exec(`${all} INSERT INTO task_runs (task_id, runtime, source_id, owner_key, scope_kind, run_id, label, task, status,
        delivery_status, notify_policy, created_at, started_at, ended_at, detail_json)
      SELECT 'task-' || receipt, 'cron', job, 'o', 'system', 'cron:' || job || ':' || at || ':' || receipt, job, 't', 'succeeded',
        'not_applicable', 'none', at, at, at + 15,
        json_object('kind', 'cron-run', 'status', status, 'deliveryStatus', 'not-requested', 'runAtMs', at, 'durationMs', 15) FROM runs`);
    database.exec('COMMIT');
  }

  #fillLogs(nowMs: number): void {
    for (let index = 0; index < this.size.logs; index += 1) {
      if (index % LOGS_PER_FOLDER === 0)
        mkdirSync(join(this.workspace, folderOf(index)), { recursive: true });
      const lines = Array.from({ length: LINES_PER_LOG }, (_, line) =>
        lineOf(nowMs - (LINES_PER_LOG - line) * MINUTE_MS),
      );
      writeFileSync(this.#logPath(index), lines.join(''));
    }
  }

  #fillBigLog(): void {
    if (this.size.bigLogBytes === 0) return;
    mkdirSync(join(this.workspace, 'big'), { recursive: true });
    const lines =
      lineOf(Date.now() - DAY_MS) + 'some output of the job that says nothing of its end\n'.repeat(9);
    const block = Buffer.from(lines.repeat(Math.floor(BLOCK_BYTES / lines.length)));
    const file = openSync(this.bigLogPath, 'w');
    try {
      for (let bytes = 0; bytes < this.size.bigLogBytes; bytes += block.length) writeSync(file, block);
    } finally {
      closeSync(file);
    }
  }

  #logPath(index: number): string {
    return join(this.workspace, folderOf(index), `cron-log${index}.log`);
  }
}

function folderOf(index: number): string {
  return `folder${Math.floor(index / LOGS_PER_FOLDER)}`;
}

function lineOf(atMs: number): string {
  return `${new Date(atMs).toISOString()} SUCCESS nightly report sent\n`;
}

/** Each hour; next time far enough away that nothing becomes due during a measurement. */
function jobOf(lastRunAtMs: number) {
  const everyMs = 60 * MINUTE_MS;
  return {
    job: { schedule: { kind: 'every', everyMs, anchorMs: lastRunAtMs } },
    state: {
      nextRunAtMs: lastRunAtMs + everyMs,
      lastRunAtMs,
      lastRunStatus: 'ok',
      lastDurationMs: 5,
      consecutiveErrors: 0,
    },
  };
}
