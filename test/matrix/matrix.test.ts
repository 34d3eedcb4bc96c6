import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installed } from '../support/promtool.ts';
import { expectNoSecretShown } from '../support/secrets.ts';
import { chaos } from './chaos.ts';
import { play } from './play.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { World } from './world.ts';

/**
 * The part of the fault matrix that is played each time; all of it: `npm run matrix`. None starts a gateway
 * anew: on a busy machine that takes longer than the divided durations allow.
 */
const SUBSET = ['X4', 'C2', 'G2', 'T2', 'N1'] as const;
const CHAOS = { steps: 20, seed: 7 } as const;

const available = installed('prometheus') && installed('prometheus-alertmanager');

describe.skipIf(!available)('faults of a real gateway, up to the page', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start();
  });

  afterAll(async () => {
    await world?.stop();
    expectNoSecretShown();
  });

  it.each(SUBSET.map((id, index) => [id, index] as const))(
    '%s: the verdicts, the alerts and the pages that it should have, and no others',
    async (id, index) => {
      const scenario = SCENARIOS.find((one) => one.id === id);
      if (scenario === undefined) throw new Error(`no scenario ${id}`);
      const { misses, falsePages } = await play(world, scenario, index);
      expect(misses).toEqual([]);
      expect(falsePages).toEqual([]);
    },
  );

  it(`${CHAOS.steps} random faults and repairs break no promise`, async () => {
    const { broken, scrapes } = await chaos(world, CHAOS.steps, CHAOS.seed);
    expect(broken).toEqual([]);
    expect(scrapes).toBeGreaterThan(0);
  });
});
