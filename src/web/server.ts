import { createServer, type Server } from 'node:http';
import type { Express } from 'express';
import type { ListenAddress } from '../config/flags.ts';
import { codeOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/logger.ts';

export type ListenOutcome =
  | { readonly state: 'listening'; readonly server: Server; readonly address: ListenAddress }
  | { readonly state: 'failed'; readonly reason: string };

const LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
};

/** `host:port`, with an IPv6 address in brackets. */
export function addressText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Serves the app; a taken port or a forbidden address is a value, not a throw. */
export async function listen(
  app: Express,
  { host, port }: ListenAddress,
  logger: Logger,
): Promise<ListenOutcome> {
  const server = createServer(LIMITS, app);
  // Prometheus has a connection for each probe under way.
  server.maxConnections = 1024;
  return new Promise((resolve) => {
    server.once('error', (error) => {
      const where = addressText({ host, port });
      resolve({ state: 'failed', reason: `cannot listen on ${where} (${codeOf(error) ?? 'error'})` });
    });
    server.listen(port, host, () => {
      const bound = server.address();
      server.on('error', (error) => logger.error('server error', { code: codeOf(error) ?? 'error' }));
      const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve({ state: 'listening', server, address: { host, port: actual } });
    });
  });
}

/** Ends the server and its connections at once. */
export async function shut(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
