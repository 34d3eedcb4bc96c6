import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CronHarness } from '../../../../support/cron-harness.ts';
import { FilesStore, listing, RunLogStore, SqliteStore } from '../../../../support/cron-store.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const NOBODY = 65_534;
const CONFIG = 'cron: { publish_delay: 0s }';

function world(config = CONFIG) {
  const root = tempFolder();
  // So that another user reaches what it may read.
  chmodSync(root, 0o755);
  const stateDir = join(root, 'openclaw');
  mkdirSync(stateDir);
  const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage'), config });
  onTestFinished(() => harness.kill());
  const run = (jobId: string, status: 'ok' | 'error' = 'ok') => {
    const runAtMs = harness.clock.now();
    return { jobId, runAtMs, finishedAtMs: runAtMs + 5, status };
  };
  return { root, stateDir, harness, run };
}

/** A gateway's folder with a database of its age and one job in it. */
function withStore<S extends SqliteStore | RunLogStore>(Store: new (stateDir: string) => S) {
  const here = world();
  const store = new Store(here.stateDir);
  onTestFinished(() => store.stop());
  store.putJob('job-1', 'first');
  return { ...here, store };
}

const withDatabase = () => withStore(SqliteStore);
const withRunLogs = () => withStore(RunLogStore);

/** Runs until a new job's counters are out of the publishing delay. */
async function known(harness: CronHarness) {
  await harness.see();
  await harness.clock.advance(1_000);
  return harness.see();
}

/** How SQLite goes about each query over a history that `look` makes. */
async function plansOf(path: string, look: () => Promise<unknown>): Promise<string[]> {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
  await look();
  const queries = prepare.mock.calls.map(([sql]) => sql).filter((sql) => /rowid > \?|= 'ok'/.test(sql));
  prepare.mockRestore();
  const database = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => database.close());
  return queries.map((sql) => {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    return plan.map(({ detail }) => String(detail)).join('; ');
  });
}

const BY_PLACE = expect.stringMatching(/SEARCH \w+ USING INTEGER PRIMARY KEY \(rowid>\?\)/);

describe('the database of 2026.6 and 2026.7', () => {
  it('tells each finished run once, as it ended and whether its message arrived', async () => {
    const { harness, store, run } = withRunLogs();
    await known(harness);
    for (const status of ['ok', 'error', 'skipped', 'interrupted'] as const) {
      await harness.clock.advance(1_000);
      store.addRun({ ...run('job-1'), status, deliveryFailed: status === 'ok' });
    }
    for (const look of [await harness.see(), await harness.see()]) {
      for (const status of ['ok', 'error', 'skipped', 'interrupted'])
        expect(look.runs('job-1', status)).toBe(1);
      expect(look.value('openclaw_cron_delivery_failures_total', { cron_job_id: 'job-1' })).toBe(1);
      expect(look.source('sqlite')).toBe(1);
      // Its tasks are as that age has them: nobody has to hear of columns that came later.
      expect(look.evidence).not.toContain('lacks');
    }
  });

  it('counts nothing of what was there before, and knows the last success of it', async () => {
    const { harness, store, run } = withRunLogs();
    const success = run('job-1');
    store.addRun(success);
    const failed = {
      ...run('job-1', 'error'),
      runAtMs: success.runAtMs + 10,
      finishedAtMs: success.runAtMs + 20,
    };
    store.addRun(failed);
    store.putJob('job-1', 'first', { state: { lastRunAtMs: failed.runAtMs, lastRunStatus: 'error' } });
    await harness.clock.advance(60_000);
    const look = await known(harness);
    expect([look.runs('job-1', 'ok'), look.runs('job-1', 'error')]).toEqual([0, 0]);
    expect(look.value('openclaw_cron_last_success_timestamp_seconds', { cron_job_id: 'job-1' })).toBe(
      success.runAtMs / 1000,
    );
  });

  it('leaves out rows that are no runs, counts a status it does not know as other, and says how many it left', async () => {
    const { harness, store, run } = withRunLogs();
    await known(harness);
    for (const [column, value] of [
      ['ts', "'yesterday'"],
      ['ts', '-1'],
      ['job_id', "x'00ff'"],
      ['status', "'paused'"],
      ['run_at_ms', "'soon'"],
      ['error', `'${'long '.repeat(1000)}'`],
    ]) {
      await harness.clock.advance(1_000);
      store.addRun(run('job-1', 'error'));
      store.exec(
        `UPDATE cron_run_logs SET ${column} = ${value} WHERE rowid = (SELECT max(rowid) FROM cron_run_logs)`,
      );
    }
    const look = await harness.see();
    expect([look.runs('job-1', 'other'), look.runs('job-1', 'error')]).toEqual([1, 2]);
    expect(look.evidence).toContain('3 rows could not be understood');
  });

  it('is searched by place, and at the first look by an index: never all that is stored', async () => {
    const { harness, store, run } = withRunLogs();
    store.putJob('job-1', 'first', { state: { lastRunAtMs: 1, lastRunStatus: 'error' } });
    const first = await plansOf(store.path, () => harness.see());
    expect(first).toHaveLength(2);
    for (const plan of first) expect(plan).toMatch(/^SEARCH cron_run_logs USING INDEX/);
    await harness.clock.advance(1_000);
    store.addRun(run('job-1'));
    expect(await plansOf(store.path, () => harness.see())).toEqual([BY_PLACE]);
  });
});

