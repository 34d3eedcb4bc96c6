import { z } from 'zod';
import { findTime, type LineTime, parseTime } from './time.ts';

/**
 * A line that ends a good run where nobody configured another: SUCCESS or SUCCESSFUL as a word, neither
 * negated nor in a trace of `set -x`, whose lines begin with `+`.
 */
export const DEFAULT_SUCCESS =
  /^(?!\+{1,9} ).*(?<![\w-])(?<!\bNO |\bNOT |\bWITHOUT )SUCCESS(?:FUL(?:LY)?)?(?!\w|"?\s*[:=]\s*"?(?:false|FALSE)\b)/;
/**
 * A line that ends a failed run: ERROR as a word, no count of none (`0 ERRORS`, `ERRORS: 0`, `NO ERROR`), nor
 * in a trace; and the negations of {@link DEFAULT_SUCCESS}.
 */
export const DEFAULT_ERROR =
  /^(?!\+{1,9} ).*(?:(?<!\w)(?<!\b0 |\bNO |\bWITHOUT |\bWITHOUT ANY )ERRORS?(?!\w|(?:\(S\))?"?\s*[:=]\s*"?0\b)|\bUNSUCCESSFUL|\b(?:NO|NOT|WITHOUT) SUCCESS)/;

/** What a line says where nobody configured a pattern. */
export interface DefaultFinding {
  readonly kind: 'start' | 'ok' | 'error';
  /** The line ends a run only if one is under way: its words are too common to be a run of their own. */
  readonly needsStart: boolean;
  /** Of a start: the line without its digits, so that the same line of another run is recognised. */
  readonly shape: string | undefined;
  /** What a JSON object says of its time and duration; undefined for a line of text. */
  readonly time: LineTime | undefined;
  readonly durationMs: number | undefined;
}

/** Where words are searched; the time of each pattern is linear in it. */
const WORDS_CHARACTERS = 4096;
const SHAPE_CHARACTERS = 60;
const ESCAPE = '\u001B';
/** Colours and the like, which would stand right before a word. */
const COLOUR = new RegExp(`${ESCAPE}\\[[0-9;]{0,32}[A-Za-z]`, 'g');
const TRACE = /^\+{1,9} /;

const START =
  /(?<![\w-])(?<!\b(?:not|never|NOT|NEVER) )(?:[Ss]tart(?:ed|ing)|START(?:ED|ING)?|BEGIN)(?![\w-])/;
const END = /(?<![\w-])(?<!\b(?:not|never|0) )(?:completed|finished|done)(?![\w-])/i;
const FAILED =
  /(?<![\w-])(?<!\b(?:not|no|none|0) )(?:failed|aborted|timed out)(?!\w|"?\s*[:=]\s*"?(?:0|no|false|none)\b)/i;
const WITH_ERRORS =
  /\b(?:with|having) (?:[1-9]\d{0,8} |an? |some )?(?:errors?|failures?)\b|(?<![\w.])[1-9]\d{0,8} (?:errors?|failures?)\b/i;
const RETRY = /\bretry/i;
const EXIT = /\b(?:exit(?:ed)?|rc)(?: with)?(?: ?(?:code|status))? ?[:=]? ?(\d{1,3})\b/i;

/**
 * Reads a line of a log for which no pattern is configured: a JSON object by its status, a
 * line of text by the words SUCCESS and ERROR, and by `started`, `completed`, `failed` and the
 * like, which count in pairs only.
 */
