import type { Evidence } from '../collectors/collector.ts';
import type { Sample } from '../registry/family.ts';

const OVERDUE = 'openclaw_cron_job_overdue_seconds';
/** Jobs named one by one. */
const MAX_NAMED = 10;

/**
 * Jobs later than `graceSeconds`, from what the cron collector shows. All of several late at once while the gateway
 * lives is not the fault of any of them: cron has stopped.
 */
export function overdueEvidence(samples: Iterable<Sample>, graceSeconds: number): Evidence[] {
  const jobs = [...samples].filter(({ family }) => family.name === OVERDUE);
  const late = jobs.filter(({ value }) => value > graceSeconds).sort((a, b) => b.value - a.value);
  if (late.length > 1 && late.length === jobs.length) {
    const text = `all ${late.length} jobs are overdue: cron has stopped`;
    const repair = 'openclaw gateway restart';
    return [{ layer: 'cron', subject: 'jobs', verdict: 'bad', text, repair }];
  }
  const named = late.slice(0, MAX_NAMED).map(({ labels, value }): Evidence => {
    const text = `overdue by ${Math.round(value / 60)} min`;
    const subject = `job ${labels.cron_job ?? ''}`;
    return { layer: 'cron', subject, verdict: 'warning', text, repair: 'openclaw cron list' };
  });
  const more = late.length - named.length;
  if (more === 0) return named;
  return [...named, { layer: 'cron', subject: 'jobs', verdict: 'warning', text: `${more} more are overdue` }];
}
