import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';
import { codeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { holdsMoreValues } from '../lib/json-size.ts';
import type { Secret } from '../lib/secret.ts';
import { explainForeign } from './foreign.ts';
import { type DialOptions, dial, endAtPreliminaryFlood, type GatewayFailure } from './socket.ts';

/** A gateway's answers are a few kilobytes; whoever sends more than this is not one. */
const MAX_BODY_BYTES = 64 * 1024;
/** Pieces in which an answer may come; thousands of them fit into what is read at once. */
const MAX_PIECES = 1_000;
/** A list of sessions, the largest of the answers, has a fraction of that. */
const MAX_VALUES = 50_000;

/** One request; by GET where it has no body. */
export interface HttpCall extends DialOptions {
  readonly path: string;
  /** Sent as JSON by POST; without it the call is a GET. */
  readonly body?: unknown;
  /** Sent as bearer token. */
  readonly credential?: Secret;
  /** Bytes of the answer that are read; more counts as foreign. */
  readonly maxBytes?: number;
}

/** A whole answer, whatever its status. */
export interface HttpAnswer {
  readonly state: 'answered';
  readonly status: number;
  readonly isJson: boolean;
  readonly body: string;
  /** Seconds of `Retry-After`, where the answer has one. */
  readonly retryAfterSeconds: number | undefined;
  /** `Date` of the answer, milliseconds since the epoch, whole seconds; undefined where it has none. */
  readonly dateMs: number | undefined;
  readonly connectSeconds: number;
  /** From the connection, its TLS done, to the last byte of the body. */
  readonly httpSeconds: number;
}

/** An answer, or why there is none. */
export type HttpOutcome = HttpAnswer | (GatewayFailure & { readonly connectSeconds?: number });

/**
 * One request on a connection of its own, which is gone when this settles. Rejects only when `signal` fires.
 */
export async function callGateway(call: HttpCall): Promise<HttpOutcome> {
  const dialed = await dial(call);
  if (dialed.state !== 'connected') return dialed;
  const { socket, connectSeconds, answerEndsAtMs } = dialed;
  try {
    const startedAt = call.clock.monotonic();
    const outcome = await exchange(socket, call, answerEndsAtMs);
    if (outcome.state !== 'answered') return { ...outcome, connectSeconds };
    return { ...outcome, connectSeconds, httpSeconds: (call.clock.monotonic() - startedAt) / 1000 };
  } finally {
    socket.destroy();
  }
}

type Exchange = Omit<HttpAnswer, 'connectSeconds' | 'httpSeconds'> | GatewayFailure;

function exchange(socket: Socket, call: HttpCall, endsAtMs: number): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const arrived: { answer: IncomingMessage | undefined; body: string } = { answer: undefined, body: '' };
    const settle = (outcome: Exchange) => {
      release();
      resolve(outcome);
    };
    const stop = (error: Error | undefined) => settle(explain(error, arrived.answer, arrived.body, socket));
    const onAbort = () => {
      release();
      reject(call.signal.reason);
    };
    const onClose = () => stop(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    const cancelTimer = call.clock.after(endsAtMs - call.clock.monotonic(), () => stop(undefined));
    const release = () => {
      cancelTimer();
      call.signal.removeEventListener('abort', onAbort);
      socket.off('close', onClose);
      socket.destroy();
    };
    call.signal.addEventListener('abort', onAbort, { once: true });
    socket.once('close', onClose);
    const answerBegins = endAtPreliminaryFlood(socket);
    send(socket, call, stop, (answer) => {
      answerBegins();
      arrived.answer = answer;
      answer.setEncoding('utf8');
      let pieces = 0;
      answer.on('data', (chunk: string) => {
        arrived.body += chunk;
        pieces += 1;
        if (arrived.body.length <= (call.maxBytes ?? MAX_BODY_BYTES) && pieces <= MAX_PIECES) return;
        settle({ state: 'foreign', reason: 'its answer does not end' });
        answer.removeAllListeners('data').destroy();
      });
      answer.on('end', () => settle(answered(answer, arrived.body)));
      answer.on('error', stop);
    });
  });
}

