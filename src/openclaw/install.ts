import { delimiter, dirname, resolve } from 'node:path';
import { expandHome } from '../lib/paths.ts';
import { NotedFiles } from '../lib/watched-files.ts';
import { findTarget, type GatewayAddress, pinnedAddress } from './address.ts';
import { type OpenClawConfig, readOpenClawConfig } from './config.ts';
import {
  type AuthMode,
  authModeOf,
  type Credential,
  type CredentialPlace,
  fromTokenFile,
  heldCredentials,
} from './credentials.ts';
import { environmentOf, readDotenv } from './environment.ts';
import { findPaths, homeOf, type OpenClawPaths } from './paths.ts';
import type { Env, SecretSources } from './secrets.ts';
import { readServiceFiles } from './service/files.ts';

/** What the OpenClaw CLI on this machine would use, found the way it finds it. Read anew by each caller's round. */
export interface OpenClawInstall {
  readonly address: GatewayAddress;
  /** Absolute path; never shown in any output. */
  readonly stateDir: string;
  readonly configPath: string;
  readonly authMode: AuthMode;
  /** The credential to prove against the gateway, by the CLI's own precedence; undefined where none is configured. */
  readonly credential: Credential | undefined;
  /** Places that hold a credential, the proved one included. */
  readonly credentials: readonly Credential[];
  /** Places that hold a credential which only OpenClaw itself can read (a command, its secret store). */
  readonly unresolved: readonly CredentialPlace[];
  /** Whether a service file of this gateway was read; it may hold no credential. */
  readonly service?: boolean;
  /** The version that wrote openclaw.json last, such as `2026.9.6`; what is known of a gateway that says nothing. */
  readonly writtenBy?: string | undefined;
  /** What the configuration says of the scheduler of cron jobs. */
  readonly cron?: CronSetting;
  /** What could not be read or understood, in words without paths or secrets. */
  readonly problems: readonly string[];
}

/** The scheduler of cron jobs, as far as files tell. */
export interface CronSetting {
  /** `cron.enabled` of openclaw.json; undefined where that cannot be known. */
  readonly enabled: boolean | undefined;
  /** `OPENCLAW_SKIP_CRON` as `.env` and openclaw.json set it, which a gateway reads besides its environment. */
  readonly skip: string | undefined;
  /** The same variable as the service file sets it, for the next start. */
  readonly serviceSkip: string | undefined;
}

/** What a question about one gateway needs to know of it. */
export type KnownGateway = Pick<OpenClawInstall, 'address' | 'authMode' | 'credential' | 'problems'>;

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
}

/**
 * Finds address, state folder and credentials as the OpenClaw CLI does. As long as no file changed, each call costs a
 * few `stat`s and gives the same object. Never throws, never writes.
 */
export function openClawInstallReader(options: InstallOptions): () => OpenClawInstall {
  let last: { readonly files: NotedFiles; readonly install: OpenClawInstall } | undefined;
  return () => {
    if (last?.files.unchanged()) return last.install;
    const files = new NotedFiles();
    last = { files, install: find(options, files) };
    return last.install;
  };
}

/** One reading, without memory of an earlier one. */
export function openClawInstall(options: InstallOptions): OpenClawInstall {
  return find(options, new NotedFiles());
}

/** What OpenClaw's own files say, before anything is concluded from it. */
interface Setup {
  readonly home: string;
  readonly paths: OpenClawPaths;
  readonly config: OpenClawConfig;
  readonly dotenv: Env;
  readonly problems: readonly string[];
}

function readSetup({ env, gateway }: InstallOptions, files: NotedFiles): Setup {
  const problems: string[] = [];
  const home = homeOf(env);
  const paths = findPaths(env, gateway.state_dir, home, files);
  const dotenv = readDotenv(paths.dotenvPaths, files, problems);
  const roots = (env.OPENCLAW_INCLUDE_ROOTS ?? '').split(delimiter).filter((root) => root !== '');
  const reading = readOpenClawConfig(
    paths.configPath,
    files,
    roots.map((root) => expandHome(root, home)),
  );
  return { home, paths, config: reading.config, dotenv, problems: [...problems, ...reading.problems] };
}

function find(options: InstallOptions, files: NotedFiles): OpenClawInstall {
  const { env, gateway, root = '/' } = options;
  const setup = readSetup(options, files);
  const { home, paths, config, dotenv } = setup;
  const { stateDir, configPath } = paths;
  const problems = [...setup.problems];
  const sources: SecretSources = {
    config,
    env: environmentOf(config, dotenv, env),
    files,
    expand: (path) => resolve(dirname(configPath), expandHome(path, home)),
  };
  const authMode = authModeOf(config, sources.env);
  const target = findTarget(gateway.url, sources, problems);
  const address = pinnedAddress(target, sources, stateDir, problems);
  const service = address.local
    ? readServiceFiles({ env, home, stateDir, port: address.port, root, files })
    : undefined;
  problems.push(...(service?.problems ?? []));
  // What the gateway is started with counts for a variable that openclaw.json names, where nothing nearer sets it.
  const withService = { ...sources, env: environmentOf(config, dotenv, env, service?.environment) };
  const held = heldCredentials({ sources: withService, env, dotenv, service, authMode, target, address });
  problems.push(...held.problems);
  const credential =
    gateway.token_file === undefined
      ? held.credential
      : fromTokenFile(
          expandHome(gateway.token_file, home),
          { name: 'gateway.token_file', home },
          files,
          problems,
        );
  return {
    address,
    stateDir,
    configPath,
    authMode,
    credential: authMode === 'none' || authMode === 'trusted-proxy' ? undefined : credential,
    credentials: credential?.place === 'other' ? [credential, ...held.all] : held.all,
    unresolved: held.unresolved,
    service: service?.found === true,
    cron: cronSetting(setup, service?.environment.get('OPENCLAW_SKIP_CRON')),
    writtenBy: /^\d{4}\.\d+\.\d+/.exec(config.meta?.lastTouchedVersion ?? '')?.[0],
    problems: [...new Set(problems)],
  };
}

function cronSetting({ config, dotenv, problems }: Setup, serviceSkip: string | undefined): CronSetting {
  // A configuration that cannot be used, or a broken value in it, is no default.
  const isUnknown = problems.some((problem) => /^openclaw\.json(?: |: cron)/.test(problem));
  const skip = environmentOf(config, dotenv, {}).OPENCLAW_SKIP_CRON;
  return { enabled: isUnknown ? undefined : config.cron?.enabled !== false, skip, serviceSkip };
}
