import { z } from 'zod';
import type { SourceRun } from './cron-source.ts';
import { hasExitCode, toEndedStatus, toErrorReason, toOutcome } from './stored-job.ts';

const time = z.number().nonnegative();
const text = z.string().optional().catch(undefined);
/**
 * A finished run as a line of `runs/<jobId>.jsonl` and an entry of `cron.runs` tell it; everything else in it
 * (texts, session keys) stays where it is, and so does its error once it was compared.
 */
const finishedEntry = z.object({
  jobId: z.string().min(1),
  action: z.literal('finished'),
  ts: time,
  status: z.string().catch('other'),
  runAtMs: time.optional().catch(undefined),
  durationMs: time.optional().catch(undefined),
  error: text,
  errorReason: text,
  diagnostics: z.unknown().optional(),
  deliveryStatus: text,
  deliverySuppressionReason: text,
  summary: text,
  provider: text,
  model: text,
});

/** The finished run that `raw` tells of; undefined where it tells of none. */
export function toFinishedRun(raw: unknown, appended: boolean): SourceRun | undefined {
  const entry = finishedEntry.safeParse(raw).data;
  if (entry === undefined) return undefined;
  const status = toEndedStatus(entry.status, entry.error);
  const { deliveryStatus, deliverySuppressionReason: suppression, summary, provider, model } = entry;
  return {
    jobId: entry.jobId,
    runAtMs: entry.runAtMs ?? entry.ts,
    finishedAtMs: entry.ts,
    durationMs: entry.durationMs,
    status,
    errorReason:
      status === 'error'
        ? toErrorReason(entry.errorReason, hasExitCode(entry.diagnostics), entry.error)
        : undefined,
    deliveryFailed: deliveryStatus === 'not-delivered',
    outcome: toOutcome({ deliveryStatus, suppression, summary, provider, model }),
    appended,
    jobName: undefined,
  };
}
