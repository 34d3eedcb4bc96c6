import { statSync } from 'node:fs';
import { codeOf } from './errors.ts';

/**
 * Another text whenever a file's content may be another one; a system error's code
 * where it cannot be looked at.
 */
export function stampOf(path: string): string {
  try {
    // Most files looked for are not there, and an error with its stack costs far more than the look.
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return 'ENOENT';
    const { mtimeNs, ctimeNs, size, ino } = stat;
    return `${mtimeNs}:${ctimeNs}:${size}:${ino}`;
  } catch (error) {
    return codeOf(error) ?? 'unreadable';
  }
}
