import { stat } from 'node:fs/promises';
import { codeOf } from '../../../src/lib/errors.ts';

/** The outcomes of one reading. TODO: one member for each that leads to another verdict. */
export type GadgetOutcome =
  | { readonly state: 'present'; readonly modifiedMs: number }
  | { readonly state: 'missing' }
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * TODO: what it reads, in which unit, and where that is documented. Expected
 * failures are outcomes; never throws.
 */
export async function readGadget(path: string): Promise<GadgetOutcome> {
  try {
    const { mtimeMs } = await stat(path);
    return { state: 'present', modifiedMs: mtimeMs };
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT'
      ? { state: 'missing' }
      : { state: 'unreadable', reason: code ?? 'unknown error' };
  }
}
