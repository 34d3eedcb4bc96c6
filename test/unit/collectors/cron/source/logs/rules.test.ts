import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogFacts } from '../../../../../../src/collectors/cron/source/logs/cursor.ts';
import {
  DEFAULT_ERROR,
  DEFAULT_SUCCESS,
} from '../../../../../../src/collectors/cron/source/logs/default-rule.ts';
import {
  archiveOf,
  describePath,
  jobNameOf,
} from '../../../../../../src/collectors/cron/source/logs/names.ts';
import {
  createLineJudge,
  type LogRule,
  parseRunDuration,
} from '../../../../../../src/collectors/cron/source/logs/rules.ts';
import {
  choosePairing,
  type LogRun,
  takeLine,
} from '../../../../../../src/collectors/cron/source/logs/runs.ts';
import {
  findTime,
  parseTime,
  secondPassing,
} from '../../../../../../src/collectors/cron/source/logs/time.ts';
import { createNameMatcher, expandBraces } from '../../../../../../src/lib/glob.ts';

const WORDS: LogRule = { success: /SUCCESS/, error: /ERROR/ };
const SEEN = Date.UTC(2026, 10, 23, 12);

/** The runs of some lines. */
function runsOf(rule: LogRule, lines: readonly string[], seenMs = SEEN): { runs: LogRun[]; facts: LogFacts } {
  let facts: LogFacts = { consecutiveErrors: 0 };
  const runs: LogRun[] = [];
  for (const finding of createLineJudge(rule).judge(lines).findings) {
    if (finding === undefined) continue;
    const taken = takeLine(facts, finding, seenMs, choosePairing(rule));
    facts = taken.facts;
    runs.push(...taken.runs);
  }
  return { runs, facts };
}

describe('the time of a line', () => {
  test.each([
    ['2026-11-23T00:49:01.152Z SUCCESS', Date.UTC(2026, 10, 23, 0, 49, 1, 152)],
    ['[2026-11-23 00:49:01,152 +0100] SUCCESS', Date.UTC(2026, 10, 22, 23, 49, 1, 152)],
    ['2026/11/23 00:49 UTC', Date.UTC(2026, 10, 23, 0, 49)],
    ['SUCCESS at Mon Nov 23 00:49:01 UTC 2026', Date.UTC(2026, 10, 23, 0, 49, 1)],
    ['Mon Nov  2 12:49:01 AM GMT 2026', Date.UTC(2026, 10, 2, 0, 49, 1)],
  ])('is read from %j', (text, atMs) => {
    expect(findTime(text)).toEqual({ atMs, zoneless: false });
  });

  test("without a zone is the exporter's own", () => {
    const atMs = new Date(2026, 10, 23, 0, 49, 1).getTime();
    expect(findTime('2026-11-23 00:49:01 SUCCESS')).toEqual({ atMs, zoneless: true });
    expect(findTime('Mon Nov 23 00:49:01 JST 2026')).toEqual({ atMs, zoneless: true });
  });

  test.each([
    'SUCCESS',
    '2026-13-01 00:00:00',
    '2026-11-23 25:00',
    '1.2026-11-23 00:49',
    '12:30:01 SUCCESS',
    '',
  ])('is none in %j', (text) => {
    expect(findTime(text)).toBeUndefined();
  });

  test('may be seconds or milliseconds since the epoch where a pattern says that it is a time', () => {
    expect(parseTime('1795395058')).toEqual({ atMs: 1_795_395_058_000, zoneless: false });
    expect(parseTime('1795395058.25')).toEqual({ atMs: 1_795_395_058_250, zoneless: false });
    expect(parseTime('1795395058746')).toEqual({ atMs: 1_795_395_058_746, zoneless: false });
  });

  test('any time in ISO form is read as Date reads it', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true }), (date) => {
        expect(findTime(`x ${date.toISOString()} y`)?.atMs).toBe(date.getTime());
      }),
    );
  });

  test('has a second passing only when the clocks go back', () => {
    expect(secondPassing(Date.UTC(2026, 5, 1, 12))).toBeUndefined();
  });
});

