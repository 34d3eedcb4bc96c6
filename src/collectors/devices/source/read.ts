import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { codeOf } from '../../../lib/errors.ts';
import { parseJson } from '../../../lib/json.ts';
import { readRegular } from '../../../lib/regular-file.ts';
import { listColumns, readDatabase } from '../../../lib/sqlite-readonly.ts';
import { stateDatabase } from '../../../openclaw/paths.ts';

/** Kinds of pairing requests; the label values of `openclaw_gateway_pairing_requests`. */
export const REQUEST_KINDS = ['device', 'repair', 'node'] as const;
/** A label value of `openclaw_gateway_pairing_requests`. */
export type RequestKind = (typeof REQUEST_KINDS)[number];

/** Requests of one kind that wait. */
export interface WaitingRequests {
  readonly count: number;
  /** When the oldest was made; wall time, milliseconds since the epoch. */
  readonly oldestMs: number;
}

/** Devices and nodes that a gateway knows. */
export interface Devices {
  /** Number of paired devices by role. */
  readonly paired: ReadonlyMap<string, number>;
  readonly waiting: ReadonlyMap<RequestKind, WaitingRequests>;
}

/** The outcomes of reading a gateway's devices. */
export type DevicesReading =
  | { readonly state: 'read'; readonly devices: Devices }
  /** `reason` is without a path. */
  | { readonly state: 'unreadable'; readonly reason: string };

/**
 * A request that is not repeated ends by itself. Source: PENDING_TTL_MS of 2026.5.7, 2026.7.35 and 2026.9.6.
 */
const REQUEST_LIVES_MS = 300_000;
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_ROLES = 200;
/** What a device is that says nothing of itself. */
const DEFAULT_ROLE = 'operator';
const NODE_ROLE = 'node';

const text = z.string().optional().catch(undefined);
const time = z.number().optional().catch(undefined);
/** Of a record that also holds tokens, only this. */
const pairedRecord = z.object({ role: text, roles: z.array(z.string()).optional().catch(undefined) });
const pendingRecord = z.object({ ts: time, refreshedAtMs: time, isRepair: z.boolean().catch(false) });

interface Request {
  readonly kind: RequestKind;
  readonly madeMs: number;
  readonly refreshedMs: number;
}

/**
 * Reads which devices are paired and which wait: the state database of 2026.6 and later,
 * else `devices/` and `nodes/` of
 * 2026.5. No column and no field that holds a key, a token, a name or an address is used.
 */
export async function readDevices(stateDir: string, nowMs: number): Promise<DevicesReading> {
  const path = stateDatabase(stateDir);
  const reading = readDatabase(path, (database) => readTables(database, nowMs));
  if (reading.state === 'unreadable') return reading;
  if (reading.state === 'read' && reading.value !== undefined)
    return { state: 'read', devices: reading.value };
  try {
    return { state: 'read', devices: await readFiles(stateDir, nowMs) };
  } catch (error) {
    return { state: 'unreadable', reason: `a file of devices cannot be read (${codeOf(error) ?? 'format'})` };
  }
}

/** Undefined where the database has no devices: the gateway then keeps them in files. */
function readTables(database: DatabaseSync, nowMs: number): Devices | undefined {
  if (!listColumns(database, 'device_pairing_paired').has('role')) return undefined;
  const paired = database
    .prepare(
      `SELECT coalesce(role, json_extract(CASE WHEN json_valid(roles_json) THEN roles_json END, '$[0]'), '${DEFAULT_ROLE}') AS role,
         count(*) AS n FROM device_pairing_paired GROUP BY 1 ORDER BY 1 LIMIT ${MAX_ROLES}`,
    )
    .all()
    .map(({ role, n }) => [String(role), Number(n)] as const);
  const roles = new Map(paired);
  const hasNodes = listColumns(database, 'node_pairing_paired').has('node_id');
  if (hasNodes) {
    const nodes = Number(database.prepare('SELECT count(*) AS n FROM node_pairing_paired').get()?.n ?? 0);
    if (nodes > 0) roles.set(NODE_ROLE, (roles.get(NODE_ROLE) ?? 0) + nodes);
  }
  const requests = [
    ...readPending(database, 'device_pairing_pending'),
    ...(hasNodes ? readPending(database, 'node_pairing_pending') : []),
  ];
  return { paired: roles, waiting: groupWaiting(requests, nowMs) };
}

function readPending(
  database: DatabaseSync,
  table: 'device_pairing_pending' | 'node_pairing_pending',
): Request[] {
  const columns = listColumns(database, table);
  const select = (column: string) => (columns.has(column) ? column : `NULL AS ${column}`);
  return database
    .prepare(`SELECT ts, ${select('refreshed_at_ms')}, ${select('is_repair')} FROM ${table}`)
    .all()
    .map(({ ts, refreshed_at_ms, is_repair }) => ({
      kind: table === 'node_pairing_pending' ? 'node' : Number(is_repair ?? 0) === 1 ? 'repair' : 'device',
      madeMs: Number(ts),
      refreshedMs: Number(refreshed_at_ms ?? ts),
    }));
}

async function readFiles(stateDir: string, nowMs: number): Promise<Devices> {
  const paired = new Map<string, number>();
  const count = (role: string) => paired.set(role, (paired.get(role) ?? 0) + 1);
  for (const device of await readRecords(join(stateDir, 'devices', 'paired.json'))) {
    const { role, roles } = pairedRecord.parse(device);
    count(role ?? roles?.[0] ?? DEFAULT_ROLE);
  }
  for (const _node of await readRecords(join(stateDir, 'nodes', 'paired.json'))) count(NODE_ROLE);
  const pending = await readRecords(join(stateDir, 'devices', 'pending.json'));
  const nodes = await readRecords(join(stateDir, 'nodes', 'pending.json'));
  const requests = [
    ...pending.map((one) => toRequest(one, undefined)),
    ...nodes.map((one) => toRequest(one, 'node')),
  ];
  return { paired, waiting: groupWaiting(requests.flat(), nowMs) };
}

function toRequest(record: unknown, kind: RequestKind | undefined): Request[] {
  const { ts, refreshedAtMs, isRepair } = pendingRecord.parse(record);
  if (ts === undefined) return [];
  return [{ kind: kind ?? (isRepair ? 'repair' : 'device'), madeMs: ts, refreshedMs: refreshedAtMs ?? ts }];
}

/** The records of a file that is an object of them; none where it is not there. */
async function readRecords(path: string): Promise<readonly object[]> {
  const content = await readRegular(path, MAX_FILE_BYTES).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '{}';
    throw error;
  });
  const records = z.record(z.string(), z.unknown()).parse(parseJson(content));
  return Object.values(records).filter((one) => typeof one === 'object' && one !== null);
}

/** What has ended by itself is removed from the store only when the gateway next touches it. */
function groupWaiting(requests: readonly Request[], nowMs: number): Map<RequestKind, WaitingRequests> {
  const waiting = new Map<RequestKind, WaitingRequests>();
  for (const { kind, madeMs, refreshedMs } of requests) {
    if (!Number.isFinite(madeMs) || nowMs - refreshedMs > REQUEST_LIVES_MS) continue;
    const { count, oldestMs } = waiting.get(kind) ?? { count: 0, oldestMs: madeMs };
    waiting.set(kind, { count: count + 1, oldestMs: Math.min(oldestMs, madeMs) });
  }
  return waiting;
}
