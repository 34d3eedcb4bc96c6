import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { DatabaseCache, type DatabaseReading, listColumns } from '../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

/** A gateway keeps a day of boots; of one that restarts every few seconds the newest are read. */
const MAX_BOOTS = 1_000;

const bootSchema = z.object({
  id: z.string(),
  pid: z.int(),
  startedMs: z.number(),
  outcome: z.string().nullable(),
  startupReason: z.string().nullable(),
  isConfigReload: z.literal([0, 1]).transform((value) => value === 1),
});

/** A start of the gateway by its own record, in-process restarts included; milliseconds since the epoch. */
export interface Boot {
  readonly id: string;
  readonly pid: number;
  readonly startedMs: number;
  /** How it ended; null while it runs, and for ever where it was killed. */
  readonly outcome: string | null;
  /** Why it started in a special way, such as `gateway.crash_loop_breaker`. */
  readonly startupReason: string | null;
  /** Whether a change of the configuration ended it. */
  readonly isConfigReload: boolean;
}

/** The last day's boots, oldest first; `absent` where this version of the gateway keeps no record. */
export type BootsReading = DatabaseReading<readonly Boot[]>;

/**
 * Reads `gateway_boot_lifecycle`. The text of the end may hold a path: only whether
 * it names a reload is selected.
 */
export class BootReader {
  readonly #cache: DatabaseCache<readonly Boot[] | undefined>;

  constructor(now: () => number) {
    this.#cache = new DatabaseCache(readBoots, now);
  }

  /** What did not change since the last call is not read again. */
  read(stateDir: string): BootsReading {
    const reading = this.#cache.read(stateDatabase(stateDir));
    if (reading.state !== 'read') return reading;
    return reading.value === undefined ? { state: 'absent' } : { state: 'read', value: reading.value };
  }
}

function readBoots(database: DatabaseSync): Boot[] | undefined {
  if (listColumns(database, 'gateway_boot_lifecycle').size === 0) return undefined;
  return database
    .prepare(
      `SELECT boot_id AS id, pid, started_at_ms AS startedMs, outcome, startup_reason AS startupReason,
         coalesce(reason LIKE '%config reload%', 0) AS isConfigReload
       FROM gateway_boot_lifecycle ORDER BY rowid DESC LIMIT ${MAX_BOOTS}`,
    )
    .all()
    .flatMap((row) => bootSchema.safeParse(row).data ?? [])
    .toReversed();
}
