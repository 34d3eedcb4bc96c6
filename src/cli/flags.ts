import { isAbsolute, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MAX_DURATION_MS, parseDuration } from '../config/duration.ts';
import { EXTERNAL_URL_FORM, parseExternalUrl } from '../config/external-url.ts';
import { messageOf } from '../lib/errors.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../lib/logger.ts';
import { homeOfUser } from '../lib/paths.ts';
import { findIntended } from '../lib/spelling.ts';
import { LAYERS, type Layer } from '../lib/vocabulary.ts';
import { FAIL_ON, type FailOn } from './check/report.ts';
import { takeCollectorFlags } from './collector-flags.ts';
import { COMMAND_TEXTS, SHELLS } from './command-texts.ts';
import { completionScript } from './completion.ts';
import { FLAG_TEXTS } from './flag-texts.ts';
import { notAllowed, parseWebFlags, type WebFlags } from './web-flags.ts';

/** Longer than this is no maintenance but a switched-off alert. */
const MAX_MAINTENANCE_MS = 7 * 86_400_000;
/** Fit for a file, a unit and a label of launchd. */
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** Of other words only one that is close to a command is repeated: a token may be among them. */
const COMMAND_PROBLEM = `this command is not allowed; allowed: ${COMMAND_TEXTS.map(({ allowed }) => allowed).join(', ')} (see --help)`;
const CHECK_ONLY_PROBLEM =
  '--fail-on, --textfile, --watch: allowed with the command check alone (see --help)';
const TEXTFILE_PROBLEM = '--textfile: allowed without --json and --watch, which print a report instead';
const JSON_PROBLEM = '--json: allowed with the commands check and history alone (see --help)';
const HISTORY_ONLY_PROBLEM = '--since, --layer: allowed with the command history alone (see --help)';
const SERVICE_ONLY_PROBLEM =
  '--system, --yes: allowed with install-service and uninstall-service alone (see --help)';

/** All flags after defaults; paths as they were given. */
export interface Flags extends WebFlags {
  /** Validate the configuration and exit. */
  readonly onlyCheckConfig: boolean;
  readonly configFile: string | undefined;
  /** How often a change of the configuration files is looked for; undefined: never. */
  readonly autoReloadMs: number | undefined;
  /**
   * Tells this exporter from others of the same user: part of its service's name and
   * of its default storage path.
   */
  readonly name: string | undefined;
  readonly webConfigFile: string | undefined;
  readonly allowUnauthenticatedRemote: boolean;
  readonly enableLifecycle: boolean;
  /** Under which others reach this exporter, without a slash at the end; undefined where it is not known. */
  readonly externalUrl: string | undefined;
  /** Whether a collector is enabled, by its name, whatever the configuration file says. */
  readonly collectorSwitches: ReadonlyMap<string, boolean>;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Absolute folder of the exporter's own state. */
  readonly storagePath: string;
}

/** What the command line asks for; `invalid` with one sentence a mistake. */
export type FlagsOutcome =
  | { readonly state: 'run'; readonly flags: Flags }
  | {
      readonly state: 'check';
      readonly flags: Flags;
      readonly json: boolean;
      readonly watch: boolean;
      readonly failOn: FailOn;
      /** Absolute path of the file for node_exporter's textfile collector. */
      readonly textfile: string | undefined;
    }
  | {
      readonly state: 'service';
      readonly flags: Flags;
      readonly action: 'install' | 'uninstall';
      readonly system: boolean;
      readonly yes: boolean;
    }
  | {
      readonly state: 'history';
      readonly storagePath: string;
      readonly sinceMs: number;
      readonly layer: Layer | undefined;
      readonly json: boolean;
    }
  | { readonly state: 'maintenance_start'; readonly storagePath: string; readonly durationMs: number }
  | { readonly state: 'maintenance_stop'; readonly storagePath: string }
  | { readonly state: 'maintenance_status'; readonly storagePath: string }
  /** Something to print and nothing else to do. */
  | { readonly state: 'completion'; readonly script: string }
  | { readonly state: 'version' }
  | { readonly state: 'help' }
  | { readonly state: 'invalid'; readonly problems: readonly string[] };

