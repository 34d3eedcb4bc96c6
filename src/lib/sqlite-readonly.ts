import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { codeOf, sqliteCodeOf } from './errors.ts';

/** Milliseconds to wait for a writer that holds the lock. */
const BUSY_MS = 50;
const ATTEMPTS = 3;
/** A file changed less than this long ago may change again without its modification time moving on. */
const SETTLED_MS = 2_000;

/** SQLite's primary result codes that a reader meets. Source: sqlite.org/rescode.html. */
const REASONS: Readonly<Record<number, string>> = {
  5: 'the database is locked by another program',
  6: 'the database is locked by another program',
  8: 'the folder must not be written, and without that this database cannot be read',
  10: 'the disk gives an error',
  11: 'the database is corrupt',
  14: 'the database cannot be opened: no permission for it or for the files beside it',
  26: 'the file is not an SQLite database',
};

/** Of these results, those of a lock that another program holds. */
const LOCKED: ReadonlySet<number> = new Set([5, 6]);

/** Of this process: a reader pins the write-ahead log of a database for as long as its transaction lasts. */
let longestReadMs = 0;

/** Seconds that the longest read transaction of this process has held a database open since it started. */
export function longestReadSeconds(): number {
  return longestReadMs / 1000;
}

/** What was read, or why nothing was; words without paths. */
export type DatabaseReading<T> =
  | { readonly state: 'read'; readonly value: T }
  | { readonly state: 'absent' }
  /** `isLocked`: a writer holds the lock just now; worth another try. */
  | { readonly state: 'unreadable'; readonly reason: string; readonly isLocked?: true };

/** A database that can be looked into. */
export interface DatabaseLook {
  readonly state: 'there';
  /** Two equal stamps mean the same content, provided the older look was `settled`. */
  readonly stamp: string;
  readonly settled: boolean;
  /** How the database can be opened without creating a file. */
  readonly open: 'shared' | 'immutable' | 'impossible';
}

/**
 * Looks at a database's files without opening it. A WAL database whose `-wal` and `-shm` are gone
 * must be opened as immutable, or SQLite creates both; one whose `-shm` alone is gone can only be
 * read by whoever may write it.
 */
export function lookAtDatabase(
  path: string,
  nowMs: number,
): DatabaseLook | Exclude<DatabaseReading<never>, { state: 'read' }> {
  try {
    const main = stampOf(path);
    if (main === undefined) return { state: 'absent' };
    accessSync(path, constants.R_OK);
    const [wal, shm, journal] = ['-wal', '-shm', '-journal'].map((suffix) => stampOf(path + suffix));
    const changedMs = Math.max(main.changedMs, wal?.changedMs ?? 0);
    return {
      state: 'there',
      stamp: `${main.text} ${wal?.text ?? '-'} ${shm === undefined ? '-' : 'shm'}`,
      settled: nowMs - changedMs > SETTLED_MS,
      open: keepsRollbackJournal(path, wal) ? 'shared' : wayOf(wal?.size, shm !== undefined, journal?.size),
    };
  } catch (error) {
    return {
      state: 'unreadable',
      reason: `the database cannot be looked at (${codeOf(error) ?? 'unknown'})`,
    };
  }
}

/**
 * Calls `use` inside one read transaction and closes the database again. Creates and changes nothing: the
 * folder's listing is the same before and after. Never throws what SQLite throws.
 */
export function readDatabase<T>(path: string, use: (database: DatabaseSync) => T): DatabaseReading<T> {
  let last: DatabaseReading<T> = { state: 'unreadable', reason: 'the database changes while it is read' };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = lookAtDatabase(path, 0);
    if (before.state !== 'there') return before;
    if (before.open === 'impossible') {
      last = {
        state: 'unreadable',
        reason: 'its last changes can only be read by a program that may write it',
      };
      continue;
    }
    const reading = readOnce(path, before.open, use);
    if (before.open === 'shared') return reading;
    const after = lookAtDatabase(path, 0);
    if (after.state === 'there' && after.stamp === before.stamp) return reading;
  }
  return last;
}

