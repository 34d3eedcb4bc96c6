import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { parseJson } from '../../../../lib/json.ts';
import { MAX_JOBS_READ, type SourceRun } from '../cron-source.ts';
import type { CronJob } from '../records.ts';
import { toCronJob, toEndedStatus, toErrorReason, toOutcome, toRunStatus } from '../stored-job.ts';
import type { PlacedTable } from './position.ts';

/** A larger `job_json` (a prompt of a quarter megabyte) is not parsed; the job's name and state still are. */
const MAX_JOB_JSON = 256 * 1024;
/** Rows per page: a page is one short read transaction. */
const PAGE = 500;
const PLACES = 8;

const time = z.number().nonnegative();
const jobRow = z.object({
  job_id: z.string(),
  name: z.string(),
  enabled: z.number(),
  job_json: z.string().nullable(),
  state_json: z.string().nullable(),
});
const receiptRow = z.object({
  rowid: z.number(),
  receipt_id: z.string(),
  job_id: z.string(),
  status: z.string(),
  started_at_ms: time,
  finished_at_ms: time.nullable(),
  /** 1 where a person asked for the run; null where the version does not record that. */
  manual: z.number().nullable(),
});
const taskRow = z.object({
  rowid: z.number(),
  task_id: z.string(),
  source_id: z.string().nullable(),
  run_id: z.string().nullable(),
  label: z.string().nullable(),
  started_at: time.nullable(),
  ended_at: time.nullable(),
  kind: z.string().nullable().catch(null),
  run_status: z.string().nullable().catch(null),
  run_error: z.string().nullable().catch(null),
  reason: z.string().nullable().catch(null),
  /** 1 where the diagnostics hold an exit code of a command. */
  exited: z.number().catch(0),
  delivery: z.string().nullable().catch(null),
  suppression: z.string().nullable().catch(null),
  summary: z.string().nullable().catch(null),
  provider: z.string().nullable().catch(null),
  model: z.string().nullable().catch(null),
  run_at: time.nullable().catch(null),
  duration: time.nullable().catch(null),
});
const placeRow = z.object({ rowid: z.number(), id: z.string() });
/** A row of `cron_run_receipts`; times in milliseconds since the epoch. */
export type ReceiptRow = z.output<typeof receiptRow>;
/** A row of `task_runs` with what its `detail_json` tells of a run. */
export type TaskRow = z.output<typeof taskRow>;

/** Which cron tables a database has, by the columns this exporter needs; versions differ in the rest. */
export interface CronTables {
  readonly jobs: boolean;
  readonly receipts: boolean;
  readonly tasks: boolean;
  /**
   * Finished runs as versions before 2026.8 keep them; where they are, the other two tell nothing of cron.
   */
  readonly logs: boolean;
  /** OpenClaw's own mark. */
  readonly openclaw: boolean;
  /** What a cron table that is there lacks of these columns, such as `task_runs lacks status`. */
  readonly misfits: readonly string[];
  readonly version: number;
}

/** Jobs by id with the row they were made from. */
export type KnownJobs = Map<string, { readonly text: string; readonly job: CronJob }>;

const NEEDED = {
  jobs: [
    'cron_jobs',
    ['store_key', 'job_id', 'name', 'enabled', 'job_json', 'state_json', 'sort_order', 'updated_at'],
  ],
  receipts: [
    'cron_run_receipts',
    ['receipt_id', 'store_key', 'job_id', 'status', 'started_at_ms', 'finished_at_ms'],
  ],
  tasks: [
    'task_runs',
    ['task_id', 'runtime', 'source_id', 'run_id', 'label', 'status', 'started_at', 'ended_at', 'detail_json'],
  ],
  logs: [
    'cron_run_logs',
    ['store_key', 'job_id', 'seq', 'ts', 'status', 'error', 'delivery_status', 'run_at_ms', 'duration_ms'],
  ],
  openclaw: ['schema_meta', ['meta_key', 'schema_version']],
} as const;

