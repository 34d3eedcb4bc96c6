import { type CollectorName, collectorSettingsOf } from '../config/schema.ts';
import { apiCollector } from './api.ts';
import { clockCollector } from './clock.ts';
import type { Collector } from './collector.ts';
import type { CollectorContext, CollectorFactory } from './context.ts';
import { cronCollector } from './cron.ts';
import { maintenanceCollector } from './maintenance.ts';
import { pingCollector } from './ping.ts';
import { processCollector } from './process.ts';
import { remoteCollector } from './remote.ts';
import { sshCollector } from './ssh.ts';
import { tailscaleCollector } from './tailscale.ts';
import { tokenCollector } from './token.ts';

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
