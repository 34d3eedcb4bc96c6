import { type CollectorName, collectorSettingsOf } from '../config/schema.ts';
import type { Collector } from '../core/collector.ts';
import type { CollectorContext, CollectorFactory } from '../core/context.ts';
import { apiCollector } from './api/collector.ts';
import { clockCollector } from './clock/collector.ts';
import { cronCollector } from './cron/collector.ts';
import { maintenanceCollector } from './maintenance/collector.ts';
import { pingCollector } from './ping/collector.ts';
import { processCollector } from './process/collector.ts';
import { remoteCollector } from './remote/collector.ts';
import { sshCollector } from './ssh/collector.ts';
import { tailscaleCollector } from './tailscale/collector.ts';
import { tokenCollector } from './token/collector.ts';

/** All questions this exporter asks, in the order in which they are shown. */
const FACTORIES: Partial<Record<CollectorName, CollectorFactory>> = {
  process: processCollector,
  ping: pingCollector,
  token: tokenCollector,
  api: apiCollector,
  cron: cronCollector,
  ssh: sshCollector,
  clock: clockCollector,
  remote: remoteCollector,
  tailscale: tailscaleCollector,
  maintenance: maintenanceCollector,
};

/** The enabled collectors for a configuration. */
export function createCollectors(context: CollectorContext): Collector[] {
  const names = Object.keys(FACTORIES) as CollectorName[];
  return names.flatMap((name) => {
    const settings = collectorSettingsOf(context.config, name);
    const factory = FACTORIES[name];
    return settings.enabled && factory !== undefined ? [factory(context, settings)] : [];
  });
}
