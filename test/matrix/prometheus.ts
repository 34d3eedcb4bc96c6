import { stringify } from 'yaml';
import { z } from 'zod';
import { PrometheusProcess } from '../support/prometheus-process.ts';
import { until } from '../support/until.ts';

const alertsAnswer = z.object({
  status: z.literal('success'),
  data: z.object({
    alerts: z.array(z.object({ labels: z.record(z.string(), z.string()), state: z.string() })),
  }),
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
  readonly #process: PrometheusProcess;
  readonly #configuration: (instance: string) => string;

  private constructor(started: PrometheusProcess, configuration: (instance: string) => string) {
    this.#process = started;
    this.#configuration = configuration;
  }

  static async start(options: AlertingOptions): Promise<AlertingPrometheus> {
    const files = Object.fromEntries(options.ruleFiles.map((text, index) => [`rules-${index}.yml`, text]));
    const configuration = (instance: string) =>
      stringify(configurationOf(options, Object.keys(files), instance));
    const flags = [
      `--rules.alert.resend-delay=${options.resendMs}ms`,
      `--query.lookback-delta=${options.lookbackMs}ms`,
    ];
    const started = await PrometheusProcess.start(configuration('start'), { flags, files });
    return new AlertingPrometheus(started, configuration);
  }

  /**
   * Calls the exporter by another `instance` from now on, so that what ranges of the rules remember of the
   * former one counts for the former one only. Returns when it has been scraped twice.
   */
  async rename(instance: string): Promise<void> {
    this.#process.configure(this.#configuration(instance));
    await until(async () => (await this.value(`sum_over_time(up{instance="${instance}"}[5m])`)) >= 2, {
      what: 'scrapes by the new name',
      timeoutMs: 20_000,
      everyMs: 200,
    });
  }

  /** Alerts that are pending or firing. */
  async alerts(): Promise<HeldAlert[]> {
    const response = await fetch(this.#process.url('/api/v1/alerts'));
    return alertsAnswer.parse(await response.json()).data.alerts;
  }

  /** The first value of a query's answer; NaN where it is empty. */
  value(expression: string): Promise<number> {
    return this.#process.value(expression);
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}

function configurationOf(options: AlertingOptions, rules: readonly string[], instance: string) {
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
