import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const JOBS = `
CREATE TABLE IF NOT EXISTS cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, declaration_key TEXT, owner_agent_id TEXT, name TEXT NOT NULL, description TEXT,
  enabled INTEGER NOT NULL, agent_id TEXT, payload_kind TEXT NOT NULL, job_json TEXT NOT NULL, grant_definition_revision TEXT, grant_definition_generation INTEGER,
  grant_definition_updated_at INTEGER, state_json TEXT NOT NULL DEFAULT '{}', runtime_updated_at_ms INTEGER, schedule_identity TEXT,
  sort_order INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL, PRIMARY KEY (store_key, job_id)) STRICT;
CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, schema_version INTEGER NOT NULL, agent_id TEXT, app_version TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
`;

/** The histories of 2026.9.6 as that version creates them. */
const RECEIPTS_AND_TASKS = `
CREATE TABLE cron_run_receipts (receipt_id TEXT PRIMARY KEY, store_key TEXT NOT NULL, job_id TEXT NOT NULL, config_revision TEXT NOT NULL, agent_id TEXT NOT NULL,
  request_run_id TEXT, status TEXT NOT NULL, owner_pid INTEGER NOT NULL, owner_start_time INTEGER, started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER, error_text TEXT,
  CHECK (status IN ('running','ok','error','skipped','interrupted','superseded')),
  CHECK ((status='running' AND finished_at_ms IS NULL) OR (status!='running' AND finished_at_ms IS NOT NULL))) STRICT;
CREATE UNIQUE INDEX idx_cron_run_receipts_active_job ON cron_run_receipts(store_key, job_id) WHERE status='running';
CREATE INDEX idx_cron_run_receipts_job_history ON cron_run_receipts(store_key, job_id, started_at_ms DESC, receipt_id DESC);
CREATE TABLE task_runs (task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, task_kind TEXT, source_id TEXT, requester_session_key TEXT, owner_key TEXT NOT NULL, scope_kind TEXT NOT NULL,
  child_session_key TEXT, parent_flow_id TEXT, parent_task_id TEXT, agent_id TEXT, requester_agent_id TEXT, run_id TEXT, execution_owner_host TEXT, execution_owner_pid INTEGER,
  execution_owner_start_identity INTEGER, label TEXT, task TEXT NOT NULL, status TEXT NOT NULL, delivery_status TEXT NOT NULL, notify_policy TEXT NOT NULL, created_at INTEGER NOT NULL,
  started_at INTEGER, ended_at INTEGER, last_event_at INTEGER, cleanup_after INTEGER, tool_use_count INTEGER, last_tool_name TEXT, error TEXT, progress_summary TEXT, terminal_summary TEXT, terminal_outcome TEXT, detail_json TEXT) STRICT;
CREATE INDEX idx_task_runs_runtime_ended ON task_runs(runtime, ended_at);
CREATE INDEX idx_task_runs_runtime_source_ended ON task_runs(runtime, source_id, ended_at);
CREATE INDEX idx_task_runs_runtime_status ON task_runs(runtime, status);
CREATE INDEX idx_task_runs_run_id ON task_runs(run_id);
INSERT OR REPLACE INTO schema_meta VALUES ('primary', 'state', 18, NULL, '2026.9.6', 0, 0);
PRAGMA user_version = 18;
`;

/** The histories of 2026.7.35 as that version creates them; its `task_runs` tells nothing of cron. */
const RUN_LOGS = `
CREATE TABLE cron_run_logs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, seq INTEGER NOT NULL, ts INTEGER NOT NULL, status TEXT, error TEXT, summary TEXT,
  diagnostics_summary TEXT, delivery_status TEXT, delivery_error TEXT, delivered INTEGER, session_id TEXT, session_key TEXT, run_id TEXT, run_at_ms INTEGER,
  duration_ms INTEGER, next_run_at_ms INTEGER, model TEXT, provider TEXT, total_tokens INTEGER, entry_json TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (store_key, job_id, seq));
CREATE INDEX idx_cron_run_logs_store_ts ON cron_run_logs(store_key, ts DESC, seq DESC);
CREATE INDEX idx_cron_run_logs_job_status ON cron_run_logs(store_key, job_id, status, ts DESC, seq DESC);
CREATE TABLE task_runs (task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, task_kind TEXT, source_id TEXT, owner_key TEXT NOT NULL, scope_kind TEXT NOT NULL,
  run_id TEXT, label TEXT, task TEXT NOT NULL, status TEXT NOT NULL, delivery_status TEXT NOT NULL, notify_policy TEXT NOT NULL, created_at INTEGER NOT NULL,
  started_at INTEGER, ended_at INTEGER, error TEXT);
INSERT INTO schema_meta VALUES ('primary', 'state', 1, NULL, '2026.7.35', 0, 0);
PRAGMA user_version = 1;
`;

