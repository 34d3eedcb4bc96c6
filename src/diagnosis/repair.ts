import { SHOW_TOKEN } from '../collectors/token/evidence.ts';
import { restartCommand } from '../openclaw/service/manager.ts';
import type { LikeliestCause } from './cause.ts';
import type { Machine } from './machine.ts';

/** The article's order of repair: 1 light, 2 authentication, 3 full restart. */
export type Phase = 1 | 2 | 3;

/** One step of the article's order of repair. */
export interface RepairStep {
  readonly phase: Phase;
  /** A command that exists on this machine, or a sentence where no command does it. */
  readonly text: string;
}

/** The command that collectors name where they know neither service nor version. */
const GENERIC_RESTART = 'openclaw gateway restart';
/** Before this version `openclaw gateway restart` does nothing without a service. Measured on 2026.5.7 and 2026.9.6. */
const RESTARTS_WITHOUT_SERVICE = [2026, 9];

/** What to do about a cause on this machine: the next step first, then those for when it does not help. */
export function repairSteps({ cause, evidence }: LikeliestCause, machine: Machine): readonly RepairStep[] {
  const own = evidence.repair === undefined ? undefined : exactRepair(evidence.repair, machine);
  const first = own === undefined ? [] : [{ phase: FIRST_PHASES[cause], text: own }];
  if (evidence.verdict !== 'bad') return first;
  const steps = [...first, ...LATER[cause](machine)];
  return steps.filter(({ text }, index) => steps.findIndex((other) => other.text === text) === index);
}

const FIRST_PHASES: Readonly<Record<LikeliestCause['cause'], Phase>> = {
  network: 1,
  process: 1,
  authentication: 2,
  'partial-failure': 1,
  cron: 1,
};

const LATER: Readonly<Record<LikeliestCause['cause'], (machine: Machine) => readonly RepairStep[]>> = {
  network: () => [],
  process: (machine) => [
    ...(machine.local ? [{ phase: 1, text: restart(machine) } as const] : []),
    { phase: 2, text: 'openclaw doctor' },
    ...full(machine),
  ],
  authentication: (machine) => [
    ...(machine.local ? [{ phase: 2, text: 'openclaw doctor --fix' } as const] : []),
    ...full(machine),
  ],
  'partial-failure': full,
  cron: () => [],
};

/** A collector's repair step as it has to be done on this machine. */
export function exactRepair(repair: string, machine: Machine): string {
  const step = repair.startsWith(SHOW_TOKEN) ? showToken(machine) + repair.slice(SHOW_TOKEN.length) : repair;
  if (!machine.local) {
    const isThere = repair === GENERIC_RESTART || repair.startsWith(SHOW_TOKEN);
    return isThere ? `on the gateway's machine: ${step}` : step;
  }
  return step.endsWith(GENERIC_RESTART) ? step.slice(0, -GENERIC_RESTART.length) + restart(machine) : step;
}

function restart({ service, alive, version }: Machine): string {
  if (service !== undefined) return restartCommand(service);
  if (alive === false) return 'openclaw gateway run';
  if (version === undefined || !isBefore(version, RESTARTS_WITHOUT_SERVICE)) return GENERIC_RESTART;
  return 'end the gateway process where it was started, then: openclaw gateway run';
}

function showToken({ version }: Machine): string {
  return version !== undefined && isBefore(version, RESTARTS_WITHOUT_SERVICE)
    ? 'read gateway.auth.token in openclaw.json'
    : SHOW_TOKEN;
}

function full({ local, service, platform }: Machine): RepairStep[] {
  if (!local) return [];
  if (service === undefined) return [{ phase: 3, text: 'openclaw gateway install --force' }];
  if (service.manager === 'launchd' && service.scope === 'user') {
    const steps = [
      `launchctl bootout gui/$UID/${service.name}`,
      `launchctl bootstrap gui/$UID ~/Library/LaunchAgents/${service.name}.plist`,
    ];
    return [{ phase: 3, text: steps.join('; ') }];
  }
  const machineRestart = platform === 'darwin' ? 'sudo shutdown -r now' : 'sudo systemctl reboot';
  const text = `openclaw gateway install --force, then ${restartCommand(service)}; last, the machine: ${machineRestart}`;
  return [{ phase: 3, text }];
}

function isBefore(version: string, [year = 0, month = 0]: readonly number[]): boolean {
  const [ofYear = 0, ofMonth = 0] = version.split('.').map(Number);
  return ofYear < year || (ofYear === year && ofMonth < month);
}
