import { z } from 'zod';
import type { CronJob, CronSchedule, RunStatus } from './records.ts';
import { RUN_STATUSES } from './records.ts';

const time = z.number().nonnegative().optional().catch(undefined);
const text = z.string().optional().catch(undefined);

/**
 * `job_json` of 2026.9 and an element of `jobs.json` of 2026.5; every field may be missing in some version, and a
 * broken one costs only itself.
 */
const jobSchema = z.object({
  name: text,
  enabled: z.boolean().optional().catch(undefined),
  createdAtMs: time,
  schedule: z.unknown().optional(),
  pacing: z.unknown().optional(),
  trigger: z.unknown().optional(),
  state: z.unknown().optional(),
});

/** `state_json` of 2026.9, `state` in `jobs-state.json` of 2026.5. */
const stateSchema = z.object({
  nextRunAtMs: time,
  runningAtMs: time,
  queuedAtMs: time,
  lastRunAtMs: time,
  lastRunStatus: text,
  lastStatus: text,
  lastError: text,
  lastDurationMs: time,
  consecutiveErrors: z.int().nonnegative().optional().catch(undefined),
});

const scheduleSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('every'), everyMs: z.number().positive(), anchorMs: time }),
  z.object({ kind: z.literal('cron'), expr: z.string().min(1), tz: text, staggerMs: time }),
  z.object({ kind: z.literal('at'), at: z.union([z.string(), z.number()]).optional(), atMs: time }),
  z.object({ kind: z.literal('on-exit') }),
  z.object({ kind: z.literal('stream') }),
]);

/** A job as its storage has it, before anything of it was understood. */
export interface RawJob {
  readonly id: string;
  /** Columns of their own in the database; they win over the JSON. */
  readonly name?: string;
  readonly enabled?: boolean;
  readonly job: unknown;
  /** Wins over a `state` inside the job. */
  readonly state: unknown;
}

/** A job from its stored JSON. Never throws; what is missing or strange is undefined or `unknown`. */
export function toCronJob({ id, name, enabled, job: rawJob, state: rawState }: RawJob): CronJob {
  const job = jobSchema.safeParse(rawJob).data;
  const state = stateSchema.safeParse(withInner(job?.state, rawState)).data;
  return {
    id,
    name: name ?? job?.name ?? id,
    enabled: enabled ?? job?.enabled ?? true,
    schedule: toSchedule(job?.schedule),
    createdAtMs: job?.createdAtMs,
    nextRunAtMs: state?.nextRunAtMs,
    runningAtMs: state?.runningAtMs ?? state?.queuedAtMs,
    lastRunAtMs: state?.lastRunAtMs,
    lastRunStatus: toEndedStatus(state?.lastRunStatus ?? state?.lastStatus, state?.lastError),
    lastDurationMs: state?.lastDurationMs,
    consecutiveErrors: state?.consecutiveErrors ?? 0,
    ...(isSet(job?.pacing) || isSet(job?.trigger) ? { selfPaced: true } : {}),
  };
}

/** The status as a label value; what this exporter does not know is `other`. */
export function toRunStatus(raw: string): RunStatus;
export function toRunStatus(raw: string | undefined): RunStatus | undefined;
export function toRunStatus(raw: string | undefined): RunStatus | undefined {
  if (raw === undefined) return undefined;
  return RUN_STATUSES.find((status) => status === raw) ?? 'other';
}

/**
 * A run's error when a gateway finds, at its next start, that the run never ended: `server-cron` of 2026.5.7, and the
 * task (not the receipt) of 2026.9.6.
 */
const INTERRUPTED_ERROR = 'cron: job interrupted by gateway restart';

/** As {@link toRunStatus}, with the runs told apart that are called errors although a restart cut them off. */
export function toEndedStatus(raw: string, error: string | undefined): RunStatus;
export function toEndedStatus(raw: string | undefined, error: string | undefined): RunStatus | undefined;
export function toEndedStatus(raw: string | undefined, error: string | undefined): RunStatus | undefined {
  return raw === 'error' && error === INTERRUPTED_ERROR ? 'interrupted' : toRunStatus(raw);
}

function withInner(inner: unknown, outer: unknown): unknown {
  return { ...(isObject(inner) ? inner : {}), ...(isObject(outer) ? outer : {}) };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function toSchedule(raw: unknown): CronSchedule {
  const schedule = scheduleSchema.safeParse(raw).data;
  switch (schedule?.kind) {
    case undefined:
      return { kind: 'unknown' };
    case 'every':
      return { kind: 'every', everyMs: schedule.everyMs, anchorMs: schedule.anchorMs };
    case 'cron':
      return { kind: 'cron', expr: schedule.expr, tz: schedule.tz, staggerMs: schedule.staggerMs };
    case 'at': {
      const atMs = schedule.atMs ?? new Date(schedule.at ?? Number.NaN).getTime();
      return Number.isNaN(atMs) ? { kind: 'unknown' } : { kind: 'at', atMs };
    }
    default:
      return { kind: 'event' };
  }
}
