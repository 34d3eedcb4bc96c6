import type { Evidence } from '../core/collector.ts';
import type { Stranger } from '../core/facts.ts';
import type { Fault } from '../lib/faults.ts';
import { restartCommand } from '../openclaw/service/manager.ts';
import { isVersionBefore } from '../openclaw/versions.ts';
import type { Machine } from './machine.ts';

/** The order of repair: 1 light, 2 authentication, 3 full restart. */
export type Phase = 1 | 2 | 3;

/** One step of a repair. What each command does in each state is measured: docs/repairs.md. */
export interface RepairStep {
  readonly phase: Phase;
  /** A command to copy as it stands, or a sentence where no command does it. */
  readonly text: string;
  /** Whether `text` is a command. */
  readonly isCommand: boolean;
  /** What the command does, and what has to be done before. */
  readonly note?: string;
}

/** What the steps for a fault depend on. */
export interface StepContext {
  readonly evidence: Evidence;
  readonly machine: Machine;
}

/** The steps for a fault, the next one first. */
type Steps = (context: StepContext) => readonly RepairStep[];

/** Before this version `openclaw gateway restart` does nothing without a service. */
const RESTARTS_WITHOUT_SERVICE = [2026, 9];
/** The first version with `openclaw gateway auth-token`. */
const SHOWS_TOKEN = [2026, 9];

/** The command that collectors name where they know neither service nor version. */
export const GENERIC_RESTART = 'openclaw gateway restart';

/** Makes a step of a command. */
function useCommand(text: string, note?: string, phase: Phase = 1): RepairStep {
  return { phase, text, isCommand: true, ...(note === undefined ? {} : { note }) };
}

/** Makes a step of a sentence. */
export function doByHand(text: string, phase: Phase = 1): RepairStep {
  return { phase, text, isCommand: false };
}

/** How a gateway that answers is restarted here. */
export function restartGateway(machine: Machine, phase: Phase = 1): readonly RepairStep[] {
  const { service, alive, version } = machine;
  if (service !== undefined || alive === false) return startGateway(machine, phase);
  if (version !== undefined && !isVersionBefore(version, RESTARTS_WITHOUT_SERVICE)) {
    return [
      useCommand('openclaw gateway restart', 'Restarts it in its own terminal within half a minute.', phase),
    ];
  }
  return [endByHand(phase), ...startGateway(machine, phase)];
}

/** How a gateway that is not alive is started here. */
function startGateway({ service, stranger }: Machine, phase: Phase = 1): readonly RepairStep[] {
  if (service !== undefined)
    return [...freeService(service, phase), useCommand(restartCommand(service), undefined, phase)];
  const note = 'Stays in the foreground of its terminal; answers after about 20 s.';
  const run = useCommand('openclaw gateway run', note, phase);
  return stranger === undefined ? [run] : [chooseUser(stranger, phase), run];
}

/** What systemd needs before it starts a service. */
function freeService(service: NonNullable<Machine['service']>, phase: Phase): readonly RepairStep[] {
  if (service.manager !== 'systemd') return [];
  const manage = (verb: string) =>
    `${service.scope === 'user' ? 'systemctl --user' : 'sudo systemctl'} ${verb} ${service.name}`;
  if (service.isMasked === true)
    return [useCommand(manage('unmask'), 'Until then nothing can start it.', phase)];
  if (service.result === 'start-limit-hit') {
    return [useCommand(manage('reset-failed'), 'Until then systemd may refuse to start it.', phase)];
  }
  if (!service.activity.startsWith('deactivating')) return [];
  return [useCommand(signalService(service, 'SIGKILL'), 'Ends the stop that hangs.', phase)];
}

/** A second gateway started beside the one that is meant would be a fault of its own. */
function chooseUser({ pid, uid }: Stranger, phase: Phase): RepairStep {
  const text = `Decide which gateway is meant: user id ${uid} runs one here, as process ${pid}. For that one, run the exporter as that user, and start nothing.`;
  return doByHand(text, phase);
}

/** How a gateway is ended for as long as something else is done. */
function stopGateway({ service }: Machine): RepairStep {
  if (service === undefined) return endByHand();
  if (service.manager === 'launchd') return doByHand('Stop the gateway’s service.');
  const manager = service.scope === 'user' ? 'systemctl --user' : 'sudo systemctl';
  return useCommand(`${manager} stop ${service.name}`, 'Until the last step.');
}

function endByHand(phase: Phase = 1): RepairStep {
  return doByHand('End the gateway in the terminal where it was started (Ctrl+C).', phase);
}

/** How a gateway is ended that no longer listens to anything. */
function endHung({ evidence, machine }: StepContext, phase: Phase = 1): readonly RepairStep[] {
  const { service } = machine;
  if (service?.manager === 'systemd') {
    const note = 'Ends it at once; a stop would wait for minutes.';
    return [useCommand(signalService(service, 'SIGKILL'), note, phase), ...startGateway(machine, phase)];
  }
  if (service !== undefined) return startGateway(machine, phase);
  const pid = evidence.pid ?? machine.pid;
  const end =
    pid === undefined
      ? doByHand('End the gateway where it was started: close its terminal.', phase)
      : useCommand(`kill -KILL ${pid}`, 'A hung gateway reacts to nothing else.', phase);
  return [end, ...startGateway(machine, phase)];
}

function signalService({ name, scope }: NonNullable<Machine['service']>, signal: string): string {
  const manager = scope === 'user' ? 'systemctl --user' : 'sudo systemctl';
  return `${manager} kill --signal=${signal} ${name}`;
}