export type StoredStatus = 'ok' | 'error' | 'skipped' | 'interrupted';

/** One run as a test wants it stored; times in milliseconds. */
export interface StoredRun {
  readonly jobId: string;
  readonly runAtMs: number;
  readonly finishedAtMs: number;
  readonly status: StoredStatus;
  readonly deliveryFailed?: boolean;
  /** Whether the run appears as a receipt, as a task, or as both; both where nothing is said. */
  readonly tables?: 'receipt' | 'task';
}

/** The database of a gateway, whatever it keeps its runs in. */
class DatabaseStore {
  readonly stateDir: string;
  readonly path: string;
  protected database: DatabaseSync;

  constructor(stateDir: string, tables: string) {
    this.stateDir = stateDir;
    this.path = join(stateDir, 'state', 'openclaw.sqlite');
    mkdirSync(join(stateDir, 'state'), { recursive: true });
    this.database = this.#open();
    this.database.exec(tables);
  }

  #open(): DatabaseSync {
    const database = new DatabaseSync(this.path);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    return database;
  }

  /** A gateway that has the database open, as a running one has. */
  start(): void {
    this.stop();
    this.database = this.#open();
  }

  /** Closes it cleanly: `-wal` and `-shm` vanish. */
  stop(): void {
    if (this.database.isOpen) this.database.close();
  }

  exec(sql: string): void {
    this.database.exec(sql);
  }

  putJob(id: string, name: string, { job = {}, state = {}, enabled = true }: Partial<StoredJob> = {}): void {
    const payload = JSON.stringify({ id, name, ...job });
    this.database
      .prepare(
        `INSERT OR REPLACE INTO cron_jobs (store_key, job_id, name, enabled, payload_kind, job_json, state_json, updated_at)
         VALUES (?, ?, ?, ?, 'command', ?, ?, 0)`,
      )
      .run(this.storeKey, id, name, enabled ? 1 : 0, payload, JSON.stringify(state));
  }

  removeJob(id: string): void {
    this.database.prepare('DELETE FROM cron_jobs WHERE job_id = ?').run(id);
  }

  protected get storeKey(): string {
    return join(this.stateDir, 'cron', 'jobs.json');
  }
}

/** Writes a state folder the way gateways 2026.6 and 2026.7 do. */
export class RunLogStore extends DatabaseStore {
  constructor(stateDir: string) {
    super(stateDir, JOBS + RUN_LOGS);
  }

  /** A finished run; such a gateway writes nothing of one that is under way. */
  addRun(run: StoredRun): void {
    const { status, error } = { error: null, ...statusOf(run.status) };
    const { jobId, runAtMs, finishedAtMs } = run;
    this.database
      .prepare(
        `INSERT INTO cron_run_logs (store_key, job_id, seq, ts, status, error, delivery_status, run_at_ms, duration_ms, entry_json, created_at)
         SELECT ?, ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ?, 0 FROM cron_run_logs WHERE store_key = ? AND job_id = ?`,
      )
      .run(
        ...[this.storeKey, jobId, finishedAtMs, status, error, deliveryOf(run.deliveryFailed), runAtMs],
        ...[finishedAtMs - runAtMs, JSON.stringify(entryOf(run)), this.storeKey, jobId],
      );
  }

  /** Keeps the newest `keep` runs of each job. */
  prune(keep: number): void {
    this.database.exec(`DELETE FROM cron_run_logs WHERE rowid NOT IN (
      SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION BY job_id ORDER BY seq DESC) AS n FROM cron_run_logs) WHERE n <= ${keep})`);
  }

  /**
   * What a gateway of 2026.8 or later makes of it when it starts; `history` are
   * the runs that this one has had.
   */
  upgrade(history: readonly StoredRun[]): SqliteStore {
    this.database.exec('DROP TABLE cron_run_logs; DROP TABLE task_runs; DROP TABLE schema_meta');
    this.stop();
    const store = new SqliteStore(this.stateDir);
    for (const [index, run] of history.entries()) store.importRun(run, index);
    return store;
  }
}

