import { join } from 'node:path';
import type { NotedFiles } from '../../lib/watched-files.ts';
import { parsePort } from '../locate.ts';
import { namedStateDir, profileStateDir } from '../paths.ts';
import type { Env } from '../secrets.ts';
import { launchdLabel, unitNames } from './manager.ts';
import { readLaunchdJob } from './plist.ts';
import { expandVariables, parseEnvironmentFile, readUnit, type UnitSettings } from './systemd-unit.ts';

/** What the gateway's service file starts it with. */
export interface ServiceFiles {
  /** Whether there is such a file, for this gateway. */
  readonly found: boolean;
  /** Whether a file of that name starts the gateway of another state folder. */
  readonly isOthers: boolean;
  readonly environment: ReadonlyMap<string, string>;
  /** `token`, `password`, `port` and `profile` of the command line, which win over everything else. */
  readonly options: ReadonlyMap<string, string>;
  /** The port it starts the gateway with; undefined where it names none. */
  readonly port: number | undefined;
  /** The version of OpenClaw that wrote it. */
  readonly version: string | undefined;
  /** In words without paths. */
  readonly problems: readonly string[];
}

/** Which gateway's service files are looked for, and where. */
export interface ServiceFilesQuery {
  readonly env: Env;
  readonly home: string;
  readonly stateDir: string;
  /** The profile whose service it is; undefined for the default one. */
  readonly profile: string | undefined;
  /** `/`, or a folder that stands for it. */
  readonly root: string;
  readonly files: NotedFiles;
}

const MAX_BYTES = 128 * 1024;
const MAX_DROP_INS = 50;
/** What files say, before anything is concluded from it. */
type Found = Pick<ServiceFiles, 'found' | 'environment' | 'options' | 'problems'>;

const NOTHING: Found = { found: false, environment: new Map(), options: new Map(), problems: [] };

/**
 * Reads the unit with its drop-ins, else the property list of launchd; only what is on disk. A service whose
 * gateway has another state folder is not this gateway's, whatever its name.
 */
export function readServiceFiles(query: ServiceFilesQuery): ServiceFiles {
  const found = readSystemd(query) ?? readLaunchd(query) ?? leftOver(query);
  const { environment, options, problems } = found;
  if (found.found && !startsFor(query, environment, options)) {
    return { ...NOTHING, problems, isOthers: true, port: undefined, version: undefined };
  }
  return {
    ...found,
    isOthers: false,
    port: parsePort(options.get('port')) ?? parsePort(environment.get('OPENCLAW_GATEWAY_PORT')),
    version: /^\d{4}\.\d+\.\d+/.exec(environment.get('OPENCLAW_SERVICE_VERSION') ?? '')?.[0],
  };
}

/** Whether a service starts the gateway of the state folder in question. */
function startsFor(
  { stateDir, home: ownHome, files }: ServiceFilesQuery,
  environment: ReadonlyMap<string, string>,
  options: ReadonlyMap<string, string>,
): boolean {
  const home = environment.get('HOME') ?? ownHome;
  const profile = options.get('profile');
  const named = namedStateDir(Object.fromEntries(environment), home);
  const folder = named ?? (profile === undefined ? join(home, '.openclaw') : profileStateDir(profile, home));
  // The folder of OpenClaw's former name is a default one too.
  if (folder === stateDir || (named === undefined && stateDir === join(home, '.clawdbot'))) return true;
  return files.real(folder) === files.real(stateDir);
}

interface Scope {
  readonly home: string;
  /** Strongest first. */
  readonly folders: readonly string[];
}

/** Source: systemd.unit(5), "Unit File Load Path". */
function scopes({ env, home, root }: ServiceFilesQuery): Scope[] {
  const config = env.XDG_CONFIG_HOME || join(home, '.config');
  const data = env.XDG_DATA_HOME || join(home, '.local', 'share');
  const runtime = env.XDG_RUNTIME_DIR || undefined;
  const own = [join(config, 'systemd', 'user.control'), join(config, 'systemd', 'user')];
  const machine = (...paths: readonly string[]) => paths.map((path) => join(root, path));
  return [
    {
      home,
      folders: [
        ...own,
        ...machine('etc/xdg/systemd/user', 'etc/systemd/user'),
        ...(runtime === undefined ? [] : [join(runtime, 'systemd', 'user')]),
        ...machine('run/systemd/user'),
        join(data, 'systemd', 'user'),
        ...machine('usr/local/lib/systemd/user', 'usr/lib/systemd/user'),
      ],
    },
    {
      home: '/root',
      folders: machine(
        'etc/systemd/system.control',
        'etc/systemd/system',
        'run/systemd/system',
        'usr/local/lib/systemd/system',
        'usr/lib/systemd/system',
      ),
    },
  ];
}

function readSystemd(query: ServiceFilesQuery): Found | undefined {
  for (const { home, folders } of scopes(query)) {
    const scope = { home, folders: folders.filter((folder) => query.files.exists(folder)) };
    for (const unit of unitNames(query.env, query.profile)) {
      const path = scope.folders.map((folder) => join(folder, unit)).find((one) => query.files.exists(one));
      if (path !== undefined) return readOne(path, unit, scope, query.files);
    }
  }
  return undefined;
}

