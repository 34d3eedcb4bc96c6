import { type Html, html } from './html.ts';

const UNITS = [
  ['d', 86_400_000, 2],
  ['h', 3_600_000, 2],
  ['min', 60_000, 2],
  ['s', 1_000, 0],
] as const;

/** A duration in one unit: 90 s, 12 min, 30 h, 5 d. */
export function span(ms: number): string {
  const size = Math.max(0, ms);
  const [unit, length] = UNITS.find(([, unitMs, least]) => size >= unitMs * least) ?? (['s', 1_000] as const);
  return `${Math.floor(size / length)} ${unit}`;
}

/** The distance of a moment from now, machine-readable too. */
export function distance(atMs: number, nowMs: number): Html {
  const words = atMs > nowMs ? `in ${span(atMs - nowMs)}` : `${span(nowMs - atMs)} ago`;
  return html`<time datetime="${formatIso(atMs)}">${words}</time>`;
}

/** When something began: time of day in UTC, with the date unless it is today, and how long ago. */
export function since(atMs: number, nowMs: number): Html {
  const iso = formatIso(atMs);
  const day = iso.slice(0, 10);
  const clock = `${iso.slice(11, 16)} UTC`;
  const moment = day === formatIso(nowMs).slice(0, 10) ? clock : `${day} ${clock}`;
  return html`<time datetime="${iso}">since ${moment}</time> (${span(nowMs - atMs)})`;
}

/** A time that no date can hold is a mistake in the data, not a reason to fail. */
function formatIso(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString();
}
