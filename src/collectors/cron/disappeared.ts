import type { Evidence } from '../../core/collector.ts';
import { jobLabels } from './labels.ts';
import type { CronLedger } from './ledger.ts';
import type { DisappearedJob, JobEntry } from './totals.ts';

/** So many jobs that vanish from one run of the collector to the next were not removed one by one. */
const MANY = 3;
/** Two are enough where they are at least half of all. */
const SOME = 2;
/** After a longer pause nobody knows whether the jobs vanished at once. */
const MAX_PAUSE_MS = 10 * 60_000;
/** An upgraded gateway may take so long to move its jobs. */
const UPGRADE_MS = 10 * 60_000;
/** A loss of Friday evening is still shown on Monday; whoever meant it has read it by then. */
const SHOWN_MS = 3 * 86_400_000;
const MAX_KEPT = 1_000;
const MAX_NAMED = 5;

/** What tells a loss of jobs from their removal by a person. */
export interface Vanishing {
  readonly vanished: readonly JobEntry[];
  /** Jobs that exist still. */
  readonly left: number;
  readonly nowMs: number;
}

/**
 * Decides whether jobs that vanished were lost. A person removes jobs one by one, also with the
 * gateway's page or the CLI, so that at most a few are gone from one run of the collector (15 s) to the
 * next. They count as lost when
 *
 * - OpenClaw's version changed a short time ago (an upgrade lost them), however few they are;
 * - else when three or more, or two that were half of all, are gone at once, with no pause in the exporter's
 *   runs; after a pause, when they are three or more and at least half of all.
 *
 * One-shot jobs go by themselves and never count, nor do those that the gateway makes for itself: a 2026.9.6
 * that starts replaces them. A lost job that is back, or was lost three days ago, counts no more.
 */
export function noteVanished(ledger: CronLedger, { vanished, left, nowMs }: Vanishing): void {
  const { atMs = nowMs, upgradedAtMs } = ledger.lastSeen;
  const lasting = vanished.filter(({ origin, isTransient }) => origin === 'gateway' && isTransient !== true);
  const isUpgrade = upgradedAtMs !== undefined && nowMs - upgradedAtMs < UPGRADE_MS;
  const isHalf = lasting.length >= left;
  const isPause = nowMs - atMs > MAX_PAUSE_MS;
  const isMany = lasting.length >= MANY && (isHalf || !isPause);
  const isLoss = isUpgrade || isMany || (lasting.length >= SOME && isHalf && !isPause);
  if (lasting.length === 0 || !isLoss) return;
  const lost = lasting.map(({ id, name }): DisappearedJob => ({ id, name, atMs: nowMs }));
  ledger.disappeared = [...ledger.disappeared, ...lost].slice(-MAX_KEPT);
}

/**
 * Forgets lost jobs that are back or were lost long ago. `exists` tells jobs of the
 * gateway and those not migrated.
 */
export function forgetDisappeared(ledger: CronLedger, exists: (id: string) => boolean, nowMs: number): void {
  const kept = ledger.disappeared.filter(({ id, atMs }) => !exists(id) && nowMs - atMs < SHOWN_MS);
  if (kept.length !== ledger.disappeared.length) ledger.disappeared = kept;
}

/** Until when the same jobs stay disappeared, as far as time alone decides; milliseconds since the epoch. */
export function disappearedUntil(jobs: readonly DisappearedJob[]): number {
  return Math.min(...jobs.map(({ atMs }) => atMs + SHOWN_MS));
}

/** What the on-call person should know of jobs that vanished at once. */
export function disappearedEvidence(jobs: readonly DisappearedJob[]): Evidence[] {
  const [first] = jobs;
  if (first === undefined) return [];
  const named = jobs.slice(0, MAX_NAMED).map((job) => jobLabels(job).cron_job);
  const more = jobs.length - named.length;
  const names = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const one = jobs.length === 1 ? '1 job' : `${jobs.length} jobs`;
  return [
    {
      layer: 'cron',
      subject: 'jobs',
      verdict: 'warning',
      fault: 'cron-failing',
      text: `${one} disappeared from the gateway at once: ${names} (since ${new Date(first.atMs).toISOString()}); shown for 3 days`,
      repair:
        'openclaw cron list --all; if they were not removed on purpose, restore the state folder from a backup or add them again',
    },
  ];
}