function readOne(path: string, unit: string, scope: Scope, files: NotedFiles): Found {
  const problems: string[] = [];
  const texts = [path, ...dropIns(unit, scope, files)].flatMap((one) => {
    const read = files.read(one, MAX_BYTES);
    if (read.state === 'read') return [read.text];
    problems.push(`the service file or a drop-in of it cannot be read (${reasonOf(read)})`);
    return [];
  });
  const settings = readUnit(texts, { home: scope.home, unit });
  const environment = environmentOf(settings, files, problems);
  const command = settings.command.map((word) => expandVariables(word, environment));
  return { found: texts.length > 0, environment, options: optionsOf(command), problems };
}

/** Drop-ins by file name, whatever their folder; of one name the strongest folder's counts. */
function dropIns(unit: string, { folders }: Scope, files: NotedFiles): string[] {
  const stems = unit.replace(/\.service$/, '').split('-');
  const prefixes = stems.slice(0, -1).map((_, index) => `${stems.slice(0, index + 1).join('-')}-.service.d`);
  const names = [`${unit}.d`, ...prefixes.reverse(), 'service.d'];
  const found = new Map<string, string>();
  for (const name of names) {
    for (const folder of folders) {
      for (const file of files.list(join(folder, name))) {
        if (file.endsWith('.conf') && !found.has(file)) found.set(file, join(folder, name, file));
      }
    }
  }
  const sorted = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return sorted.slice(0, MAX_DROP_INS).map(([, path]) => path);
}

function environmentOf(settings: UnitSettings, files: NotedFiles, problems: string[]): Map<string, string> {
  const environment = new Map(settings.environment.map(({ name, value }) => [name, value] as const));
  for (const { path, optional } of settings.environmentFiles.slice(-MAX_DROP_INS)) {
    const read = files.read(path, MAX_BYTES);
    if (read.state === 'read') {
      for (const [name, value] of parseEnvironmentFile(read.text)) environment.set(name, value);
    } else if (read.state === 'failed' || !optional) {
      problems.push(`an environment file of the service cannot be read (${reasonOf(read)})`);
    }
  }
  return environment;
}

/** Not tested on macOS: paths and wrapper as OpenClaw writes them. */
function readLaunchd({ env, home, stateDir, profile, root, files }: ServiceFilesQuery): Found | undefined {
  const label = launchdLabel(env, profile);
  const paths = [
    join(home, 'Library', 'LaunchAgents', `${label}.plist`),
    join(root, 'Library', 'LaunchAgents', `${label}.plist`),
    join(root, 'Library', 'LaunchDaemons', `${label}.plist`),
  ];
  const path = paths.find((one) => files.exists(one));
  if (path === undefined) return undefined;
  const read = files.readBytes(path, MAX_BYTES);
  const job = read.state === 'read' ? readLaunchdJob(read.bytes) : undefined;
  if (job === undefined) {
    const why = read.state === 'read' ? 'no property list' : reasonOf(read);
    return { ...NOTHING, problems: [`the service file cannot be read (${why})`] };
  }
  const strings = Object.entries(job.EnvironmentVariables ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const argv = job.ProgramArguments ?? [];
  const wrapped = argv.some((argument) => argument.endsWith('-env-wrapper.sh'));
  const problems: string[] = [];
  const exported = wrapped ? readExports(join(stateDir, 'service-env', `${label}.env`), files, problems) : [];
  const environment = new Map([...strings, ...exported]);
  return { found: true, environment, options: optionsOf(argv), problems };
}

/** The file of OpenClaw's wrapper: `export NAME='value'` a line, a quote in a value as `'\''`. */
function readExports(path: string, files: NotedFiles, problems: string[]): [string, string][] {
  const read = files.read(path, MAX_BYTES);
  if (read.state !== 'read') {
    problems.push(`the environment file of the service cannot be read (${reasonOf(read)})`);
    return [];
  }
  return read.text.split('\n').flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*export\s+([A-Za-z_]\w*)=(.*?)\s*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, unquoteShell(value)]];
  });
}

function unquoteShell(value: string): string {
  return value.replaceAll(
    /'([^']*)'|\\(.)/g,
    (_, quoted?: string, escaped?: string) => quoted ?? escaped ?? '',
  );
}

/**
 * What OpenClaw wrote into the state folder for a service that this user cannot
 * see, such as one of the machine.
 */
function leftOver({ stateDir, files }: ServiceFilesQuery): Found {
  const read = files.read(join(stateDir, 'gateway.systemd.env'), MAX_BYTES);
  if (read.state !== 'read') return NOTHING;
  const environment = new Map(parseEnvironmentFile(read.text));
  environment.set('OPENCLAW_STATE_DIR', stateDir);
  return { ...NOTHING, found: true, environment };
}

const OPTIONS = ['token', 'password', 'port', 'profile'];

/** `--token VALUE` and `--token=VALUE`; the last one counts. */
function optionsOf(argv: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  argv.forEach((argument, index) => {
    const [, name = '', inline] = /^--(\w+)(?:=(.*))?$/s.exec(argument) ?? [];
    const value = inline ?? argv[index + 1];
    if (OPTIONS.includes(name) && value !== undefined) found.set(name, value);
  });
  return found;
}

function reasonOf(
  read: { readonly state: 'absent' } | { readonly state: 'failed'; readonly reason: string },
): string {
  return read.state === 'absent' ? 'ENOENT' : read.reason;
}
