import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { observeCredentials } from '../../../../src/collectors/credentials/collector.ts';
import { CredentialStores } from '../../../../src/collectors/credentials/source/stores.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** What 2026.9.6 wrote after a provider had answered 401 to a run; the key was this one. */
const SECRET = 'sk-planted-secret-1';
const RECORDED = {
  store: `{"version":1,"profiles":{"labai:manual":{"type":"api_key","provider":"labai","key":"${SECRET}"}}}`,
  state:
    '{"version":1,"usageStats":{"labai:manual":{"cooldownUntil":1795818312350,"cooldownReason":"auth","errorCount":1,"failureCounts":{"auth":1},"lastFailureAt":1795818282350}}}',
};
/** What 2026.5.7 wrote to `auth-state.json` after a 402. */
const RECORDED_2026_5 =
  '{"version":1,"usageStats":{"labai:manual":{"errorCount":1,"failureCounts":{"billing":1},"lastFailureAt":1795818738861,"disabledUntil":1795836738861,"disabledReason":"billing"}}}';
const FAILED_AT_MS = 1_795_818_282_350;
const COOLDOWN_MS = 30_000;
const HOUR_MS = 3_600_000;

type Tables = Readonly<Record<string, readonly (readonly [string, string])[]>>;

/** Tables as OpenClaw declares them, a key and JSON each; only the columns that are read. */
function writeDatabase(path: string, tables: Tables): void {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  for (const [head, rows] of Object.entries(tables)) {
    const [table = '', columns = ''] = head.split(' ');
    database.exec(`CREATE TABLE IF NOT EXISTS ${table} (${columns})`);
    for (const row of rows) database.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?, ?)`).run(...row);
  }
  database.close();
}

const MACHINE_STATE = 'config_machine_state state_key,value_json';
const AGENT_STORE = 'auth_profile_store store_key,store_json';
const AGENT_STATE = 'auth_profile_state state_key,state_json';

function writeShared(stateDir: string, { store, state } = RECORDED): void {
  writeDatabase(join(stateDir, 'state', 'openclaw.sqlite'), {
    [MACHINE_STATE]: [
      ['authProfiles.store', store],
      ['authProfiles.state', state],
    ],
  });
}

function writeAgent(stateDir: string, profiles: object, usageStats: object = {}): void {
  writeDatabase(join(stateDir, 'agents', 'main', 'agent', 'openclaw-agent.sqlite'), {
    [AGENT_STORE]: [['primary', JSON.stringify({ version: 1, profiles })]],
    [AGENT_STATE]: [['primary', JSON.stringify({ version: 1, usageStats })]],
  });
}

function observe(stateDir: string, nowMs = FAILED_AT_MS) {
  const observation = observeCredentials(new CredentialStores(() => nowMs).read(stateDir), nowMs);
  if (observation.kind === 'blind') throw new Error(observation.reason);
  const samples = observation.samples.map(({ family, labels, value }) => ({
    name: family.name.replace('openclaw_provider_credential_', ''),
    labels,
    value,
  }));
  return { samples, evidence: observation.evidence };
}

describe('credentials for model providers', () => {
  it('are in cooldown as 2026.9.6 recorded it after a 401, and no longer when that time is over', () => {
    const stateDir = tempFolder();
    writeShared(stateDir);
    const labai = { name: 'cooldown', labels: { provider: 'labai', kind: 'api_key' } };
    expect(observe(stateDir)).toMatchObject({
      samples: [{ ...labai, value: 1 }],
      evidence: [
        { verdict: 'warning', fault: 'credential-cooldown', text: expect.stringContaining('(auth)') },
      ],
    });
    expect(observe(stateDir, FAILED_AT_MS + COOLDOWN_MS + 1)).toMatchObject({
      samples: [{ ...labai, value: 0 }],
      evidence: [{ verdict: 'ok' }],
    });
  });

  it('are those of the agents and the shared ones, each with what any place says of its use', () => {
    const stateDir = tempFolder();
    writeShared(stateDir, { ...RECORDED, state: '{}' });
    const disabledUntil = FAILED_AT_MS + HOUR_MS;
    const usage = { 'labai:manual': { disabledUntil, disabledReason: 'billing' } };
    writeAgent(stateDir, { 'other:a': { type: 'token', provider: 'other', token: SECRET } }, usage);
    expect(observe(stateDir).samples).toEqual([
      { name: 'cooldown', labels: { provider: 'labai', kind: 'api_key' }, value: 1 },
      { name: 'cooldown', labels: { provider: 'other', kind: 'token' }, value: 0 },
    ]);
  });

  it('show an expiry only where nothing refreshes them', () => {
    const stateDir = tempFolder();
    const expires = FAILED_AT_MS - HOUR_MS;
    writeAgent(stateDir, {
      'a:x': { type: 'oauth', provider: 'refreshed', access: SECRET, refresh: SECRET, expires },
      'b:x': { type: 'oauth', provider: 'unrefreshed', access: SECRET, expires },
      'c:x': { type: 'token', provider: 'pasted', token: SECRET, expires: FAILED_AT_MS + HOUR_MS },
    });
    const { samples, evidence } = observe(stateDir);
    const ends = samples.filter(({ name }) => name === 'expiry_timestamp_seconds');
    expect(ends).toMatchObject([
      { labels: { provider: 'unrefreshed' }, value: expires / 1000 },
      { labels: { provider: 'pasted' }, value: (FAILED_AT_MS + HOUR_MS) / 1000 },
    ]);
    expect(evidence.filter(({ fault }) => fault === 'credential-expiry')).toHaveLength(ends.length);
  });

  it('whose refresh failed have no expiry, but have to be entered anew', () => {
    const stateDir = tempFolder();
    writeAgent(stateDir, {
      'a:x': { type: 'oauth', provider: 'refreshed', access: SECRET, refresh: SECRET, expires: FAILED_AT_MS },
      'd:x': { type: 'oauth', provider: 'broken', access: SECRET, refresh: SECRET, expires: 1 },
    });
    const { samples, evidence } = observe(stateDir);
    expect(samples.filter(({ name }) => name === 'expiry_timestamp_seconds')).toEqual([]);
    expect(samples.filter(({ name }) => name === 'refresh_failed')).toEqual([
      { name: 'refresh_failed', labels: { provider: 'refreshed' }, value: 0 },
      { name: 'refresh_failed', labels: { provider: 'broken' }, value: 1 },
    ]);
    expect(evidence).toContainEqual(
      expect.objectContaining({
        verdict: 'warning',
        fault: 'credential-refresh',
        subject: 'provider broken',
      }),
    );
  });

  it('are disabled as 2026.5.7 recorded it in its files after a 402', () => {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'agents', 'main', 'agent');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'auth-profiles.json'), RECORDED.store);
    writeFileSync(join(folder, 'auth-state.json'), RECORDED_2026_5);
    expect(observe(stateDir)).toMatchObject({
      samples: [{ name: 'cooldown', labels: { provider: 'labai', kind: 'api_key' }, value: 1 }],
      evidence: [{ fault: 'credential-cooldown', text: expect.stringContaining('(billing)') }],
    });
  });

  it('are absent without a fault where nothing is stored, and unknown where the store is damaged', () => {
    const stateDir = tempFolder();
    expect(observe(stateDir)).toEqual({ samples: [], evidence: [] });
    mkdirSync(join(stateDir, 'state'));
    writeFileSync(join(stateDir, 'state', 'openclaw.sqlite'), 'this is no database');
    const outcome = new CredentialStores(Date.now).read(stateDir);
    expect(observeCredentials(outcome, 0)).toMatchObject({ samples: [], evidence: [{ verdict: 'unknown' }] });
  });

  it('have at most 50 providers, the others are one series', () => {
    const stateDir = tempFolder();
    const names = Array.from({ length: 60 }, (_, index) => `provider-${index}`);
    writeAgent(
      stateDir,
      Object.fromEntries(names.map((provider) => [`${provider}:a`, { type: 'api_key', provider }])),
    );
    const providers = new Set(observe(stateDir).samples.map(({ labels }) => labels['provider']));
    expect(providers.size).toBe(51);
    expect(providers).toContain('_other');
  });

  it('give nothing away: no value of a stored credential is in a sample, a text or a reason', () => {
    const field = fc.constantFrom('key', 'token', 'access', 'refresh', 'idToken', 'email', 'keyRef');
    const secret = fc.stringMatching(/^planted-[a-z0-9]{12}$/);
    fc.assert(
      fc.property(fc.dictionary(field, secret, { minKeys: 1 }), secret, (fields, name) => {
        const stateDir = tempFolder();
        const profile = { type: 'oauth', provider: 'openai', expires: 1, ...fields };
        writeShared(stateDir, {
          store: JSON.stringify({ profiles: { [`openai:${name}@example.com`]: profile } }),
          state: JSON.stringify({ usageStats: { [`openai:${name}@example.com`]: { cooldownReason: name } } }),
        });
        expect(JSON.stringify(observe(stateDir))).not.toContain('planted-');
        expect(JSON.stringify(new CredentialStores(Date.now).read(stateDir))).not.toContain('planted-');
      }),
      { numRuns: 20 },
    );
  });
});
