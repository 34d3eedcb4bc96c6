import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { Child } from '../support/child.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';

const alertsAnswer = z.object({
  status: z.literal('success'),
  data: z.object({
    alerts: z.array(z.object({ labels: z.record(z.string(), z.string()), state: z.string() })),
  }),
});
const queryAnswer = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** An alert as Prometheus holds it: pending or firing. */
export interface HeldAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
}

export interface AlertingOptions {
  readonly exporterPort: number;
  /** Text of each rule file. */
  readonly ruleFiles: readonly string[];
  /** host:port */
  readonly alertmanager: string;
  /** How often a firing alert is told again, milliseconds. */
  readonly resendMs: number;
  /** How old a sample may be that a query still takes, milliseconds. */
  readonly lookbackMs: number;
}

/** A real Prometheus that scrapes one exporter each second, evaluates rules and tells an Alertmanager. */
export class AlertingPrometheus {
  readonly child: Child;
  readonly #url: string;
  readonly #folder: string;
  readonly #configure: (instance: string) => void;

  private constructor(child: Child, url: string, folder: string, configure: (instance: string) => void) {
    this.child = child;
    this.#url = url;
    this.#folder = folder;
    this.#configure = configure;
  }

  static async start(options: AlertingOptions): Promise<AlertingPrometheus> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-matrix-prometheus-'));
    const rules = options.ruleFiles.map((text, index) => {
      const path = join(folder, `rules-${index}.yml`);
      writeFileSync(path, text);
      return path;
    });
    const configure = (instance: string) =>
      writeFileSync(join(folder, 'prometheus.yml'), stringify(configuration(options, rules, instance)));
    configure('start');
    const child = new Child('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--rules.alert.resend-delay=${options.resendMs}ms`,
      `--query.lookback-delta=${options.lookbackMs}ms`,
    ]);
    const prometheus = new AlertingPrometheus(child, `http://127.0.0.1:${port}`, folder, configure);
    await until(async () => (await fetch(`${prometheus.#url}/-/ready`)).ok, {
      what: 'Prometheus to be ready',
    });
    return prometheus;
  }

  /**
   * Calls the exporter by another `instance` from now on, so that what ranges of the rules remember of the former one
   * counts for the former one only. Returns when it has been scraped twice.
   */
  async rename(instance: string): Promise<void> {
    this.#configure(instance);
    this.child.signal('SIGHUP');
    await until(async () => (await this.value(`sum_over_time(up{instance="${instance}"}[5m])`)) >= 2, {
      what: 'scrapes by the new name',
      timeoutMs: 20_000,
      everyMs: 200,
    });
  }

  /** Alerts that are pending or firing. */
  async alerts(): Promise<HeldAlert[]> {
    const response = await fetch(`${this.#url}/api/v1/alerts`);
    return alertsAnswer.parse(await response.json()).data.alerts;
  }

  /** The first value of a query's answer; NaN where it is empty. */
  async value(expression: string): Promise<number> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data } = queryAnswer.parse(await response.json());
    return Number(data.result[0]?.value[1] ?? Number.NaN);
  }

  async stop(): Promise<void> {
    await this.child.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(options: AlertingOptions, rules: readonly string[], instance: string) {
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    alerting: { alertmanagers: [{ static_configs: [{ targets: [options.alertmanager] }] }] },
    scrape_configs: [
      {
        job_name: 'openclaw',
        static_configs: [{ targets: [`127.0.0.1:${options.exporterPort}`] }],
        relabel_configs: [{ target_label: 'instance', replacement: instance }],
      },
    ],
  };
}
