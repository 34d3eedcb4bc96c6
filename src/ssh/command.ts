import type { CommandOutcome, RunCommand } from '../lib/run-command.ts';
import type { SshRoute } from './config.ts';
import { destinationArguments, type SshDestination, type SshProblem } from './ssh.ts';

/** How a command on a host ended. */
export type CommandProbe =
  /** What the command printed; a forced command prints something of its own. */
  | { readonly state: 'ran'; readonly stdout: string }
  | { readonly state: 'failed'; readonly problem: SshProblem }
  | { readonly state: 'no_ssh' };

/** What running it needs from outside. */
export interface CommandTools {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
  /** Cuts the command; also ends whatever ssh started for it. */
  readonly signal: AbortSignal;
  /** Milliseconds until `signal` fires; ssh's own time-outs are kept below. */
  readonly deadlineMs: number;
}

/**
 * What runs at the other end: it proves a login and a working shell, and tells the time. Every shell understands it;
 * where date knows no nanoseconds (macOS) it prints a letter instead, and where there is no date that is no failure.
 */
const REMOTE_COMMAND = 'date +%s.%N || true';
const MAX_OUTPUT = 64 * 1024;
/** ssh's own exit status when it, and not the remote command, failed. */
const SSH_FAILED = 255;

/**
 * Over the user's own configuration, only what a probe must not do: ask, keep a master connection or a background
 * process, forward anything, run local commands, write to known_hosts or to the agent. A shared master connection is not
 * used either: through it a command would still work when nobody could log in any more. Host key checking stays the user's.
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
  // Quieter levels hide why a connection was closed.
  'LogLevel=INFO',
] as const;

/** Since OpenSSH 8.7; older ones refuse them. */
const NEWER_OPTIONS = ['ForkAfterAuthentication=no', 'SessionType=default'] as const;

/** The whole command line of ssh, without the program; `remoteCommand` is always a text of this program's own. `ConnectTimeout` bounds what outlives a killed exporter. */
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

/** Runs the fixed command on the host through the system's ssh. Throws when no process could be started here. */
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
      if (outcome.code !== 'ENOENT') throw new Error(`ssh could not be started (${outcome.code})`);
      return { state: 'no_ssh' };
    case 'killed':
      return failed('timeout', 'the command gave no answer in time');
    case 'too_much_output':
      return failed('other', 'logging in printed more than 64 KiB');
    case 'exited':
      return judge(outcome, route?.proxied ?? false);
  }
}

type CommandExit = Extract<CommandOutcome, { state: 'exited' }>;

function judge({ code, stdout, stderr }: CommandExit, proxied: boolean): CommandProbe {
  if (code === SSH_FAILED) return { state: 'failed', problem: problemOf(stderr, proxied) };
  // With StrictHostKeyChecking off ssh goes on where it should have stopped.
  const changed = HOST_KEY_SIGNS.find(([sign]) => sign.test(stderr));
  if (changed !== undefined) return failed('host_key_changed', changed[1]);
  if (code === 0) return { state: 'ran', stdout };
  return failed(
    'other',
    `logged in, but the command ended with status ${code}: the account's shell or a forced command refuses it`,
  );
}

type Sign = readonly [RegExp, string];

const HOST_KEY_SIGNS: readonly Sign[] = [
  [
    /^@ +WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! +@/m,
    'the host shows another key than the one on record',
  ],
  [/^@ +WARNING: REVOKED HOST KEY DETECTED! +@/m, 'the host shows a key that was revoked'],
];

/** The client names no address of a connection that a proxy carries. */
const THROUGH_PROXY = /\bUNKNOWN port 65535\b/m;

/** What comes after `connect to host … port …:`, by the C library's words on Linux, macOS and the BSDs. */
const CONNECT_REASONS: readonly (readonly [RegExp, SshProblem['result'], string])[] = [
  [/refused|reset/, 'refused', 'the host refuses the connection: nothing listens on that port'],
  [/timed out/, 'timeout', 'connecting got no answer'],
  [/.*/, 'unreachable', 'there is no route to the host'],
];

