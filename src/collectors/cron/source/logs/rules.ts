import { createContext, Script } from 'node:vm';
import { DEFAULT_ERROR, DEFAULT_SUCCESS, judgeByDefault, readDefaultWord } from './default-rule.ts';
import { findTime, type LineTime, parseTime } from './time.ts';

/** How the lines of a log are understood. */
export interface LogRule {
  /** A run that ended well, or badly; a line that matches both ended badly. */
  readonly success: RegExp;
  readonly error: RegExp;
  /**
   * A run began. With it a run is what lies between such a line and the first one that matches success or
   * error; without it each line that matches success or error is a run.
   */
  readonly start?: RegExp | undefined;
  /**
   * How long it took, on the line that ends it: group 1 (or all of it), `1m30s`, `1.5
   * s`, `00:01:30`; bare: seconds.
   */
  readonly duration?: RegExp | undefined;
  /** When it was: group 1 (or all of it). Without it the first time in the line, where there is one. */
  readonly timestamp?: RegExp | undefined;
}

/** What a line says of a run. */
export interface LineFinding {
  readonly kind: 'start' | 'ok' | 'error';
  readonly time: LineTime | undefined;
  readonly durationMs: number | undefined;
  /** The line ends a run only if one is under way. */
  readonly needsStart?: boolean | undefined;
  /** The program crashed; what it prints next is about the same run. */
  readonly isCrash?: boolean | undefined;
  /** Of a start under the default rule: its line without digits. */
  readonly shape?: string | undefined;
}

/** What the first of some lines say; the lines behind the last finding were not judged. */
export interface Judged {
  /** Of each line, of the first one at least; undefined for a line that says nothing of a run. */
  readonly findings: readonly (LineFinding | undefined)[];
  /** Lines on which a pattern was cut off; they say nothing. */
  readonly slowLines: number;
}

/** Judges the lines of logs by one rule. */
export interface LineJudge {
  /** Whether all patterns are plain words, so that the time they take needs no bound. */
  readonly tame: boolean;
  /** Takes 35 ms at most where it is not tame, and leaves the other lines to be asked for again. */
  judge(lines: readonly string[]): Judged;
}

/** A pattern of one's own sees so much of a line; its cost may grow with a power of it. */
const PATTERN_CHARACTERS = 4096;
/**
 * So long may the patterns take on lines at once, and then on the line alone that they were interrupted at.
 */
const LINES_MS = 25;
const LINE_MS = 10;
/** Where a time is looked for in a line when no pattern says where it is. */
const TIME_CHARACTERS = 512;

/**
 * Patterns that are plain words run as they are. Others may be of the catastrophic kind, which no
 * bound on the length of a line tames (30 characters are enough), so they run where the engine
 * interrupts them after a time; a line on which that happens although it is alone counts as saying
 * nothing and is told in `slowLines`.
 */
export function createLineJudge(rule: LogRule): LineJudge {
  const tame = [rule.success, rule.error, rule.start, rule.duration, rule.timestamp].every(isTame);
  if (tame)
    return { tame, judge: (lines) => ({ findings: lines.map((line) => judge(rule, line)), slowLines: 0 }) };
  const guarded = createGuard();
  const cut = (line: string) => judge(rule, line.slice(0, PATTERN_CHARACTERS));
  return { tame, judge: (lines) => judgeGuarded(lines, cut, guarded) };
}

/** Words and alternatives of words, and the default patterns: matched in one pass. */
function isTame(pattern: RegExp | undefined): boolean {
  if (pattern === DEFAULT_SUCCESS || pattern === DEFAULT_ERROR) return true;
  return pattern === undefined || /^\^?[\w :|/-]+\$?$/.test(pattern.source);
}

type Guard = <T>(work: () => T, ms: number) => T | undefined;

function judgeGuarded(
  lines: readonly string[],
  judgeLine: (line: string) => LineFinding | undefined,
  guarded: Guard,
): Judged {
  const findings: (LineFinding | undefined)[] = [];
  guarded(() => {
    for (const line of lines) findings.push(judgeLine(line));
  }, LINES_MS);
  const interruptedAt = lines[findings.length];
  if (interruptedAt === undefined) return { findings, slowLines: 0 };
  const alone = guarded(() => ({ finding: judgeLine(interruptedAt) }), LINE_MS);
  return { findings: [...findings, alone?.finding], slowLines: alone === undefined ? 1 : 0 };
}

