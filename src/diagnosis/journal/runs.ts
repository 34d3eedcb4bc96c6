import type { JobTotals } from '../../core/facts.ts';
import type { Statement } from '../../state/database-worker.ts';
import { addRuns, type JobRow, putRow, putSeen, shorten, shortenSubject } from '../../state/journal.ts';

const HOUR_MS = 3_600_000;
/** Of further jobs nothing is kept. */
const MAX_JOBS = 20_000;
/** Noted once the totals of a journal have been compared for the first time. */
const COUNTED = 'runs counted';

/** Failed and missed runs, summed per job and hour, from totals that are on the disk. */
export class RunLog {
  readonly #jobs: Map<string, JobRow>;
  #lastId: number;
  /** Whether what is new since the last time is known. */
  #isCounted: boolean;
  #compared: readonly JobTotals[] = [];

  constructor(rows: readonly JobRow[], seen: ReadonlyMap<string, string>) {
    this.#jobs = new Map(rows.map((row) => [row.job, row]));
    this.#lastId = rows.at(-1)?.id ?? 0;
    this.#isCounted = seen.has(COUNTED);
  }

  /** What has to be written where the totals have changed; `error` gives the text of a job's last failure. */
  advance(
    totals: readonly JobTotals[],
    error: (name: string) => string | undefined,
    nowMs: number,
  ): Statement[] {
    if (totals === this.#compared) return [];
    // An entry that did not change is the same object.
    const before = new Set(this.#compared);
    const statements = totals.flatMap((job) => (before.has(job) ? [] : this.#compare(job, error, nowMs)));
    this.#compared = totals;
    if (this.#isCounted) return statements;
    this.#isCounted = true;
    return [...statements, putSeen(COUNTED, 'yes')];
  }

  /** Removes jobs that no longer exist and of which nothing is kept. */
  prune(): Statement[] {
    const present = new Set(this.#compared.map(({ id }) => id));
    const gone = [...this.#jobs.values()].filter(({ job }) => !present.has(job));
    if (gone.length === 0) return [];
    const sql =
      'DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND id NOT IN (SELECT job FROM runs)';
    return [[sql, JSON.stringify(gone.map(({ id }) => id))]];
  }

  #compare(job: JobTotals, error: (name: string) => string | undefined, nowMs: number): Statement[] {
    const row = this.#jobs.get(job.id);
    const totals = { failed: job.counts.runs.error, missed: job.counts.missed };
    if (row === undefined && (isNothing(totals) || this.#jobs.size >= MAX_JOBS)) return [];
    // What was counted before this journal began has no hour.
    const base = row ?? (this.#isCounted ? { failed: 0, missed: 0 } : totals);
    const failed = Math.max(0, totals.failed - base.failed);
    const missed = Math.max(0, totals.missed - base.missed);
    if (row !== undefined && isNothing({ failed, missed })) return [];
    const text = error(job.name);
    const known = { error: null, ...(row ?? this.#newRow(job)), ...totals };
    const next: JobRow = text === undefined ? known : { ...known, error: shorten(text) };
    this.#jobs.set(next.job, next);
    if (isNothing({ failed, missed })) return [putRow('jobs', next)];
    const failedAtMs = failed > 0 && job.last?.status === 'error' ? job.last.atMs : nowMs;
    const hour = Math.floor(Math.min(failedAtMs, nowMs) / HOUR_MS);
    return [putRow('jobs', next), addRuns(hour, next.id, failed, missed)];
  }

  #newRow({ id, name }: JobTotals): Omit<JobRow, 'failed' | 'missed' | 'error'> {
    this.#lastId += 1;
    return { id: this.#lastId, job: id, name: shortenSubject(name) };
  }
}

function isNothing({ failed, missed }: Pick<JobRow, 'failed' | 'missed'>): boolean {
  return failed === 0 && missed === 0;
}
