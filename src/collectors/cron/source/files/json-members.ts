import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseJson } from '../../../../lib/json.ts';
import { holdsMoreValues } from '../../../../lib/json-size.ts';

/** Text that is gone through before others have their turn: a few milliseconds. */
const SLICE_CHARS = 128 * 1024;
/** What a part costs beside its characters. */
const PART_CHARS = 64;
/** Of one member: parsing one stops everything else. A real one has a few kilobytes, or one long text. */
const MAX_MEMBER_CHARS = 2 * 1024 * 1024;
/** Of a member that is longer than a slice. */
const MAX_MEMBER_VALUES = 10_000;
/** Of all that is neither inside a list nor inside an object of the outer object. */
const MAX_OUTLINE_CHARS = 64 * 1024;

/**
 * Gives to `take`, one after the other, the texts of the members of the list or object that the JSON
 * object `json` has as `name`; others have their turn in between, however large it is. True where
 * that name is there and `take` agreed to each member; what stands under other names is not looked
 * at. Throws when `signal` fires.
 */
export async function eachMember(
  json: string,
  name: string,
  signal: AbortSignal,
  take: (member: string) => boolean,
): Promise<boolean> {
  const wanted = new RegExp(`"${name}"\\s*:\\s*[[{]$`);
  let outline = '';
  let isWanted = false;
  let isFound = false;
  let left = SLICE_CHARS;
  for (const { text, kind } of partsOf(json)) {
    if (left < 0) {
      await nextTurn();
      signal.throwIfAborted();
      left = SLICE_CHARS;
    }
    left -= text.length + PART_CHARS;
    if (kind === 'outline') {
      outline += text;
      if (outline.length > MAX_OUTLINE_CHARS) return false;
      isWanted = wanted.test(text);
      isFound ||= isWanted;
    } else if (isWanted && text.trim() !== '' && (isTooLarge(text) || !take(text))) {
      return false;
    }
  }
  return isFound && parseJson(outline) !== undefined;
}

function isTooLarge(member: string): boolean {
  if (member.length > MAX_MEMBER_CHARS) return true;
  return member.length > SLICE_CHARS && holdsMoreValues(Buffer.from(member), MAX_MEMBER_VALUES);
}

interface Part {
  /** `outline` is what stands around the members, with the brackets that hold them. */
  readonly kind: 'outline' | 'member';
  readonly text: string;
}

/**
 * The texts of what lies two brackets deep, and of what stands around; it is not checked that they are JSON.
 * What is too large to be a member comes in pieces that are too large as well.
 */
function* partsOf(json: string): Generator<Part> {
  let depth = 0;
  let start = 0;
  for (const at of marksOf(json)) {
    const step = STEPS[json.charAt(at)];
    if (step === 1) depth += 1;
    const cut = cutAt(at, { step, depth, start });
    if (cut !== undefined) {
      yield { kind: cut.kind, text: json.slice(start, cut.end) };
      start = cut.next;
    }
    if (step === -1) depth -= 1;
  }
  yield { kind: 'outline', text: json.slice(start) };
}

interface Place {
  /** What the mark does to the depth; undefined where none stands. */
  readonly step: -1 | 0 | 1 | undefined;
  readonly depth: number;
  /** Where the part began. */
  readonly start: number;
}

/** How a part ends there and where the next one begins; undefined where it goes on. */
function cutAt(at: number, { step, depth, start }: Place): Cut | undefined {
  if (depth === 2 && step === 1) return { kind: 'outline', end: at + 1, next: at + 1 };
  if (depth === 2 && step === 0) return { kind: 'member', end: at, next: at + 1 };
  if (depth === 2 && step === -1) return { kind: 'member', end: at, next: at };
  if (at - start <= MAX_MEMBER_CHARS) return undefined;
  return { kind: depth < 2 ? 'outline' : 'member', end: at, next: at };
}

interface Cut {
  readonly kind: Part['kind'];
  readonly end: number;
  readonly next: number;
}

/** What each mark does to the depth. */
const STEPS: Readonly<Record<string, -1 | 0 | 1>> = { '[': 1, '{': 1, ',': 0, ']': -1, '}': -1 };
const MARKS: ReadonlySet<number> = new Set(Object.keys(STEPS).map((mark) => mark.charCodeAt(0)));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Where a bracket or comma stands outside of texts, and now and then another
 * place, so that no stretch is long.
 */
function* marksOf(json: string): Generator<number> {
  let isText = false;
  let last = 0;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if ((!isText && MARKS.has(code)) || (at - last > SLICE_CHARS && !MARKS.has(code))) {
      last = at;
      yield at;
    }
    if (code === QUOTE) isText = !isText;
    else if (isText && code === BACKSLASH) at += 1;
  }
}
