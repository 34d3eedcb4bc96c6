import type { Evidence } from '../../core/collector.ts';
import type { CronSwitch } from '../../openclaw/cron-switch.ts';
import type { JobState } from './job-state.ts';
import { jobLabels } from './labels.ts';
import { disableEnableRepair, historyRepair, LOG_RULE_REPAIR } from './repair.ts';
import { runAge } from './samples.ts';
import type { ClockStep } from './schedule/clock-steps.ts';
import { intervalOf } from './schedule/punctuality.ts';
import type { CronJob } from './source/records.ts';

/** As many skips in a row are no accident. */
const SKIPPING = 5;
/** Jobs named one by one, of each kind. */
const MAX_NAMED = 10;
/** How long a second run of one occurrence is shown. */
const TWICE_SHOWN_MS = 86_400_000;
const MINUTE = 60;

/**
 * What speaks against the gateway's own marks: a run that never ends, a plan beyond the schedule, a last run
 * in the future, and what a person should know of jobs that run no more or twice.
 */
export function claimEvidence(states: readonly JobState[], nowMs: number): Evidence[] {
  return [
    ...listed(
      states.filter(({ standing }) => standing.isWedged),
      (state) => wedged(state, nowMs),
    ),
    ...listed(
      states.filter(({ standing }) => standing.isBeyondSchedule === true),
      (state) => beyond(state, nowMs),
    ),
    ...inFuture(
      states.filter(({ isLastRunInFuture }) => isLastRunInFuture),
      nowMs,
    ),
    ...listed(states.filter(isSkipping), skipped),
    ...listed(
      states.filter(({ entry }) => nowMs - (entry?.twiceAtMs ?? Number.NEGATIVE_INFINITY) < TWICE_SHOWN_MS),
      twice,
    ),
    ...listed(
      states.filter(({ job }) => job.hasUnmatchedLog === true),
      unmatched,
    ),
  ];
}

/** That the gateway runs no jobs on purpose. */
export function schedulerEvidence(scheduler: CronSwitch): Evidence[] {
  if (scheduler.state !== 'off') return [];
  const how =
    scheduler.by === 'cron.enabled' ? 'cron.enabled is false in openclaw.json' : 'OPENCLAW_SKIP_CRON is 1';
  const text = `switched off on purpose (${how}): the gateway runs no jobs, and none counts as missed or overdue`;
  return [{ layer: 'cron', subject: 'scheduler', verdict: 'ok', note: true, text }];
}

/** That jobs lie where no gateway runs them. */
export function unmigratedEvidence(jobs: readonly CronJob[]): Evidence[] {
  if (jobs.length === 0) return [];
  const names = namesOf(jobs);
  const text = `${count(jobs.length)} in cron/jobs.json beside the gateway's database: an upgrade left them behind, and the gateway does not run them (${names})`;
  const repair =
    'openclaw gateway stop; then openclaw doctor --fix, which imports the file; then openclaw gateway start';
  return [
    { layer: 'cron', subject: 'unmigrated jobs', verdict: 'warning', fault: 'cron-failing', text, repair },
  ];
}

/** That the wall clock was set. */
export function stepEvidence(step: ClockStep | undefined): Evidence[] {
  if (step === undefined) return [];
  const way = step.byMs > 0 ? 'forward' : 'back';
  const text = `the clock of this machine was set ${way} by ${formatSpan(Math.abs(step.byMs) / 1000)} at ${time(step.atMs)}: what became due only because of that is not counted as missed`;
  return [
    {
      layer: 'cron',
      subject: 'clock',
      verdict: 'warning',
      fault: 'clock-skew',
      text,
      repair: 'timedatectl status',
    },
  ];
}

function listed(states: readonly JobState[], toEvidence: (state: JobState) => Evidence): Evidence[] {
  const named = states.slice(0, MAX_NAMED).map(toEvidence);
  const more = states.length - named.length;
  const [first] = named;
  if (more <= 0 || first === undefined) return named;
  return [...named, { ...first, subject: 'jobs', text: `the same holds for ${count(more)} more` }];
}

