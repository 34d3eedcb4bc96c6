import { parse as parseDotenv } from 'dotenv';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { OpenClawConfig } from './config.ts';
import type { Env } from './secrets.ts';

const MAX_DOTENV_BYTES = 1024 * 1024;

/**
 * What the `.env` files set, the strongest first in `paths`; one that cannot be read is a
 * problem, in words without paths.
 */
export function readDotenv(
  paths: readonly string[],
  files: NotedFiles,
  problems: string[],
): Record<string, string> {
  const found: Record<string, string>[] = [];
  for (const path of paths) {
    const read = files.read(path, MAX_DOTENV_BYTES);
    if (read.state === 'failed') problems.push(`the state folder's .env cannot be read (${read.reason})`);
    if (read.state === 'read') found.push(parseDotenv(read.text));
  }
  return Object.assign({}, ...found.reverse());
}

/**
 * The variables as OpenClaw has them: the process' own, then `.env`, then what the gateway's service starts
 * it with, then what openclaw.json sets.
 */
export function environmentOf(
  config: OpenClawConfig,
  dotenv: Env,
  env: Env,
  startedWith: ReadonlyMap<string, string> = new Map(),
): Env {
  return { ...configEnv(config), ...Object.fromEntries(startedWith), ...dotenv, ...withoutUndefined(env) };
}

/** Variables that openclaw.json itself sets, in `env.vars` or directly in `env`. */
function configEnv({ env }: OpenClawConfig): Record<string, string> {
  const entries = Object.entries({ ...env, ...env?.vars });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function withoutUndefined(env: Env): Record<string, string> {
  const entries = Object.entries(env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
