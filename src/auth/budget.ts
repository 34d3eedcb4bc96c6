import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { z } from 'zod';
import { type BootClock, systemBootClock } from '../lib/boot-clock.ts';
import { codeOf, messageOf, sqliteCodeOf } from '../lib/errors.ts';
import { ensurePrivateFile } from '../lib/regular-file.ts';

/**
 * A gateway locks an address out after 10 failures in a minute; we stay far below,
 * and leave the rest to others.
 */
export const MAX_FAILURES = 3;
/** Milliseconds for which a failed attempt counts. */
export const WINDOW_MS = 5 * 60_000;

const FILE = 'auth-budget.sqlite';
const LOCK_WAIT_MS = 250;
/**
 * Handed to the system, without waiting until it is on the disk: that outlives every end of this process, and
 * with hundreds of gateways the waiting would hold up all else. A power cut may lose the last charges, which
 * leaves room in the gateways' own limit.
 */
const DURABILITY = 'PRAGMA synchronous = OFF';
/** Stands for every address, where it is not known any more which ones were charged. */
const ANY_ADDRESS = '*';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    address TEXT NOT NULL,
    boot TEXT NOT NULL,
    uptime_ms INTEGER NOT NULL
  ) STRICT`;

const counted = z.object({ failures: z.int(), oldest: z.number().nullable() });
const idRow = z.object({ id: z.int() });

/** Whether an attempt may be made now. */
export type ChargeOutcome =
  /** The attempt may be made; it counts as failed until it is refunded. */
  | { readonly state: 'charged'; readonly attempt: number }
  | { readonly state: 'spent'; readonly waitMs: number }
  /** The budget cannot be kept, so nothing may be tried. */
  | { readonly state: 'unusable'; readonly reason: string };

/** Where the budget is kept, and by which clock. */
export interface AuthBudgetOptions {
  /** The exporter's storage path. */
  readonly folder: string;
  readonly bootClock?: BootClock;
}

/**
 * At most {@link MAX_FAILURES} failed attempts in {@link WINDOW_MS} per gateway address, over all
 * credentials, collectors, processes and restarts. It lies in a small SQLite file, whose locks the
 * operating system releases even after `kill -9`; an attempt is charged before it is made, so that one
 * cut short counts too. Only addresses and times are stored. Time is the machine's uptime: stepping the
 * wall clock neither opens nor closes the budget. Of an attempt before the last boot it is only known
 * that it is at least that long ago.
 */
export class AuthBudget {
  readonly #folder: string;
  readonly #bootClock: BootClock;

  constructor({ folder, bootClock = systemBootClock }: AuthBudgetOptions) {
    this.#folder = folder;
    this.#bootClock = bootClock;
  }

  /** Asks for one attempt at `address` (host:port). Never throws. */
  charge(address: string): ChargeOutcome {
    const now = this.#bootClock.uptimeMs();
    const boot = this.#bootClock.boot();
    return this.#transact<ChargeOutcome>(
      (database) => {
        forgetExpired(database, boot, now);
        const { failures, oldest } = counted.parse(
          database
            .prepare(
              'SELECT count(*) AS failures, min(uptime_ms) AS oldest FROM attempts WHERE address IN (?, ?)',
            )
            .get(address, ANY_ADDRESS),
        );
        if (failures >= MAX_FAILURES) return { state: 'spent', waitMs: WINDOW_MS - (now - (oldest ?? now)) };
        const { id } = idRow.parse(insert(database, [address, boot, now]));
        return { state: 'charged', attempt: id };
      },
      (reason) => ({ state: 'unusable', reason }),
    );
  }

  /** Gives an attempt back that turned out not to have failed. Where that is impossible, it stays charged. */
  refund(attempt: number): void {
    this.#transact(
      (database) => void database.prepare('DELETE FROM attempts WHERE id = ?').run(attempt),
      () => undefined,
    );
  }

  #transact<T>(work: (database: DatabaseSync) => T, failed: (reason: string) => T): T {
    try {
      return this.#open(work);
    } catch (error) {
      if (!isDamaged(error)) return failed(reasonOf(error));
    }
    try {
      this.#startAnew();
      return this.#open(work);
    } catch (error) {
      return failed(reasonOf(error));
    }
  }

  #open<T>(work: (database: DatabaseSync) => T): T {
    const path = join(this.#folder, FILE);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    // SQLite would make it readable by everybody, and gives its journal the file's own mode.
    ensurePrivateFile(path);
    const database = new DatabaseSync(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}; ${DURABILITY}; BEGIN IMMEDIATE; ${SCHEMA}`);
      const result = work(database);
      database.exec('COMMIT');
      return result;
    } finally {
      database.close();
    }
  }

  /** A damaged file may have held a full window of failures: its successor starts with one. */
  #startAnew(): void {
    const path = join(this.#folder, FILE);
    renameSync(path, `${path}.corrupt-${process.pid}`);
    const charge = [ANY_ADDRESS, this.#bootClock.boot(), this.#bootClock.uptimeMs()] as const;
    this.#open((database) => {
      for (let failure = 0; failure < MAX_FAILURES; failure += 1) insert(database, charge);
    });
  }
}

/** The name under which an address is charged: all of this machine's loopback names are one. */
export function budgetKey({
  host,
  port,
  local,
}: {
  readonly host: string;
  readonly port: number;
  readonly local: boolean;
}): string {
  return `${local ? 'loopback' : host.toLowerCase()}:${port}`;
}

function insert(database: DatabaseSync, values: readonly SQLInputValue[]): unknown {
  return database
    .prepare('INSERT INTO attempts (address, boot, uptime_ms) VALUES (?, ?, ?) RETURNING id')
    .get(...values);
}

/** A time that lies ahead (the uptime went back without a new boot id) counts as now. */
function forgetExpired(database: DatabaseSync, boot: string, now: number): void {
  // Of another boot's attempt only this is certain: it was made before this boot.
  database.prepare('UPDATE attempts SET boot = ?, uptime_ms = 0 WHERE boot <> ?').run(boot, boot);
  database.prepare('UPDATE attempts SET uptime_ms = ? WHERE uptime_ms > ?').run(now, now);
  database.prepare('DELETE FROM attempts WHERE uptime_ms <= ?').run(now - WINDOW_MS);
}

function isDamaged(error: unknown): boolean {
  // SQLITE_CORRUPT, SQLITE_NOTADB; a table of another shape is as useless.
  const code = sqliteCodeOf(error);
  return code === 11 || code === 26 || (code === 1 && /no such column|no column/.test(messageOf(error)));
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const text = error instanceof Error && 'errstr' in error ? String(error.errstr) : undefined;
  return `the limit of failed attempts cannot be kept (${text ?? code ?? 'unusable file'})`;
}
