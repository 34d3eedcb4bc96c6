import { statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { authority } from '../../lib/authority.ts';
import { defaultStoragePath, ENVIRONMENT_TEXTS, type Flags } from '../flags.ts';
import { launchdPlist, nameService, type ServiceProgram, systemdUnit } from './unit.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A program with its arguments. */
export interface ServiceStep {
  readonly command: readonly string[];
  /** Exit codes beside 0 with which nothing is wrong: there was nothing to end. */
  readonly alsoGood?: readonly number[];
  /** What a person does where it fails. */
  readonly advice?: string;
}

/** What would be done: shown first, done when the user agrees. */
export interface ServicePlan {
  readonly file: string;
  /** The file's content; undefined: it is removed. */
  readonly content: string | undefined;
  /**
   * Run before and after the file changes. Where one fails an installation ends, and a file that was written is
   * taken back; a removal goes on.
   */
  readonly before: readonly ServiceStep[];
  readonly after: readonly ServiceStep[];
}

/** What would be done, or why nothing can be. */
export type PlanOutcome =
  | { readonly state: 'planned'; readonly plan: ServicePlan }
  | { readonly state: 'impossible'; readonly reason: string };

/** What a plan depends on. */
export interface PlanOptions {
  readonly action: 'install' | 'uninstall';
  /** Of the machine instead of the user. */
  readonly system: boolean;
  readonly flags: Flags;
  readonly platform: NodeJS.Platform;
  readonly env: Environment;
  readonly uid: number;
  /** The user's; undefined where none is known. A service of the machine needs none. */
  readonly home: string | undefined;
  /** Program and first arguments that start this exporter. */
  readonly launcher: readonly string[];
  /** The folder relative paths of flags are below. */
  readonly resolve: (path: string) => string;
}

/** Folders of programs that npm puts in front while it runs a script. */
const NPM_ADDS = /\/node_modules\/\.bin$|\/node-gyp-bin$/;
const OTHERS_WRITE = 0o002;

/** Never written to a unit: the token is found in OpenClaw's own files, or in `gateway.token_file`. */
const SECRET_VARIABLES = ['OPENCLAW_GATEWAY_TOKEN', 'OPENCLAW_GATEWAY_PASSWORD'];
/** What decides where the gateway and its service are found. */
const KEPT_VARIABLES = [
  ...ENVIRONMENT_TEXTS.map(([name]) => name).filter((name) => !SECRET_VARIABLES.includes(name)),
  'XDG_CONFIG_HOME',
];

/** One of them says which of several gateways is meant; or a configuration does. */
const PLACE_VARIABLES = [
  'OPENCLAW_PROFILE',
  'OPENCLAW_STATE_DIR',
  'OPENCLAW_CONFIG_PATH',
  'OPENCLAW_HOME',
  'OPENCLAW_GATEWAY_PORT',
  'OPENCLAW_GATEWAY_URL',
];
/**
 * Where systemd keeps the state of the machine's units (`StateDirectory=`); a unit may write nowhere else.
 */
const SYSTEM_STATE = '/var/lib';
/** `launchctl bootout` returns before the agent is gone, and until then the next bootstrap fails. */
const LAUNCHD_GONE_SECONDS = '3';

/** ESRCH, and `Could not find specified service`: no such agent is loaded. Not tried on macOS. */
const LAUNCHD_NOT_LOADED = [3, 113];

/** How the service is installed or removed on this system. */
export function planService(options: PlanOptions): PlanOutcome {
  const { platform, system, home } = options;
  if (platform === 'darwin' && system) {
    return impossible('--system: on macOS the exporter is an agent of the user; leave --system out');
  }
  if (platform !== 'darwin' && platform !== 'linux') {
    return impossible(`there is no service manager that is known on ${platform}`);
  }
  if (options.flags.systemdSocket) {
    return impossible('--web.systemd-socket: no socket unit is written here; leave it out');
  }
  const problem = whichProblem(options);
  if (problem !== undefined) return impossible(problem);
  if (system) return systemPlan(options);
  if (home === undefined)
    return impossible('no home folder is known to put a service of the user into; set HOME');
  const plan = platform === 'darwin' ? launchdPlan(options, home) : userPlan(options, home);
  return { state: 'planned', plan };
}

/** Without a word which gateway is meant, a second exporter would watch the first one's. */
function whichProblem({ action, flags, env }: PlanOptions): string | undefined {
  const isTold = flags.configFile !== undefined || PLACE_VARIABLES.some((name) => env[name]);
  if (action === 'uninstall' || flags.name === undefined || isTold) return undefined;
  return '--name: say which gateway is meant: set OPENCLAW_PROFILE or OPENCLAW_STATE_DIR, or name its settings with --config.file';
}

function userPlan(options: PlanOptions, home: string): ServicePlan {
  const { env } = options;
  const folder = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'systemd', 'user');
  return systemdPlan(
    options,
    join(folder, nameService(options.flags.name).unit),
    ['systemctl', '--user'],
    undefined,
  );
}

