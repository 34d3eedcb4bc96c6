import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { type RememberedRun, rememberedRuns } from '../support/cron-history.ts';
import { type CronJobs, EMPTY_EVENT, startWithJobs } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { expectNoSecretShown } from '../support/secrets.ts';

const CONFIG = {
  cron: { publish_delay: '1s' },
  collectors: { cron: { interval: '1s' } },
};
const STATUSES = ['ok', 'error', 'skipped', 'interrupted', 'superseded'];

describe('cron of a real gateway that is upgraded from 2026.7.35 to 2026.9.6', () => {
  const token = newToken();
  let home: GatewayHome;
  let gateway: Child;
  let jobs: CronJobs;
  let exporter: Exporter;

  beforeAll(async () => {
    home = await GatewayHome.create('2026.7.35');
    home.configure(token);
    ({ gateway, jobs } = await startWithJobs(home, token, EMPTY_EVENT, async () => {
      exporter = await Exporter.start({ env: home.env, config: CONFIG });
    }));
  });

  afterAll(async () => {
    await exporter?.stop('SIGKILL');
    await gateway?.end('SIGKILL');
    exporter?.remove();
    home?.remove();
    expectNoSecretShown();
  });

  const counted = (series: readonly Series[], jobId: string, status: string) =>
    sampleOf(series, 'openclaw_cron_runs_total', { cron_job_id: jobId, status }) ?? 0;
  const totals = (of: (jobId: string, status: string) => number) =>
    [jobs.succeeding, jobs.failing, jobs.scheduled].map((id) => STATUSES.map((status) => of(id, status)));
  const untilCounted = (history: readonly RememberedRun[]) =>
    exporter.untilShown('totals to equal the history', (series) =>
      expect(totals((id, status) => counted(series, id, status))).toEqual(
        totals((id, status) => history.filter((run) => run.jobId === id && run.status === status).length),
      ),
    );
  const untilRuns = (atLeast: number) =>
    exporter.untilMetrics(
      `${atLeast} runs`,
      (series) => counted(series, jobs.succeeding, 'ok') >= atLeast,
      60_000,
    );

  it('counts each run once, although the upgrade writes all of them anew in other tables', async () => {
    await untilRuns(3);
    await gateway.end('SIGTERM');
    const before = rememberedRuns(home);
    await untilCounted(before);

    home = await home.upgradedTo('2026.9.6');
    gateway = await home.startReady();
    await untilRuns(before.filter(({ jobId }) => jobId === jobs.succeeding).length + 3);
    await gateway.end('SIGTERM');
    const after = rememberedRuns(home);
    expect(after.length).toBeGreaterThan(before.length);
    await untilCounted(after);
  });
});
