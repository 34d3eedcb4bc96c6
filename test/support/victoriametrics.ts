import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const queryAnswer = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z
    .object({
      result: z.array(
        z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
      ),
    })
    .optional(),
});

/** What VictoriaMetrics said to a query. */
export interface EngineAnswer {
  /** Its complaint; undefined where it took the query. */
  readonly error: string | undefined;
  readonly values: readonly number[];
}

export interface VictoriaMetricsOptions {
  /** Prometheus' `scrape_configs`, and `global`, for vmagent (YAML). */
  readonly scrapeConfig: string;
  /** Rule files by name. */
  readonly rules: Readonly<Record<string, string>>;
  readonly alertmanagerUrl: string;
  /** How old a sample may be that a query still takes, milliseconds. */
  readonly lookbackMs: number;
  /** How often a firing alert is sent again, milliseconds. */
  readonly resendMs: number;
}

/** Debian's vmagent, VictoriaMetrics and vmalert: scraped, stored, evaluated and sent to an Alertmanager. */
export class VictoriaMetricsStack {
  readonly #children: readonly Child[];
  readonly #url: string;
  readonly #folder: string;

  private constructor(children: readonly Child[], url: string, folder: string) {
    this.#children = children;
    this.#url = url;
    this.#folder = folder;
  }

  static async start(options: VictoriaMetricsOptions): Promise<VictoriaMetricsStack> {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-victoriametrics-'));
    const [store, agent, alert] = await Promise.all([freePort(), freePort(), freePort()]);
    const url = `http://127.0.0.1:${store}`;
    const children = [
      new Child('victoria-metrics', storeFlags(folder, store, options)),
      new Child('vmagent', agentFlags(folder, agent, url, options)),
      new Child('vmalert', alertFlags(folder, alert, url, options)),
    ];
    const stack = new VictoriaMetricsStack(children, url, folder);
    try {
      for (const port of [store, agent, alert]) {
        await until(async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok, {
          what: `the program at ${port} to be ready`,
          timeoutMs: 30_000,
        });
      }
      return stack;
    } catch (error) {
      const outputs = children.map(({ output }) => output.slice(-500)).join('\n');
      await stack.stop();
      throw new Error(`VictoriaMetrics did not start:\n${outputs}`, { cause: error });
    }
  }

  /** Errors that the three programs logged. */
  get complaints(): string[] {
    return this.#children.flatMap(({ output }) =>
      output.split('\n').filter((line) => /\t(?:error|fatal|panic)\t/.test(line)),
    );
  }

  async query(expression: string): Promise<EngineAnswer> {
    const body = new URLSearchParams({ query: expression });
    const response = await fetch(`${this.#url}/api/v1/query`, { method: 'POST', body });
    const { error, data } = queryAnswer.parse(await response.json());
    return { error, values: (data?.result ?? []).map(({ value }) => Number(value[1])) };
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function storeFlags(folder: string, port: number, { lookbackMs }: VictoriaMetricsOptions): string[] {
  return [
    `-storageDataPath=${join(folder, 'data')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-retentionPeriod=1',
    // By default a query does not see the last 30 s.
    '-search.latencyOffset=1s',
    `-search.maxStalenessInterval=${lookbackMs}ms`,
  ];
}

function agentFlags(
  folder: string,
  port: number,
  store: string,
  { scrapeConfig }: VictoriaMetricsOptions,
): string[] {
  const file = join(folder, 'scrape.yml');
  writeFileSync(file, scrapeConfig);
  return [
    `-promscrape.config=${file}`,
    `-remoteWrite.url=${store}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${join(folder, 'agent')}`,
    '-remoteWrite.flushInterval=100ms',
    `-httpListenAddr=127.0.0.1:${port}`,
  ];
}

function alertFlags(
  folder: string,
  port: number,
  store: string,
  { rules, alertmanagerUrl, resendMs }: VictoriaMetricsOptions,
): string[] {
  const own = join(folder, 'rules');
  mkdirSync(own);
  for (const [name, text] of Object.entries(rules)) writeFileSync(join(own, name), text);
  return [
    `-rule=${join(own, '*.yml')}`,
    `-datasource.url=${store}`,
    // ALERTS and the records exist only where vmalert writes them.
    `-remoteWrite.url=${store}`,
    `-remoteRead.url=${store}`,
    `-notifier.url=${alertmanagerUrl}`,
    `-rule.resendDelay=${resendMs}ms`,
    `-httpListenAddr=127.0.0.1:${port}`,
  ];
}
