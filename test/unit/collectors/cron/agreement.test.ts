import { describe, expect, it } from 'vitest';
import { agreementEvidence, CrossCheck } from '../../../../src/collectors/cron/agreement.ts';
import type { SourceReading } from '../../../../src/collectors/cron/source/cron-source.ts';
import type { CronJob } from '../../../../src/collectors/cron/source/records.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

function job(id: string, over: Partial<CronJob> = {}): CronJob {
  return {
    id,
    origin: 'gateway',
    name: id,
    enabled: true,
    schedule: { kind: 'every', everyMs: HOUR, anchorMs: undefined },
    createdAtMs: undefined,
    nextRunAtMs: undefined,
    runningAtMs: undefined,
    lastRunAtMs: NOW - HOUR,
    lastRunStatus: 'ok',
    lastDurationMs: 5,
    consecutiveErrors: 0,
    ...over,
  };
}

function read(...jobs: CronJob[]): SourceReading {
  return { state: 'read', jobs, runs: [], lastSuccesses: new Map(), cursor: undefined, problems: [] };
}

function judgeTwice(said: CronJob[], stored: CronJob[]) {
  const check = new CrossCheck();
  const look = () =>
    check.judge(
      [
        ['sqlite', read(...stored)],
        ['api', read(...said)],
      ],
      NOW,
    );
  return [look(), look()] as const;
}

describe('the cross-check of cron sources', () => {
  it('says nothing while only one of the two can be read', () => {
    const check = new CrossCheck();
    expect(check.judge([['sqlite', read(job('a'))]], NOW)).toBeUndefined();
    expect(
      check.judge(
        [
          ['sqlite', { state: 'unreadable', reason: 'x' }],
          ['api', read(job('a'))],
        ],
        NOW,
      ),
    ).toBeUndefined();
  });

  it('reports a job that only the gateway has, from the second look on', () => {
    const [first, second] = judgeTwice([job('a'), job('b')], [job('a')]);
    expect(first?.disagree).toBe(false);
    expect(second?.differing.map(({ id }) => id)).toEqual(['b']);
  });

  it('reports a job that one side calls disabled, and one whose stored last run stands still', () => {
    const [, second] = judgeTwice(
      [job('a'), job('b', { lastRunAtMs: NOW - 1_000 })],
      [job('a', { enabled: false }), job('b', { lastRunAtMs: NOW - HOUR })],
    );
    expect(second?.differing.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('leaves a run alone that ended moments ago', () => {
    const said = [job('a', { lastRunAtMs: NOW - 1_000 })];
    const [, second] = judgeTwice(said, [job('a', { lastRunAtMs: NOW - 6_000 })]);
    expect(second?.disagree).toBe(false);
  });

  it('does not take one answer of the gateway, shown again, for two', () => {
    const check = new CrossCheck();
    const said = read(job('a'), job('b'));
    const look = () =>
      check.judge(
        [
          ['sqlite', read(job('a'))],
          ['api', said],
        ],
        NOW,
      );
    look();
    expect(look()?.disagree).toBe(false);
  });

  it('names a few of the jobs that differ, and how many more there are', () => {
    const [, second] = judgeTwice(
      Array.from({ length: 8 }, (_, index) => job(`job-${index}`)),
      [],
    );
    expect(agreementEvidence(second)[0]?.text).toContain('job-0, job-1, job-2, job-3, job-4 and 3 more');
  });
});
