import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { z } from 'zod';

/**
 * A program: a stand-in for a gateway with a fault that no real one can be told to have. To the operating
 * system it looks like a gateway. Port, token and fault come from its environment.
 */
process.title = 'openclaw-gateway';
const { STAND_IN_PORT: port, STAND_IN_TOKEN: token, STAND_IN_FAULT: fault } = process.env;
const request = z.object({
  id: z.string(),
  params: z.object({ auth: z.object({ token: z.string() }).partial().optional() }),
});
const isLocked = fault === 'locked' || fault === 'locked-long';
const LOCK_OUT_MS = fault === 'locked-long' ? 600_000 : 20_000;
/** Of 256 that the process may have. */
const LEAKED_FILES = 200;
const CHILDREN = 80;
const lockedUntilMs = Date.now() + LOCK_OUT_MS;
const startedAtMs = Date.now();

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

const FAILING: Readonly<Record<string, readonly string[]>> = {
  ready: ['telegram'],
  draining: ['gateway-draining'],
};

if (fault === 'files') for (let count = 0; count < LEAKED_FILES; count += 1) openSync('/dev/null', 'r');
if (fault === 'children') for (let count = 0; count < CHILDREN; count += 1) spawn('sleep', ['600']);

const server = createServer(({ url, headers }, response) => {
  if (fault === 'starting') return;
  if (url === '/healthz') {
    if (fault !== 'half-body') return json(response, 200, { ok: true, status: 'live' });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 27 });
    response.write('{"ok":true,"st');
    return;
  }
  if (fault === 'untrusted') return json(response, 403, { error: { type: 'forbidden' } });
  if (url === '/readyz') {
    const failing = FAILING[fault ?? ''] ?? [];
    const ready = failing.length === 0;
    return json(response, ready ? 200 : 503, { ready, failing, uptimeMs: Date.now() - startedAtMs });
  }
  if (isLocked) return json(response, 429, { error: { type: 'rate_limited' } });
  if (headers.authorization !== `Bearer ${token}`) {
    return json(response, 401, { error: { type: 'unauthorized' } });
  }
  if (fault === 'hidden') return json(response, 404, { ok: false, error: { type: 'not_found' } });
  if (fault === 'function') return json(response, 500, { ok: false, error: { type: 'internal' } });
  return json(response, 200, { ok: true, result: {} });
});

const REFUSALS: Readonly<Record<string, object>> = {
  locked: {
    code: 'INVALID_REQUEST',
    message: 'unauthorized: too many failed authentication attempts (retry later)',
    details: { code: 'AUTH_RATE_LIMITED' },
    retryAfterMs: LOCK_OUT_MS,
  },
  protocol: {
    code: 'INVALID_REQUEST',
    message: 'protocol mismatch',
    details: { code: 'PROTOCOL_MISMATCH', expectedProtocol: 9 },
  },
};
const MISMATCH = { code: 'INVALID_REQUEST', message: 'refused', details: { code: 'AUTH_TOKEN_MISMATCH' } };
const HELLO = { type: 'hello-ok', protocol: 4, server: { version: '2026.9.6', connId: 'c' } };

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.send('{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}');
  socket.on('message', (data) => {
    const { id, params } = request.parse(JSON.parse(String(data)));
    const isOver = isLocked && Date.now() >= lockedUntilMs;
    const refusal =
      (isOver ? undefined : REFUSALS[isLocked ? 'locked' : (fault ?? '')]) ??
      (params.auth?.token === token ? undefined : MISMATCH);
    const reply = refusal === undefined ? { ok: true, payload: HELLO } : { ok: false, error: refusal };
    socket.send(JSON.stringify({ type: 'res', id, ...reply }));
  });
});

server.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
