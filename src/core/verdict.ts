import type { Evidence, Verdict } from './collector.ts';

/**
 * From the one that decides for many to the one that decides last: what could not be
 * seen hides nothing that was.
 */
const BY_WEIGHT: readonly Verdict[] = ['bad', 'warning', 'ok', 'unknown'];

/** The verdict over many: the worst that was seen; `unknown` only where nothing was. */
export function overallVerdict(verdicts: Iterable<Verdict>): Verdict {
  const all = new Set(verdicts);
  return BY_WEIGHT.find((verdict) => all.has(verdict)) ?? 'unknown';
}

/** Whether evidence counts for a verdict; what is planned or not configured is no fault. */
export function decides({ planned, unconfigured }: Evidence): boolean {
  return planned !== true && unconfigured !== true;
}

/** Whether evidence counts for the verdict of its layer. */
export function countsForLayer(evidence: Evidence): boolean {
  return decides(evidence) && evidence.incidental !== true;
}

/**
 * For sorting: what needs attention comes first, notes before what is plainly well,
 * what is not configured last.
 */
export function compareEvidence(a: Evidence, b: Evidence): number {
  return (
    Number(decides(b)) - Number(decides(a)) ||
    BY_WEIGHT.indexOf(a.verdict) - BY_WEIGHT.indexOf(b.verdict) ||
    Number(b.note ?? false) - Number(a.note ?? false)
  );
}
