import { describe, expect, it } from 'vitest';
import { readAttempt } from '../../../../src/auth/attempt.ts';
import { TokenProof } from '../../../../src/collectors/token/proof.ts';
import { Secret } from '../../../../src/lib/secret.ts';
import type { KnownGateway } from '../../../../src/openclaw/install.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const CREDENTIAL = { place: 'config', secret: new Secret('hunter2') } as const;
const INSTALL: KnownGateway = {
  address: { url: 'ws://127.0.0.1:18789', host: '127.0.0.1', port: 18_789, tls: false, local: true },
  authMode: 'token',
  credential: CREDENTIAL,
  problems: [],
};

describe('a proved credential', () => {
  it('is stale once the gateway has not answered for a whole interval, and holds again when it does', () => {
    const proof = new TokenProof(new FakeClock());
    const see = (health: 'live' | 'silent') =>
      proof.see({ install: INSTALL, health, identity: 'boot 1 2', uptimeMs: undefined });
    see('live');
    const end = { state: 'accepted', version: '2026.9.6', protocol: 4 } as const;
    proof.learn(CREDENTIAL, readAttempt({ challengeSeconds: 0.01, credentialSent: true, end }));
    const states: boolean[] = [];
    for (const health of ['live', 'silent', 'silent', 'silent', 'live'] as const) {
      see(health);
      states.push(proof.isStale);
    }
    expect(states).toEqual([false, false, true, true, false]);
    expect(proof.verdict?.match).toBe(true);
  });
});
