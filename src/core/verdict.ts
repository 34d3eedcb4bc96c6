import type { Evidence, Verdict } from './collector.ts';

/** From the one that decides for many to the one that decides last: what could not be seen hides nothing that was. */
const BY_WEIGHT: readonly Verdict[] = ['bad', 'warning', 'ok', 'unknown'];

/** The verdict over many: the worst that was seen; `unknown` only where nothing was. */
export function overallVerdict(verdicts: Iterable<Verdict>): Verdict {
  const all = new Set(verdicts);
  return BY_WEIGHT.find((verdict) => all.has(verdict)) ?? 'unknown';
}

/** Whether evidence counts for a verdict; what people planned is no fault. */
export function decides({ planned }: Evidence): boolean {
  return planned !== true;
}

/** For sorting: what needs attention comes first. */
export function byWeight(a: Verdict, b: Verdict): number {
  return BY_WEIGHT.indexOf(a) - BY_WEIGHT.indexOf(b);
}
