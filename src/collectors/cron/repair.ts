import type { CronJob } from './source/records.ts';

/** The gateway does not know these jobs: the machine's own cron runs them, and only their log tells how. */
const REPAIR_LOG = 'read the end of its log, and crontab -l';
const LIST = 'openclaw cron list';

/** An id is somebody's text: only a harmless one of bearable length may stand in a command that a person will paste. */
export const PLAIN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,255}$/;

/** Whether only a log knows of this job. */
export function isOfLog({ id }: Pick<CronJob, 'id'>): boolean {
  return id.startsWith('log:');
}

/** What to look at when a job fails. */
export function failedRepair(job: Pick<CronJob, 'id'>): string {
  if (isOfLog(job)) return REPAIR_LOG;
  // Not the id's label, which is cut where it is long: the gateway knows no such id.
  return PLAIN_ID.test(job.id) ? `openclaw cron runs --id ${job.id}` : LIST;
}

/** What to look at when a job is late. */
export function overdueRepair(job: Pick<CronJob, 'id'>): string {
  return isOfLog(job) ? REPAIR_LOG : LIST;
}