describe('the default rule', () => {
  const rule: LogRule = { success: DEFAULT_SUCCESS, error: DEFAULT_ERROR };
  test.each([
    ['SUCCESS: 12 items posted, 0 ERRORS', ['ok']],
    ['backup SUCCESSFUL', ['ok']],
    ['SUCCESS (no ERROR_LOG written)', ['ok']],
    ['SUCCESS, ERRORS=0', ['ok']],
    ['{"status":"SUCCESS","ERRORS":0}', ['ok']],
    ['UNSUCCESSFUL', ['error']],
    ['NOT SUCCESSFUL', ['error']],
    ['SUCCESS: 10 items, 2 ERRORS', ['error']],
    ['10 ERRORS', ['error']],
    ['ERROR: no SUCCESS', ['error']],
    ['+ ERROR_LOG=/tmp/x', []],
    ['+ echo SUCCESS', []],
    ['++ test ERROR', []],
    ['0 ERRORS', []],
    ['export ERROR_LOG=/tmp/x', []],
    ['FAILED: 0', []],
    ['SUCCESS: 10, FAILED: 0', ['ok']],
    ['SUCCESS: 10, FAILED: 2', ['error']],
    ['ERRORS: 0 FAILED: 2', ['error']],
    ['SUCCESS, No ERRORS', ['ok']],
    ['ZERO ERRORS', []],
    ['ERRORS 0', []],
    ['ERRORS: none', []],
    ['ERROR: no such file', ['error']],
    ['ERROR: 0 bytes written', ['error']],
    ['ERROR: 0x80070005', ['error']],
    ['"ERRORS":[]', []],
    ['ERROR-FREE', []],
    ['ERROR HANDLER installed', []],
    ['ERROR LOG: /var/log/ERROR.md', []],
    ['ERROR COUNT: 0', []],
    ['ERROR COUNT: 2', ['error']],
    ['ERROR-42: no room', ['error']],
    ['[main/ERROR] no room', ['error']],
    ['production.ERROR: no room', ['error']],
    ['ERROR: timeout, retrying in 5 s', []],
    ['ERROR: stopped retrying', ['error']],
    ['ERROR: backup failed, will retry tomorrow', ['error']],
    ['SUCCESS=0', []],
    ['SUCCESS=no', ['error']],
    ['SUCCESS RATE: 10%', []],
    ['PARTIAL SUCCESS', []],
    ['NOT A SUCCESS', ['error']],
    ['level=ERROR msg=x', []],
    ['JOB FAILED', ['error']],
    ['BUILD FAILURE', ['error']],
    ['FATAL: no room', ['error']],
    ['SUCCEEDED', ['ok']],
    ['on SUCCESS send a mail', []],
    ['+(backup.sh:12): echo ERROR', []],
    ['2026-11-23T10:00:00Z + echo ERROR', []],
    ['./backup.sh && echo SUCCESS || echo ERROR', []],
    ['Traceback (most recent call last):', ['error']],
    ['panic: runtime error', ['error']],
    ['backup.sh: line 3: rclone: command not found', ['error']],
    ['error-free', []],
    ['no errors', []],
    ['erfolgreich abgeschlossen', []],
    ['completado con éxito', []],
    ['成功', []],
  ])('reads %j as %j', (line, statuses) => {
    expect(runsOf(rule, [line]).runs.map(({ status }) => status)).toEqual(statuses);
  });

  test.each([
    ['\u001B[32mSUCCESS\u001B[0m', ['ok']],
    ['\u001B[1;31mERROR\u001B[0m: disk full', ['error']],
    ['{"status":"ok"}', ['ok']],
    ['{"time":1795395058746,"job":"x","status":"completed","durationMs":1500}', ['ok']],
    ['{"result":"Failed","msg":"SUCCESS"}', ['error']],
    ['{"success":false}', ['error']],
    ['{"exitCode":3}', ['error']],
    ['{"exit_code":0}', ['ok']],
    ['{"status":200}', []],
    ['{"level":"info","msg":"backup completed"}', []],
    ['{"level":"info","msg":"SUCCESS"}', ['ok']],
    ['{"level":"error","msg":"SUCCESS"}', []],
    ['{"level":"ERROR","msg":"download slow"}', []],
    ['{"level":"info","msg":"no ERRORS","ERRORS":0}', []],
    ['{"status":"skipped"}', []],
    ['{"status":"ok"', []],
    ['["ok"]', []],
    ['backup completed', []],
    ['finished, exit code 1', []],
    ['2 uploads failed', []],
  ])('reads the single line %j as %j', (line, statuses) => {
    expect(runsOf(rule, [line]).runs.map(({ status }) => status)).toEqual(statuses);
  });

  test.each([
    ['completed', 'ok'],
    ['job finished: 12 ok, 0 failed', 'ok'],
    ['done', 'ok'],
    ['exit code 0', 'ok'],
    ['SUCCESS', 'ok'],
    ['completed with errors', 'error'],
    ['completed, 2 errors', 'error'],
    ['finished with exit code 3', 'error'],
    ['backup failed', 'error'],
    ['timed out', 'error'],
    ['backup complete', 'ok'],
    ['Succeeded', 'ok'],
    ['result=success', 'ok'],
    ['no errors, exit status 0', 'ok'],
    ['all steps OK', 'ok'],
    ['exit status 1', 'error'],
    ['finished with status 1', 'error'],
    ['return code 3', 'error'],
    ['completed with status: failed', 'error'],
    ['could not complete', 'error'],
    ['fatal: not a git repository', 'error'],
    ['{"level":"info","msg":"done"}', 'ok'],
  ])('ends a run that a line started with %j as %s', (line, status) => {
    const lines = [
      '2026-11-23T10:00:00Z backup started',
      'download failed, retrying',
      'not completed',
      'completed 1 of 3',
      '0 failed',
      line,
    ];
    const { runs, facts } = runsOf(rule, lines);
    expect(runs).toMatchObject([{ status, runAtMs: Date.UTC(2026, 10, 23, 10) }]);
    expect(facts.startedAtMs).toBeUndefined();
  });

  test('takes the time and the duration of a JSON object from its own fields', () => {
    const { runs } = runsOf(rule, ['{"ts":1795395058.25,"status":"ok","durationMs":1500}']);
    expect(runs).toMatchObject([{ finishedAtMs: 1_795_395_058_250, durationMs: 1500 }]);
  });

  test('a run whose end is missing was interrupted when the same start comes again', () => {
    const { runs, facts } = runsOf(rule, [
      '2026-11-23T10:00:00Z backup started (pid 17)',
      '2026-11-23T10:00:09Z upload started',
      '2026-11-23T11:00:00Z backup started (pid 18)',
    ]);
    expect(runs).toMatchObject([{ status: 'interrupted', runAtMs: Date.UTC(2026, 10, 23, 10) }]);
    expect(facts.startedAtMs).toBe(Date.UTC(2026, 10, 23, 11));
  });

  test('lines behind the end of a run belong to it, also further steps and certain words', () => {
    const { runs } = runsOf(rule, [
      '2026-11-23T10:00:00Z backup started',
      '2026-11-23T10:00:05Z step 1 completed',
      '2026-11-23T10:00:05Z upload started',
      '2026-11-23T10:00:31Z upload completed',
      '2026-11-23T10:00:32Z SUCCESS',
      '2026-11-23T11:00:00Z backup started',
      '2026-11-23T11:00:05Z completed',
    ]);
    expect(runs.map(({ runAtMs }) => runAtMs)).toEqual([
      Date.UTC(2026, 10, 23, 10),
      Date.UTC(2026, 10, 23, 11),
    ]);
  });

  test('one start long ago does not keep later runs without a start from being counted', () => {
    const minutes = [1, 2, 3].map((minute) => `2026-11-23T10:0${minute}:00Z SUCCESS`);
    expect(runsOf(rule, ['2026-11-23T10:00:00Z daemon started', ...minutes]).runs).toHaveLength(3);
  });

  test('a crash and the failures that it makes within 30 seconds are one run', () => {
    const at = (second: number, text: string) => `2026-11-23T10:00:${10 + second}Z ${text}`;
    const crash = 'Traceback (most recent call last):';
    const lines = [crash, 'ValueError: bad', crash, at(0, 'ERROR: backup failed'), at(40, 'SUCCESS')];
    const { runs } = runsOf(rule, lines, Date.UTC(2026, 10, 23, 10, 0, 9));
    expect(runs.map(({ status }) => status)).toEqual(['error', 'ok']);
  });

  test('stands for an end that is not configured where the other one is', () => {
    const { runs } = runsOf({ success: /GOOD/, error: DEFAULT_ERROR }, [
      'GOOD, 0 ERRORS',
      'SUCCESS',
      'ERROR',
    ]);
    expect(runs.map(({ status }) => status)).toEqual(['ok', 'error']);
  });

  test('pairs of start and end make one run each, whatever stands between them', () => {
    const chatter = fc.constantFrom(
      'reading',
      'download failed, retrying',
      '0 errors',
      '+ echo started',
      '{}',
    );
    const pair = fc.tuple(fc.array(chatter, { maxLength: 4 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 20 }), (pairs) => {
        const lines = pairs.flatMap(([between, isGood], hour) => {
          const at = (second: number) => new Date(Date.UTC(2026, 9, 1, hour, 0, second)).toISOString();
          return [`${at(0)} job started`, ...between, `${at(9)} job ${isGood ? 'completed' : 'failed'}`];
        });
        const statuses = runsOf(rule, lines).runs.map(({ status }) => status);
        expect(statuses).toEqual(pairs.map(([, isGood]) => (isGood ? 'ok' : 'error')));
      }),
    );
  });

  test.each([
    'WITHOUT NO ERROR_ 0 ERRORS_ SUCCESS_',
    'with 1 exit ',
    'rc=rc: ',
    '  ',
    '{"a":',
    '/error',
    'ERRORS: 0 ',
    'level="error',
    'not a without any 0 error-',
    '++ echo error',
  ])('takes a time that follows the length of a line of %j', (words) => {
    const line = words.repeat(64_800 / words.length);
    const began = performance.now();
    expect(runsOf(rule, [line]).runs).toEqual([]);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('runs of a log', () => {
  test('a line with both words failed, and one with neither is no run', () => {
    const { runs } = runsOf(WORDS, ['SUCCESS', 'starting', 'ERROR: no SUCCESS']);
    expect(runs.map(({ status }) => status)).toEqual(['ok', 'error']);
  });

  test('a time from after the last write of the file is of something else', () => {
    const { runs } = runsOf(WORDS, ['SUCCESS, valid until 2031-01-01 00:00:00']);
    expect(runs).toMatchObject([{ runAtMs: SEEN }]);
  });

  test('with a start pattern a run lies between its start and its first end; the rest is its chatter', () => {
    const rule = { ...WORDS, start: /START/ };
    const { runs } = runsOf(rule, [
      'ERROR of nobody',
      '2026-11-23T10:00:00Z START',
      '2026-11-23T10:00:30Z ERROR',
      '2026-11-23T10:00:31Z ERROR again',
      '2026-11-23T11:00:00Z START',
      '2026-11-23T11:00:05Z SUCCESS',
    ]);
    expect(runs).toMatchObject([
      { status: 'error', runAtMs: Date.UTC(2026, 10, 23, 10), durationMs: 30_000 },
      { status: 'ok', runAtMs: Date.UTC(2026, 10, 23, 11), durationMs: 5000 },
    ]);
  });

  test('a start behind a start tells of a run that never ended; the last one is under way', () => {
    const rule = { ...WORDS, start: /START/ };
    const { runs, facts } = runsOf(rule, ['2026-11-23T10:00:00Z START', '2026-11-23T11:00:00Z START']);
    expect(runs).toMatchObject([{ status: 'interrupted', runAtMs: Date.UTC(2026, 10, 23, 10) }]);
    expect(facts).toMatchObject({ startedAtMs: Date.UTC(2026, 10, 23, 11), consecutiveErrors: 1 });
  });

  test('a duration on the last line tells when the run began', () => {
    const rule = { ...WORDS, duration: /took (\S+)/ };
    const { runs } = runsOf(rule, ['2026-11-23T10:01:30Z SUCCESS took 1m30s']);
    expect(runs).toMatchObject([{ runAtMs: Date.UTC(2026, 10, 23, 10), durationMs: 90_000 }]);
  });

  test('a timestamp pattern says which of several times counts', () => {
    const rule = { ...WORDS, timestamp: /end=(\d+)/ };
    const { runs } = runsOf(rule, ['2020-01-01T00:00:00Z SUCCESS end=1795395058'], 1_795_395_058_000);
    expect(runs).toMatchObject([{ runAtMs: 1_795_395_058_000 }]);
  });

  test('runs of one moment are one millisecond apart, whatever order their times come in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 50 }), (seconds) => {
        const lines = seconds.map((second) => `2026-11-23T10:00:0${second}Z SUCCESS`);
        const times = runsOf(WORDS, lines).runs.map(({ runAtMs }) => runAtMs);
        expect(new Set(times).size).toBe(lines.length);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });
});

test('a clock that was set back gives no run the time of another one', () => {
  const hour = Array.from(
    { length: 60 },
    (_, minute) => `2026-11-23T10:${String(minute).padStart(2, '0')}:00Z SUCCESS`,
  );
  const times = runsOf(WORDS, [...hour, ...hour, ...hour]).runs.map(({ runAtMs }) => runAtMs);
  expect(new Set(times).size).toBe(180);
});

describe('a pattern of the catastrophic kind', () => {
  const { judge } = createLineJudge({ ...WORDS, success: /^(a+)+$/ });
  const poison = `${'a'.repeat(40)}!`;

  test('is cut off, and the other lines are judged all the same, in as many calls as it takes', () => {
    const lines = ['ERROR', poison, 'aaa', 'ERROR'];
    const kinds: (string | undefined)[] = [];
    let slow = 0;
    while (kinds.length < lines.length) {
      const { findings, slowLines } = judge(lines.slice(kinds.length));
      expect(findings.length).toBeGreaterThan(0);
      kinds.push(...findings.map((finding) => finding?.kind));
      slow += slowLines;
    }
    expect(kinds).toEqual(['error', undefined, 'ok', 'error']);
    expect(slow).toBe(1);
  });

  test('holds up everything else for one line at a time, however many there are', () => {
    const { slowLines, findings } = judge(Array.from({ length: 500 }, () => poison));
    expect(findings).toEqual([undefined]);
    expect(slowLines).toBe(1);
  });
});

test.each([
  ['90', 90_000],
  ['1.5 s', 1500],
  ['350ms', 350],
  ['1m30s', 90_000],
  ['2 hours', 7_200_000],
  ['00:01:30', 90_000],
  ['01:30.5', 90_500],
  ['soon', undefined],
  ['', undefined],
])('a duration of %j is %j milliseconds', (text, ms) => {
  expect(parseRunDuration(text)).toBe(ms);
});

describe('globs', () => {
  test.each([
    ['cron-*.log', 'cron-a b.log', true],
    ['cron-*.log', 'cron-a\nb.log', true],
    ['cron-*.log', 'cron-.log.gz', false],
    ['*', '.hidden', false],
    ['.*', '.hidden', true],
    ['c?t', 'cät', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['a[', 'a[', true],
    ['*a*b*', 'xxaxxbxx', true],
  ])('%j on %j: %j', (glob, name, expected) => {
    expect(createNameMatcher(glob)(name)).toBe(expected);
  });

  test('a glob of many stars takes no longer than its length allows', () => {
    expect(createNameMatcher('*a'.repeat(60))('a'.repeat(59).padEnd(255, 'b'))).toBe(false);
  });

  test('braces spell alternatives', () => {
    expect(expandBraces('/a/{b,c}/{d,e}.log')).toEqual([
      '/a/b/d.log',
      '/a/b/e.log',
      '/a/c/d.log',
      '/a/c/e.log',
    ]);
  });

  test('the job is named by what the glob leaves open', () => {
    const globs = [
      '/state/workspace/*/cron-*.log',
      '/state/workspace-*/*/cron-*.log',
      '/var/**/x.log',
      '/srv/b.log',
    ];
    expect(describePath(globs, '/state/workspace/daily/cron-digest.log')).toEqual({
      glob: 0,
      job: 'daily/digest',
    });
    expect(describePath(globs, '/state/workspace-ann/d/cron-x.log')).toEqual({
      glob: 1,
      job: 'workspace-ann/d/x',
    });
    expect(describePath(globs, '/var/a/b/x.log')).toEqual({ glob: 2, job: 'a/b/x' });
    expect(describePath(globs, '/srv/b.log')).toEqual({ glob: 3, job: 'srv/b' });
    expect(describePath(globs, '/elsewhere/cron-x.log')).toBeUndefined();
  });

  test('a job has the name of its log without cron- and .log', () => {
    expect(['cron-a.log', 'backup.log', 'cron-.log', 'cron-x'].map(jobNameOf)).toEqual([
      'a',
      'backup',
      'cron-',
      'x',
    ]);
  });

  test('only names that rotation gives are archives of a log', () => {
    const names = [
      '/f/cron-x.1.log',
      '/f/cron-x-20261123.log',
      '/f/cron-x-2026-11-23.log',
      '/f/cron-x-2.log',
    ];
    expect(names.map(archiveOf)).toEqual(['/f/cron-x.log', '/f/cron-x.log', '/f/cron-x.log', undefined]);
  });
});
