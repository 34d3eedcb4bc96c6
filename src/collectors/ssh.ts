import { resolve } from 'node:path';
import type { FileConfig } from '../config/schema.ts';
import { gauge, type Sample } from '../registry/family.ts';
import type { Clock } from '../runtime/clock.ts';
import { expandHome, homeFolder } from '../runtime/home.ts';
import { Slots } from '../runtime/slots.ts';
import { SSH_RESULTS, type SshProblem, type SshResult, sshEnvironment } from '../sources/ssh.ts';
import { createNameLookup, PATH_PHASES } from '../sources/ssh-banner.ts';
import type { Evidence, Target } from './collector.ts';
import type { CollectorContext, CollectorFactory } from './context.ts';
import { type CommandRecord, SshHost, type SshLimits, type SshLook } from './ssh-host.ts';

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

export const SSH_FAMILIES = [up, phaseUp, phaseDuration, lastCommand, alwaysOn];

/** Looks the scheduler has under way at once; only used to share out time. */
const AT_ONCE = 32;
const LOGINS_AT_ONCE = 8;
const FAILING_AT_ONCE = 4;
const MAX_PHASE_MS = 3_000;
const MAX_COMMAND_MS = 10_000;

/** SSH hosts: TCP and banner in each round, a command through the system's ssh when due or when something changed. */
export const sshCollector: CollectorFactory = (context, { intervalMs, timeoutMs }) => {
  const { clock, metrics } = context;
  const hosts = configuredSshHosts(context);
  const probes = metrics.counter({
    name: 'openclaw_ssh_probes_total',
    help: 'Rounds in which the host was probed, by the verdict at their end; all but ok name what failed.',
    labelNames: ['host', 'result'],
  });
  const transitions = metrics.counter({
    name: 'openclaw_ssh_transitions_total',
    help: 'Changes of openclaw_ssh_up in either direction; many in a short time is a path that flaps.',
    labelNames: host,
  });
  for (const { config: known } of hosts) {
    for (const result of SSH_RESULTS) probes.inc({ host: known.name, result }, 0);
    transitions.inc({ host: known.name }, 0);
  }
  const lastUp = new Map<string, boolean>();
  const commands = new Map<string, CommandRecord>();

  const count = (name: string, look: SshLook) => {
    if (look.asked) probes.inc({ host: name, result: look.result });
    if (look.up === undefined) return;
    if (lastUp.get(name) === !look.up) transitions.inc({ host: name });
    lastUp.set(name, look.up);
  };
  const targetOf = (one: SshHost, limits: SshLimits, begin: () => void): Target => ({
    name: one.config.name,
    timeoutMs: timeoutMs * 0.98,
    async collect(signal) {
      begin();
      const look = await one.look(signal, limits).catch((error: unknown) => {
        commands.delete(one.config.name);
        throw error;
      });
      count(one.config.name, look);
      if (look.up && look.command !== undefined) commands.set(one.config.name, look.command);
      else commands.delete(one.config.name);
      return { kind: 'seen', samples: sshSamples(one, look), evidence: [sshEvidence(one, look)] };
    },
  });
  let round = 0;
  return {
    name: 'ssh',
    intervalMs,
    timeoutMs,
    families: SSH_FAMILIES,
    close: async () => {
      // Another collector may be there already, after a reload; where none is, nobody knows which hosts are up.
      if (context.board.sshCommands === commands) context.board.sshCommands = undefined;
    },
    targets() {
      round += 1;
      context.board.sshCommands = commands;
      const { limits, begin } = shareOut(clock, timeoutMs, hosts.length);
      // Those who came last in one round come first in the next: time that runs short is short for each in turn.
      return rotated(hosts, round * AT_ONCE).map((one) => targetOf(one, limits, begin));
    },
  };
};

/** The configured hosts; all of them together log in only a few at a time. */
export function configuredSshHosts({
  config,
  clock,
  run,
  env,
}: Pick<CollectorContext, 'config' | 'clock' | 'run' | 'env'>): SshHost[] {
  const tools = {
    clock,
    run,
    env: sshEnvironment(env),
    lookup: createNameLookup(),
    slots: { healthy: new Slots(LOGINS_AT_ONCE), failing: new Slots(FAILING_AT_ONCE) },
  };
  const configFile = configFilePath(config, env);
  return config.ssh.hosts.map((one, index, all) => new SshHost(one, configFile, tools, index / all.length));
}

