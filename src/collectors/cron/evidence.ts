import type { Evidence } from '../../core/collector.ts';
import { jobLabels } from './labels.ts';
import { failedRepair } from './repair.ts';
import type { SourceReading } from './source/cron-source.ts';
import type { CronJob } from './source/records.ts';

/** As many failures in a row are no accident. */
export const FAILING = 3;
/** Jobs named one by one; the rest is summed up. */
const MAX_NAMED = 20;
const REPAIR_SOURCE = "run the exporter as the gateway's own user; if it is that user: openclaw doctor";
const REPAIR_API = 'openclaw devices list';

/** What the words on cron are made of. */
export interface CronEvidenceInput {
  readonly readings: readonly (readonly [string, SourceReading])[];
  /** Whether a source that is absent now was readable before. */
  readonly lost: (source: string) => boolean;
  readonly jobs: readonly CronJob[];
  /** Why totals cannot be saved. */
  readonly notSaved: string | undefined;
}

/** What an on-call person should know of cron: sources, jobs that fail, and whether counting goes on. */
export function cronEvidence({ readings, lost, jobs, notSaved }: CronEvidenceInput): Evidence[] {
  return [
    ...readings.flatMap(([name, reading]) => sourceEvidence(name, reading, lost(name))),
    ...failingEvidence(jobs),
    ...(notSaved === undefined ? [] : [savedEvidence(notSaved)]),
  ];
}

function sourceEvidence(name: string, reading: SourceReading, lost: boolean): Evidence[] {
  const about = { layer: 'cron', subject: `source ${name}` } as const;
  switch (reading.state) {
    case 'read': {
      const disabled = reading.jobs.filter((job) => !job.enabled).length;
      const text = `${reading.jobs.length} jobs, ${disabled} of them disabled`;
      const problems = reading.problems.map(
        (problem): Evidence => ({ ...about, verdict: 'warning', text: problem }),
      );
      return [{ ...about, verdict: 'ok', text }, ...problems];
    }
    case 'unreadable':
      return [
        {
          ...about,
          verdict: 'bad',
          text: `unreadable: ${reading.reason}`,
          repair: name === 'api' ? REPAIR_API : REPAIR_SOURCE,
        },
      ];
    case 'absent':
      return lost
        ? [{ ...about, verdict: 'bad', text: 'it was there and is gone', repair: REPAIR_SOURCE }]
        : [];
  }
}

function failingEvidence(jobs: readonly CronJob[]): Evidence[] {
  const failing = jobs
    .filter(({ consecutiveErrors }) => consecutiveErrors >= FAILING)
    .sort((a, b) => b.consecutiveErrors - a.consecutiveErrors);
  const named = failing.slice(0, MAX_NAMED).map((job): Evidence => {
    return {
      layer: 'cron',
      subject: `job ${jobLabels(job).cron_job}`,
      verdict: 'warning',
      text: `failed ${job.consecutiveErrors} times in a row${job.enabled ? '' : ' and is disabled'}`,
      repair: failedRepair(job),
    };
  });
  const more = failing.length - named.length;
  if (more === 0) return named;
  return [...named, { layer: 'cron', subject: 'jobs', verdict: 'warning', text: `${more} more jobs fail` }];
}

function savedEvidence(reason: string): Evidence {
  return {
    layer: 'cron',
    subject: 'totals',
    verdict: 'warning',
    text: `counters stand still, nothing is lost: ${reason}`,
    repair: 'give each exporter its own --storage.path on a disk with free space',
  };
}
