import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CronHarness } from '../../../support/cron-harness.ts';
import { FilesStore, SqliteStore } from '../../../support/cron-store.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const MINUTELY = { schedule: { kind: 'cron', expr: '* * * * *', tz: 'UTC', staggerMs: 0 } };
const every = (everyMs: number) => ({ schedule: { kind: 'every', everyMs } });

/** A gateway's state folder with an empty database, looked at by the collector. */
function world(openclaw: object = {}) {
  const root = tempFolder();
  const stateDir = join(root, 'openclaw');
  mkdirSync(stateDir);
  writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(openclaw));
  const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage') });
  onTestFinished(() => harness.kill());
  const store = new SqliteStore(stateDir);
  onTestFinished(() => store.stop());
  const { clock } = harness;
  const gauge = async (name: string, job?: string) => {
    const labels = job === undefined ? {} : { cron_job_id: job };
    return (await harness.see()).value(`openclaw_cron_${name}`, labels);
  };
  return { stateDir, harness, store, clock, gauge, nowMs: () => clock.now() };
}

describe('a mark of a run under way', () => {
  it('that is half an hour old on a job of every minute is told as a job that does not run again', async () => {
    const { harness, store, nowMs, gauge } = world();
    const runningAtMs = nowMs() - 30 * MINUTE;
    store.putJob('stuck', 'stuck', { job: MINUTELY, state: { runningAtMs, nextRunAtMs: runningAtMs } });
    expect(await gauge('run_in_progress_seconds', 'stuck')).toBe(1800);
    expect(await gauge('job_overdue_seconds', 'stuck')).toBe(0);
    expect((await harness.see()).evidence).toContain('job stuck: marked as running for 30 min');
  });

  it('of a run that has ended is not believed: the job is overdue', async () => {
    const { store, nowMs, gauge } = world();
    const startMs = nowMs() - 30 * MINUTE;
    const state = {
      runningAtMs: startMs,
      lastRunAtMs: startMs,
      lastRunStatus: 'ok',
      nextRunAtMs: startMs + MINUTE,
    };
    store.putJob('stuck', 'stuck', { job: MINUTELY, state });
    expect(await gauge('job_overdue_seconds', 'stuck')).toBe(29 * 60);
  });

  it('is nothing to tell of where the run is no longer than the interval', async () => {
    const { harness, store, nowMs } = world();
    store.putJob('long', 'long', { job: every(2 * HOUR), state: { runningAtMs: nowMs() - 50 * MINUTE } });
    expect((await harness.see()).evidence).not.toContain('marked as running');
  });

  it('makes those that wait behind it no late ones', async () => {
    const { store, nowMs, gauge } = world();
    store.putJob('long', 'long', { job: every(24 * HOUR), state: { runningAtMs: nowMs() - 50 * MINUTE } });
    const waits = { queuedAtMs: nowMs() - 40 * MINUTE, nextRunAtMs: nowMs() - 40 * MINUTE };
    store.putJob('waits', 'waits', { job: every(HOUR), state: waits });
    expect(await gauge('job_overdue_seconds', 'waits')).toBe(0);
  });
});

describe('a plan', () => {
  it('beyond the schedule is told, and the occurrences that pass are missed', async () => {
    const { harness, store, clock, nowMs, gauge } = world();
    const lastRunAtMs = Math.floor(nowMs() / MINUTE) * MINUTE;
    const state = { lastRunAtMs, lastRunStatus: 'ok', nextRunAtMs: lastRunAtMs + 20 * MINUTE };
    store.putJob('far', 'far', { job: MINUTELY, state });
    expect(await gauge('next_run_beyond_schedule', 'far')).toBe(1);
    await clock.advance(13 * MINUTE + 30_000);
    expect(await gauge('missed_runs_total', 'far')).toBe(3);
    expect((await harness.see()).evidence).toContain('later than its schedule');
  });

  it('that fits the schedule is none', async () => {
    const { store, nowMs, gauge } = world();
    store.putJob('near', 'near', { job: MINUTELY, state: { nextRunAtMs: nowMs() + MINUTE } });
    expect(await gauge('next_run_beyond_schedule', 'near')).toBe(0);
  });
});