const OPTIONS = {
  'config.file': { type: 'string' },
  'config.check': { type: 'boolean' },
  'config.auto-reload-interval': { type: 'string' },
  'web.listen-address': { type: 'string', multiple: true },
  'web.systemd-socket': { type: 'boolean' },
  'web.config.file': { type: 'string' },
  'web.telemetry-path': { type: 'string' },
  'web.route-prefix': { type: 'string' },
  'web.enable-lifecycle': { type: 'boolean' },
  'web.external-url': { type: 'string' },
  'web.allow-unauthenticated-remote': { type: 'boolean' },
  'log.level': { type: 'string' },
  'log.format': { type: 'string' },
  'storage.path': { type: 'string' },
  name: { type: 'string' },
  'fail-on': { type: 'string' },
  json: { type: 'boolean' },
  textfile: { type: 'string' },
  watch: { type: 'boolean' },
  since: { type: 'string' },
  layer: { type: 'string' },
  system: { type: 'boolean' },
  yes: { type: 'boolean' },
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** OpenClaw's own environment variables that are honoured, with what each says. */
export const ENVIRONMENT_TEXTS: readonly (readonly [string, string])[] = [
  ['OPENCLAW_STATE_DIR', 'the state folder'],
  ['OPENCLAW_CONFIG_PATH', "OpenClaw's own configuration file"],
  ['OPENCLAW_GATEWAY_URL', "the gateway's address"],
  ['OPENCLAW_GATEWAY_PORT', "the gateway's port on this machine"],
  ['OPENCLAW_GATEWAY_TOKEN', "the gateway's token"],
  ['OPENCLAW_GATEWAY_PASSWORD', "the gateway's password, where it asks for one"],
  ['OPENCLAW_PROFILE', 'the profile, where it is not the default one'],
  ['OPENCLAW_HOME', 'the folder in which OpenClaw has its state folder'],
  ['OPENCLAW_INCLUDE_ROOTS', 'folders from which openclaw.json may include files'],
  ['OPENCLAW_SYSTEMD_UNIT', "the gateway's unit, where its name is one of your own"],
  ['OPENCLAW_LAUNCHD_LABEL', "the gateway's agent, likewise"],
];

/** What `--help` prints. */
export const USAGE = `Usage: openclaw-gateway-exporter [flags]
${COMMAND_TEXTS.map(({ names, usage }) => `       openclaw-gateway-exporter ${names.join(' | ')} ${usage}`).join('\n')}

${FLAG_TEXTS.map(({ flag, help, default: value }) => `  ${flag}\n      ${help}${value ? ` (default ${value})` : ''}`).join('\n')}

OpenClaw's own environment variables are honoured:
${ENVIRONMENT_TEXTS.map(([name, text]) => `  ${name.padEnd(28)}${text}`).join('\n')}
`;

/** Command line and environment to flags; every mistake with its value and what is allowed. Never throws. */
export function parseFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): FlagsOutcome {
  const { rest, switches, problems } = takeCollectorFlags(args);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rest);
  } catch (error) {
    return {
      state: 'invalid',
      problems: [...problems, `${describeParseError(error)} (see --help)`],
    };
  }
  const { values, positionals } = parsed;
  if (values.version) return { state: 'version' };
  if (values.help) return { state: 'help' };
  const validated = validate(values, env);
  if (validated.state === 'invalid') return { ...validated, problems: [...problems, ...validated.problems] };
  if (problems.length > 0) return { state: 'invalid', problems };
  const outcome = { ...validated, flags: { ...validated.flags, collectorSwitches: switches } };
  return positionals.length === 0 && COMMAND_FLAGS.every((name) => values[name] === undefined)
    ? outcome
    : commandOf(positionals, values, outcome.flags);
}

type Values = ReturnType<typeof parse>['values'];

/** Flags that only some command takes. */
const CHECK_FLAGS = ['fail-on', 'textfile', 'watch'] as const;
const COMMAND_FLAGS = [...CHECK_FLAGS, 'json', 'since', 'layer', 'system', 'yes'] as const;

function commandOf(words: readonly string[], values: Values, flags: Flags): FlagsOutcome {
  const [command] = words.length === 1 ? words : [];
  const { json = false, watch = false, system = false, yes = false } = values;
  const textfile = values.textfile && resolve(values.textfile);
  const action = command === undefined ? undefined : SERVICE_ACTIONS.get(command);
  const failOn = oneOf(FAIL_ON, values['fail-on'] ?? 'warning');
  const problems = [
    ...misplacedFlags(command, values),
    ...textfileProblems(values),
    ...(failOn === undefined ? [notAllowed('--fail-on', values['fail-on'], FAIL_ON.join(', '))] : []),
  ];
  if (problems.length > 0 || failOn === undefined) return { state: 'invalid', problems };
  if (command === 'check') return { state: 'check', flags, json, watch, failOn, textfile };
  if (command === 'history') return historyCommand(values, flags.storagePath);
  if (action !== undefined) return { state: 'service', flags, action, system, yes };
  return subCommand(words, flags.storagePath);
}

