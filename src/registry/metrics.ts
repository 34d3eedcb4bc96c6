import { setImmediate as nextTurn } from 'node:timers/promises';
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

/** A snapshot's samples, and its text by family. */
interface Snapshot {
  readonly samples: ReadonlySet<Sample>;
  readonly texts: ReadonlyMap<Family<string>, string>;
}

/** Samples rendered without a pause: a few milliseconds. */
const SLICE = 500;

type PromClientMetric = MetricObjectWithValues<MetricValue<string>>;

/**
 * Everything a scrape shows. Gauges and surviving counters live in snapshots, rendered once when they are put;
 * counters and histograms that start at 0 with the exporter live in `instruments` (prom-client).
 */
export class Metrics {
  /** prom-client's registry, for counters and histograms that start at 0 with this process. */
  readonly instruments = new Registry();
  readonly #families = new Map<string, Family<string>>();
  readonly #snapshots = new Map<string, Snapshot>();
  /** All series shown (name and labels as written): showing one twice would make the whole scrape invalid. */
  readonly #shown = new Set<string>();
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
   * Renders many samples ahead of `put`, in slices with other work between, so that neither blocks scrapes; few samples
   * are left to `put`. Throws on labels that are not the family's.
   */
  async prepare(samples: readonly Sample[]): Promise<void> {
    for (let from = 0; from < samples.length - SLICE; from += SLICE) {
      for (const sample of samples.slice(from, from + SLICE)) renderedOnce(sample);
      await nextTurn();
    }
  }

  /**
   * Replaces a target's snapshot whole; what it costs is mostly the samples that were not in the one before. Throws on
   * an undeclared family, on labels that are not the family's and on a series that is there already (a collector's
   * bug); the snapshot then stays as it was.
   */
  put(key: SnapshotKey, samples: readonly Sample[]): void {
    const owner = keyText(key);
    const next = this.#render(samples);
    this.#replaceSeries(this.#snapshots.get(owner)?.samples ?? new Set(), next.samples);
    this.#removeTexts(owner);
    this.#snapshots.set(owner, next);
    for (const [family, text] of next.texts) {
      const texts = this.#textsByFamily.get(family) ?? new Map<string, string>();
      this.#textsByFamily.set(family, texts.set(owner, text));
    }
  }

  /** Forgets a target's snapshot: its series disappear from the next scrape. */
  drop(key: SnapshotKey): void {
    const owner = keyText(key);
    for (const sample of this.#snapshots.get(owner)?.samples ?? []) {
      this.#shown.delete(renderedOnce(sample).series);
    }
    this.#removeTexts(owner);
    this.#snapshots.delete(owner);
  }

  /** What the snapshots of one collector hold now, one set a target; each set stays as it is. */
  samplesOf(collector: string): ReadonlySet<Sample>[] {
    const own = keyText({ collector, target: '' });
    return [...this.#snapshots].flatMap(([owner, { samples }]) => (owner.startsWith(own) ? [samples] : []));
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

  #removeTexts(owner: string): void {
    for (const family of this.#snapshots.get(owner)?.texts.keys() ?? []) {
      this.#textsByFamily.get(family)?.delete(owner);
    }
  }

  #render(samples: readonly Sample[]): Snapshot {
    const unique = new Set(samples);
    const [first] = samples;
    if (unique.size < samples.length && first !== undefined) throw repeated(first.family);
    const lines = new Map<Family<string>, string[]>();
    for (const sample of samples) {
      const { family } = sample;
      let its = lines.get(family);
      if (its === undefined) {
        if (this.#families.get(family.name) !== family)
          throw new Error(`metric ${family.name} is not declared`);
        its = [];
        lines.set(family, its);
      }
      its.push(renderedOnce(sample).line);
    }
    const texts = new Map([...lines].map(([family, its]) => [family, its.join('')] as const));
    return { samples: unique, texts };
  }

  /** Only samples that come or go need a look at their series: the others were there and stay there. */
  #replaceSeries(before: ReadonlySet<Sample>, after: ReadonlySet<Sample>): void {
    const gone = new Set(seriesMissingIn(after, before));
    const fresh = new Set<string>();
    for (const sample of after) {
      if (before.has(sample)) continue;
      const { series } = renderedOnce(sample);
      if (fresh.has(series) || (this.#shown.has(series) && !gone.has(series))) throw repeated(sample.family);
      fresh.add(series);
    }
    for (const series of gone) if (!fresh.has(series)) this.#shown.delete(series);
    for (const series of fresh) if (!gone.has(series)) this.#shown.add(series);
  }
}

/** prom-client's own gauges that end in `_total` would be invalid; a metric without series has nothing to say. */
function isShown(metric: object): metric is PromClientMetric {
  const { name, type, values } = metric as Partial<PromClientMetric>;
  if (name === undefined || (String(type) === 'gauge' && name.endsWith('_total'))) return false;
  return values !== undefined && values.length > 0;
}

function* seriesMissingIn(other: ReadonlySet<Sample>, samples: ReadonlySet<Sample>): Iterable<string> {
  for (const sample of samples) if (!other.has(sample)) yield renderedOnce(sample).series;
}

function repeated({ name }: Family<string>): Error {
  return new Error(`metric ${name} repeats a label set`);
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
