import { type RawData, WebSocket } from 'ws';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { parseJson } from '../lib/json.ts';
import { holdsMoreValues } from '../lib/json-size.ts';
import { type DialOptions, dial, endAtPreliminaryFlood, type GatewayFailure } from './socket.ts';

/** The frames before a connection is accepted are small; the greeting of an accepted one is some 100 KiB. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** Two hundred cron jobs or runs, the most that is asked for at once, have a fraction of that. */
const MAX_FRAME_VALUES = 50_000;
/** How long the other side may take to answer our farewell. */
const FAREWELL_MS = 250;
/** Share of an opening's time for its farewell, where that is less. */
const FAREWELL_SHARE = 0.25;

/**
 * The gateway's first frame. Source: protocols 3 and 4; other fields differ by version and are not looked at.
 */
const challenge = z.looseObject({
  type: z.literal('event'),
  event: z.literal('connect.challenge'),
  payload: z.looseObject({ nonce: z.string().trim().min(1) }),
});

/** How the opening of a WebSocket ended; no credential is involved. */
export type OpeningOutcome =
  /** From the connection, its TLS done, to the challenge. */
  { readonly state: 'challenged'; readonly seconds: number } | GatewayFailure;

/** Whether a text is the frame with which a gateway opens every connection. */
function isChallenge(text: string): boolean {
  return challenge.safeParse(parseJson(text)).success;
}

/** The text of a frame, or undefined where it is none or parsing it would take too long. */
export function textOfFrame(data: RawData, isBinary: boolean): string | undefined {
  if (isBinary || !Buffer.isBuffer(data) || holdsMoreValues(data, MAX_FRAME_VALUES)) return undefined;
  return data.toString('utf8');
}

/** A connection's socket, for a WebSocket; its TLS certificate is already checked. */
export async function dialWebSocket(options: DialOptions) {
  const dialed = await dial(options);
  if (dialed.state !== 'connected') return dialed;
  const { socket, answerEndsAtMs } = dialed;
  const answerBegins = endAtPreliminaryFlood(socket);
  const webSocket = new WebSocket(options.address.url, {
    createConnection: () => socket,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    // One frame at a time: thousands of the smallest fit into what is read at once.
    allowSynchronousEvents: false,
    autoPong: false,
    headers: { 'user-agent': 'openclaw-gateway-exporter' },
  });
  webSocket.once('upgrade', answerBegins);
  webSocket.on('ping', (data) => {
    // Whoever asks without reading our answers gets no more of them: they would pile up here.
    if (webSocket.readyState === WebSocket.OPEN && socket.writableLength === 0) webSocket.pong(data);
  });
  return { state: 'connected' as const, webSocket, socket, answerEndsAtMs };
}

/** Whole milliseconds that are left for an answer, at least 1: TLS took its part of them. */
export function answerMsLeft({ answerEndsAtMs }: { readonly answerEndsAtMs: number }, clock: Clock): number {
  return Math.max(1, Math.ceil(answerEndsAtMs - clock.monotonic()));
}

/** Says farewell and waits until the connection is gone; at most `ms`, by default a quarter of a second. */
export function farewell(webSocket: WebSocket, clock: Clock, ms = FAREWELL_MS): Promise<void> {
  return new Promise((resolve) => {
    if (webSocket.readyState === WebSocket.CLOSED) return resolve();
    const cancel = clock.after(ms, () => webSocket.terminate());
    webSocket.once('close', () => {
      cancel();
      resolve();
    });
    if (webSocket.readyState === WebSocket.OPEN) webSocket.close(1000);
    else webSocket.terminate();
  });
}

/**
 * Opens the WebSocket up to the gateway's challenge and leaves without sending anything. The gateway's
 * limiter does not count this, but every gateway writes one warning line for it ("closed before connect"),
 * whatever the close code. The farewell is over by `endsAtMs`, too. Rejects only when `signal` fires.
 */
export async function openToChallenge(options: DialOptions): Promise<OpeningOutcome> {
  const { clock, signal } = options;
  const farewellMs = farewellTime(options);
  const endsAtMs = options.endsAtMs === undefined ? undefined : options.endsAtMs - farewellMs;
  const dialed = await dialWebSocket({ ...options, ...(endsAtMs === undefined ? {} : { endsAtMs }) });
  if (dialed.state !== 'connected') return dialed;
  const { webSocket, answerEndsAtMs } = dialed;
  const startedAt = clock.monotonic();
  try {
    const failure = await firstFrame(webSocket, options, answerEndsAtMs);
    return failure ?? { state: 'challenged', seconds: (clock.monotonic() - startedAt) / 1000 };
  } finally {
    if (signal.aborted) webSocket.terminate();
    else await farewell(webSocket, clock, farewellMs);
  }
}

function farewellTime({ clock, endsAtMs = Number.POSITIVE_INFINITY }: DialOptions): number {
  return Math.min(FAREWELL_MS, (endsAtMs - clock.monotonic()) * FAREWELL_SHARE);
}

function firstFrame(
  webSocket: WebSocket,
  options: DialOptions,
  endsAtMs: number,
): Promise<GatewayFailure | undefined> {
  return new Promise((resolve, reject) => {
    const release = () => {
      cancelTimer();
      options.signal.removeEventListener('abort', onAbort);
    };
    const settle = (failure: GatewayFailure | undefined) => {
      release();
      resolve(failure);
    };
    const onAbort = () => {
      release();
      reject(options.signal.reason);
    };
    const cancelTimer = options.clock.after(endsAtMs - options.clock.monotonic(), () =>
      settle({ state: 'silent', reason: 'no challenge on the WebSocket' }),
    );
    options.signal.addEventListener('abort', onAbort, { once: true });
    webSocket.once('message', (data, isBinary) =>
      settle(
        isChallenge(textOfFrame(data, isBinary) ?? '')
          ? undefined
          : { state: 'foreign', reason: 'the WebSocket opens with something else' },
      ),
    );
    webSocket.once('unexpected-response', (request, response) => {
      const status = response.statusCode;
      request.destroy();
      settle({ state: 'dropped', reason: `the WebSocket is refused (HTTP ${status})` });
    });
    webSocket.once('close', (code) =>
      settle({ state: 'dropped', reason: `the WebSocket is closed before its challenge (code ${code})` }),
    );
    // Also the reader of every later error: an unread one would end the program.
    webSocket.on('error', () => settle({ state: 'dropped', reason: 'the WebSocket does not open' }));
  });
}
