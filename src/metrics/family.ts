/** What an on-call person may conclude from a metric, for the generated reference. */
export interface Meaning {
  readonly absent: string;
  readonly zero?: string;
  readonly one?: string;
}

/** What each metric declares beyond its name and HELP text. */
export interface MetricOptions<L extends string> {
  readonly labels?: readonly L[];
  readonly meaning: Meaning;
}

/** What a metric that counts or measures events declares. */
export interface EventOptions<L extends string> extends MetricOptions<L> {
  /** Label sets that are exposed at 0 from the declaration on; others appear with their first event. */
  readonly initial?: readonly Readonly<Record<L, string>>[];
}

/**
 * A metric as data: its name, type, unit, labels, HELP text and meaning, declared
 * beside the code that sets it.
 */
export abstract class Metric<L extends string = string> {
  abstract readonly type: 'gauge' | 'counter' | 'histogram';
  /** Full metric name; counters, and only counters, end in `_total`. */
  readonly name: string;
  /** HELP text: what the value tells an on-call person. */
  readonly help: string;
  readonly labels: readonly L[];
  readonly meaning: Meaning;

  constructor(name: string, help: string, { labels = [], meaning }: MetricOptions<L>) {
    this.name = name;
    this.help = help;
    this.labels = labels;
    this.meaning = meaning;
  }

  /**
   * The base unit, which the name ends in; undefined for what has none, such as a
   * state or a number of things.
   */
  get unit(): string | undefined {
    return /_(seconds|bytes)(?:_total)?$/.exec(this.name)?.[1];
  }
}

/** One series' value at the time its snapshot was taken. */
export interface Sample {
  readonly family: Family<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * A metric whose samples a collector hands in with each run: a gauge, or a counter whose
 * totals survive the exporter.
 */
export class Family<L extends string = never> extends Metric<L> {
  readonly type: 'gauge' | 'counter';

  constructor(type: 'gauge' | 'counter', name: string, help: string, options: MetricOptions<L>) {
    super(name, help, options);
    this.type = type;
  }

  /** A sample of this family; `value` is in the family's base unit. */
  sample(value: number, labels: Readonly<Record<L, string>>): Sample {
    return { family: this, labels, value };
  }
}

/** A counter of events that starts at 0 with the exporter. */
export class EventCounter<L extends string = never> extends Metric<L> {
  readonly type = 'counter';
  readonly initial: readonly Readonly<Record<L, string>>[];

  constructor(name: string, help: string, options: EventOptions<L>) {
    super(name, help, options);
    this.initial = options.initial ?? [];
  }
}

/** A histogram of measurements that starts at 0 with the exporter. */
export class EventHistogram<L extends string = never> extends Metric<L> {
  readonly type = 'histogram';
  readonly initial: readonly Readonly<Record<L, string>>[];
  /** Upper bounds, ascending, without +Inf. */
  readonly buckets: readonly number[];

  constructor(name: string, help: string, options: HistogramOptions<L>) {
    super(name, help, options);
    this.initial = options.initial ?? [];
    this.buckets = options.buckets;
  }
}

/** What a histogram declares. */
export interface HistogramOptions<L extends string> extends EventOptions<L> {
  readonly buckets: readonly number[];
}

/** A gauge family. */
export function gauge<const L extends string = never>(
  name: string,
  help: string,
  options: MetricOptions<L>,
): Family<L> {
  return new Family('gauge', name, help, options);
}

/** A counter family whose totals a collector keeps itself, with the exporter's state. */
export function counter<const L extends string = never>(
  name: string,
  help: string,
  options: MetricOptions<L>,
): Family<L> {
  return new Family('counter', name, help, options);
}

/** A counter of events, which starts at 0 with the exporter. */
export function eventCounter<const L extends string = never>(
  name: string,
  help: string,
  options: EventOptions<L>,
): EventCounter<L> {
  return new EventCounter(name, help, options);
}

/** A histogram of measurements, which starts at 0 with the exporter. */
export function histogram<const L extends string = never>(
  name: string,
  help: string,
  options: HistogramOptions<L>,
): EventHistogram<L> {
  return new EventHistogram(name, help, options);
}

/**
 * One series for each of `values`, 1 for `current` and 0 for the rest
 * (OpenMetrics' stateset as plain gauges).
 */
export function stateset<V extends string>(
  values: readonly V[],
  current: V,
  toSample: (value: V, on: 0 | 1) => Sample,
): Sample[] {
  return values.map((value) => toSample(value, value === current ? 1 : 0));
}
