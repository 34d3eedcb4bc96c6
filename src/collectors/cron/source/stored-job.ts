import { z } from 'zod';
import {
  type CronJob,
  type CronSchedule,
  type DisabledBy,
  ERROR_REASONS,
  type ErrorReason,
  RUN_STATUSES,
  type RunOutcome,
  type RunStatus,
} from './records.ts';

const time = z.number().nonnegative().optional().catch(undefined);
const text = z.string().optional().catch(undefined);
const count = z.int().nonnegative().optional().catch(undefined);

/**
 * `job_json` of 2026.9 and an element of `jobs.json` of 2026.5; every field may be missing in some version,
 * and a broken one costs only itself.
 */
const jobSchema = z.object({
  name: text,
  enabled: z.boolean().optional().catch(undefined),
  createdAtMs: time,
  schedule: z.unknown().optional(),
  agentId: text,
  declarationKey: text,
  description: text,
  payload: z.object({ kind: text, model: text }).optional().catch(undefined),
  pacing: z.unknown().optional(),
  trigger: z.unknown().optional(),
  state: z.unknown().optional(),
});
type StoredJob = z.output<typeof jobSchema>;

/** `state_json` of 2026.9, `state` in `jobs-state.json` of 2026.5. */
const stateSchema = z.object({
  nextRunAtMs: time,
  runningAtMs: time,
  queuedAtMs: time,
  lastRunAtMs: time,
  lastRunStatus: text,
  lastStatus: text,
  lastError: text,
  lastErrorReason: text,
  lastDiagnostics: z.unknown().optional(),
  lastDurationMs: time,
  lastDeliveryStatus: text,
  lastDeliveryError: text,
  deliverySuppressionReason: text,
  consecutiveErrors: count,
  consecutiveSkipped: count,
  scheduleErrorCount: count,
  autoDisabled: z.object({ reason: text }).optional().catch(undefined),
});
type StoredState = z.output<typeof stateSchema>;

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
  const schedule = toSchedule(job?.schedule);
  const isEnabled = enabled ?? job?.enabled ?? true;
  return {
    id,
    origin: 'gateway',
    name: name ?? job?.name ?? id,
    enabled: isEnabled,
    schedule,
    createdAtMs: job?.createdAtMs,
    ...(state === undefined ? NO_STATE : toJobState(state)),
    ...(isEnabled ? {} : { disabledBy: toDisabledBy(schedule, state) }),
    ...(isHeartbeat(job) ? { isHeartbeat: true } : {}),
    ...(isSystemOwned(job) ? { isSystemOwned: true } : {}),
    ...(job?.payload?.model === undefined ? {} : { model: job.payload.model }),
    ...(job?.agentId === undefined ? {} : { agentId: job.agentId }),
    ...(isSet(job?.pacing) || isSet(job?.trigger) ? { selfPaced: true } : {}),
  };
}

type JobState = Omit<CronJob, 'id' | 'origin' | 'name' | 'enabled' | 'schedule' | 'createdAtMs'>;

const NO_STATE: JobState = {
  nextRunAtMs: undefined,
  runningAtMs: undefined,
  lastRunAtMs: undefined,
  lastRunStatus: undefined,
  lastDurationMs: undefined,
  consecutiveErrors: 0,
};

/** Kept of an error text, in characters: more than is ever shown. */
const MAX_ERROR = 2_000;

function toJobState(state: StoredState): JobState {
  const lastRunStatus = toEndedStatus(state.lastRunStatus ?? state.lastStatus, state.lastError);
  const outcome = toOutcome({
    deliveryStatus: state.lastDeliveryStatus,
    deliveryError: state.lastDeliveryError,
    suppression: state.deliverySuppressionReason,
  });
  return {
    nextRunAtMs: state.nextRunAtMs,
    runningAtMs: state.runningAtMs,
    queuedAtMs: state.queuedAtMs,
    lastRunAtMs: state.lastRunAtMs,
    lastRunStatus,
    lastDurationMs: state.lastDurationMs,
    // A gateway that was killed in the run leaves the count as it was.
    consecutiveErrors: Math.max(state.consecutiveErrors ?? 0, lastRunStatus === 'error' ? 1 : 0),
    consecutiveSkips: state.consecutiveSkipped,
    ...(lastRunStatus === 'error'
      ? {
          lastErrorReason: toErrorReason(
            state.lastErrorReason,
            hasExitCode(state.lastDiagnostics),
            state.lastError,
          ),
          lastError: state.lastError?.slice(0, MAX_ERROR),
        }
      : {}),
    ...(outcome === undefined ? {} : { lastOutcome: outcome }),
  };
}

/**
 * After so many errors in computing a schedule every version disables the job. Source: `MAX_SCHEDULE_ERRORS`.
 */
const MAX_SCHEDULE_ERRORS = 3;

