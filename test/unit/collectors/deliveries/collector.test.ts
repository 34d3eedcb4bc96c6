import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { observeDeliveries } from '../../../../src/collectors/deliveries/collector.ts';
import { readDeliveries } from '../../../../src/collectors/deliveries/source/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const NOW = Date.UTC(2026, 10, 27);
const MINUTE = 60_000;
const SECRET = 'nobody-else-reads-this';
const signal = new AbortController().signal;

/** The tables of 2026.9.6 and 2026.7.35, as far as they matter here. */
const QUEUE = `CREATE TABLE delivery_queue_entries (queue_name TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL,
  channel TEXT, target TEXT, last_error TEXT, entry_json TEXT NOT NULL, enqueued_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, failed_at INTEGER, PRIMARY KEY (queue_name, id))`;
const INGRESS = `CREATE TABLE channel_ingress_events (queue_name TEXT NOT NULL, event_id TEXT NOT NULL,
  channel_id TEXT NOT NULL, account_id TEXT NOT NULL, status TEXT NOT NULL, lane_key TEXT, payload_json TEXT NOT NULL,
  received_at INTEGER NOT NULL, claimed_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT,
  PRIMARY KEY (queue_name, event_id))`;

function stateFolder(fill: (database: DatabaseSync) => void): string {
  const stateDir = tempFolder();
  mkdirSync(join(stateDir, 'state'));
  const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
  database.exec(`${QUEUE};${INGRESS}`);
  fill(database);
  database.close();
  return stateDir;
}

const nextId = () => `${SECRET}-${crypto.randomUUID()}`;

interface Message {
  readonly status: string;
  readonly channel?: string;
  readonly ageMs: number;
  readonly failedAgeMs?: number;
  readonly queue?: string;
}

function addMessage(database: DatabaseSync, { status, channel, ageMs, failedAgeMs, queue }: Message): void {
  database
    .prepare('INSERT INTO delivery_queue_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      queue ?? 'outbound-prepared-v1',
      nextId(),
      status,
      channel ?? null,
      SECRET,
      SECRET,
      `{"text":"${SECRET}"}`,
      NOW - ageMs,
      NOW,
      failedAgeMs === undefined ? null : NOW - failedAgeMs,
    );
}

interface Event {
  readonly status: string;
  readonly lane: string | null;
  readonly attempts?: number;
  readonly error?: string;
  readonly claimedAgeMs?: number;
}

function addEvent(database: DatabaseSync, { status, lane, attempts = 0, error, claimedAgeMs }: Event): void {
  database
    .prepare('INSERT INTO channel_ingress_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      'telegram',
      nextId(),
      'telegram',
      SECRET,
      status,
      lane,
      SECRET,
      NOW - 50 * MINUTE,
      claimedAgeMs === undefined ? null : NOW - claimedAgeMs,
      attempts,
      error ?? null,
    );
}

async function observe(stateDir: string) {
  const reading = await readDeliveries(stateDir, NOW, signal);
  if (reading.state !== 'read') throw new Error(reading.reason);
  const observation = observeDeliveries(reading.deliveries, NOW);
  if (observation.kind !== 'seen') throw new Error(observation.reason);
  expect(JSON.stringify([reading, observation])).not.toContain(SECRET);
  const series = Object.fromEntries(
    observation.samples.map(({ family, labels, value }) => [
      `${family.name.replace('openclaw_', '')} ${Object.values(labels).join()}`,
      value,
    ]),
  );
  return { series, evidence: observation.evidence };
}

const EMPTY = {
  'delivery_queue_entries pending,': 0,
  'delivery_queue_entries failed,': 0,
  'delivery_queue_entries other,': 0,
};

