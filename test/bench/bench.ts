import { readFileSync } from 'node:fs';

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
  /** The environment variable without which it runs only where it is named. */
  readonly needs?: string;
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

/** The kernel's clock ticks a second in `/proc/PID/stat`. */
const TICKS = 100;

/**
 * User and system seconds of a process, and of its children that have ended; Linux alone. Source:
 * proc(5), fields 14 to 17 of `stat`.
 */
export function cpuSecondsOf(pid: number): number {
  return statOf(pid)
    .slice(11, 15)
    .reduce((sum, field) => sum + Number(field) / TICKS, 0);
}

/** The fields of `/proc/PID/stat` behind the name, from the state on; none where the process is gone. */
export function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

export function ms(value: number): string {
  return `${value < 100 ? value.toPrecision(3) : Math.round(value)} ms`;
}

export function times(alternative: number, ours: number): string {
  const ratio = alternative / ours;
  return `${ratio < 100 ? ratio.toPrecision(2) : Math.round(ratio)} times`;
}