describe('the database of 2026.8 and later', () => {
  it('is searched by place for what is new, never by an index over all that is stored', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    store.addRun(run('job-1'));
    await harness.clock.advance(1_000);
    expect(await plansOf(store.path, () => harness.see())).toEqual([BY_PLACE, BY_PLACE]);
  });

  it.each([
    ['corrupt', (path: string) => truncateSync(path, statSync(path).size - 8192)],
    [
      'overwritten by something else',
      (path: string) => writeFileSync(path, 'no database at all '.repeat(100)),
    ],
    ['of another program', (path: string) => foreignDatabase(path)],
    ['a folder', (path: string) => folderInPlaceOf(path)],
    ['empty', (path: string) => writeFileSync(path, '')],
  ])('is told unreadable when it is %s, while the other sources go on', async (_, damage) => {
    const { harness, store, stateDir, run } = withDatabase();
    // After a downgrade, which leaves a database beside the files that are in use.
    const config = { meta: { lastTouchedVersion: '2026.5.7' } };
    writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(config));
    const files = new FilesStore(stateDir);
    files.putJob('job-2', 'second');
    expect((await known(harness)).source('sqlite')).toBe(1);
    store.stop();
    damage(store.path);
    files.addRun(run('job-2'));
    const look = await harness.see();
    expect(look.source('sqlite')).toBe(0);
    expect(look.source('jsonl')).toBe(1);
    expect(look.runs('job-2', 'ok')).toBe(1);
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'job-1' })).toBeUndefined();
    expect(look.runs('job-1', 'ok')).toBe(0);
    expect(look.evidence).toContain('source sqlite: unreadable');
  });

  it('is told unreadable to a user without the right to read it, and comes back with it', async () => {
    const { harness, store, stateDir } = withDatabase();
    store.stop();
    chmodSync(store.path, 0o600);
    chmodSync(stateDir, 0o755);
    expect(sourceAsNobody(stateDir)).toMatchObject({ state: 'unreadable' });
    expect((await harness.see()).source('sqlite')).toBe(1);
    chmodSync(store.path, 0o644);
    expect(sourceAsNobody(stateDir)).toMatchObject({ state: 'read', jobs: ['job-1'] });
  });

  it('is not there, and says nothing, beside a gateway that never had it', async () => {
    const { harness, stateDir } = world();
    new FilesStore(stateDir);
    expect((await harness.see()).source('sqlite')).toBeUndefined();
  });

  it('is told lost when it was there and its folder vanished', async () => {
    const { harness, store, stateDir } = withDatabase();
    await harness.see();
    store.stop();
    rmSync(join(stateDir, 'state'), { recursive: true });
    const look = await harness.see();
    expect(look.source('sqlite')).toBe(0);
    expect(look.runs('job-1', 'ok')).toBe(0);
  });

  it.each([
    ['while the gateway writes', () => undefined],
    ['closed cleanly, without -wal and -shm', (store: SqliteStore) => store.stop()],
    ['left by a killed gateway', (store: SqliteStore, dir: string) => leaveAsKilled(store, dir)],
  ])('is read and nothing in its folder changes, %s', async (_, leave) => {
    const { harness, store, stateDir, run } = withDatabase();
    await harness.see();
    await harness.clock.advance(1_000);
    store.addRun(run('job-1', 'error'));
    leave(store, stateDir);
    const before = listing(stateDir);
    const look = await harness.see();
    expect(look.runs('job-1', 'error')).toBe(1);
    expect(await harness.see()).toBeDefined();
    expect(listing(stateDir)).toEqual(before);
  });

  it('is read from a folder that must not be written', async () => {
    const { store, stateDir, run } = withDatabase();
    store.addRun(run('job-1'));
    store.stop();
    for (const path of [stateDir, join(stateDir, 'state')]) chmodSync(path, 0o555);
    chmodSync(store.path, 0o444);
    const before = listing(stateDir);
    expect(sourceAsNobody(stateDir)).toMatchObject({ state: 'read', runs: 1, jobs: ['job-1'] });
    expect(listing(stateDir)).toEqual(before);
    for (const path of [stateDir, join(stateDir, 'state')]) chmodSync(path, 0o755);
  });

  it('is not recovered by the exporter when -shm is missing: that would write', async () => {
    const { harness, store, stateDir } = withDatabase();
    leaveAsKilled(store, stateDir);
    rmSync(`${store.path}-shm`);
    const before = listing(stateDir);
    expect((await harness.see()).source('sqlite')).toBe(0);
    expect(listing(stateDir)).toEqual(before);
  });

  it('is read by its columns when its schema is newer', async () => {
    const { harness, store, run } = withDatabase();
    store.exec('PRAGMA user_version = 99; ALTER TABLE cron_jobs ADD COLUMN novelty TEXT');
    await known(harness);
    store.addRun(run('job-1'));
    const look = await harness.see();
    expect(look.runs('job-1', 'ok')).toBe(1);
    expect(look.evidence).toContain('schema version 99');
  });

  it.each([
    ['its jobs', ['cron_jobs RENAME COLUMN state_json TO state'], 'cron_jobs lacks state_json'],
    [
      'both histories',
      ['task_runs RENAME COLUMN ended_at TO ended', 'cron_run_receipts RENAME COLUMN status TO outcome'],
      'cron_run_receipts lacks status; task_runs lacks ended_at',
    ],
  ])(
    'is told unreadable, and by which column, where a newer gateway writes %s otherwise',
    async (_, changes, reason) => {
      const { harness, store } = withDatabase();
      await known(harness);
      for (const change of changes) store.exec(`ALTER TABLE ${change}`);
      const look = await harness.see();
      expect(look.source('sqlite')).toBe(0);
      expect(look.evidence).toContain(reason);
    },
  );

  it('is read from the history that is left where a newer gateway writes the other otherwise, and says so', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    store.addRun({ ...run('job-1'), tables: 'receipt' });
    store.exec('ALTER TABLE task_runs RENAME COLUMN status TO outcome');
    const look = await harness.see();
    expect(look.runs('job-1', 'ok')).toBe(1);
    expect(look.evidence).toContain('task_runs lacks status: what stands only there is not counted');
  });

  it('gives its jobs even when some JSON in it is broken', async () => {
    const { harness, store } = withDatabase();
    store.putJob('job-2', 'second');
    store.exec("UPDATE cron_jobs SET job_json = '{broken', state_json = '[]' WHERE job_id = 'job-2'");
    const look = await harness.see();
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'job-2' })).toBe(1);
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'job-1' })).toBe(1);
  });

  it('counts a run once that finishes between two looks and stands in both tables', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    const started = run('job-1');
    const receipt = store.begin('job-1', started.runAtMs);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(0);
    store.finish(receipt, { ...started, deliveryFailed: true });
    for (const look of [await harness.see(), await harness.see()]) {
      expect(look.runs('job-1', 'ok')).toBe(1);
      expect(look.value('openclaw_cron_delivery_failures_total', { cron_job_id: 'job-1' })).toBe(1);
    }
  });

  it('takes the status from the receipt, and the delivery from the task even when it comes later', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    const one = { ...run('job-1'), status: 'interrupted' as const };
    store.addRun({ ...one, tables: 'receipt' });
    expect((await harness.see()).runs('job-1', 'interrupted')).toBe(1);
    store.addRun({ ...one, tables: 'task', deliveryFailed: true });
    const look = await harness.see();
    expect(look.runs('job-1', 'interrupted')).toBe(1);
    expect(look.runs('job-1', 'error')).toBe(0);
    expect(look.value('openclaw_cron_delivery_failures_total', { cron_job_id: 'job-1' })).toBe(1);
  });

  it('counts nothing when its history is pruned to nothing', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    for (let index = 0; index < 40; index += 1) {
      await harness.clock.advance(10);
      store.addRun(run('job-1'));
    }
    expect((await harness.see()).runs('job-1', 'ok')).toBe(40);
    store.pruneReceipts(0);
    store.pruneTasks(0);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(40);
    await harness.kill();
    expect((await harness.see()).runs('job-1', 'ok')).toBe(40);
  });

  it('counts nothing twice after VACUUM, a restored copy, or tables made anew', async () => {
    const { harness, store, stateDir, run } = withDatabase();
    await known(harness);
    for (let index = 0; index < 40; index += 1) {
      await harness.clock.advance(10);
      store.addRun(run('job-1'));
    }
    await harness.see();
    store.stop();
    copyFileSync(store.path, join(stateDir, 'copy'));
    store.start();
    store.exec(
      'CREATE TABLE again AS SELECT * FROM task_runs ORDER BY task_id; DELETE FROM task_runs; INSERT INTO task_runs SELECT * FROM again; DROP TABLE again; VACUUM',
    );
    expect((await harness.see()).runs('job-1', 'ok')).toBe(40);
    await harness.clock.advance(10);
    store.addRun(run('job-1'));
    expect((await harness.see()).runs('job-1', 'ok')).toBe(41);
    store.stop();
    renameSync(join(stateDir, 'copy'), store.path);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(41);
  });
});

