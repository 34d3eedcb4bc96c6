import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { codeOf } from '../lib/errors.ts';
import type { GatewayAddress } from '../openclaw/address.ts';

/** Why there is no connection, or no sensible answer on one. `reason` is a short phrase without secrets. */
export type GatewayFailure =
  /** Nothing listens. */
  | { readonly state: 'refused' }
  /** No way there: name unknown, no route, or packets swallowed. */
  | { readonly state: 'unreachable'; readonly reason: string }
  /** Connected, and no (whole) answer in time; `reason` says how far it got. */
  | { readonly state: 'silent'; readonly reason: string }
  /** Connected, and closed or reset before anything arrived. */
  | { readonly state: 'dropped'; readonly reason: string }
  /** Answers, but not as an OpenClaw gateway does. */
  | {
      readonly state: 'foreign';
      readonly reason: string;
      /** Of its HTTP answer, where it gave a whole one. */
      readonly status?: number;
      /** Whether it is a gateway that refuses what a proxy passes on. */
      readonly isProxyRefused?: boolean;
    }
  /** This machine could not even try (no file handles left, say). */
  | { readonly state: 'blind'; readonly reason: string };

/** Whom to reach, and how long each part may take. */
export interface DialOptions {
  readonly address: GatewayAddress;
  readonly clock: Clock;
  /** Milliseconds for the TCP connection. */
  readonly connectMs: number;
  /** Milliseconds for everything after it: TLS and the answer share them. */
  readonly answerMs: number;
  /** Monotonic: when the whole call is over at the latest, however much of the others is left. */
  readonly endsAtMs?: number;
  readonly signal: AbortSignal;
}

/** A connection, its TLS done, or why there is none. */
export type DialOutcome =
  | {
      readonly state: 'connected';
      readonly socket: Socket;
      /** Of the TCP connection alone, without TLS. */
      readonly connectSeconds: number;
      /** Monotonic: until when the other side may answer. */
      readonly answerEndsAtMs: number;
    }
  | (GatewayFailure & { readonly connectSeconds?: number });

const OWN_LIMITS = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'];
/** Codes of certificates that nobody here vouches for. */
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|ALTNAME|CRL|CHAIN/;

/**
 * Opens a connection, TLS included where the address says so and its certificate checked, before a byte of a
 * request is sent. The caller destroys the socket. Rejects only when `signal` fires.
 */
export async function dial(options: DialOptions): Promise<DialOutcome> {
  const { address, clock, signal, endsAtMs = Number.POSITIVE_INFINITY } = options;
  signal.throwIfAborted();
  if (address.unknown !== undefined) return { state: 'blind', reason: address.unknown };
  const startedAt = clock.monotonic();
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  // An error after the verdict has no reader any more.
  socket.on('error', ignore);
  const connectEndsAtMs = Math.min(startedAt + options.connectMs, endsAtMs);
  const failure = await firstOf(socket, 'connect', connectEndsAtMs, options, (error) =>
    error === undefined ? connectTimeout(address) : connectFailure(error),
  );
  if (failure !== undefined) return failure;
  const connectedAt = clock.monotonic();
  const connectSeconds = (connectedAt - startedAt) / 1000;
  const answerEndsAtMs = Math.min(connectedAt + options.answerMs, endsAtMs);
  if (!address.tls) return { state: 'connected', socket, connectSeconds, answerEndsAtMs };
  const outcome = await secure(socket, answerEndsAtMs, options);
  return outcome.state === 'connected'
    ? { ...outcome, connectSeconds, answerEndsAtMs }
    : { ...outcome, connectSeconds };
}

/**
 * On loopback packets are not lost: a connection that does not come about there has met a listener whose
 * queue is full because nobody accepts.
 */
function connectTimeout(address: GatewayAddress): GatewayFailure {
  return address.local
    ? { state: 'silent', reason: 'nobody accepts connections' }
    : { state: 'unreachable', reason: 'no answer to the connection attempt' };
}

function connectFailure(error: Error): GatewayFailure {
  const code = codeOf(error) ?? 'UNKNOWN';
  if (code === 'ECONNREFUSED') return { state: 'refused' };
  if (code === 'ECONNRESET') return { state: 'dropped', reason: code };
  return OWN_LIMITS.includes(code)
    ? { state: 'blind', reason: `no connection can be opened from here (${code})` }
    : { state: 'unreachable', reason: code };
}

