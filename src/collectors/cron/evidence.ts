import type { Evidence } from '../../core/collector.ts';
import { type KnownSecrets, redact } from '../../lib/redact.ts';
import type { ConfiguredModels } from '../../openclaw/models.ts';
import { formatSpan } from './claims.ts';
import type { JobState } from './job-state.ts';
import { jobLabels } from './labels.ts';
import { findWantedModel } from './providers.ts';
import { enableRepair, historyRepair } from './repair.ts';
import { expectedInterval } from './schedule/planner.ts';
import type { SourceReading } from './source/cron-source.ts';
import type { ErrorReason } from './source/records.ts';

/** As many failures in a row are no accident. */
export const FAILING = 2;
/** Jobs named one by one; the rest is summed up. */
const MAX_NAMED = 20;
const MAX_IN_LINE = 5;
const REPAIR_SOURCE = "run the exporter as the gateway's own user; if it is that user: openclaw doctor";
const REPAIR_API = 'openclaw devices list';

/** What the words on cron are made of. */
export interface CronEvidenceInput {
  readonly readings: readonly (readonly [string, SourceReading])[];
  /** Whether a source that is absent now was readable before. */
  readonly lost: (source: string) => boolean;
  readonly jobs: readonly JobState[];
  /** Why totals cannot be saved. */
  readonly notSaved: string | undefined;
  readonly nowMs: number;
  /** What must not stand in a text that the gateway recorded. */
  readonly known: KnownSecrets;
  /** Models of the agents. */
  readonly models: ConfiguredModels | undefined;
}

/** What an on-call person should know of cron: sources, jobs that fail, and whether counting goes on. */
export function cronEvidence(input: CronEvidenceInput): Evidence[] {
  const { readings, lost, jobs, notSaved, nowMs, known, models } = input;
  return [
    ...readings.flatMap(([name, reading]) => sourceEvidence(name, reading, lost(name))),
    ...failingEvidence(jobs, nowMs, known),
    ...disabledEvidence(jobs),
    ...outcomeEvidence(jobs, models),
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
          fault: 'source-lost',
          text: `unreadable: ${reading.reason}`,
          repair: name === 'api' ? REPAIR_API : REPAIR_SOURCE,
        },
      ];
    case 'absent':
      return lost
        ? [
            {
              ...about,
              verdict: 'bad',
              fault: 'source-lost',
              text: 'it was there and is gone',
              repair: REPAIR_SOURCE,
            },
          ]
        : [];
  }
}

function failingEvidence(states: readonly JobState[], nowMs: number, known: KnownSecrets): Evidence[] {
  const failing = states
    .filter(({ job }) => job.consecutiveErrors > 0)
    .sort((a, b) => b.job.consecutiveErrors - a.job.consecutiveErrors);
  const named = failing.slice(0, MAX_NAMED).map((state) => failed(state, nowMs, known));
  const more = failing.slice(MAX_NAMED);
  if (more.length === 0) return named;
  const lasting = more.filter(({ job }) => job.consecutiveErrors >= FAILING).length;
  const about = { layer: 'cron', subject: 'jobs', text: `${more.length} more jobs fail` } as const;
  const rest =
    lasting > 0
      ? ({ verdict: 'warning', fault: 'cron-failing' } as const)
      : ({ verdict: 'ok', note: true } as const);
  return [...named, { ...about, ...rest }];
}

/** A job that runs less often has no next run soon that may succeed; seconds. */
const RARE_SECONDS = 6 * 3_600;
/** As the bundled alerts have it by default (`cron_important_jobs`). */
const IMPORTANT = /important/i;

/** Whether the first failure already needs attention: the job is rare, runs once, or is important. */
function isPressing({ name, schedule }: JobState['job']): boolean {
  const seconds = expectedInterval({ schedule });
  return IMPORTANT.test(name) || schedule.kind === 'at' || (seconds !== undefined && seconds >= RARE_SECONDS);
}

/** What the gateway itself reported, as it may be shown. */
function quoteError({ lastError }: JobState['job'], known: KnownSecrets): Pick<Evidence, 'detail'> {
  return lastError === undefined || lastError === '' ? {} : { detail: redact(lastError, known) };
}

