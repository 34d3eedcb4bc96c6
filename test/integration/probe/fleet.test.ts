import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Exporter } from '../../support/exporter.ts';
import { sampleOf } from '../../support/exposition.ts';
import { type FleetSize, fleetJob, startFleet } from '../../support/fleet.ts';
import { newToken } from '../../support/openclaw.ts';
import { Prometheus } from '../../support/prometheus.ts';
import { expectNoSecretShown } from '../../support/secrets.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

/** Stand-ins; the whole-size run is in the benchmarks. */
const FLEET: FleetSize = { healthy: 20, mismatched: 5, hung: 10, down: 5 };
const COUNT = Object.values(FLEET).reduce((sum, one) => sum + one, 0);
const EVERY = { scrape_interval: '2s', scrape_timeout: '2s' };

describe('a fleet behind one exporter and one Prometheus job', () => {
  it('is seen as it is, each gateway for itself, and leaves nothing open', async () => {
    const folder = tempFolder();
    const fleet = await startFleet(FLEET, folder, newToken());
    onTestFinished(() => fleet.child.end());
    const exporter = await Exporter.start({ env: { HOME: folder }, config: { gateways: fleet.gateways } });
    onTestFinished(() => exporter.remove());
    const openFiles = async () =>
      sampleOf(await exporter.series(), 'process_open_fds') ?? Number.POSITIVE_INFINITY;
    // Its own files, which stay open as long as it runs.
    await until(async () => existsSync(join(exporter.storagePath, 'journal.sqlite-shm')), {
      what: 'the journal to be open',
      timeoutMs: 30_000,
    });
    const before = await openFiles();
    const prometheus = await Prometheus.start(exporter.port, [fleetJob(exporter.port, EVERY)]);
    onTestFinished(() => prometheus.stop());
    const byKind = async (expression: string) =>
      Object.fromEntries(
        (await prometheus.query(expression)).map(({ metric, value }) => [metric.kind, value]),
      );

    await until(
      async () => {
        expect(await byKind('count by (kind) (count_over_time(probe_success[1m]) > 5)')).toEqual(FLEET);
        return true;
      },
      { what: 'six rounds', timeoutMs: 40_000, everyMs: 500 },
    );
    expect(await byKind('min by (kind) (min_over_time(up{job="fleet"}[20s]))')).toEqual({
      healthy: 1,
      mismatched: 1,
      hung: 1,
      down: 1,
    });
    expect(await byKind('avg by (kind) (avg_over_time(probe_success[20s]))')).toEqual({
      healthy: 1,
      mismatched: 1,
      hung: 0,
      down: 0,
    });
    expect(await byKind('avg by (kind) (openclaw_gateway_token_match{job="fleet"})')).toEqual({
      healthy: 1,
      mismatched: 0,
    });
    expect(await byKind('count by (kind) (openclaw_gateway_state{job="fleet",state="hung"} == 1)')).toEqual({
      hung: FLEET.hung,
    });
    expect(
      await byKind('count by (kind) (openclaw_gateway_state{job="fleet",state="refused"} == 1)'),
    ).toEqual({
      down: FLEET.down,
    });
    expect((await prometheus.query('count(count by (instance) (probe_success))'))[0]?.value).toBe(COUNT);
    expect(prometheus.complaints()).toEqual([]);

    await prometheus.stop();
    // One for Prometheus' own connection, which may be closing.
    await until(async () => (await openFiles()) <= before + 1, {
      what: `open files to be ${before} again`,
      timeoutMs: 15_000,
    });
    await exporter.stop();
    expectNoSecretShown();
    // What is waited for inside may take longer than this on a busy machine, and says then what was missing.
  }, 300_000);
});
