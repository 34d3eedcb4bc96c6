import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { type Series, sampleOf } from '../support/exposition.ts';
import { GatewayHome, newToken, refusedAttempts, VERSIONS } from '../support/openclaw.ts';
import { expectNoSecretShown } from '../support/secrets.ts';

/** The limit's window (facts on the gateway's limiter): at most this many failed attempts in this time. */
const WINDOW_MS = 5 * 60_000;
const MOST_FAILURES = 3;

const CONFIG = {
  collectors: {
    process: { interval: '1s' },
    ping: { interval: '2s', timeout: '2s' },
    token: { interval: '1s' },
    api: { interval: '1s' },
  },
};

const rounds = (series: readonly Series[]) =>
  sampleOf(series, 'openclaw_exporter_collector_runs_total', { collector: 'token', result: 'ok' }) ?? 0;

describe.concurrent.each(VERSIONS)('beside a gateway %s that refuses the configured token', (version) => {
  let home: GatewayHome;
  let gateway: Child;
  const exporters: Exporter[] = [];

  beforeAll(async () => {
    home = await GatewayHome.create(version);
    home.configure(newToken());
    gateway = await home.startReady(newToken());
  });

  afterAll(async () => {
    for (const exporter of exporters) await exporter.stop('SIGKILL');
    await gateway?.end('SIGKILL');
    for (const exporter of exporters) exporter.remove();
    home?.remove();
    expectNoSecretShown();
  });

  const start = async (storagePath?: string) => {
    const options = { env: home.env, config: CONFIG, ...(storagePath === undefined ? {} : { storagePath }) };
    const exporter = await Exporter.start(options);
    exporters.push(exporter);
    return exporter;
  };

  it('two exporters, restarted over and over, stay within the limit for the whole window', async () => {
    const began = performance.now();
    const steady = await start();
    let restarted = 0;
    let refused = 0;
    for (;;) {
      const other = await start(steady.storagePath);
      await other.untilMetrics('a few rounds of token checks', (series) => rounds(series) > 3, WINDOW_MS);
      await other.stop(restarted % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      const refusedByNow = refusedAttempts(gateway);
      // The first attempt was made after `began`: beyond the window a fourth one is within the limit.
      if (performance.now() - began >= WINDOW_MS) break;
      restarted += 1;
      refused = refusedByNow;
      expect(refused).toBeLessThanOrEqual(MOST_FAILURES);
    }
    expect(restarted).toBeGreaterThan(2);
    expect(refused).toBeGreaterThan(0);
    const series = await steady.series();
    expect(sampleOf(series, 'openclaw_gateway_up')).toBe(1);
    expect(sampleOf(series, 'openclaw_gateway_auth_suppressed_total')).toBeGreaterThan(0);
    await steady.stop();
  });
});
