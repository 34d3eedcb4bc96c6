import type { CollectorSettings, FileConfig } from '../config/schema.ts';
import type { Metrics } from '../registry/metrics.ts';
import type { StateFile } from '../registry/state-file.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { RunCommand } from '../sources/command.ts';
import type { OpenClawInstall } from '../sources/openclaw-install.ts';
import type { Collector } from './collector.ts';

/** The gateway's process as the process collector last saw it alive. */
export interface KnownProcess {
  /** Boot id, pid and start ticks: never a wall time, never used twice. */
  readonly identity: string;
  readonly startedAtMs: number;
}

/**
 * What one collector may know of another's subject. It only refines a verdict (a young process is "starting", a new
 * process makes an old token verdict stale); no collector waits for it or fails without it.
 */
export interface Board {
  process: KnownProcess | undefined;
}

/** Everything a collector needs from outside: time, files' whereabouts, child processes, metrics. */
export interface CollectorContext {
  readonly config: FileConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly state: StateFile;
  /** The folder of the exporter's own state; absolute. */
  readonly storagePath: string;
  readonly run: RunCommand;
  readonly board: Board;
  /** What the OpenClaw CLI would use now; cheap, to be asked in each round. */
  readonly install: () => OpenClawInstall;
}

/** Makes one collector; the list of these is all that has to change when a question is added. */
export type CollectorFactory = (context: CollectorContext, settings: CollectorSettings) => Collector;
