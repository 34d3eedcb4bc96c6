import { z } from 'zod';
import type { SourceRun } from '../cron-source.ts';
import { toEndedStatus, toErrorReason, toOutcome } from '../stored-job.ts';
import { NOWHERE, type Places, type Position, positionAfter, positionOf } from './position.ts';
import { type CronRows, outcomeColumns, PAGE_ROWS } from './rows.ts';

const TABLE = 'cron_run_logs';
/** Errors are only compared with one that is shorter. */
const MAX_ERROR_CHARS = 200;

const time = z.number().nonnegative();
const logRow = z.object({
  rowid: z.number(),
  job_id: z.string(),
  ts: time,
  status: z.string().nullable(),
  error: z.string().nullable(),
  delivery_status: z.string().nullable(),
  reason: z.string().nullable().catch(null),
  exited: z.number().catch(0),
  suppression: z.string().nullable().catch(null),
  summary: z.string().nullable().catch(null),
  provider: z.string().nullable().catch(null),
  model: z.string().nullable().catch(null),
  run_at_ms: time.nullable().catch(null),
  duration_ms: time.nullable().catch(null),
});
type LogRow = z.output<typeof logRow>;
const successRow = z.object({ started: time });

const COLUMNS = `rowid, job_id, ts, status, CASE WHEN length(error) <= ${MAX_ERROR_CHARS} THEN error END AS error,
  delivery_status, run_at_ms, duration_ms, ${outcomeColumns('entry')}
  FROM (SELECT rowid, *, CASE WHEN json_valid(entry_json) THEN entry_json END AS entry FROM ${TABLE})`;

/** One page of finished runs; `more` where another follows. */
export interface RunPage {
  readonly runs: readonly SourceRun[];
  readonly more: boolean;
}

/**
 * Where a gateway of 2026.6 or 2026.7 keeps its cron runs: one row a finished run, the
 * newest 2,000 a job. An upgrade to
 * 2026.8 moves them into `task_runs`, where they have the same starts. Measured on 2026.6.1 and 2026.7.35.
 */
export class RunLogs {
  readonly #storeKey: string;
  #position: Position;
  /** Set while rows are read by their end instead of by position: (ts, rowid) of the last one. */
  #endedAfter: readonly [number, number] | undefined;

  /** Goes on where a look that remembered `known` ended; without one, after `sinceMs`. */
  constructor(rows: CronRows, storeKey: string, known: Places | undefined, sinceMs: number) {
    this.#storeKey = storeKey;
    const table = rows.placed(TABLE);
    this.#position = known === undefined ? NOWHERE : positionOf(known, table);
    if (this.#position !== NOWHERE) return;
    this.#endedAfter = [sinceMs, Number.MAX_SAFE_INTEGER];
    this.#position = { ...NOWHERE, places: table.newest() };
  }

  /** The newest rows, for the next look. */
  get places(): Places {
    return this.#position.places;
  }

  page(rows: CronRows): RunPage {
    return this.#endedAfter === undefined ? this.#byPlace(rows) : this.#byEnd(rows, this.#endedAfter);
  }

  /** When the job's newest successful run started. */
  lastSuccess(rows: CronRows, jobId: string): number | undefined {
    const sql = `SELECT coalesce(run_at_ms, ts) AS started FROM ${TABLE}
      WHERE store_key = ? AND job_id = ? AND status = 'ok' ORDER BY ts DESC, seq DESC LIMIT 1`;
    return rows.select(successRow, sql, [this.#storeKey, jobId])[0]?.started;
  }

  #byPlace(rows: CronRows): RunPage {
    const position = this.#position;
    const sql = `SELECT ${COLUMNS} WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE_ROWS}`;
    const page = rows.select(logRow, sql, [position.from]);
    const more = page.length === PAGE_ROWS;
    this.#position = positionAfter(position, page, more, rows.placed(TABLE));
    return { runs: page.map((row) => runOf(row, row.rowid > position.provenAfter)), more };
  }

  #byEnd(rows: CronRows, [endedAtMs, rowid]: readonly [number, number]): RunPage {
    const sql = `SELECT ${COLUMNS} WHERE store_key = ? AND ts >= ? AND (ts > ? OR rowid > ?)
      ORDER BY ts, rowid LIMIT ${PAGE_ROWS}`;
    const page = rows.select(logRow, sql, [this.#storeKey, endedAtMs, endedAtMs, rowid]);
    const newest = page.at(-1);
    if (newest !== undefined) this.#endedAfter = [newest.ts, newest.rowid];
    return { runs: page.map((row) => runOf(row, false)), more: page.length === PAGE_ROWS };
  }
}

function runOf(row: LogRow, appended: boolean): SourceRun {
  const status = toEndedStatus(row.status ?? 'other', row.error ?? undefined);
  return {
    jobId: row.job_id,
    runAtMs: row.run_at_ms ?? row.ts,
    finishedAtMs: row.ts,
    durationMs: row.duration_ms ?? undefined,
    status,
    errorReason: status === 'error' ? toErrorReason(row.reason, row.exited === 1, row.error) : undefined,
    deliveryFailed: row.delivery_status === 'not-delivered',
    outcome: toOutcome({ ...row, deliveryStatus: row.delivery_status }),
    appended,
    jobName: undefined,
  };
}
