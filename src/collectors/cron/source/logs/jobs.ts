import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { CronJob, CronSchedule } from '../records.ts';
import type { LogCursor, LogEntry } from './cursor.ts';
import type { FoundLog } from './discovery.ts';
import { describePath, jobNameOf } from './names.ts';
import type { LogAtHand } from './own-logs.ts';
import type { AskedLogs } from './settings.ts';

/** What the logs say of their jobs. */
export interface LoggedJobs {
  readonly jobs: readonly CronJob[];
  /** By job id; milliseconds since the epoch. */
  readonly lastSuccesses: ReadonlyMap<string, number>;
}

/**
 * The jobs of the logs at hand, and of those between their rotation and their next
 * line: these are not removed.
 */
export function groupIntoJobs(
  logs: ReadonlyMap<string, LogAtHand>,
  { files }: LogCursor,
  { globs, rules }: AskedLogs,
): LoggedJobs {
  const jobs: CronJob[] = [];
  const lastSuccesses = new Map<string, number>();
  const add = (log: Pick<FoundLog, 'path' | 'job' | 'glob'>, entry: LogEntry) => {
    const job = jobOf(log, entry, rules[log.glob]?.interval);
    jobs.push(job);
    if (entry.facts.lastSuccessAtMs !== undefined) lastSuccesses.set(job.id, entry.facts.lastSuccessAtMs);
  };
  for (const { log } of logs.values()) {
    const entry = files[log.path];
    if (entry !== undefined) add(log, entry);
  }
  for (const [path, entry] of Object.entries(files)) {
    if (logs.has(path) || entry.rotated.length === 0) continue;
    const described = describePath(globs, path);
    if (described !== undefined) add({ path, ...described }, entry);
  }
  return { jobs, lastSuccesses };
}

/**
 * Paths of the logs whose id needs a suffix: of those in folders of the same name only one has the plain id,
 * the one that had it, else the first.
 */
export function withoutPlainId(
  atHand: ReadonlyMap<string, LogAtHand>,
  cursor: LogCursor,
): ReadonlySet<string> {
  const logs = [...atHand.values()];
  const hadPlain = ({ log }: LogAtHand) => {
    const entry = cursor.files[log.path];
    return entry !== undefined && entry.suffixed !== true;
  };
  const owners = new Map<string, string>();
  for (const { log } of logs.filter(hadPlain)) if (!owners.has(log.job)) owners.set(log.job, log.path);
  for (const { log } of logs) if (!owners.has(log.job)) owners.set(log.job, log.path);
  const others = logs.filter(({ log }) => owners.get(log.job) !== log.path);
  return new Set(others.map(({ log }) => log.path));
}

/** The id of a log's job: `log:<workspace>/<name>`, with a suffix where another log has that one. */
export function idOf({ path, job }: Pick<FoundLog, 'path' | 'job'>, suffixed: boolean): string {
  const suffix = suffixed ? `#${createHash('sha256').update(path).digest('hex').slice(0, 6)}` : '';
  return `log:${job}${suffix}`;
}

/** The name of the job that writes the log at a path. */
export function nameOf(path: string): string {
  return jobNameOf(basename(path));
}

/** Jobs of entries that did not change: whoever compares sees at once that the job did not either. */
const jobsOfEntries = new WeakMap<LogEntry, { readonly key: string; readonly job: CronJob }>();

function jobOf(log: Pick<FoundLog, 'path' | 'job'>, entry: LogEntry, interval: number | undefined): CronJob {
  const key = `${interval} ${log.path}`;
  const known = jobsOfEntries.get(entry);
  if (known?.key === key) return known.job;
  const job = newJobOf(log, entry, interval);
  jobsOfEntries.set(entry, { key, job });
  return job;
}

function newJobOf(
  log: Pick<FoundLog, 'path' | 'job'>,
  entry: LogEntry,
  interval: number | undefined,
): CronJob {
  const { facts } = entry;
  const schedule: CronSchedule =
    interval === undefined ? { kind: 'unknown' } : { kind: 'every', everyMs: interval, anchorMs: undefined };
  return {
    id: idOf(log, entry.suffixed === true),
    origin: 'log',
    name: nameOf(log.path),
    enabled: true,
    schedule,
    createdAtMs: undefined,
    nextRunAtMs: undefined,
    runningAtMs: facts.startedAtMs,
    lastRunAtMs: facts.lastRunAtMs,
    lastRunStatus: facts.lastStatus,
    lastDurationMs: facts.lastDurationMs,
    consecutiveErrors: facts.consecutiveErrors,
    // A file of which only the size is known has no fingerprint.
    ...(entry.mark.head === ''
      ? {}
      : { hasUnmatchedLog: facts.lastRunAtMs === undefined && facts.startedAtMs === undefined }),
  };
}
