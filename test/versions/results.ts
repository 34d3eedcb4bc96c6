import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';

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

const file = new ResultFile(
  process.env.VERSIONS_FILE ?? join(import.meta.dirname, '..', '..', 'docs', 'versions.json'),
  resultSchema,
  ({ version }) => version,
);

/** All results so far, in the order of the versions. */
export function readVersionResults(): VersionResult[] {
  return file.read().toSorted((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
}

/** Puts a result in the place of an older one of its version. */
export function keepVersionResult(result: VersionResult): void {
  file.keep(result);
}
