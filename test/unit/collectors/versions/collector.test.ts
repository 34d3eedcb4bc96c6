import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { observeVersions, type VersionFacts } from '../../../../src/collectors/versions/collector.ts';
import { UpdateRunReader } from '../../../../src/collectors/versions/source/update-runs.ts';
import { findPackage, packageIn, readInstalledVersion } from '../../../../src/openclaw/package.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const NOW_MS = 1_795_818_000_000;
const NO_UPDATES: VersionFacts['updates'] = {
  state: 'read',
  value: { isRecorded: false, isRunning: false, last: undefined },
};
const SAME: VersionFacts = {
  installed: { state: 'read', version: '2026.9.6' },
  running: '2026.9.6',
  updates: NO_UPDATES,
  writtenBy: '2026.9.6',
  nowMs: NOW_MS,
};

function observe(facts: VersionFacts) {
  const observation = observeVersions(facts);
  if (observation.kind === 'blind') throw new Error(observation.reason);
  const values = observation.samples.map(({ family, value }) => [
    family.name.replace('openclaw_gateway_', ''),
    value,
  ]);
  return { values: Object.fromEntries(values), evidence: observation.evidence };
}

describe('the version of a gateway', () => {
  it('is the installed one after a restart, and another one before it', () => {
    expect(observe(SAME)).toMatchObject({ values: { version_skew: 0 }, evidence: [{ verdict: 'ok' }] });
    expect(observe({ ...SAME, running: '2026.9.5' })).toMatchObject({
      values: { version_skew: 1, installed_info: 1 },
      evidence: [
        { verdict: 'warning', fault: 'version-skew', text: expect.stringContaining('2026.9.5 runs') },
      ],
    });
  });

  it('is not compared where one of the two is unknown', () => {
    expect(observe({ ...SAME, running: undefined }).values).not.toHaveProperty('version_skew');
    const { values } = observe({ ...SAME, installed: { state: 'absent' } });
    expect(values).not.toHaveProperty('version_skew');
    expect(values).not.toHaveProperty('installed_info');
  });

  it('may not be older than the one that wrote the configuration', () => {
    const older: VersionFacts = { ...SAME, writtenBy: '2026.10.1' };
    expect(observe(older)).toMatchObject({
      values: { config_newer: 1 },
      evidence: [{ verdict: 'warning', fault: 'config-newer', repair: 'openclaw update' }],
    });
    expect(observe(SAME).values).toMatchObject({ config_newer: 0 });
    expect(observe({ ...SAME, writtenBy: undefined }).values).not.toHaveProperty('config_newer');
    expect(observe({ ...SAME, writtenBy: '2026.8.12' }).evidence).toMatchObject([{ verdict: 'ok' }]);
  });
});

describe('updates', () => {
  it('are none where 2026.9 has no record yet, and unknown where an older gateway keeps none', () => {
    const stateDir = tempFolder();
    mkdirSync(join(stateDir, 'state'));
    const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
    const values = () => observe({ ...SAME, updates: new UpdateRunReader(Date.now).read(stateDir) }).values;
    database.exec('CREATE TABLE cron_jobs (id)');
    expect(values()).not.toHaveProperty('update_running');
    database.exec('PRAGMA user_version = 15');
    expect(values()).not.toHaveProperty('update_running');
    database.exec('PRAGMA user_version = 18');
    expect(values()).toMatchObject({ update_running: 0 });
    database.close();
  });

  it('are running or failed as the record says, and a failure is shown for a day', () => {
    const stateDir = tempFolder();
    const store = updateStore(stateDir);
    const reader = new UpdateRunReader(() => NOW_MS);
    const seen = (nowMs = NOW_MS) => observe({ ...SAME, updates: reader.read(stateDir), nowMs });
    store.put('a', 'running', undefined);
    expect(seen()).toMatchObject({ values: { update_running: 1 } });
    store.put('a', 'rolled-back', NOW_MS);
    expect(seen()).toMatchObject({ values: { update_running: 0 } });
    expect(seen().evidence).toContainEqual(
      expect.objectContaining({ text: 'the last update was rolled back', fault: 'update-failed' }),
    );
    expect(seen(NOW_MS + 25 * 3_600_000).evidence).toMatchObject([{ verdict: 'ok' }]);
    expect(lastUpdateOf(reader.read(stateDir))).toEqual({ rolled_back: 1, at: NOW_MS / 1000 });
    store.put('b', 'exploded', NOW_MS);
    store.put('a', 'running', undefined);
    expect(lastUpdateOf(reader.read(stateDir))).toEqual({ other: 1, at: NOW_MS / 1000 });
    store.close();
  });
});

