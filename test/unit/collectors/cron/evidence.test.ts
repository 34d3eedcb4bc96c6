import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronEvidence } from '../../../../src/collectors/cron/evidence.ts';
import { lastRunOf } from '../../../../src/collectors/cron/samples.ts';
import type { CronJob, JobOrigin } from '../../../../src/collectors/cron/source/records.ts';
import { toCronJob } from '../../../../src/collectors/cron/source/stored-job.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import { cronJob } from '../../../support/cron-gateway-model.ts';

const NOW = Date.UTC(2026, 5, 1, 10);
const EVERY = { kind: 'every', everyMs: 60_000, anchorMs: undefined } as const;

function failing(id: string, name = id, origin: JobOrigin = 'gateway'): CronJob {
  return cronJob({ id, name, origin, schedule: EVERY, consecutiveErrors: 3 });
}

function evidenceOf(...jobs: readonly CronJob[]) {
  const standing = { lateSeconds: 0, isBeyondSchedule: false, isWedged: false };
  const states = jobs.map((job) => {
    return { job, entry: undefined, standing, last: lastRunOf(job, undefined), isLastRunInFuture: false };
  });
  const known = { secrets: [new Secret('hunter2-gateway')] };
  return cronEvidence({
    readings: [],
    lost: () => false,
    jobs: states,
    notSaved: undefined,
    nowMs: NOW,
    known,
    models: { byDefault: 'a/b', byAgent: new Map() },
  });
}

const repairOf = (job: CronJob) => evidenceOf(job)[0]?.repair ?? '';

describe('a job that fails', () => {
  const last = { lastRunAtMs: NOW - 60_000, lastRunStatus: 'error' } as const;
  const failed = (times: number, known: Partial<CronJob> = {}) =>
    evidenceOf(cronJob({ schedule: EVERY, ...last, consecutiveErrors: times, ...known }));

  it('is a note after one failure and a warning from the second on, each with the reason', () => {
    const [note] = failed(1, { lastErrorReason: 'command' });
    expect(note).toMatchObject({ verdict: 'ok', text: expect.stringContaining('(command)') });
    expect(note?.repair).toBeUndefined();
    const [warning] = failed(2, { lastErrorReason: 'auth' });
    expect(warning).toMatchObject({ verdict: 'warning', text: expect.stringContaining('(auth)') });
    expect(warning?.text).toContain('failed 2 times in a row');
  });

  it.each([
    ['rare', { schedule: { kind: 'every', everyMs: 6 * 3_600_000, anchorMs: undefined } }],
    ['one-shot', { schedule: { kind: 'at', atMs: NOW - 60_000 } }],
    ['important', { name: 'Important backup' }],
  ] as const)('is a warning at once where it is %s', (_kind, known) => {
    const [first] = failed(1, known);
    expect(first).toMatchObject({ verdict: 'warning', text: expect.stringContaining('its last run failed') });
    expect(first?.note).toBeUndefined();
  });

  it('is one even where the gateway recorded the failure and did not count it', () => {
    for (const count of [{}, { consecutiveErrors: 0 }]) {
      const state = { lastRunAtMs: NOW - 600_000, lastRunStatus: 'error', ...count };
      const job = toCronJob({ id: 'a', job: { schedule: EVERY }, state });
      expect(job.consecutiveErrors).toBe(1);
      expect(evidenceOf(job)[0]?.text).toMatch(
        /^its last run failed: .*; last run 10 min ago; no success is known$/,
      );
    }
    const well = { lastRunAtMs: NOW, lastRunStatus: 'ok' };
    expect(toCronJob({ id: 'a', job: { schedule: EVERY }, state: well }).consecutiveErrors).toBe(0);
  });

  it('quotes what the gateway recorded, without secrets', () => {
    const lastError = 'HTTP 401 from https://u:p@api.example.com/v1?key=k with hunter2-gateway';
    expect(failed(1, { lastError })[0]?.detail).toBe(
      'HTTP 401 from https://api.example.com/v1 with [removed]',
    );
  });

  it('says so where no reason is recorded', () => {
    expect(failed(2)[0]?.text).toContain('no reason is recorded');
  });

  it('that the gateway has disabled is told with the way to enable it again', () => {
    const [, disabled] = failed(10, { enabled: false, disabledBy: 'errors' });
    expect(disabled).toMatchObject({
      verdict: 'warning',
      repair: expect.stringContaining('cron enable job'),
    });
    expect(failed(10, { enabled: false, disabledBy: 'person' })).toHaveLength(1);
  });
});

describe('a run that succeeded', () => {
  const ran = { lastRunAtMs: NOW - 60_000, lastRunStatus: 'ok' } as const;
  const succeeded = (known: Partial<CronJob>) => evidenceOf(cronJob({ schedule: EVERY, ...ran, ...known }));

  it.each([
    ['an empty reply', { lastOutcome: { isEmptyReply: true } }],
    ['another model than the job asks for', { model: 'a/b', lastOutcome: { model: 'c/d' } }],
    ['another model than the job asks for', { lastOutcome: { model: 'c/d' } }],
    ['no channel is configured', { lastOutcome: { isUndelivered: true, isWithoutChannel: true } }],
  ])('with %s is a note', (text, known) => {
    expect(succeeded(known)).toMatchObject([{ verdict: 'ok', text: expect.stringContaining(text) }]);
  });

  it('with a model that the job names by an alias is not called one with another model', () => {
    expect(succeeded({ model: 'sonnet', lastOutcome: { model: 'anthropic/claude-sonnet-5' } })).toEqual([]);
  });

  it('and whose message did not arrive is a warning', () => {
    const evidence = succeeded({ lastOutcome: { isUndelivered: true } });
    expect(evidence).toMatchObject([{ verdict: 'warning', text: expect.stringContaining('did not arrive') }]);
  });

  it('with the model that the job asks for is nothing to tell', () => {
    expect(succeeded({ model: 'b', lastOutcome: { model: 'a/b' } })).toEqual([]);
  });
});

describe('the command for a job that fails', () => {
  it('names the job where its id is harmless', () => {
    expect(repairOf(failing('daily-1'))).toBe('openclaw cron runs --id daily-1');
  });

  it('holds a long id as the gateway knows it, and none that is too long for a command', () => {
    const long = 'a'.repeat(200);
    expect(repairOf(failing(long))).toBe(`openclaw cron runs --id ${long}`);
    expect(repairOf(failing('a'.repeat(10_000)))).toBe('openclaw cron list');
  });

  it('is about the log where only a log knows the job', () => {
    expect(repairOf(failing('log:main/backup', 'backup', 'log'))).toBe(
      'read the end of its log, and crontab -l',
    );
  });

  it('can never hold what a shell would obey, whatever the job is called', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('$(reboot)', 'a;b', '`id`', "a' b", 'a\nb'),
    );
    fc.assert(
      fc.property(text, text, (id, name) => {
        expect(repairOf(failing(id, name))).toMatch(/^openclaw cron (?:list|runs --id [\w.-]+)$/);
      }),
    );
  });
});
