import { Counter, Histogram, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { type Format, renderHeader, renderPromClientSeries } from './exposition.ts';
import { EventCounter, type EventHistogram, type Metric } from './family.ts';
import type { Selection } from './selection.ts';

/** Where events are counted and measured. */
export interface Instruments {
  /**
   * Adds to a declared counter; 0 exposes the series without an event. Throws on a
   * counter that is not declared.
   */
  increment<L extends string>(
    counter: EventCounter<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    by?: number,
  ): void;
  /** Adds a measurement, in the base unit. Throws on a histogram that is not declared. */
  observe<L extends string>(
    histogram: EventHistogram<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    value: number,
  ): void;
}

/** One series of a counter. */
export interface Count {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Counts nothing: for what is run on behalf of a caller and exposed by nobody, such
 * as a probe of another gateway.
 */
export const NO_INSTRUMENTS: Instruments = { increment: () => undefined, observe: () => undefined };

type Held<M extends Metric<string>, H extends Counter | Histogram> = {
  readonly metric: M;
  readonly held: H;
  /** Grows with each event; `rendered` is the text of one revision. */
  revision: number;
  rendered?: { readonly revision: number; readonly lines: string };
};

/** Counters and histograms that start at 0 with the exporter: prom-client adds up, the text is ours. */
export class InstrumentStore implements Instruments {
  readonly #counters = new Map<string, Held<EventCounter<string>, Counter>>();
  readonly #histograms = new Map<string, Held<EventHistogram<string>, Histogram>>();

  /** Takes up a metric whose name nothing else has, with its initial label sets at 0. */
  declare(metric: EventCounter<string> | EventHistogram<string>): void {
    const { name, help, labels: labelNames, initial } = metric;
    if (metric instanceof EventCounter) {
      const held = new Counter({ name, help, labelNames, registers: [] });
      for (const labels of initial) held.inc(labels, 0);
      this.#counters.set(name, { metric, held, revision: 0 });
    } else {
      const held = new Histogram({ name, help, labelNames, buckets: [...metric.buckets], registers: [] });
      for (const labels of initial) held.zero(labels);
      this.#histograms.set(name, { metric, held, revision: 0 });
    }
  }

  increment<L extends string>(
    counter: EventCounter<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    by = 1,
  ): void {
    const known = this.#counters.get(counter.name);
    if (known?.metric !== counter) throw undeclared(counter);
    known.held.inc(labels, by);
    known.revision += 1;
  }

  observe<L extends string>(
    histogram: EventHistogram<L>,
    labels: Readonly<Record<NoInfer<L>, string>>,
    value: number,
  ): void {
    const known = this.#histograms.get(histogram.name);
    if (known?.metric !== histogram) throw undeclared(histogram);
    known.held.observe(labels, value);
    known.revision += 1;
  }

  /** What a declared counter has counted, by its labels; nothing where it is not declared. */
  async countsOf(name: string): Promise<readonly Count[]> {
    const known = this.#counters.get(name);
    if (known === undefined) return [];
    const { values }: MetricObjectWithValues<MetricValue<string>> = await known.held.get();
    return values.map(({ labels, value }) => ({
      labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])),
      value,
    }));
  }

  /**
   * The text of every metric that has a series, or of those selected; of all of them only what counted an
   * event since is rendered anew.
   */
  async render(format: Format, selection?: Selection): Promise<string> {
    const texts: string[] = [];
    for (const known of [...this.#counters.values(), ...this.#histograms.values()]) {
      const lines = await (selection === undefined ? renderLines(known) : renderSelected(known, selection));
      if (lines === '') continue;
      const { name, type, help } = known.metric;
      texts.push(renderHeader(name, type, help, format), lines);
    }
    return texts.join('');
  }
}

async function renderSelected(
  { metric, held }: Held<Metric<string>, Counter | Histogram>,
  { includesSeries }: Selection,
): Promise<string> {
  const all: MetricObjectWithValues<MetricValue<string>> = await held.get();
  const values = all.values.filter(({ labels }) => includesSeries(metric, labels));
  return renderPromClientSeries({ ...all, values });
}

async function renderLines(known: Held<Metric<string>, Counter | Histogram>): Promise<string> {
  if (known.rendered?.revision === known.revision) return known.rendered.lines;
  const { revision } = known;
  const values: MetricObjectWithValues<MetricValue<string>> = await known.held.get();
  const lines = renderPromClientSeries(values);
  known.rendered = { revision, lines };
  return lines;
}

function undeclared({ name }: Metric<string>): Error {
  return new Error(`metric ${name} is not declared`);
}
