import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { counted } from '../support/cron-history.ts';
import { addCommand } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { GatewayStore, type JobMarks } from '../support/gateway-store.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { textOfPage } from '../support/page-text.ts';

/** Two starts of a gateway, and a command for each job. */
const START_MS = 900_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Due each time the clock shows a multiple of ten seconds. */
const OFTEN = ['--cron', '*/10 * * * * *', '--exact'] as const;
const SCHEDULES = {
  wedged: OFTEN,
  planned: OFTEN,
  twice: OFTEN,
  ahead: ['--every', '20m'],
  skipped: ['--every', '1h'],
  'lost-1': ['--every', '1d'],
  'lost-2': ['--every', '1d'],
  'lost-3': ['--every', '1d'],
} as const;
type Name = keyof typeof SCHEDULES;
const NAMES = Object.keys(SCHEDULES) as Name[];
const LOST = ['lost-1', 'lost-2', 'lost-3'] as const;
const CONFIG = {
  cron: { grace: '5s', publish_delay: '1s' },
  collectors: {
    ...{ cron: { interval: '1s' }, process: { interval: '1s' }, ping: { interval: '1s' } },
    ...{ clock: { enabled: false }, tailscale: { enabled: false } },
  },
};

/**
 * What a gateway records of its jobs is a claim. The gateway is real; its scheduler is off, so that it does not correct
 * what the test writes into its database, and only the exporter's view of openclaw.json says that it is on.
 */
