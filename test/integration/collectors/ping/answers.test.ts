import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { GatewayPing, pingCollector } from '../../../../src/collectors/ping/collector.ts';
import { deadlines } from '../../../../src/gateway/deadlines.ts';
import { askHealth, askReady, askStartup, callGateway } from '../../../../src/gateway/http.ts';
import { openToChallenge } from '../../../../src/gateway/websocket.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { selfSigned } from '../../../support/certificate.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { fakeGateway, httpServer, localAddress, tcpServer } from '../../../support/hostile.ts';
import { installOf, testContext } from '../../../support/looks.ts';
import { freePort } from '../../../support/ports.ts';
import { until } from '../../../support/until.ts';

function asking(port: number, answerMs = 300) {
  const signal = new AbortController().signal;
  return { address: localAddress(port), clock: systemClock, connectMs: 1_000, answerMs, signal };
}

function respond(text: string, andThen: (socket: Socket) => void = () => undefined) {
  return tcpServer((socket) =>
    socket.once('data', () => {
      socket.write(text);
      andThen(socket);
    }),
  );
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n';

describe('asking whether a gateway answers', () => {
  it('says refused where nothing listens', async () => {
    expect((await askHealth(asking(await freePort()))).state).toBe('refused');
  });

  it('says unreachable where the name is unknown', async () => {
    const address = { ...localAddress(1), host: 'no-such-host.invalid', local: false };
    expect((await askHealth({ ...asking(1), address, connectMs: 10_000 })).state).toBe('unreachable');
  });

  it('says silent where the connection is accepted and nothing comes', async () => {
    expect((await askHealth(asking(await tcpServer(() => undefined)))).state).toBe('silent');
  });

  it('says silent where half an OpenClaw answer came, then nothing (G15)', async () => {
    expect((await askHealth(asking(await respond(`${HEAD}{"ok":tr`)))).state).toBe('silent');
    expect((await askHealth(asking(await respond('HTTP/1.1 200 OK\r\ncontent-')))).state).toBe('silent');
  });

  it('says silent where the answer ends in its middle', async () => {
    const port = await respond(`${HEAD}{"ok":tr`, (socket) => socket.end());
    expect((await askHealth(asking(port))).state).toBe('silent');
  });

  it('says foreign where half an answer of somebody else came', async () => {
    const html = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n<html>';
    expect((await askHealth(asking(await respond(html)))).state).toBe('foreign');
    const list = `${HEAD.replace('27', '99')}[1,2`;
    expect((await askHealth(asking(await respond(list)))).state).toBe('foreign');
  });

  it('says dropped where the connection is closed or reset without a word', async () => {
    expect((await askHealth(asking(await tcpServer((socket) => socket.end())))).state).toBe('dropped');
    const resetting = await tcpServer((socket) => socket.resetAndDestroy());
    expect((await askHealth(asking(resetting))).state).toBe('dropped');
  });

  it.each([
    ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a TLS alert', '\u0015\u0003\u0001\u0000\u0002\u0002\u0046'],
    ['noise', '\u0000\u0001\u0002garbage'],
  ])('says foreign to %s', async (_, text) => {
    expect((await askHealth(asking(await respond(text)))).state).toBe('foreign');
  });

  it.each([
    ['a web page with status 200', 200, 'text/html', '<html>ok</html>'],
    ['the right body with the wrong type', 200, 'text/plain', '{"ok":true,"status":"live"}'],
    ['another JSON', 200, 'application/json', '{"status":"ok"}'],
    ['JSON that is none', 200, 'application/json', '{"ok":true,'],
    ['the right body with status 500', 500, 'application/json', '{"ok":true,"status":"live"}'],
    ['nothing at all', 204, 'application/json', ''],
  ])('says foreign to %s', async (_, status, type, body) => {
    const port = await httpServer((_request, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    expect((await askHealth(asking(port))).state).toBe('foreign');
  });

  it('stops reading an answer that does not end', async () => {
    let sent = 0;
    const port = await httpServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (!response.destroyed && sent < 50_000_000) {
          sent += 16_384;
          if (!response.write('x'.repeat(16_384))) return;
        }
      };
      response.on('drain', more);
      more();
    });
    expect((await askHealth(asking(port, 5_000))).state).toBe('foreign');
    expect(sent).toBeLessThan(50_000_000);
  });

  it('gives a slow drip no more time than anybody else', async () => {
    const port = await tcpServer((socket) => {
      socket.write(HEAD);
      const drip = setInterval(() => socket.write(' '), 20);
      socket.on('close', () => clearInterval(drip));
    });
    expect((await askHealth(asking(port))).state).toBe('silent');
  });

  it('leaves no connection behind, cut ones included', async () => {
    const open = new Set<Socket>();
    const port = await tcpServer((socket) => {
      open.add(socket);
      socket.resume();
      socket.on('close', () => open.delete(socket));
    });
    const cut = new AbortController();
    const looking = askHealth({ ...asking(port, 60_000), signal: cut.signal });
    await until(() => open.size === 1);
    cut.abort(new Error('cut'));
    await expect(looking).rejects.toThrow('cut');
    await until(() => open.size === 0);
    await askHealth(asking(port));
    await until(() => open.size === 0);
  });

  it('reads a gateway that answers, and what it tells of itself', async () => {
    const { port } = await fakeGateway('unused');
    expect((await askHealth(asking(port))).state).toBe('live');
    expect(await askReady(asking(port))).toMatchObject({ ready: true, uptimeMs: 1_000_000 });
    expect(await askStartup(asking(port))).toBeUndefined();
  });

  it('follows no redirect', async () => {
    const asked: string[] = [];
    const port = await httpServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    expect((await callGateway({ ...asking(port), path: '/healthz' })).state).toBe('answered');
    expect(asked).toEqual(['/healthz']);
  });
});

