import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Histogram,
  type HistogramConfiguration,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { type Format, renderHeader, renderPromClientMetric, renderSample } from './exposition.ts';
import type { Family, Sample } from './family.ts';

/** Whose samples a snapshot holds: one target of one collector. */
export interface SnapshotKey {
  readonly collector: string;
  readonly target: string;
}

/** A snapshot's lines by series (name and labels as written), and its text by family. */
interface Rendered {
  readonly series: readonly string[];
  readonly texts: ReadonlyMap<Family<string>, string>;
}

type PromClientMetric = MetricObjectWithValues<MetricValue<string>>;

/**
 * Everything a scrape shows. Gauges and surviving counters live in snapshots, rendered once when they are put;
 * counters and histograms that start at 0 with the exporter live in `instruments` (prom-client).
 */
export class Metrics {
  /** prom-client's registry, for counters and histograms that start at 0 with this process. */
  readonly instruments = new Registry();
  readonly #families = new Map<string, Family<string>>();
  readonly #snapshots = new Map<string, Rendered>();
  /** The snapshot that shows a series: a second one would make the whole scrape invalid. */
  readonly #owners = new Map<string, string>();
  /** The texts of each family by snapshot, so that a scrape visits only what exists. */
  readonly #textsByFamily = new Map<Family<string>, Map<string, string>>();

  /** Declares families; order of declaration is order of exposition. Throws when two metrics share a name. */
  declare(families: readonly Family<string>[]): void {
    for (const family of families) {
      const known = this.#families.get(family.name);
      const taken = this.instruments.getSingleMetric(family.name) !== undefined;
      if (taken || (known !== undefined && known !== family)) throw declaredTwice(family.name);
      this.#families.set(family.name, family);
    }
  }

  /** All declared families, for the generated reference. */
  families(): readonly Family<string>[] {
    return [...this.#families.values()];
  }

  /**
   * Replaces a target's snapshot whole. Throws on an undeclared family, on labels that are not the family's and on a
   * series that is there already (a collector's bug); the snapshot then stays as it was.
   */
  put(key: SnapshotKey, samples: readonly Sample[]): void {
    const owner = keyText(key);
    const rendered = this.#render(owner, samples);
    this.#remove(owner);
    this.#snapshots.set(owner, rendered);
    for (const series of rendered.series) this.#owners.set(series, owner);
    for (const [family, text] of rendered.texts) {
      const texts = this.#textsByFamily.get(family) ?? new Map<string, string>();
      this.#textsByFamily.set(family, texts.set(owner, text));
    }
  }

  /** Forgets a target's snapshot: its series disappear from the next scrape. */
  drop(key: SnapshotKey): void {
    this.#remove(keyText(key));
  }

  /** The whole exposition. Joins texts that exist; never waits for a probe. */
  async expose(format: Format): Promise<string> {
    const parts: string[] = [];
    for (const family of this.#families.values()) {
      const texts = this.#textsByFamily.get(family);
      if (texts === undefined || texts.size === 0) continue;
      parts.push(renderHeader(family.name, family.type, family.help, format));
      for (const text of texts.values()) parts.push(text);
    }
    for (const metric of await this.instruments.getMetricsAsJSON()) {
      if (isShown(metric)) parts.push(renderPromClientMetric(metric, format));
    }
    if (format === 'openmetrics') parts.push('# EOF\n');
    return parts.join('');
  }

  /** The counter of that name, made on first use: a reloaded collector goes on counting where its predecessor was. */
  counter<L extends string>(options: Omit<CounterConfiguration<L>, 'registers'>): Counter<L> {
    const known = this.instruments.getSingleMetric(options.name);
    if (known instanceof Counter) return known as Counter<L>;
    if (this.#families.has(options.name)) throw declaredTwice(options.name);
    if (!options.name.endsWith('_total')) throw new Error(`counter ${options.name} does not end in _total`);
    return new Counter({ ...options, registers: [this.instruments] });
  }

  /** The histogram of that name, made on first use. */
  histogram<L extends string>(options: Omit<HistogramConfiguration<L>, 'registers'>): Histogram<L> {
    const known = this.instruments.getSingleMetric(options.name);
    if (known instanceof Histogram) return known as Histogram<L>;
    if (this.#families.has(options.name)) throw declaredTwice(options.name);
    return new Histogram({ ...options, registers: [this.instruments] });
  }

  /** Registers prom-client's `process_*` and `nodejs_*` metrics of this exporter. */
  collectOwnProcess(): void {
    collectDefaultMetrics({ register: this.instruments });
  }

  #remove(owner: string): void {
    const rendered = this.#snapshots.get(owner);
    if (rendered === undefined) return;
    this.#snapshots.delete(owner);
    for (const series of rendered.series) this.#owners.delete(series);
    for (const family of rendered.texts.keys()) this.#textsByFamily.get(family)?.delete(owner);
  }

  #render(owner: string, samples: readonly Sample[]): Rendered {
    const texts = new Map<Family<string>, string>();
    const seen = new Set<string>();
    for (const sample of samples) {
      const { family } = sample;
      if (this.#families.get(family.name) !== family)
        throw new Error(`metric ${family.name} is not declared`);
      const { line, series } = renderedOnce(sample);
      if (seen.has(series) || (this.#owners.get(series) ?? owner) !== owner) {
        throw new Error(`metric ${family.name} repeats a label set`);
      }
      seen.add(series);
      texts.set(family, (texts.get(family) ?? '') + line);
    }
    return { series: [...seen], texts };
  }
}

/** prom-client's own gauges that end in `_total` would be invalid; a metric without series has nothing to say. */
function isShown(metric: object): metric is PromClientMetric {
  const { name, type, values } = metric as Partial<PromClientMetric>;
  if (name === undefined || (String(type) === 'gauge' && name.endsWith('_total'))) return false;
  return values !== undefined && values.length > 0;
}

function declaredTwice(name: string): Error {
  return new Error(`metric ${name} is declared twice`);
}

function keyText({ collector, target }: SnapshotKey): string {
  return `${collector}\u0000${target}`;
}

/** The same sample object always gives the same text; collectors with thousands of series hand unchanged ones in again. */
const rendered = new WeakMap<Sample, { readonly line: string; readonly series: string }>();

function renderedOnce(sample: Sample) {
  const known = rendered.get(sample);
  if (known !== undefined) return known;
  const line = renderSample(sample);
  const text = { line, series: line.slice(0, line.lastIndexOf(' ')) };
  rendered.set(sample, text);
  return text;
}
