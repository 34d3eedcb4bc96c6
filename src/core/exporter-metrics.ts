import type { Counter } from 'prom-client';
import { gauge } from '../metrics/family.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Collector } from './collector.ts';

const labels = ['collector'] as const;
const never = 'never, once the collector has been started';

const up = gauge(
  'openclaw_exporter_collector_up',
  'Whether the exporter could look at every target of this collector on its last run; what it saw there is not judged.',
  {
    labels,
    meaning: { absent: 'the first run is under way', zero: 'it could not look', one: 'it could look' },
  },
);
const duration = gauge(
  'openclaw_exporter_collector_duration_seconds',
  'How long the last run of this collector took.',
  { labels, meaning: { absent: 'the first run is under way' } },
);
const lastSuccess = gauge(
  'openclaw_exporter_collector_last_success_timestamp_seconds',
  'When this collector last could look at every target, as Unix time; an old value means the verdicts are missing.',
  { labels, meaning: { absent: 'it never could' } },
);
const interval = gauge(
  'openclaw_exporter_collector_interval_seconds',
  'The configured time between two runs of this collector.',
  { labels, meaning: { absent: never } },
);

/** The `openclaw_exporter_collector_*` metrics: how well the exporter itself does its work. */
export class ExporterMetrics {
  readonly #metrics: Metrics;
  readonly #runs: Counter<'collector' | 'result'>;
  readonly #lastSuccess = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.declare([up, duration, lastSuccess, interval]);
    this.#runs = metrics.counter({
      name: 'openclaw_exporter_collector_runs_total',
      help: 'Runs of this collector: ok, error (could not look), timeout (cut).',
      labelNames: ['collector', 'result'],
    });
  }

  /** Announces a collector before its first run, so that its counters start at 0. */
  known({ name, intervalMs }: Collector): void {
    for (const result of ['ok', 'error', 'timeout']) this.#runs.inc({ collector: name, result }, 0);
    this.#metrics.put(key(name), [interval.sample(intervalMs / 1000, { collector: name })]);
  }

  /** Takes a stopped collector's gauges away; its run counts stay. */
  forget({ name }: Collector): void {
    this.#metrics.drop(key(name));
    this.#lastSuccess.delete(name);
  }

  /** Records one finished run; times in seconds, `nowSeconds` as Unix time. */
  ran(
    { name, intervalMs }: Collector,
    result: 'ok' | 'error' | 'timeout',
    seconds: number,
    nowSeconds: number,
  ) {
    this.#runs.inc({ collector: name, result });
    if (result === 'ok') this.#lastSuccess.set(name, nowSeconds);
    const collector = { collector: name };
    const last = this.#lastSuccess.get(name);
    this.#metrics.put(key(name), [
      up.sample(result === 'ok' ? 1 : 0, collector),
      duration.sample(seconds, collector),
      ...(last === undefined ? [] : [lastSuccess.sample(last, collector)]),
      interval.sample(intervalMs / 1000, collector),
    ]);
  }
}

function key(collector: string) {
  return { collector: 'exporter', target: collector };
}