function systemPlan(options: PlanOptions): PlanOutcome {
  const { env, uid, flags } = options;
  const user = env.SUDO_USER;
  if (uid !== 0)
    return impossible('--system: writes to /etc; run it with sudo as the user who owns the gateway');
  if (user === undefined || user === 'root' || !/^[\w.-]+$/.test(user)) {
    return impossible(
      '--system: run it with sudo as the user who owns the gateway: the service runs as that user',
    );
  }
  const names = nameService(flags.name);
  if (flags.storagePath !== defaultStoragePath(env, flags.name)) {
    const folder = join(SYSTEM_STATE, names.state);
    return impossible(`--storage.path: a service of the machine keeps its state in ${folder}; leave it out`);
  }
  const file = join('/etc/systemd/system', names.unit);
  return { state: 'planned', plan: systemdPlan(options, file, ['systemctl'], user) };
}

/** A shell of `su` or `sudo` has no bus of its user. */
const NO_BUS =
  'systemd does not answer for this user: log in as that user (ssh or machinectl shell, not su or sudo), or use --system';

function systemdPlan(
  options: PlanOptions,
  file: string,
  systemctl: readonly string[],
  user: string | undefined,
): ServicePlan {
  const reload = { command: [...systemctl, 'daemon-reload'] };
  const names = nameService(options.flags.name);
  if (options.action === 'uninstall') {
    return {
      file,
      content: undefined,
      before: [{ command: [...systemctl, 'disable', '--now', names.unit] }],
      after: [reload],
    };
  }
  const storage = user === undefined ? options.flags.storagePath : join(SYSTEM_STATE, names.state);
  const ask = {
    command: [...systemctl, 'show-environment'],
    ...(user === undefined ? { advice: NO_BUS } : {}),
  };
  return {
    file,
    content: systemdUnit(programOf(options, storage), user, names),
    before: [ask],
    after: [
      reload,
      { command: [...systemctl, 'enable', names.unit] },
      { command: [...systemctl, 'restart', names.unit] },
    ],
  };
}

function launchdPlan(options: PlanOptions, home: string): ServicePlan {
  const { action, uid, flags } = options;
  const names = nameService(flags.name);
  const file = join(home, 'Library', 'LaunchAgents', `${names.label}.plist`);
  const end = {
    command: ['launchctl', 'bootout', `gui/${uid}/${names.label}`],
    alsoGood: LAUNCHD_NOT_LOADED,
  };
  if (action === 'uninstall') return { file, content: undefined, before: [end], after: [] };
  return {
    file,
    content: launchdPlist(
      programOf(options, flags.storagePath),
      join(home, 'Library', 'Logs', names.log),
      names,
    ),
    before: [end, { command: ['/bin/sleep', LAUNCHD_GONE_SECONDS] }],
    after: [{ command: ['launchctl', 'bootstrap', `gui/${uid}`, file] }],
  };
}

/** The flags as they are, with absolute paths: a service has no folder that they would be relative to. */
function programOf({ flags, launcher, env, resolve }: PlanOptions, storagePath: string): ServiceProgram {
  const flag = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  const command = [
    ...launcher,
    ...flag('config.file', flags.configFile && resolve(flags.configFile)),
    ...flag('web.config.file', flags.webConfigFile && resolve(flags.webConfigFile)),
    ...flags.listen.map((listen) => `--web.listen-address=${authority(listen)}`),
    ...flag('web.external-url', flags.externalUrl),
    ...flag('web.telemetry-path', flags.telemetryPath),
    ...flag('web.route-prefix', flags.routePrefix || '/'),
    ...(flags.enableLifecycle ? ['--web.enable-lifecycle'] : []),
    ...(flags.allowUnauthenticatedRemote ? ['--web.allow-unauthenticated-remote'] : []),
    ...[...flags.collectorSwitches].map(([name, isOn]) => `--${isOn ? '' : 'no-'}collector.${name}`),
    ...flag('storage.path', storagePath),
    ...flag('log.level', flags.logLevel),
    ...flag('log.format', flags.logFormat),
  ];
  const kept = KEPT_VARIABLES.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  // Commands such as ssh and tailscale are looked for there.
  const path =
    safePath(env.PATH) ?? `${dirname(launcher[0] ?? '/usr/bin/node')}:/usr/local/bin:/usr/bin:/bin`;
  return { command, environment: new Map([['PATH', path], ...kept]) };
}

/** Without the folders that npm adds, and those in which anyone may put a program of that name. */
function safePath(path: string | undefined): string | undefined {
  const folders = (path ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder) && !NPM_ADDS.test(folder));
  const kept = folders.filter((folder) => {
    const seen = statSync(folder, { throwIfNoEntry: false });
    return seen?.isDirectory() === true && (seen.mode & OTHERS_WRITE) === 0;
  });
  return kept.length === 0 ? undefined : kept.join(delimiter);
}

function impossible(reason: string): PlanOutcome {
  return { state: 'impossible', reason };
}
