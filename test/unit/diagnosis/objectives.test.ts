import { describe, expect, it } from 'vitest';
import { describeObjectives } from '../../../src/diagnosis/objectives.ts';

const NOTHING = { pings: 0, answered: 0, runs: 0, succeeded: 0, missed: 0 };

describe('what was kept of the objectives', () => {
  it('is not described before anything was counted', () => {
    expect(describeObjectives(NOTHING)).toEqual([]);
  });

  it('is the share of answered pings, which is 100 % only without a failure', () => {
    expect(describeObjectives({ ...NOTHING, pings: 100_000, answered: 99_999 })).toEqual([
      '99.99 % of 100,000 pings since the exporter started were answered (objective 99.5 %).',
    ]);
    expect(describeObjectives({ ...NOTHING, pings: 4, answered: 4 })[0]).toMatch(/^100 % of 4 pings/);
  });

  it('judges cron from 20 runs on, and counts a missed run as due', () => {
    const few = { ...NOTHING, runs: 19, succeeded: 19 };
    expect(describeObjectives(few)).toEqual([]);
    expect(describeObjectives({ ...few, runs: 20, missed: 5 })).toEqual([
      '95 % of 20 cron runs succeeded (objective 95 %), and 80 % of 25 due runs started (objective 99 %).',
    ]);
  });
});
