import type { Evidence, Verdict } from '../../core/collector.ts';
import type { Holder } from '../../core/facts.ts';
import { authority } from '../../lib/authority.ts';
import type { Fault } from '../../lib/faults.ts';
import { isConfigured, type LiveGateway, type Location } from '../../openclaw/locate.ts';
import { restartCommand, type ServiceState } from '../../openclaw/service/manager.ts';
import type { ProcessFigures } from '../../os/processes.ts';
import type { Finding } from './find.ts';
import type { RestartTotal } from './restarts.ts';

/** What else the words depend on. */
export interface Circumstances {
  readonly subject: string;
  /** The port that is asked. */
  readonly port: number;
  readonly location: Location;
  readonly servicePort: number | undefined;
  readonly live: LiveGateway | undefined;
  readonly holder: Holder;
  readonly nowMs: number;
  readonly startupWindowMs: number;
  /** Whether this start of the gateway was seen to listen: then it is not starting any more. */
  readonly hasListened: boolean;
  readonly service: ServiceState | undefined;
  readonly restarts: RestartTotal;
  /** When the last restarts were seen, oldest first; wall time, milliseconds. */
  readonly restartedAtMs: readonly number[];
  readonly figures: Pick<ProcessFigures, 'openFds' | 'maxFds'> | undefined;
}

/** Evidence without its layer and subject. */
interface Words {
  readonly verdict: Verdict;
  readonly text: string;
  readonly repair?: string;
  readonly fault?: Fault;
  readonly pid?: number | undefined;
}

/** What keeps the port from the gateway's service. */
export type Obstacle =
  | { readonly kind: 'held'; readonly name: string; readonly pid: number | undefined }
  /** The gateway itself, started by other means. */
  | { readonly kind: 'outside'; readonly pid: number };

/** Why the process verdicts are what they are, with the next repair step. */
export function processEvidence(finding: Finding, around: Circumstances): Evidence[] {
  const { subject, restarts } = around;
  const all: (Words | undefined)[] = [
    aboutProcess(finding, around),
    aboutListener(finding, around),
    aboutDrift(around),
    aboutDuplicates(finding),
    aboutRestarts(around),
    aboutFiles(around),
    restarts.state === 'unknown'
      ? { verdict: 'unknown', text: `restarts are not counted: ${restarts.reason}` }
      : undefined,
  ];
  return all.flatMap((one) => (one === undefined ? [] : [toEvidence(subject, one)]));
}

/** What is said where no process of the gateway can be expected on this machine; undefined where one can. */
export function elsewhereEvidence({
  holder,
  location,
  subject,
  port,
}: Pick<Circumstances, 'holder' | 'location' | 'subject' | 'port'>): Evidence | undefined {
  const unseen = "the gateway's own process cannot be seen from here";
  if (holder.kind === 'forwarder') {
    const text = `port ${port} is held by ${nameHolder(holder)}, which passes requests on to the gateway; ${unseen}`;
    return words(subject, 'unknown', text);
  }
  const isGone = holder.kind === 'nobody' && holder.isForwarderGone;
  if (!isGone && location.by !== 'remote') return undefined;
  return words(subject, 'unknown', `the gateway is reached through a tunnel or a proxy; ${unseen}`);
}

/** Why the service verdicts are what they are. `obstacle` is what keeps `port` from it. */
export function serviceEvidence(
  service: ServiceState,
  port: number,
  obstacle: Obstacle | undefined,
): Evidence[] {
  const subject = `${service.manager} ${service.name}`;
  const state: Words = service.active
    ? { verdict: 'ok', text: `the service is ${service.activity}` }
    : aboutInactive(service, port, obstacle);
  const disabled: Words = {
    verdict: 'warning',
    text: 'the service does not start by itself after a reboot',
    repair: enableCommand(service),
    fault: 'service-disabled',
  };
  return [state, ...(service.enabled === false ? [disabled] : [])].map((one) => toEvidence(subject, one));
}

/**
 * What keeps the port from the service, where that is not the service itself. `unit` is
 * that of the gateway's process.
 */
export function findObstacle(
  { gateway }: Finding,
  { holder, service }: Pick<Circumstances, 'holder' | 'service'>,
  unit: string | undefined,
): Obstacle | undefined {
  if (holder.kind === 'other') return { kind: 'held', name: holder.name, pid: holder.pid };
  const pid = gateway?.row.pid;
  if (holder.kind !== 'gateway' || pid === undefined || service === undefined) return undefined;
  return pid === service.mainPid || unit === service.name ? undefined : { kind: 'outside', pid };
}

/** One piece of evidence of the process layer. */
export function words(subject: string, verdict: Verdict, text: string): Evidence {
  return toEvidence(subject, { verdict, text });
}

function toEvidence(subject: string, { pid, ...rest }: Words): Evidence {
  return { layer: 'process', subject, ...rest, ...(pid === undefined ? {} : { pid }) };
}

