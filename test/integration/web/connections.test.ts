import { createServer, get, type RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connections } from '../../../src/web/connections.ts';
import { until } from '../../support/until.ts';

const MOST = 1024;
/** As an exposition of some hundred jobs; shared by all answers, as the exporter's own is. */
const BODY = Buffer.alloc(400_000, 'x');
const PIPELINED = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A server that answers `/-/healthy` and, with a large body, everything else; counts what reaches it. */
async function serving(answer: RequestListener = (_request, response) => void response.end(BODY)) {
  const connections = new Connections();
  let answered = 0;
  const server = createServer((request, response) => {
    if (!connections.begin(request, response)) return;
    answered += 1;
    if (request.url === '/-/healthy') response.end('healthy');
    else answer(request, response);
  });
  connections.watch(server, 'connection');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    connections.destroy();
    server.close();
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return { port, answered: () => answered };
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** The status of a request on a connection of its own; the error's code where there is none. */
function fetchStatus(port: number, path = '/-/healthy'): Promise<number | string> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
}

describe('a client that sends many requests at once and reads nothing', () => {
  it('has one of them answered, and its connection closed', async () => {
    const { port, answered } = await serving((_request, response) => void response.end('small'));
    const socket = open(port);
    let received = '';
    socket.on('data', (data) => {
      received += String(data);
    });
    socket.write(PIPELINED.repeat(1_500));
    await until(() => socket.destroyed, { what: 'the end of the connection' });
    expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
    expect(answered()).toBe(1);
  });

  it('costs others nothing, however many such clients there are', async () => {
    const { port, answered } = await serving();
    const before = process.memoryUsage().rss;
    const sockets = Array.from({ length: 100 }, () => open(port));
    for (const socket of sockets) socket.pause().write(PIPELINED.repeat(15_000));
    await until(() => answered() >= sockets.length, { what: 'an answer for each of them' });
    expect(await fetchStatus(port)).toBe(200);
    expect(answered()).toBe(sockets.length + 1);
    // Their requests alone are 60 MB, their answers would be 600 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  it('is closed when it takes nothing of an answer that no buffer holds', async () => {
    let isClosed = false;
    const { port } = await serving((_request, response) => {
      response.once('close', () => {
        isClosed = true;
      });
      response.end(Buffer.alloc(32 * 1024 * 1024));
    });
    open(port).pause().write(PIPELINED);
    await until(() => isClosed, { what: 'the connection to be closed', timeoutMs: 60_000 });
  });
});

describe('a client that asks one request after the other', () => {
  it('keeps its connection, and has all of them answered', async () => {
    const { port, answered } = await serving((_request, response) => void response.end('small'));
    const socket = open(port);
    let received = '';
    socket.on('data', (data) => {
      received += String(data);
    });
    for (let turn = 1; turn <= 20; turn += 1) {
      socket.write(PIPELINED);
      await until(() => (received.match(/small/g) ?? []).length === turn, { what: `answer ${turn}` });
    }
    expect(answered()).toBe(20);
  });

  it('may send a body, in as many pieces as it likes', async () => {
    const { port } = await serving((request, response) => {
      request.resume().on('end', () => response.end('small'));
    });
    const socket = open(port);
    let received = '';
    socket.on('data', (data) => {
      received += String(data);
    });
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n');
    for (const piece of ['ab', 'cd', 'ef']) socket.write(piece);
    await until(() => received.includes('small'), { what: 'the answer' });
  });
});

describe('as many idle connections as there may be', () => {
  it('make room for a request: the one that has been idle for longest goes first', async () => {
    const { port } = await serving();
    const idle: Socket[] = [];
    for (let opened = 0; opened < MOST; opened += 1) {
      const socket = open(port);
      idle.push(socket);
      if (opened % 64 === 63) await until(() => !socket.connecting, { what: 'a connection' });
    }
    expect(await fetchStatus(port)).toBe(200);
    const [oldest, ...others] = idle;
    await until(() => oldest?.destroyed, { what: 'the oldest to be closed' });
    expect(others.filter(({ destroyed }) => destroyed).length).toBeLessThan(others.length / 100);
  });
});