const REASONS: readonly (readonly [RegExp, SshProblem['result'], string])[] = [
  [
    /^\S+: Permission denied \([^)]*\)\./m,
    'auth_denied',
    'the host accepts none of the keys and methods at hand',
  ],
  [/Too many authentication failures/m, 'auth_denied', 'the host gave up after too many keys were offered'],
  [/^ssh: Could not resolve hostname /m, 'resolve_failed', 'the name does not resolve'],
  [
    /^Host key verification failed\.|^No \S+ host key is known for /m,
    'other',
    'the host key is not on record, and nobody is there to confirm it',
  ],
  [/^Connection timed out during banner exchange/m, 'no_banner', 'the host accepts and never speaks'],
  [
    /^(?:banner exchange: )?Connection to \S+ port \d+:? .*timed out|^Timeout, server .* not responding|^Connection to \S+ port \d+ timed out/m,
    'timeout',
    'the host stopped answering while logging in',
  ],
  [
    /^(?:kex_exchange_identification|ssh_exchange_identification|banner exchange):? /m,
    'no_banner',
    'the host closes the connection before it names itself',
  ],
  [/^Unable to negotiate with |no matching .* found/m, 'other', 'client and host share no algorithm'],
  [
    /Bad configuration option|^Can't open user config file|^Bad owner or permissions on |: line \d+: |^command-line: /m,
    'other',
    'ssh does not accept its own configuration',
  ],
  [
    /^Connection (?:closed|reset) by |^client_loop: |^ssh_dispatch_run_fatal: |^Received disconnect from /m,
    'other',
    'the host closed the connection while logging in',
  ],
];

/**
 * What ssh's standard error says of a failed probe (exit status 255 covers them all). `proxied`: the host is reached
 * through ProxyJump or ProxyCommand, whose own words stand in the same text. Source: messages of OpenSSH 7 to 9 under `LC_ALL=C`.
 */
export function problemOf(stderr: string, proxied: boolean): SshProblem {
  const text = stderr.replaceAll('\r', '');
  const changed = HOST_KEY_SIGNS.find(([sign]) => sign.test(text));
  if (changed !== undefined) return { result: 'host_key_changed', text: changed[1] };
  if (proxied) return proxiedProblem(text);
  const connecting = /^ssh: connect to (?:host|address) .* port \d+: (?<reason>.*)$/m.exec(text)?.groups
    ?.reason;
  if (connecting !== undefined) return firstMatch(CONNECT_REASONS, connecting);
  return firstMatch(REASONS, text);
}

function proxiedProblem(text: string): SshProblem {
  if (/^Connection timed out during banner exchange|UNKNOWN port 65535:? .*timed out/m.test(text)) {
    return { result: 'timeout', text: 'the way through the proxy gives no answer' };
  }
  if (/^Received disconnect from UNKNOWN .*Too many authentication failures/m.test(text)) {
    return firstMatch(REASONS, text);
  }
  if (THROUGH_PROXY.test(text) || /stdio forwarding failed/.test(text)) {
    return { result: 'proxy_failed', text: proxyReason(text) };
  }
  return firstMatch(REASONS, text);
}

function proxyReason(text: string): string {
  const inner = /open failed: (?:connect failed|administratively prohibited): /.test(text)
    ? 'the jump host cannot reach the host'
    : firstKnown(text);
  return inner === undefined
    ? 'the way through the proxy is broken'
    : `the way through the proxy is broken: ${inner}`;
}

function firstKnown(text: string): string | undefined {
  const connecting = /^ssh: connect to host .* port \d+: (?<reason>.*)$/m.exec(text)?.groups?.reason;
  if (connecting !== undefined) return `jump host: ${firstMatch(CONNECT_REASONS, connecting).text}`;
  const own = REASONS.slice(0, 4).find(([sign]) => sign.test(text));
  return own === undefined ? undefined : `jump host: ${own[2]}`;
}

function firstMatch(
  signs: readonly (readonly [RegExp, SshProblem['result'], string])[],
  text: string,
): SshProblem {
  const found = signs.find(([sign]) => sign.test(text));
  return found === undefined
    ? { result: 'other', text: 'ssh failed for a reason it did not tell' }
    : { result: found[1], text: found[2] };
}

function failed(result: SshProblem['result'], text: string): CommandProbe {
  return { state: 'failed', problem: { result, text } };
}

function nameOf(option: string): string {
  return option.slice(0, option.indexOf('=')).toLowerCase();
}
