import type { SourceRun } from '../cron-source.ts';
import type { LogFacts, LogStatus } from './cursor.ts';
import { isDefaultRule, type LineFinding, type LogRule } from './rules.ts';
import { type LineTime, secondPassing } from './time.ts';

/** A run as its log tells it: whose it is, the file's path says. */
export type LogRun = Omit<SourceRun, 'jobId' | 'jobName'>;

/** A line cannot be from so long after its file was last written: such a time is of something else. */
const FUTURE_MS = 60_000;
/** Times that go back by less than this are of the same moment: coarse timestamps, several writers. */
const SAME_MOMENT_MS = 60_000;
const MAX_SHIFT_MS = 1000;

/**
 * Takes in what one line says. `seenMs` is when its file was last written as far as the line had been seen:
 * the time of a line that tells none, and the limit for one that does.
 *
 * A run is known by its job and its start in milliseconds. Where a log repeats a time (whole seconds, no
 * times at all) each further run is put one millisecond behind the one before it, so that it stays a run of
 * its own; the same lines read again from the same place give the same runs.
 */
export function takeLine(facts: LogFacts, finding: LineFinding, seenMs: number, pairing: Pairing): TakenLine {
  const atMs = timeOf(finding.time, seenMs, facts.lastFinishedAtMs);
  if (pairing === 'optional') return takePaired(facts, finding, atMs);
  if (finding.kind === 'start') return begin(facts, atMs);
  const { startedAtMs, ...rest } = facts;
  if (pairing === 'none') return finish(rest, runTimes(atMs, undefined, finding.durationMs), finding.kind);
  // Only the first end behind a start is the run's: further lines are its chatter.
  if (startedAtMs === undefined) return { facts, runs: [] };
  return finish(rest, runTimes(atMs, startedAtMs, finding.durationMs), finding.kind);
}

/** What one line made of what was known, and the runs that it told. */
export interface TakenLine {
  readonly facts: LogFacts;
  readonly runs: LogRun[];
}

/**
 * Whether a run has a line for its start: never, always, or where the log happens to
 * have one (the default rule).
 */
export type Pairing = 'none' | 'always' | 'optional';

/** How the runs of a log with this rule begin. */
export function choosePairing(rule: LogRule): Pairing {
  if (isDefaultRule(rule)) return 'optional';
  return rule.start === undefined ? 'none' : 'always';
}

/** So long after its end a run's further lines are no runs of their own. */
const CHATTER_MS = 30_000;

/**
 * A log that nobody described may have starts or not. A run with a start lies between it and its first end;
 * what follows within 30 seconds, but for the same start again, belongs to that run. Without a start only a
 * certain end is a run. Another line that begins something while a run is under way is one of its steps; the
 * same line again is the next run.
 */
function takePaired(facts: LogFacts, finding: LineFinding, atMs: number): TakenLine {
  const { startedAtMs, ...rest } = facts;
  const sinceEndMs = atMs - (facts.pairEndedAtMs ?? Number.NEGATIVE_INFINITY);
  const isChatter = startedAtMs === undefined && sinceEndMs >= 0 && sinceEndMs < CHATTER_MS;
  if (finding.kind === 'start') {
    const isSame = facts.startShape === finding.shape;
    if (startedAtMs !== undefined && !isSame) return { facts, runs: [] };
    if (isChatter && !isSame) return { facts: { ...facts, pairEndedAtMs: atMs }, runs: [] };
    const begun = begin(facts, atMs);
    return { ...begun, facts: { ...begun.facts, startShape: finding.shape } };
  }
  if (startedAtMs !== undefined) {
    const ended = finish(rest, runTimes(atMs, startedAtMs, finding.durationMs), finding.kind);
    return { ...ended, facts: { ...ended.facts, pairEndedAtMs: atMs } };
  }
  if (isChatter && finding.needsStart === true) return { facts: { ...facts, pairEndedAtMs: atMs }, runs: [] };
  if (isChatter || finding.needsStart === true) return { facts, runs: [] };
  return takeAlone(rest, finding, finding.kind, atMs);
}

