/** What an on-call person may conclude from a gauge, for the generated metrics reference. */
export interface Meaning {
  readonly absent: string;
  readonly zero?: string;
  readonly one?: string;
}

/** What a family has beyond its name and help. */
export interface FamilyOptions<L extends string> {
  /** Full metric name; counters end in `_total`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  /** HELP text: what the value tells an on-call person. */
  readonly help: string;
  readonly labels?: readonly L[];
  readonly meaning: Meaning;
}

/** One series' value at the time its snapshot was taken. */
export interface Sample {
  readonly family: Family<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric family: its name, type, help and label names, declared once beside the collector that owns it. */
export class Family<L extends string = never> {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels: readonly L[];
  readonly meaning: Meaning;

  /** Throws on a name that is not valid in both exposition formats: `_total` belongs to counters alone. */
  constructor(options: FamilyOptions<L>) {
    if (options.name.endsWith('_total') !== (options.type === 'counter')) {
      throw new Error(`metric ${options.name}: counters, and only counters, end in _total`);
    }
    this.name = options.name;
    this.type = options.type;
    this.help = options.help;
    this.labels = options.labels ?? [];
    this.meaning = options.meaning;
  }

  /** A sample of this family; `value` is in the family's base unit. */
  sample(value: number, labels: Readonly<Record<L, string>>): Sample {
    return { family: this, labels, value };
  }
}

/** A gauge family. */
export function gauge<const L extends string = never>(
  name: string,
  help: string,
  options: { readonly labels?: readonly L[]; readonly meaning: Meaning },
): Family<L> {
  return new Family<L>({ name, type: 'gauge', help, ...options });
}

/** A counter family whose totals a collector keeps itself (those that start at 0 with the exporter use prom-client). */
export function counter<const L extends string = never>(
  name: string,
  help: string,
  options: { readonly labels?: readonly L[]; readonly meaning: Meaning },
): Family<L> {
  return new Family<L>({ name, type: 'counter', help, ...options });
}

/** One series for each of `values`, 1 for `current` and 0 for the rest (OpenMetrics' stateset as plain gauges). */
export function stateset<V extends string>(
  values: readonly V[],
  current: V,
  toSample: (value: V, on: 0 | 1) => Sample,
): Sample[] {
  return values.map((value) => toSample(value, value === current ? 1 : 0));
}