/** The status that is 1, and the time. */
function lastUpdateOf(updates: VersionFacts['updates']) {
  const observation = observeVersions({ ...SAME, updates });
  const samples = observation.kind === 'seen' ? observation.samples : [];
  return Object.fromEntries(
    samples.flatMap(({ family, labels, value }) => {
      if (family.name === 'openclaw_gateway_last_update_timestamp_seconds') return [['at', value]];
      const isStatus = family.name === 'openclaw_gateway_last_update_status' && value === 1;
      return isStatus ? [[labels.status, value]] : [];
    }),
  );
}

/** The columns of `update_runs` that are read, as 2026.9.6 names them. */
function updateStore(stateDir: string) {
  mkdirSync(join(stateDir, 'state'), { recursive: true });
  const database = new DatabaseSync(join(stateDir, 'state', 'openclaw.sqlite'));
  database.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE update_runs (run_id TEXT PRIMARY KEY, created_at_ms, status, finished_at_ms)',
  );
  return {
    put: (id: string, status: string, finishedMs: number | undefined) =>
      database
        .prepare('INSERT OR REPLACE INTO update_runs VALUES (?, ?, ?, ?)')
        .run(id, NOW_MS, status, finishedMs ?? null),
    close: () => database.close(),
  };
}

describe('the installed package', () => {
  it('is named by the arguments of a service, and of a worker of a gateway that renamed itself', () => {
    const root = '/usr/lib/node_modules/openclaw';
    for (const script of ['openclaw.mjs', 'dist/index.js', 'dist/process/spawn-broker/worker.js']) {
      expect(packageIn(['/usr/bin/node', `${root}/${script}`, 'gateway'])).toBe(root);
    }
    for (const argv of [
      ['openclaw-gateway'],
      ['node', 'dist/index.js'],
      ['/usr/bin/node', '/srv/app/dist/index.js'],
    ]) {
      expect(packageIn(argv)).toBeUndefined();
    }
  });

  it('is found on the search path where the process does not tell', async () => {
    const [root, bin] = [join(tempFolder(), 'openclaw'), tempFolder()];
    mkdirSync(root);
    writeFileSync(join(root, 'openclaw.mjs'), '');
    symlinkSync(join(root, 'openclaw.mjs'), join(bin, 'openclaw'));
    expect(await findPackage(undefined, `relative:/nowhere:${bin}`)).toBe(root);
    expect(await findPackage(undefined, undefined)).toBeUndefined();
  });

  it('has the version of its build, and none while a package manager replaces it', async () => {
    const root = tempFolder();
    expect(await readInstalledVersion(root)).toEqual({ state: 'absent' });
    mkdirSync(join(root, 'dist'));
    const write = (text: string) => writeFileSync(join(root, 'dist', 'build-info.json'), text);
    // As published in 2026.5.7.
    write(
      '{"version":"2026.5.7","commit":"eeef4864494f859838fec1586bedbab1f8fa5702","builtAt":"2026-05-07T20:20:27.123Z"}',
    );
    expect(await readInstalledVersion(root)).toEqual({ state: 'read', version: '2026.5.7' });
    write('half a fi');
    expect(await readInstalledVersion(root)).toMatchObject({ state: 'unreadable' });
  });
});