describe('a clock', () => {
  it('that was set back is told by a last run in the future, and nothing is missed', async () => {
    const { harness, store, nowMs, gauge } = world();
    const lastRunAtMs = nowMs() + 58 * MINUTE;
    const state = { lastRunAtMs, lastRunStatus: 'ok', nextRunAtMs: lastRunAtMs + 20 * MINUTE };
    store.putJob('ahead', 'ahead', { job: every(20 * MINUTE), state });
    expect(await gauge('last_run_in_future')).toBe(1);
    expect(await gauge('next_run_beyond_schedule', 'ahead')).toBe(0);
    await harness.clock.advance(50 * MINUTE);
    expect(await gauge('missed_runs_total', 'ahead')).toBe(0);
    expect((await harness.see()).evidence).toContain('the clock was set back');
  });

  it('set forward and back again while jobs run makes no missed run, and is told', async () => {
    const { harness, store, clock, nowMs, gauge } = world();
    const run = (): void => {
      const lastRunAtMs = nowMs();
      store.addRun({ jobId: 'job', runAtMs: lastRunAtMs, finishedAtMs: lastRunAtMs, status: 'ok' });
      const state = { lastRunAtMs, lastRunStatus: 'ok', nextRunAtMs: lastRunAtMs + MINUTE };
      store.putJob('job', 'job', { job: every(MINUTE), state });
    };
    const minutes = async (count: number) => {
      for (let minute = 0; minute < count; minute += 1) {
        run();
        await clock.advance(MINUTE);
        await harness.see();
      }
    };
    await minutes(3);
    clock.setWall(nowMs() + 2 * HOUR);
    expect((await harness.see()).evidence).toContain('was set forward by 2 h');
    await minutes(15);
    clock.setWall(nowMs() - 2 * HOUR);
    expect((await harness.see()).evidence).toContain('was set back by 2 h');
    await clock.advance(90 * MINUTE);
    await harness.see();
    expect(await gauge('missed_runs_total', 'job')).toBe(0);
  });
});

describe('jobs that are gone', () => {
  const put = (store: SqliteStore | FilesStore, ...ids: string[]) => {
    for (const id of ids) store.putJob(id, id, { job: every(24 * HOUR) });
  };

  it('three of six at once have disappeared, and count until they are back', async () => {
    const { harness, store, gauge } = world();
    put(store, 'a', 'b', 'c', 'd', 'e', 'f');
    expect(await gauge('jobs_disappeared')).toBe(0);
    for (const id of ['a', 'b', 'c']) store.removeJob(id);
    await harness.clock.advance(15_000);
    expect(await gauge('jobs_disappeared')).toBe(3);
    expect((await harness.see()).evidence).toContain('3 jobs disappeared from the gateway at once: a, b, c');
    await harness.kill();
    expect(await gauge('jobs_disappeared')).toBe(3);
    put(store, 'a', 'b', 'c');
    expect(await gauge('jobs_disappeared')).toBe(0);
  });

  it('one by one were removed by a person', async () => {
    const { harness, store, gauge } = world();
    put(store, 'a', 'b', 'c', 'd');
    for (const id of ['a', 'b', 'c', 'd']) {
      await harness.see();
      store.removeJob(id);
      await harness.clock.advance(15_000);
    }
    expect(await gauge('jobs_disappeared')).toBe(0);
  });

  it('are no loss where they were one-shots or heartbeats', async () => {
    const { harness, store, gauge, nowMs } = world();
    put(store, 'stays');
    for (const id of ['a', 'b', 'c']) {
      store.putJob(id, id, { job: { schedule: { kind: 'at', at: nowMs() + MINUTE } } });
      store.putJob(`h${id}`, id, { job: { ...every(HOUR), payload: { kind: 'heartbeat' } } });
    }
    await harness.see();
    for (const id of ['a', 'b', 'c']) for (const gone of [id, `h${id}`]) store.removeJob(gone);
    await harness.clock.advance(15_000);
    expect(await gauge('jobs_disappeared')).toBe(0);
  });

  it('are no loss where a gateway that starts replaces jobs of its own, as 2026.9.6 does', async () => {
    const { harness, store, gauge } = world();
    put(store, 'stays');
    const description = '[managed-by=memory-core.short-term-promotion] Promote recalls.';
    store.putJob('m', 'Memory Dreaming Promotion', { job: { ...every(HOUR), description } });
    const declarationKey = 'skill-collection-review:main';
    store.putJob('s', 'skill-collection-review-main', { job: { ...every(HOUR), declarationKey } });
    await harness.see();
    for (const id of ['m', 's']) store.removeJob(id);
    await harness.clock.advance(15_000);
    expect(await gauge('jobs_disappeared')).toBe(0);
  });

  it('in a file that an upgrade left behind are unmigrated, and never jobs of the gateway', async () => {
    const { harness, stateDir, store, gauge, nowMs } = world();
    put(store, 'lives');
    const files = new FilesStore(stateDir);
    const state = { nextRunAtMs: nowMs() - 48 * HOUR };
    for (const id of ['old-1', 'old-2']) files.putJob(id, id, { job: every(HOUR), state });
    const look = await harness.see();
    expect(look.value('openclaw_cron_unmigrated_jobs')).toBe(2);
    expect(look.value('openclaw_cron_jobs', { enabled: 'true' })).toBe(1);
    expect(look.value('openclaw_cron_job_overdue_seconds', { cron_job_id: 'old-1' })).toBeUndefined();
    expect(look.evidence).toContain('2 jobs in cron/jobs.json');
    expect(await gauge('jobs_disappeared')).toBe(0);
  });
});

