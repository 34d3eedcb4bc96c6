import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CronHarness, type CronLook } from '../../../../support/cron-harness.ts';
import { SqliteStore } from '../../../../support/cron-store.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const EVERY_MS = 60_000;
const GRACE_MS = 10_000;
const CONFIG = 'cron: { publish_delay: 0s, grace: 10s }';

/** A gateway with one job that is due each minute. */
async function world() {
  const root = tempFolder();
  const stateDir = join(root, 'openclaw');
  mkdirSync(stateDir);
  const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage'), config: CONFIG });
  onTestFinished(() => harness.kill());
  const store = new SqliteStore(stateDir);
  onTestFinished(() => store.stop());
  const { clock } = harness;
  const schedule = { kind: 'every', everyMs: EVERY_MS, anchorMs: clock.now() };
  const plan = (nextRunAtMs: number, state: object = {}) =>
    store.putJob('job-1', 'first', { job: { schedule }, state: { nextRunAtMs, ...state } });
  const run = () => {
    const runAtMs = clock.now();
    store.addRun({ jobId: 'job-1', runAtMs, finishedAtMs: runAtMs, status: 'ok' });
    plan(runAtMs + EVERY_MS, { lastRunAtMs: runAtMs, lastRunStatus: 'ok', lastDurationMs: 0 });
  };
  run();
  await harness.see();
  await harness.see();
  return { harness, store, clock, plan, run };
}

const missed = (look: CronLook) => look.value('openclaw_cron_missed_runs_total', { cron_job_id: 'job-1' });
const overdue = (look: CronLook) => look.value('openclaw_cron_job_overdue_seconds', { cron_job_id: 'job-1' });

describe('missed runs', () => {
  it('are none while the job runs on time', async () => {
    const { harness, clock, run } = await world();
    for (let turn = 0; turn < 5; turn += 1) {
      await clock.advance(EVERY_MS);
      run();
      const look = await harness.see();
      expect(missed(look)).toBe(0);
      expect(overdue(look)).toBe(0);
    }
  });

  it('count an occurrence that vanished while the plan moved on as if nothing happened (C3)', async () => {
    const { harness, clock, plan } = await world();
    await clock.advance(EVERY_MS + 1);
    plan(clock.now() + EVERY_MS - 1);
    expect(missed(await harness.see())).toBe(0);
    await clock.advance(GRACE_MS + 1);
    expect(missed(await harness.see())).toBe(1);
    expect(missed(await harness.see())).toBe(1);
  });

  it('count what fell into a stop of the gateway, once, even if the exporter is killed meanwhile (C4)', async () => {
    const { harness, store, clock, run } = await world();
    store.stop();
    await clock.advance(EVERY_MS + GRACE_MS + 1);
    expect(missed(await harness.see())).toBe(1);
    await harness.look('before commit');
    await clock.advance(EVERY_MS);
    await harness.look('before commit');
    expect(missed(await harness.see())).toBe(2);
    await harness.kill();
    expect(missed(await harness.see())).toBe(2);
    store.start();
    await clock.advance(EVERY_MS / 2);
    run();
    expect(missed(await harness.see())).toBe(2);
    await clock.advance(EVERY_MS);
    run();
    expect(missed(await harness.see())).toBe(2);
  });

  it('are found when the exporter returns, and runs that happened meanwhile are none', async () => {
    const { harness, clock, run } = await world();
    await harness.kill();
    for (let turn = 0; turn < 4; turn += 1) {
      await clock.advance(EVERY_MS);
      run();
    }
    await clock.advance(3 * EVERY_MS);
    run();
    const look = await harness.see();
    expect(missed(look)).toBe(2);
    expect(look.runs('job-1', 'ok')).toBe(5);
  });

  it('show how late a job is, and nothing while it runs or is disabled', async () => {
    const { harness, clock, plan, store } = await world();
    await clock.advance(EVERY_MS + 7_000);
    expect(overdue(await harness.see())).toBe(7);
    plan(clock.now() - 7_000, { runningAtMs: clock.now() });
    expect(overdue(await harness.see())).toBe(0);
    store.putJob('job-1', 'first', { enabled: false });
    expect(overdue(await harness.see())).toBeUndefined();
    const interval = { cron_job_id: 'job-1' };
    plan(clock.now());
    const look = await harness.see();
    expect(look.value('openclaw_cron_expected_interval_seconds', interval)).toBe(EVERY_MS / 1000);
    expect(look.value('openclaw_cron_expected_interval_learnt', interval)).toBe(0);
  });

  it('count every occurrence of an outage, although the gateway defers its first run by an odd time', async () => {
    const { harness, store, clock } = await world();
    const tenMinutes = 10 * 60_000;
    const schedule = { kind: 'cron', expr: '*/10 * * * *', staggerMs: 0 };
    const firstDue = Math.ceil((clock.now() + 1) / tenMinutes) * tenMinutes;
    const plan = (nextRunAtMs: number) =>
      store.putJob('job-2', 'second', { job: { schedule }, state: { nextRunAtMs } });
    plan(firstDue);
    await harness.see();
    await harness.see();
    await clock.advance(firstDue - clock.now() + 3 * tenMinutes + GRACE_MS + 1);
    plan(clock.now() + 121_337);
    const look = await harness.see();
    expect(look.value('openclaw_cron_missed_runs_total', { cron_job_id: 'job-2' })).toBe(4);
  });
});
