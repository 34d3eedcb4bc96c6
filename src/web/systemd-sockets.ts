import { createServer, type Server } from 'node:net';
import type { ListenAddress } from '../config/listen.ts';
import { codeOf } from '../lib/errors.ts';

/** The first descriptor that systemd passes. Source: sd_listen_fds(3). */
const FIRST = 3;
/** More sockets than this belong to no exporter. */
const MAX_SOCKETS = 64;
const FLAG = '--web.systemd-socket';

/** Descriptors of listening sockets, or why there are none. */
export type SystemdSockets =
  | { readonly state: 'passed'; readonly descriptors: readonly number[] }
  | { readonly state: 'failed'; readonly reason: string };

/** The sockets that systemd passed to the process `pid`, by the protocol of sd_listen_fds(3). */
export function readSystemdSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): SystemdSockets {
  const count = Number(env.LISTEN_FDS);
  if (env.LISTEN_PID !== String(pid) || !Number.isInteger(count) || count < 1 || count > MAX_SOCKETS) {
    const reason = `${FLAG}: systemd passed no socket to this process (LISTEN_PID, LISTEN_FDS); start it by a socket unit`;
    return { state: 'failed', reason };
  }
  return { state: 'passed', descriptors: Array.from({ length: count }, (_, index) => FIRST + index) };
}

/** A socket that was taken over, and where it listens. */
export type AdoptOutcome =
  | { readonly state: 'adopted'; readonly handle: Server; readonly address: ListenAddress }
  | { readonly state: 'failed'; readonly reason: string };

/** Takes a passed socket over; the server that is to serve it listens on `handle`. */
export function adoptSocket(descriptor: number): Promise<AdoptOutcome> {
  const { promise, resolve } = Promise.withResolvers<AdoptOutcome>();
  const handle = createServer();
  const fail = (reason: string) =>
    resolve({ state: 'failed', reason: `${FLAG}: descriptor ${descriptor} ${reason}` });
  handle.once('error', (error) => fail(`is no listening socket (${codeOf(error) ?? 'error'})`));
  handle.listen({ fd: descriptor }, () => {
    const bound = handle.address();
    if (typeof bound === 'object' && bound !== null) {
      resolve({ state: 'adopted', handle, address: { host: bound.address, port: bound.port } });
      return;
    }
    handle.close();
    fail('is no TCP socket; allowed: ListenStream= with a port');
  });
  return promise;
}
