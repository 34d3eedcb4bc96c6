import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import type { GatewayAddress } from '../../src/openclaw/address.ts';

/** The address of a port of this machine. */
export function localAddress(port: number): GatewayAddress {
  return { url: `ws://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false, local: true };
}

/** A TCP server that does `serve` with each connection; ends with the test. Gives its port. */
export function tcpServer(serve: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    serve(socket);
  });
  return listening(server, () => {
    for (const socket of open) socket.destroy();
  });
}

/** An HTTP server; ends with the test. Gives its port. */
export function httpServer(answer: RequestListener): Promise<number> {
  const server = createHttpServer(answer);
  return listening(server, () => server.closeAllConnections());
}

export interface FakeGateway {
  readonly port: number;
  /** Paths asked over HTTP, in order. */
  readonly asked: string[];
  /** Credentials shown to it, over WebSocket and HTTP. */
  readonly shown: string[];
  /** What it accepts; may be changed while it runs. */
  token: string;
  /** What it does with a WebSocket: speak OpenClaw's protocol, or the given misbehaviour. */
  webSocket: 'gateway' | 'silent' | 'challenge_only' | 'garbage' | 'rate_limited' | 'protocol';
  health: 'live' | 'silent' | 'foreign';
  uptimeMs: number;
  version: string;
  /** Whether its HTTP API wants no credential. */
  acceptsAll: boolean;
  tools: { status: number; body: string; type: string };
}

/** A stand-in that speaks just enough of a gateway's HTTP and WebSocket protocol; it is no real gateway. */
export async function fakeGateway(token: string): Promise<FakeGateway> {
  const asked: string[] = [];
  const shown: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url ?? '');
    const bearer = request.headers.authorization;
    if (bearer !== undefined) shown.push(bearer.replace(/^Bearer /, ''));
    const reply = httpReply(gateway, request.url ?? '', bearer);
    if (reply === undefined) return;
    response.writeHead(reply.status, { 'content-type': reply.type }).end(reply.body);
  });
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    if (gateway.webSocket === 'silent') return;
    if (gateway.webSocket === 'garbage') return socket.send('hello');
    socket.send('{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}');
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data));
      shown.push(frame.params.auth?.token ?? frame.params.auth?.password ?? '');
      const reply = connectReply(gateway, frame.params.auth?.token);
      if (reply !== undefined) socket.send(JSON.stringify({ type: 'res', id: frame.id, ...reply }));
    });
  });
  const port = await listening(server, () => {
    for (const socket of webSockets.clients) socket.terminate();
    server.closeAllConnections();
  });
  const gateway: FakeGateway = {
    port,
    asked,
    shown,
    token,
    webSocket: 'gateway',
    health: 'live',
    uptimeMs: 1_000_000,
    version: '2026.9.6',
    acceptsAll: false,
    tools: { status: 200, type: 'application/json', body: '{"ok":true,"result":{}}' },
  };
  return gateway;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function httpReply(gateway: FakeGateway, path: string, bearer: string | undefined): Reply | undefined {
  const json = (status: number, body: unknown) => ({
    status,
    type: 'application/json; charset=utf-8',
    body: JSON.stringify(body),
  });
  if (gateway.health === 'silent') return undefined;
  if (gateway.health === 'foreign') return { status: 200, type: 'text/html', body: '<html></html>' };
  if (path === '/healthz') return json(200, { ok: true, status: 'live' });
  if (path === '/readyz') return json(200, { ready: true, failing: [], uptimeMs: gateway.uptimeMs });
  if (path !== '/tools/invoke') return { status: 200, type: 'text/html', body: '<html></html>' };
  return gateway.acceptsAll || bearer === `Bearer ${gateway.token}`
    ? gateway.tools
    : json(401, { error: { type: 'unauthorized' } });
}

function connectReply(gateway: FakeGateway, token: string | undefined) {
  const refuse = (details: unknown, more = {}) => ({
    ok: false,
    error: { code: 'INVALID_REQUEST', message: 'refused', details, ...more },
  });
  if (gateway.webSocket === 'challenge_only') return undefined;
  if (gateway.webSocket === 'protocol') return refuse({ expectedProtocol: 9 });
  if (gateway.webSocket === 'rate_limited')
    return refuse({ code: 'AUTH_RATE_LIMITED' }, { retryAfterMs: 20_000 });
  if (token !== gateway.token) return refuse({ code: 'AUTH_TOKEN_MISMATCH' });
  return { ok: true, payload: { type: 'hello-ok', protocol: 4, server: { version: gateway.version } } };
}

function listening(server: Server, end: () => void): Promise<number> {
  onTestFinished(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    end();
    await closed;
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}