describe('a scheduler that is switched off', () => {
  it.each([
    ['cron.enabled', { cron: { enabled: false } }],
    ['OPENCLAW_SKIP_CRON', { env: { OPENCLAW_SKIP_CRON: '1' } }],
  ])('by %s makes nothing due, missed or overdue', async (name, openclaw) => {
    const { harness, store, nowMs } = world(openclaw);
    const state = { lastRunAtMs: nowMs() - HOUR, lastRunStatus: 'ok', nextRunAtMs: nowMs() - 59 * MINUTE };
    for (const id of ['a', 'b']) store.putJob(id, id, { job: MINUTELY, state });
    await harness.see();
    await harness.clock.advance(HOUR);
    const look = await harness.see();
    expect(look.value('openclaw_cron_scheduler_enabled')).toBe(0);
    expect(look.value('openclaw_cron_job_overdue_seconds', { cron_job_id: 'a' })).toBeUndefined();
    expect(look.value('openclaw_cron_missed_runs_total', { cron_job_id: 'a' })).toBe(0);
    expect(look.value('openclaw_cron_job_enabled', { cron_job_id: 'a' })).toBe(1);
    expect(look.evidence).toContain(`switched off on purpose (${name} is`);
    expect(look.observation.evidence.map(({ verdict }) => verdict)).toEqual(['ok', 'ok']);
  });

  it('is unknown where openclaw.json cannot be understood', async () => {
    const { harness, stateDir } = world();
    writeFileSync(join(stateDir, 'openclaw.json'), '{ cron: ');
    expect((await harness.see()).value('openclaw_cron_scheduler_enabled')).toBeUndefined();
  });
});

describe('what a job says of itself', () => {
  it('counts skips in a row, except of heartbeats', async () => {
    const { harness, store, gauge } = world();
    const state = { lastRunStatus: 'skipped', lastRunAtMs: 5, consecutiveSkipped: 60 };
    store.putJob('user', 'user', { job: every(HOUR), state });
    store.putJob('heart', 'heart', { job: { ...every(HOUR), payload: { kind: 'heartbeat' } }, state });
    expect(await gauge('consecutive_skips', 'user')).toBe(60);
    expect(await gauge('consecutive_skips', 'heart')).toBeUndefined();
    const { evidence } = await harness.see();
    expect(evidence).toContain('job user: skipped 60 times in a row');
    expect(evidence).not.toContain('job heart: skipped');
  });

  it.each([
    ['person', {}],
    ['errors', { autoDisabled: { reason: 'consecutive-failures', atMs: 1, consecutiveErrors: 10 } }],
    ['schedule', { autoDisabled: { reason: 'schedule-errors', atMs: 1, consecutiveErrors: 3 } }],
  ])('tells that it was disabled by %s', async (by, state) => {
    const { harness, store } = world();
    store.putJob('off', 'off', { job: MINUTELY, state, enabled: false });
    const look = await harness.see();
    expect(look.value('openclaw_cron_job_disabled_info', { cron_job_id: 'off', by })).toBe(1);
  });
});

describe('the publishing delay', () => {
  it('is over also where the exporter is started again more often than it lasts', async () => {
    const { harness, store, nowMs } = world();
    store.putJob('new', 'new');
    await harness.see();
    store.addRun({ jobId: 'new', runAtMs: nowMs(), finishedAtMs: nowMs() + 1, status: 'error' });
    for (let start = 0; start < 6; start += 1) {
      await harness.see();
      await harness.clock.advance(20_000);
      await harness.see();
      await harness.kill();
    }
    const look = await harness.see();
    expect(look.runs('new', 'error')).toBe(1);
  });
});
