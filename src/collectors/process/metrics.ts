import { counter, gauge, type Sample, stateset } from '../../metrics/family.ts';
import type { ServiceState } from '../../openclaw/service/manager.ts';
import { PROCESS_STATES, type ProcessFigures, type ProcessRow } from '../../os/processes.ts';
import type { Finding } from './find.ts';

const NO_PROCESS = 'no gateway process is alive, or it cannot be looked at';

const processes = gauge(
  'openclaw_gateway_processes',
  'Gateway processes alive for this port or state folder; above 1, a second one is in the way or about to fail.',
  {
    meaning: {
      absent: 'processes cannot be looked at, or the gateway is on another machine',
      zero: 'no gateway runs',
      one: 'as it should be',
    },
  },
);
const up = gauge(
  'openclaw_gateway_process_up',
  'Whether a gateway process is alive; a stopped or hanging one is. Whether it answers is openclaw_gateway_up.',
  {
    meaning: {
      absent: 'processes cannot be looked at, or the gateway is on another machine',
      zero: 'no gateway process, or only a zombie of one',
      one: 'it is alive',
    },
  },
);
const startTime = gauge(
  'openclaw_gateway_process_start_time_seconds',
  'When the gateway process was started, as Unix time; a restart inside the process does not change it.',
  { meaning: { absent: NO_PROCESS } },
);
const resident = gauge(
  'openclaw_gateway_process_resident_memory_bytes',
  'Memory the gateway process holds, without its children.',
  { meaning: { absent: NO_PROCESS } },
);
const memoryLimit = gauge(
  'openclaw_gateway_process_memory_limit_bytes',
  'Memory at which the gateway would be killed: the least of its control groups and the machine.',
  { meaning: { absent: NO_PROCESS } },
);
const openFds = gauge(
  'openclaw_gateway_process_open_fds',
  'Files and sockets the gateway process has open.',
  { meaning: { absent: 'no gateway process is alive, or the exporter is not its user, or on macOS' } },
);
const maxFds = gauge(
  'openclaw_gateway_process_max_fds',
  'Files and sockets the gateway process may have open; at that number it accepts no more connections.',
  { meaning: { absent: 'no gateway process is alive, there is no limit, or on macOS' } },
);
const threads = gauge('openclaw_gateway_process_threads', 'Threads of the gateway process.', {
  meaning: { absent: 'no gateway process is alive, or on macOS' },
});
const cpu = counter(
  'openclaw_gateway_process_cpu_seconds_total',
  'Processor time the gateway process has used, user and system, without its children; starts anew with the process.',
  { meaning: { absent: NO_PROCESS } },
);
const restarts = counter(
  'openclaw_gateway_process_restarts_total',
  'Restarts of the gateway, those inside its process included; several between two looks count once.',
  { meaning: { absent: 'the exporter cannot keep its state under the storage path' } },
);
const state = gauge(
  'openclaw_gateway_process_state',
  'The state the operating system gives the gateway process; of all states exactly one is 1.',
  {
    labels: ['state'],
    meaning: { absent: 'there is no gateway process', zero: 'not in this state', one: 'in this state' },
  },
);
const info = gauge(
  'openclaw_gateway_process_info',
  'How the gateway process was found: listener (of its port), last_seen, service, lock_file or pattern.',
  { labels: ['found_by'], meaning: { absent: 'there is no gateway process', one: 'always' } },
);
const listenerUp = gauge(
  'openclaw_gateway_listener_up',
  'Whether the gateway process listens on the gateway port; 0 while the process is up means that its listener is gone.',
  {
    meaning: {
      absent: 'it cannot be told who listens on the port, or the gateway is on another machine',
      zero: 'nobody listens, or something that is not the gateway',
      one: 'the gateway process listens',
    },
  },
);
const serviceMeaning =
  'there is no service manager, it cannot be reached, or it has no service for the gateway';
const serviceActive = gauge(
  'openclaw_gateway_service_active',
  'Whether the service manager considers the gateway service running.',
  {
    labels: ['manager'],
    meaning: { absent: serviceMeaning, zero: 'stopped, failed or between two tries', one: 'running' },
  },
);
const serviceEnabled = gauge(
  'openclaw_gateway_service_enabled',
  'Whether the service manager starts the gateway by itself with the machine or the session.',
  {
    labels: ['manager'],
    meaning: { absent: serviceMeaning, zero: 'it will not come back after a reboot', one: 'it will' },
  },
);
const serviceRestarts = gauge(
  'openclaw_gateway_service_restarts',
  'Starts the service manager made on its own since it loaded the service; falls to 0 when somebody restarts it.',
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
  listenerUp,
  serviceActive,
  serviceEnabled,
  serviceRestarts,
];

/** Samples of one look; `total` is the restarts' total where it is known to be on disk. */
export function processSamples(
  { gateway, holder, duplicates }: Finding,
  figures: ProcessFigures | undefined,
  total: number | undefined,
): Sample[] {
  const alive = gateway !== undefined && gateway.row.state !== 'zombie';
  const samples = [
    processes.sample((alive ? 1 : 0) + duplicates.length, {}),
    up.sample(alive ? 1 : 0, {}),
    ...(total === undefined ? [] : [restarts.sample(total, {})]),
    ...(holder.kind === 'unknown' ? [] : [listenerUp.sample(holder.kind === 'gateway' ? 1 : 0, {})]),
  ];
  if (gateway === undefined) return samples;
  samples.push(
    ...stateset(PROCESS_STATES, gateway.row.state, (value, on) => state.sample(on, { state: value })),
    info.sample(1, { found_by: gateway.by }),
  );
  if (alive && figures !== undefined) samples.push(...figureSamples(gateway.row, figures));
  return samples;
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