/** What names a row of each history for good. */
const ROW_ID = {
  cron_run_receipts: 'receipt_id',
  task_runs: 'task_id',
  cron_run_logs: "job_id || ':' || seq || ':' || ts",
} as const;
/** A table that finished runs stand in. */
export type HistoryTable = keyof typeof ROW_ID;

/** Columns for why a run failed and what it gave, from the JSON in a column; long texts are left out. */
export function outcomeColumns(json: string): string {
  return `json_extract(${json}, '$.errorReason') AS reason,
  EXISTS (SELECT 1 FROM json_each(${json}, '$.diagnostics.entries') AS entry
    WHERE json_extract(entry.value, '$.source') = 'exec' AND json_type(entry.value, '$.exitCode') IS NOT NULL) AS exited,
  json_extract(${json}, '$.deliverySuppressionReason') AS suppression,
  CASE WHEN length(json_extract(${json}, '$.summary')) <= 20 THEN json_extract(${json}, '$.summary') END AS summary,
  json_extract(${json}, '$.provider') AS provider, json_extract(${json}, '$.model') AS model`;
}

const TASK_COLUMNS = `rowid, task_id, source_id, run_id, label, started_at, ended_at,
  json_extract(detail, '$.kind') AS kind, json_extract(detail, '$.status') AS run_status,
  json_extract(detail, '$.error') AS run_error, ${outcomeColumns('detail')},
  json_extract(detail, '$.deliveryStatus') AS delivery, json_extract(detail, '$.runAtMs') AS run_at,
  json_extract(detail, '$.durationMs') AS duration
  FROM (SELECT rowid, *, CASE WHEN json_valid(detail_json) THEN detail_json END AS detail FROM task_runs`;
const RECEIPT_COLUMNS = 'rowid, receipt_id, job_id, status, started_at_ms, finished_at_ms';
/** The column of receipts that tells runs asked for by a person; some versions lack it. */
const REQUEST_COLUMN = 'request_run_id';

