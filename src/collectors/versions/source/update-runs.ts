import { join } from 'node:path';
import { z } from 'zod';
import { type DatabaseReading, lookAtDatabase, readDatabase } from '../../../lib/sqlite-readonly.ts';

const count = z.object({ n: z.int().nonnegative() });
const lastRun = z
  .object({ status: z.enum(['succeeded', 'failed', 'rolled-back', 'skipped']), finishedMs: z.number() })
  .optional()
  .catch(undefined);

/** Updates as the gateway of 2026.9 records them. */
export interface UpdateRuns {
  /** Whether the gateway of this state folder records updates; from 2026.9 on. */
  readonly isRecorded: boolean;
  readonly isRunning: boolean;
  /** How the last finished one ended, milliseconds since the epoch. */
  readonly last: { readonly status: string; readonly finishedMs: number } | undefined;
}

/** `update_runs` is made by the first update; every state folder of 2026.9 has this table, and none of before. */
const TABLE_OF_2026_9 = 'config_machine_state';
const NONE: UpdateRuns = { isRecorded: false, isRunning: false, last: undefined };

/** Reads `update_runs`: status and time only, none of the texts beside them. What did not change is not read again. */
export class UpdateRunReader {
  #known:
    | { readonly path: string; readonly stamp: string; readonly reading: DatabaseReading<UpdateRuns> }
    | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  read(stateDir: string): DatabaseReading<UpdateRuns> {
    const path = join(stateDir, 'state', 'openclaw.sqlite');
    const found = lookAtDatabase(path, this.#now());
    if (found.state !== 'there') return found;
    const known = this.#known;
    if (known?.path === path && known.stamp === found.stamp) return known.reading;
    const reading = readRuns(path);
    this.#known =
      found.settled && reading.state === 'read' ? { path, stamp: found.stamp, reading } : undefined;
    return reading;
  }
}

function readRuns(path: string): DatabaseReading<UpdateRuns> {
  return readDatabase(path, (database) => {
    const tables = new Set(
      database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('update_runs', ?)")
        .all(TABLE_OF_2026_9)
        .map(({ name }) => name),
    );
    if (!tables.has('update_runs')) return { ...NONE, isRecorded: tables.has(TABLE_OF_2026_9) };
    const running = database.prepare("SELECT count(*) AS n FROM update_runs WHERE status = 'running'").get();
    const last = database
      .prepare(
        "SELECT status, finished_at_ms AS finishedMs FROM update_runs WHERE status <> 'running' ORDER BY created_at_ms DESC LIMIT 1",
      )
      .get();
    return { isRecorded: true, isRunning: count.parse(running).n > 0, last: lastRun.parse(last) };
  });
}
