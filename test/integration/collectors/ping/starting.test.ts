import { describe, expect, it } from 'vitest';
import { pingCollector } from '../../../../src/collectors/ping/collector.ts';
import type { KnownProcess } from '../../../../src/core/facts.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { stateOf } from '../../../support/exposition.ts';
import { fakeGateway } from '../../../support/hostile.ts';
import { installOf, lookOnce, startCollector, testContext } from '../../../support/looks.ts';

const SETTINGS = { enabled: true, intervalMs: 1_000, timeoutMs: 1_000 };

async function ping() {
  const gateway = await fakeGateway('right');
  const context = testContext(installOf(gateway.port, undefined));
  const collector = startCollector(pingCollector, context, SETTINGS);
  const known = (more: Partial<KnownProcess> = {}) =>
    context.board.publish('process', {
      identity: 'boot 7 7',
      startedMonotonicMs: systemClock.monotonic(),
      ...more,
    });
  const look = async () =>
    stateOf((await lookOnce(context, collector)).series, 'openclaw_gateway_state', 'state');
  return { gateway, look, known };
}

describe('a gateway that falls silent', () => {
  it('hangs where it was up before its process became known', async () => {
    const startedMonotonicMs = systemClock.monotonic();
    const { gateway, look, known } = await ping();
    expect(await look()).toBe('up');
    known({ startedMonotonicMs });
    gateway.health = 'silent';
    expect(await look()).toBe('hung');
  });

  it('starts where its process is another one than the one that was up', async () => {
    const { gateway, look, known } = await ping();
    expect(await look()).toBe('up');
    known();
    gateway.health = 'silent';
    expect(await look()).toBe('starting');
  });

  it('never starts while its process is stopped', async () => {
    const { gateway, look, known } = await ping();
    known({ isStopped: true });
    gateway.health = 'silent';
    expect(await look()).toBe('hung');
  });
});
