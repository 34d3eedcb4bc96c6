import { Slices } from '../../lib/slices.ts';
import type { Sample } from '../../metrics/family.ts';
import type { CronSwitch } from '../../openclaw/cron-switch.ts';
import type { ConfiguredModels } from '../../openclaw/models.ts';
import type { JobState } from './job-state.ts';
import { failuresByProvider, providerSamples } from './providers.ts';
import {
  conditionSamples,
  counterSamples,
  errorSamples,
  jobCountSamples,
  jobSamples,
  type StoreCondition,
  sourceSample,
  standingSamples,
  watchingSample,
} from './samples.ts';
import type { SourceReading } from './source/cron-source.ts';
import { type CronSourceName, type ExistingJobs, STORES } from './sources.ts';
import { reasonTotals, type StoredLedger } from './totals.ts';

/** What one source gave. */
export type Reading = readonly [name: CronSourceName, reading: SourceReading];

/** What was found out at one run, beside what the ledger holds. */
export interface Findings {
  readonly readings: readonly Reading[];
  readonly known: ExistingJobs;
  readonly scheduler: CronSwitch;
  readonly nowMs: number;
}

/** What samples are made of. */
export interface SampleInput {
  readonly findings: Findings;
  readonly jobs: readonly JobState[];
  /** What the state file holds for certain; counters are made of it alone. */
  readonly saved: StoredLedger | undefined;
  /** Jobs that disappeared. */
  readonly disappeared: number;
  /** Models of the agents. */
  readonly models: ConfiguredModels | undefined;
  /** Whether a source was readable before. */
  readonly wasSeen: (name: CronSourceName) => boolean;
}

/** All samples of one run; pauses now and then, as there may be thousands of jobs. */
export async function collectSamples(input: SampleInput): Promise<Sample[]> {
  const samples: Sample[] = [];
  const slices = new Slices();
  for (const list of sampleLists(input)) {
    samples.push(...list);
    await slices.pause();
  }
  return samples;
}

function* sampleLists(input: SampleInput): Generator<readonly Sample[]> {
  const { saved, jobs } = input;
  const { readings, known, nowMs } = input.findings;
  if (saved !== undefined) {
    yield* counterSamples(saved.jobs, saved.other, nowMs);
    yield errorSamples(reasonTotals(saved));
  }
  for (const { job, entry, standing } of jobs) {
    if (entry?.slot !== 'own') continue;
    yield jobSamples(job, entry);
    yield standingSamples(job, standing, nowMs);
  }
  if (readings.some(([, { state }]) => state === 'read')) yield jobCountSamples([...known.jobs.values()]);
  yield providerSamples(failuresByProvider(jobs, input.models));
  yield conditionSamples(toCondition(input));
  for (const reading of readings) yield sourceSamples(reading, input.wasSeen);
}

function toCondition({ findings, jobs, disappeared }: SampleInput): StoreCondition {
  const { readings, known, scheduler } = findings;
  const isRead = (names: readonly CronSourceName[]) =>
    readings.some(([name, { state }]) => names.includes(name) && state === 'read');
  return {
    inFuture: isRead([...STORES, 'api', 'logs'])
      ? jobs.filter(({ isLastRunInFuture: is }) => is).length
      : undefined,
    disappeared: isRead(STORES) ? disappeared : undefined,
    unmigrated: isRead(['sqlite']) ? known.unmigrated.length : undefined,
    isSchedulerOn: scheduler.state === 'unknown' ? undefined : scheduler.state === 'on',
  };
}

function sourceSamples([name, reading]: Reading, wasSeen: SampleInput['wasSeen']): Sample[] {
  if (reading.state === 'absent' && !wasSeen(name)) return [];
  const up = sourceSample(name, reading.state === 'read');
  return reading.state === 'read' ? [up, ...watchingSample(reading.watching)] : [up];
}
