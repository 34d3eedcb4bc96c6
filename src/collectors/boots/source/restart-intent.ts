import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { DatabaseCache, type DatabaseReading, listColumns } from '../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

/** A gateway takes up a request that is not older than this, milliseconds. Source: `GATEWAY_RESTART_INTENT_TTL_MS`. */
const VALID_MS = 60_000;

const row = z.object({ createdMs: z.number().nonnegative() }).optional().catch(undefined);

/** What `openclaw gateway restart` leaves for the gateway before it signals it. */
export interface RestartIntent {
  /** When the newest request was made, milliseconds since the epoch; undefined where there is none. */
  readonly createdMs: number | undefined;
}

/** `absent` where this version keeps no such record. */
export type RestartIntentReading = DatabaseReading<RestartIntent>;

/** Reads `gateway_restart_intent`: its time only, not the reason, which is somebody's text. */
export class RestartIntentReader {
  readonly #cache: DatabaseCache<RestartIntent | undefined>;

  constructor(now: () => number) {
    this.#cache = new DatabaseCache(readIntent, now);
  }

  /** What did not change since the last call is not read again. */
  read(stateDir: string): RestartIntentReading {
    const reading = this.#cache.read(stateDatabase(stateDir));
    if (reading.state !== 'read') return reading;
    return reading.value === undefined ? { state: 'absent' } : { state: 'read', value: reading.value };
  }
}

function readIntent(database: DatabaseSync): RestartIntent | undefined {
  if (listColumns(database, 'gateway_restart_intent').size === 0) return undefined;
  const newest = database
    .prepare('SELECT created_at AS createdMs FROM gateway_restart_intent ORDER BY created_at DESC LIMIT 1')
    .get();
  return { createdMs: row.parse(newest)?.createdMs };
}

/** Whether a restart was requested and may still be taken up. */
export function isRestartPending({ createdMs }: RestartIntent, nowMs: number): boolean {
  return createdMs !== undefined && Math.abs(nowMs - createdMs) <= VALID_MS;
}
