/** How a run ended; the label values of `openclaw_cron_runs_total`. */
export const RUN_STATUSES = ['ok', 'error', 'skipped', 'interrupted', 'superseded', 'other'] as const;
/** A label value of `openclaw_cron_runs_total`. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/**
 * Why a run failed; the label values of `openclaw_cron_errors_total`. The first sixteen are
 * OpenClaw's own (`lastErrorReason`), `command` is a command that exited with an error, `other` a
 * reason this exporter does not know.
 */
export const ERROR_REASONS = [
  'auth',
  'auth_permanent',
  'format',
  'rate_limit',
  'overloaded',
  'billing',
  'server_error',
  'timeout',
  'tls_certificate',
  'context_overflow',
  'model_not_found',
  'session_expired',
  'empty_response',
  'no_error_details',
  'unclassified',
  'unknown',
  'command',
  'other',
] as const;
/** A label value of `openclaw_cron_errors_total`. */
export type ErrorReason = (typeof ERROR_REASONS)[number];

/** Who disabled a job; the label values of `openclaw_cron_job_disabled_info`. */
export const DISABLED_BY = ['person', 'errors', 'schedule'] as const;
/** A label value of `openclaw_cron_job_disabled_info`. */
export type DisabledBy = (typeof DISABLED_BY)[number];

/** Where a job is defined: in the gateway, or in the machine's own crontab, of which only a log is known. */
export type JobOrigin = 'gateway' | 'log';

/** When a job is due. Event-driven kinds are never due. Times in milliseconds. */
export type CronSchedule =
  | { readonly kind: 'every'; readonly everyMs: number; readonly anchorMs: number | undefined }
  | {
      readonly kind: 'cron';
      readonly expr: string;
      readonly tz: string | undefined;
      /** Undefined: the gateway's rule for top-of-hour expressions applies. */
      readonly staggerMs: number | undefined;
    }
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'event' }
  | { readonly kind: 'unknown' };

/** A job as one source tells it; times in milliseconds since the epoch. */
export interface CronJob {
  /** The gateway's id; `log:<workspace>/<name>` of jobs that only a log knows. */
  readonly id: string;
  readonly origin: JobOrigin;
  readonly name: string;
  readonly enabled: boolean;
  readonly schedule: CronSchedule;
  readonly createdAtMs: number | undefined;
  readonly nextRunAtMs: number | undefined;
  /** Start of the run under way, as the gateway marks it: a claim, which may never be cleared. */
  readonly runningAtMs: number | undefined;
  /** Since when the run has been waiting for its turn, by the gateway's mark; 2026.8 and later. */
  readonly queuedAtMs?: number | undefined;
  readonly lastRunAtMs: number | undefined;
  readonly lastRunStatus: RunStatus | undefined;
  readonly lastDurationMs: number | undefined;
  readonly consecutiveErrors: number;
  /** Runs skipped in a row; undefined where the source does not record it. */
  readonly consecutiveSkips?: number | undefined;
  /** Why the last run failed; undefined where it did not fail or no reason is recorded. */
  readonly lastErrorReason?: ErrorReason | undefined;
  /** What the gateway recorded of the failure; may hold secrets, so it is shown redacted only. */
  readonly lastError?: string | undefined;
  /** What else the job's state records of the last run. */
  readonly lastOutcome?: RunOutcome | undefined;
  readonly disabledBy?: DisabledBy | undefined;
  /**
   * Of a job of a log: whether lines of it were read and none ever matched its rule;
   * undefined where it is empty.
   */
  readonly hasUnmatchedLog?: boolean | undefined;
  /**
   * A heartbeat of an agent, which the gateway itself keeps: its skips are normal and
   * its plan follows active hours.
   */
  readonly isHeartbeat?: boolean;
  /** The gateway made it for itself, and may replace it by another; heartbeats are among them. */
  readonly isSystemOwned?: boolean;
  /** The model that the job asks for, `provider/model` or a bare model; undefined: the agent's default. */
  readonly model?: string | undefined;
  /** The agent that runs it; undefined: the default one. */
  readonly agentId?: string | undefined;
  /**
   * Its next run may be moved by the job itself (pacing) or its runs leave no history (a condition that did
   * not hold): only `nextRunAtMs` tells when it is due, never the schedule.
   */
  readonly selfPaced?: boolean;
}

/** What is recorded of a run beside its status. */
export interface RunOutcome {
  /** The agent's reply was empty or `NO_REPLY`. */
  readonly isEmptyReply?: boolean | undefined;
  /** The message was meant to arrive and did not. */
  readonly isUndelivered?: boolean | undefined;
  /** It did not arrive since no channel is configured that could take it. */
  readonly isWithoutChannel?: boolean | undefined;
  /** The model that answered, `provider/model`. */
  readonly model?: string | undefined;
}

/**
 * One finished run. (jobId, runAtMs) is the same in every age of storage, so it
 * identifies the run across sources.
 */
export interface FinishedRun {
  readonly jobId: string;
  /** When it started, milliseconds since the epoch. */
  readonly runAtMs: number;
  readonly finishedAtMs: number;
  readonly durationMs: number | undefined;
  readonly status: RunStatus;
  /** Why it failed; undefined where it did not fail or its source records no reason. */
  readonly errorReason?: ErrorReason | undefined;
  /** The run's message did not arrive. */
  readonly deliveryFailed: boolean;
  /** Whether a person started it; undefined where its source does not record that. */
  readonly isManual?: boolean | undefined;
  readonly outcome?: RunOutcome | undefined;
}