/** Writes a state folder the way gateways 2026.8 and later do. */
export class SqliteStore extends DatabaseStore {
  constructor(stateDir: string) {
    super(stateDir, JOBS + RECEIPTS_AND_TASKS);
  }

  /** A run that is under way; {@link SqliteStore.finish} ends it. */
  begin(jobId: string, runAtMs: number): string {
    const receiptId = randomUUID();
    this.#insertReceipt(receiptId, jobId, 'running', runAtMs, null);
    this.#insertTask(receiptId, { jobId, runAtMs, finishedAtMs: runAtMs, status: 'ok' }, false);
    return receiptId;
  }

  finish(receiptId: string, run: StoredRun): void {
    this.database
      .prepare('UPDATE cron_run_receipts SET status = ?, finished_at_ms = ? WHERE receipt_id = ?')
      .run(run.status, run.finishedAtMs, receiptId);
    this.database
      .prepare("UPDATE task_runs SET status = 'succeeded', ended_at = ?, detail_json = ? WHERE task_id = ?")
      .run(run.finishedAtMs, detailOf(run), `task-${receiptId}`);
  }

  addRun(run: StoredRun): void {
    const receiptId = randomUUID();
    if (run.tables !== 'task') {
      this.#insertReceipt(receiptId, run.jobId, run.status, run.runAtMs, run.finishedAtMs);
    }
    if (run.tables !== 'receipt') this.#insertTask(receiptId, run, true);
  }

  /** A run as the upgrade imports it, with the second row that the former task registry leaves. */
  importRun(run: StoredRun, ordinal: number): void {
    const key = `cron-runlog-import:${run.jobId}:${run.finishedAtMs}:${ordinal}`;
    this.#task(key, key, run, run.finishedAtMs, detailOf(run), null);
    this.#task(randomUUID(), `cron:${run.jobId}:${run.runAtMs}`, run, run.finishedAtMs, null, null);
  }

  /** Forgets receipts but the newest `keep` of each job. */
  pruneReceipts(keep: number): void {
    this.database.exec(`DELETE FROM cron_run_receipts WHERE status != 'running' AND receipt_id NOT IN (
      SELECT receipt_id FROM (SELECT receipt_id, row_number() OVER (PARTITION BY job_id ORDER BY rowid DESC) AS n FROM cron_run_receipts) WHERE n <= ${keep})`);
  }

  /** Forgets finished tasks but the newest `keep` of each job. */
  pruneTasks(keep: number): void {
    this.database.exec(`DELETE FROM task_runs WHERE ended_at IS NOT NULL AND task_id NOT IN (
      SELECT task_id FROM (SELECT task_id, row_number() OVER (PARTITION BY source_id ORDER BY rowid DESC) AS n FROM task_runs) WHERE n <= ${keep})`);
  }

  #insertReceipt(
    id: string,
    jobId: string,
    status: string,
    startedMs: number,
    finishedMs: number | null,
  ): void {
    this.database
      .prepare(
        "INSERT INTO cron_run_receipts VALUES (?, ?, ?, 'sha256:x', 'main', NULL, ?, 1, 1, ?, ?, NULL)",
      )
      .run(id, this.storeKey, jobId, status, startedMs, finishedMs);
  }

  #insertTask(receiptId: string, run: StoredRun, finished: boolean): void {
    const runId = `cron:${run.jobId}:${run.runAtMs}:${receiptId}`;
    const detail = finished ? detailOf(run) : null;
    this.#task(`task-${receiptId}`, runId, run, finished ? run.finishedAtMs : null, detail, 'a label');
  }

  #task(
    id: string,
    runId: string,
    run: StoredRun,
    endedMs: number | null,
    detail: string | null,
    label: string | null,
  ): void {
    this.database
      .prepare(
        `INSERT INTO task_runs (task_id, runtime, source_id, owner_key, scope_kind, run_id, label, task, status, delivery_status,
           notify_policy, created_at, started_at, ended_at, detail_json)
         VALUES (?, 'cron', ?, 'o', 'system', ?, ?, 't', ?, 'not_applicable', 'none', 0, ?, ?, ?)`,
      )
      .run(
        id,
        run.jobId,
        runId,
        label,
        endedMs === null ? 'running' : 'succeeded',
        run.runAtMs,
        endedMs,
        detail,
      );
  }
}

export interface StoredJob {
  readonly job: object;
  readonly state: object;
  readonly enabled: boolean;
}

/** What both versions write as the error of a run that a restart cut off (measured). */
const INTERRUPTED_ERROR = 'cron: job interrupted by gateway restart';