function about({ job }: JobState) {
  return {
    layer: 'cron',
    subject: `job ${jobLabels(job).cron_job}`,
    verdict: 'warning',
    fault: 'cron-failing',
  } as const;
}

function wedged(state: JobState, nowMs: number): Evidence {
  const { job } = state;
  const longestMs = state.last?.durationMs;
  const usual = longestMs === undefined ? '' : `; its last run took ${formatSpan(longestMs / 1000)}`;
  const text = `marked as running for ${formatSpan(runAge(job, nowMs) ?? 0)}${usual}: the gateway does not start it again while the mark stands. A restart clears it, and interrupts a run that is really under way`;
  return {
    ...about(state),
    text,
    repair: 'openclaw gateway restart',
  };
}

function beyond(state: JobState, nowMs: number): Evidence {
  const { job, entry } = state;
  const interval = intervalOf(job, entry)?.seconds;
  const due =
    interval === undefined
      ? 'its schedule'
      : `its schedule (at most ${formatSpan(interval)} between two runs)`;
  const text = `the next run is planned for ${formatSpan(((job.nextRunAtMs ?? nowMs) - nowMs) / 1000)} from now, later than ${due} allows: runs that come due before are missed`;
  return { ...about(state), fault: 'overdue', text, repair: disableEnableRepair(job) };
}

function inFuture(states: readonly JobState[], nowMs: number): Evidence[] {
  if (states.length === 0) return [];
  const aheadMs = Math.max(...states.map(({ job }) => (job.lastRunAtMs ?? nowMs) - nowMs));
  const names = namesOf(states.map(({ job }) => job));
  const text = `the last run of ${count(states.length)} lies in the future, by up to ${formatSpan(aheadMs / 1000)}: the clock was set back, and the gateway runs them again only when it has caught up (${names})`;
  const repair = 'timedatectl status; where the clock is right now, disable and enable each of these jobs';
  return [{ layer: 'cron', subject: 'clock', verdict: 'warning', fault: 'overdue', text, repair }];
}

function isSkipping({ job }: JobState): boolean {
  return job.enabled && job.isHeartbeat !== true && (job.consecutiveSkips ?? 0) >= SKIPPING;
}

function skipped(state: JobState): Evidence {
  const text = `skipped ${state.job.consecutiveSkips} times in a row: it is due and does nothing`;
  return { ...about(state), text, repair: historyRepair(state.job) };
}

function twice(state: JobState): Evidence {
  const { entry } = state;
  const text = `ran twice for one occurrence, last noticed at ${time(entry?.twiceAtMs ?? 0)} (${entry?.counts.duplicates ?? 0} such runs counted)`;
  return {
    ...about(state),
    text,
    repair: 'openclaw gateway status --deep: only one gateway may use this state folder',
  };
}

function unmatched(state: JobState): Evidence {
  const text = 'no line of its log ever matched the rule, so that its runs are not counted';
  return { ...about(state), text, repair: LOG_RULE_REPAIR };
}

function namesOf(jobs: readonly CronJob[]): string {
  const named = jobs.slice(0, MAX_NAMED / 2).map((job) => jobLabels(job).cron_job);
  const more = jobs.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function count(jobs: number): string {
  return jobs === 1 ? '1 job' : `${jobs} jobs`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** A length of time, rounded; seconds below two minutes, minutes below two hours, hours below two days. */
export function formatSpan(seconds: number): string {
  if (seconds < 2 * MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < 120 * MINUTE) return `${Math.round(seconds / MINUTE)} min`;
  if (seconds < 48 * 60 * MINUTE) return `${Math.round(seconds / (60 * MINUTE))} h`;
  return `${Math.round(seconds / (24 * 60 * MINUTE))} days`;
}
