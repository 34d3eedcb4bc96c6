import { readFile, realpath } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { readRegular } from '../lib/regular-file.ts';
import type { ProcessRow } from '../os/processes.ts';

const MAX_BYTES = 64 * 1024;
const MAX_CHILDREN = 64;
/**
 * Scripts of the package: what starts a gateway, and the workers that a renamed
 * one of 2026.9 has for children.
 */
const SCRIPT = /^(\/.+)\/(?:openclaw\.m?js|dist\/(?:[\w-]+\/)*[\w.-]+\.m?js)$/;

const buildInfo = z.object({ version: z.string().regex(/^\d{4}\.\d+\.\d+[\w.-]{0,32}$/) });

/** The installed package's version, or why it is not known. */
export type InstalledVersion =
  | { readonly state: 'read'; readonly version: string }
  | { readonly state: 'absent' }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * The folder of the package from which a gateway runs: by its own arguments, by those of its
 * children where it has renamed itself, else that of the `openclaw` that the search path finds.
 * Undefined where none of them tells.
 */
export async function findPackage(
  row: Pick<ProcessRow, 'pid' | 'argv'> | undefined,
  path: string | undefined,
): Promise<string | undefined> {
  const own = packageIn(row?.argv ?? []);
  if (own !== undefined) return own;
  return (row && (await packageOfChildren(row.pid))) ?? packageOnPath(path);
}

/** Reads `dist/build-info.json` of a package: `package.json` alone says nothing of what a start would run. */
export async function readInstalledVersion(folder: string): Promise<InstalledVersion> {
  try {
    const text = await readRegular(join(folder, 'dist', 'build-info.json'), MAX_BYTES);
    const info = buildInfo.safeParse(parseJson(text)).data;
    return info === undefined
      ? { state: 'unreadable', reason: 'dist/build-info.json of the package names no version' }
      : { state: 'read', version: info.version };
  } catch (error) {
    const code = codeOf(error);
    // Between two versions, while a package manager replaces one by the other.
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'absent' };
    return { state: 'unreadable', reason: `the installed package cannot be read (${code ?? 'unknown'})` };
  }
}

/** The package that arguments name a script of. */
export function packageIn(argv: readonly string[]): string | undefined {
  for (const argument of argv.slice(0, 16)) {
    const folder = SCRIPT.exec(argument)?.[1];
    if (folder?.includes('openclaw') === true) return folder;
  }
  return undefined;
}

async function packageOfChildren(pid: number): Promise<string | undefined> {
  const children = await textOrEmpty(`/proc/${pid}/task/${pid}/children`);
  const pids = children.split(' ').filter((text) => /^\d+$/.test(text));
  for (const child of pids.slice(0, MAX_CHILDREN)) {
    const found = packageIn((await textOrEmpty(`/proc/${child}/cmdline`)).split('\0'));
    if (found !== undefined) return found;
  }
  return undefined;
}

async function textOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Package managers put a symbolic link to `openclaw.mjs` on the path. */
async function packageOnPath(path = ''): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const program = await realpath(join(folder, 'openclaw')).catch(() => undefined);
    if (program?.endsWith('/openclaw.mjs') === true) return dirname(program);
  }
  return undefined;
}
