import {
  buildGatewayConnectAuth,
  type ConnectParams,
  GatewayProtocolClient,
  type GatewayProtocolRequestError,
  type HelloOk,
  readConnectErrorDetailCode,
  selectGatewayConnectAuth,
} from '@openclaw/gateway-client/browser';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Secret } from '../lib/secret.ts';
import { attachSocket, exchangeSettings, limitExchange, PROTOCOLS } from './exchange.ts';
import type { DialOptions, GatewayFailure } from './socket.ts';
import { answerMsLeft, dialWebSocket, farewell } from './websocket.ts';

/** Whom to prove which credential to. */
export interface AuthenticationOptions extends DialOptions {
  readonly credential: Secret;
  readonly kind: 'token' | 'password';
  /** The exporter's version, as the gateway's log shows it. */
  readonly version: string;
}

/** How one authenticated handshake ended. */
export type AuthenticationEnd =
  | {
      readonly state: 'accepted';
      readonly version: string | undefined;
      readonly protocol: number | undefined;
    }
  /** The gateway said no; `code` from the protocol's closed list where it gave one. */
  | {
      readonly state: 'rejected';
      readonly code: string | undefined;
      readonly protocolMismatch: boolean;
      readonly retryAfterMs: number | undefined;
    }
  /** Listening, but not yet (or no longer) taking connections. */
  | { readonly state: 'not_ready'; readonly reason: string }
  /** Closed without an answer. */
  | { readonly state: 'closed'; readonly code: number }
  | GatewayFailure;

/** How a proof ended, and how far it got. */
export interface AuthenticationOutcome {
  readonly end: AuthenticationEnd;
  /** From the connection, its TLS done, to the gateway's challenge; undefined when none came. */
  readonly challengeSeconds: number | undefined;
  /** Whether the credential left this machine. Without a challenge it does not. */
  readonly credentialSent: boolean;
}

const CLOSE_STARTING = 1013;

const hello = z.looseObject({
  type: z.literal('hello-ok'),
  protocol: z.int().optional().catch(undefined),
  server: z
    .looseObject({ version: z.string().max(64).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});
const protocolDetails = z.looseObject({ expectedProtocol: z.number() });

/**
 * Proves a credential by one handshake: mode `probe`, no scopes, no device, so that nothing is
 * paired, stored or readable. Exactly one connection; the credential goes out only in answer to the
 * challenge of that same connection.
 *
 * The official client's wire half is used with a socket of our own, because its upper half reconnects by
 * itself, and does not tell when the challenge came. Rejects only when `signal` fires.
 */
export async function authenticate(options: AuthenticationOptions): Promise<AuthenticationOutcome> {
  const dialed = await dialWebSocket(options);
  if (dialed.state !== 'connected') {
    return { end: dialed, challengeSeconds: undefined, credentialSent: false };
  }
  const { webSocket } = dialed;
  try {
    return await handshake(webSocket, { ...options, answerMs: answerMsLeft(dialed, options.clock) });
  } finally {
    if (options.signal.aborted) webSocket.terminate();
    else await farewell(webSocket, options.clock);
  }
}

function handshake(webSocket: WebSocket, options: AuthenticationOptions): Promise<AuthenticationOutcome> {
  const { clock, answerMs } = options;
  const startedAt = clock.monotonic();
  let challengeSeconds: number | undefined;
  let credentialSent = false;
  return new Promise((resolve, reject) => {
    const settle = (end: AuthenticationEnd) => {
      release();
      resolve({ end, challengeSeconds, credentialSent });
    };
    const client = new GatewayProtocolClient<ConnectParams>({
      createSocket: (handlers) =>
        attachSocket(webSocket, handlers, (status) => settle(refusedUpgrade(status))),
      createRequestId: () => 'connect',
      buildConnectPlan: () => {
        challengeSeconds = (clock.monotonic() - startedAt) / 1000;
        return connectParams(options);
      },
      buildConnectParams: (params) => {
        credentialSent = true;
        return params;
      },
      onConnectHello: (answer) => settle(accepted(answer)),
      onConnectFailure: (error) => {
        settle(rejected(error));
        return { closeCode: 1000, closeReason: '', stop: true };
      },
      resolveClose: ({ code }) => {
        settle(closed(code));
        return { retry: false, notify: false };
      },
      ...exchangeSettings(answerMs),
    });
    const late = () =>
      settle({
        state: 'silent',
        reason: credentialSent ? 'no answer to the handshake' : 'no challenge on the WebSocket',
      });
    const release = limitExchange(client, options, { late, aborted: reject });
    client.start();
  });
}

function refusedUpgrade(status: number | undefined): AuthenticationEnd {
  return status === 503
    ? { state: 'not_ready', reason: 'the gateway takes no connections now (HTTP 503)' }
    : { state: 'foreign', reason: `the WebSocket is refused (HTTP ${status})` };
}

function connectParams({ credential, kind, version }: AuthenticationOptions): ConnectParams {
  const auth = buildGatewayConnectAuth(selectGatewayConnectAuth({ [kind]: credential.reveal() }));
  return {
    ...PROTOCOLS,
    client: {
      id: 'openclaw-probe',
      displayName: 'openclaw-gateway-exporter',
      version,
      platform: process.platform,
      mode: 'probe',
    },
    caps: [],
    role: 'operator',
    scopes: [],
    ...(auth === undefined ? {} : { auth }),
  };
}

function accepted(answer: HelloOk): AuthenticationEnd {
  const parsed = hello.safeParse(answer);
  if (!parsed.success) return { state: 'foreign', reason: 'the handshake is answered with something else' };
  return { state: 'accepted', version: parsed.data.server?.version, protocol: parsed.data.protocol };
}

function rejected(error: GatewayProtocolRequestError): AuthenticationEnd {
  const code = readConnectErrorDetailCode(error.details) ?? undefined;
  if (error.gatewayCode === 'UNAVAILABLE' && code === undefined) {
    return { state: 'not_ready', reason: 'the gateway is not ready yet' };
  }
  return {
    state: 'rejected',
    code,
    protocolMismatch: code === 'PROTOCOL_MISMATCH' || protocolDetails.safeParse(error.details).success,
    retryAfterMs: error.retryAfterMs,
  };
}

function closed(code: number): AuthenticationEnd {
  return code === CLOSE_STARTING
    ? { state: 'not_ready', reason: 'the gateway is still starting' }
    : { state: 'closed', code };
}
