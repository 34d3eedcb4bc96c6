import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { SqliteStore } from '../support/cron-store.ts';
import { Exporter } from '../support/exporter.ts';
import { newToken } from '../support/openclaw.ts';
import { StandInPlace } from '../support/status-world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SECOND = { interval: '1s' };
const PROVIDER = 'acme';
/** Begins every secret that is planted. */
const MARK = 'planted-secret';
/** Programs that the exporter starts; each notes its arguments and environment, and fails. */
const CHILDREN = ['systemctl', 'ssh', 'tailscale', 'timedatectl', 'chronyc', 'ntpq', 'openclaw'];
const COLLECTORS = ['cron', 'boots', 'channels', 'credentials', 'versions', 'devices', 'deliveries', 'disk'];

let planted = 0;
/** A value that no other column has. */
function plant(): string {
  planted += 1;
  return `${MARK}-${planted}`;
}

/** A stored login with a secret in every field that may hold one. */
function profile(type: string) {
  const fields = ['key', 'token', 'access', 'refresh', 'idToken', 'email', 'keyRef', 'tokenRef', 'accountId'];
  const secrets = fields.map((name) => [name, plant()] as const);
  return {
    type,
    provider: PROVIDER,
    expires: 1,
    ...Object.fromEntries(secrets),
    metadata: { note: plant() },
  };
}

function profiles() {
  return Object.fromEntries(
    ['api_key', 'token', 'oauth'].map((type) => [`${PROVIDER}:${plant()}@example.com`, profile(type)]),
  );
}

function usage(keys: readonly string[]) {
  const use = { cooldownUntil: Date.now() + 3_600_000, cooldownReason: plant(), lastError: plant() };
  return Object.fromEntries(keys.map((key) => [key, use]));
}

