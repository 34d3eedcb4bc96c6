import { join } from 'node:path';
import { z } from 'zod';
import { ResultFile } from '../support/result-file.ts';

const step = z.strictObject({
  command: z.string(),
  /** Wall time until it ended, or until the gateway that it runs answered. */
  seconds: z.number(),
  /** Exit code; `runs` for a gateway in the foreground, `no end` where it had not ended after a minute. */
  exit: z.union([z.number(), z.literal('runs'), z.literal('no end')]),
  /** The line of its output that tells most; paths and tokens removed. */
  output: z.string(),
});

/** What came of one way to repair one state. */
const resultSchema = z.strictObject({
  version: z.string(),
  manager: z.enum(['none', 'systemd']),
  state: z.string(),
  steps: z.array(step),
  /** Whether the fault was gone within a minute of the last step. */
  gone: z.boolean(),
  /** From the first step to the end of the fault. */
  secondsUntilGone: z.number().nullable(),
  measuredAt: z.string(),
});
/** See {@link resultSchema}. */
export type RepairResult = z.output<typeof resultSchema>;

const file = new ResultFile<RepairResult>(
  process.env.REPAIRS_FILE ?? join(import.meta.dirname, '..', '..', 'docs', 'repairs.json'),
  resultSchema,
  (result) => formatKey(result),
);

/** All results so far, in the order in which they were measured. */
export function readResults(): RepairResult[] {
  return file.read();
}

/** Puts a result in the place of an older one of the same way. */
export function keepResult(result: RepairResult): void {
  file.keep(result);
}

/** What makes two results the same measurement. */
export function formatKey(
  one: Pick<RepairResult, 'version' | 'manager' | 'state'> & {
    readonly steps: readonly { readonly command: string }[];
  },
): string {
  return [one.version, one.manager, one.state, ...one.steps.map(({ command }) => command)].join(' | ');
}
