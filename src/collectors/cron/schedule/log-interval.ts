const HOUR_MS = 3_600_000;
const MIN_GAPS = 5;
const MAX_GAPS = 64;
/** A gap this much longer or shorter than the middle one is none of the rhythm. */
const TOLERANCE = 0.5;
/** Of so many gaps one may be out of rhythm: an outage, a run by hand. */
const GAPS_PER_EXCEPTION = 10;
/** Only a whole week shows nights and weekends without runs. */
const STEADY_AFTER_MS = 7 * 24 * HOUR_MS;

/** How often a job runs that only its log tells. */
export interface LogInterval {
  readonly intervalMs: number;
  readonly source: 'configured' | 'learnt';
  /**
   * Whether a run that does not come may be called missed. A learnt rhythm is steady when the starts looked
   * at span a week; of quicker jobs that is never known, for they may rest at night.
   */
  readonly steady: boolean;
}

/**
 * The interval of a job without a schedule: the configured one, else the middle gap between its
 * newest 65 starts (milliseconds since the epoch, any order) when there are at least 6 and the
 * gaps are alike, else undefined.
 */
export function logInterval(
  configuredMs: number | undefined,
  startsMs: readonly number[],
): LogInterval | undefined {
  if (configuredMs !== undefined) return { intervalMs: configuredMs, source: 'configured', steady: true };
  const starts = [...new Set(startsMs)].sort((a, b) => a - b).slice(-MAX_GAPS - 1);
  const gaps = starts.slice(1).map((startMs, index) => startMs - (starts[index] ?? startMs));
  const middleMs = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
  if (middleMs === undefined || gaps.length < MIN_GAPS) return undefined;
  const exceptions = gaps.filter((gapMs) => Math.abs(gapMs - middleMs) > TOLERANCE * middleMs).length;
  if (exceptions > Math.floor(gaps.length / GAPS_PER_EXCEPTION)) return undefined;
  const spanMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
  return { intervalMs: middleMs, source: 'learnt', steady: spanMs >= STEADY_AFTER_MS };
}
