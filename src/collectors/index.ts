import { type CollectorDefaults, resolveSettings } from '../config/schema.ts';
import type { Collector } from '../core/collector.ts';
import { type CollectorContext, type CollectorDescriptor, createCollector } from '../core/context.ts';
import type { FactBoard, FactName } from '../core/facts.ts';
import { apiCollector } from './api/collector.ts';
import { bootsCollector } from './boots/collector.ts';
import { channelsCollector } from './channels/collector.ts';
import { clockCollector } from './clock/collector.ts';
import { credentialsCollector } from './credentials/collector.ts';
import { cronCollector } from './cron/collector.ts';
import { deliveriesCollector } from './deliveries/collector.ts';
import { devicesCollector } from './devices/collector.ts';
import { diskCollector } from './disk/collector.ts';
import { maintenanceCollector } from './maintenance/collector.ts';
import { oomCollector } from './oom/collector.ts';
import { pingCollector } from './ping/collector.ts';
import { processCollector } from './process/collector.ts';
import { remoteCollector } from './remote/collector.ts';
import { sshCollector } from './ssh/collector.ts';
import { tailscaleCollector } from './tailscale/collector.ts';
import { tokenCollector } from './token/collector.ts';
import { versionsCollector } from './versions/collector.ts';

/** All collectors, in the order in which they are shown. */
const ALL = {
  process: processCollector,
  disk: diskCollector,
  boots: bootsCollector,
  versions: versionsCollector,
  oom: oomCollector,
  ping: pingCollector,
  token: tokenCollector,
  api: apiCollector,
  channels: channelsCollector,
  devices: devicesCollector,
  deliveries: deliveriesCollector,
  cron: cronCollector,
  ssh: sshCollector,
  clock: clockCollector,
  remote: remoteCollector,
  tailscale: tailscaleCollector,
  maintenance: maintenanceCollector,
  credentials: credentialsCollector,
};

/** A key of the configuration's `collectors`, and a label value of `openclaw_exporter_collector_up`. */
export type CollectorName = keyof typeof ALL;

type Listed = typeof ALL;
/**
 * Every collector under its own name, every fact with a writer: the compiler names what is wrong or missing.
 */
type Complete = { readonly [N in CollectorName]: CollectorDescriptor<N, Listed[N]['publishes'][number]> };
type Unpublished = Exclude<FactName, Listed[CollectorName]['publishes'][number]>;

/** All collectors by name, in the order in which they are shown. */
export const COLLECTORS: [Unpublished] extends [never] ? Complete : { readonly unpublished: Unpublished } =
  ALL;

/** The same as a list. */
export const COLLECTOR_LIST: readonly CollectorDescriptor[] = Object.values<CollectorDescriptor>(COLLECTORS);

/** Interval and timeout of every collector, as long as the configuration sets none. */
export const COLLECTOR_DEFAULTS: CollectorDefaults = Object.fromEntries(
  COLLECTOR_LIST.map(({ name, defaults }) => [name, defaults]),
);

/** The enabled collectors of a configuration; their facts go to `board`. */
export function createCollectors(context: CollectorContext, board: FactBoard): Collector[] {
  return COLLECTOR_LIST.flatMap((descriptor) => {
    const settings = resolveSettings(context.config, descriptor.name, descriptor.defaults);
    return settings.enabled ? [createCollector(descriptor, context, board, settings)] : [];
  });
}

/** The collectors whose facts refine the verdict of `name`, those that refine theirs included. */
export function findPredecessors(name: string): readonly string[] {
  const after = COLLECTOR_LIST.find((one) => one.name === name)?.after ?? [];
  return [...new Set(after.flatMap((before) => [...findPredecessors(before), before]))];
}
