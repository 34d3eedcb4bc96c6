/**
 * Words of a log line that tell how a run ended, where nobody configured a pattern. First the phrases are removed
 * that hold such a word and tell of no end (`0 ERRORS`, `ERROR_LOG`, `on failure`); what is left is believed. Every
 * repetition is bounded, so that the time grows with the length of the line and no faster.
 */

const FAILURE = 'errors?|failures?|failed|failing';
const NOTHING = '0|zero|no|none|nothing|never|non|not(?: an?)?|without(?: any| an?)?';
const EMPTY = 'none|null|nil|false|no|\\[\\]|""|-';

/** Phrases that say nothing of a run's end. */
const HARMLESS: readonly RegExp[] = [
  // A level is the logger's word for one line.
  /\b(?:level|lvl|severity|loglevel)["']?\s?[=:]\s?["']?\w{1,20}/gi,
  // Paths are names.
  /(?<![\w/])(?:~|\.{1,2})?(?:\/[\w.@-]{1,80}){1,20}/g,
  // Counts of none, before and behind the word.
  new RegExp(`(?<![\\w.,])(?:${NOTHING})[ -](?:${FAILURE})(?:\\(s\\))?(?!\\w|\\s?[:=]\\s?\\d)`, 'gi'),
  new RegExp(
    '(?<![\\w-])(?<!\\d )(?:errors|failures|failed|(?:error|failure)(?:\\(s\\)|s? (?:count|rate|total|found|detected)))' +
      '["\']?(?:\\s?(?:[:=|(]|->)|\\s)\\s{0,8}["\']?0{1,6}(?:\\.0{1,6})?(?![\\w.]{0,8}\\d|\\w)["\')%]{0,2}',
    'gi',
  ),
  new RegExp(
    `(?<![\\w-])(?:${FAILURE})["']?\\s?[:=]\\s?["']?(?:0{1,6}|${EMPTY})["']?(?=\\s{0,8}(?:$|[,;|)}\\]]|[\\w-]{1,40}[:=]))`,
    'gi',
  ),
  /(?<![\w-])(?:errors|failures|failed)\s0{1,6}(?=\s{0,8}(?:$|[,;|)}\]]))/gi,
  // Rates, handlers, files and plans.
  /\b(?:success|errors?|failure)[ _-](?:rate|ratio|log|logs|logging|handler|handling|budget)\b/gi,
  /\b(?:error|fail|failure)-(?:free|safe|over|proof|prone|tolerant)\b/gi,
  /\b(?:on|if|upon|until|unless|whether|in case of|ignor(?:e|ed|ing)) (?:errors?|failures?|success)\b/gi,
  /\berrors? (?:(?:was|were) )?ignored\b/gi,
  // A success that is none, or not a whole one, is no failure for certain either.
  /\b(?:partial|0) success\b/gi,
  /\bsuccess["']?\s?[:=]\s?["']?0{1,6}\b(?![\w.]{0,8}\d)/gi,
];
const HAS_WORD = /error|fail|success/i;

/** Commands that a shell shows (`set -x`, `set -v`), with or without a time or place in front. */
const TRACE =
  /^(?:[\d:.,TZ/[\]-]{8,40} ){0,2}(?:\+{1,9}(?: |\()|(?:[$#>] )?(?:echo|printf|logger) )|(?:\|\||&&) ?(?:echo|printf|logger|exit)\b/;
/** What is tried again at once has not ended; a retry of tomorrow is another run. */
const RETRYING = /(?<!\b(?:not|stop|stopped|without|up) )\bretrying\b/i;
const RETRY = /\b(?:will|to) retry\b|\bretry (?:in|at|#|\d)/i;
const NEGATED =
  /\bUNSUCCESSFUL|\b(?:NO|No|no|NOT|Not|not|WITHOUT|without)(?: A| a)? SUCCESS|(?<![\w-])SUCCESS["']?\s{0,8}[:=]\s{0,8}["']?(?:false|FALSE|False|no|NO)\b/;
const SUCCESS = /(?<![\w-])SUCC(?:ESS(?:FUL(?:LY)?)?|EEDED)(?![\w?])/;
const ERROR = /(?<!\w)(?:ERRORS?|FAIL(?:ED|URES?)?|FATAL)(?!\w|[.-][A-Za-z])/;
const CRASH =
  /^(?:Traceback \(most recent call last\):|panic: |fatal error: |Segmentation fault|.{0,200}: command not found$|.{0,200}\(core dumped\))/;

/** What words that are a run's end by themselves say; upper case, as a script writes them on purpose. */
export type CertainWord = 'ok' | 'error' | 'crash';

/** Whether the line is a command that a shell shows before it runs it. */
export function isTrace(line: string): boolean {
  return TRACE.test(line);
}

/** Whether the line says that what failed is tried again: then it has not ended. */
export function isRetried(line: string): boolean {
  return RETRYING.test(line) || RETRY.test(line);
}

/** The line without its phrases that say nothing of a run's end. */
export function removeHarmless(line: string): string {
  if (!HAS_WORD.test(line)) return line;
  return HARMLESS.reduce((text, phrase) => text.replaceAll(phrase, ' '), line);
}

/** Reads a line that {@link removeHarmless} returned: an end whether or not a run is known to be under way. */
export function readCertainWord(line: string): CertainWord | undefined {
  if (CRASH.test(line)) return 'crash';
  if (NEGATED.test(line) || ERROR.test(line)) return RETRYING.test(line) ? undefined : 'error';
  return SUCCESS.test(line) ? 'ok' : undefined;
}
