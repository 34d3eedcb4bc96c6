/** A value from some minute on: a number, `gone` for no sample, or a counter that grows each minute. */
export type Value = number | 'gone' | { readonly from: number; readonly perMinute: number };

/** What a series shows from each minute on, in order; the first stands for everything before. */
export type Timeline = readonly (readonly [minute: number, value: Value])[];

/** promtool's notation of a timeline with one sample each `stepSeconds` over `minutes`. */
export function notation(timeline: Timeline, minutes: number, stepSeconds: number): string {
  const at = (minute: number) => Math.round((minute * 60) / stepSeconds);
  const end = at(minutes) + 1;
  const parts = timeline.map(([minute, value], index) => {
    const next = timeline[index + 1];
    const count = Math.min(end, next === undefined ? end : at(next[0])) - (index === 0 ? 0 : at(minute));
    return count > 0 ? part(value, count, stepSeconds) : '';
  });
  return parts.filter((text) => text !== '').join(' ');
}

function part(value: Value, count: number, stepSeconds: number): string {
  if (value === 'gone') return `_x${count}`;
  if (typeof value === 'number') return `${value}x${count - 1}`;
  const perStep = (value.perMinute * stepSeconds) / 60;
  const slope = perStep < 0 ? `${perStep}` : `+${perStep}`;
  return `${value.from}${slope}x${count - 1}`;
}

/**
 * The same where every second scrape fails: its samples are gone as Prometheus marks
 * them, and `up` (`isUp`) says 0.
 */
export function everySecondMissing(
  timeline: Timeline,
  minutes: number,
  stepSeconds: number,
  isUp: boolean,
): string {
  const count = Math.round((minutes * 60) / stepSeconds) + 1;
  return Array.from({ length: count }, (_, index) => {
    const value = valueAt(timeline, (index * stepSeconds) / 60);
    if (value === 'gone') return 'stale';
    if (index % 2 === 0) return isUp ? '0' : 'stale';
    return String(value);
  }).join(' ');
}

function valueAt(timeline: Timeline, minute: number): number | 'gone' {
  const at = timeline.findLast(([from]) => from <= minute) ?? timeline[0];
  if (at === undefined) return 'gone';
  const [from, value] = at;
  const begins = timeline[0] === at ? 0 : from;
  return typeof value === 'object' ? value.from + value.perMinute * (minute - begins) : value;
}

/** A counter or gauge that grows; it starts at `from`. */
export function growing(perMinute: number, from = 0): Value {
  return { from, perMinute };
}

/** A value that goes back and forth: `low` for `lowMinutes`, `high` for `highMinutes`, again and again. */
export function waves(
  span: readonly [from: number, to: number],
  [high, highMinutes]: readonly [value: number, minutes: number],
  [low, lowMinutes]: readonly [value: number, minutes: number],
): Timeline {
  const points: [number, Value][] = [];
  for (let minute = span[0]; minute < span[1]; minute += highMinutes + lowMinutes) {
    points.push([minute, low], [minute + lowMinutes, high]);
  }
  return [[0, high], ...points, [span[1], high]];
}
