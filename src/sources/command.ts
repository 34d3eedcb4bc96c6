import { execa } from 'execa';

export interface CommandOptions {
  /** Ends the child (SIGTERM, then SIGKILL after 500 ms) when it fires. */
  readonly signal: AbortSignal;
  /** The child's whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Bytes kept of each stream; a child that prints more is ended. */
  readonly maxBuffer?: number;
}

/** How a child process ended. Both outputs are text, at most `maxBuffer` bytes each. */
export type CommandOutcome =
  | { readonly state: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly state: 'killed'; readonly stderr: string }
  | { readonly state: 'too_much_output' }
  | { readonly state: 'not_started'; readonly code: string };

/** Runs a program; passed in, so that tests can stand in for programs of other systems. */
export type RunCommand = (
  file: string,
  args: readonly string[],
  options: CommandOptions,
) => Promise<CommandOutcome>;

const MAX_BUFFER = 256 * 1024;
const KILL_AFTER_MS = 500;

/** Runs `file` without a shell, without standard input and with exactly the given environment. Never throws. */
export const runCommand: RunCommand = async (file, args, { signal, env, maxBuffer = MAX_BUFFER }) => {
  const result = await execa(file, args, {
    env,
    extendEnv: false,
    stdin: 'ignore',
    cancelSignal: signal,
    forceKillAfterDelay: KILL_AFTER_MS,
    maxBuffer,
    reject: false,
    encoding: 'utf8',
  });
  if (result.isMaxBuffer) return { state: 'too_much_output' };
  if (result.exitCode !== undefined) {
    return { state: 'exited', code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }
  if (result.signal !== undefined || result.isCanceled) return { state: 'killed', stderr: result.stderr };
  return { state: 'not_started', code: result.code ?? 'UNKNOWN' };
};
