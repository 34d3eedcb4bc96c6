import type { Evidence, Verdict } from '../../core/collector.ts';
import { restartCommand, type ServiceState } from '../../openclaw/service/manager.ts';
import type { Finding } from './find.ts';
import type { RestartTotal } from './restarts.ts';

/** What else the words depend on. */
export interface Circumstances {
  readonly subject: string;
  readonly port: number;
  readonly nowMs: number;
  readonly startupWindowMs: number;
  readonly service: ServiceState | undefined;
  readonly restarts: RestartTotal;
}

/** Why the process verdicts are what they are, with the next repair step. */
export function processEvidence(finding: Finding, around: Circumstances): Evidence[] {
  const evidence = [aboutProcess(finding, around), ...aboutListener(finding, around)];
  const pids = finding.duplicates.map(({ pid }) => pid).join(', ');
  if (pids !== '') {
    const text = `further gateway processes for this port or state folder: ${pids}`;
    evidence.push(words(around.subject, 'warning', text, `kill ${pids.replaceAll(',', '')}`));
  }
  if (around.restarts.state === 'unknown') {
    evidence.push(words(around.subject, 'unknown', `restarts are not counted: ${around.restarts.reason}`));
  }
  return evidence;
}

/** Why the service verdicts are what they are. */
export function serviceEvidence(service: ServiceState): Evidence[] {
  const subject = `${service.manager} ${service.name}`;
  const evidence = [
    service.active
      ? words(subject, 'ok', `the service is ${service.activity}`)
      : words(subject, 'bad', `the service is ${service.activity}`, restartCommand(service)),
  ];
  if (service.enabled === false) {
    const text = 'the service does not start by itself after a reboot';
    evidence.push(words(subject, 'warning', text, enableCommand(service)));
  }
  return evidence;
}

/** One piece of evidence of the process layer. */
export function words(subject: string, verdict: Verdict, text: string, repair?: string): Evidence {
  return { layer: 'process', subject, verdict, text, ...(repair === undefined ? {} : { repair }) };
}

function aboutProcess({ gateway }: Finding, around: Circumstances): Evidence {
  const { subject } = around;
  if (gateway === undefined) return words(subject, 'bad', 'no gateway process runs', repairOf(around));
  const { row, by } = gateway;
  if (row.state === 'zombie') {
    const text = `process ${row.pid} has ended and waits for its parent (zombie)`;
    return words(subject, 'bad', text, repairOf(around));
  }
  if (row.state === 'stopped') {
    const text = `process ${row.pid} is stopped by a signal or a debugger; it answers nobody`;
    return words(subject, 'bad', text, `kill -CONT ${row.pid}`);
  }
  return words(subject, 'ok', `process ${row.pid} is alive (found by ${by.replace('_', ' ')})`);
}

function aboutListener({ gateway, holder }: Finding, around: Circumstances): Evidence[] {
  const { subject, port } = around;
  const alive = gateway !== undefined && gateway.row.state !== 'zombie';
  switch (holder.kind) {
    case 'gateway':
      return [words(subject, 'ok', `it listens on port ${port}`)];
    case 'unknown':
      return [words(subject, 'unknown', `who listens on port ${port} cannot be told: ${holder.why.reason}`)];
    case 'foreign': {
      const text = `port ${port} is held by ${holder.comm} (process ${holder.pid}), which is not the gateway`;
      return [words(subject, 'bad', text, `stop process ${holder.pid}, then: ${repairOf(around)}`)];
    }
    case 'nobody':
      if (!alive) return [];
      return [listenerGone(gateway.lock?.createdAtMs ?? gateway.row.startedAtMs, around)];
  }
}

function listenerGone(startedAtMs: number, around: Circumstances): Evidence {
  const { subject, port, nowMs, startupWindowMs } = around;
  if (nowMs - startedAtMs < startupWindowMs) {
    const text = `nothing listens on port ${port} yet; the process is young enough to be starting`;
    return words(subject, 'warning', text);
  }
  return words(subject, 'bad', `the process lives, but nothing listens on port ${port}`, repairOf(around));
}

function repairOf({ service }: Circumstances): string {
  return service === undefined ? 'openclaw gateway restart' : restartCommand(service);
}

function enableCommand({ manager, name, scope }: ServiceState): string {
  if (manager === 'launchd') return 'openclaw gateway install --force';
  return scope === 'user' ? `systemctl --user enable ${name}` : `sudo systemctl enable ${name}`;
}
