import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { systemClock } from '../../src/runtime/clock.ts';
import { createApiSource } from '../../src/sources/cron-api.ts';
import { withGatewayApi } from '../../src/sources/gateway-api.ts';
import { readPairedDevice } from '../../src/sources/paired-device.ts';

const NONCE = 'once-only';
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A state folder as 2026.5 leaves it after one command of its CLI. */
function stateFolder(scopes = ['operator.read']) {
  const folder = mkdtempSync(join(tmpdir(), 'cron-api-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  const deviceId = createHash('sha256').update(raw).digest('hex');
  const write = (path: string, value: unknown) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(value));
  };
  write('identity/device.json', {
    version: 1,
    deviceId,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  });
  const token = `device-token-of-${deviceId}`;
  write('identity/device-auth.json', { version: 1, deviceId, tokens: { operator: { token, scopes } } });
  const publicText = raw.toString('base64url');
  const record = { publicKey: publicText, platform: 'linux', clientId: 'cli', clientMode: 'cli' };
  write('devices/paired.json', { [deviceId]: { ...record, approvedScopes: scopes } });
  return { folder, publicKey, token };
}

interface Frame {
  readonly id: string;
  readonly method: string;
  readonly params: {
    readonly auth?: Record<string, string>;
    readonly scopes?: string[];
    readonly device?: { readonly id: string; readonly signature: string; readonly signedAt: number };
  };
}

/** Stands in for a gateway: a challenge, then `answer` for each request. */
async function standIn(answer: (frame: Frame) => object) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  cleanups.push(() => server.close());
  const frames: Frame[] = [];
  server.on('connection', (socket) => {
    socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: NONCE } }));
    socket.on('message', (data) => {
      const frame: Frame = JSON.parse(String(data));
      frames.push(frame);
      socket.send(JSON.stringify({ type: 'res', id: frame.id, ...answer(frame) }));
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, frames };
}

const ANSWERS: Readonly<Record<string, object>> = {
  connect: { type: 'hello-ok', protocol: 4, server: { version: '0' }, policy: {} },
  'cron.list': {
    jobs: [{ id: 'a', name: 'a', enabled: true, state: { lastRunAtMs: 1_000 } }],
    hasMore: false,
  },
  'cron.runs': {
    entries: [
      { jobId: 'a', action: 'finished', ts: 1_005, runAtMs: 1_000, durationMs: 5, status: 'ok' },
      {
        jobId: 'a',
        action: 'finished',
        ts: 505,
        runAtMs: 500,
        status: 'error',
        deliveryStatus: 'not-delivered',
      },
      { jobId: 'other', action: 'finished', ts: 1_005, status: 'ok' },
    ],
  },
};

async function sourceOf(folder: string, port: number) {
  const found = await readPairedDevice(folder);
  if (found.state === 'none') throw new Error(found.reason);
  const address = { url: `ws://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false, local: true };
  const limits = { connectMs: 5_000, answerMs: 5_000, clock: systemClock, version: '0' };
  return createApiSource({
    everyMs: 0,
    monotonic: () => systemClock.monotonic(),
    connect: (use, signal) => withGatewayApi({ ...limits, address, signal, device: found.device }, use),
  });
}

const signal = new AbortController().signal;

describe('the API source of cron', () => {
  it('has no device where the CLI has none, and makes none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cron-api-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    expect(await readPairedDevice(folder)).toMatchObject({ state: 'none' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('has no device where the one of the CLI may not read', async () => {
    const { folder } = stateFolder(['operator.pairing']);
    expect(await readPairedDevice(folder)).toMatchObject({ state: 'none' });
  });

  it('is unreadable, with the code and no more, where the gateway refuses the device', async () => {
    const { folder } = stateFolder();
    const details = { code: 'AUTH_DEVICE_TOKEN_MISMATCH' };
    const error = { code: 'INVALID_REQUEST', message: 'unauthorized: secret text', details };
    const { port } = await standIn(() => ({ ok: false, error }));
    const reading = await (await sourceOf(folder, port)).read(undefined, 0, signal);
    const reason = "the gateway refuses the CLI's device (AUTH_DEVICE_TOKEN_MISMATCH)";
    expect(reading).toEqual({ state: 'unreadable', reason });
  });

  it('is unreadable where the answer is no list of jobs', async () => {
    const { folder } = stateFolder();
    const { port } = await standIn(({ method }) => ({
      ok: true,
      payload: method === 'connect' ? ANSWERS.connect : { jobs: 7 },
    }));
    expect(await (await sourceOf(folder, port)).read(undefined, 0, signal)).toMatchObject({
      state: 'unreadable',
    });
  });

  it('shows only the token of the device, signed for this connection, and asks only to read', async () => {
    const { folder, publicKey, token } = stateFolder();
    const { port, frames } = await standIn(({ method }) => ({ ok: true, payload: ANSWERS[method] }));
    await (await sourceOf(folder, port)).read(undefined, 0, signal);
    const { auth, scopes, device } = frames[0]?.params ?? {};
    expect(auth).toEqual({ deviceToken: token });
    expect(scopes).toEqual(['operator.read']);
    const signed = [
      'v3',
      device?.id,
      'cli',
      'cli',
      'operator',
      'operator.read',
      device?.signedAt,
      token,
      NONCE,
    ];
    const payload = Buffer.from([...signed, 'linux', ''].join('|'));
    const signature = Buffer.from(device?.signature ?? '', 'base64url');
    expect(verify(null, payload, publicKey, signature)).toBe(true);
  });

  it('tells each finished run once, and asks for runs only when the last one changed', async () => {
    const { folder } = stateFolder();
    const { port, frames } = await standIn(({ method }) => ({ ok: true, payload: ANSWERS[method] }));
    const source = await sourceOf(folder, port);
    const first = await source.read(undefined, 0, signal);
    if (first.state !== 'read') throw new Error(first.state);
    expect(
      first.runs.map(({ runAtMs, status, deliveryFailed }) => [runAtMs, status, deliveryFailed]),
    ).toEqual([
      [500, 'error', true],
      [1_000, 'ok', false],
    ]);
    const second = await source.read(first.cursor, 0, signal);
    expect(second).toMatchObject({ state: 'read', runs: [] });
    expect(frames.filter(({ method }) => method === 'cron.runs')).toHaveLength(1);
  });
});
