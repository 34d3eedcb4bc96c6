import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { DatabaseCache, type DatabaseReading, listColumns } from '../../../lib/sqlite-readonly.ts';
import { UPDATE_STATUSES, type UpdateStatus } from '../../../lib/vocabulary.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

const count = z.object({ n: z.int().nonnegative() });
const lastRun = z
  .object({ status: z.string().transform(toStatus), finishedMs: z.number() })
  .optional()
  .catch(undefined);

/** OpenClaw writes `rolled-back`. */
function toStatus(raw: string): UpdateStatus {
  return UPDATE_STATUSES.find((status) => status === raw.replace('-', '_')) ?? 'other';
}

/** Updates as the gateway of 2026.9.6 records them. */
export interface UpdateRuns {
  /** Whether the gateway of this state folder records updates; from 2026.9.6 on. */
  readonly isRecorded: boolean;
  readonly isRunning: boolean;
  /** How the last finished one ended, milliseconds since the epoch. */
  readonly last: { readonly status: UpdateStatus; readonly finishedMs: number } | undefined;
}

/**
 * `update_runs` is made by the first update. 2026.9.6, which has it, writes this schema version; 2026.9.1,
 * which has none, wrote 15.
 */
const FIRST_SCHEMA = 18;
const NONE: UpdateRuns = { isRecorded: false, isRunning: false, last: undefined };

/**
 * Reads `update_runs`: status and time only, none of the texts beside them. What did
 * not change is not read again.
 */
export class UpdateRunReader {
  readonly #cache: DatabaseCache<UpdateRuns>;

  constructor(now: () => number) {
    this.#cache = new DatabaseCache(readRuns, now);
  }

  read(stateDir: string): DatabaseReading<UpdateRuns> {
    return this.#cache.read(stateDatabase(stateDir));
  }
}

function readSchema(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}

function readRuns(database: DatabaseSync): UpdateRuns {
  if (listColumns(database, 'update_runs').size === 0)
    return { ...NONE, isRecorded: readSchema(database) >= FIRST_SCHEMA };
  const running = database.prepare("SELECT count(*) AS n FROM update_runs WHERE status = 'running'").get();
  const last = database
    .prepare(
      "SELECT status, finished_at_ms AS finishedMs FROM update_runs WHERE status <> 'running' ORDER BY created_at_ms DESC LIMIT 1",
    )
    .get();
  return { isRecorded: true, isRunning: count.parse(running).n > 0, last: lastRun.parse(last) };
}
