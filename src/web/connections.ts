import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Prometheus has a connection for each probe under way. */
const MAX_CONNECTIONS = 1024;
/** Accepted beyond the limit, so that each is answered with 503 instead of being reset. */
const MAX_REFUSED = 64;
/** What may follow the head of a request: no endpoint reads a body. */
const MAX_BODY_BYTES = 4096;
/** A client that takes nothing of an answer for this long has its connection closed. */
const UNREAD_MS = 10_000;
const HEAD_END = '\r\n\r\n';

interface Connection {
  /** As it was accepted; below TLS, where there is TLS. */
  readonly raw: Socket;
  /** The request under way. */
  request: IncomingMessage | undefined;
  /** Whether nothing more is read: the connection ends with the answer under way. */
  isClosing: boolean;
}

/**
 * The connections of all servers together: at most {@link MAX_CONNECTIONS}, of which the one that has been
 * idle for longest makes room for a new one, and one request at a time on each. Node parses whatever a client
 * has sent at once and keeps an answer for each request in memory until it is read; a client that sends
 * thousands of requests and reads nothing would fill it.
 */
export class Connections {
  /** By both ends, the longest idle first; the socket of a request and the accepted one have it in common. */
  readonly #open = new Map<string, Connection>();

  /** Watches a server that is not listening yet. */
  watch(server: Server, secured: 'connection' | 'secureConnection'): void {
    server.maxConnections = MAX_CONNECTIONS + MAX_REFUSED;
    server.prependListener('connection', (socket: Socket) => this.#add(socket));
    server.on(secured, (socket: Socket) => this.#limitReads(socket));
  }

  /** Whether a request is the only one on its connection; it counts as under way until its answer is sent. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    const key = keyOf(request.socket);
    const connection = this.#open.get(key);
    if (connection === undefined) return false;
    if (connection.request !== undefined) {
      connection.isClosing = true;
      return false;
    }
    connection.request = request;
    response.once('prefinish', () => request.socket.setTimeout(UNREAD_MS));
    response.once('close', () => this.#end(key, connection));
    return true;
  }

  /** Closes all of them at once. */
  destroy(): void {
    for (const { raw } of this.#open.values()) raw.destroy();
  }

  #add(raw: Socket): void {
    const key = keyOf(raw);
    if (this.#open.size >= MAX_CONNECTIONS) this.#makeRoom();
    const connection = { raw, request: undefined, isClosing: false };
    this.#open.set(key, connection);
    raw.once('close', () => {
      if (this.#open.get(key) === connection) this.#open.delete(key);
    });
  }

  #makeRoom(): void {
    for (const [key, { raw, request }] of this.#open) {
      if (request !== undefined) continue;
      this.#open.delete(key);
      raw.destroy();
      return;
    }
  }

  #end(key: string, connection: Connection): void {
    connection.request = undefined;
    if (this.#open.get(key) !== connection) return;
    if (connection.isClosing) {
      connection.raw.destroySoon();
      return;
    }
    // Idle since now: behind all that have been so for longer.
    this.#open.delete(key);
    this.#open.set(key, connection);
  }

  /**
   * Hands the server's parser one request at a time. There is no other way: `maxRequestsPerSocket` answers
   * each further request, and pausing the socket comes too late for what has been read already.
   */
  #limitReads(socket: Socket): void {
    const connection = this.#open.get(keyOf(socket));
    const [parse] = socket.listeners('data');
    if (connection === undefined || parse === undefined) return;
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      if (connection.isClosing) return;
      const most = readable(chunk, connection.request);
      connection.isClosing = chunk.length > most;
      if (most > 0) Reflect.apply(parse, socket, [chunk.subarray(0, most)]);
      if (connection.isClosing) socket.pause();
    });
  }
}

/** How many bytes of a chunk belong to the request under way, or to the first one of the chunk. */
function readable(chunk: Buffer, request: IncomingMessage | undefined): number {
  if (request !== undefined) return request.complete ? 0 : Math.min(chunk.length, MAX_BODY_BYTES);
  const end = chunk.indexOf(HEAD_END);
  return end < 0 ? chunk.length : Math.min(chunk.length, end + HEAD_END.length + MAX_BODY_BYTES);
}

/** One remote end may be connected to several addresses of ours. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
