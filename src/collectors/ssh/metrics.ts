import { eventCounter, gauge, type Sample } from '../../metrics/family.ts';
import type { Instruments } from '../../metrics/metrics.ts';
import { PATH_PHASES } from '../../ssh/banner.ts';
import { SSH_RESULTS } from '../../ssh/ssh.ts';
import type { SshHost, SshLook } from './host.ts';

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
const alwaysOn = gauge(
  'openclaw_ssh_host_always_on',
  'Whether the host is configured to be reachable at all times; the sleep of one that is not is no outage.',
  {
    labels: host,
    meaning: { absent: 'the host could not be looked at', zero: 'it may sleep', one: 'it may not' },
  },
);

/** What is shown of a host beside its counters. */
export const SSH_FAMILIES = [up, phaseUp, phaseDuration, lastCommand, alwaysOn];

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
export function sshSamples(
  { config: { name, always_on } }: SshHost,
  { up: isUp, path, command }: SshLook,
): Sample[] {
  const samples = [alwaysOn.sample(always_on ? 1 : 0, { host: name })];
  if (isUp !== undefined) samples.push(up.sample(isUp ? 1 : 0, { host: name }));
  for (const phase of path === undefined ? [] : PATH_PHASES) {
    const seconds = path?.seconds.get(phase);
    samples.push(phaseUp.sample(seconds === undefined ? 0 : 1, { host: name, phase }));
    if (seconds !== undefined) samples.push(phaseDuration.sample(seconds, { host: name, phase }));
  }
  if (command === undefined || command.probe.state === 'no_ssh') return samples;
  const ran = command.probe.state === 'ran';
  samples.push(phaseUp.sample(ran ? 1 : 0, { host: name, phase: 'command' }));
  if (ran) samples.push(phaseDuration.sample(command.seconds, { host: name, phase: 'command' }));
  samples.push(lastCommand.sample(command.atMs / 1000, { host: name }));
  return samples;
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
