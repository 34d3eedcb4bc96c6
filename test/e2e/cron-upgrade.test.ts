import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import {
  counted,
  countedTotals,
  type RememberedRun,
  rememberedRuns,
  rememberedTotals,
} from '../support/cron-history.ts';
import { type CronJobs, EMPTY_EVENT, startWithJobs } from '../support/cron-jobs.ts';
import { Exporter } from '../support/exporter.ts';
import { leave } from '../support/leave.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';

const CONFIG = {
  cron: { publish_delay: '1s' },
  collectors: { cron: { interval: '1s' } },
};

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

  afterAll(() => leave({ exporter, gateway, home }, 'SIGKILL'));

  const untilCounted = (history: readonly RememberedRun[]) => {
    const ids = [jobs.succeeding, jobs.failing, jobs.scheduled];
    return exporter.untilShown('totals to equal the history', (series) =>
      expect(countedTotals(series, ids)).toEqual(rememberedTotals(history, ids)),
    );
  };
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
