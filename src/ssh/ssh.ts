/** How a look at an SSH host ended; the label values of `openclaw_ssh_probes_total`. */
export const SSH_RESULTS = [
  'ok',
  'resolve_failed',
  'unreachable',
  'refused',
  'timeout',
  'no_banner',
  'host_key_changed',
  'auth_denied',
  'proxy_failed',
  'other',
] as const;
/** A label value of `openclaw_ssh_probes_total`. */
export type SshResult = (typeof SSH_RESULTS)[number];
/** What a machine that sleeps or restarts, or a network that comes back, looks like from here. */
export const PASSING_RESULTS: ReadonlySet<SshResult> = new Set([
  'resolve_failed',
  'unreachable',
  'refused',
  'timeout',
  'no_banner',
  'proxy_failed',
]);

/** Why a probe failed: its result, and the same in words without paths, keys or a program's raw output. */
export interface SshProblem {
  readonly result: Exclude<SshResult, 'ok'>;
  readonly text: string;
}

/** Whom to reach, as the user would tell ssh(1). */
export interface SshDestination {
  readonly target: string;
  readonly port: number | undefined;
  /** Passed as `-F`; absolute. Undefined: the user's own and the system's configuration. */
  readonly configFile: string | undefined;
}

/** What ssh and its helpers (agent, Kerberos, proxies) need of the environment. */
const PASSED_ON = ['HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'XDG_RUNTIME_DIR', 'KRB5CCNAME'] as const;
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * The environment of every ssh child: messages in English, and nothing of the exporter's own. Without DISPLAY and
 * SSH_ASKPASS there is no window to ask in.
 */
export function sshEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = { LC_ALL: 'C', PATH: env.PATH || DEFAULT_PATH };
  for (const name of PASSED_ON) {
    const value = env[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

/** The arguments that name a destination; the destination itself comes last, behind `--`. */
export function destinationArguments({ port, configFile }: SshDestination): string[] {
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
}
