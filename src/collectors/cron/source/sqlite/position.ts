import { z } from 'zod';

/**
 * The newest rows at the last look, newest first. As long as one of them is still the same row, rowids mean
 * what they meant, and a row beyond the newest was written later.
 */
export const places = z.array(z.object({ rowid: z.number(), id: z.string() }));
/** Rows by which a place in a table is known again. */
export type Places = z.output<typeof places>;

/** Where to go on in a table. */
export interface Position {
  /** Rows up to this rowid need not be read. */
  readonly from: number;
  /** Rows beyond this rowid are new for certain. */
  readonly provenAfter: number;
  /** The newest rows now, for the next look. */
  readonly places: Places;
}

/** Nothing is known of a former look. */
export const NOWHERE: Position = { from: 0, provenAfter: Number.POSITIVE_INFINITY, places: [] };

/** A table whose rows can be known again. */
export interface PlacedTable {
  /** The newest rows, newest first. */
  newest(): Places;
  /** What names the row that has a rowid now; empty where there is none. */
  idAt(rowid: number): string;
}

/**
 * Where a look goes on after one that remembered `known`. An empty table was remembered as such: everything
 * in it is new. When no remembered row is left, nothing is known.
 */
export function positionOf(known: Places, table: PlacedTable): Position {
  const newest = known[0];
  if (newest === undefined) return { from: 0, provenAfter: 0, places: [] };
  const held = known.find(({ rowid, id }) => table.idAt(rowid) === id);
  return held === undefined ? NOWHERE : { from: held.rowid, provenAfter: newest.rowid, places: [] };
}

/** Where a look goes on behind a page that was read from `position`; `more` where another page follows. */
export function positionAfter(
  { from, provenAfter }: Position,
  page: readonly { readonly rowid: number }[],
  more: boolean,
  table: PlacedTable,
): Position {
  // Rows that a look by time left out are not new at the next look either: that one
  // begins at the newest row of all.
  const places = more ? [] : table.newest();
  return { from: Math.max(from, page.at(-1)?.rowid ?? 0, places[0]?.rowid ?? 0), provenAfter, places };
}