/** Undefined for a one-shot job that is done: nobody disabled it. */
function toDisabledBy(schedule: CronSchedule, state: StoredState | undefined): DisabledBy | undefined {
  const reason = state?.autoDisabled?.reason;
  if (reason === 'schedule-errors' || (state?.scheduleErrorCount ?? 0) >= MAX_SCHEDULE_ERRORS) {
    return 'schedule';
  }
  if (reason !== undefined) return 'errors';
  if (schedule.kind !== 'at' || state?.lastRunAtMs === undefined) return 'person';
  // A one-shot that failed for good is disabled without a mark.
  return (state.lastRunStatus ?? state.lastStatus) === 'error' ? 'errors' : undefined;
}

/**
 * Heartbeats and their tasks, by the keys that OpenClaw reserves for them (`heartbeat:`, `heartbeat-task:`).
 */
function isHeartbeat(job: StoredJob | undefined): boolean {
  return job?.payload?.kind === 'heartbeat' || /^heartbeat(?:-task)?:/.test(job?.declarationKey ?? '');
}

/**
 * Jobs that the gateway makes for itself, and makes again under another id while it starts. Source: 2026.9.6
 * reserves the keys of heartbeats and skill reviews, and tags those of its plugins with `[managed-by=`.
 */
function isSystemOwned(job: StoredJob | undefined): boolean {
  return (
    isHeartbeat(job) ||
    job?.declarationKey?.startsWith('skill-collection-review:') === true ||
    job?.description?.startsWith('[managed-by=') === true
  );
}

/**
 * After a provider refused a key of openclaw.json, 2026.8 and later fail further runs for minutes without asking
 * it, and record no reason. Source: the error of an inline key in its cooldown.
 */
const SUSPENDED_KEY = /\bis temporarily disabled after a provider auth\/billing failure\b/;

/**
 * A stored reason as a label value. Without one, the error of a suspended key tells that the provider refused it,
 * and an exit code that a command failed.
 */
export function toErrorReason(
  raw: string | null | undefined,
  hasExitCode: boolean,
  error: string | null | undefined,
): ErrorReason | undefined {
  if (typeof raw === 'string') return ERROR_REASONS.find((reason) => reason === raw) ?? 'other';
  if (SUSPENDED_KEY.test(error ?? '')) return 'auth';
  return hasExitCode ? 'command' : undefined;
}

const diagnosticsSchema = z.object({ entries: z.array(z.object({ source: text, exitCode: z.unknown() })) });

/** Whether a run's diagnostics come from a command that ran or could not be started. */
export function hasExitCode(diagnostics: unknown): boolean {
  const entries = diagnosticsSchema.safeParse(diagnostics).data?.entries ?? [];
  return entries.some(({ source, exitCode }) => source === 'exec' && exitCode !== undefined);
}

/** What is stored of a run beside its status. */
export interface StoredOutcome {
  readonly deliveryStatus?: string | null | undefined;
  readonly deliveryError?: string | null | undefined;
  readonly suppression?: string | null | undefined;
  readonly summary?: string | null | undefined;
  readonly provider?: string | null | undefined;
  readonly model?: string | null | undefined;
}

/** How every version's delivery error begins where no channel is configured or chosen. */
const NO_CHANNEL = /\bChannel is required\b/;
/** Longer or stranger names of models are not repeated. */
const PLAIN_MODEL = /^[\w.:@-]{1,60}(?:\/[\w.:@-]{1,60}){0,3}$/;

/** A stored outcome in the terms of {@link RunOutcome}; undefined where nothing of note is stored. */
export function toOutcome(stored: StoredOutcome): RunOutcome | undefined {
  const isUndelivered = stored.deliveryStatus === 'not-delivered';
  const isEmptyReply =
    stored.suppression === 'empty' ||
    stored.suppression === 'silent' ||
    /^\s*NO_REPLY\s*$/i.test(stored.summary ?? '');
  const name = [stored.provider, stored.model].filter((part) => typeof part === 'string').join('/');
  const model = typeof stored.model === 'string' && PLAIN_MODEL.test(name) ? name : undefined;
  if (!isUndelivered && !isEmptyReply && model === undefined) return undefined;
  return {
    ...(isUndelivered ? { isUndelivered } : {}),
    ...(isUndelivered && NO_CHANNEL.test(stored.deliveryError ?? '') ? { isWithoutChannel: true } : {}),
    ...(isEmptyReply ? { isEmptyReply } : {}),
    ...(model === undefined ? {} : { model }),
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
 * A run's error when a gateway finds, at its next start, that the run never ended: `server-cron` of 2026.5.7,
 * and the task (not the receipt) of 2026.9.6.
 */
const INTERRUPTED_ERROR = 'cron: job interrupted by gateway restart';

/**
 * As {@link toRunStatus}, with the runs told apart that are called errors although a restart cut them off.
 */
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
