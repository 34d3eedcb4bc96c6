import { RUN_RESULTS, type RunResult } from '../lib/vocabulary.ts';
import { eventCounter, gauge, type Metric } from '../metrics/family.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Selection } from '../metrics/selection.ts';
import type { Collector } from './collector.ts';

const labels = ['collector'] as const;
const never = 'never, once the collector has been started';

const up = gauge(
  'openclaw_exporter_collector_up',
  "Whether the last run of this collector completed for every target (1) or failed for at least one (0). Says nothing about the targets' health.",
  {
    labels,
    meaning: { absent: 'the first run is under way', zero: 'it failed for a target', one: 'it completed' },
  },
);
const duration = gauge(
  'openclaw_exporter_collector_duration_seconds',
  'Duration of the last run of this collector.',
  { labels, meaning: { absent: 'the first run is under way' } },
);
const lastSuccess = gauge(
  'openclaw_exporter_collector_last_success_timestamp_seconds',
  'When this collector last completed for every target, as Unix time; an old value means that verdicts are missing.',
  { labels, meaning: { absent: 'it never did' } },
);
const interval = gauge(
  'openclaw_exporter_collector_interval_seconds',
  'Configured interval between two runs of this collector.',
  { labels, meaning: { absent: never } },
);

const runs = eventCounter(
  'openclaw_exporter_collector_runs_total',
  'Collector runs by result: ok, error or timeout.',
  {
    labels: ['collector', 'result'],
    meaning: { absent: 'the collector was never started', zero: 'no run has ended like this' },
  },
);

/** What is exposed of every collector's runs. */
export const COLLECTOR_METRICS = [up, duration, lastSuccess, interval, runs];

/** The `openclaw_exporter_collector_*` metrics: how well the exporter itself does its work. */
export class CollectorMetrics {
  readonly #metrics: Metrics;
  readonly #lastSuccess = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Announces a collector before its first run, so that its counters start at 0. */
  known({ name, intervalMs }: Collector): void {
    this.#metrics.declare(COLLECTOR_METRICS);
    for (const result of RUN_RESULTS) this.#metrics.increment(runs, { collector: name, result }, 0);
    this.#metrics.put(key(name), [interval.sample(intervalMs / 1000, { collector: name })]);
  }

  /** Takes a stopped collector's gauges away; its run counts stay. */
  forget({ name }: Collector): void {
    this.#metrics.drop(key(name));
    this.#lastSuccess.delete(name);
  }

  /** Records one finished run; times in seconds, `nowSeconds` as Unix time. */
  ran({ name, intervalMs }: Collector, result: RunResult, seconds: number, nowSeconds: number) {
    this.#metrics.increment(runs, { collector: name, result });
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

/** Whose snapshots hold what is said of collectors; the target is the collector. */
const OWNER = 'exporter';

function key(collector: string) {
  return { collector: OWNER, target: collector };
}

/**
 * What a scrape of these collectors shows: the metrics they declare, and how their runs went;
 * nothing of the exporter as a whole.
 */
export function selectCollectors(collectors: readonly Pick<Collector, 'name' | 'metrics'>[]): Selection {
  const names = new Set(collectors.map(({ name }) => name));
  const declared = new Set(collectors.flatMap(({ metrics }) => metrics));
  const ofRuns = new Set<Metric>(COLLECTOR_METRICS);
  return {
    includesSamples: (metric, { collector, target }) =>
      collector === OWNER ? ofRuns.has(metric) && names.has(target) : names.has(collector),
    includesSeries: (metric, { collector }) =>
      declared.has(metric) || (ofRuns.has(metric) && names.has(String(collector))),
  };
}
