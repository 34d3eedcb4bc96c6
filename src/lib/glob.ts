import { dirname } from 'node:path';

/** Whether a segment of a glob stands for more than one name. */
export function hasMagic(segment: string): boolean {
  return /[*?[]/.test(segment);
}

/** The folder before the first pattern of an absolute glob without braces, and the segments from there on. */
export function splitGlob(glob: string): { base: string; rest: readonly string[] } {
  const segments = glob.split('/').filter((segment) => segment !== '');
  const magic = segments.findIndex(hasMagic);
  if (magic < 0) return { base: dirname(glob), rest: segments.slice(-1) };
  return { base: `/${segments.slice(0, magic).join('/')}`, rest: segments.slice(magic) };
}

/** `a{b,c}d` as `abd` and `acd`; at most 100 spellings, not nested. */
export function expandBraces(glob: string): string[] {
  let spelled = [glob];
  for (;;) {
    const next = spelled.flatMap((text) => {
      const match = /\{([^{}]*,[^{}]*)\}/.exec(text);
      if (match === null) return [text];
      const before = text.slice(0, match.index);
      const after = text.slice(match.index + match[0].length);
      return (match[1] ?? '').split(',').map((choice) => before + choice + after);
    });
    if (next.length === spelled.length || next.length > 100) return spelled;
    spelled = next;
  }
}

/** The folders of an absolute path that a glob leaves open; undefined when it does not match. */
export function openFolders(glob: string, path: string): readonly string[] | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  for (const spelled of expandBraces(glob)) {
    const open = openInSpelled(spelled, segments);
    if (open !== undefined) return open;
  }
  return undefined;
}

function openInSpelled(spelled: string, segments: readonly string[]): readonly string[] | undefined {
  const { base, rest } = splitGlob(spelled);
  const fixed = base.split('/').filter((segment) => segment !== '');
  if (fixed.some((segment, index) => segments[index] !== segment)) return undefined;
  return openRest(rest, segments.slice(fixed.length));
}

function openRest(rest: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  const [pattern, ...further] = rest;
  const [segment, ...behind] = segments;
  if (pattern === undefined || segment === undefined) return undefined;
  if (pattern === '**') {
    const here = openRest(further, segments);
    if (here !== undefined || behind.length === 0) return here;
    const deeper = openRest(rest, behind);
    return deeper === undefined ? undefined : [segment, ...deeper];
  }
  if (!createNameMatcher(pattern)(segment)) return undefined;
  if (further.length === 0) return behind.length === 0 ? [] : undefined;
  const deeper = openRest(further, behind);
  if (deeper === undefined) return undefined;
  return hasMagic(pattern) ? [segment, ...deeper] : deeper;
}

type Piece =
  | { readonly kind: 'many' }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly chars: string; readonly not: boolean }
  | { readonly kind: 'char'; readonly char: string };

/**
 * Whether a file name matches one segment of a glob; takes at most pattern length times name length steps.
 */
export function createNameMatcher(segment: string): (name: string) => boolean {
  const pieces = piecesOf(segment);
  const dotted = segment.startsWith('.');
  return (name) => (dotted || !name.startsWith('.')) && matchPieces(pieces, [...name]);
}

function piecesOf(segment: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [text] of segment.matchAll(/\[!?\]?[^\]]*\]|\*+|./gsu)) {
    if (text.startsWith('*')) pieces.push({ kind: 'many' });
    else if (text === '?') pieces.push({ kind: 'one' });
    else if (text.length > 2 && text.startsWith('[')) pieces.push(classOf(text));
    else pieces.push({ kind: 'char', char: text });
  }
  return pieces;
}

function classOf(text: string): Piece {
  const not = text[1] === '!';
  return { kind: 'class', chars: text.slice(not ? 2 : 1, -1), not };
}

function matchPieces(pieces: readonly Piece[], name: readonly string[]): boolean {
  let at = 0;
  let piece = 0;
  let star = -1;
  let resume = 0;
  while (at < name.length) {
    const current = pieces[piece];
    if (current?.kind === 'many') {
      star = piece;
      resume = at;
      piece += 1;
    } else if (current !== undefined && matchOne(current, name[at] ?? '')) {
      piece += 1;
      at += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      piece = star + 1;
    } else return false;
  }
  while (pieces[piece]?.kind === 'many') piece += 1;
  return piece === pieces.length;
}

function matchOne(piece: Piece, char: string): boolean {
  switch (piece.kind) {
    case 'one':
      return true;
    case 'char':
      return piece.char === char;
    case 'class':
      return inClass(piece.chars, char) !== piece.not;
    case 'many':
      return false;
  }
}

function inClass(chars: string, char: string): boolean {
  for (let index = 0; index < chars.length; index += 1) {
    const from = chars[index] ?? '';
    const to = chars[index + 1] === '-' ? chars[index + 2] : undefined;
    if (to === undefined) {
      if (from === char) return true;
    } else {
      if (from <= char && char <= to) return true;
      index += 2;
    }
  }
  return false;
}
