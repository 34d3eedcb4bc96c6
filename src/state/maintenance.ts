import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { explainFileError, readRegularSync, replaceFileSync } from '../lib/regular-file.ts';

const FILE = 'maintenance.json';
const MAX_BYTES = 4096;

const declaration = z.object({ until: z.iso.datetime().transform((text) => Date.parse(text)) });

/** Whether planned maintenance is declared; `untilMs` is wall time, milliseconds since the epoch. */
export type Maintenance =
  | { readonly state: 'none' }
  | { readonly state: 'declared'; readonly untilMs: number }
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * Declares planned maintenance until `untilMs` (milliseconds since the epoch) for the exporter that uses this
 * storage path; a later declaration replaces it. Throws a system error where the folder cannot be written.
 */
export function declareMaintenance(storagePath: string, untilMs: number): void {
  mkdirSync(storagePath, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ until: new Date(untilMs).toISOString() })}\n`;
  replaceFileSync(join(storagePath, FILE), text, 0o600);
}

/**
 * Ends a declared maintenance; nothing happens where there is none. Throws a system
 * error where it cannot be removed.
 */
export function endMaintenance(storagePath: string): void {
  rmSync(join(storagePath, FILE), { force: true });
}

/** Whether maintenance is declared at `nowMs`. Never throws. */
export function readMaintenance(storagePath: string, nowMs: number): Maintenance {
  let text: string;
  try {
    text = readRegularSync(join(storagePath, FILE), MAX_BYTES);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { state: 'none' };
    return { state: 'unreadable', reason: `the declaration cannot be read (${explainFileError(error)})` };
  }
  const parsed = declaration.safeParse(parseJson(text));
  if (!parsed.success)
    return { state: 'unreadable', reason: 'the declaration is damaged; stop the maintenance anew' };
  const untilMs = parsed.data.until;
  return nowMs < untilMs ? { state: 'declared', untilMs } : { state: 'none' };
}
