import { createServer } from 'node:net';

/** Below the range from which Linux and macOS take the ports of outgoing connections. */
const FIRST = 10_000;
const LAST = 32_000;
/** The exporter's own, which README's commands need. */
const RESERVED = 10_789;

let next = FIRST + Math.floor(Math.random() * (LAST - FIRST));

/**
 * A loopback port that was free a moment ago, and that this process never handed out before. A port chosen by
 * the system would be given to the next one who asks, which may be another test, before its program listens.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = port === LAST ? FIRST : port + 1;
    if (port !== RESERVED && (await canListen(port))) return port;
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}
