import type { History } from '../../diagnosis/journal/history.ts';
import {
  listSegments,
  listSteps,
  SEGMENT_STATES,
  type Segment,
  type SegmentState,
} from '../../diagnosis/journal/segments.ts';
import { LAYER_WORDS } from '../../diagnosis/words.ts';
import { LAYERS, type Layer } from '../../lib/vocabulary.ts';
import { type Html, html } from './html.ts';
import { tableHead, tableRow } from './table.ts';
import { span } from './times.ts';
import { STATE_WORDS } from './verdicts.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
/** Marks so close to an end of the axis have no label, in percent. */
const EDGE = 4;
/** Restarts and versions marked in one row. */
const MAX_MARKS = 50;

/** The time that the page shows, milliseconds. */
export const TIMELINE_MS = 7 * DAY_MS;

interface Scale {
  readonly title: string;
  readonly lengthMs: number;
  /** Drawn steps; each shows its worst state. */
  readonly steps: number;
  readonly tickMs: number;
  readonly label: (atMs: number) => string;
}

const SCALES: readonly Scale[] = [
  {
    title: 'Last 24 hours',
    lengthMs: DAY_MS,
    steps: 144,
    tickMs: 6 * HOUR_MS,
    label: (atMs) => new Date(atMs).toISOString().slice(11, 16),
  },
  {
    title: 'Last 7 days',
    lengthMs: TIMELINE_MS,
    steps: 168,
    tickMs: DAY_MS,
    label: (atMs) => DAYS[new Date(atMs).getUTCDay()] ?? '',
  },
];

const WORDS: Readonly<Record<SegmentState, string>> = { ...STATE_WORDS, changing: 'Changing often' };

/** Each layer over the last day and week, one row a layer; nothing where the journal cannot be read now. */
export function timelineSection(history: History | undefined, nowMs: number): Html | undefined {
  if (history === undefined) return undefined;
  const rows = LAYERS.map((layer) =>
    tableRow(
      LAYER_WORDS[layer].title,
      SCALES.map((scale) => ({ label: scale.title, value: bar(history, layer, scale, nowMs) })),
    ),
  );
  const axes = SCALES.map((scale) => ({ label: scale.title, value: axis(scale, nowMs) }));
  return html`<section class="card" id="timeline" aria-labelledby="timeline-title">
<div class="title">
<h2 id="timeline-title">Timeline</h2>
<span class="meta">a step is 10 minutes or an hour and shows its worst state</span>
</div>
<table role="table">${tableHead(['Layer', ...SCALES.map(({ title }) => title)], [])}
<tbody role="rowgroup">
${rows}
</tbody>
<tbody class="axis" aria-hidden="true">
${tableRow('UTC', axes)}
</tbody></table>
<ul class="legend" aria-label="Patterns">
${SEGMENT_STATES.toReversed().map(legendItem)}
</ul>
</section>`;
}

function legendItem(state: SegmentState): Html {
  const swatch = html`<svg class="swatch" aria-hidden="true"><rect class="${state}" width="100%"/></svg>`;
  const hint =
    state === 'unknown' ? html` <span class="meta">(also: the exporter did not run)</span>` : undefined;
  return html`<li>${swatch} ${WORDS[state]}${hint}</li>`;
}

function bar(history: History, layer: Layer, scale: Scale, nowMs: number): Html {
  const period = { fromMs: nowMs - scale.lengthMs, toMs: nowMs };
  const segments = listSegments(history, layer, period);
  const rects = joinSteps(listSteps(segments, period, scale.steps)).map(({ from, count, state }) => {
    const [x, width] = [from, count].map((steps) => percent(steps / scale.steps));
    return html`<rect class="${state}" x="${x}" width="${width}"/>`;
  });
  const events = layer === 'process' ? listEvents(history, period.fromMs) : [];
  const marks = events
    .slice(-MAX_MARKS)
    .map(({ atMs }) => html`<rect class="event" x="${percent(place(atMs, scale, nowMs))}"/>`);
  const name = `${LAYER_WORDS[layer].title}, ${scale.title.toLowerCase()}`;
  const words = `${name}: ${describe(segments, nowMs)}${describeEvents(events)}`;
  return html`<svg class="bar" role="img" aria-label="${words}">${rects}${marks}</svg>`;
}

/** Neighbouring steps of one state as one. */
function joinSteps(steps: readonly SegmentState[]) {
  const joined: { from: number; count: number; state: SegmentState }[] = [];
  for (const [from, state] of steps.entries()) {
    const last = joined.at(-1);
    if (last?.state === state) last.count += 1;
    else joined.push({ from, count: 1, state });
  }
  return joined;
}

function listEvents(history: History, fromMs: number) {
  return history.events
    .map(({ at, kind }) => ({ atMs: Date.parse(at), kind }))
    .filter(({ atMs }) => atMs >= fromMs);
}

/** The same in words: how long each state held, and when the last trouble was. */
function describe(segments: readonly Segment[], nowMs: number): string {
  const totals = new Map<SegmentState, number>();
  for (const { fromMs, toMs, state } of segments) {
    totals.set(state, (totals.get(state) ?? 0) + toMs - fromMs);
  }
  const parts = SEGMENT_STATES.toReversed().flatMap((state) => {
    const total = totals.get(state);
    return total === undefined ? [] : [`${WORDS[state].toLowerCase()} ${span(total)}`];
  });
  const last = segments.findLast(({ state }) => state !== 'ok' && state !== 'unknown');
  if (last === undefined) return parts.join(', ');
  const end = last.toMs >= nowMs ? 'until now' : `to ${formatMinute(last.toMs)}`;
  const when = `${formatMinute(last.fromMs)} ${end}, UTC`;
  return `${parts.join(', ')}; last ${WORDS[last.state].toLowerCase()} ${when}`;
}

function describeEvents(events: readonly { readonly kind: 'restart' | 'version' }[]): string {
  const restarts = events.filter(({ kind }) => kind === 'restart').length;
  const versions = events.length - restarts;
  return [
    ...(restarts === 0 ? [] : [`; ${restarts} restart${restarts === 1 ? '' : 's'}`]),
    ...(versions === 0 ? [] : [`; ${versions} change${versions === 1 ? '' : 's'} of version`]),
  ].join('');
}

function axis(scale: Scale, nowMs: number): Html {
  const firstMs = Math.ceil((nowMs - scale.lengthMs) / scale.tickMs) * scale.tickMs;
  const count = Math.ceil((nowMs - firstMs) / scale.tickMs);
  const labels = Array.from({ length: count }, (_, index) => firstMs + index * scale.tickMs).flatMap(
    (atMs) => {
      const x = place(atMs, scale, nowMs);
      const isAtEdge = x * 100 < EDGE || x * 100 > 100 - EDGE;
      return isAtEdge ? [] : [html`<text x="${percent(x)}" y="1em">${scale.label(atMs)}</text>`];
    },
  );
  return html`<svg class="ticks">${labels}</svg>`;
}

function place(atMs: number, scale: Scale, nowMs: number): number {
  return (atMs - (nowMs - scale.lengthMs)) / scale.lengthMs;
}

function percent(part: number): string {
  return `${Number((part * 100).toFixed(2))}%`;
}

function formatMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
