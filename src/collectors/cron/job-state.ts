import type { LastRun } from './samples.ts';
import type { Standing } from './schedule/punctuality.ts';
import type { CronJob } from './source/records.ts';
import type { JobEntry } from './totals.ts';

/** All that is known of one job at one run of the collector. */
export interface JobState {
  readonly job: CronJob;
  readonly entry: JobEntry | undefined;
  readonly standing: Standing;
  readonly last: LastRun | undefined;
  /** Only a clock that was set back explains it. */
  readonly isLastRunInFuture: boolean;
}
