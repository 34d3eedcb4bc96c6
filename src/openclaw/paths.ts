import { dirname, join, resolve } from 'node:path';
import { expandHome, homeOfUser } from '../lib/paths.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { Env } from './secrets.ts';
import { profileOf, setting } from './variables.ts';

/** The folder that OpenClaw takes for home; `/` where nothing tells one. */
export function homeOf(env: Env): string {
  const osHome = setting(env.HOME) ?? setting(env.USERPROFILE) ?? homeOfUser() ?? '/';
  const own = setting(env.OPENCLAW_HOME);
  return own === undefined ? osHome : resolve(expandHome(own, osHome));
}

/** Where OpenClaw's files are; absolute. */
export interface OpenClawPaths {
  readonly stateDir: string;
  readonly configPath: string;
  /** Strongest first. */
  readonly dotenvPaths: readonly string[];
}

/**
 * The state folder, openclaw.json and `.env` as OpenClaw looks for them; what is not there has the path it would have.
 * `configured` is the state folder that the exporter's configuration names, which wins over the variables.
 */
export function findPaths(
  env: Env,
  configured: string | undefined,
  home: string,
  files: NotedFiles,
): OpenClawPaths {
  const defaults = ['.openclaw', '.clawdbot'].map((name) => join(home, name));
  const named = configured === undefined ? namedStateDir(env, home) : resolve(expandHome(configured, home));
  const stateDir = named ?? defaults.find((folder) => files.exists(folder)) ?? join(home, '.openclaw');
  const namedConfig = setting(env.OPENCLAW_CONFIG_PATH);
  const candidates = [stateDir, ...(named === undefined ? defaults : [])].flatMap((folder) => [
    join(folder, 'openclaw.json'),
    join(folder, 'clawdbot.json'),
  ]);
  const configPath =
    namedConfig === undefined
      ? (candidates.find((path) => files.exists(path)) ?? join(stateDir, 'openclaw.json'))
      : resolve(expandHome(namedConfig, home));
  const dotenvFolder = named === undefined && namedConfig !== undefined ? dirname(configPath) : stateDir;
  const isDefault = stateDir === join(home, '.openclaw');
  return {
    stateDir,
    configPath,
    dotenvPaths: [
      join(dotenvFolder, '.env'),
      ...(isDefault ? [join(home, '.config', 'openclaw', 'gateway.env')] : []),
    ],
  };
}

/** The state folder that variables name, as OpenClaw derives it; undefined where they name none. */
export function namedStateDir(env: Env, home: string): string | undefined {
  const named = setting(env.OPENCLAW_STATE_DIR);
  if (named !== undefined) return resolve(expandHome(named, home));
  const profile = profileOf(env);
  return profile === undefined ? undefined : resolve(home, `.openclaw-${profile}`);
}
