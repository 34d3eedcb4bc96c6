import { Child } from './child.ts';
import { until } from './until.ts';

/**
 * A stand-in for a gateway that lost its listener, which a real one cannot be told to do. It has the process
 * title and the `/healthz` answer of its version, closes its listening socket on SIGUSR2 and lives on. Titles
 * measured on 2026.9.6 and 2026.7.35 (`openclaw-gateway`) and 2026.5.7 (`openclaw`).
 */
const GATEWAY = `
const { createServer } = require('node:http');
process.title = process.argv[2];
const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  if (request.url === '/healthz') response.end('{"ok":true,"status":"live"}');
  else response.writeHead(404).end('{}');
});
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listening'));
process.on('SIGUSR2', () => { server.close(() => console.log('closed')); server.closeAllConnections(); });
setInterval(() => undefined, 60_000);
`;

/** Something else that answers HTTP on the gateway's port; it prints every byte it is sent. */
const STRANGER = `
const { createServer } = require('node:net');
const server = createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    process.stdout.write(data);
    socket.end('HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nhello');
  });
});
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listening'));
`;

/** A reverse proxy with nothing behind it. */
const PROXY = `
const { createServer } = require('node:http');
const server = createServer((request, response) => response.writeHead(502).end('Bad Gateway'));
server.listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listening'));
`;

const TITLES: Readonly<Record<string, string>> = {
  '2026.9.6': 'openclaw-gateway',
  '2026.7.35': 'openclaw-gateway',
  '2026.5.7': 'openclaw',
};

/** `through` is a program, with its arguments, to start it through. */
export async function startStandIn(
  version: string,
  port: number,
  env: Readonly<Record<string, string>>,
  through: readonly string[] = [],
): Promise<Child> {
  const [file = '', ...args] = [
    ...through,
    process.execPath,
    '-e',
    GATEWAY,
    String(port),
    TITLES[version] ?? '',
  ];
  return listening(new Child(file, args, { env }));
}

/** Takes the listener away while the process lives on. */
export async function closeListener(standIn: Child): Promise<void> {
  standIn.signal('SIGUSR2');
  await until(() => standIn.output.includes('closed'), { what: 'the stand-in to close its listener' });
}

/** A reverse proxy whose upstream does not answer. */
export async function startProxyToNothing(port: number): Promise<Child> {
  return listening(new Child(process.execPath, ['-e', PROXY, String(port)]));
}

export async function startStranger(port: number): Promise<Child> {
  return listening(new Child(process.execPath, ['-e', STRANGER, String(port)]));
}

async function listening(child: Child): Promise<Child> {
  await until(() => child.output.includes('listening'), { what: 'the stand-in to listen' });
  return child;
}
