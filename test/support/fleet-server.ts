import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { WebSocketServer } from 'ws';
import { z } from 'zod';

/**
 * Many stand-ins for gateways in one process, each on a loopback port of its own; no real gateways.
 * Arguments: how many answer and how many hang. Writes `{"answering":[…],"hanging":[…]}` with their
 * ports, and ends with its input.
 */
const [answering = 0, hanging = 0] = process.argv.slice(2).map(Number);
/** What every answering stand-in accepts; made up by its parent. */
const token = process.env.FLEET_TOKEN ?? '';

const frame = z.object({
  id: z.string(),
  params: z.looseObject({ auth: z.looseObject({ token: z.string().optional() }).optional() }),
});

function gateway(): Server {
  const startedAt = performance.now();
  const server = createServer((request, response) => {
    const uptimeMs = Math.round(performance.now() - startedAt);
    const bodies: Readonly<Record<string, unknown>> = {
      '/healthz': { ok: true, status: 'live' },
      '/readyz': { ready: true, failing: [], uptimeMs },
      '/startupz': { ok: true, status: 'started', version: '2026.9.6', uptimeMs },
    };
    const body = bodies[request.url ?? ''];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(body ?? {}));
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.send('{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}');
    socket.on('message', (data) => {
      const { id, params } = frame.parse(JSON.parse(String(data)));
      const answer =
        params.auth?.token === token
          ? { ok: true, payload: { type: 'hello-ok', protocol: 4, server: { version: '2026.9.6' } } }
          : {
              ok: false,
              error: {
                code: 'INVALID_REQUEST',
                message: 'refused',
                details: { code: 'AUTH_TOKEN_MISMATCH' },
              },
            };
      socket.send(JSON.stringify({ type: 'res', id, ...answer }));
    });
  });
  return server;
}

const hole = () => createTcpServer((socket) => socket.on('error', () => socket.destroy()).resume());

async function ports(count: number, make: () => TcpServer): Promise<number[]> {
  const found: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const server = make();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (typeof address === 'object' && address !== null) found.push(address.port);
  }
  return found;
}

process.stdout.write(
  `${JSON.stringify({ answering: await ports(answering, gateway), hanging: await ports(hanging, hole) })}\n`,
);
