import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { Child } from './child.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

const answer = z.object({
  status: z.literal('success'),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

const rangeAnswer = z.object({
  status: z.literal('success'),
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(z.tuple([z.number(), z.string()])),
      }),
    ),
  }),
});

/** A stretch of Unix time in seconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface PrometheusOptions {
  /** Files of rules, by glob. */
  readonly ruleFiles?: readonly string[];
  /** The label `instance` of the exporter. */
  readonly instance?: string;
}

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Debian's Prometheus with its data in a temporary folder, scraping one exporter each second unless told otherwise. */
export class Prometheus {
  readonly child: Child;
  readonly #port: number;
  readonly #folder: string;

  private constructor(child: Child, port: number, folder: string) {
    this.child = child;
    this.#port = port;
    this.#folder = folder;
  }

  static async start(
    exporterPort: number,
    more: readonly Readonly<Record<string, unknown>>[] = [],
    { ruleFiles = [], instance }: PrometheusOptions = {},
  ): Promise<Prometheus> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-prometheus-'));
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      rule_files: ruleFiles,
      scrape_configs: [
        {
          job_name: 'openclaw',
          static_configs: [
            {
              targets: [`127.0.0.1:${exporterPort}`],
              ...(instance === undefined ? {} : { labels: { instance } }),
            },
          ],
        },
        ...more,
      ],
    };
    const file = join(folder, 'prometheus.yml');
    writeFileSync(file, stringify(config));
    const child = new Child('prometheus', [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    const prometheus = new Prometheus(child, port, folder);
    await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok, {
      what: 'Prometheus to be ready',
    });
    return prometheus;
  }

  async query(expression: string): Promise<QueryResult[]> {
    const url = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data } = answer.parse(await (await fetch(url)).json());
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Each series' values over a stretch of time, a look every second and one at its very end. Throws with Prometheus' own words where it refuses the query. */
  async queryRange(expression: string, { from, to }: Stretch): Promise<readonly (readonly number[])[]> {
    const start = to - Math.floor(to - from);
    const body = new URLSearchParams({ query: expression, start: `${start}`, end: `${to}`, step: '1' });
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/query_range`, {
      method: 'POST',
      body,
    });
    if (!response.ok) throw new Error(`${expression}: ${await response.text()}`);
    const { data } = rangeAnswer.parse(await response.json());
    return data.result.map(({ values }) => values.map(([, value]) => Number(value)));
  }

  /** What Prometheus itself found wrong with the scrapes: empty for a clean exposition. */
  complaints(): string[] {
    return this.child.output.split('\n').filter((line) => /level=(?:warn|error)/.test(line));
  }

  async stop(): Promise<void> {
    await this.child.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What `promtool check metrics` finds; empty for a clean text. */
export async function promtoolComplaints(text: string): Promise<string> {
  return new Promise((resolve) => {
    const promtool = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => {
      resolve(
        error === null && stdout === '' && stderr === '' ? '' : `${stdout}${stderr}${error?.message ?? ''}`,
      );
    });
    promtool.stdin?.end(text);
  });
}