/** An end without a start; failures within 30 seconds behind a crash are that crash. */
function takeAlone(facts: LogFacts, finding: LineFinding, kind: 'ok' | 'error', atMs: number): TakenLine {
  const sinceCrashMs = atMs - (facts.crashedAtMs ?? Number.NEGATIVE_INFINITY);
  if (kind === 'error' && sinceCrashMs >= 0 && sinceCrashMs < CHATTER_MS) return { facts, runs: [] };
  const ended = finish(facts, runTimes(atMs, undefined, finding.durationMs), kind);
  return finding.isCrash === true ? { ...ended, facts: { ...ended.facts, crashedAtMs: atMs } } : ended;
}

/** A start behind a start: the earlier run never told its end. */
function begin(facts: LogFacts, atMs: number): TakenLine {
  const { startedAtMs, ...rest } = facts;
  if (startedAtMs === undefined) return { facts: { ...facts, startedAtMs: atMs }, runs: [] };
  const ended = finish(
    rest,
    { runAtMs: startedAtMs, finishedAtMs: atMs, durationMs: undefined },
    'interrupted',
  );
  return { facts: { ...ended.facts, startedAtMs: atMs }, runs: ended.runs };
}

interface RunTimes {
  readonly runAtMs: number;
  readonly finishedAtMs: number;
  readonly durationMs: number | undefined;
}

function runTimes(atMs: number, startedAtMs: number | undefined, told: number | undefined): RunTimes {
  if (startedAtMs === undefined) return { runAtMs: atMs - (told ?? 0), finishedAtMs: atMs, durationMs: told };
  const finishedAtMs = Math.max(atMs, startedAtMs);
  return { runAtMs: startedAtMs, finishedAtMs, durationMs: told ?? finishedAtMs - startedAtMs };
}

function finish(facts: LogFacts, times: RunTimes, status: LogStatus): TakenLine {
  const { runAtMs, shiftMs } = distinct(Math.floor(times.runAtMs), facts);
  const finishedAtMs = Math.max(runAtMs, Math.floor(times.finishedAtMs));
  const { lastDurationMs: _, ...rest } = facts;
  const after: LogFacts = {
    ...rest,
    lastRunAtMs: runAtMs,
    lastFinishedAtMs: finishedAtMs,
    lastStatus: status,
    consecutiveErrors: status === 'ok' ? 0 : facts.consecutiveErrors + 1,
    ...(times.durationMs === undefined ? {} : { lastDurationMs: times.durationMs }),
    ...(status === 'ok' ? { lastSuccessAtMs: runAtMs } : {}),
    ...(shiftMs === 0 ? {} : { shiftMs }),
  };
  const run: LogRun = {
    runAtMs,
    finishedAtMs,
    durationMs: times.durationMs,
    status,
    deliveryFailed: false,
    appended: true,
  };
  return { facts: after, runs: [run] };
}

/**
 * A time of its own for each run. Where the clock was set back, times that were used already come again: from
 * then on all are put one millisecond later than told, two after the second time, and so on.
 */
function distinct(toldMs: number, facts: LogFacts): { runAtMs: number; shiftMs: number } {
  const shiftMs = facts.shiftMs ?? 0;
  const last = facts.lastRunAtMs;
  const runAtMs = toldMs + shiftMs;
  if (last === undefined || runAtMs > last) return { runAtMs, shiftMs };
  if (last - runAtMs <= SAME_MOMENT_MS) return { runAtMs: last + 1, shiftMs };
  const more = (shiftMs + 1) % MAX_SHIFT_MS;
  return { runAtMs: toldMs + more, shiftMs: more };
}

function timeOf(time: LineTime | undefined, seenMs: number, last: number | undefined): number {
  if (time === undefined) return seenMs;
  const goesBack = time.zoneless && last !== undefined && last - time.atMs > SAME_MOMENT_MS;
  const atMs = goesBack ? (secondPassing(time.atMs) ?? time.atMs) : time.atMs;
  return atMs > seenMs + FUTURE_MS ? seenMs : atMs;
}
