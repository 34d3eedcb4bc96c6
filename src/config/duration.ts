import { z } from 'zod';

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const SHAPE = /^(?:\d+(?:ms|[smhdw]))+$/;
const PART = /(\d+)(ms|[smhdw])/g;

/** Milliseconds of a duration in Prometheus' style (`90s`, `1h30m`, `500ms`), or undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (!SHAPE.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(PART)) total += Number(count) * unitMs(unit);
  return Number.isSafeInteger(total) ? total : undefined;
}

function unitMs(unit: string | undefined): number {
  return UNITS[unit as keyof typeof UNITS];
}

/** A zod schema for a duration of at least `minMs`; its output is milliseconds. */
export function duration(minMs: number) {
  return z.string().transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= minMs) return ms;
    context.addIssue({
      code: 'custom',
      message: `a duration of at least ${minMs}ms, such as 30s, 5m or 1h30m`,
    });
    return z.NEVER;
  });
}
