import { z } from 'zod';
import { findTime, type LineTime, parseTime } from './time.ts';
import { type CertainWord, isRetried, isTrace, readCertainWord, removeHarmless } from './words.ts';

/** Stands for {@link readCertainWord}'s words of success, where nobody configured a pattern. */
export const DEFAULT_SUCCESS = /SUCCESS/;
/** Stands for {@link readCertainWord}'s words of failure, where nobody configured a pattern. */
export const DEFAULT_ERROR = /ERROR/;

/** What a line says where nobody configured a pattern. */
export interface DefaultFinding {
  readonly kind: 'start' | 'ok' | 'error';
  /** The line ends a run only if one is under way: its words are too common to be a run of their own. */
  readonly needsStart: boolean;
  /** The program ended without an end of its own; what it prints next is about the same run. */
  readonly isCrash?: boolean | undefined;
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

const START =
  /(?<![\w-])(?<!\b(?:not|never|NOT|NEVER) )(?:[Ss]tart(?:ed|ing)|START(?:ED|ING)?|BEGIN)(?![\w-])/;
const END =
  /(?<![\w-])(?<!\b(?:not|never|0|to|will|when|until|once|if|be|un) )(?:completed?|finished|done|ended|succeeded|success(?:ful(?:ly)?)?|passed)(?![\w-])|(?<![\w-])ok\W{0,3}$/i;
/** `completed 2 of 3` is a step. */
const PROGRESS = /\b(?:completed|finished|done) (\d{1,9}) ?(?:of|\/) ?(\d{1,9})\b/i;
const FAILED =
  /(?<![\w-])(?:failed|failure|fatal|unsuccessful(?:ly)?|aborted|cancell?ed|killed|crashed|timed out)(?!\w|"?\s*[:=]\s*"?(?:0|no|false|none)\b)|\b(?:did not|didn't|could not|couldn't|unable to) (?:complete|finish|succeed)\b/i;
const WITH_ERRORS =
  /\b(?:with|having) (?:[1-9]\d{0,8} |an? |some )?(?:errors?|failures?)\b|(?<![\w.])[1-9]\d{0,8} (?:errors?|failures?)\b|\b(?:errors?|failures?)\s?[:=]\s?[1-9]/i;
const EXIT =
  /\b(?:(?:exit(?:ed)?|rc)(?: with)?(?: ?(?:code|status))?|(?:return(?:ed)?|ended|finished|completed|terminated)(?: with)?,? (?:code|status)) ?[:=]? ?(\d{1,3})\b/i;
const STATUS = /\b(?:status|result|outcome|state)["']?\s?[:=]\s?["']?([A-Za-z_]{2,20})/i;

/**
 * Reads a line of a log for which no pattern is configured: a JSON object by its status, a
 * line of text by the words SUCCESS and ERROR, and by `started`, `completed`, `failed` and the
 * like, which count in pairs only.
 */
export function judgeByDefault(raw: string): DefaultFinding | undefined {
  const line = raw.includes(ESCAPE) ? raw.replaceAll(COLOUR, '') : raw;
  const fields = parseFields(line);
  return fields === undefined ? judgeText(line) : judgeFields(fields, line);
}

/** Reads a line of text for a rule in which only one of both ends is configured. */
export function readDefaultWord(line: string): 'ok' | 'error' | undefined {
  if (isTrace(line)) return undefined;
  const word = readCertainWord(removeHarmless(line));
  return word === 'crash' ? 'error' : word;
}

const UNTIMED = { time: undefined, durationMs: undefined };

function judgeText(line: string): DefaultFinding | undefined {
  if (isTrace(line)) return undefined;
  const text = removeHarmless(line);
  const word = readCertainWord(text);
  if (word !== undefined) return { ...UNTIMED, ...certain(word) };
  const kind = readWords(text.slice(0, WORDS_CHARACTERS));
  return kind === undefined
    ? undefined
    : { ...UNTIMED, kind, needsStart: kind !== 'start', shape: shapeStart(kind, line) };
}

/** Of a JSON object its status, else what its message says. A level is about a line and no run. */
function judgeFields(fields: Fields, line: string): DefaultFinding | undefined {
  const times = readTimes(fields);
  const kind = readStatus(fields);
  if (kind !== undefined) return { ...times, kind, needsStart: false, shape: shapeStart(kind, line) };
  const message = MESSAGE_KEYS.map((key) => fields[key]).find((value) => typeof value === 'string');
  const finding = typeof message === 'string' ? judgeText(message) : undefined;
  if (finding === undefined || (finding.kind === 'ok' && isErrorLevel(fields))) return undefined;
  return { ...finding, ...times, shape: shapeStart(finding.kind, line) };
}

function certain(word: CertainWord): Omit<DefaultFinding, 'time' | 'durationMs'> {
  const isCrash = word === 'crash';
  return { kind: isCrash ? 'error' : word, needsStart: false, isCrash, shape: undefined };
}

function shapeStart(kind: DefaultFinding['kind'], line: string): string | undefined {
  if (kind !== 'start') return undefined;
  return line.slice(0, WORDS_CHARACTERS).replaceAll(/\d+/g, '').slice(-SHAPE_CHARACTERS);
}

function readWords(text: string): DefaultFinding['kind'] | undefined {
  const exit = EXIT.exec(text)?.[1];
  if (exit !== undefined) return Number(exit) === 0 ? 'ok' : 'error';
  const status = KINDS.get(STATUS.exec(text)?.[1]?.toLowerCase() ?? '');
  if (status !== undefined && status !== 'start') return status;
  const isEnd = END.test(text);
  if (isEnd && WITH_ERRORS.test(text)) return 'error';
  if (FAILED.test(text)) return isRetried(text) ? undefined : 'error';
  if (isEnd) return isStep(text) ? undefined : 'ok';
  return START.test(text) ? 'start' : undefined;
}

function isStep(text: string): boolean {
  const [, done, all] = PROGRESS.exec(text) ?? [];
  return Number(done) < Number(all);
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
  ok: 'ok success successful succeeded complete completed done finished passed pass',
  error:
    'error errored fail failed failure fatal timeout cancelled canceled timed_out aborted killed crashed interrupted unsuccessful',
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
const MESSAGE_KEYS = ['msg', 'message', 'event'] as const;
const LEVEL_KEYS = ['level', 'severity', 'lvl'] as const;

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

/** By name, or by the number that pino and bunyan write. */
function isErrorLevel(fields: Fields): boolean {
  return LEVEL_KEYS.map((key) => fields[key]).some(
    (level) => (typeof level === 'number' && level >= 50) || /^(?:err|fatal|crit)/i.test(String(level)),
  );
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