function send(
  socket: Socket,
  { address, path, body, credential }: HttpCall,
  onError: (error: Error) => void,
  onAnswer: (answer: IncomingMessage) => void,
): void {
  const text = body === undefined ? undefined : JSON.stringify(body);
  let sent: ClientRequest;
  try {
    sent = request({
      createConnection: () => socket,
      host: address.host,
      port: address.port,
      path,
      method: text === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        'user-agent': 'openclaw-gateway-exporter',
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(credential === undefined ? {} : { authorization: `Bearer ${credential.reveal()}` }),
      },
    });
  } catch {
    // Only a credential that no header can carry gets here; its text must not reach a message.
    onError(Object.assign(new Error('unsendable'), { code: 'UNSENDABLE' }));
    return;
  }
  sent.on('error', onError);
  sent.on('response', onAnswer);
  sent.on('upgrade', () => onError(Object.assign(new Error('upgrade'), { code: 'HPE_UPGRADE' })));
  sent.end(text);
}

/** What an exchange without a whole answer was; `error` is undefined when time ran out. */
function explain(
  error: Error | undefined,
  answer: IncomingMessage | undefined,
  body: string,
  socket: Socket,
): GatewayFailure {
  const code = error === undefined ? undefined : (codeOf(error) ?? 'UNKNOWN');
  if (code === 'UNSENDABLE') return { state: 'blind', reason: 'the credential cannot be sent in a header' };
  if (code?.startsWith('HPE_')) return { state: 'foreign', reason: explainNoHttp(error) };
  if (answer !== undefined) return explainHalf(answer, body, code);
  const some = socket.bytesRead > 0;
  if (code === undefined) {
    return {
      state: 'silent',
      reason: some ? 'the answer stopped in its headers' : 'connected, and nothing came back',
    };
  }
  return some
    ? { state: 'foreign', reason: 'it does not speak HTTP' }
    : { state: 'dropped', reason: 'connected, and closed without a word' };
}

/** A server with TLS answers a request without it by an alert, whose first bytes are these. */
const TLS_ALERT = [0x15, 0x03];

function explainNoHttp(error: Error | undefined): string {
  const packet = error !== undefined && 'rawPacket' in error ? error.rawPacket : undefined;
  const isAlert = Buffer.isBuffer(packet) && TLS_ALERT.every((byte, index) => packet[index] === byte);
  return isAlert ? 'it speaks TLS: the URL must begin with wss://' : 'it does not speak HTTP';
}

/**
 * Half an answer that could have become OpenClaw's is a gateway that stopped; any other is somebody else's.
 */