describe('the files of before 2026.6', () => {
  function withFiles() {
    const here = world();
    const store = new FilesStore(here.stateDir);
    store.putJob('job-1', 'first');
    return { ...here, store };
  }

  it('count a line only once it is complete', async () => {
    const { harness, store, run } = withFiles();
    await known(harness);
    const { runAtMs } = run('job-1');
    const line = JSON.stringify({ ts: runAtMs, jobId: 'job-1', action: 'finished', status: 'ok', runAtMs });
    store.append('job-1', line.slice(0, 20));
    expect((await harness.see()).runs('job-1', 'ok')).toBe(0);
    store.append('job-1', `${line.slice(20)}\n`);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(1);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(1);
  });

  it('are read past lines that are broken, huge or not text', async () => {
    const { harness, store, run } = withFiles();
    await known(harness);
    store.append('job-1', `{"half\n${'x'.repeat(5 * 1024 * 1024)}\n\u0000\u0000\n{"action":"started"}\n\n`);
    store.addRun(run('job-1'));
    const look = await harness.see();
    expect(look.runs('job-1', 'ok')).toBe(1);
    expect(look.evidence).toContain('3 lines of the run files could not be understood');
  });

  it('are told unreadable when jobs.json is half a file, and no job is taken for removed', async () => {
    const { harness, store } = withFiles();
    await harness.see();
    writeFileSync(join(store.folder, 'jobs.json'), '{"version":1,"jo');
    const look = await harness.see();
    expect(look.source('jsonl')).toBe(0);
    expect(look.runs('job-1', 'ok')).toBe(0);
    store.putJob('job-1', 'first');
    expect((await harness.see()).source('jsonl')).toBe(1);
  });

  it('are gone, not lost, once the gateway has imported them', async () => {
    const { harness, store, stateDir, run } = withFiles();
    await known(harness);
    const one = run('job-1');
    store.addRun(one);
    expect((await harness.see()).runs('job-1', 'ok')).toBe(1);
    const database = new SqliteStore(stateDir);
    onTestFinished(() => database.stop());
    database.putJob('job-1', 'first');
    database.importRun(one, 1);
    store.migrate();
    const look = await harness.see();
    expect(look.source('jsonl')).toBeUndefined();
    expect(look.source('sqlite')).toBe(1);
    expect(look.runs('job-1', 'ok')).toBe(1);
  });

  it('tell a run that a restart cut off from one that failed, also as the last one', async () => {
    const { harness, store, run } = withFiles();
    await known(harness);
    store.addRun(run('job-1', 'error'));
    store.addRun({ ...run('job-1'), runAtMs: harness.clock.now() + 1, status: 'interrupted' });
    const lastError = 'cron: job interrupted by gateway restart';
    store.putJob('job-1', 'first', { state: { lastRunAtMs: 1, lastRunStatus: 'error', lastError } });
    const look = await harness.see();
    expect(look.runs('job-1', 'interrupted')).toBe(1);
    expect(look.runs('job-1', 'error')).toBe(1);
    const last = { cron_job_id: 'job-1', status: 'interrupted' };
    expect(look.value('openclaw_cron_last_run_status', last)).toBe(1);
  });

  it('take a status they do not know as other and never show what a line says', async () => {
    const { harness, store, run } = withFiles();
    await known(harness);
    const { runAtMs } = run('job-1');
    const secret = 'agent:main:secret-session';
    store.append(
      'job-1',
      `${JSON.stringify({ ts: runAtMs, jobId: 'job-1', action: 'finished', status: secret, error: secret, sessionKey: secret, runAtMs })}\n`,
    );
    const look = await harness.see();
    expect(look.runs('job-1', 'other')).toBe(1);
    expect(JSON.stringify(look)).not.toContain(secret);
  });
});