describe('the marks of a real gateway 2026.9.6 that are wrong', () => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let exporter: Exporter;
  let store: GatewayStore;
  const ids = new Map<Name, string>();

  const configure = (more: object = {}) =>
    home.configure(token, {
      gateway: {
        mode: 'local',
        port: home.port,
        bind: 'loopback',
        auth: { mode: 'token', token },
        reload: { mode: 'off' },
      },
      ...more,
    });
  const idOf = (name: Name) => ids.get(name) ?? '';
  const gauge = (series: readonly Series[], name: string, job?: Name) =>
    sampleOf(series, `openclaw_cron_${name}`, job === undefined ? undefined : { cron_job_id: idOf(job) });
  const claim = (name: Name, marks: JobMarks) => store.writeMarks(idOf(name), marks);
  /** What the status page says, its marks of layout removed. */
  const untilSaid = (text: string) =>
    expect
      .poll(async () => textOfPage(await (await fetch(exporter.url('/'))).text()), { timeout: 30_000 })
      .toContain(text);

  beforeAll(async () => {
    home = await GatewayHome.create('2026.9.6');
    configure();
    gateway = await home.startReady();
    store = new GatewayStore(home.stateDir);
    exporter = await Exporter.start({ env: home.env, config: CONFIG });
    await Promise.all(
      NAMES.map(async (name) => {
        ids.set(name, await addCommand(home, token, name, SCHEDULES[name], '/bin/true'));
      }),
    );
    await exporter.untilMetrics('a run', (series) => counted(series, idOf('twice'), 'ok') > 0, 120_000);
    await gateway.end('SIGTERM');
    configure({ cron: { enabled: false } });
    gateway = await home.startReady();
  }, START_MS);

  afterAll(() => leave({ exporter, gateway, home }, 'SIGKILL'));

  it('are none where cron is switched off on purpose: nothing is overdue, missed or stopped', async () => {
    const before = await exporter.untilMetrics(
      'a scheduler that is off',
      (series) => gauge(series, 'scheduler_enabled') === 0,
    );
    claim('planned', { nextRunAtMs: Date.now() - HOUR });
    await untilSaid('switched off on purpose (cron.enabled is false in openclaw.json)');
    const after = await exporter.series();
    expect(gauge(after, 'job_overdue_seconds', 'planned')).toBeUndefined();
    expect(gauge(after, 'missed_runs_total', 'planned')).toBe(gauge(before, 'missed_runs_total', 'planned'));
    expect(gauge(after, 'job_enabled', 'planned')).toBe(1);
    configure();
    await exporter.untilMetrics(
      'a scheduler that is on',
      (series) => gauge(series, 'scheduler_enabled') === 1,
    );
  });

  it('include a run that never ends', async () => {
    const startMs = Date.now() - 30 * MINUTE;
    claim('wedged', { runningAtMs: startMs, nextRunAtMs: startMs });
    await exporter.untilShown('its age', (series) => {
      expect(gauge(series, 'run_in_progress_seconds', 'wedged')).toBeGreaterThanOrEqual(1_800);
    });
    await untilSaid('marked as running for 30 min');
  });

  it('include a plan beyond the schedule, whose occurrences are missed as they pass', async () => {
    const missed = gauge(await exporter.series(), 'missed_runs_total', 'planned') ?? 0;
    claim('planned', { lastRunAtMs: Date.now(), nextRunAtMs: Date.now() + HOUR });
    await exporter.untilShown('a plan beyond the schedule', (series) => {
      expect(gauge(series, 'next_run_beyond_schedule', 'planned')).toBe(1);
      expect(gauge(series, 'missed_runs_total', 'planned')).toBeGreaterThan(missed);
    });
    await untilSaid('later than its schedule');
  });

  it('include a last run in the future, of a clock that was set back', async () => {
    const lastRunAtMs = Date.now() + 58 * MINUTE;
    claim('ahead', { lastRunAtMs, lastRunStatus: 'ok', nextRunAtMs: lastRunAtMs + 20 * MINUTE });
    await exporter.untilShown('a last run in the future', (series) => {
      expect(gauge(series, 'last_run_in_future')).toBe(1);
      expect(gauge(series, 'missed_runs_total', 'ahead')).toBe(0);
    });
    await untilSaid('the clock was set back');
  });

  it('include a job that is skipped every time', async () => {
    claim('skipped', { lastRunAtMs: Date.now() - MINUTE, lastRunStatus: 'skipped', consecutiveSkipped: 60 });
    await exporter.untilShown('skips in a row', (series) => {
      expect(gauge(series, 'consecutive_skips', 'skipped')).toBe(60);
    });
    await untilSaid('skipped 60 times in a row');
    expect(await home.cli(token, 'cron', 'runs', '--id', idOf('skipped'))).toContain('entries');
  });

  it('include a second run of one occurrence', async () => {
    const before = gauge(await exporter.series(), 'duplicate_runs_total', 'twice') ?? 0;
    store.repeatRun(idOf('twice'), 1_000);
    await exporter.untilShown('a run more than occurrences', (series) => {
      expect(gauge(series, 'duplicate_runs_total', 'twice')).toBe(before + 1);
    });
    await untilSaid('ran twice for one occurrence');
  });

  it('include jobs that disappear at once, until a backup brings them back', async () => {
    const backup = LOST.map((name) => store.takeJob(idOf(name)));
    await exporter.untilShown('three lost jobs', (series) => {
      expect(gauge(series, 'jobs_disappeared')).toBe(3);
    });
    await untilSaid('3 jobs disappeared from the gateway at once');
    for (const row of backup) store.putBack(row);
    await exporter.untilShown('no lost job', (series) => expect(gauge(series, 'jobs_disappeared')).toBe(0));
  });

  it('include a list of jobs that an upgrade left behind', async () => {
    const job = (id: string) => ({
      id,
      name: id,
      enabled: true,
      createdAtMs: Date.now(),
      schedule: { kind: 'every', everyMs: HOUR },
      sessionTarget: 'main',
      wakeMode: 'next-heartbeat',
      payload: { kind: 'systemEvent', text: 'tick' },
      state: { nextRunAtMs: Date.now() - 48 * HOUR },
    });
    mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
    const jobs = { version: 1, jobs: [job('old-1'), job('old-2')] };
    writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify(jobs));
    await exporter.untilShown('unmigrated jobs', (series) => {
      expect(gauge(series, 'unmigrated_jobs')).toBe(2);
      expect(sampleOf(series, 'openclaw_cron_job_overdue_seconds', { cron_job_id: 'old-1' })).toBeUndefined();
    });
    await untilSaid("2 jobs in cron/jobs.json beside the gateway's database");
  });

  it('are gone after the steps that are printed for them', async () => {
    await gateway.end('SIGTERM');
    await home.cli(token, 'doctor', '--fix', '--non-interactive');
    gateway = await home.startReady();
    for (const name of ['planned', 'ahead'] as const) {
      await home.cli(token, 'cron', 'disable', idOf(name));
      await home.cli(token, 'cron', 'enable', idOf(name));
    }
    await exporter.untilShown('no wrong mark', (series) => {
      expect(gauge(series, 'unmigrated_jobs')).toBe(0);
      expect(gauge(series, 'next_run_beyond_schedule', 'planned')).toBe(0);
      expect(gauge(series, 'run_in_progress_seconds', 'wedged') ?? 0).toBeLessThan(60);
      expect(gauge(series, 'job_overdue_seconds', 'wedged')).toBe(0);
      expect(gauge(series, 'job_overdue_seconds', 'ahead')).toBe(0);
    });
  });
});
