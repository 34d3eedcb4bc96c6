import type { CronJob, RunStatus } from '../source/records.ts';
import { AHEAD_MS } from './due.ts';
import { isTime } from './planner.ts';

/** After a gap this long nothing reliable is left to compare with: gateways keep a week of history. */
export const FORGOTTEN_MS = 35 * 86_400_000;

/** A run that began; a `FinishedRun` is one. */
export interface RunSeen {
  readonly runAtMs: number;
  readonly finishedAtMs?: number | undefined;
  readonly status?: RunStatus | undefined;
  readonly isManual?: boolean | undefined;
}

/** Runs in the order of their starts, each once, those the job itself tells included. */
export function sortRuns(job: CronJob, runs: readonly RunSeen[], nowMs: number): RunSeen[] {
  const byStart = new Map<number, RunSeen>();
  for (const run of [...runs, ...readLastRun(job)]) {
    if (!isTime(run.runAtMs) || run.runAtMs > nowMs + AHEAD_MS) continue;
    const known = byStart.get(run.runAtMs);
    if (known === undefined || (run.status === 'interrupted' && known.status !== 'interrupted')) {
      byStart.set(run.runAtMs, run);
    }
  }
  return [...byStart.values()].sort((a, b) => a.runAtMs - b.runAtMs);
}

function readLastRun(job: CronJob): RunSeen[] {
  const { lastRunAtMs, lastRunStatus } = job;
  if (lastRunAtMs === undefined) return [];
  return [{ runAtMs: lastRunAtMs, finishedAtMs: lastRunAtMs + readDuration(job), status: lastRunStatus }];
}

/** Milliseconds that the last run took, within what can be believed. */
export function readDuration({ lastDurationMs = 0 }: CronJob): number {
  return Math.min(Math.max(lastDurationMs, 0), FORGOTTEN_MS);
}
