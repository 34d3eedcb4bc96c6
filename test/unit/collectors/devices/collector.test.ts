import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { observeDevices } from '../../../../src/collectors/devices/collector.ts';
import { type DevicesReading, readDevices } from '../../../../src/collectors/devices/source/read.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const NOW = Date.UTC(2026, 10, 27);
const MINUTE = 60_000;
const SECRET = 'secret-that-stays-where-it-is';

/** The tables of 2026.9.6; those of 2026.7.35 have no `refreshed_at_ms`, and two for nodes. */
const PAIRED = `CREATE TABLE device_pairing_paired (device_id TEXT NOT NULL PRIMARY KEY, public_key TEXT NOT NULL,
  display_name TEXT, role TEXT, roles_json TEXT, tokens_json TEXT, created_at_ms INTEGER NOT NULL, approved_at_ms INTEGER NOT NULL)`;
const PENDING = `CREATE TABLE device_pairing_pending (request_id TEXT NOT NULL PRIMARY KEY, device_id TEXT NOT NULL,
  role TEXT, is_repair INTEGER, ts INTEGER NOT NULL, refreshed_at_ms INTEGER)`;
const NODES = `CREATE TABLE node_pairing_paired (node_id TEXT NOT NULL PRIMARY KEY, token TEXT NOT NULL);
  CREATE TABLE node_pairing_pending (request_id TEXT NOT NULL PRIMARY KEY, ts INTEGER NOT NULL)`;

function stateFolder(...statements: readonly string[]): string {
  const stateDir = tempFolder();
  mkdirSync(join(stateDir, 'state'));
  const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
  database.exec(statements.join(';'));
  database.close();
  return stateDir;
}

function write(stateDir: string, path: string, content: unknown): void {
  mkdirSync(dirname(join(stateDir, path)), { recursive: true });
  writeFileSync(join(stateDir, path), JSON.stringify(content));
}

const addDevice = (id: string, role: string | null, roles: string) =>
  `INSERT INTO device_pairing_paired VALUES ('${id}', '${SECRET}', '${SECRET}', ${role === null ? 'NULL' : `'${role}'`}, '${roles}', '{"operator":"${SECRET}"}', 1, 1)`;
const addRequest = (id: string, madeMs: number, refreshedMs: number | null, isRepair = 0) =>
  `INSERT INTO device_pairing_pending VALUES ('${id}', '${SECRET}', 'operator', ${isRepair}, ${madeMs}, ${refreshedMs})`;

function series(reading: DevicesReading): Record<string, number> {
  if (reading.state !== 'read') throw new Error(reading.reason);
  const observation = observeDevices(reading.devices, NOW);
  if (observation.kind !== 'seen') throw new Error(observation.reason);
  expect(JSON.stringify([reading, observation])).not.toContain(SECRET);
  return Object.fromEntries(
    observation.samples.map(({ family, labels, value }) => [
      `${family.name.replace('openclaw_gateway_', '')} ${Object.values(labels).join()}`,
      value,
    ]),
  );
}

describe('the devices of a gateway', () => {
  it('are none, and nobody waits, where none was ever paired', async () => {
    expect(series(await readDevices(tempFolder(), NOW))).toEqual({
      'devices operator': 0,
      'devices node': 0,
      'pairing_requests device': 0,
      'pairing_requests repair': 0,
      'pairing_requests node': 0,
    });
  });

  it('are counted by role in the database of 2026.9.6', async () => {
    const stateDir = stateFolder(
      PAIRED,
      PENDING,
      addDevice('a', 'operator', '["operator"]'),
      addDevice('b', 'operator', '[]'),
      addDevice('c', null, '["node"]'),
      addDevice('d', null, 'no JSON'),
    );
    expect(series(await readDevices(stateDir, NOW))).toMatchObject({
      'devices operator': 3,
      'devices node': 1,
    });
  });

  it('wait from their first request on, until five minutes after the last', async () => {
    const stateDir = stateFolder(
      PAIRED,
      PENDING,
      addRequest('waits', NOW - 90 * MINUTE, NOW - MINUTE),
      addRequest('new', NOW - 2 * MINUTE, null),
      addRequest('repair', NOW - 3 * MINUTE, null, 1),
      addRequest('ended', NOW - 6 * MINUTE, null),
    );
    expect(series(await readDevices(stateDir, NOW))).toMatchObject({
      'pairing_requests device': 2,
      'pairing_requests repair': 1,
      'pairing_request_oldest_seconds device': 90 * 60,
    });
  });

  it('include the nodes that 2026.7.35 keeps apart', async () => {
    const pending = PENDING.replace(', refreshed_at_ms INTEGER', '');
    const stateDir = stateFolder(
      PAIRED,
      pending,
      NODES,
      `INSERT INTO node_pairing_paired VALUES ('n', '${SECRET}')`,
      `INSERT INTO node_pairing_pending VALUES ('r', ${NOW - MINUTE})`,
    );
    expect(series(await readDevices(stateDir, NOW))).toMatchObject({
      'devices node': 1,
      'pairing_requests node': 1,
    });
  });

  it('are read from the files of 2026.5.7', async () => {
    const stateDir = tempFolder();
    write(stateDir, 'devices/paired.json', {
      a: { deviceId: 'a', publicKey: SECRET, role: 'operator', tokens: { operator: { token: SECRET } } },
      b: { deviceId: 'b', roles: ['node'] },
    });
    write(stateDir, 'devices/pending.json', {
      r: { requestId: 'r', ts: NOW - MINUTE, isRepair: true, displayName: SECRET },
      ended: { requestId: 'ended', ts: NOW - 10 * MINUTE },
    });
    expect(series(await readDevices(stateDir, NOW))).toMatchObject({
      'devices operator': 1,
      'devices node': 1,
      'pairing_requests device': 0,
      'pairing_requests repair': 1,
    });
  });

  it('are unknown where their record cannot be read', async () => {
    const stateDir = tempFolder();
    mkdirSync(join(stateDir, 'devices'));
    writeFileSync(join(stateDir, 'devices', 'paired.json'), '{"a":');
    expect(await readDevices(stateDir, NOW)).toMatchObject({ state: 'unreadable' });
  });

  it('are shown for at most fifty roles', () => {
    const paired = new Map(Array.from({ length: 70 }, (_, index) => [`role-${index}`, 1]));
    const observation = observeDevices({ paired, waiting: new Map() }, NOW);
    const roles = observation.kind === 'seen' ? observation.samples.map(({ labels }) => labels.role) : [];
    expect(new Set(roles.filter((role) => role !== undefined)).size).toBeLessThanOrEqual(51);
    expect(roles).toContain('_other');
  });

  it('that wait are a note, which names the command that lists them', () => {
    const waiting = new Map([['device' as const, { count: 1, oldestMs: NOW - 4 * MINUTE }]]);
    const { evidence } = observeDevices({ paired: new Map(), waiting }, NOW);
    expect(evidence).toMatchObject([{ layer: 'token', verdict: 'ok', note: true }]);
    expect(evidence[0]?.text).toContain('the oldest for 4 min; openclaw devices list');
  });
});
