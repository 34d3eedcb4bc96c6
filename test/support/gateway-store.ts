import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

/** A row of one of the gateway's tables. */
export type StoreRow = Readonly<Record<string, SQLInputValue>>;

/** What a gateway would have to have recorded of a job; null removes it. Times in milliseconds since the epoch. */
export type JobMarks = Readonly<Record<string, number | string | null>>;

/** The database of a gateway from 2026.8.1 on, changed from outside as only a fault of its would. */
export class GatewayStore {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'state', 'openclaw.sqlite');
  }

  edit(sql: string): void {
    this.#use((database) => database.exec(sql));
  }

  /** Moves the time at which a job is due next. */
  planJob(id: string, dueMs: number): void {
    this.writeMarks(id, { nextRunAtMs: Math.round(dueMs) });
  }

  writeMarks(id: string, marks: JobMarks): void {
    const keep = Object.entries(marks).filter(([, value]) => value !== null);
    const gone = Object.keys(marks).filter((key) => marks[key] === null);
    const removed = ['state_json', ...gone.map((key) => `'$.${key}'`)].join(', ');
    const set = [`json_remove(${removed})`, ...keep.map(([key]) => `'$.${key}', ?`)].join(', ');
    this.#use((database) =>
      database
        .prepare(`UPDATE cron_jobs SET state_json = json_set(${set}) WHERE job_id = ?`)
        .run(...keep.map(([, value]) => value), id),
    );
  }

  /** Removes a job as a lost write would, and returns its row. */
  takeJob(id: string): StoreRow {
    return this.#use((database) => {
      const row = database.prepare('SELECT * FROM cron_jobs WHERE job_id = ?').get(id) ?? {};
      database.prepare('DELETE FROM cron_jobs WHERE job_id = ?').run(id);
      return row;
    });
  }

  putBack(row: StoreRow): void {
    this.#use((database) => insert(database, 'cron_jobs', row));
  }

  /** Adds a run like the job's newest successful one, `afterMs` after it began. */
  repeatRun(id: string, afterMs: number): void {
    this.#use((database) => {
      const newest =
        "SELECT * FROM cron_run_receipts WHERE job_id = ? AND status = 'ok' ORDER BY started_at_ms DESC";
      const row = database.prepare(newest).get(id) ?? {};
      const later = (value: SQLInputValue | undefined) => Number(value ?? 0) + afterMs;
      insert(database, 'cron_run_receipts', {
        ...row,
        receipt_id: `repeated-${afterMs}-${Date.now()}`,
        started_at_ms: later(row.started_at_ms),
        finished_at_ms: later(row.finished_at_ms),
      });
    });
  }

  #use<T>(work: (database: DatabaseSync) => T): T {
    const database = new DatabaseSync(this.#path);
    try {
      database.exec('PRAGMA busy_timeout = 5000');
      return work(database);
    } finally {
      database.close();
    }
  }
}

function insert(database: DatabaseSync, table: string, row: StoreRow): void {
  const columns = Object.keys(row);
  const marks = columns.map(() => '?').join(', ');
  const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`;
  database.prepare(sql).run(...Object.values(row));
}
