import { join } from 'node:path';
import { z } from 'zod';
import { type DatabaseReading, lookAtDatabase, readDatabase } from '../../../lib/sqlite-readonly.ts';

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

/** Reads `gateway_boot_lifecycle`. The text of the end may hold a path: only whether it names a reload is selected. */
export class BootReader {
  #known: { readonly path: string; readonly stamp: string; readonly reading: BootsReading } | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What did not change since the last call is not read again. */
  read(stateDir: string): BootsReading {
    const path = join(stateDir, 'state', 'openclaw.sqlite');
    const found = lookAtDatabase(path, this.#now());
    if (found.state !== 'there') return found;
    const known = this.#known;
    if (known?.path === path && known.stamp === found.stamp) return known.reading;
    const reading = readBoots(path);
    this.#known = found.settled ? { path, stamp: found.stamp, reading } : undefined;
    return reading;
  }
}

function readBoots(path: string): BootsReading {
  const reading = readDatabase(path, (database) => {
    const table = database
      .prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'gateway_boot_lifecycle'")
      .get();
    if (table === undefined) return undefined;
    return database
      .prepare(
        `SELECT boot_id AS id, pid, started_at_ms AS startedMs, outcome, startup_reason AS startupReason,
           coalesce(reason LIKE '%config reload%', 0) AS isConfigReload
         FROM gateway_boot_lifecycle ORDER BY rowid DESC LIMIT ${MAX_BOOTS}`,
      )
      .all()
      .flatMap((row) => bootSchema.safeParse(row).data ?? [])
      .toReversed();
  });
  if (reading.state !== 'read') return reading;
  return reading.value === undefined ? { state: 'absent' } : { state: 'read', value: reading.value };
}
