import {
  buildDeviceAuthPayloadV3,
  GatewayProtocolClient,
  readConnectErrorDetailCode,
} from '@openclaw/gateway-client/browser';
import type { WebSocket } from 'ws';
import type { PairedDevice } from '../openclaw/paired-device.ts';
import { attachSocket, exchangeSettings, limitExchange, PROTOCOLS } from './exchange.ts';
import type { DialOptions } from './socket.ts';
import { answerMsLeft, dialWebSocket, farewell } from './websocket.ts';

const ROLE = 'operator';
const SCOPES = ['operator.read'];

/** Whom to ask, and as which device. */
export interface ApiOptions extends DialOptions {
  readonly device: PairedDevice;
  /** The exporter's version, as the gateway's log shows it. */
  readonly version: string;
}

/**
 * Asks one method and gives what the gateway answered, unparsed. Throws when it
 * refuses or the connection ends.
 */
export type Ask = (method: string, params: object) => Promise<unknown>;

/** What came of one connection. */
export type ApiOutcome<T> =
  | { readonly state: 'answered'; readonly value: T }
  /** The gateway refused the device; asking again at once would only be refused again. */
  | { readonly state: 'refused'; readonly reason: string }
  /** `uncertain`: the device's token was shown and no word on it came back. */
  | { readonly state: 'failed'; readonly reason: string; readonly uncertain: boolean };

/**
 * One connection on which `use` may ask read-only methods. The device's own token is shown, never the shared
 * credential: with that one the gateway would silently pair a device it does not know, with this one it
 * refuses it. Rejects only when `signal` fires.
 */
export async function withGatewayApi<T>(
  options: ApiOptions,
  use: (ask: Ask) => Promise<T>,
): Promise<ApiOutcome<T>> {
  const dialed = await dialWebSocket(options);
  if (dialed.state !== 'connected') {
    const reason = 'reason' in dialed ? dialed.reason : 'the gateway refuses connections';
    return { state: 'failed', reason, uncertain: false };
  }
  const { webSocket } = dialed;
  try {
    const left = { ...options, answerMs: answerMsLeft(dialed, options.clock) };
    return await converse(webSocket, left, use);
  } finally {
    if (options.signal.aborted) webSocket.terminate();
    else await farewell(webSocket, options.clock);
  }
}

function converse<T>(
  webSocket: WebSocket,
  options: ApiOptions,
  use: (ask: Ask) => Promise<T>,
): Promise<ApiOutcome<T>> {
  const { answerMs } = options;
  return new Promise((resolve, reject) => {
    let requests = 0;
    const settle = (outcome: ApiOutcome<T>) => {
      release();
      resolve(outcome);
    };
    let uncertain = false;
    const fail = (reason: string) => settle({ state: 'failed', reason, uncertain });
    const client = new GatewayProtocolClient<object>({
      createSocket: (handlers) =>
        attachSocket(webSocket, handlers, (status) => fail(`the WebSocket is refused (HTTP ${status})`)),
      createRequestId: () => {
        requests += 1;
        return String(requests);
      },
      buildConnectPlan: ({ nonce }) => connectParams(options, nonce ?? ''),
      buildConnectParams: (params) => {
        uncertain = true;
        return params;
      },
      onConnectHello: () => {
        uncertain = false;
        const asking = use((method, params) => client.request(method, params, { timeoutMs: answerMs }));
        asking.then(
          (value) => settle({ state: 'answered', value }),
          () => fail('the gateway did not answer a question about cron'),
        );
      },
      onConnectFailure: (error) => {
        const code = readConnectErrorDetailCode(error.details) ?? error.gatewayCode;
        uncertain = false;
        if (error.gatewayCode === 'UNAVAILABLE') fail('the gateway is not ready yet');
        else settle({ state: 'refused', reason: `the gateway refuses the CLI's device (${wordOf(code)})` });
        return { closeCode: 1000, closeReason: '', stop: true };
      },
      resolveClose: ({ code }) => {
        fail(`the connection was closed (code ${code})`);
        return { retry: false, notify: false };
      },
      ...exchangeSettings(answerMs),
    });
    const release = limitExchange(client, options, {
      late: () => fail('no answer in time'),
      aborted: reject,
    });
    client.start();
  });
}

/** A code of the protocol's list; anything else the other side may have put there is not repeated. */
function wordOf(code: unknown): string {
  return typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) ? code : 'no code';
}

function connectParams({ device, version, clock }: ApiOptions, nonce: string) {
  const { client } = device;
  const signedAtMs = clock.now();
  const token = device.token.reveal();
  const payload = buildDeviceAuthPayloadV3({
    deviceId: device.id,
    clientId: client.id,
    clientMode: client.mode,
    role: ROLE,
    scopes: SCOPES,
    signedAtMs,
    token,
    nonce,
    platform: client.platform,
    deviceFamily: client.deviceFamily ?? null,
  });
  return {
    ...PROTOCOLS,
    client: {
      id: client.id,
      version,
      platform: client.platform,
      mode: client.mode,
      ...(client.deviceFamily === undefined ? {} : { deviceFamily: client.deviceFamily }),
      ...(client.displayName === undefined ? {} : { displayName: client.displayName }),
    },
    userAgent: `openclaw-gateway-exporter/${version}`,
    caps: [],
    role: ROLE,
    scopes: SCOPES,
    auth: { deviceToken: token },
    device: {
      id: device.id,
      publicKey: device.publicKey,
      signature: device.sign(payload),
      signedAt: signedAtMs,
      nonce,
    },
  };
}
