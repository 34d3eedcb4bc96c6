/** One line of a result table: what was measured, ours, the alternative's, and how they compare. */
export interface BenchRow {
  readonly what: string;
  readonly ours: string;
  readonly alternative: string;
  readonly ratio: string;
}

/** A claim about speed or cost with the run that supports it. */
export interface Bench {
  readonly name: string;
  /** The claim, as one sentence. */
  readonly claim: string;
  /** What `ours` is compared with. */
  readonly alternative: string;
  run(): Promise<readonly BenchRow[]>;
}

/** The value below which the share `p` (0 to 1) of `values` lies. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

export function ms(value: number): string {
  return `${value < 100 ? value.toPrecision(3) : Math.round(value)} ms`;
}

export function times(alternative: number, ours: number): string {
  const ratio = alternative / ours;
  return `${ratio < 100 ? ratio.toPrecision(2) : Math.round(ratio)} times`;
}
