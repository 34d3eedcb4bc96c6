import { createServer, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { z } from 'zod';

/**
 * A program for tests: speaks just enough of a gateway's HTTP and WebSocket protocol, and looks like one to
 * the operating system. It is no real gateway. Port and token come from its environment.
 */
process.title = 'openclaw-gateway';
const { STAND_IN_PORT: port, STAND_IN_TOKEN: token } = process.env;
const request = z.object({
  id: z.string(),
  params: z.object({ auth: z.object({ token: z.string() }).partial().optional() }),
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

const server = createServer(({ url, headers }, response) => {
  if (url === '/healthz') return json(response, 200, { ok: true, status: 'live' });
  if (url === '/readyz') return json(response, 200, { ready: true, failing: [], uptimeMs: 1_000_000 });
  if (headers.authorization !== `Bearer ${token}`) {
    return json(response, 401, { error: { type: 'unauthorized' } });
  }
  return json(response, 200, { ok: true, result: {} });
});

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.send('{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}');
  socket.on('message', (data) => {
    const { id, params } = request.parse(JSON.parse(String(data)));
    const reply =
      params.auth?.token === token
        ? {
            ok: true,
            payload: { type: 'hello-ok', protocol: 4, server: { version: '2026.9.6', connId: 'c' } },
          }
        : {
            ok: false,
            error: { code: 'INVALID_REQUEST', message: 'refused', details: { code: 'AUTH_TOKEN_MISMATCH' } },
          };
    socket.send(JSON.stringify({ type: 'res', id, ...reply }));
  });
});

server.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
