import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { overdueEvidence } from '../../../../src/collectors/cron/overdue.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import { statusPage } from '../../../../src/web/page/page.ts';
import { CronHarness } from '../../../support/cron-harness.ts';
import { SqliteStore } from '../../../support/cron-store.ts';
import { MACHINE } from '../../../support/machine.ts';
import { textOfPage } from '../../../support/page-text.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const GRACE = 600;
const jobs = (...late: number[]) =>
  late.map((lateSeconds, index) => {
    return { job: { id: `id-${index}`, name: `j${index}`, origin: 'gateway' as const }, lateSeconds };
  });

describe('overdue jobs', () => {
  it('within the grace are nobody’s fault', () => {
    expect(overdueEvidence(jobs(0, GRACE, 0), GRACE)).toEqual([]);
  });

  it('are named, the latest first', () => {
    const evidence = overdueEvidence(jobs(0, 1200, 2400), GRACE);
    expect(evidence.map(({ subject, verdict }) => [subject, verdict])).toEqual([
      ['job j2', 'warning'],
      ['job j1', 'warning'],
    ]);
  });

  it('mean that cron has stopped where all are', () => {
    expect(overdueEvidence(jobs(1200, 2400), GRACE)).toMatchObject([{ verdict: 'bad', layer: 'cron' }]);
  });
});

describe('the next step for overdue jobs', () => {
  const originOf = (id: string) => (id.startsWith('log:') ? 'log' : 'gateway');
  const late = (...ids: string[]) =>
    ids.map((id) => ({ job: { id, name: id, origin: originOf(id) } as const, lateSeconds: 2 * GRACE }));
  const repairsOf = (...due: Parameters<typeof overdueEvidence>[0]) =>
    overdueEvidence(due, GRACE).map(({ repair }) => repair);

  it('is about the log where only a log knows the job', () => {
    expect(repairsOf(...late('log:main/backup'))).toEqual(['read the end of its log, and crontab -l']);
    expect(repairsOf(...late('job-1'))).toEqual(['openclaw cron list']);
  });

  it('restarts the gateway only where it runs one of the jobs', () => {
    expect(repairsOf(...late('log:a', 'job-1'))).toEqual(['openclaw gateway restart']);
    expect(repairsOf(...late('log:a', 'log:b'))).toEqual([expect.stringContaining('crontab -l')]);
  });
});

describe('the cron collector', () => {
  const EVERY_MS = 60_000;

  /** Two jobs that ran on time, of a gateway whose grace is ten minutes. */
  async function world() {
    const root = tempFolder();
    const stateDir = join(root, 'openclaw');
    mkdirSync(stateDir);
    const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage') });
    onTestFinished(() => harness.kill());
    const store = new SqliteStore(stateDir);
    onTestFinished(() => store.stop());
    const { clock } = harness;
    const schedule = { kind: 'every', everyMs: EVERY_MS, anchorMs: clock.now() };
    for (const id of ['job-1', 'job-2']) {
      const state = { nextRunAtMs: clock.now() + EVERY_MS, lastRunAtMs: clock.now(), lastRunStatus: 'ok' };
      store.putJob(id, id, { job: { schedule }, state });
    }
    const bad = async () => (await harness.observe()).evidence.filter(({ verdict }) => verdict === 'bad');
    return { harness, clock, bad };
  }

  it('tells that cron has stopped once every job is later than the grace, though no job failed', async () => {
    const { clock, bad } = await world();
    await clock.advance(EVERY_MS + GRACE * 1000);
    expect(await bad()).toEqual([]);
    await clock.advance(2 * 3_600_000);
    const text = 'all 2 jobs are overdue: cron has stopped';
    expect(await bad()).toMatchObject([{ layer: 'cron', subject: 'jobs', text }]);
  });

  it('makes the status page say the same', async () => {
    const { harness, clock } = await world();
    await clock.advance(2 * 3_600_000);
    const { evidence } = await harness.observe();
    const html = await statusPage({
      telemetryPath: '/metrics',
      states: [{ collector: 'cron', target: 'jobs', atMs: clock.now(), evidence }],
      layerSince: () => undefined,
      metrics: new Metrics(),
      version: '1.2.3',
      nowMs: clock.now(),
      graceMs: GRACE * 1000,
      isReady: true,
      machine: MACHINE,
      showsDetails: false,
    });
    expect(textOfPage(html)).toContain('Broken. Likeliest cause: cron');
  });
});