/** Reads OpenClaw's cron tables, row by row validated; rows that do not fit are counted and left out. */
export class CronRows {
  readonly #database: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();
  #receiptColumns = '';
  /** Rows that did not fit. */
  strange = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** To be called first. */
  tables(): CronTables {
    const misfits: string[] = [];
    const has = ([table, columns]: (typeof NEEDED)[keyof typeof NEEDED]) => {
      const rows = this.#database.prepare('SELECT name FROM pragma_table_info(?)').all(table);
      const names = new Set(rows.map((row) => row.name));
      if (table === 'cron_run_receipts') this.#receiptColumns = receiptColumns(names.has(REQUEST_COLUMN));
      const lacking = columns.filter((column) => !names.has(column));
      if (rows.length > 0 && lacking.length > 0) misfits.push(`${table} lacks ${lacking.join(', ')}`);
      return lacking.length === 0;
    };
    const version = Number(this.#database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
    const [openclaw, jobs, logs] = [has(NEEDED.openclaw), has(NEEDED.jobs), has(NEEDED.logs)];
    const receipts = !logs && has(NEEDED.receipts);
    const tasks = !logs && has(NEEDED.tasks);
    return { openclaw, jobs, logs, receipts, tasks, misfits, version };
  }

  /** The store to read: the state folder's own where it has jobs; a moved folder keeps its former key. */
  storeKey(own: string): string | undefined {
    const row = this.#database
      .prepare(
        'SELECT store_key FROM cron_jobs GROUP BY store_key ORDER BY store_key = ? DESC, max(updated_at) DESC',
      )
      .get(own);
    return typeof row?.store_key === 'string' ? row.store_key : undefined;
  }

  /** `known` holds the jobs of the former look: one whose row did not change is the same object again. */
  jobs(storeKey: string, known: KnownJobs): CronJob[] {
    const rows = this.select(
      jobRow,
      `SELECT job_id, name, enabled, state_json,
         CASE WHEN length(job_json) <= ${MAX_JOB_JSON} THEN job_json END AS job_json
       FROM cron_jobs WHERE store_key = ? ORDER BY sort_order, job_id LIMIT ${MAX_JOBS_READ}`,
      [storeKey],
    );
    const jobs = rows.map((row) => {
      const text = JSON.stringify(row);
      const before = known.get(row.job_id);
      return before?.text === text ? before : { text, job: jobOf(row) };
    });
    known.clear();
    for (const one of jobs) known.set(one.job.id, one);
    return jobs.map(({ job }) => job);
  }

  receiptsAfter(rowid: number, finishedAfterMs: number): ReceiptRow[] {
    return this.select(
      receiptRow,
      `SELECT ${this.#receiptColumns} WHERE rowid > ? AND (finished_at_ms IS NULL OR finished_at_ms > ?)
       ORDER BY rowid LIMIT ${PAGE}`,
      [rowid, finishedAfterMs],
    );
  }

  receipt(id: string): ReceiptRow | undefined {
    return this.select(receiptRow, `SELECT ${this.#receiptColumns} WHERE receipt_id = ?`, [id])[0];
  }

  tasksAfter(rowid: number): TaskRow[] {
    // With the `+` no index is used for the runtime: SQLite would take it and go through all that is stored.
    return this.select(
      taskRow,
      `SELECT ${TASK_COLUMNS} WHERE rowid > ? AND +runtime = 'cron' ORDER BY rowid LIMIT ${PAGE})`,
      [rowid],
    );
  }

  /**
   * History by its end, for a look without a usable position; `after` is (ended_at,
   * rowid) of the last row read.
   */
  tasksEndedAfter([endedAtMs, rowid]: readonly [number, number]): TaskRow[] {
    // Not `?1` twice: Node 22.19 does not bind numbered parameters by position.
    return this.select(
      taskRow,
      `SELECT ${TASK_COLUMNS} WHERE runtime = 'cron' AND ended_at >= ? AND (ended_at > ? OR rowid > ?)
       ORDER BY ended_at, rowid LIMIT ${PAGE})`,
      [endedAtMs, endedAtMs, rowid],
    );
  }

  tasksUnderWay(): TaskRow[] {
    return this.select(
      taskRow,
      `SELECT ${TASK_COLUMNS} WHERE runtime = 'cron' AND status IN ('queued', 'running') AND ended_at IS NULL LIMIT ${PAGE})`,
      [],
    );
  }

  task(id: string): TaskRow | undefined {
    return this.select(taskRow, `SELECT ${TASK_COLUMNS} WHERE task_id = ?)`, [id])[0];
  }

  /** When the job's newest successful run started. */
  lastSuccess(jobId: string): number | undefined {
    const rows = this.select(
      taskRow,
      `SELECT ${TASK_COLUMNS} WHERE runtime = 'cron' AND source_id = ? AND json_valid(detail_json)
         AND json_extract(detail_json, '$.kind') = 'cron-run' AND json_extract(detail_json, '$.status') = 'ok'
       ORDER BY ended_at DESC LIMIT 1)`,
      [jobId],
    );
    return rows[0]?.run_at ?? rows[0]?.started_at ?? undefined;
  }

  /** A history by the places of its rows, which tell later whether rowids still mean the same. */
  placed(table: HistoryTable): PlacedTable {
    const id = ROW_ID[table];
    return {
      newest: () =>
        this.select(
          placeRow,
          `SELECT rowid, ${id} AS id FROM ${table} ORDER BY rowid DESC LIMIT ${PLACES}`,
          [],
        ),
      idAt: (rowid) => {
        const statement = this.#database.prepare(`SELECT ${id} AS id FROM ${table} WHERE rowid = ?`);
        return String(statement.get(rowid)?.id ?? '');
      },
    };
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }

  /** Rows as `schema` has them; those that do not fit are counted in `strange`. Throws what SQLite throws. */
  select<T>(schema: z.ZodType<T>, sql: string, parameters: (string | number)[]): T[] {
    const rows: T[] = [];
    for (const raw of this.#statement(sql).iterate(...parameters)) {
      const parsed = schema.safeParse(raw);
      if (parsed.success) rows.push(parsed.data);
      else this.strange += 1;
    }
    return rows;
  }
}

function receiptColumns(hasRequest: boolean): string {
  const manual = hasRequest ? `${REQUEST_COLUMN} IS NOT NULL` : 'NULL';
  return `${RECEIPT_COLUMNS}, ${manual} AS manual FROM cron_run_receipts`;
}

function jobOf(row: z.output<typeof jobRow>): CronJob {
  return toCronJob({
    id: row.job_id,
    name: row.name,
    enabled: row.enabled !== 0,
    job: parseJson(row.job_json ?? ''),
    state: parseJson(row.state_json ?? ''),
  });
}

/** A finished receipt as a run; its start and status are the truth where a task tells otherwise. */
export function runOfReceipt(row: ReceiptRow, appended: boolean): SourceRun | undefined {
  if (row.finished_at_ms === null || row.status === 'running') return undefined;
  return {
    jobId: row.job_id,
    runAtMs: row.started_at_ms,
    finishedAtMs: row.finished_at_ms,
    durationMs: Math.max(row.finished_at_ms - row.started_at_ms, 0),
    status: toRunStatus(row.status),
    deliveryFailed: false,
    ...(row.manual === null ? {} : { isManual: row.manual === 1 }),
    appended,
    jobName: undefined,
  };
}

/** A finished task as a run, with its receipt's start and status where there still is one. */
export function runOfTask(
  task: TaskRow,
  receipt: ReceiptRow | undefined,
  appended: boolean,
): SourceRun | undefined {
  if (task.kind !== 'cron-run' || task.source_id === null || task.ended_at === null) return undefined;
  const finished = receipt === undefined ? undefined : runOfReceipt(receipt, appended);
  const status = finished?.status ?? toEndedStatus(task.run_status ?? 'other', task.run_error ?? undefined);
  const isManual = finished?.isManual ?? isManualTask(task);
  return {
    jobId: task.source_id,
    runAtMs: finished?.runAtMs ?? task.run_at ?? task.started_at ?? task.ended_at,
    finishedAtMs: finished?.finishedAtMs ?? task.ended_at,
    durationMs: task.duration ?? finished?.durationMs,
    status,
    errorReason:
      status === 'error' ? toErrorReason(task.reason, task.exited === 1, task.run_error) : undefined,
    deliveryFailed: task.delivery === 'not-delivered',
    ...(isManual === undefined ? {} : { isManual }),
    outcome: toOutcome({ ...task, deliveryStatus: task.delivery }),
    appended: appended && !task.task_id.startsWith('cron-runlog-import:'),
    jobName: task.label ?? undefined,
  };
}

/** The receipt a task belongs to; undefined where its run id names none. */
export function receiptIdOf(task: TaskRow): string | undefined {
  return runIdParts(task)?.[1];
}

/** Undefined where the run id is not of the current form. */
function isManualTask(task: TaskRow): boolean | undefined {
  const parts = runIdParts(task);
  return parts?.[1] === undefined ? undefined : parts[2]?.startsWith('manual') === true;
}

/** Start, receipt and mark of the run id `cron:<job id>:<start>:<receipt id>[:manual…]`. */
function runIdParts({ source_id, run_id }: TaskRow): string[] | undefined {
  const prefix = `cron:${source_id}:`;
  if (source_id === null || run_id === null || !run_id.startsWith(prefix)) return undefined;
  return run_id.slice(prefix.length).split(':');
}

/** Rows of one page: where a page has as many, another may follow. */
export const PAGE_ROWS = PAGE;
