import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openRegular } from '../../../lib/regular-file.ts';
import {
  type DatabaseReading,
  journalFor,
  listColumns,
  readDatabase,
  WRITE_VERSION_AT,
} from '../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

/** The gateway's databases; the label values of `openclaw_state_wal_growth_bytes`. */
export const DATABASES = ['state', 'tasks', 'agents'] as const;
/** A label value of `openclaw_state_wal_growth_bytes`. */
export type DatabaseName = (typeof DATABASES)[number];

/** One database as its files tell, unopened. */
export interface DatabaseFiles {
  readonly name: DatabaseName;
  /** Absolute; never shown. */
  readonly path: string;
  /** Another text whenever a checkpoint wrote to the main file. */
  readonly mainStamp: string;
  /** 0 where there is no write-ahead log. */
  readonly walBytes: number;
  /** Undefined for a database that is still empty. */
  readonly journal: 'wal' | 'rollback' | undefined;
}

/**
 * What the gateway has put aside because it cannot use it; undefined where this version keeps no such record.
 */
export interface Quarantine {
  readonly databases: number | undefined;
  readonly cronJobs: number | undefined;
}

const MAX_AGENTS = 50;
const QUARANTINE_FILE = join('state', 'openclaw-quarantine.sqlite');

/**
 * The databases that are there: `state/openclaw.sqlite` (2026.6 and later), `tasks/runs.sqlite` (2026.5) and
 * those of agents. What cannot be read is left out.
 */
export async function findDatabases(stateDir: string): Promise<DatabaseFiles[]> {
  const agents = await readdir(join(stateDir, 'agents')).catch(() => []);
  const paths: readonly (readonly [DatabaseName, string])[] = [
    ['state', stateDatabase(stateDir)],
    ['tasks', join(stateDir, 'tasks', 'runs.sqlite')],
    ...agents
      .slice(0, MAX_AGENTS)
      .map((id) => ['agents', join(stateDir, 'agents', id, 'agent', 'openclaw-agent.sqlite')] as const),
  ];
  const found: DatabaseFiles[] = [];
  for (const [name, path] of paths) {
    const main = await stat(path).catch(() => undefined);
    if (main?.isFile() !== true) continue;
    const wal = await stat(`${path}-wal`).catch(() => undefined);
    const journal = await readJournal(path, main);
    const mainStamp = `${main.ino}:${main.size}:${main.mtimeMs}`;
    found.push({ name, path, mainStamp, walBytes: wal?.size ?? 0, journal });
  }
  return found;
}

/**
 * What the gateway has quarantined: whole databases (2026.9, a store of its own) and rows of
 * cron jobs (2026.8 and later).
 */
export function readQuarantine(stateDir: string): Quarantine {
  const databases = readDatabase(join(stateDir, QUARANTINE_FILE), (database) =>
    count(database.prepare('SELECT count(*) AS n FROM quarantined_databases').get()),
  );
  const cronJobs = readDatabase(stateDatabase(stateDir), (database) => {
    if (!listColumns(database, 'diagnostic_events').has('scope')) return undefined;
    // A range, for LIKE would not use the primary key.
    return count(
      database
        .prepare(
          "SELECT count(*) AS n FROM diagnostic_events WHERE scope >= 'cron.quarantine:' AND scope < 'cron.quarantine;'",
        )
        .get(),
    );
  });
  return { databases: toValue(databases), cronJobs: toValue(cronJobs) };
}

async function readJournal(path: string, { size }: Stats): Promise<DatabaseFiles['journal']> {
  if (size === 0) return undefined;
  const file = await openRegular(path).catch(() => undefined);
  try {
    const read = await file?.handle.read(Buffer.alloc(1), 0, 1, WRITE_VERSION_AT);
    return journalFor(read?.buffer[0]);
  } catch {
    return undefined;
  } finally {
    await file?.handle.close();
  }
}

function count(row: Readonly<Record<string, unknown>> | undefined): number {
  return Number(row?.n ?? 0);
}

function toValue<T>(reading: DatabaseReading<T>): T | undefined {
  return reading.state === 'read' ? reading.value : undefined;
}