/** A first failure is a note: the next run may succeed. */
function failed({ job, last, entry }: JobState, nowMs: number, known: KnownSecrets): Evidence {
  const subject = `job ${jobLabels(job).cron_job}`;
  const about = { layer: 'cron', subject, ...quoteError(job, known) } as const;
  const why = last?.status === 'error' ? `: ${describeReason(last.reason)}` : '';
  const success = entry?.lastSuccessMs;
  const ago = success === undefined ? undefined : formatSpan(Math.max(0, nowMs - success) / 1000);
  const since =
    ago === undefined ? `${lastRunAgo(job, nowMs)}; no success is known` : `; last success ${ago} ago`;
  if (job.consecutiveErrors < FAILING && !isPressing(job)) {
    return { ...about, verdict: 'ok', note: true, text: `its last run failed${why}${since}` };
  }
  const disabled = job.enabled ? '' : ' and is disabled';
  const times =
    job.consecutiveErrors === 1 ? 'its last run failed' : `failed ${job.consecutiveErrors} times in a row`;
  const text = `${times}${disabled}${why}${since}`;
  return { ...about, verdict: 'warning', fault: 'cron-failing', text, repair: historyRepair(job) };
}

function lastRunAgo({ lastRunAtMs }: JobState['job'], nowMs: number): string {
  return lastRunAtMs === undefined || lastRunAtMs > nowMs
    ? ''
    : `; last run ${formatSpan((nowMs - lastRunAtMs) / 1000)} ago`;
}

const REASON_TEXTS: Readonly<Partial<Record<ErrorReason, string>>> = {
  auth: 'the model provider refused the credential (auth)',
  auth_permanent: 'the model provider refused the credential for good (auth_permanent)',
  billing: 'the model provider wants to be paid (billing)',
  rate_limit: "the model provider's rate limit was reached (rate_limit)",
  overloaded: 'the model provider is overloaded (overloaded)',
  server_error: 'the model provider answered with an error (server_error)',
  timeout: 'the run took too long (timeout)',
  model_not_found: 'the model does not exist (model_not_found)',
  context_overflow: "the model's context is too small (context_overflow)",
  command: 'the command ended with an error (command)',
  unknown: 'no reason is recorded',
};

function describeReason(reason: ErrorReason = 'unknown'): string {
  return REASON_TEXTS[reason] ?? `the reason recorded is ${reason}`;
}

/** Jobs that the gateway has disabled by itself. */
function disabledEvidence(states: readonly JobState[]): Evidence[] {
  const disabled = states.filter(({ job }) => job.disabledBy === 'errors' || job.disabledBy === 'schedule');
  return disabled.slice(0, MAX_NAMED).map(({ job }): Evidence => {
    const isFailed = job.disabledBy === 'errors';
    const why = isFailed ? 'after its runs failed' : 'since its schedule cannot be computed';
    const repair = isFailed ? enableRepair(job) : 'openclaw cron edit, with a schedule that is valid';
    const subject = `job ${jobLabels(job).cron_job}`;
    const text = `disabled by the gateway ${why}`;
    return { layer: 'cron', subject, verdict: 'warning', fault: 'cron-failing', text, repair };
  });
}

/** Runs that succeeded and yet may not be what was wanted. */
function outcomeEvidence(states: readonly JobState[], models: ConfiguredModels | undefined): Evidence[] {
  const enabled = states.filter(({ job }) => job.enabled);
  const undelivered = enabled.filter(({ last }) => last?.outcome?.isUndelivered === true);
  const isMisconfigured = ({ last }: JobState) => last?.outcome?.isWithoutChannel === true;
  return [
    ...lastRuns('succeeded with an empty reply', enabled.filter(hasEmptyReply)),
    ...lastRuns(
      'answered by another model than the job asks for',
      enabled.filter((state) => hasFallback(state, models)),
    ),
    ...lastRuns(
      'ran, but the message did not arrive',
      undelivered.filter((state) => !isMisconfigured(state)),
      'openclaw cron runs --id, with the id of such a job',
    ),
    ...lastRuns(
      'ran, but no channel is configured that could take the message (openclaw cron edit --no-deliver where none is wanted)',
      undelivered.filter(isMisconfigured),
    ),
  ];
}

/** One line for all jobs whose last runs have something in common; a note without a repair step. */
function lastRuns(text: string, states: readonly JobState[], repair?: string): Evidence[] {
  if (states.length === 0) return [];
  const names = states.slice(0, MAX_IN_LINE).map(({ job }) => jobLabels(job).cron_job);
  const more = states.length - names.length;
  const list = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const about = { layer: 'cron', subject: 'last runs', text: `${text}: ${list}` } as const;
  return [
    repair === undefined
      ? { ...about, verdict: 'ok', note: true }
      : { ...about, verdict: 'warning', fault: 'cron-failing', repair },
  ];
}

function hasEmptyReply({ last }: JobState): boolean {
  return last?.status === 'ok' && last.outcome?.isEmptyReply === true;
}

function hasFallback({ job, last }: JobState, models: ConfiguredModels | undefined): boolean {
  const model = last?.outcome?.model;
  const wanted = findWantedModel(job, models);
  // A name without a provider may be an alias of the model that answered.
  return last?.status === 'ok' && model !== undefined && wanted?.includes('/') === true && model !== wanted;
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
