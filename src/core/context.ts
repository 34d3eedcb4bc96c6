import type { AuthGate } from '../auth/gate.ts';
import type { CollectorSettings, CollectorTimes, FileConfig } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { RunCommand } from '../lib/run-command.ts';
import type { Layer } from '../lib/vocabulary.ts';
import type { Metric } from '../metrics/family.ts';
import type { Instruments } from '../metrics/instruments.ts';
import type { KnownGateway, OpenClawInstall } from '../openclaw/install.ts';
import type { StateStore } from '../state/state-file.ts';
import type { Collector, CollectorRunner } from './collector.ts';
import type { FactBoard, FactName, Publish, ReadFact } from './facts.ts';

/** Everything a collector needs from outside: time, the locations of files, child processes, metrics. */
export interface CollectorContext {
  readonly config: FileConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Instruments;
  readonly state: StateStore;
  /** The folder of the exporter's own state; absolute. */
  readonly storagePath: string;
  readonly run: RunCommand;
  /** What other collectors published. */
  readonly facts: ReadFact;
  /** Every authenticated attempt goes through it. */
  readonly gate: AuthGate;
  /** Where the gateway is, with its credentials; cheap: call it on every run. */
  readonly install: () => OpenClawInstall;
}

/** What collectors of one gateway need; of a configured gateway elsewhere there is nothing more. */
export interface GatewayContext extends Pick<CollectorContext, 'clock' | 'metrics' | 'facts' | 'gate'> {
  readonly config: { readonly gateway: Pick<FileConfig['gateway'], 'startup_window'> };
  readonly install: () => KnownGateway;
}

/**
 * A collector as data, beside its code: the configuration's defaults, the order of `check`, the reference of
 * metrics and the order of layers follow from it. `N` is its name, `F` are the facts it publishes.
 */
export interface CollectorDescriptor<N extends string = string, F extends FactName = FactName> {
  /** As in the configuration's `collectors` and the label `collector`. */
  readonly name: N;
  /** The layer that its evidence is about. */
  readonly layer: Layer;
  readonly defaults: CollectorTimes;
  /** A configured timeout below this is raised to it; milliseconds. */
  readonly minTimeoutMs?: number;
  /** Names of collectors whose facts refine this one's verdict: `check` runs it after them. */
  readonly after: readonly string[];
  readonly publishes: readonly F[];
  /** Every metric it sets, the counters included. */
  readonly metrics: readonly Metric<string>[];
  create(context: CollectorContext, settings: CollectorSettings, publish: Publish<F>): CollectorRunner;
}

/** Checks a descriptor's types and keeps its name and facts as literals. */
export function defineCollector<const N extends string, const F extends FactName = never>(
  descriptor: CollectorDescriptor<N, F>,
): CollectorDescriptor<N, F> {
  return descriptor;
}

/** The collector of a descriptor. Its facts are withdrawn when it closes. */
export function createCollector(
  descriptor: CollectorDescriptor,
  context: CollectorContext,
  board: FactBoard,
  settings: CollectorSettings,
): Collector {
  const { name, metrics, minTimeoutMs = 0 } = descriptor;
  const { intervalMs } = settings;
  const timeoutMs = Math.max(settings.timeoutMs, minTimeoutMs);
  const publisher = board.publisher();
  const runner = descriptor.create(context, { ...settings, timeoutMs }, publisher.publish);
  return {
    name,
    intervalMs,
    timeoutMs,
    metrics,
    start: () => runner.start?.(),
    targets: () => runner.targets(),
    async close() {
      publisher.close();
      await runner.close?.();
    },
  };
}