export function judgeByDefault(raw: string): DefaultFinding | undefined {
  const line = raw.includes(ESCAPE) ? raw.replaceAll(COLOUR, '') : raw;
  const fields = parseFields(line);
  const kind = fields === undefined ? undefined : readStatus(fields);
  if (fields !== undefined && kind !== undefined)
    return { ...readTimes(fields), kind, needsStart: false, shape: shapeStart(kind, line) };
  const times = fields === undefined ? { time: undefined, durationMs: undefined } : readTimes(fields);
  const certain = DEFAULT_ERROR.test(line) ? 'error' : DEFAULT_SUCCESS.test(line) ? 'ok' : undefined;
  if (certain !== undefined) return { ...times, kind: certain, needsStart: false, shape: undefined };
  const text = fields === undefined ? line : (fields.msg ?? fields.message ?? fields.event);
  const paired = typeof text === 'string' ? readWords(text.slice(0, WORDS_CHARACTERS)) : undefined;
  if (paired === undefined) return undefined;
  return { ...times, kind: paired, needsStart: paired !== 'start', shape: shapeStart(paired, line) };
}

function shapeStart(kind: DefaultFinding['kind'], line: string): string | undefined {
  if (kind !== 'start') return undefined;
  return line.slice(0, WORDS_CHARACTERS).replaceAll(/\d+/g, '').slice(-SHAPE_CHARACTERS);
}

function readWords(text: string): DefaultFinding['kind'] | undefined {
  if (TRACE.test(text)) return undefined;
  const exit = EXIT.exec(text)?.[1];
  if (exit !== undefined) return Number(exit) === 0 ? 'ok' : 'error';
  const isEnd = END.test(text);
  if (isEnd && WITH_ERRORS.test(text)) return 'error';
  // What is tried again has not ended.
  if (FAILED.test(text)) return RETRY.test(text) ? undefined : 'error';
  if (isEnd) return 'ok';
  return START.test(text) ? 'start' : undefined;
}

const fieldsSchema = z.looseObject({});
type Fields = z.output<typeof fieldsSchema>;

function parseFields(line: string): Fields | undefined {
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined;
  try {
    return fieldsSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

const STATUS_KINDS: Readonly<Record<DefaultFinding['kind'], string>> = {
  ok: 'ok success successful succeeded complete completed done finished passed',
  error:
    'error errored fail failed failure fatal timeout timed_out aborted killed crashed interrupted unsuccessful',
  start: 'start started starting begin running in_progress',
};
const KINDS = new Map(
  (['ok', 'error', 'start'] as const).flatMap((kind) =>
    STATUS_KINDS[kind].split(' ').map((status) => [status, kind] as const),
  ),
);
/** In the order in which they are believed. */
const STATUS_KEYS = ['status', 'result', 'outcome', 'state'] as const;
const FLAG_KEYS = ['success', 'ok'] as const;
const EXIT_KEYS = ['exitCode', 'exit_code'] as const;

function readStatus(fields: Fields): DefaultFinding['kind'] | undefined {
  for (const key of STATUS_KEYS) {
    const value = fields[key];
    const kind = typeof value === 'string' ? KINDS.get(value.toLowerCase()) : undefined;
    if (kind !== undefined) return kind;
  }
  const flag = FLAG_KEYS.map((key) => fields[key]).find((value) => typeof value === 'boolean');
  if (flag !== undefined) return flag ? 'ok' : 'error';
  const exit = EXIT_KEYS.map((key) => fields[key]).find((value) => typeof value === 'number');
  return exit === undefined ? undefined : exit === 0 ? 'ok' : 'error';
}

const TIME_KEYS = ['time', 'timestamp', '@timestamp', 'ts'] as const;
const DURATION_KEYS = ['durationMs', 'duration_ms', 'elapsedMs', 'elapsed_ms'] as const;
/** Longer than any run: such a number is none of milliseconds. */
const MAX_DURATION_MS = 31 * 86_400_000;

function readTimes(fields: Fields): Pick<DefaultFinding, 'time' | 'durationMs'> {
  const told = TIME_KEYS.map((key) => fields[key]).find((value) => value !== undefined);
  const time =
    typeof told === 'number'
      ? parseTime(String(told))
      : typeof told === 'string'
        ? findTime(told.slice(0, 64))
        : undefined;
  const durationMs = DURATION_KEYS.map((key) => fields[key]).find(
    (value) => typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS,
  );
  return { time, durationMs: typeof durationMs === 'number' ? durationMs : undefined };
}