/** `interrupted` is a word of receipts only: tasks and files call it an error and say which. */
function statusOf(status: StoredStatus) {
  return status === 'interrupted' ? { status: 'error', error: INTERRUPTED_ERROR } : { status };
}

function detailOf({ status, runAtMs, finishedAtMs, deliveryFailed }: StoredRun): string {
  return JSON.stringify({
    kind: 'cron-run',
    ...statusOf(status),
    deliveryStatus: deliveryOf(deliveryFailed),
    runAtMs,
    durationMs: finishedAtMs - runAtMs,
  });
}

function deliveryOf(deliveryFailed: boolean | undefined): string {
  return deliveryFailed === true ? 'not-delivered' : 'not-requested';
}

/** Writes a state folder the way gateways before 2026.6 do. */
export class FilesStore {
  readonly folder: string;
  readonly #jobs = new Map<string, StoredJob & { readonly name: string }>();

  constructor(stateDir: string) {
    this.folder = join(stateDir, 'cron');
    mkdirSync(join(this.folder, 'runs'), { recursive: true });
    this.#writeJobs();
  }

  putJob(id: string, name: string, { job = {}, state = {}, enabled = true }: Partial<StoredJob> = {}): void {
    this.#jobs.set(id, { job, state, enabled, name });
    this.#writeJobs();
  }

  removeJob(id: string): void {
    this.#jobs.delete(id);
    this.#writeJobs();
  }

  jobs(): ReadonlyMap<string, { readonly name: string }> {
    return this.#jobs;
  }

  addRun(run: StoredRun): void {
    appendFileSync(this.runFile(run.jobId), `${JSON.stringify(entryOf(run))}\n`);
  }

  /** Appends text as it is, for lines that are broken. */
  append(jobId: string, text: string): void {
    appendFileSync(this.runFile(jobId), text);
  }

  /** Keeps the newest `keep` lines of a job, as the gateway does: a new file takes the old one's name. */
  shrink(jobId: string, keep: number): void {
    const path = this.runFile(jobId);
    if (!existsSync(path)) return;
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    const kept = keep === 0 ? [] : lines.slice(-keep);
    writeFileSync(`${path}.tmp`, kept.map((line) => `${line}\n`).join(''));
    renameSync(`${path}.tmp`, path);
  }

  /** What the upgrade leaves of the files. */
  migrate(): void {
    for (const name of ['jobs.json', 'jobs-state.json']) {
      renameSync(join(this.folder, name), join(this.folder, `${name}.migrated`));
    }
    for (const name of readdirSync(join(this.folder, 'runs'))) {
      const path = join(this.folder, 'runs', name);
      if (name.endsWith('.jsonl')) renameSync(path, `${path}.migrated`);
    }
  }

  runFile(jobId: string): string {
    return join(this.folder, 'runs', `${jobId}.jsonl`);
  }

  #writeJobs(): void {
    const jobs = [...this.#jobs].map(([id, { name, enabled, job }]) => ({
      id,
      name,
      enabled,
      state: {},
      ...job,
    }));
    const states = [...this.#jobs].map(([id, { state }]) => [id, { updatedAtMs: 0, state }]);
    this.#replace('jobs-state.json', { version: 1, jobs: Object.fromEntries(states) });
    this.#replace('jobs.json', { version: 1, jobs });
  }

  #replace(name: string, value: unknown): void {
    const path = join(this.folder, name);
    writeFileSync(`${path}.tmp`, JSON.stringify(value));
    renameSync(`${path}.tmp`, path);
  }
}

/** A run as a line of the files and an answer of the gateway tell it. */
export function entryOf({ jobId, runAtMs, finishedAtMs, status, deliveryFailed }: StoredRun): object {
  const deliveryStatus = deliveryOf(deliveryFailed);
  const durationMs = finishedAtMs - runAtMs;
  return {
    ts: finishedAtMs,
    jobId,
    action: 'finished',
    ...statusOf(status),
    deliveryStatus,
    runAtMs,
    durationMs,
  };
}

/**
 * Names, sizes, times and inodes of everything below a folder, for a comparison before and after. Of `-shm`
 * no time: SQLite's readers keep their marks in that shared memory.
 */
export function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { ino, size, mode, mtimeNs } = statSync(join(folder, name), { bigint: true });
      return `${name} ${ino} ${size} ${mode} ${name.endsWith('-shm') ? '' : mtimeNs}`;
    });
}
