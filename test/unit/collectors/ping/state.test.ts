import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Answers,
  failingSubsystems,
  gatewayState,
  hasStarted,
  healthBehind,
  pingResult,
} from '../../../../src/collectors/ping/state.ts';
import { GATEWAY_STATES, PING_RESULTS } from '../../../../src/lib/vocabulary.ts';

const WINDOW = 300_000;
const live: Answers['health'] = { state: 'live', connectSeconds: 0.001, httpSeconds: 0.001 };
const silent: Answers['health'] = { state: 'silent', reason: '' };

function answers(changes: Partial<Answers>): Answers {
  return {
    health: live,
    ready: undefined,
    startup: undefined,
    isProxyRefused: false,
    holder: undefined,
    listensAt: undefined,
    newProcessAgeMs: undefined,
    startupWindowMs: WINDOW,
    ...changes,
  };
}

describe('the state of a gateway', () => {
  it.each([
    [{ health: { state: 'unreachable', reason: '' }, newProcessAgeMs: 1 }, 'unreachable'],
    [{ health: { state: 'refused' }, newProcessAgeMs: 1 }, 'refused'],
    [{ health: { state: 'foreign', reason: '' }, newProcessAgeMs: 1 }, 'foreign'],
    [{ startup: { ok: false, status: 'draining' }, newProcessAgeMs: 1 }, 'draining'],
    [{ ready: { ready: false, failing: ['gateway-draining'] } }, 'draining'],
    [{ startup: { ok: false, status: 'starting', uptimeMs: 1_000 } }, 'starting'],
    [{ health: silent, newProcessAgeMs: WINDOW - 1 }, 'starting'],
    [{ health: { state: 'dropped', reason: '' }, newProcessAgeMs: 1 }, 'starting'],
    [{ health: silent, newProcessAgeMs: WINDOW }, 'hung'],
    [{ health: silent }, 'hung'],
    [{ startup: { ok: false, status: 'starting', uptimeMs: WINDOW } }, 'up'],
    [{ ready: { ready: false, failing: ['telegram'] } }, 'up'],
    [{ newProcessAgeMs: 1 }, 'up'],
  ] satisfies readonly (readonly [Partial<Answers>, string])[])('of %j is %s', (changes, state) => {
    expect(gatewayState(answers(changes))).toBe(state);
  });

  it('has finished its start only when it says nothing else', () => {
    expect(hasStarted(answers({}))).toBe(true);
    expect(hasStarted(answers({ health: silent }))).toBe(false);
    expect(hasStarted(answers({ startup: { ok: false, status: 'starting' } }))).toBe(false);
    expect(hasStarted(answers({ ready: { ready: false, failing: ['startup-sidecars'] } }))).toBe(false);
  });

  it('is one of the listed states, and its ping one of the listed results, whatever was seen', () => {
    const health = fc.constantFrom<Answers['health']>(
      live,
      silent,
      { state: 'refused' },
      { state: 'dropped', reason: '' },
      { state: 'foreign', reason: '' },
      { state: 'unreachable', reason: '' },
    );
    const age = fc.option(fc.integer({ min: -WINDOW, max: 2 * WINDOW }), { nil: undefined });
    fc.assert(
      fc.property(health, age, (seen, newProcessAgeMs) => {
        const state = gatewayState(answers({ health: seen, newProcessAgeMs }));
        expect(GATEWAY_STATES).toContain(state);
        expect(PING_RESULTS).toContain(pingResult(seen));
        expect(state === 'up').toBe(seen.state === 'live');
      }),
    );
  });
});

describe('a gateway behind a forwarder', () => {
  const forwarder = { kind: 'forwarder', name: 'nginx', pid: 7, isProved: true } as const;
  const foreign = (status: number): Answers['health'] => ({ state: 'foreign', reason: '', status });
  const dropped: Answers['health'] = { state: 'dropped', reason: '' };

  it.each([
    [dropped, 'refused'],
    [foreign(502), 'refused'],
    [foreign(503), 'refused'],
    [foreign(504), 'silent'],
    [foreign(401), 'foreign'],
    [live, 'live'],
  ])('that showed %j is %s', (health, state) => {
    expect(healthBehind(health, forwarder).state).toBe(state);
    expect(healthBehind(health, { kind: 'gateway' })).toBe(health);
  });
});

describe('the failing subsystems', () => {
  it('are short, few, distinct and without names of agents, whatever /readyz says', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 100 }), { maxLength: 80 }), (failing) => {
        const labels = failingSubsystems({ ready: false, failing });
        expect(labels.length).toBeLessThanOrEqual(32);
        expect(new Set(labels).size).toBe(labels.length);
        for (const label of labels) expect(label).toMatch(/^[\w.-]{1,64}$/);
      }),
    );
    expect(
      failingSubsystems({ ready: false, failing: ['agent-database:anna', 'agent-database:bob'] }),
    ).toEqual(['agent-database']);
  });
});
