import { execa } from 'execa';
import { type Clock, systemClock } from './clock.ts';
import { codeOf } from './errors.ts';
import { findProgram } from './program.ts';

/** How a program is run. */
export interface CommandOptions {
  /** Ends the child and its own children (SIGTERM, then SIGKILL after 500 ms) when it fires. */
  readonly signal: AbortSignal;
  /** The child's whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** What the child reads on standard input; without it there is none. */
  readonly input?: string;
  /** Characters kept of each stream; a child that prints more is ended. */
  readonly maxBuffer?: number;
}

/** How a child process ended. Both outputs are text, at most `maxBuffer` characters each. */
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

type Subprocess = ReturnType<typeof start>;

/** Errors of execvp(3) that may come from a folder of the search path. */
const SEARCH_ERRORS: ReadonlySet<string> = new Set(['EACCES', 'ELOOP', 'ENAMETOOLONG', 'EIO', 'EPERM']);
const MAX_BUFFER = 256 * 1024;
const KILL_AFTER_MS = 500;
/**
 * How long the output of a program that has ended is still read, where a process
 * it left behind holds it open.
 */
const LINGER_MS = 200;

/**
 * Runs programs without a shell, with nothing but `input` to read, in a session of their own (no terminal to
 * ask on) and with exactly the given environment. Never throws.
 */
export function commandRunner(clock: Clock): RunCommand {
  const attempt: RunCommand = async (file, args, options) => {
    if (options.signal.aborted) return { state: 'killed', stderr: '' };
    try {
      return await outcomeOf(start(file, args, options), options.signal, clock);
    } catch (error) {
      return { state: 'not_started', code: codeOf(error) ?? 'UNKNOWN' };
    }
  };
  return async (file, args, options) => {
    const outcome = await attempt(file, args, options);
    if (outcome.state !== 'not_started' || !SEARCH_ERRORS.has(outcome.code)) return outcome;
    // One folder of the search path may have caused the error; it says nothing about the program.
    const place = findProgram(file, options.env.PATH ?? '');
    if (place.state === 'found') return file.includes('/') ? outcome : attempt(place.path, args, options);
    return { state: 'not_started', code: place.state === 'missing' ? 'ENOENT' : 'EACCES' };
  };
}

/** {@link commandRunner} by the machine's own clock. */
export const runCommand: RunCommand = commandRunner(systemClock);

function start(file: string, args: readonly string[], { signal, env, input, maxBuffer }: CommandOptions) {
  return execa(file, args, {
    env,
    extendEnv: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    cancelSignal: signal,
    killDescendants: true,
    forceKillAfterDelay: KILL_AFTER_MS,
    maxBuffer: maxBuffer ?? MAX_BUFFER,
    reject: false,
    encoding: 'utf8',
  });
}

async function outcomeOf(child: Subprocess, signal: AbortSignal, clock: Clock): Promise<CommandOutcome> {
  const linger = readNoLongerAfterExit(child, clock);
  const result = await child;
  if (linger.end() || signal.aborted) child.kill('SIGKILL');
  if (result.isMaxBuffer) return { state: 'too_much_output' };
  if (signal.aborted) return { state: 'killed', stderr: result.stderr };
  const code = child.nodeChildProcess.exitCode;
  if (code !== null && code >= 0) {
    return { state: 'exited', code, stdout: result.stdout, stderr: result.stderr };
  }
  if (result.signal !== undefined) return { state: 'killed', stderr: result.stderr };
  return { state: 'not_started', code: result.code ?? 'UNKNOWN' };
}

/**
 * A process that the child left behind may hold its pipes open for ever: what it prints is not waited for.
 * `end` ends the wait and says whether there was such a process.
 */
function readNoLongerAfterExit({ nodeChildProcess, stdout, stderr }: Subprocess, clock: Clock) {
  let cancel: () => void = () => undefined;
  let leftBehind = false;
  nodeChildProcess.once('exit', () => {
    cancel = clock.after(LINGER_MS, () => {
      leftBehind = true;
      stdout.destroy();
      stderr.destroy();
    });
  });
  const end = () => {
    cancel();
    return leftBehind;
  };
  return { end };
}