describe("the jobs' own logs", () => {
  it('are counted beside a gateway whose database is broken', async () => {
    const { harness, store, stateDir } = withDatabase();
    const folder = join(stateDir, 'workspace', 'main');
    mkdirSync(folder, { recursive: true });
    const log = join(folder, 'cron-backup.log');
    writeFileSync(log, 'old SUCCESS\n');
    await known(harness);
    store.stop();
    truncateSync(store.path, 8192);
    appendFileSync(log, 'new SUCCESS\nand an ERROR\n');
    const look = await harness.see();
    const [id] = look.series
      .flatMap(({ labels }) => labels.cron_job_id ?? [])
      .filter((text) => text.startsWith('log:'));
    expect(look.source('sqlite')).toBe(0);
    expect(look.source('logs')).toBe(1);
    expect([look.runs(id ?? '', 'ok'), look.runs(id ?? '', 'error')]).toEqual([1, 1]);
    await harness.kill();
    expect((await harness.see()).runs(id ?? '', 'ok')).toBe(1);
  });
});

describe('counters', () => {
  it('count nothing of a history from before the first start, which sets the gauges', async () => {
    const { harness, store, run } = withDatabase();
    const old = run('job-1', 'ok');
    store.addRun(old);
    await harness.clock.advance(60_000);
    const state = { lastRunAtMs: harness.clock.now(), lastRunStatus: 'error', consecutiveErrors: 2 };
    store.putJob('job-1', 'first', { state });
    await harness.clock.advance(1_000);
    const look = await known(harness);
    expect(look.runs('job-1', 'ok')).toBe(0);
    expect(look.runs('job-1', 'error')).toBe(0);
    const about = { cron_job_id: 'job-1' };
    expect(look.value('openclaw_cron_last_success_timestamp_seconds', about)).toBe(old.runAtMs / 1000);
    expect(look.value('openclaw_cron_last_run_timestamp_seconds', about)).toBe(state.lastRunAtMs / 1000);
    expect(look.value('openclaw_cron_consecutive_errors', about)).toBe(2);
  });

  it('show 0 for the publishing delay before the first increment', async () => {
    const here = world('cron: { publish_delay: 1m }');
    const store = new SqliteStore(here.stateDir);
    onTestFinished(() => store.stop());
    await here.harness.see();
    store.putJob('job-1', 'first');
    await here.harness.clock.advance(10);
    store.addRun(here.run('job-1', 'error'));
    expect((await here.harness.see()).runs('job-1', 'error')).toBe(0);
    await here.harness.clock.advance(59_000);
    expect((await here.harness.see()).runs('job-1', 'error')).toBe(0);
    await here.harness.clock.advance(1_000);
    expect((await here.harness.see()).runs('job-1', 'error')).toBe(1);
    await here.harness.kill();
    expect((await here.harness.see()).runs('job-1', 'error')).toBe(1);
  });

  it('of a removed job stay for an hour, its gauges go at once, and its total comes back with it', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    store.addRun(run('job-1'));
    await harness.see();
    store.removeJob('job-1');
    const removed = await harness.see();
    expect(removed.value('openclaw_cron_job_enabled', { cron_job_id: 'job-1' })).toBeUndefined();
    expect(removed.runs('job-1', 'ok')).toBe(1);
    await harness.clock.advance(3_600_000);
    expect((await harness.see()).runs('job-1', 'ok')).toBeUndefined();
    store.putJob('job-1', 'first');
    expect((await harness.see()).runs('job-1', 'ok')).toBe(1);
  });

  it('follow a renamed job, and the series of the old name goes', async () => {
    const { harness, store, run } = withDatabase();
    await known(harness);
    store.addRun(run('job-1'));
    await harness.see();
    store.putJob('job-1', 'another name');
    const look = await harness.see();
    expect(look.value('openclaw_cron_runs_total', { cron_job: 'another name', status: 'ok' })).toBe(1);
    expect(look.value('openclaw_cron_runs_total', { cron_job: 'first', status: 'ok' })).toBeUndefined();
  });

  it('of jobs beyond the limit are summed, and a job that gets its own series leaves its count there', async () => {
    const here = world('cron: { publish_delay: 0s, max_jobs: 2 }');
    const store = new SqliteStore(here.stateDir);
    onTestFinished(() => store.stop());
    for (const id of ['a', 'b', 'c', 'd']) store.putJob(id, id);
    await known(here.harness);
    for (const id of ['a', 'b', 'c', 'd']) store.addRun(here.run(id));
    const before = await here.harness.see();
    expect([before.runs('a', 'ok'), before.runs('b', 'ok'), before.runs('c', 'ok')]).toEqual([
      1,
      1,
      undefined,
    ]);
    expect(before.runs('_other', 'ok')).toBe(2);
    store.removeJob('a');
    await here.harness.see();
    await here.harness.clock.advance(3_600_000);
    await here.harness.see();
    store.addRun(here.run('c'));
    await here.harness.see();
    const after = await here.harness.see();
    expect(after.runs('_other', 'ok')).toBe(2);
    expect(after.runs('c', 'ok')).toBe(1);
  });

  it('stand still and say so while another exporter holds the storage path, and the gauges go on', async () => {
    const { harness, store, stateDir, root, run } = withDatabase();
    await known(harness);
    const second = new CronHarness({
      stateDir,
      storagePath: join(root, 'storage'),
      config: CONFIG,
      clock: harness.clock,
    });
    onTestFinished(() => second.kill());
    const look = await second.see();
    expect(look.runs('job-1', 'ok')).toBeUndefined();
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'job-1' })).toBe(1);
    expect(look.evidence).toContain('another exporter');
    store.addRun(run('job-1'));
    await second.see();
    await harness.kill();
    await second.see();
    expect((await second.see()).runs('job-1', 'ok')).toBe(1);
  });

  it('cut labels that are too long and say how many', async () => {
    const { harness, store } = withDatabase();
    store.putJob(`${'i'.repeat(300)}1`, 'n'.repeat(300));
    store.putJob(`${'i'.repeat(300)}2`, 'n'.repeat(300));
    const look = await harness.see();
    expect(look.value('openclaw_cron_jobs_with_cut_labels')).toBe(2);
    const long = look.series
      .flatMap(({ labels }) => Object.values(labels))
      .filter((text) => text.length > 128);
    expect(long).toEqual([]);
  });
});

