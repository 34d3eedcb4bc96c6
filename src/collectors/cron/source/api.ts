import { z } from 'zod';
import type { ApiOutcome, Ask } from '../../../gateway/api.ts';
import {
  type CronSource,
  MAX_JOBS_READ,
  type ReadSource,
  type SourceReading,
  type SourceRun,
} from './cron-source.ts';
import { toFinishedRun } from './finished-entry.ts';
import type { CronJob } from './records.ts';
import { toCronJob } from './stored-job.ts';

/** The most that a gateway gives at once. Source: `limit` of `cron.list` and `cron.runs`, both versions. */
const PAGE = 200;
/** Jobs whose runs are asked for in one look; the others have their turn in the next. */
const MAX_JOBS_ASKED = 50;

const jobsPage = z.object({ jobs: z.array(z.unknown()), hasMore: z.boolean().optional().catch(undefined) });
const withId = z.object({ id: z.string().min(1), state: z.unknown().optional() });
const runsPage = z.object({ entries: z.array(z.unknown()) });
const time = z.number().nonnegative();
/** The start of the last run that was asked for, by job. */
const cursorSchema = z.array(z.tuple([z.string(), time]));

/** Whom the gateway's own word is asked of, and how often. */
export interface ApiSourceOptions {
  /** One connection; refusals, absence of a device and time-outs are its outcomes. */
  readonly connect: <T>(
    use: (ask: Ask) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<ApiOutcome<T> | { readonly state: 'waiting'; readonly reason: string }>;
  readonly monotonic: () => number;
  /** Milliseconds between two connections. */
  readonly everyMs: number;
}

/**
 * Cron jobs and runs as the gateway itself tells them (`cron.list`, `cron.runs`). One connection a look and
 * `everyMs` between two; what lies between gives the jobs of before and no run.
 */
export function createApiSource({ connect, monotonic, everyMs }: ApiSourceOptions): CronSource {
  let last: Answer | undefined;
  return {
    async read(cursor, sinceMs, signal) {
      const nowMs = monotonic();
      const before =
        last !== undefined && nowMs - last.atMs < everyMs ? answeredBefore(last, cursor, nowMs) : undefined;
      if (before !== undefined) return before;
      const outcome = await connect((ask) => look(ask, cursor, sinceMs), signal);
      // What waits for another collector costs nothing to try again.
      if (outcome.state === 'waiting') return { state: 'unreadable', reason: outcome.reason };
      const reading: SourceReading =
        outcome.state === 'answered' ? outcome.value : { state: 'unreadable', reason: outcome.reason };
      last = { atMs: nowMs, from: cursor, reading };
      return reading;
    },
  };
}

interface Answer {
  readonly atMs: number;
  /** The cursor it was asked with. */
  readonly from: unknown;
  readonly reading: SourceReading;
}

/** What one answer tells whoever asks again from `cursor`; undefined where it began elsewhere. */
function answeredBefore(
  { atMs, from, reading }: Answer,
  cursor: unknown,
  nowMs: number,
): SourceReading | undefined {
  if (reading.state !== 'read') return reading;
  const ageMs = nowMs - atMs;
  if (reading.cursor === cursor) return { ...reading, runs: [], ageMs };
  // Runs whose cursor did not come back were not consumed: they are told again.
  return JSON.stringify(from) === JSON.stringify(cursor) ? { ...reading, ageMs } : undefined;
}

async function look(ask: Ask, cursor: unknown, sinceMs: number): Promise<ReadSource> {
  const { jobs, strange } = await listJobs(ask);
  const asked = new Map(cursorSchema.safeParse(cursor).data ?? []);
  const changed = jobs.filter(
    ({ id, lastRunAtMs }) => lastRunAtMs !== undefined && asked.get(id) !== lastRunAtMs,
  );
  // Who waited longest comes first: with more busy jobs than this the last ones would never have their turn.
  changed.sort((a, b) => (asked.get(a.id) ?? 0) - (asked.get(b.id) ?? 0));
  const now = changed.slice(0, MAX_JOBS_ASKED);
  const runs: SourceRun[] = [];
  for (const { id } of now) runs.push(...(await listRuns(ask, id, asked.get(id), sinceMs)));
  const turn = new Set(now.map(({ id }) => id));
  const positions = jobs.flatMap(({ id, lastRunAtMs }): [string, number][] => {
    const position = turn.has(id) ? lastRunAtMs : asked.get(id);
    return position === undefined ? [] : [[id, position]];
  });
  runs.sort((a, b) => a.runAtMs - b.runAtMs);
  const problems = strange > 0 ? [`${strange} jobs of the gateway's answer could not be understood`] : [];
  return { state: 'read', jobs, runs, lastSuccesses: new Map(), cursor: positions, problems };
}

async function listJobs(ask: Ask): Promise<{ jobs: CronJob[]; strange: number }> {
  const jobs: CronJob[] = [];
  let strange = 0;
  for (let offset = 0; offset < MAX_JOBS_READ; offset += PAGE) {
    const page = jobsPage.parse(
      await ask('cron.list', { includeDisabled: true, enabled: 'all', limit: PAGE, offset }),
    );
    for (const job of page.jobs) {
      const known = withId.safeParse(job).data;
      if (known === undefined) strange += 1;
      else jobs.push(toCronJob({ id: known.id, job, state: known.state }));
    }
    if (page.hasMore !== true) break;
  }
  return { jobs, strange };
}

/**
 * Newest first, back to the run that was told before; one page, as the files and the database hold the rest.
 */
async function listRuns(
  ask: Ask,
  id: string,
  afterMs: number | undefined,
  sinceMs: number,
): Promise<SourceRun[]> {
  const page = runsPage.parse(await ask('cron.runs', { scope: 'job', id, limit: PAGE, sortDir: 'desc' }));
  return page.entries.flatMap((raw) => {
    const run = toFinishedRun(raw, false);
    if (run?.jobId !== id) return [];
    const known = afterMs === undefined ? run.finishedAtMs <= sinceMs : run.runAtMs <= afterMs;
    return known ? [] : [{ ...run, placeless: true }];
  });
}
