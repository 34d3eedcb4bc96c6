import { describe, expect, it } from 'vitest';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import { decidePage, PAGING, UNOBSERVED_MS } from '../../../src/diagnosis/paging.ts';
import { targetState } from '../../support/target-state.ts';

const defaults = thresholdsSchema.parse({});
const critical = alertsOf(ruleGroups(defaults)).filter(({ severity }) => severity === 'critical');
const nowMs = Date.UTC(2026, 10, 28, 3);

function decide(evidence: Parameters<typeof targetState>[0], sinceMs: number) {
  return decidePage({
    states: [targetState(evidence, { sinceMs: [sinceMs] })],
    answersSinceMs: sinceMs,
    nowMs,
  });
}

describe('what pages without Prometheus', () => {
  it.each(PAGING)('is $fault after as long as $alert waits', ({ alert, afterMs }) => {
    const waits = critical.filter((rule) => rule.alert === alert).map(({ forMs }) => forMs);
    const range = alert === 'OpenClawSshHostDown' ? defaults.ssh_down_range : 0;
    expect(Math.min(...waits) + range).toBe(afterMs);
  });

  it.each(PAGING)('is $fault that has held for that long, and not a moment before', ({ fault, afterMs }) => {
    const evidence = { layer: 'process', verdict: 'bad', fault } as const;
    expect(decide(evidence, nowMs - afterMs)).toBeDefined();
    if (afterMs > 0) expect(decide(evidence, nowMs - afterMs + 1)).toBeUndefined();
  });

  it('is no warning, however long it lasts', () => {
    expect(
      decide({ layer: 'process', verdict: 'warning', fault: 'gateway-down' }, nowMs - 86_400_000),
    ).toBeUndefined();
  });

  it('is nothing during declared maintenance', () => {
    const page = decidePage({
      states: [
        targetState({ layer: 'process', verdict: 'bad', fault: 'gateway-down' }, { sinceMs: [0] }),
        targetState({ layer: 'process', verdict: 'ok', planned: true }),
      ],
      answersSinceMs: undefined,
      nowMs,
    });
    expect(page).toBeUndefined();
  });

  it('is a gateway that cannot be observed at all', () => {
    const states = [targetState({}, { collector: 'ping', evidence: [], blind: 'no address' })];
    const decideAfter = (ms: number) => decidePage({ states, answersSinceMs: nowMs - ms, nowMs });
    expect(decideAfter(UNOBSERVED_MS)?.fact).toBe('The gateway cannot be observed.');
    expect(decideAfter(UNOBSERVED_MS - 1)).toBeUndefined();
  });

  it('names the likeliest cause without the name of a host, a job or a gateway', () => {
    const page = decide(
      {
        layer: 'token',
        verdict: 'bad',
        fault: 'token-mismatch',
        subject: 'gateway studio.example',
        text: 'studio.example refuses it',
      },
      0,
    );
    expect(page).toEqual({
      cause: 'authentication',
      layer: 'token',
      fact: 'The gateway refuses the configured token.',
    });
  });
});
