import type { CronJob } from './source/records.ts';

/** The gateway does not know these jobs: the machine's own cron runs them, and only their log tells how. */
const REPAIR_LOG = 'read the end of its log, and crontab -l';
const LIST = 'openclaw cron list';

/**
 * An id is somebody's text: only a harmless one of bearable length may stand in a
 * command that a person will paste.
 */
export const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/;

/** For a log whose rule never matched. */
export const LOG_RULE_REPAIR =
  "set success and error of this log in cron.logs of the exporter's configuration";

/** The runs of a job, newest first, with why they failed. */
export function historyRepair(job: Pick<CronJob, 'id' | 'origin'>): string {
  if (job.origin === 'log') return REPAIR_LOG;
  // Not the id's label, which is cut where it is long: the gateway knows no such id.
  return PLAIN_ID.test(job.id) ? `openclaw cron runs --id ${job.id}` : LIST;
}

/** Makes the gateway plan a job anew. */
export function disableEnableRepair({ id }: Pick<CronJob, 'id'>): string {
  return PLAIN_ID.test(id)
    ? `openclaw cron disable ${id} && openclaw cron enable ${id}`
    : 'openclaw cron disable and openclaw cron enable, with its id of openclaw cron list';
}

/** What to do once the cause of a job's failures is gone and the gateway has disabled it. */
export function enableRepair(job: Pick<CronJob, 'id' | 'origin'>): string {
  const enable = PLAIN_ID.test(job.id) ? `openclaw cron enable ${job.id}` : 'openclaw cron enable';
  return `${historyRepair(job)}; when its cause is gone: ${enable}`;
}

/** What to look at when a job is late. */
export function overdueRepair(job: Pick<CronJob, 'origin'>): string {
  return job.origin === 'log' ? REPAIR_LOG : LIST;
}
