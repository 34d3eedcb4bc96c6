import { onTestFinished } from 'vitest';
import type { ReadSource, SourceRun } from '../../src/collectors/cron/source/cron-source.ts';
import {
  type CronLogSource,
  type CronLogSourceOptions,
  createCronLogSource,
} from '../../src/collectors/cron/source/logs/reader.ts';
import { systemClock } from '../../src/lib/clock.ts';

/** A log source beside a state folder that is closed when the running test ends. */
export function logSource(stateDir: string, options: Partial<CronLogSourceOptions> = {}): CronLogSource {
  const source = createCronLogSource({
    logs: undefined,
    stateDir: () => stateDir,
    home: stateDir,
    clock: systemClock,
    settleMs: 0,
    ...options,
  });
  onTestFinished(() => source.close());
  return source;
}

/** Reads and commits, as the collector does: the cursor goes through JSON, as if from disk. */
export class LogReader {
  readonly runs: SourceRun[] = [];
  readonly problems: string[] = [];
  cursor: unknown;
  source: CronLogSource;

  constructor(source: CronLogSource) {
    this.source = source;
  }

  /** One look whose runs are consumed. */
  async commit(): Promise<ReadSource> {
    const reading = await this.look();
    this.cursor = JSON.parse(JSON.stringify(reading.cursor));
    this.runs.push(...reading.runs);
    this.problems.push(...reading.problems);
    return reading;
  }

  /** One look whose runs are not consumed. */
  async look(): Promise<ReadSource> {
    const reading = await this.source.read(this.cursor, AbortSignal.timeout(30_000));
    if (reading.state !== 'read') throw new Error(`not read: ${JSON.stringify(reading)}`);
    return reading;
  }

  statuses(): string[] {
    return this.runs.map(({ status }) => status);
  }
}
