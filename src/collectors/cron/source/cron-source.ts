import type { CronJob, FinishedRun } from './records.ts';

/** A finished run together with what its source knows of its place among the others. */
export interface SourceRun extends FinishedRun {
  /**
   * The source proves, by position and not by time, that this run was written after everything it told
   * before. Such a run is new even when the wall clock was set back; any other is judged by its times.
   */
  readonly appended: boolean;
  /**
   * Its source knows of no place at all; a store that tells the run later may well prove it to be new there.
   */
  readonly placeless?: true;
  /** The job's name as the run remembers it; for a job that is gone already. */
  readonly jobName: string | undefined;
}

/** What one look at a source of cron jobs gave. */
export type SourceReading =
  | {
      readonly state: 'read';
      readonly jobs: readonly CronJob[];
      /** Finished runs since the cursor; without one, those that finished after `sinceMs`. */
      readonly runs: readonly SourceRun[];
      /** When each job's newest known successful run started; only what history tells beyond `jobs`. */
      readonly lastSuccesses: ReadonlyMap<string, number>;
      /** Where the next look goes on; can be written as JSON. */
      readonly cursor: unknown;
      /** What could not be understood, in words without paths. */
      readonly problems: readonly string[];
      /** How long ago `jobs` was true, where the source tells again what it knew; milliseconds. */
      readonly ageMs?: number;
      /** How changes are noticed, where the source may do either. */
      readonly watching?: 'inotify' | 'polling';
    }
  /** A source may have something to remember even of nothing: since when somebody looks. */
  | { readonly state: 'absent'; readonly cursor?: unknown }
  | { readonly state: 'unreadable'; readonly reason: string };

/** What a look gave that found something to read. */
export type ReadSource = Extract<SourceReading, { state: 'read' }>;

/** One place where a gateway keeps its cron jobs and their runs. Never creates or changes anything there. */
export interface CronSource {
  /**
   * Looks from `cursor` on (undefined or foreign: from the start). Runs are consumed
   * only if their cursor comes back.
   */
  read(cursor: unknown, sinceMs: number, signal: AbortSignal): Promise<SourceReading>;
  close?(): Promise<void>;
}

/** Jobs beyond this many are not read: no gateway has them, and a broken store must not fill the memory. */
export const MAX_JOBS_READ = 20_000;
