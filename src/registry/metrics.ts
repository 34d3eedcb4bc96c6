import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';
import { type Format, renderHeader, renderPromClientMetric, renderSample } from './exposition.ts';
import type { Family, Sample } from './family.ts';

/** Whose samples a snapshot holds: one target of one collector. */
export interface SnapshotKey {
  readonly collector: string;
  readonly target: string;
}

type Rendered = ReadonlyMap<string, string>;

/**
 * Everything a scrape shows. Gauges and surviving counters live in snapshots, rendered once when they are put;
 * counters and histograms that start at 0 with the exporter live in `instruments` (prom-client).
 */
export class Metrics {
  /** prom-client's registry, for counters and histograms that start at 0 with this process. */
  readonly instruments = new Registry();
  readonly #families = new Map<string, Family<string>>();
  readonly #snapshots = new Map<string, Rendered>();

  /** Declares families; order of declaration is order of exposition. Throws when two families share a name. */
  declare(families: readonly Family<string>[]): void {
    for (const family of families) {
      const known = this.#families.get(family.name);
      if (known !== undefined && known !== family) throw new Error(`metric ${family.name} is declared twice`);
      this.#families.set(family.name, family);
    }
  }

  /** All declared families, for the generated reference. */
  families(): readonly Family<string>[] {
    return [...this.#families.values()];
  }

  /** Replaces a target's snapshot whole. Throws on an undeclared family or a repeated label set (a collector's bug). */
  put(key: SnapshotKey, samples: readonly Sample[]): void {
    this.#snapshots.set(keyText(key), this.#render(samples));
  }

  /** Forgets a target's snapshot: its series disappear from the next scrape. */
  drop(key: SnapshotKey): void {
    this.#snapshots.delete(keyText(key));
  }

  /** The whole exposition. Joins texts that exist; never waits for a probe. */
  async expose(format: Format): Promise<string> {
    const parts: string[] = [];
    for (const family of this.#families.values()) {
      const text = this.#textOf(family.name);
      if (text !== '') parts.push(renderHeader(family.name, family.type, family.help, format), text);
    }
    for (const metric of await this.instruments.getMetricsAsJSON()) {
      if (String(metric.type) === 'gauge' && metric.name.endsWith('_total')) continue;
      if ('values' in metric && metric.values.length > 0) parts.push(renderPromClientMetric(metric, format));
    }
    if (format === 'openmetrics') parts.push('# EOF\n');
    return parts.join('');
  }

  /** The counter of that name, made on first use: a reloaded collector goes on counting where its predecessor was. */
  counter<L extends string>(options: Omit<CounterConfiguration<L>, 'registers'>): Counter<L> {
    const known = this.instruments.getSingleMetric(options.name);
    if (known instanceof Counter) return known as Counter<L>;
    return new Counter({ ...options, registers: [this.instruments] });
  }

  /** The histogram of that name, made on first use. */
  histogram<L extends string>(options: Omit<HistogramConfiguration<L>, 'registers'>): Histogram<L> {
    const known = this.instruments.getSingleMetric(options.name);
    if (known instanceof Histogram) return known as Histogram<L>;
    return new Histogram({ ...options, registers: [this.instruments] });
  }

  /** Registers prom-client's `process_*` and `nodejs_*` metrics of this exporter. */
  collectOwnProcess(): void {
    collectDefaultMetrics({ register: this.instruments });
  }

  #textOf(name: string): string {
    let text = '';
    for (const rendered of this.#snapshots.values()) text += rendered.get(name) ?? '';
    return text;
  }

  #render(samples: readonly Sample[]): Rendered {
    const texts = new Map<string, string>();
    const seen = new Set<string>();
    for (const sample of samples) {
      const { name } = sample.family;
      if (this.#families.get(name) !== sample.family) throw new Error(`metric ${name} is not declared`);
      const line = renderSample(sample);
      const series = line.slice(0, line.lastIndexOf(' '));
      if (seen.has(series)) throw new Error(`metric ${name} repeats a label set`);
      seen.add(series);
      texts.set(name, (texts.get(name) ?? '') + line);
    }
    return texts;
  }
}

function keyText({ collector, target }: SnapshotKey): string {
  return `${collector}\u0000${target}`;
}