function foreignDatabase(path: string): void {
  rmSync(path);
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE cron_jobs (something TEXT)');
  database.close();
}

function folderInPlaceOf(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/**
 * The files as a killed gateway leaves them: copied while it still has them open,
 * and put back once it is gone.
 */
function leaveAsKilled(store: SqliteStore, stateDir: string): void {
  const names = ['openclaw.sqlite', 'openclaw.sqlite-wal', 'openclaw.sqlite-shm'];
  for (const name of names) copyFileSync(join(stateDir, 'state', name), join(stateDir, name));
  store.stop();
  for (const name of names) renameSync(join(stateDir, name), join(stateDir, 'state', name));
}

/** What the database source sees as a user without any rights of its own. */
function sourceAsNobody(stateDir: string): unknown {
  const module = fileURLToPath(
    new URL('../../../../../src/collectors/cron/source/sqlite/reader.ts', import.meta.url),
  );
  const program = `
    import { createSqliteSource } from ${JSON.stringify(module)};
    const source = createSqliteSource({ stateDir: ${JSON.stringify(stateDir)}, now: Date.now });
    const reading = await source.read(undefined, 0, new AbortController().signal);
    console.log(JSON.stringify(reading.state !== 'read' ? reading
      : { state: reading.state, runs: reading.runs.length, jobs: reading.jobs.map(({ id }) => id) }));`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const child = spawnSync(process.execPath, args, { uid: NOBODY, gid: NOBODY, encoding: 'utf8', env: {} });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout);
}
