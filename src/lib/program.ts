import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where a program is: the first file of its name on the search path that may be run. */
export type ProgramPlace =
  | { readonly state: 'found'; readonly path: string }
  /** A file of its name is there, and this user may not run it. */
  | { readonly state: 'forbidden' }
  | { readonly state: 'missing' };

/**
 * Looks for `name` on `searchPath`. A folder that cannot be entered, or is none, is passed over: what
 * nobody can see there is not installed for this user. (execvp(3) reports EACCES for such a folder, and
 * ends its search at a loop of links.)
 */
export function findProgram(name: string, searchPath: string): ProgramPlace {
  if (name.includes('/')) return judge(name);
  let isForbidden = false;
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    const place = judge(join(folder, name));
    if (place.state === 'found') return place;
    isForbidden ||= place.state === 'forbidden';
  }
  return { state: isForbidden ? 'forbidden' : 'missing' };
}

function judge(path: string): ProgramPlace {
  try {
    if (!statSync(path).isFile()) return { state: 'missing' };
  } catch {
    return { state: 'missing' };
  }
  try {
    accessSync(path, constants.X_OK);
    return { state: 'found', path };
  } catch {
    return { state: 'forbidden' };
  }
}
