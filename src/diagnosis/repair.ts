import type { Evidence } from '../core/collector.ts';
import type { Fault } from '../lib/faults.ts';
import type { ServiceState } from '../openclaw/service/manager.ts';
import type { LikeliestCause } from './cause.ts';
import { type Machine, OTHER_MACHINE } from './machine.ts';
import {
  doByHand,
  FIRST_STEPS,
  GENERIC_RESTART,
  LATER_STEPS,
  type RepairStep,
  restartGateway,
  STEPS_ELSEWHERE,
} from './steps.ts';

/** A single command of a known program: no sentence, and nothing that a shell would take apart. */
const COMMAND =
  /^(?:sudo )?(?:openclaw|systemctl|launchctl|kill|ps|lsof|tailscale|ssh|ssh-keygen|timedatectl|chronyc)(?: [\w@%+=:,./~-]+)+$/;

/** Which commands repair a gateway, only a check on its own machine can tell. */
const ELSEWHERE = doByHand(
  'On the gateway’s machine, run openclaw-gateway-exporter check: it names the command for that machine.',
);

/** What to do about a cause on this machine: the next step first, then those for when it does not help. */
export function repairSteps({ evidence }: LikeliestCause, machine: Machine): readonly RepairStep[] {
  const steps = [...firstSteps(evidence, machine), ...laterSteps(evidence, machine)];
  return steps.filter(({ text }, index) => steps.findIndex((other) => other.text === text) === index);
}

/** The next step about one piece of evidence alone; undefined where there is none. */
export function nextStep(evidence: Evidence, machine: Machine): RepairStep | undefined {
  return firstSteps(evidence, machine)[0];
}

function firstSteps(evidence: Evidence, machine: Machine): readonly RepairStep[] {
  const { fault, repair, verdict } = evidence;
  if (verdict !== 'bad' && verdict !== 'warning') return [];
  const own = fault === undefined ? undefined : (STEPS_ELSEWHERE[fault] ?? FIRST_STEPS[fault]);
  const isOfGateway = fault !== undefined && STEPS_ELSEWHERE[fault] === undefined;
  if (own !== undefined) return isOfGateway && !machine.local ? [ELSEWHERE] : own({ evidence, machine });
  if (repair === undefined) return [];
  if (repair.startsWith('openclaw ') && !machine.local) return [ELSEWHERE];
  if (repair === GENERIC_RESTART) return restartGateway(machine);
  return [{ phase: 1, text: repair, isCommand: COMMAND.test(repair) }];
}

function laterSteps(evidence: Evidence, machine: Machine): readonly RepairStep[] {
  const later = evidence.fault === undefined ? undefined : LATER_STEPS[evidence.fault];
  if (evidence.verdict !== 'bad' || !machine.local || later === undefined) return [];
  return later({ evidence, machine });
}

/** The unit that OpenClaw's own installer makes. */
const OWN_SERVICE: ServiceState = {
  manager: 'systemd',
  name: 'openclaw-gateway.service',
  scope: 'user',
  active: true,
  activity: 'active (running)',
  enabled: true,
  restarts: 0,
  mainPid: undefined,
};

/**
 * The first steps for a fault in one line, for a reader of whose machine nothing is known: for the alerts.
 */
export function describeFirstSteps(fault: Fault): string {
  const evidence: Evidence = { layer: 'process', subject: 'gateway', verdict: 'bad', text: fault, fault };
  const alive = fault !== 'gateway-down';
  return describeByService((service) =>
    firstSteps(evidence, { ...OTHER_MACHINE, local: true, service, alive }),
  );
}

/** As {@link describeFirstSteps}, for a gateway that lives and is to be restarted. */
export function describeRestart(): string {
  return describeByService((service) =>
    restartGateway({ ...OTHER_MACHINE, local: true, service, alive: true }),
  );
}

function describeByService(makeSteps: (service: ServiceState | undefined) => readonly RepairStep[]): string {
  const describe = (service: ServiceState | undefined) =>
    makeSteps(service)
      .map(({ text, isCommand }) =>
        isCommand ? text : `${text.charAt(0).toLowerCase()}${text.slice(1, -1)}`,
      )
      .join(', then ');
  return `as a service: ${describe(OWN_SERVICE)}; in a terminal: ${describe(undefined)}`;
}