/** Runs work that the engine interrupts after a time; undefined when that happened. */
function createGuard(): Guard {
  const box: { work: () => unknown } = { work: () => undefined };
  const context = createContext(box);
  const script = new Script('work()');
  return <T>(work: () => T, ms: number) => {
    box.work = work;
    try {
      return script.runInContext(context, { timeout: ms }) as T;
    } catch (error) {
      if (isTimeout(error)) return undefined;
      throw error;
    }
  };
}

/** The error is one of the other context, no instance of this one's Error. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

/**
 * Whether neither success, error nor start is configured: lines are then read as {@link judgeByDefault} does.
 */
export function isDefaultRule({ success, error, start }: LogRule): boolean {
  return success === DEFAULT_SUCCESS && error === DEFAULT_ERROR && start === undefined;
}

function judge(rule: LogRule, line: string): LineFinding | undefined {
  if (isDefaultRule(rule)) return judgeWithDefaults(rule, line);
  const kind = kindOf(rule, line);
  if (kind === undefined) return undefined;
  return { kind, time: timeOf(rule, line), durationMs: durationOf(rule, line) };
}

function judgeWithDefaults(rule: LogRule, line: string): LineFinding | undefined {
  const finding = judgeByDefault(line);
  if (finding === undefined) return undefined;
  const time = rule.timestamp === undefined ? (finding.time ?? timeOf(rule, line)) : timeOf(rule, line);
  return { ...finding, time, durationMs: durationOf(rule, line) ?? finding.durationMs };
}

function kindOf(rule: LogRule, line: string): LineFinding['kind'] | undefined {
  const word = isOwn(rule) ? undefined : readDefaultWord(line);
  if (rule.error === DEFAULT_ERROR ? word === 'error' : rule.error.test(line)) return 'error';
  if (rule.success === DEFAULT_SUCCESS ? word === 'ok' : rule.success.test(line)) return 'ok';
  return rule.start?.test(line) === true ? 'start' : undefined;
}

/** Whether both ends are configured. */
function isOwn({ success, error }: LogRule): boolean {
  return success !== DEFAULT_SUCCESS && error !== DEFAULT_ERROR;
}

function timeOf(rule: LogRule, line: string): LineTime | undefined {
  if (rule.timestamp === undefined) return findTime(line.slice(0, TIME_CHARACTERS));
  const text = captured(rule.timestamp, line);
  return text === undefined ? undefined : parseTime(text);
}

function durationOf(rule: LogRule, line: string): number | undefined {
  const text = rule.duration === undefined ? undefined : captured(rule.duration, line);
  return text === undefined ? undefined : parseRunDuration(text);
}

function captured(pattern: RegExp, line: string): string | undefined {
  const match = pattern.exec(line);
  return match?.[1] ?? match?.[0];
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const CLOCK = /^(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d{1,9})?)$/;
const UNITS = /^(?:\d{1,9}(?:\.\d{1,9})? ?(?:ms|[smhd])[a-z]* ?){1,5}$/;
const UNIT = /(\d+(?:\.\d+)?) ?(ms|[smhd])/g;

/** Milliseconds of `1m30s`, `1.5 s`, `350ms`, `2 hours`, `00:01:30` or a bare number of seconds. */
export function parseRunDuration(raw: string): number | undefined {
  const text = raw.trim().slice(0, 64).toLowerCase();
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const clock = CLOCK.exec(text);
  if (clock !== null) {
    const [, hours = '0', minutes, seconds] = clock;
    return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  }
  if (!UNITS.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(UNIT)) total += Number(amount) * (UNIT_MS[unit] ?? 0);
  return total;
}

/** Whether the text before an offset holds a time, so that the same bytes elsewhere are the same lines. */
export function tellsTime(rule: LogRule, text: string): boolean {
  if (findTime(text) !== undefined) return true;
  return rule.timestamp !== undefined && isTame(rule.timestamp) && rule.timestamp.test(text);
}
