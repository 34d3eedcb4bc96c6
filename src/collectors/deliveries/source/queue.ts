import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { codeOf } from '../../../lib/errors.ts';
import { openRegular } from '../../../lib/regular-file.ts';
import { Slices } from '../../../lib/slices.ts';
import { listColumns, readDatabase } from '../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

/** Gone, a pipe or a folder, a socket, a link in a circle: nothing of these is an entry. */
const NO_ENTRY = ['ENOENT', 'ENOTREG', 'ENXIO', 'ELOOP'];

/** What becomes of a message; the label values of `openclaw_delivery_queue_entries`. */
export const QUEUE_STATUSES = ['pending', 'failed', 'other'] as const;
/** A label value of `openclaw_delivery_queue_entries`. */
export type QueueStatus = (typeof QUEUE_STATUSES)[number];

/** Messages of one status and channel. */
export interface QueueGroup {
  readonly status: QueueStatus;
  /** Empty where the gateway does not keep it. */
  readonly channel: string;
  readonly count: number;
  /** When the oldest was queued, of failed ones when it failed; wall time, milliseconds since the epoch. */
  readonly oldestMs: number | undefined;
}

/** Lanes of incoming messages that hold up those behind them, by channel. */
export interface PressureGroup {
  readonly channel: string;
  readonly lanes: number;
  /** Events that wait behind the first of each lane. */
  readonly blocked: number;
  readonly oldestMs: number | undefined;
}

/** What waits to go out, and what came in and is not handled. */
export interface Deliveries {
  readonly queue: readonly QueueGroup[];
  /** Undefined where this version keeps no queue of incoming messages. */
  readonly pressure: readonly PressureGroup[] | undefined;
}

/** The outcomes of reading the queues. */
export type DeliveriesReading =
  | { readonly state: 'read'; readonly deliveries: Deliveries }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * Staged media belong to messages that are counted themselves. Source: delivery-queue-namespaces of 2026.9.6.
 */
const MEDIA_STAGING = 'outbound-media-staging';
/** Source: docs/gateway/health.md and ingress-queue-health of 2026.9.6. */
const PRESSURE_ATTEMPTS = 8;
const CLAIM_LEASE_MS = 1_800_000;
const MAX_FILES = 10_000;
/** An entry begins with id, time and channel; of what follows nothing is used. */
const HEAD_BYTES = 128;

/**
 * Reads the delivery queue: the state database of 2026.6 and later, else the files of `delivery-queue/` of
 * 2026.5. Of messages, addresses, errors and ids nothing is used.
 */
export async function readDeliveries(
  stateDir: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<DeliveriesReading> {
  const path = stateDatabase(stateDir);
  const reading = readDatabase(path, (database) => readTables(database, nowMs));
  if (reading.state === 'unreadable') return reading;
  if (reading.state === 'read' && reading.value !== undefined)
    return { state: 'read', deliveries: reading.value };
  try {
    return { state: 'read', deliveries: { queue: await readFolders(stateDir, signal), pressure: undefined } };
  } catch (error) {
    signal.throwIfAborted();
    return {
      state: 'unreadable',
      reason: `the delivery queue cannot be read (${codeOf(error) ?? 'format'})`,
    };
  }
}

/** Undefined where the database has no queue: the gateway then keeps it in files. */
function readTables(database: DatabaseSync, nowMs: number): Deliveries | undefined {
  if (!listColumns(database, 'delivery_queue_entries').has('enqueued_at')) return undefined;
  const queue = database
    .prepare(
      `SELECT CASE WHEN status IN ('pending', 'failed') THEN status ELSE 'other' END AS state,
         coalesce(channel, '') AS channel, count(*) AS n,
         min(CASE WHEN status = 'failed' THEN coalesce(failed_at, updated_at) ELSE enqueued_at END) AS oldest
       FROM delivery_queue_entries WHERE status <> 'completed' AND queue_name <> ? GROUP BY 1, 2`,
    )
    .all(MEDIA_STAGING)
    .map(({ state, channel, n, oldest }) => ({
      status: QUEUE_STATUSES.find((status) => status === state) ?? 'other',
      channel: String(channel),
      count: Number(n),
      oldestMs: toTime(oldest),
    }));
  return { queue, pressure: readPressure(database, nowMs) };
}

/**
 * By OpenClaw's own rule: a lane with an event that failed eight times, or whose claim was
 * not renewed for half an hour.
 */
function readPressure(database: DatabaseSync, nowMs: number): PressureGroup[] | undefined {
  if (!listColumns(database, 'channel_ingress_events').has('lane_key')) return undefined;
  return database
    .prepare(
      `SELECT channel, count(*) AS lanes, sum(active) - count(*) AS blocked, min(oldest) AS oldest FROM (
         SELECT channel_id AS channel, count(*) AS active, min(received_at) AS oldest FROM channel_ingress_events
         WHERE status IN ('pending', 'claimed') AND lane_key IS NOT NULL
         GROUP BY queue_name, lane_key, channel_id, account_id
         HAVING max((attempts >= ? AND last_error IS NOT NULL) OR (status = 'claimed' AND claimed_at <= ?)) = 1
       ) GROUP BY channel`,
    )
    .all(PRESSURE_ATTEMPTS, nowMs - CLAIM_LEASE_MS)
    .map(({ channel, lanes, blocked, oldest }) => ({
      channel: String(channel),
      lanes: Number(lanes),
      blocked: Number(blocked),
      oldestMs: toTime(oldest),
    }));
}

async function readFolders(stateDir: string, signal: AbortSignal): Promise<QueueGroup[]> {
  const folder = join(stateDir, 'delivery-queue');
  const groups = new Map<string, QueueGroup>();
  await readFolder(folder, 'pending', groups, signal);
  await readFolder(join(folder, 'failed'), 'failed', groups, signal);
  return [...groups.values()];
}

async function readFolder(
  folder: string,
  status: QueueStatus,
  groups: Map<string, QueueGroup>,
  signal: AbortSignal,
): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  const slices = new Slices(signal);
  for (const name of names.filter((one) => one.endsWith('.json')).slice(0, MAX_FILES)) {
    const head = await readHead(join(folder, name));
    if (head === undefined) continue;
    const channel = /"channel":\s*"([^"\\]*)"/.exec(head.text)?.[1] ?? '';
    const queuedMs = toTime(/"enqueuedAt":\s*(\d+)/.exec(head.text)?.[1]);
    // A failed entry is moved as it is: the change of its inode is when it failed.
    const atMs = status === 'failed' ? head.changedMs : (queuedMs ?? head.changedMs);
    const key = `${status} ${channel}`;
    const before = groups.get(key);
    groups.set(key, {
      status,
      channel,
      count: (before?.count ?? 0) + 1,
      oldestMs: Math.min(before?.oldestMs ?? atMs, atMs),
    });
    await slices.pause();
  }
}

/** Undefined where the entry was delivered meanwhile, or is no file. */
async function readHead(path: string): Promise<{ text: string; changedMs: number } | undefined> {
  const file = await openRegular(path).catch((error: unknown) => {
    if (NO_ENTRY.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  const { handle, stat } = file;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return { text: buffer.toString('utf8', 0, bytesRead), changedMs: stat.ctimeMs };
  } finally {
    await handle.close();
  }
}

function toTime(value: unknown): number | undefined {
  const ms = value === null || value === undefined ? Number.NaN : Number(value);
  return Number.isFinite(ms) ? ms : undefined;
}
