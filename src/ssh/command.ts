import type { CommandOutcome, RunCommand } from '../lib/run-command.ts';
import type { SshRoute } from './config.ts';
import { explainFailure, explainTimeout, hostKeyProblem } from './messages.ts';
import { explainRefusal } from './refusals.ts';
import { destinationArguments, programProblem, type SshDestination, type SshProblem } from './ssh.ts';

/** How a command on a host ended. */
export type CommandProbe =
  /** What the command printed; a forced command prints something of its own. */
  | { readonly state: 'ran'; readonly stdout: string }
  | { readonly state: 'failed'; readonly problem: SshProblem };

/** What running it needs from outside. */
export interface CommandTools {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
  /** Ends the command, and whatever ssh started for it. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` fires; ssh's own time-outs are kept below. */
  readonly deadlineMs: number;
}

/**
 * What runs at the other end: it proves a login and a working shell, and tells the time. Every shell
 * understands it; where date knows no nanoseconds (macOS) it prints a letter instead, and where there
 * is no date that is no failure.
 */
const REMOTE_COMMAND = 'date +%s.%N || true';
const MAX_OUTPUT = 64 * 1024;
/** ssh's own exit status when it, and not the remote command, failed. */
const SSH_FAILED = 255;

/**
 * Over the user's own configuration, only what a probe must not do: ask, keep a master connection or a
 * background process, forward anything, run local commands, write to known_hosts or to the agent. A shared
 * master connection is not used either: through it a command would still work when nobody could log in any
 * more. Host key checking stays the user's.
 */
const FIXED_OPTIONS = [
  'BatchMode=yes',
  'ConnectionAttempts=1',
  'ControlMaster=no',
  'ControlPath=none',
  'ControlPersist=no',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'Tunnel=no',
  'PermitLocalCommand=no',
  'RemoteCommand=none',
  'UpdateHostKeys=no',
  'AddKeysToAgent=no',
  // Quieter levels hide what the host sent in place of its identification, and how far a login got.
  'LogLevel=DEBUG1',
] as const;

/** Since OpenSSH 8.7; older ones refuse them. */
const NEWER_OPTIONS = ['ForkAfterAuthentication=no', 'SessionType=default'] as const;

/**
 * The whole command line of ssh, without the program; `remoteCommand` is always a text of this program's own.
 * `ConnectTimeout` bounds what outlives a killed exporter.
 */
export function commandArguments(
  destination: SshDestination,
  route: SshRoute | undefined,
  deadlineMs: number,
  remoteCommand: string,
): string[] {
  const seconds = Math.max(1, Math.floor((deadlineMs * 0.6) / 1000));
  const newer = NEWER_OPTIONS.filter((option) => route?.knownOptions.has(nameOf(option)));
  const options = [
    ...FIXED_OPTIONS,
    ...newer,
    `ConnectTimeout=${seconds}`,
    // Also bounds each wait during key exchange and authentication, where ConnectTimeout no longer counts.
    `ServerAliveInterval=${seconds}`,
    'ServerAliveCountMax=1',
  ];
  return [
    ...destinationArguments(destination),
    '-T',
    ...options.flatMap((option) => ['-o', option]),
    '--',
    destination.target,
    remoteCommand,
  ];
}

/**
 * Runs the fixed command on the host through the system's ssh. Throws when no process could be started here.
 */
export function probeCommand(
  destination: SshDestination,
  route: SshRoute | undefined,
  tools: CommandTools,
): Promise<CommandProbe> {
  return runOverSsh(destination, route, { ...tools, command: REMOTE_COMMAND });
}

/** What to run at the other end, and what it reads on standard input. */
export interface RemoteRun extends CommandTools {
  /** A text of this program's own, for any shell to read; nothing from outside is ever put into it. */
  readonly command: string;
  readonly input?: string;
}

/** Runs `command` on the host through the system's ssh. Throws when no process could be started here. */
export async function runOverSsh(
  destination: SshDestination,
  route: SshRoute | undefined,
  { run, env, signal, deadlineMs, command, input }: RemoteRun,
): Promise<CommandProbe> {
  const outcome = await run('ssh', commandArguments(destination, route, deadlineMs, command), {
    signal,
    env,
    maxBuffer: MAX_OUTPUT,
    ...(input === undefined ? {} : { input }),
  });
  switch (outcome.state) {
    case 'not_started':
      return { state: 'failed', problem: programProblem(outcome.code) };
    case 'killed':
      return { state: 'failed', problem: explainTimeout(outcome.stderr) };
    case 'too_much_output':
      return { state: 'failed', problem: { result: 'other', text: 'logging in printed more than 64 KiB' } };
    case 'exited':
      return judge(outcome, route?.proxied ?? false);
  }
}

type CommandExit = Extract<CommandOutcome, { state: 'exited' }>;

function judge({ code, stdout, stderr }: CommandExit, proxied: boolean): CommandProbe {
  if (code === SSH_FAILED) return { state: 'failed', problem: explainFailure(stderr, proxied) };
  // With StrictHostKeyChecking off ssh goes on where it should have stopped.
  const changed = hostKeyProblem(stderr);
  if (changed !== undefined) return { state: 'failed', problem: changed };
  if (code === 0) return { state: 'ran', stdout };
  return { state: 'failed', problem: explainRefusal(code, `${stdout}\n${stderr}`) };
}

function nameOf(option: string): string {
  return option.slice(0, option.indexOf('=')).toLowerCase();
}