describe('the delivery queue', () => {
  it('of 2026.5.7 is its files, by channel and time alone', async () => {
    const stateDir = tempFolder();
    mkdirSync(join(stateDir, 'delivery-queue', 'failed'), { recursive: true });
    // Recorded form of an entry: delivery-queue of 2026.5.7.
    const entry = (channel: string) =>
      JSON.stringify(
        {
          id: crypto.randomUUID(),
          enqueuedAt: NOW - 70 * MINUTE,
          channel,
          to: SECRET,
          payloads: [{ text: SECRET }],
        },
        null,
        2,
      );
    writeFileSync(join(stateDir, 'delivery-queue', 'a.json'), entry('telegram'));
    writeFileSync(join(stateDir, 'delivery-queue', 'b.json'), entry('telegram'));
    writeFileSync(join(stateDir, 'delivery-queue', 'c.delivered'), entry('telegram'));
    writeFileSync(join(stateDir, 'delivery-queue', 'failed', 'd.json'), entry('signal'));
    const { series, evidence } = await observe(stateDir);
    expect(series).toMatchObject({
      'delivery_queue_entries pending,telegram': 2,
      'delivery_queue_oldest_seconds pending,telegram': 70 * 60,
      'delivery_queue_entries failed,signal': 1,
    });
    expect(Object.keys(series).filter((name) => name.startsWith('ingress'))).toEqual([]);
    expect(evidence).toMatchObject([{ verdict: 'warning', fault: 'delivery-queue' }, { note: true }]);
  });

  it('that is empty is 0 for every status', async () => {
    expect((await observe(tempFolder())).series).toEqual(EMPTY);
    expect((await observe(stateFolder(() => undefined))).series).toEqual({
      ...EMPTY,
      'ingress_pressured_lanes ': 0,
      'ingress_blocked_events ': 0,
    });
  });

  it('counts neither messages that were delivered nor media that are staged', async () => {
    const stateDir = stateFolder((database) => {
      addMessage(database, { status: 'completed', channel: 'telegram', ageMs: MINUTE });
      addMessage(database, { status: 'pending', queue: 'outbound-media-staging', ageMs: MINUTE });
    });
    expect((await observe(stateDir)).series).toMatchObject(EMPTY);
  });

  it('tells for how long a message waits, and since when one is given up', async () => {
    const stateDir = stateFolder((database) => {
      addMessage(database, { status: 'pending', channel: 'telegram', ageMs: 5 * MINUTE });
      addMessage(database, { status: 'pending', channel: 'telegram', ageMs: 2 * MINUTE });
      addMessage(database, { status: 'failed', ageMs: 90 * MINUTE, failedAgeMs: 30 * MINUTE });
      addMessage(database, { status: 'held', channel: 'signal', ageMs: MINUTE });
    });
    const { series, evidence } = await observe(stateDir);
    expect(series).toMatchObject({
      'delivery_queue_entries pending,telegram': 2,
      'delivery_queue_oldest_seconds pending,telegram': 300,
      'delivery_queue_entries failed,': 1,
      'delivery_queue_oldest_seconds failed,': 1800,
      'delivery_queue_entries other,signal': 1,
    });
    expect(evidence).toMatchObject([
      { verdict: 'ok', note: true, text: '1 message(s) were given up and not delivered' },
    ]);
  });

  it('is unknown where it cannot be read', async () => {
    const stateDir = tempFolder();
    writeFileSync(join(stateDir, 'delivery-queue'), '');
    expect(await readDeliveries(stateDir, NOW, signal)).toMatchObject({ state: 'unreadable' });
  });
});

describe('the pressure of incoming messages', () => {
  it('is told of lanes that failed eight times or whose claim is old, with all that waits in them', async () => {
    const stateDir = stateFolder((database) => {
      addEvent(database, { status: 'pending', lane: 'stuck', attempts: 8, error: SECRET });
      addEvent(database, { status: 'pending', lane: 'stuck' });
      addEvent(database, { status: 'pending', lane: 'stuck' });
      addEvent(database, { status: 'claimed', lane: 'hung', claimedAgeMs: 31 * MINUTE });
    });
    const { series, evidence } = await observe(stateDir);
    expect(series).toMatchObject({
      'ingress_pressured_lanes telegram': 2,
      'ingress_blocked_events telegram': 2,
      'ingress_oldest_seconds telegram': 50 * 60,
    });
    expect(evidence).toMatchObject([{ verdict: 'warning', fault: 'ingress' }]);
  });

  it('is none of ordinary retries, living claims, claims that were recovered, and events without a lane', async () => {
    const stateDir = stateFolder((database) => {
      addEvent(database, { status: 'pending', lane: 'retries', attempts: 7, error: SECRET });
      addEvent(database, { status: 'claimed', lane: 'living', claimedAgeMs: 29 * MINUTE });
      addEvent(database, { status: 'pending', lane: 'recovered', attempts: 9 });
      addEvent(database, { status: 'pending', lane: null, attempts: 9, error: SECRET });
      addEvent(database, { status: 'failed', lane: 'given-up', attempts: 9, error: SECRET });
    });
    expect((await observe(stateDir)).series).toMatchObject({ 'ingress_pressured_lanes ': 0 });
  });
});
