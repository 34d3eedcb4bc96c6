import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../../src/core/collector.ts';
import type { TargetState } from '../../../src/core/collector-loop.ts';
import { COMPARE_MS, VerdictLog } from '../../../src/diagnosis/verdict-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLogger } from '../../support/logger.ts';
import { targetState } from '../../support/target-state.ts';

class World {
  readonly clock = new FakeClock();
  readonly logger = recordingLogger();
  states: readonly TargetState[] = [];
  isReady = true;
  readonly log = new VerdictLog({
    clock: this.clock,
    logger: this.logger,
    states: () => this.states,
    isReady: () => this.isReady,
  });

  show(evidence: Partial<Evidence>): void {
    this.states = [targetState({ layer: 'token', ...evidence })];
    this.log.compare();
  }

  /** Lines about the token. */
  get lines() {
    return this.logger.lines.filter(({ fields }) => fields?.layer === 'token');
  }
}

describe('the log of verdicts', () => {
  it('says the verdict of every layer once all collectors have run, not before', () => {
    const world = new World();
    world.isReady = false;
    world.show({ verdict: 'ok' });
    expect(world.logger.lines).toEqual([]);
    world.isReady = true;
    world.log.compare();
    expect(world.logger.lines).toHaveLength(5);
    expect(world.lines).toMatchObject([{ msg: 'verdict', level: 'info', fields: { verdict: 'ok' } }]);
    const cron = world.logger.lines.find(({ fields }) => fields?.layer === 'cron');
    expect(cron?.fields?.verdict).toBe('not configured');
  });

  it('has one line a change, with the evidence for what is wrong', () => {
    const world = new World();
    world.show({ verdict: 'ok' });
    world.show({ verdict: 'bad', subject: 'gateway', text: 'refuses the token' });
    world.show({ verdict: 'bad', subject: 'gateway', text: 'refuses the token' });
    world.show({ verdict: 'ok' });
    expect(world.lines.slice(1)).toMatchObject([
      {
        level: 'error',
        msg: 'verdict changed',
        fields: { before: 'ok', verdict: 'bad', reason: 'gateway: refuses the token' },
      },
      { level: 'info', msg: 'verdict changed', fields: { before: 'bad', verdict: 'ok' } },
    ]);
  });

  it('says once that a verdict changes too often, and goes on half an hour later', async () => {
    const world = new World();
    for (let round = 0; round < 50; round += 1) world.show({ verdict: round % 2 === 0 ? 'ok' : 'bad' });
    expect(world.lines.map(({ msg }) => msg)).toEqual([
      'verdict',
      ...Array<string>(6).fill('verdict changed'),
      'verdict changes too often to be logged',
    ]);
    await world.clock.advance(31 * 60_000);
    world.show({ verdict: 'ok' });
    expect(world.lines.at(-1)).toMatchObject({ msg: 'verdict changed', fields: { verdict: 'ok' } });
  });

  it('compares by itself from its start to its stop', async () => {
    const world = new World();
    world.log.start();
    world.states = [targetState({ layer: 'token', verdict: 'bad' })];
    await world.clock.advance(COMPARE_MS);
    world.log.stop();
    world.states = [];
    await world.clock.advance(COMPARE_MS);
    expect(world.lines.map(({ fields }) => fields?.verdict)).toEqual(['not configured', 'bad']);
  });
});
