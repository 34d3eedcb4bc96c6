import { basename, dirname } from 'node:path';
import { openFolders } from '../../../../lib/glob.ts';

/** The name of the job that writes a log: `cron-gcal-digest.log` is `gcal-digest`. */
export function jobNameOf(fileName: string): string {
  return fileName.replace(/\.log$/, '').replace(/^cron-(?=.)/, '');
}

/**
 * `<workspace>/<name>`: the folders that the glob leaves open, else the one the
 * log is in, and the job's name.
 */
export function jobIdentity(open: readonly string[], path: string): string {
  const folder = open.length > 0 ? open.join('/') : basename(dirname(path));
  return `${folder}/${jobNameOf(basename(path))}`;
}

/** The index of the first glob that an absolute path matches, and the job of that path. */
export function describePath(
  globs: readonly string[],
  path: string,
): { readonly glob: number; readonly job: string } | undefined {
  for (const [glob, pattern] of globs.entries()) {
    const open = openFolders(pattern, path);
    if (open !== undefined) return { glob, job: jobIdentity(open, path) };
  }
  return undefined;
}

/** The number that rotation gave, 0 without one; the higher, the older. */
export function generationOf(name: string): number {
  return Number(/\.(\d{1,3})(?:\.log)?$/.exec(name)?.[1] ?? 0);
}

/** Whether a name is one that only rotation gives. */
export function isGeneration(fileName: string, name: string): boolean {
  if (name.startsWith(fileName))
    return /^(?:\.\d{1,3}|[-._]\d{8}.*|[-._]\d{4}-\d{2}-\d{2}.*)$/.test(name.slice(fileName.length));
  return archiveOf(name) === fileName;
}

/** Whether a name is one that rotation gives: `x.log.1`, `x.log-20261123`, `x-20261123.log`, `x.log~`. */
export function isRelated(fileName: string, name: string): boolean {
  if (name === fileName) return false;
  if (name.startsWith(fileName)) return /^[-._~]/.test(name.slice(fileName.length));
  return archiveOf(name) === fileName;
}

/**
 * The log that an archive's name belongs to: `x.log` for `x.1.log` and
 * `x-2026-11-23.log`; undefined for others.
 */
export function archiveOf(path: string): string | undefined {
  const name = basename(path);
  const match = /^(.+?)(?:\.\d{1,3}|[-._](?:\d{8}|\d{4}-\d{2}-\d{2})[-_T.\d:]*)\.log$/.exec(name);
  return match === null ? undefined : `${path.slice(0, path.length - name.length)}${match[1]}.log`;
}
