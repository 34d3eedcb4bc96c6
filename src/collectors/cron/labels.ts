import { createHash } from 'node:crypto';

/** Characters of a label value; longer names are cut, longer ids end in a digest that keeps them apart. */
const MAX_LABEL = 128;
const DIGEST = 12;

/** The two labels of every series about one job. */
export interface JobLabels {
  readonly cron_job: string;
  readonly cron_job_id: string;
}

/** Labels of a job, bounded in length. */
export function jobLabels({ id, name }: { readonly id: string; readonly name: string }): JobLabels {
  return {
    cron_job: cut(name),
    cron_job_id: isLong(id) ? `${cut(id, MAX_LABEL - DIGEST)}${digest(id)}` : id,
  };
}

/** Whether one of a job's labels is cut. */
export function isCut({ id, name }: { readonly id: string; readonly name: string }): boolean {
  return isLong(id) || isLong(name);
}

function isLong(text: string): boolean {
  return text.length > MAX_LABEL;
}

function cut(text: string, length = MAX_LABEL): string {
  return isLong(text) ? text.slice(0, length).toWellFormed() : text;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST);
}