/** The parts of one look that has `ms` milliseconds. */
export function sshShares(ms: number): Pick<SshLimits, 'phaseMs' | 'commandMs'> {
  return { phaseMs: Math.min(MAX_PHASE_MS, ms * 0.12), commandMs: Math.min(MAX_COMMAND_MS, ms * 0.4) };
}

/**
 * Shares a round's time among its hosts, so that with any number of them swallowed each still gets a verdict: phases
 * shrink with the number of turns, and a command may use only what the turns to come do not need.
 */
function shareOut(clock: Clock, timeoutMs: number, hosts: number) {
  const endsAt = clock.monotonic() + timeoutMs * 0.94;
  const turns = Math.max(1, Math.ceil(hosts / AT_ONCE));
  const shares = sshShares(timeoutMs);
  const phaseMs = Math.min(shares.phaseMs, (timeoutMs * 0.8) / turns);
  let waiting = hosts;
  const limits: SshLimits = {
    phaseMs,
    commandMs: shares.commandMs,
    spareMs: () => endsAt - clock.monotonic() - Math.ceil(waiting / AT_ONCE) * phaseMs,
  };
  const begin = () => {
    waiting -= 1;
  };
  return { limits, begin };
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const start = all.length > AT_ONCE ? by % all.length : 0;
  return [...all.slice(start), ...all.slice(0, start)];
}

/** The ssh configuration file that is named, absolute. */
export function configFilePath({ ssh }: FileConfig, env: Readonly<Record<string, string | undefined>>) {
  const named = ssh.config_file;
  return named === undefined ? undefined : resolve(expandHome(named, homeFolder(env)));
}

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

/** A look in words, with the next step. */
export function sshEvidence(one: SshHost, look: SshLook): Evidence {
  const { config } = one;
  const base = { layer: 'network', subject: `ssh ${config.name}` } as const;
  const { problem } = look;
  if (problem === undefined) return { ...base, ...wordsOfSuccess(look) };
  if (!config.always_on && isAbsence(problem.result)) {
    return {
      ...base,
      verdict: 'unknown',
      text: `${problem.text}; it is not expected to be on at all times, so it may be asleep`,
    };
  }
  const verdict = problem.result === 'auth_denied' ? 'warning' : 'bad';
  return { ...base, verdict, text: problem.text, repair: repairOf(one, problem) };
}

function wordsOfSuccess({ up: isUp, path, command }: SshLook): Pick<Evidence, 'verdict' | 'text'> {
  const port = path === undefined ? '' : 'its port answers, ';
  if (isUp) return { verdict: 'ok', text: `${port}a command ran there` };
  if (isUp === false) return { verdict: 'warning', text: `${port}no command has run since it was away` };
  if (command?.probe.state !== 'no_ssh') return { verdict: 'unknown', text: `${port}no login was tried yet` };
  return path === undefined
    ? { verdict: 'unknown', text: 'there is no ssh here to find the way with' }
    : { verdict: 'ok', text: `${port}there is no ssh here to try a login with` };
}

/** What a sleeping machine looks like. */
function isAbsence(result: SshResult): boolean {
  return ['resolve_failed', 'unreachable', 'timeout', 'refused', 'no_banner', 'proxy_failed'].includes(
    result,
  );
}

function repairOf({ config: { target, port } }: SshHost, { result }: SshProblem): string {
  const where = port === undefined ? target : `-p ${port} ${target}`;
  switch (result) {
    case 'host_key_changed':
      return `ask the host's owner whether its key was renewed; only then: ssh-keygen -R (as ssh ${where} prints it)`;
    case 'auth_denied':
      return `ssh-copy-id ${where}`;
    case 'resolve_failed':
      return `ssh -G ${where}`;
    case 'refused':
    case 'no_banner':
      return 'on the host: sudo systemctl restart ssh (Fedora, Arch: sshd; macOS: sudo launchctl kickstart -k system/com.openssh.sshd)';
    default:
      return `ssh -v ${where} true`;
  }
}
