import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../runtime/errors.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../runtime/logger.ts';

export const DEFAULT_LISTEN_ADDRESS = '127.0.0.1:19789';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Flags {
  /** Validate the configuration and exit. */
  readonly onlyCheckConfig: boolean;
  readonly configFile: string | undefined;
  readonly listen: ListenAddress;
  readonly enableLifecycle: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Absolute folder of the exporter's own state. */
  readonly storagePath: string;
}

export type FlagsOutcome =
  | { readonly state: 'run'; readonly flags: Flags }
  | { readonly state: 'version' }
  | { readonly state: 'help' }
  | { readonly state: 'invalid'; readonly problems: readonly string[] };

const OPTIONS = {
  'config.file': { type: 'string' },
  'config.check': { type: 'boolean' },
  'web.listen-address': { type: 'string' },
  'web.enable-lifecycle': { type: 'boolean' },
  'web.allow-unauthenticated-remote': { type: 'boolean' },
  'log.level': { type: 'string' },
  'log.format': { type: 'string' },
  'storage.path': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const USAGE = `Usage: openclaw-gateway-exporter [flags]

  --config.file=FILE          YAML configuration; none is needed beside a gateway
  --config.check              validate the configuration and exit (0 valid, 2 not)
  --web.listen-address=ADDR   host:port to serve on (default ${DEFAULT_LISTEN_ADDRESS})
  --web.enable-lifecycle      allow POST /-/reload
  --web.allow-unauthenticated-remote
                              serve beyond loopback without authentication
  --storage.path=FOLDER       totals and limits that survive a restart
                              (default $XDG_STATE_HOME/openclaw-gateway-exporter)
  --log.level=LEVEL           ${LOG_LEVELS.join(', ')} (default info)
  --log.format=FORMAT         ${LOG_FORMATS.join(', ')} (default logfmt)
  --version, --help

OpenClaw's own environment variables are honoured: OPENCLAW_STATE_DIR, OPENCLAW_CONFIG_PATH,
OPENCLAW_GATEWAY_URL, OPENCLAW_GATEWAY_PORT, OPENCLAW_GATEWAY_TOKEN.
`;

/** Command line and environment to flags; every mistake with its value and what is allowed. Never throws. */
export function parseFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { state: 'invalid', problems: [`${messageOf(error)} (see --help)`] };
  }
  if (values.version) return { state: 'version' };
  if (values.help) return { state: 'help' };
  return validate(values, env);
}

function validate(
  values: ReturnType<typeof parse>,
  env: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  const listen = parseListenAddress(values['web.listen-address'] ?? DEFAULT_LISTEN_ADDRESS);
  const logLevel = oneOf(LOG_LEVELS, values['log.level'] ?? 'info');
  const logFormat = oneOf(LOG_FORMATS, values['log.format'] ?? 'logfmt');
  const exposed = listen !== undefined && !isLoopback(listen.host);
  const problems = [
    ...(listen === undefined
      ? [`--web.listen-address: ${JSON.stringify(values['web.listen-address'])} is not host:port`]
      : []),
    ...(exposed && !values['web.allow-unauthenticated-remote'] ? [exposedProblem(listen.host)] : []),
    ...(logLevel === undefined ? [notAmong('--log.level', values['log.level'], LOG_LEVELS)] : []),
    ...(logFormat === undefined ? [notAmong('--log.format', values['log.format'], LOG_FORMATS)] : []),
  ];
  if (problems.length > 0 || listen === undefined || logLevel === undefined || logFormat === undefined) {
    return { state: 'invalid', problems };
  }
  return {
    state: 'run',
    flags: {
      onlyCheckConfig: values['config.check'] ?? false,
      configFile: values['config.file'],
      listen,
      enableLifecycle: values['web.enable-lifecycle'] ?? false,
      logLevel,
      logFormat,
      storagePath: resolve(values['storage.path'] ?? defaultStoragePath(env)),
    },
  };
}

function exposedProblem(host: string): string {
  return (
    `--web.listen-address: ${host} is not loopback, and without authentication everyone who reaches it reads ` +
    'the metrics; listen on 127.0.0.1, or insist with --web.allow-unauthenticated-remote'
  );
}

/** Whether `host` names this machine's loopback and nothing else. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
}

function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port);
  if (match === null || port > 65_535) return undefined;
  const host = match.groups?.v6 ?? match.groups?.host ?? '';
  return { host: host === '' ? '0.0.0.0' : host, port };
}

function oneOf<T extends string>(allowed: readonly T[], text: string): T | undefined {
  return allowed.find((value) => value === text);
}

function notAmong(flag: string, value: string | undefined, allowed: readonly string[]): string {
  return `${flag}: ${JSON.stringify(value)} is not allowed; allowed: ${allowed.join(', ')}`;
}

function defaultStoragePath(env: Readonly<Record<string, string | undefined>>): string {
  const base = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state');
  return join(base, 'openclaw-gateway-exporter');
}
