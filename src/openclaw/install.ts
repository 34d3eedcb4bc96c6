import { existsSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { expandHome } from '../lib/paths.ts';
import { NotedFiles } from '../lib/watched-files.ts';
import { listeningSockets } from '../os/own-sockets.ts';
import { type GatewayAddress, pinnedAddress } from './address.ts';
import type { ConfiguredChannel } from './channels.ts';
import { type ConfigReading, readOpenClawConfig } from './config.ts';
import {
  type AuthMode,
  authModeOf,
  type Credential,
  type CredentialPlace,
  credentialKind,
  fromTokenFile,
  type HeldPlaceholder,
  heldCredentials,
} from './credentials.ts';
import { environmentOf, readDotenv } from './environment.ts';
import { type LiveGateway, type Location, locateGateway } from './locate.ts';
import { type GatewayLock, gatewayLocks, isLockLiving } from './lock.ts';
import type { ConfiguredModels } from './models.ts';
import {
  findPaths,
  homeOf,
  namedStateDir,
  type OpenClawPaths,
  profileOfFolder,
  profileStateDir,
} from './paths.ts';
import type { Env, SecretSources } from './secrets.ts';
import { readServiceFiles, type ServiceFiles } from './service/files.ts';
import { profileOf, setting } from './variables.ts';
import { folderPort, profilePort } from './versions.ts';

/**
 * What the OpenClaw CLI on this machine would use, found the way it finds it. Read
 * anew by each caller's round.
 */
export interface OpenClawInstall {
  readonly address: GatewayAddress;
  /** Absolute path; never shown in any output. */
  readonly stateDir: string;
  readonly configPath: string;
  /** Names service and port; undefined for the default profile. */
  readonly profile: string | undefined;
  /** Why {@link address} is what it is, and what the configuration says. */
  readonly location: Location;
  readonly authMode: AuthMode;
  /**
   * The credential to prove against the gateway, by the CLI's own precedence;
   * undefined where none is configured.
   */
  readonly credential: Credential | undefined;
  /** Places that hold a credential, the proved one included. */
  readonly credentials: readonly Credential[];
  /** Places that hold a credential which only OpenClaw itself can read (a command, its secret store). */
  readonly unresolved: readonly CredentialPlace[];
  /** Places of which it is unknown whether they hold a credential. */
  readonly unreadable?: readonly CredentialPlace[];
  /** Places that hold a placeholder where a credential belongs. */
  readonly placeholders?: readonly HeldPlaceholder[];
  /** The gateway's version, as its service file or its configuration tells it; undefined where neither does. */
  readonly version?: string | undefined;
  /** Whether a service file of this gateway was read; it may hold no credential. */
  readonly service?: boolean;
  /** Whether the service file of that name starts the gateway of another state folder. */
  readonly serviceIsOthers: boolean;
  /** The port that the service file names. */
  readonly servicePort: number | undefined;
  /**
   * The version that wrote openclaw.json last, such as `2026.9.6`; what is known of
   * a gateway that says nothing.
   */
  readonly writtenBy?: string | undefined;
  /** What the configuration says of the scheduler of cron jobs. */
  readonly cron?: CronSetting;
  /** Channels that openclaw.json configures; undefined where it cannot be read. */
  readonly channels?: readonly ConfiguredChannel[] | undefined;
  /** Models that openclaw.json gives to agents. */
  readonly models?: ConfiguredModels | undefined;
  /** What could not be read or understood, in words without paths or secrets. */
  readonly problems: readonly string[];
}

/** The scheduler of cron jobs, as far as files tell. */
export interface CronSetting {
  /** `cron.enabled` of openclaw.json; undefined where that cannot be known. */
  readonly enabled: boolean | undefined;
  /**
   * `OPENCLAW_SKIP_CRON` as `.env` and openclaw.json set it, which a gateway reads besides its environment.
   */
  readonly skip: string | undefined;
  /** The same variable as the service file sets it, for the next start. */
  readonly serviceSkip: string | undefined;
}

/** What a question about one gateway needs to know of it. */
export type KnownGateway = Pick<
  OpenClawInstall,
  'address' | 'authMode' | 'credential' | 'placeholders' | 'problems'
>;

/** Where to look, and what the exporter's own configuration names instead. */
export interface InstallOptions {
  readonly env: Env;
  /** The `gateway` section of the exporter's configuration, which overrides what is found. */
  readonly gateway: {
    readonly url?: string | undefined;
    readonly state_dir?: string | undefined;
    readonly token_file?: string | undefined;
  };
  /** In front of the machine's own folders, such as /etc; for tests. */
  readonly root?: string;
  /** IP addresses of this machine; for tests. */
  readonly addresses?: () => readonly string[];
}

/**
 * Finds address, state folder and credentials: as the OpenClaw CLI does, and where the gateway
 * lives, where it does. As long as nothing changed, each call costs a few `stat`s and gives the same
 * object. Never throws, never writes.
 */
export function openClawInstallReader(
  options: InstallOptions,
): (live?: LiveGateway | undefined) => OpenClawInstall {
  let last:
    | { readonly files: NotedFiles; readonly key: string; readonly install: OpenClawInstall }
    | undefined;
  return (seen) => {
    const { env } = options;
    const stateDir = chooseStateDir(options, last?.install.stateDir);
    const live = seen ?? liveByLock(stateDir ?? join(homeOf(env), '.openclaw'), env);
    const key = JSON.stringify([stateDir, live]);
    if (last?.key === key && last.files.unchanged()) return last.install;
    const files = new NotedFiles();
    last = { files, key, install: find(options, { files, stateDir, live }) };
    return last.install;
  };
}

/** One reading, without memory of an earlier one. */
export function openClawInstall(options: InstallOptions, live?: LiveGateway): OpenClawInstall {
  return openClawInstallReader(options)(live);
}

/**
 * Whether the gateway of this installation is on this machine, so that its files speak of it. Where
 * openclaw.json says that it is elsewhere, an address of this machine is that of a tunnel.
 */
export function isGatewayHere({ address, location }: Pick<OpenClawInstall, 'address' | 'location'>): boolean {
  return address.local && location.by !== 'remote';
}

/** What is known of the living gateway, and where files are read. */
interface Known {
  readonly files: NotedFiles;
  /** Named by configuration or variables; undefined for the default one. */
  readonly stateDir: string | undefined;
  readonly live: LiveGateway | undefined;
}

/** What OpenClaw's own files say, before anything is concluded from it. */
interface Setup {
  readonly home: string;
  readonly paths: OpenClawPaths;
  readonly reading: ConfigReading;
  readonly dotenv: Env;
  readonly problems: readonly string[];
}

function readSetup({ env }: InstallOptions, { files, stateDir }: Known): Setup {
  const problems: string[] = [];
  const home = homeOf(env);
  const paths = findPaths(env, stateDir, home, files);
  const dotenv = readDotenv(paths.dotenvPaths, files, problems);
  const roots = (env.OPENCLAW_INCLUDE_ROOTS ?? '').split(delimiter).filter((root) => root !== '');
  const expanded = roots.map((root) => expandHome(root, home));
  const reading = readOpenClawConfig(paths.configPath, files, expanded);
  return { home, paths, reading, dotenv, problems: [...problems, ...reading.problems] };
}

/**
 * The profile, by the variable, else by the folder that the option `--profile` makes, and the port it gives.
 */
function profileIn(env: Env, stateDir: string, home: string, version: string | undefined) {
  const byFolder = profileOfFolder(stateDir, home);
  const profile = profileOf(env) ?? byFolder;
  if (profile === undefined) return { profile, port: undefined };
  return { profile, port: (profile === byFolder ? folderPort : profilePort)(profile, version) };
}

function find(options: InstallOptions, known: Known): OpenClawInstall {
  const { env, gateway } = options;
  const { files } = known;
  const setup = readSetup(options, known);
  const {
    home,
    dotenv,
    reading: { config },
    paths: { stateDir, configPath },
  } = setup;
  const problems = [...setup.problems];
  const sources: SecretSources = {
    config,
    env: environmentOf(config, dotenv, env),
    files,
    expand: (path) => resolve(dirname(configPath), expandHome(path, home)),
  };
  const authMode = authModeOf(config, sources.env);
  const { profile, service, version, location } = findPlace(options, known, { ...setup, sources }, problems);
  const address = addressAt(location, sources, stateDir, problems);
  const own = address.local && startsAt(service, location, address.port) ? service : undefined;
  problems.push(...(address.local ? service.problems : []));
  const { target } = location;
  const held = findCredentials(
    { sources, env, dotenv, service: own, authMode, target, address, version },
    gateway.token_file === undefined ? undefined : { path: expandHome(gateway.token_file, home), home },
    problems,
  );
  return {
    ...{ address, stateDir, configPath, profile, location, authMode },
    ...held,
    version,
    credential: canProve(authMode, address) ? held.credential : undefined,
    service: own?.found === true,
    unreadable: setup.reading.unreadable === undefined ? [] : ['config'],
    cron: cronSetting(setup, own?.environment.get('OPENCLAW_SKIP_CRON')),
    serviceIsOthers: service.isOthers,
    servicePort: own?.port,
    writtenBy: versionIn(config.meta?.lastTouchedVersion),
    channels: setup.reading.unreadable === undefined ? (config.channels ?? []) : undefined,
    models: config.agents,
    problems: [...new Set(problems)],
  };
}

/**
 * Behind a trusted proxy a password counts only for who comes from the gateway's own machine, past the proxy.
 */
function canProve(mode: AuthMode, { local }: GatewayAddress): boolean {
  return credentialKind(mode) !== undefined && (mode !== 'trusted-proxy' || local);
}

function cronSetting(
  { reading: { config, unreadable, broken }, dotenv }: Setup,
  serviceSkip: string | undefined,
): CronSetting {
  // A configuration that cannot be used, or a broken value in it, is no default.
  const isUnknown = unreadable !== undefined || broken.some((name) => /^(?:$|cron(?:$|\.))/.test(name));
  const skip = environmentOf(config, dotenv, {}).OPENCLAW_SKIP_CRON;
  return { enabled: isUnknown ? undefined : config.cron?.enabled !== false, skip, serviceSkip };
}

/** The credential to prove and all that are held, that of the exporter's own `tokenFile` first. */
function findCredentials(
  holding: Parameters<typeof heldCredentials>[0],
  tokenFile: { readonly path: string; readonly home: string } | undefined,
  problems: string[],
): Pick<OpenClawInstall, 'credential' | 'credentials' | 'unresolved' | 'placeholders'> {
  const { sources, env, dotenv, service } = holding;
  // What the gateway is started with counts for a variable that openclaw.json names,
  // where nothing nearer sets it.
  const withService = { ...sources, env: environmentOf(sources.config, dotenv, env, service?.environment) };
  const { all, unresolved, placeholders, ...held } = heldCredentials({ ...holding, sources: withService });
  problems.push(...held.problems);
  const credential =
    tokenFile === undefined
      ? held.credential
      : fromTokenFile(
          tokenFile.path,
          { name: 'gateway.token_file', home: tokenFile.home },
          sources.files,
          problems,
        );
  const credentials = credential?.place === 'other' ? [credential, ...all] : all;
  return { credential, credentials, unresolved, placeholders };
}

/** Profile, service and address, each by what is known before it. */
function findPlace(
  { env, gateway, root = '/', addresses = machineAddresses }: InstallOptions,
  { files, live }: Known,
  { home, paths: { stateDir }, reading, dotenv, sources }: Setup & { readonly sources: SecretSources },
  problems: string[],
) {
  const { profile } = profileIn(env, stateDir, home, undefined);
  const service = readServiceFiles({ env, home, stateDir, profile, root, files });
  const version = service.version ?? versionIn(reading.config.meta?.lastTouchedVersion);
  const query = {
    url: gateway.url,
    env,
    fileEnv: environmentOf(reading.config, dotenv, {}),
    sources,
    reading,
    servicePort: service.port,
    profilePort: profileIn(env, stateDir, home, version).port,
    version,
    live,
    addresses,
  };
  return { profile, service, version, location: locateGateway(query, problems) };
}

function versionIn(text: string | undefined): string | undefined {
  return /^\d{4}\.\d+\.\d+/.exec(text ?? '')?.[0];
}

/**
 * The address that was found, with the certificate to expect. An address of this
 * machine is local, whatever it is.
 */
function addressAt(
  { target, unknown }: Location,
  sources: SecretSources,
  stateDir: string,
  problems: string[],
): GatewayAddress {
  const address = pinnedAddress(target, sources, stateDir, problems);
  return { ...address, local: address.local || target.named === 'local', unknown };
}

/**
 * Where the user named an address, a service that starts a gateway on another port starts another gateway.
 */
function startsAt({ port }: ServiceFiles, { by }: Location, asked: number): boolean {
  const isNamed = by === 'exporter' || by === 'env' || by === 'remote';
  return !isNamed || port === undefined || port === asked;
}

/**
 * The state folder that configuration and variables name; undefined for the default one. The variable
 * OPENCLAW_PROFILE alone leaves it in the default folder, but people also set it to name the gateway
 * of `--profile`: then the folder in which a gateway lives decides, else the one that was used
 * `before`, else the one that is there.
 */
function chooseStateDir({ env, gateway }: InstallOptions, before: string | undefined): string | undefined {
  const home = homeOf(env);
  if (gateway.state_dir !== undefined) return resolve(expandHome(gateway.state_dir, home));
  const profile = profileOf(env);
  const named = namedStateDir(env, home);
  if (named !== undefined || profile === undefined) return named;
  const candidates = [profileStateDir(profile, home), join(home, '.openclaw')] as const;
  const [ofOption, ofVariable] = candidates;
  if (!existsSync(ofOption)) return undefined;
  const living = candidates.find((folder) => findLivingLock(folder, env) !== undefined);
  const kept = candidates.find((folder) => folder === before);
  const chosen = living ?? kept ?? (existsSync(join(ofVariable, 'openclaw.json')) ? ofVariable : ofOption);
  return chosen === ofVariable ? undefined : chosen;
}

function findLivingLock(stateDir: string, env: Env): GatewayLock | undefined {
  const query = { stateDir, configPath: join(stateDir, 'openclaw.json'), tempDirs: tempFolders(env) };
  return gatewayLocks(query).find((lock) => lock.ours && isLockLiving(lock));
}

/** Where the gateway that holds the lock listens, until its process was looked for. */
function liveByLock(stateDir: string, env: Env): LiveGateway | undefined {
  const lock = findLivingLock(stateDir, env);
  if (lock === undefined) return undefined;
  const listens = listeningSockets(lock.pid);
  const { port } = lock;
  return { listens: port === undefined ? listens : listens.filter((one) => one.port === port), port };
}

/** Folders in which older gateways lock: their own temporary folder is not known, so all likely ones. */
export function tempFolders(env: Env): string[] {
  return [...new Set([setting(env.TMPDIR) ?? '/tmp', tmpdir(), '/tmp'])];
}

/** The IP addresses of this machine's interfaces. */
function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
