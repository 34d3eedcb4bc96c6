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
import { type Format, renderHeader, renderPromClientMetric } from './exposition.ts';
import type { Family, Sample } from './family.ts';
import { Pieces } from './pieces.ts';
import {
  type Block,
  buildSnapshot,
  NOTHING,
  type PreparedSnapshot,
  type Snapshot,
  type SnapshotKey,
  seriesOf,
} from './snapshot.ts';

/** Every look at the event loop's delay wakes the processor up: at prom-client's 10 ms that is most of a quiet exporter's cost. */
const LOOP_PRECISION_MS = 200;

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
  /** The blocks of each family by snapshot, so that a scrape visits only what exists. */
  readonly #blocksByFamily = new Map<Family<string>, Map<string, readonly Block[]>>();

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
   * Makes a snapshot ready for {@link Metrics.swap}, in slices with other work between, so that many samples do not hold
   * up scrapes. Throws as {@link Metrics.put} does.
   */
  async prepare(key: SnapshotKey, samples: readonly Sample[]): Promise<PreparedSnapshot> {
    const steps = this.#build(key, samples);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await nextTurn();
    }
  }

  /**
   * Replaces a target's snapshot whole; what it costs is mostly the samples that were not in the one before. Throws on
   * an undeclared family, on labels that are not the family's and on a series that is there already (a collector's
   * bug); the snapshot then stays as it was.
   */
  put(key: SnapshotKey, samples: readonly Sample[]): void {
    const steps = this.#build(key, samples);
    for (;;) {
      const step = steps.next();
      if (step.done !== true) continue;
      this.#swap(step.value);
      return;
    }
  }

  /** As {@link Metrics.put}, of what was made ready; a snapshot put in the meantime is replaced as well. */
  swap(prepared: PreparedSnapshot): void {
    if (this.#snapshot(prepared.key).list === prepared.before) this.#swap(prepared);
    else this.put(prepared.key, prepared.list);
  }

  /** Forgets a target's snapshot: its series disappear from the next scrape. */
  drop(key: SnapshotKey): void {
    const owner = keyText(key);
    for (const sample of this.#snapshots.get(owner)?.list ?? []) {
      this.#shown.delete(seriesOf(sample));
    }
    this.#removeBlocks(owner);
    this.#snapshots.delete(owner);
  }

  /** What the snapshots of one collector hold now, one list a target; each list stays as it is. */
  samplesOf(collector: string): (readonly Sample[])[] {
    const own = keyText({ collector, target: '' });
    return [...this.#snapshots].flatMap(([owner, { list }]) => (owner.startsWith(own) ? [list] : []));
  }

  /** The whole exposition as one text. */
  async expose(format: Format): Promise<string> {
    return Buffer.concat(await this.chunks(format)).toString();
  }

  /**
   * The whole exposition in UTF-8. Long texts are handed out as they were rendered, without a copy: however many scrape,
   * and however slowly they read, nothing is made for them but the short ones. Never waits for a probe.
   */
  async chunks(format: Format): Promise<readonly Buffer[]> {
    const instruments = await this.instruments.getMetricsAsJSON();
    const pieces = new Pieces();
    for (const family of this.#families.values()) {
      const owners = this.#blocksByFamily.get(family);
      if (owners === undefined || owners.size === 0) continue;
      pieces.add(Buffer.from(renderHeader(family.name, family.type, family.help, format)));
      for (const blocks of owners.values()) for (const { text } of blocks) pieces.add(text);
    }
    const rest = instruments.filter(isShown).map((metric) => renderPromClientMetric(metric, format));
    if (format === 'openmetrics') rest.push('# EOF\n');
    pieces.add(Buffer.from(rest.join('')));
    return pieces.end();
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
    collectDefaultMetrics({
      register: this.instruments,
      eventLoopMonitoringPrecision: LOOP_PRECISION_MS,
    });
  }

  #removeBlocks(owner: string): void {
    for (const family of this.#snapshots.get(owner)?.blocks.keys() ?? []) {
      this.#blocksByFamily.get(family)?.delete(owner);
    }
  }

  #snapshot(key: SnapshotKey): Snapshot {
    return this.#snapshots.get(keyText(key)) ?? NOTHING;
  }

  #build(key: SnapshotKey, samples: readonly Sample[]): ReturnType<typeof buildSnapshot> {
    const isDeclared = (family: Family<string>) => this.#families.get(family.name) === family;
    return buildSnapshot(key, samples, this.#snapshot(key), isDeclared);
  }

  #swap({ key, list, blocks, fresh, gone }: PreparedSnapshot): void {
    for (const series of fresh) {
      if (this.#shown.has(series) && !gone.has(series)) throw repeatedSeries(series);
    }
    for (const series of gone) if (!fresh.has(series)) this.#shown.delete(series);
    for (const series of fresh) this.#shown.add(series);
    const owner = keyText(key);
    this.#removeBlocks(owner);
    this.#snapshots.set(owner, { list, blocks });
    for (const [family, its] of blocks) {
      const known = this.#blocksByFamily.get(family) ?? new Map<string, readonly Block[]>();
      this.#blocksByFamily.set(family, known.set(owner, its));
    }
  }
}

/** prom-client's own gauges that end in `_total` would be invalid; a metric without series has nothing to say. */
function isShown(metric: object): metric is PromClientMetric {
  const { name, type, values } = metric as Partial<PromClientMetric>;
  if (name === undefined || (String(type) === 'gauge' && name.endsWith('_total'))) return false;
  return values !== undefined && values.length > 0;
}

function repeatedSeries(series: string): Error {
  return new Error(`metric ${series.replace(/\{.*/s, '')} repeats a label set`);
}

function declaredTwice(name: string): Error {
  return new Error(`metric ${name} is declared twice`);
}

function keyText({ collector, target }: SnapshotKey): string {
  return `${collector}\u0000${target}`;
}