function aboutInactive(service: ServiceState, port: number, obstacle: Obstacle | undefined): Words {
  const state = `the service is ${service.activity}`;
  if (obstacle?.kind === 'held') {
    const who = nameHolder(obstacle);
    return {
      verdict: 'bad',
      text: `${state} and cannot start: port ${port} is held by ${who}`,
      repair: findHolder(port),
      fault: 'port-held',
      pid: obstacle.pid,
    };
  }
  if (obstacle?.kind === 'outside') {
    return {
      verdict: 'warning',
      text: `${state} and cannot start: the gateway runs outside it, as process ${obstacle.pid}, and holds port ${port}`,
      repair: findHolder(port),
      fault: 'port-held',
      pid: obstacle.pid,
    };
  }
  const between = aboutTransition(service, state);
  if (between !== undefined) return between;
  const isLoop = /auto-restart/.test(service.activity);
  return {
    verdict: 'bad',
    text: `${state}${describeResult(service)}`,
    repair: restartCommand(service),
    fault: isLoop ? 'service-loop' : 'service-down',
  };
}

/** A stop waits for the gateway's work at most this long. */
const DRAIN_SECONDS = 330;

/** What is said of a service on its way to another state; undefined of one that stays as it is. */
function aboutTransition(service: ServiceState, state: string): Words | undefined {
  const { activity, unchangedSeconds = 0 } = service;
  if (/^activating \((?!auto-restart)/.test(activity)) {
    return { verdict: 'warning', text: state, fault: 'starting' };
  }
  if (!activity.startsWith('deactivating')) return undefined;
  if (unchangedSeconds <= DRAIN_SECONDS) return { verdict: 'warning', text: state, fault: 'draining' };
  return {
    verdict: 'bad',
    text: `the service has been stopping for ${Math.round(unchangedSeconds / 60)} minutes: its stop hangs`,
    repair: restartCommand(service),
    fault: 'service-down',
  };
}

/** What systemd calls the end of a run, where a person would do something else about it. */
const RESULT_WORDS: Readonly<Record<string, string>> = {
  'start-limit-hit': 'systemd starts it no more after too many starts in a row',
  timeout: 'its start or stop took too long',
  watchdog: 'it gave its watchdog no sign of life',
  'oom-kill': 'it was killed for want of memory',
  'core-dump': 'it crashed',
  signal: 'it was killed by a signal',
  'exit-code': 'it ended with an error',
  resources: 'systemd lacked the resources to start it',
};

function describeResult({ isMasked, result }: ServiceState): string {
  const words = isMasked === true ? 'it is masked, so that nothing can start it' : RESULT_WORDS[result ?? ''];
  return words === undefined ? '' : `: ${words}`;
}

function aboutProcess({ gateway }: Finding, around: Circumstances): Words {
  const down = { verdict: 'bad', repair: repairOf(around), fault: 'gateway-down' } as const;
  if (gateway === undefined) return { ...down, text: 'no gateway process runs' };
  const { row, by } = gateway;
  const { pid } = row;
  if (row.state === 'zombie')
    return { ...down, text: `process ${pid} has ended and waits for its parent (zombie)` };
  if (row.state === 'stopped') {
    const text = `process ${pid} is stopped by a signal or a debugger; it does not answer`;
    return { verdict: 'bad', text, repair: `kill -CONT ${pid}`, fault: 'process-stopped', pid };
  }
  return { verdict: 'ok', text: `process ${pid} is alive (found by ${by.replace('_', ' ')})` };
}

function aboutListener({ gateway }: Finding, around: Circumstances): Words | undefined {
  const { port, holder, live } = around;
  if (holder.kind === 'gateway') return { verdict: 'ok', text: `it listens on ${listensAt(live, port)}` };
  if (holder.kind === 'unknown')
    return { verdict: 'unknown', text: `what listens on port ${port} is unknown: ${holder.reason}` };
  if (holder.kind === 'forwarder')
    return {
      verdict: 'ok',
      text: `port ${port} is held by ${nameHolder(holder)}, which passes requests on to it`,
    };
  if (holder.kind === 'other') return aboutOther(holder, around);
  if (gateway === undefined || gateway.row.state === 'zombie') return undefined;
  // It listens elsewhere: that is a drift, and no lost listener.
  if ((live?.listens.length ?? 0) > 0) return undefined;
  const isStopped = gateway.row.state === 'stopped';
  return aboutLostListener(gateway.lock?.createdAtMs ?? gateway.row.startedAtMs, isStopped, around);
}

function aboutOther(holder: Extract<Holder, { kind: 'other' }>, around: Circumstances): Words {
  const { port } = around;
  const { pid, isGateway } = holder;
  const who = nameHolder(holder);
  const what = isGateway
    ? 'which is the gateway of another state folder or user'
    : 'which is not the gateway';
  return {
    verdict: 'bad',
    text: `port ${port} is held by ${who}, ${what}`,
    repair: findHolder(port),
    fault: 'port-held',
    pid,
  };
}

/** Without sudo lsof shows no other user's process. */
function findHolder(port: number): string {
  return `sudo lsof -nP -iTCP:${port} -sTCP:LISTEN`;
}

function aboutLostListener(startedAtMs: number, isStopped: boolean, around: Circumstances): Words {
  const { port, nowMs, startupWindowMs, hasListened } = around;
  if (!isStopped && !hasListened && nowMs - startedAtMs < startupWindowMs) {
    const text = `nothing listens on port ${port} yet; the process is young enough to be starting`;
    return { verdict: 'warning', text, fault: 'starting' };
  }
  const text = `the process lives, but nothing listens on port ${port}`;
  return { verdict: 'bad', text, repair: repairOf(around), fault: 'listener-gone' };
}

/** Where a person said which gateway is meant, in words. */
const NAMED_BY: Readonly<Partial<Record<Location['by'], string>>> = {
  exporter: "the exporter's gateway.url",
  env: 'OPENCLAW_GATEWAY_URL or _PORT',
  remote: 'gateway.remote.url of openclaw.json',
};

/** Where the gateway listens at another address than the user or its configuration names. */
function aboutDrift(around: Circumstances): Words | undefined {
  const { live, location, servicePort, port, holder } = around;
  const [first] = live?.listens ?? [];
  const isForwarded = holder.kind === 'forwarder' || (holder.kind === 'nobody' && holder.isForwarderGone);
  if (live === undefined || first === undefined || isForwarded) return undefined;
  const listens = authority(first);
  const { by, configured } = location;
  const name = NAMED_BY[by];
  if (name !== undefined && first.port !== port) {
    return {
      verdict: 'warning',
      text: `the gateway of this state folder listens on ${listens}; ${name} names port ${port}, which is used`,
      repair: `let ${name} name ${listens}, or remove it`,
      fault: 'address-drift',
    };
  }
  if (configured === undefined || isConfigured(live.listens, configured)) return undefined;
  const { host } = configured;
  const expected =
    host === undefined ? `port ${configured.port}` : authority({ host, port: configured.port });
  return {
    verdict: 'warning',
    text: `the gateway listens on ${listens}; its configuration says ${expected}`,
    repair: driftRepair(first.port, configured.port, servicePort),
    fault: 'address-drift',
  };
}

/**
 * A service starts it as it was installed; a process started by hand, as its
 * command line or environment said.
 */
function driftRepair(listens: number, configured: number, servicePort: number | undefined): string {
  if (servicePort === listens && listens !== configured) return 'openclaw gateway install --force';
  return listens === configured ? 'openclaw gateway restart' : `openclaw config set gateway.port ${listens}`;
}

function aboutDuplicates({ duplicates }: Finding): Words | undefined {
  const [first] = duplicates;
  if (first === undefined) return undefined;
  const pids = duplicates.map(({ pid }) => pid);
  return {
    verdict: 'warning',
    text: `further gateway processes for this port or state folder: ${pids.join(', ')}`,
    repair: `kill ${pids.join(' ')}`,
    fault: 'duplicate',
    pid: first.pid,
  };
}

const MINUTE_MS = 60_000;
/** So many restarts within so many minutes; as `crash_loop_*` of the rules. */
const CRASH_LOOPS = [
  { count: 4, minutes: 15 },
  { count: 8, minutes: 120 },
] as const;

/** Where a gateway answers between two crashes, nothing else tells of them. */
function aboutRestarts({ restartedAtMs, nowMs }: Circumstances): Words | undefined {
  for (const { count, minutes } of CRASH_LOOPS) {
    const first = restartedAtMs.at(-count);
    if (first === undefined || nowMs - first > minutes * MINUTE_MS) continue;
    const passed = Math.max(1, Math.ceil((nowMs - first) / MINUTE_MS));
    const span = passed === 1 ? 'minute' : `${passed} minutes`;
    return {
      verdict: 'bad',
      text: `it has been restarted ${count} times in the last ${span}`,
      repair: 'openclaw config validate',
      fault: 'crash-loop',
    };
  }
  return undefined;
}

/** As `fd_ratio` of the rules. */
const MANY_FILES = 0.8;

function aboutFiles({ figures }: Circumstances): Words | undefined {
  const { openFds, maxFds } = figures ?? {};
  if (openFds === undefined || maxFds === undefined || openFds / maxFds <= MANY_FILES) return undefined;
  return {
    verdict: 'warning',
    text: `it uses ${openFds} of the ${maxFds} files and sockets that it may have open; at the limit it accepts no connection`,
    repair: 'openclaw gateway restart',
    fault: 'fd-leak',
  };
}

function nameHolder({ name, pid }: { readonly name: string; readonly pid: number | undefined }): string {
  return pid === undefined ? name : `${name} (process ${pid})`;
}

function listensAt(live: LiveGateway | undefined, port: number): string {
  const listens = live?.listens ?? [];
  return listens.length === 0 ? `port ${port}` : listens.map((one) => authority(one)).join(' and ');
}

function repairOf({ service }: Circumstances): string {
  return service === undefined ? 'openclaw gateway restart' : restartCommand(service);
}

function enableCommand({ manager, name, scope }: ServiceState): string {
  if (manager === 'launchd') return 'openclaw gateway install --force';
  return scope === 'user' ? `systemctl --user enable ${name}` : `sudo systemctl enable ${name}`;
}
