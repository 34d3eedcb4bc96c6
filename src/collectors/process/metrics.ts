import type { Holder } from '../../core/facts.ts';
import { authority } from '../../lib/authority.ts';
import { type HolderKind, PORT_HOLDERS, PROCESS_STATES } from '../../lib/vocabulary.ts';
import { counter, gauge, type Sample, stateset } from '../../metrics/family.ts';
import { isConfigured, type LiveGateway, type Location } from '../../openclaw/locate.ts';
import type { ServiceState } from '../../openclaw/service/manager.ts';
import type { ProcessFigures, ProcessRow } from '../../os/processes.ts';
import { CHILDREN_FAMILIES, type Children, childrenSamples } from './children.ts';
import type { Finding } from './find.ts';

const NO_PROCESS = 'no gateway process is alive, or its state cannot be read';

const processes = gauge(
  'openclaw_gateway_processes',
  'Number of live gateway processes for this port or state folder. Above 1, a duplicate gateway is running.',
  {
    meaning: {
      absent: 'the process table cannot be read, or the gateway is on another machine',
      zero: 'no gateway runs',
      one: 'exactly one gateway runs, as expected',
    },
  },
);
const up = gauge(
  'openclaw_gateway_process_up',
  'Whether a gateway process is alive; a stopped or hung process counts as alive. Whether it answers is openclaw_gateway_up.',
  {
    meaning: {
      absent: 'the process table cannot be read, or the gateway is on another machine',
      zero: 'no gateway process, or only a zombie of one',
      one: 'it is alive',
    },
  },
);
const startTime = gauge(
  'openclaw_gateway_process_start_time_seconds',
  'Start time of the gateway process, as Unix time; an in-process restart does not change it.',
  { meaning: { absent: NO_PROCESS } },
);
const resident = gauge(
  'openclaw_gateway_process_resident_memory_bytes',
  'Resident memory of the gateway process, without its children.',
  { meaning: { absent: NO_PROCESS } },
);
const memoryLimit = gauge(
  'openclaw_gateway_process_memory_limit_bytes',
  'Effective memory limit of the gateway: the minimum of its cgroup limits and total RAM.',
  { meaning: { absent: NO_PROCESS } },
);
const openFds = gauge('openclaw_gateway_process_open_fds', 'Open file descriptors of the gateway process.', {
  meaning: { absent: 'no gateway process is alive, or the exporter is not its user, or on macOS' },
});
const maxFds = gauge(
  'openclaw_gateway_process_max_fds',
  'File descriptor limit of the gateway process; at the limit it accepts no new connections.',
  { meaning: { absent: 'no gateway process is alive, there is no limit, or on macOS' } },
);
const threads = gauge('openclaw_gateway_process_threads', 'Threads of the gateway process.', {
  meaning: { absent: 'no gateway process is alive, or on macOS' },
});
const cpu = counter(
  'openclaw_gateway_process_cpu_seconds_total',
  'User and system CPU time of the gateway process, without its children; resets when the process restarts.',
  { meaning: { absent: NO_PROCESS } },
);
const restarts = counter(
  'openclaw_gateway_process_restarts_total',
  'Gateway restarts, in-process restarts included; several between two collections count as one.',
  { meaning: { absent: 'the exporter cannot save its state under the storage path' } },
);
const state = gauge(
  'openclaw_gateway_process_state',
  'Scheduler state of the gateway process; exactly one series is 1.',
  {
    labels: ['state'],
    meaning: { absent: 'there is no gateway process', zero: 'not in this state', one: 'in this state' },
  },
);
const info = gauge(
  'openclaw_gateway_process_info',
  'How the gateway process was found: lock_file, service (its main process), listener (of its port), last_seen or pattern (of its command line); always 1.',
  { labels: ['found_by'], meaning: { absent: 'there is no gateway process', one: 'always' } },
);
const listenerUp = gauge(
  'openclaw_gateway_listener_up',
  'Whether the gateway process holds the listening socket of the gateway port; 0 while the process is up means that the listener is gone.',
  {
    meaning: {
      absent: 'the owner of the listening socket cannot be determined, or the gateway is on another machine',
      zero: 'nothing listens, or a process that is not the gateway does',
      one: 'the gateway process listens',
    },
  },
);
const listenInfo = gauge(
  'openclaw_gateway_listen_info',
  'Addresses at which the gateway process listens, each at 1; configured says whether its configuration names that address.',
  {
    labels: ['address', 'configured'],
    meaning: {
      absent: 'no gateway process listens, or its sockets cannot be inspected',
      one: 'with configured="false", the configuration names another address or port: clients that follow it fail',
    },
  },
);
const forwarder = gauge(
  'openclaw_gateway_forwarder',
  'Whether the gateway port of this machine is held by a program that is not the gateway and passes requests on (ssh, a proxy, a container engine).',
  {
    meaning: {
      absent: 'it is unknown what holds the port, or the gateway is on another machine',
      zero: 'the gateway itself holds the port, or another program that passes nothing on, or none',
      one: 'requests are passed on: the gateway process is elsewhere, and no command on this machine starts it',
    },
  },
);
const portHolder = gauge(
  'openclaw_gateway_port_holder',
  'What holds the gateway port of this machine: the gateway, none, a forwarder (an SSH tunnel, a proxy) that passes requests on, forwarder_gone where one held it and is gone, or another program. Exactly one is 1.',
  {
    labels: ['holder'],
    meaning: {
      absent: 'it is unknown what holds the port, or the gateway is on another machine',
      zero: 'something else holds it',
      one: 'that holds it; forwarder and forwarder_gone: the gateway is elsewhere, and no command on this machine starts it',
    },
  },
);
const serviceMeaning =
  'there is no service manager, it cannot be reached, or it has no service for the gateway';
