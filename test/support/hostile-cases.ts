import { createApiSource } from '../../src/collectors/cron/source/api.ts';
import { withGatewayApi } from '../../src/gateway/api.ts';
import { authenticate } from '../../src/gateway/auth.ts';
import { askHealth, askReady } from '../../src/gateway/http.ts';
import { openToChallenge } from '../../src/gateway/websocket.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { PairedDevice } from '../../src/openclaw/paired-device.ts';
import { probeBanner } from '../../src/ssh/banner.ts';
import type { Phase } from './hostile-answers.ts';

const device: PairedDevice = {
  id: 'device',
  publicKey: 'key',
  token: new Secret('a-token-of-the-device'),
  client: { id: 'cli', mode: 'cli', platform: 'linux', deviceFamily: undefined, displayName: undefined },
  sign: () => 'signature',
};

/**
 * Asks a host that misbehaves in `phase` all that is asked there; gives what was
 * believed of it and must not be.
 */
export async function askHostile(phase: Phase, port: number, answerMs: number): Promise<string[]> {
  const signal = new AbortController().signal;
  const address = { url: `ws://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false, local: true };
  const asking = { address, clock: systemClock, connectMs: 2_000, answerMs, signal };
  switch (phase) {
    case 'http': {
      const [health, ready] = await Promise.all([askHealth(asking), askReady(asking)]);
      return [
        ...(health.state === 'live' ? ['it is taken for live'] : []),
        ...(ready === undefined ? [] : ['it is taken for ready']),
      ];
    }
    case 'opening': {
      const { state } = await openToChallenge(asking);
      return state === 'challenged' ? ['its opening is taken for a challenge'] : [];
    }
    case 'credential': {
      const credential = new Secret('a-token-of-the-gateway');
      const { end } = await authenticate({ ...asking, credential, kind: 'token', version: '0' });
      return end.state === 'accepted' ? ['the credential is taken for accepted'] : [];
    }
    case 'question': {
      const source = createApiSource({
        connect: (use) => withGatewayApi({ ...asking, device, version: '0' }, use),
        monotonic: () => performance.now(),
        everyMs: 0,
      });
      const reading = await source.read(undefined, 0, signal);
      return reading.state === 'read' ? ['its answer is taken for jobs'] : [];
    }
    case 'banner': {
      const route = {
        hostname: '127.0.0.1',
        port,
        family: 4,
        bindAddress: undefined,
        proxied: false,
        knownOptions: new Set<string>(),
      } as const;
      const lookup = () => Promise.resolve([]);
      const report = await probeBanner(route, { clock: systemClock, lookup, signal, phaseMs: answerMs });
      return report.problem === undefined ? ['it is taken for an SSH server'] : [];
    }
  }
}
