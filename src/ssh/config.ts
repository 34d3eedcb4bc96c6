import { resolve } from 'node:path';
import { z } from 'zod';
import type { FileConfig } from '../config/schema.ts';
import { expandHome, homeFolder } from '../lib/paths.ts';
import type { RunCommand } from '../lib/run-command.ts';
import { destinationArguments, programProblem, type SshDestination, type SshProblem } from './ssh.ts';

/** The way to a host as ssh(1) would take it. */
export interface SshRoute {
  readonly hostname: string;
  readonly port: number;
  /** Address family: 0 for either. */
  readonly family: 0 | 4 | 6;
  /** The local address to connect from, where one is configured. */
  readonly bindAddress: string | undefined;
  /** Whether ProxyJump or ProxyCommand leads there: a direct connection would then prove nothing. */
  readonly proxied: boolean;
  /** Names of the options this ssh knows, in lower case; an unknown `-o` would be refused. */
  readonly knownOptions: ReadonlySet<string>;
}

/** Where ssh would go for a target. */
export type RouteOutcome =
  | { readonly state: 'resolved'; readonly route: SshRoute }
  | { readonly state: 'failed'; readonly problem: SshProblem }
  /** No ssh can be run here; the target as written, where it can be understood without one. */
  | { readonly state: 'no_ssh'; readonly route: SshRoute | undefined; readonly problem: SshProblem };

/** What asking ssh needs from outside. */
export interface RouteTools {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const FAMILIES = { any: 0, inet: 4, inet6: 6 } as const;
const DEFAULT_PORT = 22;

const port = z.coerce.number().int().min(1).max(65_535);
const effectiveConfig = z.object({
  hostname: z.string().min(1),
  port,
  addressfamily: z.enum(['any', 'inet', 'inet6']).catch('any'),
  bindaddress: z.string().min(1).optional(),
  proxyjump: z.string().optional(),
  proxycommand: z.string().optional(),
});

/**
 * Reads the output of `ssh -G`: one option a line, name in lower case, then its value. Undefined where it is
 * none. Source: ssh(1) of OpenSSH 6.8 and later.
 */
export function parseSshConfig(text: string): SshRoute | undefined {
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const blank = line.indexOf(' ');
    if (blank > 0 && !options.has(line.slice(0, blank))) {
      options.set(line.slice(0, blank), line.slice(blank + 1).trim());
    }
  }
  const parsed = effectiveConfig.safeParse(Object.fromEntries(options));
  if (!parsed.success) return undefined;
  const { hostname, port, addressfamily, bindaddress, proxyjump, proxycommand } = parsed.data;
  return {
    hostname,
    port,
    family: FAMILIES[addressfamily],
    bindAddress: bindaddress,
    proxied: isSet(proxyjump) || isSet(proxycommand),
    knownOptions: new Set(options.keys()),
  };
}

/** Where a target leads without any ssh configuration: `[user@]host` or `ssh://[user@]host[:port]`. */
export function routeAsWritten({ target, port: configured }: SshDestination): SshRoute | undefined {
  const groups =
    /^ssh:\/\/(?:[^@/]*@)?(?:\[(?<v6>[^\]]+)\]|(?<host>[^:/]+))(?::(?<port>\d+))?\/?$/.exec(target)?.groups ??
    /^(?:.*@)?(?<host>[^@/]+)$/.exec(target)?.groups;
  const hostname = groups?.v6 ?? groups?.host;
  const parsed = port.safeParse(configured ?? groups?.port ?? DEFAULT_PORT);
  if (hostname === undefined || !parsed.success) return undefined;
  return {
    hostname,
    port: parsed.data,
    family: 0,
    bindAddress: undefined,
    proxied: false,
    knownOptions: new Set(),
  };
}

/**
 * Asks `ssh -G` where a target leads under the user's own configuration; connects to nothing. Throws when the
 * exporter itself cannot start a process, or ssh does not come to an end with its own configuration.
 */
export async function resolveRoute(destination: SshDestination, tools: RouteTools): Promise<RouteOutcome> {
  // Where it does not end, the last message of `-v` says what it waits for.
  const args = ['-G', '-v', ...destinationArguments(destination), '--', destination.target];
  const outcome = await tools.run('ssh', args, { signal: tools.signal, env: tools.env });
  switch (outcome.state) {
    case 'not_started':
      return { state: 'no_ssh', route: routeAsWritten(destination), problem: programProblem(outcome.code) };
    case 'killed':
      // This says nothing about the host: its name was not even looked up.
      throw new Error(`ssh -G did not end in time: ${explainUnfinished(outcome.stderr)}`);
    case 'too_much_output':
      return failed('other', 'ssh -G printed more than its configuration can be');
    case 'exited':
      break;
  }
  const route = outcome.code === 0 ? parseSshConfig(outcome.stdout) : undefined;
  return route === undefined
    ? failed('other', 'ssh does not accept its own configuration for this target')
    : { state: 'resolved', route };
}

/** What ssh was doing when it was ended, by its messages at level DEBUG1. */
function explainUnfinished(stderr: string): string {
  const last = stderr.trimEnd().split('\n').at(-1)?.trimEnd() ?? '';
  if (last === '') return 'it had not begun yet; this machine is busy';
  if (last.startsWith('debug1: Executing command: ')) return 'a Match exec of its configuration hangs';
  if (last.startsWith('debug1: Reading configuration data '))
    return 'it was still reading a configuration file';
  return 'it was still evaluating its configuration; this machine is busy';
}

function failed(result: SshProblem['result'], text: string): RouteOutcome {
  return { state: 'failed', problem: { result, text } };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value.toLowerCase() !== 'none';
}

/** The ssh configuration file that is named, absolute. */
export function configFilePath({ ssh }: FileConfig, env: Readonly<Record<string, string | undefined>>) {
  const named = ssh.config_file;
  return named === undefined ? undefined : resolve(expandHome(named, homeFolder(env)));
}
