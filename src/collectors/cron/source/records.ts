/** How a run ended; the label values of `openclaw_cron_runs_total`. */
export const RUN_STATUSES = ['ok', 'error', 'skipped', 'interrupted', 'superseded', 'other'] as const;
/** A label value of `openclaw_cron_runs_total`. */
export type RunStatus = (typeof RUN_STATUSES)[number];

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
  readonly name: string;
  readonly enabled: boolean;
  readonly schedule: CronSchedule;
  readonly createdAtMs: number | undefined;
  readonly nextRunAtMs: number | undefined;
  /** Set while a run is under way: a due time in the past is then no delay. */
  readonly runningAtMs: number | undefined;
  readonly lastRunAtMs: number | undefined;
  readonly lastRunStatus: RunStatus | undefined;
  readonly lastDurationMs: number | undefined;
  readonly consecutiveErrors: number;
  /**
   * Its next run may be moved by the job itself (pacing) or its runs leave no history (a condition that did not hold):
   * only `nextRunAtMs` tells when it is due, never the schedule.
   */
  readonly selfPaced?: boolean;
}

/** One finished run. (jobId, runAtMs) is the same in every age of storage, so it identifies the run across sources. */
export interface FinishedRun {
  readonly jobId: string;
  /** When it started, milliseconds since the epoch. */
  readonly runAtMs: number;
  readonly finishedAtMs: number;
  readonly durationMs: number | undefined;
  readonly status: RunStatus;
  /** The run's message did not arrive. */
  readonly deliveryFailed: boolean;
}
