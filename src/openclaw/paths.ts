import { basename, dirname, join, resolve } from 'node:path';
import { expandHome, homeOfUser } from '../lib/paths.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { Env } from './secrets.ts';
import { setting } from './variables.ts';

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

/** The database of a state folder, which gateways have from 2026.6 on. */
export function stateDatabase(stateDir: string): string {
  return join(stateDir, 'state', 'openclaw.sqlite');
}

/**
 * The state folder, openclaw.json and `.env` as OpenClaw looks for them; what is not there has the
 * path it would have. `named` is the state folder that configuration or variables name, or
 * undefined for the default one.
 */
export function findPaths(
  env: Env,
  named: string | undefined,
  home: string,
  files: NotedFiles,
): OpenClawPaths {
  const defaults = ['.openclaw', '.clawdbot'].map((name) => join(home, name));
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

/** The state folder that OPENCLAW_STATE_DIR names; undefined where it names none. */
export function namedStateDir(env: Env, home: string): string | undefined {
  const named = setting(env.OPENCLAW_STATE_DIR);
  return named === undefined ? undefined : resolve(expandHome(named, home));
}

/** The state folder of `openclaw --profile NAME`. */
export function profileStateDir(profile: string, home: string): string {
  return join(home, `.openclaw-${profile}`);
}

/** The profile whose folder this is; undefined for the default folder and for any other. */
export function profileOfFolder(stateDir: string, home: string): string | undefined {
  const name = /^\.openclaw-([\w.-]+)$/.exec(basename(stateDir))?.[1];
  return dirname(stateDir) === home && name !== 'default' ? name : undefined;
}