function continueStopped(context: StepContext): readonly RepairStep[] {
  const { evidence, machine } = context;
  const pid = evidence.pid ?? machine.pid;
  const note = 'Works at once. In the terminal where it was stopped with Ctrl+Z, fg does the same.';
  if (machine.service?.manager === 'systemd') {
    return [useCommand(signalService(machine.service, 'SIGCONT'), 'Works at once.')];
  }
  return pid === undefined ? endHung(context) : [useCommand(`kill -CONT ${pid}`, note)];
}

/** Without the holder's pid, how to find it. */
function freePort({ evidence, machine }: StepContext): readonly RepairStep[] {
  const { pid, repair } = evidence;
  const find =
    pid === undefined
      ? useCommand(repair ?? 'sudo lsof -nP -iTCP -sTCP:LISTEN', 'Shows who holds the port.')
      : useCommand(`ps -fp ${pid}`, 'Shows the program that holds the port.');
  return [
    find,
    doByHand(
      'Decide whether that program or the gateway gets the port, and end that program or change the port.',
    ),
    ...startGateway(machine),
  ];
}

function matchToken({ machine }: StepContext): readonly RepairStep[] {
  const { service, version } = machine;
  const show =
    version === undefined || !isVersionBefore(version, SHOWS_TOKEN)
      ? [
          useCommand(
            'openclaw gateway auth-token --show',
            'Needs a terminal and asks first; shows the configured token, not the one in use.',
            2,
          ),
        ]
      : [];
  return [
    doByHand(
      'Decide which token is right: gateway.auth.token in openclaw.json, or the one that the gateway was started with (--token, its service file, its environment). Write the right one into openclaw.json.',
      2,
    ),
    ...show,
    ...(service === undefined ? [endByHand(2), ...startGateway(machine, 2)] : [installService(2)]),
  ];
}

function installService(phase: Phase): RepairStep {
  const note = 'Writes the service file again, without a token, and restarts the service.';
  return useCommand('openclaw gateway install --force', note, phase);
}

/** What to read where a gateway does not start. */
function inspectStart({ machine }: StepContext): readonly RepairStep[] {
  return [
    useCommand('openclaw config validate', 'Names mistakes in openclaw.json.', 2),
    useCommand('openclaw logs --limit 100 --plain', 'Shows what it did last.', 2),
    ...repairFully({ machine }),
  ];
}

function repairFully({ machine }: Pick<StepContext, 'machine'>): readonly RepairStep[] {
  const { service, platform } = machine;
  if (service === undefined) return [];
  if (service.manager === 'launchd' && service.scope === 'user') {
    return [
      useCommand(`launchctl bootout gui/$UID/${service.name}`, undefined, 3),
      useCommand(`launchctl bootstrap gui/$UID ~/Library/LaunchAgents/${service.name}.plist`, undefined, 3),
    ];
  }
  const reboot = platform === 'darwin' ? 'sudo shutdown -r now' : 'sudo systemctl reboot';
  return [installService(3), useCommand(reboot, 'Restarts the whole machine.', 3)];
}

function repairConfig({ machine }: StepContext): readonly RepairStep[] {
  return [
    useCommand('openclaw config validate', 'Names mistakes in openclaw.json.'),
    // Between two crashes it lives.
    ...(machine.alive === true ? [stopGateway(machine)] : []),
    useCommand(
      'openclaw doctor --fix',
      'Only while no gateway runs. Removes keys that this version does not know.',
    ),
    ...startGateway(machine),
  ];
}

const restart: Steps = ({ machine }) => restartGateway(machine);
/** Jobs of the system's own crontab alone stop for other reasons, which their collector names. */
const restartScheduler: Steps = ({ evidence: { repair }, machine }) =>
  repair === undefined || repair === GENERIC_RESTART ? restartGateway(machine) : [doByHand(repair)];
const start: Steps = ({ machine }) => startGateway(machine);
const elsewhere = (text: string) => () => [doByHand(text)];

/**
 * The next steps for faults of a gateway on this machine; other faults have the steps of their collectors.
 */
export const FIRST_STEPS: Readonly<Partial<Record<Fault, Steps>>> = {
  'crash-loop': repairConfig,
  'service-loop': repairConfig,
  'port-held': freePort,
  'port-foreign': freePort,
  'process-stopped': continueStopped,
  'gateway-hung': endHung,
  'listener-gone': endHung,
  'gateway-down': start,
  'service-down': start,
  'token-mismatch': matchToken,
  'partial-failure': restart,
  'version-skew': restart,
  'cron-stopped': restartScheduler,
};

/** Faults whose first step is to be taken elsewhere, or nowhere. */
export const STEPS_ELSEWHERE: Readonly<Partial<Record<Fault, Steps>>> = {
  'forwarder-gone': elsewhere(
    'Start the tunnel or proxy to the gateway again. Nothing is to be done to a gateway here.',
  ),
  'behind-forwarder': elsewhere(
    'On the gateway’s machine, run openclaw-gateway-exporter check: the tunnel or proxy here works.',
  ),
  'trusted-proxies': elsewhere(
    'Add the proxy’s address to gateway.trustedProxies in openclaw.json on the gateway’s machine.',
  ),
};

/** What to do when the next steps do not help. */
export const LATER_STEPS: Readonly<Partial<Record<Fault, Steps>>> = {
  'process-stopped': endHung,
  'gateway-down': inspectStart,
  'service-down': inspectStart,
  'gateway-hung': repairFully,
  'listener-gone': inspectStart,
  'crash-loop': repairFully,
  'service-loop': repairFully,
  'partial-failure': repairFully,
  'token-mismatch': repairFully,
};
