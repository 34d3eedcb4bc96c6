import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** What the exporter shows of one gateway version with everything at its default. */
const resultSchema = z.strictObject({
  version: z.string(),
  /** How the process was found, where it listens, and which version it reports. */
  found: z.strictObject({ by: z.string(), listens: z.array(z.string()), reports: z.string() }),
  /** The protocol of its WebSocket, its state, and whether it says what it is ready for. */
  asked: z.strictObject({ protocol: z.string(), state: z.string(), isReady: z.boolean() }),
  /** The right credential, a wrong one, and a function of the API; null: absent. */
  proved: z.strictObject({
    right: z.number().nullable(),
    wrong: z.number().nullable(),
    function: z.number().nullable(),
  }),
  /** Runs of one job: what the exporter counted, what the gateway's storage held, and where it was read. */
  counted: z.strictObject({
    exporter: z.number(),
    gateway: z.number(),
    sources: z.array(z.string()),
    problems: z.array(z.string()),
  }),
  measuredAt: z.string(),
});
/** See {@link resultSchema}. */
export type VersionResult = z.output<typeof resultSchema>;

const RESULTS_FILE =
  process.env.VERSIONS_FILE ?? join(import.meta.dirname, '..', '..', 'docs', 'versions.json');

/** All results so far, in the order of the versions. */
export function readVersionResults(): VersionResult[] {
  if (!existsSync(RESULTS_FILE)) return [];
  return z.array(resultSchema).parse(JSON.parse(readFileSync(RESULTS_FILE, 'utf8')));
}

/** Puts a result in the place of an older one of its version; whole or not at all. */
export function keepVersionResult(result: VersionResult): void {
  const others = readVersionResults().filter(({ version }) => version !== result.version);
  const all = [...others, result].sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
  const temporary = `${RESULTS_FILE}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(all, null, 2)}\n`);
  renameSync(temporary, RESULTS_FILE);
}
