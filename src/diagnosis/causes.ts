import type { Cause, Evidence } from '../core/collector.ts';
import type { Fault } from '../lib/faults.ts';
import type { HolderKind } from '../lib/vocabulary.ts';

/**
 * What keeps the alert of a fault from firing: another fault, or one of these conditions, which are intended or have a
 * page of their own.
 */
export type Suppressor = Fault | 'not-answering' | 'cron-disabled' | 'shared-cause';

/** One row of the table of causes. */
export interface CauseRow {
  readonly fault: Fault;
  readonly cause: Cause;
  /** The fact in a sentence, for the documentation. */
  readonly fact: string;
  /** Present in Prometheus while the fact holds; undefined where no metric shows it. */
  readonly promql?: string;
  /** Labels of that query besides those of the target. */
  readonly labels?: readonly string[];
  /** By itself only a warning: it is a cause where it explains a fault. */
  readonly warnsOnly?: true;
  /** Evidence that states it without naming a fault. */
  readonly also?: (evidence: Evidence) => boolean;
  /** Faults that follow from it: while one of them is the likeliest, this is the cause. */
  readonly explains?: readonly Fault[];
  /** While one of these holds, its own alert does not fire: the `unless` chain of the alert is generated from it. */
  readonly unless?: readonly Suppressor[];
}

const isUnnamed = (layer: Evidence['layer'], cause?: Cause) => (evidence: Evidence) =>
  evidence.fault === undefined && evidence.layer === layer && evidence.cause === cause;

const state = (name: string) => `openclaw_gateway_state{state="${name}"} == 1`;
const holder = (name: HolderKind) =>
  `max without (holder) (openclaw_gateway_port_holder{holder="${name}"}) == 1`;

/**
 * From the fact that explains the others to the one that explains nothing else. An address that refuses or
 * hangs was reached, so its own process is to blame and not the network; a remote host that is away comes
 * next, because tokens and work on it fail with it. Page, `check` and the recorded series
 * `instance_cause:openclaw_incident:max` follow it.
 */
