/** A time as a log line tells it. */
export interface LineTime {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** No zone was given: the exporter's own was assumed, where an hour comes twice in autumn. */
  readonly zoneless: boolean;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `2026-11-23T00:49:01.152Z`, `2026/11/23 00:49:01,152`, `2026-11-23 00:49 +01:00`. */
const ISO =
  /(?<![\d.])(\d{4})[-/](\d{2})[-/](\d{2})[T _](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?(?!\d)/;

/** `Mon Nov 23 00:49:01 UTC 2026` as date(1) prints it, also without the zone. */
const DATE =
  /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})(?: (AM|PM))?(?: ([A-Z]{1,5}|[+-]\d{2,4}))? (\d{4})\b/;

/** Seconds or milliseconds since the epoch, as a whole text. */
const EPOCH = /^\s*(\d{10})(?:\.(\d{1,9}))?\s*$|^\s*(\d{13})\s*$/;

/**
 * The first time in a text: ISO 8601 and its usual spellings, or what date(1) prints. Named
 * zones other than UTC and GMT are ambiguous all over the world and count as the exporter's own.
 * Linear in the length of the text.
 */
export function findTime(text: string): LineTime | undefined {
  return fromIso(ISO.exec(text)) ?? fromDate(DATE.exec(text));
}

/**
 * As {@link findTime}, for a text that is known to be a time: also bare seconds or
 * milliseconds since the epoch.
 */
export function parseTime(text: string): LineTime | undefined {
  const epoch = EPOCH.exec(text);
  if (epoch === null) return findTime(text);
  const [, seconds, fraction, millis] = epoch;
  const atMs = millis === undefined ? Number(seconds) * 1000 + millisOf(fraction) : Number(millis);
  return { atMs, zoneless: false };
}

/**
 * The second passing of a wall time that comes twice when the clocks go back: a later line cannot be from the
 * first one. Undefined where the time is not such a one.
 */
export function secondPassing(atMs: number): number | undefined {
  const later = atMs + 3_600_000;
  return wallOf(later) === wallOf(atMs) ? later : undefined;
}

function wallOf(ms: number): string {
  const date = new Date(ms);
  return `${date.getDate()} ${date.getHours()}:${date.getMinutes()}`;
}

function fromIso(match: RegExpExecArray | null): LineTime | undefined {
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const fields = [year, Number(month) - 1, day, hour, minute, second ?? 0].map(Number);
  return timeOf(fields, millisOf(fraction), zone);
}

function fromDate(match: RegExpExecArray | null): LineTime | undefined {
  if (match === null) return undefined;
  const [, month = '', day, hour, minute, second, half, zone, year] = match;
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (half === 'PM' ? 12 : 0);
  const fields = [year, MONTHS.indexOf(month.toLowerCase()), day, hours, minute, second].map(Number);
  return timeOf(fields, 0, zone);
}

function timeOf(fields: readonly number[], millis: number, zone: string | undefined): LineTime | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  if (month > 11 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  const offset = offsetOf(zone);
  if (offset === undefined) {
    const atMs = new Date(year, month, day, hour, minute, second, millis).getTime();
    return { atMs, zoneless: true };
  }
  const atMs = Date.UTC(year, month, day, hour, minute, second, millis) - offset;
  return { atMs, zoneless: false };
}

/** Milliseconds ahead of UTC; undefined for no zone and for names that mean different zones. */
function offsetOf(zone: string | undefined): number | undefined {
  if (zone === 'Z' || zone === 'UTC' || zone === 'GMT') return 0;
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '');
  if (match === null) return undefined;
  const [, sign, hours, minutes] = match;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}

function millisOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
}
