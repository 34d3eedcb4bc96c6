import { verify } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApiSource } from '../../../../../src/collectors/cron/source/api.ts';
import { withGatewayApi } from '../../../../../src/gateway/api.ts';
import { systemClock } from '../../../../../src/lib/clock.ts';
import { readPairedDevice } from '../../../../../src/openclaw/paired-device.ts';
import { ApiGateway, NONCE, writePairedDevice } from '../../../../support/cron-api-gateway.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

function stateFolder(scopes?: readonly string[]) {
  const folder = tempFolder();
  return { folder, ...writePairedDevice(folder, scopes) };
}

async function startGateway(instead: ApiGateway['instead'] = ANSWERS): Promise<ApiGateway> {
  const gateway = await ApiGateway.start();
  onTestFinished(() => gateway.close());
  gateway.instead = instead;
  return gateway;
}

const ANSWERS: Readonly<Record<string, object>> = {
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
  if (found.state !== 'paired') throw new Error(found.reason);
  const address = { url: `ws://127.0.0.1:${port}`, host: '127.0.0.1', port, tls: false, local: true };
  const limits = { connectMs: 5_000, answerMs: 5_000, clock: systemClock, version: '0' };
  return createApiSource({
    everyMs: 0,
    monotonic: () => systemClock.monotonic(),
    connect: (use, signal) => withGatewayApi({ ...limits, address, signal, device: found.device }, use),
  });
}

/** Jobs whose runs are asked for in one look. */
const JOBS_A_LOOK = 50;

function runEach(gateway: ApiGateway, ids: readonly string[], atMs: number): void {
  for (const jobId of ids) gateway.addRun({ jobId, runAtMs: atMs, finishedAtMs: atMs, status: 'ok' });
}

const signal = new AbortController().signal;

describe('the API source of cron', () => {
  it('has no device where the CLI has none, and makes none', async () => {
    const folder = tempFolder();
    expect(await readPairedDevice(folder)).toMatchObject({ state: 'none' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('has no device where the one of the CLI may not read', async () => {
    const { folder } = stateFolder(['operator.pairing']);
    expect(await readPairedDevice(folder)).toMatchObject({ state: 'none' });
  });

  it('is unreadable, with the code and no more, where the gateway refuses the device', async () => {
    const { folder } = stateFolder();
    const gateway = await startGateway();
    gateway.manner = 'refuses';
    const reading = await (await sourceOf(folder, gateway.port)).read(undefined, 0, signal);
    const reason = "the gateway refuses the CLI's device (AUTH_DEVICE_TOKEN_MISMATCH)";
    expect(reading).toEqual({ state: 'unreadable', reason });
  });

  it('is unreadable where the answer is no list of jobs', async () => {
    const { folder } = stateFolder();
    const { port } = await startGateway({ 'cron.list': { jobs: 7 } });
    expect(await (await sourceOf(folder, port)).read(undefined, 0, signal)).toMatchObject({
      state: 'unreadable',
    });
  });

  it('shows only the token of the device, signed for this connection, and asks only to read', async () => {
    const { folder, publicKey, token } = stateFolder();
    const { port, frames } = await startGateway();
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
    const { port, frames } = await startGateway();
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

  it('has a turn for every job, also where more of them run between two looks than are asked for in one', async () => {
    const { folder } = stateFolder();
    const gateway = await startGateway({});
    const ids = Array.from({ length: 3 * JOBS_A_LOOK }, (_, index) => `job-${index}`);
    for (const id of ids) gateway.putJob(id, id);
    const source = await sourceOf(folder, gateway.port);
    const told: string[] = [];
    let cursor: unknown;
    for (let look = 1; look <= 6; look += 1) {
      runEach(gateway, ids, look);
      const reading = await source.read(cursor, 0, signal);
      if (reading.state !== 'read') throw new Error(reading.state);
      cursor = reading.cursor;
      told.push(...reading.runs.map(({ jobId }) => jobId));
      expect(gateway.asked('cron.runs')).toBe(look * JOBS_A_LOOK);
    }
    // Each job's last turn was at most three looks ago.
    const turns = ids.map((id) => told.filter((jobId) => jobId === id).length);
    expect(Math.min(...turns)).toBeGreaterThanOrEqual(4);
  });
});