/** Flags of another command than the one that is given. */
function misplacedFlags(command: string | undefined, values: Values): string[] {
  const { json, since, layer, system, yes } = values;
  const isService = command !== undefined && SERVICE_ACTIONS.has(command);
  return [
    ...(command !== 'check' && CHECK_FLAGS.some((name) => values[name] !== undefined)
      ? [CHECK_ONLY_PROBLEM]
      : []),
    ...(json && command !== 'check' && command !== 'history' ? [JSON_PROBLEM] : []),
    ...((since ?? layer) !== undefined && command !== 'history' ? [HISTORY_ONLY_PROBLEM] : []),
    ...((system || yes) && !isService ? [SERVICE_ONLY_PROBLEM] : []),
  ];
}

function historyCommand({ since = '1d', layer, json = false }: Values, storagePath: string): FlagsOutcome {
  const sinceMs = parseDuration(since);
  const known = oneOf(LAYERS, layer ?? '');
  const problems = [
    ...(sinceMs === undefined || sinceMs === 0
      ? [notAllowed('--since', since, 'a duration such as 36h or 7d')]
      : []),
    ...(layer !== undefined && known === undefined ? [notAllowed('--layer', layer, LAYERS.join(', '))] : []),
  ];
  if (sinceMs === undefined || problems.length > 0) return { state: 'invalid', problems };
  return { state: 'history', storagePath, sinceMs, layer: known, json };
}

function textfileProblems({ textfile: path, json, watch }: Values): string[] {
  if (path === undefined) return [];
  return [
    ...(path.endsWith('.prom')
      ? []
      : [notAllowed('--textfile', path, 'a file that ends in .prom, or node_exporter does not read it')]),
    ...(json || watch ? [TEXTFILE_PROBLEM] : []),
  ];
}

const SERVICE_ACTIONS = new Map<string, 'install' | 'uninstall'>([
  ['install-service', 'install'],
  ['uninstall-service', 'uninstall'],
]);

function subCommand(words: readonly string[], storagePath: string): FlagsOutcome {
  const [command, action, length, ...rest] = words;
  const shell = command === 'completion' && words.length === 2 ? oneOf(SHELLS, action ?? '') : undefined;
  if (shell !== undefined) return { state: 'completion', script: completionScript(shell) };
  if (command !== 'maintenance' || rest.length > 0) {
    return { state: 'invalid', problems: [explainCommand(command, words.length)] };
  }
  if (length === undefined) {
    if (action === 'stop') return { state: 'maintenance_stop', storagePath };
    if (action === 'status') return { state: 'maintenance_status', storagePath };
  }
  const durationMs = action === 'start' ? parseDuration(length ?? '') : undefined;
  if (durationMs === undefined || durationMs === 0 || durationMs > MAX_MAINTENANCE_MS) {
    return { state: 'invalid', problems: [explainMaintenance(action, length)] };
  }
  return { state: 'maintenance_start', storagePath, durationMs };
}

const COMMAND_NAMES = COMMAND_TEXTS.flatMap(({ names }) => names);

function explainCommand(command: string | undefined, count: number): string {
  const intended = findIntended(command ?? '', COMMAND_NAMES);
  if (intended === undefined) return COMMAND_PROBLEM;
  if (intended === command) {
    const own = COMMAND_TEXTS.filter(({ names }) => names.includes(intended)).map(({ allowed }) => allowed);
    return count > 1
      ? `${command} with these words is not allowed; allowed: ${own.join(', ')} (see --help)`
      : COMMAND_PROBLEM;
  }
  return `${command}: unknown command, did you mean ${intended}? (see --help)`;
}

function explainMaintenance(action: string | undefined, length: string | undefined): string {
  if (action === 'start' && /^\d{1,6}$/.test(length ?? '')) {
    return `maintenance start ${length}: the duration needs a unit, such as ${length}m (s, m, h or d)`;
  }
  if (action === 'start') return 'maintenance start: a duration is needed, such as 30m, at most 7d';
  const intended = findIntended(action ?? '', ['start', 'stop', 'status']);
  if (intended === undefined || intended === action) return COMMAND_PROBLEM;
  return `maintenance ${action}: did you mean ${intended}?`;
}

