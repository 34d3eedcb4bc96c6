/**
 * A part of at most so many values has one text; what is larger is put together from the texts of its parts.
 */
const PART_VALUES = 200;

const texts = new WeakMap<object, string>();

/**
 * `JSON.stringify` in pieces, for data that is replaced and never changed: the text of a part that was there
 * before is not made again, so that one change among thousands costs its own text. Only plain objects, lists,
 * texts, numbers, booleans and null; properties that are undefined are left out.
 */
export function jsonPieces(value: unknown): string[] {
  const pieces: string[] = [];
  addPieces(value, pieces);
  return pieces;
}

function addPieces(value: unknown, pieces: string[]): void {
  if (typeof value !== 'object' || value === null) {
    pieces.push(JSON.stringify(value) ?? 'null');
    return;
  }
  const known = texts.get(value);
  if (known !== undefined) {
    pieces.push(known);
  } else if (hasMoreValues(value, PART_VALUES)) {
    if (Array.isArray(value)) addList(value, pieces);
    else addMembers(value, pieces);
  } else {
    const text = JSON.stringify(value);
    texts.set(value, text);
    pieces.push(text);
  }
}

function addList(list: readonly unknown[], pieces: string[]): void {
  let before = '[';
  for (const part of list) {
    pieces.push(before);
    addPieces(part, pieces);
    before = ',';
  }
  pieces.push(']');
}

function addMembers(value: object, pieces: string[]): void {
  let before = '{';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    pieces.push(before, JSON.stringify(name), ':');
    addPieces(member, pieces);
    before = ',';
  }
  pieces.push(before === '{' ? '{}' : '}');
}

function hasMoreValues(value: object, limit: number): boolean {
  const waiting: object[] = [value];
  let values = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name in next) {
      values += 1;
      if (values > limit) return true;
      const member: unknown = next[name as keyof typeof next];
      if (typeof member === 'object' && member !== null) waiting.push(member);
    }
  }
  return false;
}
