import type { Evidence } from '../../core/collector.ts';
import { jobLabels } from './labels.ts';
import { overdueRepair } from './repair.ts';
import type { CronJob } from './source/records.ts';

/** Jobs named one by one. */
const MAX_NAMED = 10;
const REPAIR_ALL_LOGS = "see whether the machine's own cron runs, and crontab -l";

/** A job that can be due, and for how long its next run has been; 0 where it is in time. */
export interface DueJob {
  readonly job: Pick<CronJob, 'id' | 'name' | 'origin'>;
  readonly lateSeconds: number;
}

/**
 * Jobs later than `graceSeconds`. All of several late at once while the gateway lives is not the fault of
 * any of them: cron has stopped.
 */
export function overdueEvidence(due: readonly DueJob[], graceSeconds: number): Evidence[] {
  const late = due
    .filter(({ lateSeconds }) => lateSeconds > graceSeconds)
    .sort((a, b) => b.lateSeconds - a.lateSeconds);
  if (late.length > 1 && late.length === due.length) return [stopped(late)];
  const named = late.slice(0, MAX_NAMED).map(({ job, lateSeconds }): Evidence => {
    const text = `overdue by ${Math.round(lateSeconds / 60)} min`;
    const subject = `job ${jobLabels(job).cron_job}`;
    return { layer: 'cron', subject, verdict: 'warning', fault: 'overdue', text, repair: overdueRepair(job) };
  });
  const more = late.length - named.length;
  if (more === 0) return named;
  return [
    ...named,
    {
      layer: 'cron',
      subject: 'jobs',
      verdict: 'warning',
      fault: 'overdue',
      text: `${more} more are overdue`,
    },
  ];
}

function stopped(late: readonly DueJob[]): Evidence {
  const text = `all ${late.length} jobs are overdue: cron has stopped`;
  // Where the gateway runs none of them, its restart cannot help.
  const repair = late.every(({ job }) => job.origin === 'log') ? REPAIR_ALL_LOGS : 'openclaw gateway restart';
  return { layer: 'cron', subject: 'jobs', verdict: 'bad', fault: 'cron-stopped', text, repair };
}