function explainHalf(answer: IncomingMessage, body: string, code: string | undefined): GatewayFailure {
  if (!isJson(answer) || !/^\s*(?:\{|$)/.test(body))
    return { state: 'foreign', reason: 'it answers something else' };
  return {
    state: 'silent',
    reason: code === undefined ? 'half an answer, then silence' : 'half an answer, then closed',
  };
}

function answered(answer: IncomingMessage, body: string): Exchange {
  const retryAfter = Number(answer.headers['retry-after']);
  const dateMs = Date.parse(answer.headers.date ?? '');
  return {
    state: 'answered',
    status: answer.statusCode ?? 0,
    isJson: isJson(answer),
    body,
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
    dateMs: Number.isFinite(dateMs) ? dateMs : undefined,
  };
}

function isJson(answer: IncomingMessage): boolean {
  return /^application\/json\b/i.test(answer.headers['content-type'] ?? '');
}

const healthBody = z.looseObject({ ok: z.literal(true), status: z.literal('live') });
const refusedProxy = z.looseObject({
  error: z.looseObject({ type: z.literal('proxy_attribution_required') }),
});

/** One question to a gateway: whom, and how long its answer is waited for. */
export type Asking = DialOptions;

/** `live`, or why OpenClaw's own answer did not come. */
export type HealthOutcome =
  | { readonly state: 'live'; readonly connectSeconds: number; readonly httpSeconds: number }
  | (GatewayFailure & { readonly connectSeconds?: number });

/**
 * `GET /healthz`: `{"ok":true,"status":"live"}` as JSON and nothing else counts as OpenClaw's
 * answer. A connection that is dropped without a word is tried once more: a gateway that just ended
 * does that to those it had accepted.
 */
export async function askHealth(asking: Asking): Promise<HealthOutcome> {
  const { clock, connectMs, answerMs } = asking;
  const endsAtMs = asking.endsAtMs ?? clock.monotonic() + connectMs + answerMs;
  // A second try has no time of its own.
  const call = { ...asking, endsAtMs, path: '/healthz' };
  const first = await callGateway(call);
  const again = first.state === 'dropped' && endsAtMs > clock.monotonic();
  const outcome = again ? await callGateway(call) : first;
  if (outcome.state !== 'answered') return outcome;
  const { connectSeconds, httpSeconds } = outcome;
  const body = jsonOf(outcome);
  if (outcome.status === 200 && healthBody.safeParse(body).success) {
    return { state: 'live', connectSeconds, httpSeconds };
  }
  const isProxyRefused = refusedProxy.safeParse(body).success;
  const reason = isProxyRefused
    ? 'a proxy stands between that the gateway does not trust (gateway.trustedProxies)'
    : explainForeign(outcome);
  return { state: 'foreign', reason, connectSeconds, status: outcome.status, isProxyRefused };
}

const seconds = z.number().nonnegative();
const readyBody = z.looseObject({
  ready: z.boolean(),
  failing: z.array(z.string()).optional().catch(undefined),
  uptimeMs: z.number().nonnegative().optional().catch(undefined),
  eventLoop: z
    .looseObject({
      degraded: z.boolean().optional().catch(undefined),
      delayP99Ms: seconds.optional().catch(undefined),
      delayMaxMs: seconds.optional().catch(undefined),
      utilization: seconds.optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});

/**
 * `/readyz`; everything but `ready` is only told to local callers. Times in milliseconds, utilization 0 to 1.
 */
export type Readiness = z.output<typeof readyBody>;

/** `GET /readyz` without a credential; undefined where there is no such answer. */
export async function askReady(asking: Asking): Promise<Readiness | undefined> {
  return (await askReadiness(asking)).ready;
}

/**
 * What `/readyz` gave; `isForbidden` where it was refused with 403, as gateways
 * refuse what comes through a proxy.
 */
export interface ReadinessAnswer {
  readonly ready: Readiness | undefined;
  readonly isForbidden: boolean;
}

/** As {@link askReady}, with the refusal. */
export async function askReadiness(asking: Asking): Promise<ReadinessAnswer> {
  const outcome = await callGateway({ ...asking, path: '/readyz' });
  const isForbidden = outcome.state === 'answered' && outcome.status === 403;
  return { ready: parsed(outcome, readyBody), isForbidden };
}

const startupBody = z.looseObject({
  ok: z.boolean(),
  status: z.enum(['started', 'starting', 'draining']),
  version: z.string().max(64).optional().catch(undefined),
  uptimeMs: z.number().nonnegative().optional().catch(undefined),
});

/** `/startupz`, which only newer gateways have; version and uptime are only told to local callers. */
export type Startup = z.output<typeof startupBody>;

/** `GET /startupz`; undefined where there is no such answer (older gateways send a web page). */
export async function askStartup(asking: Asking): Promise<Startup | undefined> {
  return parsed(await callGateway({ ...asking, path: '/startupz' }), startupBody);
}

/** The JSON of an answer, or undefined where it is none. */
export function jsonOf({ isJson, body }: HttpAnswer): unknown {
  return isJson && !holdsMoreValues(Buffer.from(body), MAX_VALUES) ? parseJson(body) : undefined;
}

function parsed<T>(outcome: HttpOutcome, schema: z.ZodType<T>): T | undefined {
  if (outcome.state !== 'answered') return undefined;
  const result = schema.safeParse(jsonOf(outcome));
  return result.success ? result.data : undefined;
}
