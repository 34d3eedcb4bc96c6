import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sample } from '../../metrics/family.ts';

/** Rows shown of a table; the rest is counted. */
export const MAX_ROWS = 100;
/** Samples in a slice: a few milliseconds of work. */
const SLICE = 4_000;

/** Rows that are shown, and how many there are in all. */
export interface Rows<R> {
  readonly rows: readonly R[];
  readonly total: number;
}

/** Every sample of some snapshots, in slices; yields to other work in between. */
export async function* inTurns(snapshots: readonly (readonly Sample[])[]): AsyncGenerator<readonly Sample[]> {
  for (const snapshot of snapshots) {
    let slice: Sample[] = [];
    for (const sample of snapshot) {
      slice.push(sample);
      if (slice.length < SLICE) continue;
      yield slice;
      slice = [];
      await nextTurn();
    }
    yield slice;
  }
}

/** The first rows in an order, without sorting them all. */
export function firstOf<R>(all: Iterable<R>, order: (a: R, b: R) => number): R[] {
  let best: R[] = [];
  for (const row of all) {
    best.push(row);
    if (best.length >= 4 * MAX_ROWS) best = best.sort(order).slice(0, MAX_ROWS);
  }
  return best.sort(order).slice(0, MAX_ROWS);
}

/** By code unit: the order of names must only be the same each time. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
