const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What begins or ends a value, outside texts: `,` `[` `{`. */
const STRUCTURE: ReadonlySet<number> = new Set([0x2c, 0x5b, 0x7b]);

/**
 * Whether JSON holds more than `limit` values. Parsing stops everything else, for a time that goes
 * with the number of values: a megabyte of text takes a millisecond, a megabyte of empty lists a
 * hundred. Counting costs far less.
 */
export function holdsMoreValues(json: Buffer, limit: number): boolean {
  let values = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfText(json, at + 1);
    } else if (STRUCTURE.has(byte)) {
      values += 1;
      if (values > limit) return true;
    }
  }
  return false;
}

/** Where the closing quote stands of the text that begins at `from`. */
function endOfText(json: Buffer, from: number): number {
  let at = from;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
