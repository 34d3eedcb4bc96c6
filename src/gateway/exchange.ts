import type { GatewayProtocolSocketHandlers } from '@openclaw/gateway-client/browser';
import { type RawData, WebSocket } from 'ws';
import type { DialOptions } from './socket.ts';
import { textOfFrame } from './websocket.ts';

/** The protocols that are spoken: 3 by gateways of 2026.5, 4 since. */
export const PROTOCOLS = { minProtocol: 3, maxProtocol: 4 } as const;

/**
 * What the official client is told of every exchange: nothing before the challenge,
 * one connection, no second try.
 */
export function exchangeSettings(answerMs: number) {
  return {
    handshake: { mode: 'require-challenge', timeoutMs: answerMs },
    reconnect: { initialMs: 60_000, multiplier: 1, maxMs: 60_000 },
    // Later than our own timer: it is the one that tells how far the exchange got.
    requestTimeoutMs: answerMs + 1_000,
  } as const;
}

/** How an exchange ends that the other side does not end. */
export interface ExchangeEnds {
  /** No end within `answerMs`. */
  readonly late: () => void;
  /** The signal fired; called with its reason. */
  readonly aborted: (reason: unknown) => void;
}

/**
 * Limits what the official client does on one connection to `answerMs` and to the signal. Gives the function
 * that lets go of timer, signal and client, however often it is called; whoever settles the exchange calls it
 * first. The client is started by the caller afterwards.
 */
export function limitExchange(
  client: { stop(): void },
  { clock, signal, answerMs }: Pick<DialOptions, 'clock' | 'signal' | 'answerMs'>,
  { late, aborted }: ExchangeEnds,
): () => void {
  let released = false;
  const onAbort = () => {
    release();
    aborted(signal.reason);
  };
  const cancelTimer = clock.after(answerMs, late);
  const release = () => {
    if (released) return;
    released = true;
    cancelTimer();
    signal.removeEventListener('abort', onAbort);
    client.stop();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return release;
}

/**
 * Joins a WebSocket of our own to the official client; `refused` is called with the HTTP
 * status that stands in its way.
 */
export function attachSocket(
  webSocket: WebSocket,
  handlers: GatewayProtocolSocketHandlers,
  refused: (status: number | undefined) => void,
) {
  webSocket.on('open', handlers.open);
  webSocket.on('message', (data: RawData, isBinary) => {
    const text = textOfFrame(data, isBinary);
    if (text === undefined) webSocket.terminate();
    else handlers.message(text);
  });
  webSocket.on('close', (code, reason) => handlers.close(code, String(reason)));
  webSocket.on('unexpected-response', (request, response) => {
    request.destroy();
    refused(response.statusCode);
  });
  // Errors are followed by the close, which is what counts; unread they would end the program.
  webSocket.on('error', () => undefined);
  return {
    isOpen: () => webSocket.readyState === WebSocket.OPEN,
    send: (data: string) => webSocket.send(data),
    close: (code?: number, reason?: string) => webSocket.close(code, reason),
  };
}
