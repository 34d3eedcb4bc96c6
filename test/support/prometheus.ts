import { execFile } from 'node:child_process';
import { stringify } from 'yaml';
import { z } from 'zod';
import { PrometheusProcess, type QueryResult } from './prometheus-process.ts';

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

/**
 * Debian's Prometheus with its data in a temporary folder, scraping one exporter each
 * second unless told otherwise.
 */
export class Prometheus {
  readonly #process: PrometheusProcess;

  private constructor(started: PrometheusProcess) {
    this.#process = started;
  }

  static async start(
    exporterPort: number,
    more: readonly Readonly<Record<string, unknown>>[] = [],
    { ruleFiles = [], instance }: PrometheusOptions = {},
  ): Promise<Prometheus> {
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
    return new Prometheus(await PrometheusProcess.start(stringify(config)));
  }

  query(expression: string): Promise<QueryResult[]> {
    return this.#process.query(expression);
  }

  /**
   * Each series' values over a stretch of time, a look every second and one at its very end. Throws with
   * Prometheus' own words where it refuses the query.
   */
  async queryRange(expression: string, { from, to }: Stretch): Promise<readonly (readonly number[])[]> {
    const start = to - Math.floor(to - from);
    const body = new URLSearchParams({ query: expression, start: `${start}`, end: `${to}`, step: '1' });
    const response = await fetch(this.#process.url('/api/v1/query_range'), {
      method: 'POST',
      body,
    });
    if (!response.ok) throw new Error(`${expression}: ${await response.text()}`);
    const { data } = rangeAnswer.parse(await response.json());
    return data.result.map(({ values }) => values.map(([, value]) => Number(value)));
  }

  /** What Prometheus itself found wrong with the scrapes: empty for a clean exposition. */
  complaints(): string[] {
    return this.#process.child.output.split('\n').filter((line) => /level=(?:warn|error)/.test(line));
  }

  stop(): Promise<void> {
    return this.#process.stop();
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
