import { describe, expect, it } from 'vitest';
import { pingEvidence } from '../../../../src/collectors/ping/evidence.ts';
import { type Answers, gatewayState } from '../../../../src/collectors/ping/state.ts';

const WINDOW_MS = 60_000;

/** The evidence of a port on which nothing listens, beside a process of that age that has never been up. */
function evidenceOfNobody(newProcessAgeMs: number | undefined, seen: Partial<Answers> = {}) {
  const answers: Answers = {
    health: { state: 'refused' },
    ready: undefined,
    startup: undefined,
    isProxyRefused: false,
    holder: undefined,
    listensAt: undefined,
    newProcessAgeMs,
    startupWindowMs: WINDOW_MS,
    ...seen,
  };
  const pinged = { answers, state: gatewayState(answers), opening: undefined, info: undefined };
  return pingEvidence(pinged, '127.0.0.1:18789', 18_789);
}

describe('the evidence of a port on which nothing listens', () => {
  it('names no restart while the gateway’s process is young enough to be starting', () => {
    const [evidence] = evidenceOfNobody(WINDOW_MS - 1);
    expect(evidence).toMatchObject({ verdict: 'warning', text: expect.stringContaining('is starting') });
    expect(evidence?.repair).toBeUndefined();
  });

  it.each([undefined, WINDOW_MS])('names the restart beside a process of age %s', (age) => {
    expect(evidenceOfNobody(age)[0]).toMatchObject({
      verdict: 'bad',
      repair: 'openclaw gateway restart',
    });
  });

  it('names where the gateway listens instead, unless a tunnel or proxy stood at that port', () => {
    const listensAt = '127.0.0.1:20356';
    const nobody = (isForwarderGone: boolean) => ({ kind: 'nobody', isForwarderGone }) as const;
    expect(evidenceOfNobody(undefined, { listensAt, holder: nobody(false) })[0]).toMatchObject({
      fault: 'address-drift',
    });
    expect(evidenceOfNobody(undefined, { listensAt, holder: nobody(true) })[0]).toMatchObject({
      fault: 'forwarder-gone',
    });
  });
});