/** A mistake in the flags, with the flag that was meant where one is unknown. */
function describeParseError(error: unknown): string {
  const text = messageOf(error);
  const [, name = ''] = /^Unknown option '--([a-z.-]{1,40})'/.exec(text) ?? [];
  const intended = findIntended(name, Object.keys(OPTIONS));
  // What Node.js adds about positional arguments helps nobody here.
  return intended === undefined ? text : `--${name}: unknown flag, did you mean --${intended}?`;
}

type Validated =
  | { readonly state: 'run'; readonly flags: Omit<Flags, 'collectorSwitches'> }
  | Extract<FlagsOutcome, { readonly state: 'invalid' }>;

function validate(values: Values, env: Readonly<Record<string, string | undefined>>): Validated {
  const { name } = values;
  const storagePath = values['storage.path'] ?? defaultStoragePath(env, name);
  const logLevel = oneOf(LOG_LEVELS, values['log.level'] ?? 'info');
  const logFormat = oneOf(LOG_FORMATS, values['log.format'] ?? 'logfmt');
  const web = parseWebFlags(values);
  const problems = [
    ...web.problems,
    ...externalUrlProblems(values),
    ...autoReloadProblems(values),
    ...pathProblems(values, storagePath),
  ];
  if (name !== undefined && !NAME.test(name))
    problems.push(notAllowed('--name', name, 'at most 32 small letters, digits and hyphens'));
  if (!logLevel) problems.push(notAllowed('--log.level', values['log.level'], LOG_LEVELS.join(', ')));
  if (!logFormat) problems.push(notAllowed('--log.format', values['log.format'], LOG_FORMATS.join(', ')));
  if (problems.length > 0 || !logLevel || !logFormat || !storagePath) {
    return { state: 'invalid', problems };
  }
  return {
    state: 'run',
    flags: {
      ...web.flags,
      onlyCheckConfig: values['config.check'] ?? false,
      configFile: values['config.file'],
      autoReloadMs: parseAutoReload(values),
      name,
      webConfigFile: values['web.config.file'],
      allowUnauthenticatedRemote: values['web.allow-unauthenticated-remote'] ?? false,
      enableLifecycle: values['web.enable-lifecycle'] ?? false,
      externalUrl: parseExternalUrl(values['web.external-url'] ?? ''),
      logLevel,
      logFormat,
      storagePath: resolve(storagePath),
    },
  };
}

/** A shorter interval would read the files all the time. */
const MIN_AUTO_RELOAD_MS = 1000;

function parseAutoReload({ 'config.auto-reload-interval': text }: Values): number | undefined {
  const ms = parseDuration(text ?? '');
  return ms !== undefined && ms >= MIN_AUTO_RELOAD_MS && ms <= MAX_DURATION_MS ? ms : undefined;
}

function autoReloadProblems(values: Values): string[] {
  const { 'config.auto-reload-interval': text } = values;
  if (text === undefined || parseAutoReload(values) !== undefined) return [];
  return [notAllowed('--config.auto-reload-interval', text, 'a duration from 1s to 7d, such as 30s')];
}

function externalUrlProblems({ 'web.external-url': text }: Values): string[] {
  if (text === undefined || parseExternalUrl(text) !== undefined) return [];
  // What stands before an @ may be a password.
  return [notAllowed('--web.external-url', text.replace(/.*@/s, '…@'), EXTERNAL_URL_FORM)];
}

function pathProblems(values: Values, storagePath: string | undefined): string[] {
  const problems: string[] = [];
  if (values['config.file'] === '') problems.push(notAllowed('--config.file', '', 'a file'));
  if (values['web.config.file'] === '') problems.push(notAllowed('--web.config.file', '', 'a file'));
  if (storagePath === '') problems.push(notAllowed('--storage.path', '', 'a folder'));
  if (storagePath === undefined) problems.push('--storage.path: no home folder is known; name a folder');
  return problems;
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true });
}

function oneOf<T extends string>(allowed: readonly T[], text: string): T | undefined {
  return allowed.find((value) => value === text);
}

/** Where state is kept without `--storage.path`; undefined where no home folder is known. */
export function defaultStoragePath(
  env: Readonly<Record<string, string | undefined>>,
  name?: string | undefined,
): string | undefined {
  const xdg = env.XDG_STATE_HOME;
  const folder = nameProgram(name);
  // The XDG specification: a path that is not absolute is to be ignored.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, folder);
  const home = env.HOME || homeOfUser();
  return home && join(home, '.local', 'state', folder);
}

/** The exporter's name for files and services: of its own where several run. */
export function nameProgram(name: string | undefined): string {
  return name === undefined ? 'openclaw-gateway-exporter' : `openclaw-gateway-exporter-${name}`;
}