async function secure(
  plain: Socket,
  endsAtMs: number,
  options: DialOptions,
): Promise<{ readonly state: 'connected'; readonly socket: Socket } | GatewayFailure> {
  const { address } = options;
  const socket = connectTls({
    socket: plain,
    ...(isIp(address.host) ? {} : { servername: address.host }),
    host: address.host,
    rejectUnauthorized: address.fingerprint === undefined,
    ALPNProtocols: ['http/1.1'],
  });
  socket.on('error', ignore);
  const failure = await firstOf(socket, 'secureConnect', endsAtMs, options, (error) =>
    error === undefined ? { state: 'silent', reason: 'no answer to the TLS greeting' } : tlsFailure(error),
  );
  if (failure !== undefined) {
    plain.destroy();
    return failure;
  }
  return checkPin(socket, address);
}

function checkPin(
  socket: TLSSocket,
  { fingerprint }: GatewayAddress,
): { readonly state: 'connected'; readonly socket: Socket } | GatewayFailure {
  if (fingerprint === undefined || socket.getPeerX509Certificate()?.fingerprint256 === fingerprint) {
    return { state: 'connected', socket };
  }
  socket.destroy();
  return { state: 'foreign', reason: 'its TLS certificate is not the one expected' };
}

function tlsFailure(error: Error): GatewayFailure {
  const code = codeOf(error) ?? '';
  if (CERTIFICATE.test(code))
    return { state: 'foreign', reason: `its TLS certificate is not trusted (${code})` };
  if (code === 'ECONNRESET' || code === 'EPIPE') return { state: 'dropped', reason: code };
  return { state: 'foreign', reason: 'it does not speak TLS' };
}

function isIp(host: string): boolean {
  return host.includes(':') || /^\d+(?:\.\d+){3}$/.test(host);
}

/**
 * Waits for `event`; gives undefined when it came, else what `explain` makes of the
 * error (undefined: time is up).
 */
function firstOf(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  endsAtMs: number,
  { clock, signal }: DialOptions,
  explain: (error: Error | undefined) => GatewayFailure,
): Promise<GatewayFailure | undefined> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void, keep: boolean) => () => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onEvent);
      socket.off('error', onError);
      socket.off('close', onClose);
      if (!keep) socket.destroy();
      settle();
    };
    const fail = (error: Error | undefined) => end(() => resolve(explain(error)), false)();
    const onEvent = end(() => resolve(undefined), true);
    const onError = (error: Error) => fail(error);
    const onClose = () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const onAbort = end(() => reject(signal.reason), false);
    const cancelTimer = clock.after(endsAtMs - clock.monotonic(), () => fail(undefined));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(event, onEvent);
    socket.once('error', onError);
    socket.once('close', onClose);
  });
}

const PRELIMINARY = 'HTTP/1.1 1';
/** A gateway sends one, to switch to WebSockets. */
const MAX_PRELIMINARY = 8;

/**
 * Ends a connection on which preliminary answers (100 to 199) do not end, with a code as of the HTTP
 * parser: thousands of them fit into what is read at once, and the parser stops at none. Call what is
 * given when the answer begins.
 */
export function endAtPreliminaryFlood(socket: Socket): () => void {
  const push = socket.push.bind(socket);
  let seen = 0;
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (Buffer.isBuffer(chunk)) seen += occurrences(chunk, MAX_PRELIMINARY + 1);
    if (seen <= MAX_PRELIMINARY) return push(chunk, encoding);
    socket.destroy(Object.assign(new Error('no answer'), { code: 'HPE_PRELIMINARY' }));
    return false;
  };
  return () => {
    socket.push = push;
  };
}

/** How often a chunk holds the beginning of a preliminary answer, counted up to `most`. */
function occurrences(chunk: Buffer, most: number): number {
  let count = 0;
  for (
    let at = chunk.indexOf(PRELIMINARY);
    at >= 0 && count < most;
    at = chunk.indexOf(PRELIMINARY, at + 1)
  ) {
    count += 1;
  }
  return count;
}

function ignore(): void {
  // The verdict was given before.
}
