import { z } from 'zod';
import type { SourceRun } from './cron-source.ts';
import { toEndedStatus } from './stored-job.ts';

const time = z.number().nonnegative();
/**
 * A finished run as a line of `runs/<jobId>.jsonl` and an entry of `cron.runs` tell it; everything else in it (texts,
 * session keys) stays where it is, and so does its error once it was compared.
 */
const finishedEntry = z.object({
  jobId: z.string().min(1),
  action: z.literal('finished'),
  ts: time,
  status: z.string().catch('other'),
  runAtMs: time.optional().catch(undefined),
  durationMs: time.optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  deliveryStatus: z.string().optional().catch(undefined),
});

/** The finished run that `raw` tells of; undefined where it tells of none. */
export function toFinishedRun(raw: unknown, appended: boolean): SourceRun | undefined {
  const entry = finishedEntry.safeParse(raw).data;
  if (entry === undefined) return undefined;
  return {
    jobId: entry.jobId,
    runAtMs: entry.runAtMs ?? entry.ts,
    finishedAtMs: entry.ts,
    durationMs: entry.durationMs,
    status: toEndedStatus(entry.status, entry.error),
    deliveryFailed: entry.deliveryStatus === 'not-delivered',
    appended,
    jobName: undefined,
  };
}
