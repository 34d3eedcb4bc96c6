import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from './errors.ts';

/** The user's home folder; undefined for a user the system does not know, as in many containers. */
export function homeOfUser(): string | undefined {
  try {
    return homedir();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * The folder that `~` stands for in the exporter's own configuration; `/` where nothing tells a home folder.
 */
export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.HOME || homeOfUser() || '/';
}

/** Whether a path begins at the home folder: `~` or `~/...`; `~name` is a folder of that name. */
export function isBelowHome(path: string): boolean {
  return path === '~' || path.startsWith('~/');
}

/** A path with a leading `~` replaced by `home`; any other path as it is. */
export function expandHome(path: string, home: string): string {
  return isBelowHome(path) ? join(home, path.slice(1)) : path;
}

/** A path as it may be shown: a home folder at its beginning is `~`. */
export function abbreviateHome(path: string, home: string): string {
  return home !== '/' && (path === home || path.startsWith(`${home}/`))
    ? `~${path.slice(home.length)}`
    : path;
}

/** A path with its symbolic links followed; the path itself where that cannot be done. */
export async function followLinks(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
