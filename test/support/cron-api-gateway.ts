import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { entryOf, type StoredRun } from './cron-store.ts';

export const NONCE = 'once-only';

/** A request as the stand-in was sent it. */
export interface Frame {
  readonly id: string;
  readonly method: string;
  readonly params: {
    readonly auth?: Record<string, string>;
    readonly scopes?: string[];
    readonly device?: { readonly id: string; readonly signature: string; readonly signedAt: number };
    readonly id?: string;
    readonly limit?: number;
  };
}

/** What the stand-in does with whoever connects. */
export type ApiManner = 'answers' | 'refuses' | 'opens with nothing' | 'takes the token and is silent';

const HELLO = { type: 'hello-ok', protocol: 4, server: { version: '0' }, policy: {} };
const REFUSAL = {
  code: 'INVALID_REQUEST',
  message: 'unauthorized: secret text',
  details: { code: 'AUTH_DEVICE_TOKEN_MISMATCH' },
};

/**
 * Stands in for the part of a gateway that tells its cron jobs: a challenge, then an answer to each request,
 * in the shapes measured on 2026.5.7 and 2026.9.6. Real ones cannot be told to be ahead of their own store.
 */
export class ApiGateway {
  manner: ApiManner = 'answers';
  /** What `cron.list` and `cron.runs` give instead of what it knows. */
  instead: Readonly<Record<string, object>> = {};
  connections = 0;
  readonly frames: Frame[] = [];
  readonly #jobs = new Map<string, { name: string; job: object; state: object }>();
  readonly #runs: StoredRun[] = [];
  #server: WebSocketServer | undefined;
  #port = 0;

  static async start(): Promise<ApiGateway> {
    const gateway = new ApiGateway();
    await gateway.listen();
    return gateway;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    const server = new WebSocketServer({ port: this.#port, host: '127.0.0.1' });
    server.on('connection', (socket) => this.#greet(socket));
    await new Promise((resolve) => server.once('listening', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Nothing listens any more. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  }

  putJob(id: string, name: string, job: object = {}, state: object = {}): void {
    this.#jobs.set(id, { name, job, state });
  }

  addRun(run: StoredRun): void {
    this.#runs.push(run);
  }

  asked(method: string): number {
    return this.frames.filter((frame) => frame.method === method).length;
  }

  #greet(socket: WebSocket): void {
    this.connections += 1;
    socket.on('error', () => undefined);
    if (this.manner === 'opens with nothing') return;
    socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: NONCE } }));
    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(String(data));
      this.frames.push(frame);
      if (this.manner === 'takes the token and is silent') return;
      const answer =
        this.manner === 'refuses'
          ? { ok: false, error: REFUSAL }
          : { ok: true, payload: this.instead[frame.method] ?? this.#answer(frame) };
      socket.send(JSON.stringify({ type: 'res', id: frame.id, ...answer }));
    });
  }

  #answer({ method, params }: Frame): object {
    if (method === 'connect') return HELLO;
    if (method === 'cron.list') return { jobs: this.#list(), hasMore: false };
    return { entries: this.#newest(params.id).slice(0, params.limit).map(entryOf) };
  }

  #list(): object[] {
    return [...this.#jobs].map(([id, { name, job, state }]) => {
      const lastRunAtMs = this.#newest(id)[0]?.runAtMs;
      const last = lastRunAtMs === undefined ? {} : { lastRunAtMs };
      return { id, name, enabled: true, ...job, state: { ...last, ...state } };
    });
  }

  #newest(jobId: string | undefined): StoredRun[] {
    return this.#runs.filter((run) => run.jobId === jobId).reverse();
  }
}

export interface WrittenDevice {
  readonly publicKey: KeyObject;
  readonly token: string;
}

/** Writes a device into a state folder as 2026.5 leaves it after one command of its CLI. */
export function writePairedDevice(
  stateDir: string,
  scopes: readonly string[] = ['operator.read'],
): WrittenDevice {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  const deviceId = createHash('sha256').update(raw).digest('hex');
  const write = (path: string, value: unknown) => {
    mkdirSync(dirname(join(stateDir, path)), { recursive: true });
    writeFileSync(join(stateDir, path), JSON.stringify(value));
  };
  write('identity/device.json', {
    version: 1,
    deviceId,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  const token = `device-token-of-${deviceId}`;
  write('identity/device-auth.json', { version: 1, deviceId, tokens: { operator: { token, scopes } } });
  const record = {
    publicKey: raw.toString('base64url'),
    platform: 'linux',
    clientId: 'cli',
    clientMode: 'cli',
  };
  write('devices/paired.json', { [deviceId]: { ...record, approvedScopes: scopes } });
  return { publicKey, token };
}
