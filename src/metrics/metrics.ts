import { setImmediate as nextTurn } from 'node:timers/promises';
import { collectDefaultMetrics, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import { type Format, renderHeader, renderPromClientSeries } from './exposition.ts';
import { EventCounter, EventHistogram, Family, type Metric, type Sample } from './family.ts';
import { type Count, InstrumentStore, type Instruments } from './instruments.ts';
import { Pieces } from './pieces.ts';
import type { Selection } from './selection.ts';
import {
  type Block,
  buildSnapshot,
  NOTHING,
  type PreparedSnapshot,
  type Snapshot,
  type SnapshotKey,
  seriesOf,
} from './snapshot.ts';

/**
 * Every look at the event loop's delay wakes the processor up: at prom-client's 10 ms that is
 * most of a quiet exporter's cost.
 */
const LOOP_PRECISION_MS = 200;

type PromClientMetric = MetricObjectWithValues<MetricValue<string>>;

/** So long the exporter's own process is not asked again for its memory, files and processor time. */
const SHARED_MS = 100;

/**
 * Everything a scrape shows. Gauges and surviving counters live in snapshots, rendered once when they are
 * put; counters and histograms that start at 0 with the exporter are rendered when they changed; those of the
 * process itself are read on each scrape.
 */
export class Metrics implements Instruments {
  readonly #instruments = new InstrumentStore();
  /** prom-client's `process_*` and `nodejs_*`, once they are collected. */
  readonly #ownProcess = new Registry();
  readonly #ownTexts = new Map<Format, Promise<string>>();
  readonly #declared = new Map<string, Metric<string>>();
  readonly #families = new Map<string, Family<string>>();
  readonly #snapshots = new Map<string, Snapshot>();
  /** All series shown (name and labels as written): showing one twice would make the whole scrape invalid. */
  readonly #shown = new Set<string>();
  /** The blocks of each family by snapshot, so that a scrape visits only what exists. */
  readonly #blocksByFamily = new Map<Family<string>, Map<string, readonly Block[]>>();

  /**
   * Declares metrics; order of declaration is order of exposition. A metric may be declared again, as after a
   * reload. Throws when two metrics share a name, or one ends in `_total` that is no counter.
   */
  declare(metrics: readonly Metric<string>[]): void {
    for (const metric of metrics) {
      const known = this.#declared.get(metric.name);
      if (known === metric) continue;
      if (known !== undefined) throw new Error(`metric ${metric.name} is declared twice`);
      if (metric.name.endsWith('_total') !== (metric.type === 'counter')) {
        throw new Error(`metric ${metric.name}: counters, and only counters, end in _total`);
      }
      this.#declared.set(metric.name, metric);
      if (metric instanceof Family) this.#families.set(metric.name, metric);
      else if (metric instanceof EventCounter || metric instanceof EventHistogram) {
        this.#instruments.declare(metric);
      }
    }
  }

  increment<L extends string>(
    counter: EventCounter<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    by = 1,
  ): void {
    this.#instruments.increment(counter, labels, by);
  }

  observe<L extends string>(
    histogram: EventHistogram<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    value: number,
  ): void {
    this.#instruments.observe(histogram, labels, value);
  }

  /**
   * Makes a snapshot ready for {@link Metrics.swap}, in slices with other work between, so that many samples
   * do not hold up scrapes. Throws as {@link Metrics.put} does.
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
   * Replaces a target's snapshot whole; what it costs is mostly the samples that were not in the one before.
   * Throws on an undeclared family, on labels that are not the family's and on a series that is there already
   * (a collector's bug); the snapshot then stays as it was.
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

  /** What a counter that starts at 0 with the exporter has counted; nothing where it is not declared. */
  async countsOf(name: string): Promise<readonly Count[]> {
    return this.#instruments.countsOf(name);
  }

  /** The whole exposition as one text. */
  async expose(format: Format): Promise<string> {
    return Buffer.concat(await this.chunks(format)).toString();
  }

  /**
   * The whole exposition in UTF-8. Long texts are handed out as they were rendered, without a
   * copy: however many scrape, and however slowly they read, nothing is made for them but the
   * short ones. Never waits for a probe.
   */
  async chunks(format: Format): Promise<readonly Buffer[]> {
    const [counted, own] = await Promise.all([
      this.#instruments.render(format),
      this.#shareOwnProcess(format),
    ]);
    const pieces = new Pieces();
    for (const family of this.#families.values()) {
      const owners = this.#blocksByFamily.get(family);
      if (owners === undefined || owners.size === 0) continue;
      pieces.add(Buffer.from(renderHeader(family.name, family.type, family.help, format)));
      for (const blocks of owners.values()) for (const { text } of blocks) pieces.add(text);
    }
    pieces.add(Buffer.from(counted + own + (format === 'openmetrics' ? '# EOF\n' : '')));
    return pieces.end();
  }

  /** Registers prom-client's `process_*` and `nodejs_*` metrics of this exporter. */
  collectOwnProcess(): void {
    collectDefaultMetrics({
      register: this.#ownProcess,
      eventLoopMonitoringPrecision: LOOP_PRECISION_MS,
    });
  }

  /**
   * The selected part of the exposition in UTF-8, without the exporter's own process; what it
   * costs follows what is selected.
   */
  async selectedChunks(format: Format, selection: Selection): Promise<readonly Buffer[]> {
    const counted = await this.#instruments.render(format, selection);
    const pieces = new Pieces();
    for (const family of this.#families.values()) {
      const owners = [...(this.#blocksByFamily.get(family) ?? [])].filter(([owner]) =>
        selection.includesSamples(family, readKey(owner)),
      );
      if (owners.length === 0) continue;
      pieces.add(Buffer.from(renderHeader(family.name, family.type, family.help, format)));
      for (const [, blocks] of owners) for (const { text } of blocks) pieces.add(text);
    }
    pieces.add(Buffer.from(counted + (format === 'openmetrics' ? '# EOF\n' : '')));
    return pieces.end();
  }

  /** Asking the system costs most of a scrape: those that come at once share the answer. */
  #shareOwnProcess(format: Format): Promise<string> {
    const shared = this.#ownTexts.get(format);
    if (shared !== undefined) return shared;
    const text = this.#renderOwnProcess(format);
    this.#ownTexts.set(format, text);
    setTimeout(() => this.#ownTexts.delete(format), SHARED_MS).unref();
    return text;
  }

  async #renderOwnProcess(format: Format): Promise<string> {
    const all = await this.#ownProcess.getMetricsAsJSON();
    return all
      .filter(isShown)
      .map((one) => renderHeader(one.name, String(one.type), one.help, format) + renderPromClientSeries(one))
      .join('');
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

/**
 * prom-client's own gauges that end in `_total` would be invalid; a metric without series has nothing to say.
 */
function isShown(metric: object): metric is PromClientMetric {
  const { name, type, values } = metric as Partial<PromClientMetric>;
  if (name === undefined || (String(type) === 'gauge' && name.endsWith('_total'))) return false;
  return values !== undefined && values.length > 0;
}

function repeatedSeries(series: string): Error {
  return new Error(`metric ${series.replace(/\{.*/s, '')} repeats a label set`);
}

function readKey(owner: string): SnapshotKey {
  const [collector = '', target = ''] = owner.split('\u0000', 2);
  return { collector, target };
}

function keyText({ collector, target }: SnapshotKey): string {
  return `${collector}\u0000${target}`;
}