/** A table of these columns and one row, as the gateway of 2026.9.6 names them. */
function put(
  database: DatabaseSync,
  table: string,
  row: Readonly<Record<string, string | number | null>>,
): void {
  const names = Object.keys(row).join(', ');
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (${names})`);
  const marks = Object.keys(row).map(() => '?');
  database.prepare(`INSERT INTO ${table} VALUES (${marks.join(', ')})`).run(...Object.values(row));
}

function writeStores(stateDir: string): void {
  const now = Date.now();
  const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
  const shared = profiles();
  const store = { state_key: 'authProfiles.store', value_json: JSON.stringify({ profiles: shared }) };
  put(database, 'config_machine_state', store);
  const state = { usageStats: usage(Object.keys(shared)) };
  put(database, 'config_machine_state', {
    state_key: 'authProfiles.state',
    value_json: JSON.stringify(state),
  });
  put(database, 'config_machine_state', {
    state_key: 'auth.sharedStore',
    value_json: JSON.stringify(plant()),
  });
  put(database, 'gateway_boot_lifecycle', {
    boot_id: 'boot-1',
    pid: 1,
    started_at_ms: now,
    completed_at_ms: now,
    outcome: 'startup_failed',
    startup_reason: null,
    reason: plant(),
  });
  put(database, 'gateway_restart_intent', {
    intent_key: 'gateway-restart',
    kind: 'restart',
    pid: 1,
    created_at: now,
    reason: plant(),
  });
  put(database, 'update_runs', {
    run_id: plant(),
    created_at_ms: now,
    status: 'failed',
    finished_at_ms: now,
    reason: plant(),
    origin_json: plant(),
    steps_json: plant(),
  });
  put(database, 'device_pairing_paired', {
    device_id: plant(),
    public_key: plant(),
    display_name: plant(),
    role: 'operator',
    roles_json: '["operator"]',
    tokens_json: JSON.stringify({ operator: { role: 'operator', token: plant() } }),
    created_at_ms: now,
    approved_at_ms: now,
  });
  put(database, 'device_pairing_pending', {
    request_id: plant(),
    device_id: plant(),
    role: 'operator',
    is_repair: 0,
    ts: now - 60_000,
    refreshed_at_ms: now,
  });
  put(database, 'node_pairing_paired', { node_id: plant(), token: plant() });
  put(database, 'node_pairing_pending', { request_id: plant(), ts: now });
  for (const status of ['pending', 'failed']) {
    put(database, 'delivery_queue_entries', {
      queue_name: 'outbound',
      id: plant(),
      status,
      channel: 'telegram',
      target: plant(),
      last_error: plant(),
      entry_json: plant(),
      enqueued_at: now - 7_200_000,
      updated_at: now,
      failed_at: status === 'failed' ? now : null,
    });
  }
  put(database, 'channel_ingress_events', {
    queue_name: 'inbound',
    event_id: plant(),
    channel_id: 'telegram',
    account_id: plant(),
    status: 'pending',
    lane_key: plant(),
    payload_json: plant(),
    received_at: now - 7_200_000,
    claimed_at: null,
    attempts: 9,
    last_error: plant(),
  });
  database.close();
}

function writeAgents(stateDir: string): void {
  const inDatabase = join(stateDir, 'agents', 'main', 'agent');
  mkdirSync(inDatabase, { recursive: true });
  const database = new DatabaseSync(join(inDatabase, 'openclaw-agent.sqlite'));
  const own = profiles();
  put(database, 'auth_profile_store', {
    store_key: 'primary',
    store_json: JSON.stringify({ profiles: own }),
  });
  const state = { usageStats: usage(Object.keys(own)) };
  put(database, 'auth_profile_state', { state_key: 'primary', state_json: JSON.stringify(state) });
  database.close();
  const inFiles = join(stateDir, 'agents', 'older', 'agent');
  mkdirSync(inFiles, { recursive: true });
  const older = profiles();
  writeFileSync(join(inFiles, 'auth-profiles.json'), JSON.stringify({ profiles: older }));
  writeFileSync(join(inFiles, 'auth-state.json'), JSON.stringify({ usageStats: usage(Object.keys(older)) }));
}

/** Secrets of channels and providers in openclaw.json, beside the gateway's own token. */
function writeConfig(stateDir: string): void {
  const path = join(stateDir, 'openclaw.json');
  const config: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const channels = { telegram: { enabled: true, botToken: plant() }, discord: { token: plant() } };
  const models = {
    providers: { [PROVIDER]: { baseUrl: 'http://127.0.0.1:9', apiKey: plant(), models: [] } },
  };
  const agents = { defaults: { model: `${PROVIDER}/m1` } };
  writeFileSync(path, JSON.stringify({ ...Object(config), channels, models, agents }));
}

/** A folder with a program for each name; what they are started with stands in the returned file. */
function writeChildren(): { readonly bin: string; readonly noted: string } {
  const bin = mkdtempSync(join(tmpdir(), 'openclaw-exporter-bin-'));
  const noted = join(bin, 'noted');
  writeFileSync(noted, '');
  for (const name of CHILDREN) {
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\necho "${name} $*" >> ${noted}\n/usr/bin/env >> ${noted}\nexit 1\n`,
    );
    chmodSync(join(bin, name), 0o755);
  }
  return { bin, noted };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('secrets planted in every column and file of a gateway that may hold one', () => {
  const token = newToken();
  let place: StandInPlace;
  let gateway: Child;
  let exporter: Exporter;
  let children: ReturnType<typeof writeChildren>;

  const runCheck = (...args: readonly string[]) =>
    new Promise<string>((resolve) => {
      const env = { ...place.env, PATH: children.bin };
      const words = [
        join(ROOT, 'src', 'launch.js'),
        'check',
        `--config.file=${exporter.configFile}`,
        ...args,
      ];
      const own = [
        '--disable-warning=ExperimentalWarning',
        ...words,
        `--storage.path=${exporter.storagePath}`,
      ];
      execFile(process.execPath, own, { env }, (_, stdout, stderr) => resolve(stdout + stderr));
    });

  beforeAll(async () => {
    place = await StandInPlace.create();
    place.configure(token);
    const store = new SqliteStore(place.stateDir);
    const lastError = `HTTP 401 for ${token}, see https://u:${plant()}@api.example.com/v1?key=${plant()}`;
    const state = {
      lastRunAtMs: Date.now() - 30_000,
      lastRunStatus: 'error',
      lastErrorReason: 'auth',
      lastError,
    };
    const job = {
      schedule: { kind: 'every', everyMs: 60_000 },
      payload: { kind: 'agentTurn', message: plant() },
    };
    store.putJob('job-1', 'backup', { job, state });
    const runAtMs = state.lastRunAtMs;
    store.addRun({ jobId: 'job-1', runAtMs, finishedAtMs: runAtMs + 100, status: 'error' });
    writeStores(place.stateDir);
    writeAgents(place.stateDir);
    writeConfig(place.stateDir);
    children = writeChildren();
    gateway = await place.startReady();
    const host = { name: 'studio', target: 'me@127.0.0.1', port: 9 };
    exporter = await Exporter.start({
      env: { ...place.env, PATH: children.bin },
      config: {
        cron: { publish_delay: '0s' },
        ssh: { hosts: [host] },
        collectors: Object.fromEntries(COLLECTORS.map((name) => [name, SECOND])),
      },
    });
  });

  afterAll(async () => {
    await exporter?.stop();
    exporter?.remove();
    await gateway?.end('SIGKILL');
    place?.remove();
    rmSync(children.bin, { recursive: true, force: true });
  });

  it('stand in no log, page, file, sample or argument, though all that is about them is shown', async () => {
    const series = await exporter.untilMetrics('the work of every collector', (all) => {
      const names = new Set(all.map(({ name }) => name));
      return [
        'openclaw_provider_credential_cooldown',
        'openclaw_provider_credential_refresh_failed',
        'openclaw_channel_state',
        'openclaw_gateway_boots_total',
        'openclaw_gateway_restart_pending',
        'openclaw_gateway_last_update_status',
        'openclaw_gateway_devices',
        'openclaw_gateway_pairing_requests',
        'openclaw_delivery_queue_entries',
        'openclaw_ingress_pressured_lanes',
        'openclaw_cron_last_error_info',
        'openclaw_state_bytes',
      ].every((name) => names.has(name));
    });
    const pages = await Promise.all(
      [
        '/',
        '/metrics',
        '/history.json',
        '/runbooks/OpenClawModelAccess',
        '/probe?target=x&module=gateway',
      ].map(async (path) => [path, await (await fetch(exporter.url(path))).text()] as const),
    );
    const seen = new Map<string, string>([
      ...pages,
      ['series', JSON.stringify(series)],
      ['log', exporter.child.output],
      ['check', await runCheck()],
      ['check --json', await runCheck('--json')],
      ['children', readFileSync(children.noted, 'utf8')],
      ...filesBelow(exporter.storagePath).map((path) => [path, readFileSync(path, 'latin1')] as const),
    ]);
    const leaking = [...seen].filter(([, text]) => text.includes(MARK) || text.includes(token));
    expect(leaking.map(([what]) => what)).toEqual([]);
    expect(seen.get('check')).toContain(PROVIDER);
    expect(seen.get('children')).toContain('ssh ');
    expect(planted).toBeGreaterThan(50);
  });
});