export const CAUSES: readonly CauseRow[] = [
  {
    fault: 'forwarder-gone',
    cause: 'network',
    fact: 'The forwarder to the gateway (an SSH tunnel, a proxy) is gone.',
    promql: `${holder('forwarder_gone')} and openclaw_gateway_up == 0`,
    explains: ['gateway-down', 'gateway-hung', 'listener-gone', 'port-foreign'],
  },
  {
    fault: 'behind-forwarder',
    cause: 'network',
    fact: 'The forwarder to the gateway stands, and nothing answers behind it.',
    promql: `${holder('forwarder')} and openclaw_gateway_up == 0`,
    explains: ['gateway-down', 'gateway-hung', 'listener-gone', 'port-foreign'],
  },
  {
    fault: 'unreachable',
    cause: 'network',
    fact: 'No packet comes back from the gateway’s address.',
    promql: state('unreachable'),
    also: isUnnamed('answers', 'network'),
  },
  {
    fault: 'disk',
    cause: 'process',
    fact: 'A filesystem that the gateway writes to is full, or nearly.',
    promql: 'openclaw_state_filesystem_avail_bytes / openclaw_state_filesystem_size_bytes < 0.02',
    labels: ['folder'],
    explains: [
      'crash-loop',
      'service-loop',
      'gateway-down',
      'service-down',
      'gateway-hung',
      'start-overdue',
      'partial-failure',
      'cron-stopped',
      'not-ready',
    ],
  },
  {
    fault: 'port-held',
    cause: 'process',
    fact: 'A process outside the service holds the gateway’s port.',
    promql: holder('other'),
    explains: ['service-loop', 'service-down', 'crash-loop', 'gateway-down', 'port-foreign', 'gateway-hung'],
  },
  {
    fault: 'oom',
    cause: 'process',
    fact: 'The kernel killed a process of the gateway for want of memory.',
    warnsOnly: true,
    explains: ['crash-loop', 'service-loop', 'gateway-down', 'service-down'],
  },
  {
    fault: 'token-placeholder',
    cause: 'authentication',
    fact: 'A placeholder stands where the token belongs, and the gateway does not start with it, or anyone can guess it.',
    promql: 'openclaw_gateway_token_placeholder == 1',
    labels: ['credential'],
    warnsOnly: true,
    explains: ['token-mismatch', 'crash-loop', 'service-loop', 'gateway-down', 'service-down'],
  },
  {
    fault: 'config-newer',
    cause: 'process',
    fact: 'The configuration was written by a newer version than the installed one.',
    promql: 'openclaw_gateway_config_newer == 1',
    warnsOnly: true,
    explains: ['crash-loop', 'service-loop', 'gateway-down', 'service-down'],
  },
  {
    fault: 'update-failed',
    cause: 'process',
    fact: 'The last update failed or was rolled back.',
    warnsOnly: true,
    explains: ['crash-loop', 'gateway-down', 'service-down', 'not-ready'],
  },
  {
    fault: 'crash-loop',
    cause: 'process',
    fact: 'The gateway restarts again and again.',
    promql: 'increase(openclaw_gateway_process_restarts_total[15m]) > 2.5',
  },
  {
    fault: 'service-loop',
    cause: 'process',
    fact: 'The service manager starts the gateway again and again.',
  },
  {
    fault: 'port-foreign',
    cause: 'process',
    fact: 'Something else answers on the gateway’s port.',
    promql: state('foreign'),
  },
  {
    fault: 'process-stopped',
    cause: 'process',
    fact: 'The process is stopped by a signal or a debugger.',
    promql: 'openclaw_gateway_process_state{state="stopped"} == 1',
    labels: ['state'],
    explains: ['gateway-hung', 'starting', 'start-overdue'],
  },
  {
    fault: 'gateway-hung',
    cause: 'process',
    fact: 'The gateway hangs.',
    promql: state('hung'),
    unless: ['crash-loop'],
  },
  {
    fault: 'listener-gone',
    cause: 'process',
    fact: 'The process is alive, and nothing listens on the port.',
    promql: `openclaw_gateway_process_up == 1 and on (instance) ${state('refused')}`,
    unless: ['crash-loop'],
  },
  {
    fault: 'start-overdue',
    cause: 'process',
    fact: 'The gateway is starting for longer than its window.',
    unless: ['crash-loop'],
  },
  {
    fault: 'gateway-down',
    cause: 'process',
    fact: 'No gateway process is alive.',
    promql: 'openclaw_gateway_up == 0',
    also: (evidence) => isUnnamed('process')(evidence) || isUnnamed('answers')(evidence),
    unless: ['crash-loop'],
  },
  { fault: 'service-down', cause: 'process', fact: 'The gateway’s service is not active.' },
  {
    fault: 'ssh-down',
    cause: 'network',
    fact: 'A host that is always on cannot be reached over SSH.',
    promql: 'openclaw_ssh_up == 0 unless on (instance, host) openclaw_ssh_host_always_on == 0',
    also: isUnnamed('network'),
    unless: ['gateway-down'],
  },
  {
    fault: 'security',
    cause: 'network',
    fact: 'A host’s key is another one than before.',
    promql: 'openclaw_ssh_result{result="host_key_changed"} == 1',
    labels: ['host', 'result'],
  },
  {
    fault: 'token-drift',
    cause: 'authentication',
    fact: 'Copies of the token differ, or one place shadows another.',
    promql: 'openclaw_gateway_token_variants > 1',
    warnsOnly: true,
    explains: ['partial-failure'],
    unless: ['token-mismatch', 'ssh-down'],
  },
  {
    fault: 'token-mismatch',
    cause: 'authentication',
    fact: 'The gateway refuses the configured token.',
    promql: 'openclaw_gateway_token_match == 0',
    also: isUnnamed('token'),
    unless: ['not-answering', 'ssh-down'],
  },
  {
    fault: 'version-skew',
    cause: 'process',
    fact: 'Another version is installed than the one that runs.',
    promql: 'openclaw_gateway_version_skew == 1',
    warnsOnly: true,
    explains: ['partial-failure', 'not-ready'],
  },
  {
    fault: 'partial-failure',
    cause: 'partial-failure',
    fact: 'The gateway answers, and a function of its API fails.',
    promql: 'openclaw_gateway_function_up == 0',
    also: ({ fault, cause }) => fault === undefined && cause === 'partial-failure',
    unless: ['not-answering', 'token-mismatch'],
  },
  {
    fault: 'cron-stopped',
    cause: 'cron',
    fact: 'All jobs are overdue, and none has started.',
    promql: 'openclaw_cron_job_overdue_seconds > 600',
    also: isUnnamed('cron'),
    unless: ['not-answering', 'cron-disabled'],
  },
  {
    fault: 'source-lost',
    cause: 'cron',
    fact: 'A source of cron runs cannot be read.',
    promql: 'openclaw_cron_source_up == 0',
    labels: ['source'],
  },
  { fault: 'config-unreadable', cause: 'process', fact: 'The gateway’s configuration cannot be read.' },
  {
    fault: 'address-drift',
    cause: 'process',
    fact: 'The gateway listens elsewhere than it is configured to.',
  },
  { fault: 'duplicate', cause: 'process', fact: 'A second gateway process runs.' },
  {
    fault: 'children',
    cause: 'process',
    fact: 'Processes pile up below the gateway.',
    warnsOnly: true,
  },
  {
    fault: 'fd-leak',
    cause: 'process',
    fact: 'The gateway has nearly as many files and sockets open as it may.',
    warnsOnly: true,
  },
  {
    fault: 'wal-pinned',
    cause: 'process',
    fact: 'A reader keeps the write-ahead log of a database from being merged.',
    warnsOnly: true,
  },
  {
    fault: 'quarantined',
    cause: 'process',
    fact: 'The gateway has put aside a damaged database or job.',
    warnsOnly: true,
  },
  { fault: 'starting', cause: 'process', fact: 'The gateway is starting.' },
  { fault: 'draining', cause: 'process', fact: 'The gateway finishes its work before it stops.' },
  { fault: 'service-disabled', cause: 'process', fact: 'The service does not start by itself.' },
  {
    fault: 'trusted-proxies',
    cause: 'authentication',
    fact: 'The gateway refuses requests through a proxy.',
  },
  {
    fault: 'token-unreadable',
    cause: 'authentication',
    fact: 'A file that should hold the token cannot be read.',
  },
  {
    fault: 'lock-out',
    cause: 'authentication',
    fact: 'Failed attempts have locked this address out.',
    unless: ['not-answering'],
  },
  {
    fault: 'protocol',
    cause: 'authentication',
    fact: 'The gateway speaks a protocol that the exporter does not know.',
    unless: ['not-answering'],
  },
  {
    fault: 'safe-mode',
    cause: 'process',
    fact: 'The gateway runs in safe mode: its channels are not started after a crash loop.',
    warnsOnly: true,
    explains: ['channel-down', 'not-ready'],
    unless: ['not-answering'],
  },
  {
    fault: 'channel-down',
    cause: 'partial-failure',
    fact: 'A channel account is not connected, and the gateway is well.',
    warnsOnly: true,
    explains: ['not-ready'],
    unless: ['not-answering'],
  },
  {
    fault: 'not-ready',
    cause: 'partial-failure',
    fact: 'The gateway answers and says that it is not ready.',
    unless: ['not-answering', 'draining', 'starting'],
  },
  {
    fault: 'model-access',
    cause: 'cron',
    fact: 'Most jobs fail because of the provider of their model.',
    warnsOnly: true,
    explains: ['cron-failing'],
  },
  {
    fault: 'credential-cooldown',
    cause: 'cron',
    fact: 'The gateway has suspended a credential for a model provider.',
    warnsOnly: true,
    explains: ['cron-failing'],
  },
  {
    fault: 'credential-expiry',
    cause: 'cron',
    fact: 'A credential for a model provider expires, and nothing refreshes it.',
    warnsOnly: true,
  },
  {
    fault: 'credential-refresh',
    cause: 'cron',
    fact: 'The gateway has given up refreshing a login for a model provider.',
    promql: 'openclaw_provider_credential_refresh_failed == 1',
    labels: ['provider'],
    warnsOnly: true,
    explains: ['cron-failing'],
  },
  {
    fault: 'delivery-queue',
    cause: 'partial-failure',
    fact: 'Messages wait in the delivery queue for more than an hour.',
    promql: 'openclaw_delivery_queue_oldest_seconds{status="pending"} > 3600',
    labels: ['status', 'channel'],
    warnsOnly: true,
    unless: ['not-answering'],
  },
  {
    fault: 'ingress',
    cause: 'partial-failure',
    fact: 'Messages that came in are not handled and hold up those behind them.',
    promql: 'openclaw_ingress_pressured_lanes > 0',
    labels: ['channel'],
    warnsOnly: true,
    unless: ['not-answering'],
  },
  {
    fault: 'overdue',
    cause: 'cron',
    fact: 'A job is overdue.',
    unless: ['not-answering', 'cron-disabled'],
  },
  {
    fault: 'cron-failing',
    cause: 'cron',
    fact: 'A job fails.',
    unless: ['shared-cause'],
  },
  { fault: 'ssh-auth', cause: 'network', fact: 'A host refuses the key.' },
  { fault: 'ssh-check', cause: 'network', fact: 'A host waits for a person to confirm the connection.' },
  { fault: 'ssh-throttled', cause: 'network', fact: 'A host limits connections from here.' },
  { fault: 'clock-skew', cause: 'network', fact: 'Clocks are apart.' },
  { fault: 'tailscale-down', cause: 'network', fact: 'Tailscale does not run.' },
];

/** Whether evidence states the fact of a row. */
export function statesFact({ fault, also }: CauseRow, evidence: Evidence): boolean {
  return evidence.fault === fault || also?.(evidence) === true;
}

/** The facts that explain a fault, in the order of the table. */
export function findExplanations(fault: Fault): readonly CauseRow[] {
  return CAUSES.filter(({ explains }) => explains?.includes(fault) === true);
}
