import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gated } from '../../../src/web/gate.ts';
import { Passwords } from '../../../src/web/passwords.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';

const AT_ONCE = 1024;
const REQUEST_MS = 120_000;

/** The gate before an application that answers nobody until it is told to. */
async function waiting() {
  const clock = new FakeClock();
  const held: (() => void)[] = [];
  const app: RequestListener = (_request, response) => void held.push(() => response.end('done'));
  const web = {
    tls: undefined,
    clientAuth: 'NoClientCert',
    headers: new Map<string, string>(),
    users: new Map<string, string>(),
    authenticates: false,
  } as const;
  const passwords = new Passwords(() => Promise.resolve(false));
  const server = createServer(gated(app, { clock, passwords, web: () => web })({ isLoopback: true }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const ask = () =>
    new Promise<number | string>((resolve) => {
      const asked = get({ host: '127.0.0.1', port, agent: false }, (answer: IncomingMessage) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    });
  return { ask, clock, held };
}

describe('requests under way', () => {
  it('are no more than a limit: one more is sent away, and answered once another has ended', async () => {
    const { ask, held } = await waiting();
    const first = Array.from({ length: AT_ONCE }, ask);
    await until(() => held.length === AT_ONCE, { what: 'all of them to be under way', timeoutMs: 60_000 });
    expect(await ask()).toBe(503);
    held.shift()?.();
    expect(await Promise.race(first)).toBe(200);
    const late = ask();
    await until(() => held.length === AT_ONCE, { what: 'the late one to be let in' });
    for (const end of held) end();
    expect(new Set(await Promise.all([...first, late]))).toEqual(new Set([200]));
  });

  it('that are not answered in two minutes are cut, and count no longer', async () => {
    const { ask, clock, held } = await waiting();
    const hanging = ask();
    await until(() => held.length === 1);
    await clock.advance(REQUEST_MS - 1);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(await hanging).toBe('ECONNRESET');
    expect(clock.pending).toBe(0);
  });
});
