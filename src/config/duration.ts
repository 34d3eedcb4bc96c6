import { z } from 'zod';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const SHAPE = /^(?:\d+(?:ms|[smhdw]))+$/;
const PART = /(\d+)(ms|[smhdw])/g;

/**
 * Milliseconds of a duration in Prometheus' style (`90s`, `1h30m`, `500ms`), or undefined where it is none.
 */
export function parseDuration(text: string): number | undefined {
  if (!SHAPE.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(PART)) total += Number(count) * unitMs(unit);
  return Number.isSafeInteger(total) ? total : undefined;
}

function unitMs(unit: string | undefined): number {
  return UNITS[unit as keyof typeof UNITS];
}

/** The longest duration that is of use; more would overflow a timer. */
export const MAX_DURATION_MS = 7 * UNITS.d;

/** A zod schema for a duration of at least `minMs` and at most a week; its output is milliseconds. */
export function duration(minMs: number) {
  const allowed = `a duration from ${formatDuration(minMs)} to ${formatDuration(MAX_DURATION_MS)}, such as 30s, 5m or 1h30m`;
  const schema = z.string({ error: allowed }).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= minMs && ms <= MAX_DURATION_MS) return ms;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
  return schema.meta({ kind: 'duration' });
}

/** Milliseconds in the shape that {@link parseDuration} reads, in the largest units: 90,000 is `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNITS[unit];
  }
  return text;
}
