import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { buildDeviceAuthPayloadV3 } from '@openclaw/gateway-client/browser';
import { WebSocket } from 'ws';
import { z } from 'zod';

/** Of an Ed25519 key in SPKI form; the raw key follows. Source: RFC 8410. */
const SPKI_PREFIX_BYTES = 12;
const ROLE = 'operator';
const SCOPES = ['operator.read'];
/** Of 2026.5 and of 2026.9. */
const PROTOCOLS = { minProtocol: 3, maxProtocol: 4 };
const CLIENT = { id: 'cli', mode: 'cli', platform: 'linux' };

const challenge = z.object({ payload: z.object({ nonce: z.string() }) });

/** Where a device that no gateway knows asks to be paired, and what it says when it is asked who it is. */
export interface NewDevice {
  readonly port: number;
  readonly token: string;
  /**
   * The address that the gateway is told by a proxy it trusts: one of this machine would be paired at once.
   */
  readonly from: string;
}

/**
 * Connects once with the shared token and a device of its own. Returns what the gateway answered, as text.
 */
export async function askToPair({ port, token, from }: NewDevice): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { 'x-forwarded-for': from } });
  try {
    const { nonce } = challenge.parse(JSON.parse(await nextMessage(socket))).payload;
    const params = connectParams(token, nonce);
    socket.send(JSON.stringify({ type: 'req', id: '1', method: 'connect', params }));
    return await nextMessage(socket);
  } finally {
    socket.terminate();
  }
}

async function nextMessage(socket: WebSocket): Promise<string> {
  const [data] = await once(socket, 'message');
  return String(data);
}

function connectParams(token: string, nonce: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX_BYTES);
  const deviceId = createHash('sha256').update(raw).digest('hex');
  const signedAtMs = Date.now();
  const payload = buildDeviceAuthPayloadV3({
    deviceId,
    clientId: CLIENT.id,
    clientMode: CLIENT.mode,
    role: ROLE,
    scopes: SCOPES,
    signedAtMs,
    token,
    nonce,
    platform: CLIENT.platform,
    deviceFamily: null,
  });
  return {
    ...PROTOCOLS,
    client: { ...CLIENT, version: '1.0.0' },
    role: ROLE,
    scopes: SCOPES,
    caps: [],
    auth: { token },
    device: {
      id: deviceId,
      publicKey: raw.toString('base64url'),
      signature: sign(null, Buffer.from(payload), privateKey).toString('base64url'),
      signedAt: signedAtMs,
      nonce,
    },
  };
}
