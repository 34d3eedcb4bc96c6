import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { freePort } from '../support/ports.ts';
import { installed, runProgram } from '../support/promtool.ts';
import { until } from '../support/until.ts';

const EXAMPLE = fileURLToPath(new URL('../../prometheus/agent.yml', import.meta.url));
const answer = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

const ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

/** A real Prometheus on a free port, ready. */
async function startPrometheus(name: string, config: string, flags: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), `openclaw-${name}-`));
  ending.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, config);
  const port = await freePort();
  const program = new Child(
    'prometheus',
    [`--config.file=${file}`, `--web.listen-address=127.0.0.1:${port}`, ...flags],
    { cwd: folder },
  );
  ending.push(() => program.end('SIGTERM'));
  await until(
    async () => {
      if (program.ended !== undefined) throw new Error(`${name} ended: ${program.output.slice(-2000)}`);
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    },
    { timeoutMs: 30_000, what: `${name} to be ready` },
  );
  return port;
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
    const store = await startPrometheus('store', 'global: {}\n', ['--web.enable-remote-write-receiver']);
    const example = readFileSync(EXAMPLE, 'utf8')
      .replace('127.0.0.1:19789', `127.0.0.1:${exporter.port}`)
      .replace('127.0.0.1:9090', `127.0.0.1:${store}`)
      .replace('scrape_interval: 15s', 'scrape_interval: 1s');
    await startPrometheus('agent', example, ['--enable-feature=agent']);

    const found = await until(
      async () => {
        const query = encodeURIComponent('openclaw_gateway_up{job="openclaw"}');
        const response = await fetch(`http://127.0.0.1:${store}/api/v1/query?query=${query}`);
        return answer.parse(await response.json()).data.result[0];
      },
      { timeoutMs: 30_000, everyMs: 250, what: 'the series to arrive' },
    );

    expect(found.metric).toMatchObject({ instance: 'gateway', agent: 'one' });
    // Nothing listens on that port.
    expect(found.value[1]).toBe('0');
  },
  300_000,
);