/** Reads databases with `use`, and one whose files have not changed since it was read only once. */
export class DatabaseCache<T> {
  readonly #use: (database: DatabaseSync) => T;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly stamp: string; readonly reading: DatabaseReading<T> }>();

  /** `now` gives wall time, milliseconds since the epoch. */
  constructor(use: (database: DatabaseSync) => T, now: () => number) {
    this.#use = use;
    this.#now = now;
  }

  /** As {@link readDatabase}. */
  read(path: string): DatabaseReading<T> {
    const found = lookAtDatabase(path, this.#now());
    if (found.state !== 'there') return found;
    const known = this.#known.get(path);
    if (known?.stamp === found.stamp) return known.reading;
    const reading = readDatabase(path, this.#use);
    if (found.settled && reading.state === 'read') this.#known.set(path, { stamp: found.stamp, reading });
    else this.#known.delete(path);
    return reading;
  }
}

/** Columns of a table; none where there is no such table. */
export function listColumns(database: DatabaseSync, table: string): ReadonlySet<string> {
  const rows = database.prepare('SELECT name FROM pragma_table_info(?)').all(table);
  return new Set(rows.map(({ name }) => String(name)));
}

function readOnce<T>(
  path: string,
  open: 'shared' | 'immutable',
  use: (database: DatabaseSync) => T,
): DatabaseReading<T> {
  const url = pathToFileURL(path);
  if (open === 'immutable') url.search = '?immutable=1';
  let database: DatabaseSync | undefined;
  const beganMs = performance.now();
  try {
    database = new DatabaseSync(url, { readOnly: true, timeout: BUSY_MS });
    database.exec('BEGIN');
    return { state: 'read', value: use(database) };
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return {
      state: 'unreadable',
      reason,
      ...(LOCKED.has(sqliteCodeOf(error) ?? 0) ? { isLocked: true } : {}),
    };
  } finally {
    database?.close();
    longestReadMs = Math.max(longestReadMs, performance.now() - beganMs);
  }
}

function reasonOf(error: unknown): string | undefined {
  if (codeOf(error) !== 'ERR_SQLITE_ERROR') return undefined;
  const code = sqliteCodeOf(error) ?? 0;
  return REASONS[code] ?? `SQLite says no (code ${code})`;
}

/** Where in a database's header its write version is. Source: sqlite.org/fileformat.html. */
export const WRITE_VERSION_AT = 18;
const JOURNALS: Readonly<Record<number, 'rollback' | 'wal'>> = { 1: 'rollback', 2: 'wal' };

/** How a database with that write version keeps its changes; undefined for one that is still empty. */
export function journalFor(writeVersion: number | undefined): 'rollback' | 'wal' | undefined {
  return JOURNALS[writeVersion ?? 0];
}

/**
 * Whether a database is in rollback-journal mode, as a gateway keeps it on a network file system. A plain
 * read-only open creates nothing there, and waits for a writer instead of failing at its journal.
 */
function keepsRollbackJournal(path: string, wal: object | undefined): boolean {
  if (wal !== undefined) return false;
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(1);
    return readSync(file, header, 0, 1, WRITE_VERSION_AT) === 1 && journalFor(header[0]) === 'rollback';
  } finally {
    closeSync(file);
  }
}

function wayOf(
  walSize: number | undefined,
  shmExists: boolean,
  journalSize: number | undefined,
): DatabaseLook['open'] {
  if (journalSize !== undefined && journalSize > 0) return 'impossible';
  if (walSize === undefined) return 'immutable';
  if (shmExists) return 'shared';
  return walSize === 0 ? 'immutable' : 'impossible';
}

function stampOf(path: string): { text: string; size: number; changedMs: number } | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  // SQLite would wait for a pipe's writer for ever, and with it the whole program.
  if (!stat.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
  // Not the time of the inode's change: where root reads, SQLite sets the owner of `-wal` anew each time.
  const text = `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
  return { text, size: Number(stat.size), changedMs: Number(stat.mtimeMs) };
}
