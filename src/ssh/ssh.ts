/** How an SSH probe ended; the label values of `openclaw_ssh_probes_total` and `openclaw_ssh_result`. */
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
  'check_pending',
  'throttled',
  'program_missing',
  'program_forbidden',
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
/** Failures of this machine's own ssh program: they say nothing about the host. */
export const LOCAL_RESULTS: ReadonlySet<SshResult> = new Set(['program_missing', 'program_forbidden']);

/** Why a probe failed. The texts are this program's own: no path, key or output of another program. */
export interface SshProblem {
  readonly result: Exclude<SshResult, 'ok'>;
  readonly text: string;
  /**
   * The next step, where this reason needs another one than its result usually does;
   * `TARGET` stands for the host.
   */
  readonly repair?: string;
}

/** The host to reach, as the user would name it to ssh(1). */
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
 * The environment of every ssh child: messages in English, and nothing of the exporter's own. Without DISPLAY
 * and SSH_ASKPASS there is no window to ask in.
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

/**
 * The problem of an ssh that no process could be made of. Throws for a shortage of this machine's resources.
 */
export function programProblem(code: string): SshProblem {
  switch (code) {
    case 'ENOENT':
      return {
        result: 'program_missing',
        text: 'there is no ssh program on this machine to log in with',
        repair: 'on this machine: install the OpenSSH client (Debian: sudo apt-get install openssh-client)',
      };
    case 'EACCES':
    case 'EPERM':
    case 'ENOEXEC':
      return {
        result: 'program_forbidden',
        text: `the ssh program of this machine may not be run by the exporter's user (${code})`,
        repair: 'on this machine: command -v ssh, then give its file the mode 755',
      };
    default:
      throw new Error(`ssh could not be started (${code})`);
  }
}