describe('opening the WebSocket', () => {
  it('ends at the challenge and sends nothing', async () => {
    const gateway = await fakeGateway('unused');
    const outcome = await openToChallenge(asking(gateway.port, 2_000));
    expect(outcome.state).toBe('challenged');
    expect(gateway.shown).toEqual([]);
  });

  it.each([
    ['silent' as const, 'silent'],
    ['garbage' as const, 'foreign'],
  ])('tells a gateway that is %s', async (webSocket, state) => {
    const gateway = await fakeGateway('unused');
    gateway.webSocket = webSocket;
    expect((await openToChallenge(asking(gateway.port))).state).toBe(state);
  });

  it('is refused by a server without WebSockets', async () => {
    const port = await httpServer((_request, response) => response.writeHead(404).end());
    expect((await openToChallenge(asking(port))).state).toBe('dropped');
  });
});

/** A gateway behind TLS so far away that its greeting takes `greetingMs` of the clock. */
async function distantGateway(clock: FakeClock, greetingMs: number, answer: RequestListener) {
  const { key, cert, fingerprint } = await selfSigned();
  const server = createTlsServer({ key, cert }, answer);
  const port = await tcpServer((socket) =>
    socket.once('data', async (greeting) => {
      socket.pause();
      await clock.advance(greetingMs);
      socket.unshift(greeting);
      server.emit('connection', socket);
    }),
  );
  return { ...localAddress(port), url: `wss://127.0.0.1:${port}`, tls: true, fingerprint };
}

describe('the time of a call', () => {
  it('for the answer is that for TLS, too', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const address = await distantGateway(clock, 200, () => {
      asked += 1;
    });
    const call = callGateway({ ...asking(address.port), address, clock, path: '/healthz' });
    await until(() => asked === 1);
    await clock.advance(100);
    expect(clock.pending).toBe(0);
    expect((await call).state).toBe('silent');
  });

  it('is that of the whole look: a distant gateway whose other answers do not come is still up', async () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    const address = await distantGateway(clock, 500, (request, response) => {
      asked.push(request.url ?? '');
      if (request.url !== '/healthz') return;
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true,"status":"live"}');
    });
    const limits = deadlines(5_000);
    const context = testContext({ ...installOf(address.port, undefined), address }, { clock });
    context.metrics.declare(pingCollector.metrics);
    const look = new GatewayPing(context).look(new AbortController().signal, limits);
    await until(() => asked.length === 3);
    await clock.advance(limits.totalMs - clock.monotonic());
    expect(clock.pending).toBe(0);
    expect(await look).toMatchObject({ kind: 'seen', answers: { health: { state: 'live' } } });
  });

  it('holds the farewell to a WebSocket that does not answer it', async () => {
    const clock = new FakeClock();
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    server.on('connection', (client) => client.pause());
    await until(() => server.address() !== null);
    const { port } = server.address() as AddressInfo;
    const opening = openToChallenge({ ...asking(port, 1_000), clock, endsAtMs: 1_000 });
    await until(() => server.clients.size === 1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
    expect((await opening).state).toBe('silent');
  });
});
