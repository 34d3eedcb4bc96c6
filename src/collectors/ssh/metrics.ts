import { eventCounter, gauge, type Sample, stateset } from '../../metrics/family.ts';
import type { Instruments } from '../../metrics/instruments.ts';
import { PATH_PHASES, type PathPhase } from '../../ssh/banner.ts';
import { LOCAL_RESULTS, SSH_RESULTS } from '../../ssh/ssh.ts';
import type { CommandRecord, SshHost, SshLook } from './host.ts';

const host = ['host'] as const;
const byPhase = ['host', 'phase'] as const;

const up = gauge(
  'openclaw_ssh_up',
  'Whether the host can be used over SSH: 0 as soon as its port or a login fails, 1 only after a command ran there.',
  {
    labels: host,
    meaning: {
      absent: 'no command was run yet, or there is no ssh here to run one, and the port answers',
      zero: 'the last look at its port failed, or the last login did, or no login has worked since the port failed',
      one: 'a command ran at the last try, and the port has answered since; behind a proxy the command alone counts',
    },
  },
);
const phaseUp = gauge(
  'openclaw_ssh_phase_up',
  'How far the way to the host goes: resolve, connect, banner at the last look, command at the last command.',
  {
    labels: byPhase,
    meaning: {
      absent:
        'resolve, connect, banner: ProxyJump or ProxyCommand leads there; command: none was run, or there is no ssh here',
      zero: 'the phase failed, or one before it did',
      one: 'the phase was completed',
    },
  },
);
const phaseDuration = gauge(
  'openclaw_ssh_phase_duration_seconds',
  'How long each completed phase of the way to the host took.',
  { labels: byPhase, meaning: { absent: 'the phase was not completed, or does not exist for this host' } },
);
const lastCommand = gauge(
  'openclaw_ssh_last_command_timestamp_seconds',
  'When a command was last tried over SSH, whatever came of it, as Unix time.',
  { labels: host, meaning: { absent: 'none was tried yet, or there is no ssh here' } },
);
const lastResult = gauge(
  'openclaw_ssh_result',
  'How the last probe of the host ended; exactly one series is 1. check_pending waits for a person to confirm the login, throttled is a host that turns connections away (MaxStartups, penalties), program_missing and program_forbidden concern the ssh program of this machine.',
  {
    labels: ['host', 'result'],
    meaning: {
      absent: 'nothing has been probed yet, or the exporter could not probe',
      zero: 'it ended otherwise',
      one: 'it ended so',
    },
  },
);
const alwaysOn = gauge(
  'openclaw_ssh_host_always_on',
  'Whether the host is configured to be reachable at all times; the sleep of one that is not is no outage.',
  {
    labels: host,
    meaning: { absent: 'the host could not be looked at', zero: 'it may sleep', one: 'it may not' },
  },
);

/** What is shown of a host beside its counters. */
export const SSH_FAMILIES = [up, lastResult, phaseUp, phaseDuration, lastCommand, alwaysOn];

const probes = eventCounter(
  'openclaw_ssh_probes_total',
  'Rounds in which the host was probed, by the verdict at their end; all but ok name what failed.',
  {
    labels: ['host', 'result'],
    meaning: { absent: 'the host is not configured', zero: 'no probe has ended like this' },
  },
);
const transitions = eventCounter(
  'openclaw_ssh_transitions_total',
  'Changes of openclaw_ssh_up in either direction; many in a short time is a path that flaps.',
  { labels: host, meaning: { absent: 'the host is not configured', zero: 'it has not changed' } },
);

/** Every metric of the ssh collector. */
export const SSH_METRICS = [...SSH_FAMILIES, probes, transitions];

/** All series of one look. */
export function sshSamples({ config: { name, always_on } }: SshHost, look: SshLook): Sample[] {
  const { up: isUp, path } = look;
  return [
    alwaysOn.sample(always_on ? 1 : 0, { host: name }),
    ...(isUp === undefined ? [] : [up.sample(isUp ? 1 : 0, { host: name })]),
    ...resultSamples(name, look),
    ...(path === undefined
      ? []
      : PATH_PHASES.flatMap((phase) => phaseSamples(name, phase, path.seconds.get(phase)))),
    ...commandSamples(name, look.command),
  ];
}

function resultSamples(name: string, { result, problem, path, command }: SshLook): Sample[] {
  if (problem === undefined && path === undefined && command === undefined) return [];
  return stateset(SSH_RESULTS, result, (one, on) => lastResult.sample(on, { host: name, result: one }));
}

function phaseSamples(name: string, phase: PathPhase | 'command', seconds: number | undefined): Sample[] {
  const labels = { host: name, phase };
  if (seconds === undefined) return [phaseUp.sample(0, labels)];
  return [phaseUp.sample(1, labels), phaseDuration.sample(seconds, labels)];
}

function commandSamples(name: string, command: CommandRecord | undefined): Sample[] {
  if (command === undefined || isLocal(command)) return [];
  const { probe, seconds, atMs } = command;
  return [
    ...phaseSamples(name, 'command', probe.state === 'ran' ? seconds : undefined),
    lastCommand.sample(atMs / 1000, { host: name }),
  ];
}

function isLocal({ probe }: CommandRecord): boolean {
  return probe.state === 'failed' && LOCAL_RESULTS.has(probe.problem.result);
}

/** The counters of all hosts, at 0 as soon as a host is known. */
export class SshCounters {
  readonly #metrics: Instruments;
  readonly #names: readonly string[];
  readonly #lastUp = new Map<string, boolean>();

  constructor(metrics: Instruments, names: readonly string[]) {
    this.#metrics = metrics;
    this.#names = names;
  }

  /** Exposes every host's counters at 0. */
  start(): void {
    for (const name of this.#names) {
      for (const result of SSH_RESULTS) this.#metrics.increment(probes, { host: name, result }, 0);
      this.#metrics.increment(transitions, { host: name }, 0);
    }
  }

  count(name: string, look: SshLook): void {
    if (look.asked) this.#metrics.increment(probes, { host: name, result: look.result });
    if (look.up === undefined) return;
    if (this.#lastUp.get(name) === !look.up) this.#metrics.increment(transitions, { host: name });
    this.#lastUp.set(name, look.up);
  }
}