const serviceActive = gauge(
  'openclaw_gateway_service_active',
  'Whether the service manager reports the gateway service as running.',
  {
    labels: ['manager'],
    meaning: {
      absent: serviceMeaning,
      zero: 'stopped, failed or waiting for the next start attempt',
      one: 'running',
    },
  },
);
const serviceEnabled = gauge(
  'openclaw_gateway_service_enabled',
  'Whether the gateway service is enabled, so that it starts with the machine or the user session.',
  {
    labels: ['manager'],
    meaning: {
      absent: serviceMeaning,
      zero: 'it does not start after a reboot',
      one: 'it starts after a reboot',
    },
  },
);
const serviceRestarts = gauge(
  'openclaw_gateway_service_restarts',
  'Automatic restarts by the service manager since it loaded the service; reset to 0 by a manual restart.',
  { labels: ['manager'], meaning: { absent: serviceMeaning } },
);

/** The snapshot metrics of the process collector. */
export const PROCESS_FAMILIES = [
  processes,
  up,
  startTime,
  resident,
  memoryLimit,
  openFds,
  maxFds,
  threads,
  cpu,
  restarts,
  state,
  info,
  ...CHILDREN_FAMILIES,
  listenerUp,
  listenInfo,
  forwarder,
  portHolder,
  serviceActive,
  serviceEnabled,
  serviceRestarts,
];

/** What is known beside the process itself. */
export interface Known {
  readonly figures: ProcessFigures | undefined;
  /** Of restarts, where it is known to be on disk. */
  readonly total: number | undefined;
  readonly holder: Holder;
  readonly live: LiveGateway | undefined;
  readonly location: Location;
  /** Undefined where no gateway lives. */
  readonly children: Children | undefined;
}

/** Samples of one run in which it was seen whether the gateway lives. */
export function processSamples(
  { gateway, duplicates }: Finding,
  { figures, total, holder, live, location, children }: Known,
): Sample[] {
  const alive = gateway !== undefined && gateway.row.state !== 'zombie';
  const listens = isListening(holder, live);
  const samples = [
    processes.sample((alive ? 1 : 0) + duplicates.length, {}),
    up.sample(alive ? 1 : 0, {}),
    ...(total === undefined ? [] : [restarts.sample(total, {})]),
    ...(listens === undefined ? [] : [listenerUp.sample(listens ? 1 : 0, {})]),
    ...holderSamples(holder),
    ...listenSamples(live, location),
    ...childrenSamples(children),
  ];
  if (gateway === undefined) return samples;
  samples.push(
    ...stateset(PROCESS_STATES, gateway.row.state, (value, on) => state.sample(on, { state: value })),
    info.sample(1, { found_by: gateway.by }),
  );
  if (alive && figures !== undefined) samples.push(...figureSamples(gateway.row, figures));
  return samples;
}

/** Whether the gateway listens, at whatever address; undefined where that is not told. */
function isListening(holder: Holder, live: LiveGateway | undefined): boolean | undefined {
  if (holder.kind === 'gateway' || (live !== undefined && live.listens.length > 0)) return true;
  return holder.kind === 'unknown' || holder.kind === 'forwarder' ? undefined : false;
}

/** Where the gateway listens, and whether its configuration says so. */
function listenSamples(live: LiveGateway | undefined, { configured }: Location): Sample[] {
  const listens = live?.listens ?? [];
  const isAsConfigured = configured === undefined || isConfigured(listens, configured);
  const addresses = [...new Set(listens.map((one) => authority(one)))];
  return addresses.map((address) => listenInfo.sample(1, { address, configured: String(isAsConfigured) }));
}

/** What holds the port, and whether it passes requests on. */
export function holderSamples(holder: Holder): Sample[] {
  const name = nameHolder(holder);
  if (name === undefined) return [];
  return [
    forwarder.sample(name === 'forwarder' ? 1 : 0, {}),
    ...stateset(PORT_HOLDERS, name, (value, on) => portHolder.sample(on, { holder: value })),
  ];
}

function nameHolder(holder: Holder): HolderKind | undefined {
  if (holder.kind === 'unknown') return undefined;
  if (holder.kind === 'nobody') return holder.isForwarderGone ? 'forwarder_gone' : 'none';
  return holder.kind;
}

/** Samples of a look that cannot tell whether the gateway lives. */
export function unclearSamples(total: number | undefined): Sample[] {
  return total === undefined ? [] : [restarts.sample(total, {})];
}

/** Samples of the gateway's service. */
export function serviceSamples({ manager, active, enabled, restarts: count }: ServiceState): Sample[] {
  return [
    serviceActive.sample(active ? 1 : 0, { manager }),
    ...(enabled === undefined ? [] : [serviceEnabled.sample(enabled ? 1 : 0, { manager })]),
    ...(count === undefined ? [] : [serviceRestarts.sample(count, { manager })]),
  ];
}

function figureSamples(row: ProcessRow, figures: ProcessFigures): Sample[] {
  const pairs = [
    [startTime, row.startedAtMs / 1000],
    [resident, figures.residentBytes],
    [memoryLimit, figures.memoryLimitBytes],
    [openFds, figures.openFds],
    [maxFds, figures.maxFds],
    [threads, figures.threads],
    [cpu, figures.cpuSeconds],
  ] as const;
  return pairs.flatMap(([family, value]) => (value === undefined ? [] : [family.sample(value, {})]));
}
