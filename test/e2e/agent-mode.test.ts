import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Exporter } from '../support/exporter.ts';
import { freePort } from '../support/ports.ts';
import { PrometheusProcess, type PrometheusProcessOptions } from '../support/prometheus-process.ts';
import { installed, runProgram } from '../support/promtool.ts';
import { until } from '../support/until.ts';

const EXAMPLE = fileURLToPath(new URL('../../prometheus/agent.yml', import.meta.url));
const ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function startPrometheus(
  config: string,
  options: PrometheusProcessOptions,
): Promise<PrometheusProcess> {
  const started = await PrometheusProcess.start(config, options);
  ending.push(() => started.stop());
  return started;
}

it.skipIf(!installed('prometheus') || !installed('promtool'))(
  "promtool takes the example of an agent, and what the agent scrapes arrives in the store under the gateway's name",
  async () => {
    const check = await runProgram('promtool', ['check', 'config', '--agent', EXAMPLE]);
    expect(check.output).toContain('is valid');
    expect(check.ok).toBe(true);

    const home = mkdtempSync(join(tmpdir(), 'openclaw-agent-home-'));
    ending.push(() => rmSync(home, { recursive: true, force: true }));
    const config = { gateway: { url: `ws://127.0.0.1:${await freePort()}` } };
    const exporter = await Exporter.start({ env: { HOME: home }, config });
    ending.push(async () => {
      await exporter.stop();
      exporter.remove();
    });
    const store = await startPrometheus('global: {}\n', { flags: ['--web.enable-remote-write-receiver'] });
    const example = readFileSync(EXAMPLE, 'utf8')
      .replace('127.0.0.1:10789', `127.0.0.1:${exporter.port}`)
      .replace('http://127.0.0.1:9090/', store.url('/'))
      .replace('scrape_interval: 15s', 'scrape_interval: 1s');
    await startPrometheus(example, { agent: true });

    const found = await until(async () => (await store.query('openclaw_gateway_up{job="openclaw"}'))[0], {
      timeoutMs: 30_000,
      everyMs: 250,
      what: 'the series to arrive',
    });

    expect(found.metric).toMatchObject({ instance: 'mac-mini', agent: 'one' });
    // Nothing listens on that port.
    expect(found.value).toBe(0);
  },
  300_000,
);
