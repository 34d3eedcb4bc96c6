import { mkdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort } from 'node:worker_threads';
import { codeOf, messageOf, sqliteCodeOf } from '../lib/errors.ts';
import { ensurePrivateFile } from '../lib/regular-file.ts';

/** SQL with the values of its parameters. */
export type Statement = readonly [sql: string, ...values: SQLInputValue[]];
/** ResultRows of one statement, by column. */
export type ResultRows = readonly Readonly<Record<string, unknown>>[];

/** One thing that the thread does with a database; `path` is its main file. */
export type DatabaseTask =
  | {
      readonly kind: 'open';
      readonly path: string;
      readonly schema: string;
      readonly version: number;
      readonly maxBytes: number;
    }
  /** All statements in one transaction. */
  | { readonly kind: 'write'; readonly path: string; readonly statements: readonly Statement[] }
  | { readonly kind: 'read'; readonly path: string; readonly statements: readonly Statement[] }
  | { readonly kind: 'close'; readonly path: string };

/** What came of a task. */
export type DatabaseAnswer =
  /** `setAside` names the file under which one that could not be used is kept. */
  | { readonly state: 'opened'; readonly setAside?: string }
  | { readonly state: 'done'; readonly rows: readonly ResultRows[] }
  /** `reason` is without paths. */
  | { readonly state: 'failed'; readonly reason: string };

/** Network and FUSE file systems, on which memory that processes share (WAL's index) is not to be relied on: statfs(2). */
const WITHOUT_WAL: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f, 0x6b414653,
]);
const PAGE_BYTES = 4096;
/** The write-ahead log is emptied beyond this. */
const WAL_PAGES = 250;
const LOCK_WAIT_MS = 1_000;
/** SQLite's primary result codes: corrupt, no database. */
const DAMAGED: ReadonlySet<number | undefined> = new Set([11, 26]);

interface OpenDatabase {
  readonly database: DatabaseSync;
  readonly inode: bigint;
  readonly statements: Map<string, StatementSync>;
}

const open = new Map<string, OpenDatabase>();

parentPort?.on('message', ({ id, task }: { readonly id: number; readonly task: DatabaseTask }) => {
  parentPort?.postMessage({ id, answer: perform(task) });
});

function perform(task: DatabaseTask): DatabaseAnswer {
  try {
    switch (task.kind) {
      case 'open':
        return openDatabase(task);
      case 'write':
        return writeAll(task.path, task.statements);
      case 'read':
        return { state: 'done', rows: task.statements.map((one) => run(find(task.path), one)) };
      case 'close':
        return close(task.path);
    }
  } catch (error) {
    return { state: 'failed', reason: reasonFor(error) };
  }
}

function openDatabase(task: Extract<DatabaseTask, { kind: 'open' }>): DatabaseAnswer {
  if (open.has(task.path)) return { state: 'opened' };
  try {
    return start(task);
  } catch (error) {
    if (!DAMAGED.has(sqliteCodeOf(error))) throw error;
    return startAnew(task, 'corrupt');
  }
}

function start(task: Extract<DatabaseTask, { kind: 'open' }>): DatabaseAnswer {
  const { path, schema, version, maxBytes } = task;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // SQLite would make it readable by everybody; the files beside it get the mode of the database.
  ensurePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  try {
    const found = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (found > version) {
      database.close();
      return startAnew(task, `version-${found}`);
    }
    const mode = WITHOUT_WAL.has(statfsSync(path).type) ? 'TRUNCATE' : 'WAL';
    database.exec(`PRAGMA journal_mode = ${mode}; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
      PRAGMA wal_autocheckpoint = ${WAL_PAGES}; PRAGMA journal_size_limit = ${WAL_PAGES * PAGE_BYTES};
      PRAGMA max_page_count = ${Math.floor(maxBytes / PAGE_BYTES)}`);
    if (found < version) database.exec(`BEGIN; ${schema}; PRAGMA user_version = ${version}; COMMIT`);
    open.set(path, { database, inode: inodeAt(path), statements: new Map() });
    return { state: 'opened' };
  } catch (error) {
    if (database.isOpen) database.close();
    throw error;
  }
}

/** Keeps what cannot be used under another name, and goes on with an empty database. */
function startAnew(task: Extract<DatabaseTask, { kind: 'open' }>, suffix: string): DatabaseAnswer {
  const kept = `${task.path}.${suffix}`;
  for (const part of ['-wal', '-shm', '-journal']) rmSync(task.path + part, { force: true });
  renameSync(task.path, kept);
  start(task);
  return { state: 'opened', setAside: kept };
}

function writeAll(path: string, statements: readonly Statement[]): DatabaseAnswer {
  const opened = find(path);
  const { database } = opened;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const one of statements) run(opened, one);
    database.exec('COMMIT');
    return { state: 'done', rows: [] };
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    if (DAMAGED.has(sqliteCodeOf(error))) close(path);
    throw error;
  }
}

function run({ database, statements }: OpenDatabase, [sql, ...values]: Statement): ResultRows {
  const known = statements.get(sql);
  const statement = known ?? database.prepare(sql);
  if (known === undefined) statements.set(sql, statement);
  return statement.all(...values);
}

/** The open database of a path. Throws where it is not open, or where its file was removed or replaced meanwhile. */
function find(path: string): OpenDatabase {
  const found = open.get(path);
  if (found === undefined) throw new Error('the database is not open');
  if (inodeAt(path) === found.inode) return found;
  close(path);
  throw new Error('the file was removed or replaced');
}

function close(path: string): DatabaseAnswer {
  open.get(path)?.database.close();
  open.delete(path);
  return { state: 'done', rows: [] };
}

/** 0 where there is no file. */
function inodeAt(path: string): bigint {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n;
}

function reasonFor(error: unknown): string {
  if (sqliteCodeOf(error) === undefined) return codeOf(error) ?? messageOf(error);
  return error instanceof Error && 'errstr' in error ? String(error.errstr) : 'SQLite failed';
}
