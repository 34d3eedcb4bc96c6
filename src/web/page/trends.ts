import type { TrendSample, Trends } from '../../diagnosis/trends.ts';
import { Html, html } from './html.ts';
import { span } from './times.ts';

const DAY_MS = 86_400_000;
/** Drawn points; each is the highest of its samples. */
const POINTS = 144;
/** Size of the drawing in its own units. */
const [WIDTH, HEIGHT] = [288, 40];

interface Gauge {
  readonly id: string;
  readonly title: string;
  readonly samples: readonly TrendSample[];
  readonly format: (value: number) => string;
  readonly facts: (sorted: readonly number[], last: number) => string;
}

/** The duration of pings as a curve, with its median and 95th percentile. */
export function pingTrend({ ping, sinceMs }: Trends, nowMs: number): Html | undefined {
  return trend(
    {
      id: 'ping-trend',
      title: 'Ping over HTTP',
      samples: ping,
      format: formatSeconds,
      facts: (sorted, last) =>
        [
          `p50 ${formatSeconds(quantile(sorted, 0.5))}`,
          `p95 ${formatSeconds(quantile(sorted, 0.95))}`,
          `now ${formatSeconds(last)}`,
        ].join(', '),
    },
    sinceMs,
    nowMs,
  );
}

/** The gateway's memory as a curve. */
export function memoryTrend({ memory, sinceMs }: Trends, nowMs: number): Html | undefined {
  return trend(
    {
      id: 'memory-trend',
      title: 'Memory of the gateway',
      samples: memory,
      format: formatBytes,
      facts: (sorted, last) =>
        [
          `lowest ${formatBytes(sorted[0] ?? 0)}`,
          `highest ${formatBytes(sorted.at(-1) ?? 0)}`,
          `now ${formatBytes(last)}`,
        ].join(', '),
    },
    sinceMs,
    nowMs,
  );
}

function trend(gauge: Gauge, sinceMs: number, nowMs: number): Html | undefined {
  const values = gauge.samples.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const last = values.at(-1);
  if (last === undefined) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const facts = gauge.facts(sorted, last);
  const highest = sorted.at(-1) ?? 0;
  return html`<figure class="trend" id="${gauge.id}">
<figcaption>${gauge.title} <span class="meta">${facts}; ${describeTime(nowMs - sinceMs)}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
 aria-label="${gauge.title}: ${facts}, highest ${gauge.format(highest)}">
<path d="${new Html(drawCurve(gauge.samples, highest))}"/></svg>
</figure>`;
}

/** What was sampled before the exporter started is not kept. */
function describeTime(ms: number): string {
  return ms < DAY_MS ? `the last ${span(ms)}, since the exporter started` : 'the last 24 h';
}

/** A curve from the oldest sample to the newest one, interrupted where the gauge was absent. */
function drawCurve(samples: readonly TrendSample[], highest: number): string {
  const perPoint = Math.max(1, Math.ceil(samples.length / POINTS));
  const count = Math.ceil(samples.length / perPoint);
  const commands: string[] = [];
  let isDrawing = false;
  for (let point = 0; point < count; point += 1) {
    const slice = samples.slice(point * perPoint, (point + 1) * perPoint);
    const values = slice.flatMap(({ value }) => (value === undefined ? [] : [value]));
    if (values.length === 0) {
      isDrawing = false;
      continue;
    }
    const x = Math.round(((point + 0.5) / count) * WIDTH);
    const y = Math.round(HEIGHT - 2 - (Math.max(...values) / (highest || 1)) * (HEIGHT - 4));
    // A point alone is a short line.
    commands.push(isDrawing ? `L${x} ${y}` : `M${x - 1} ${y}h1`);
    isDrawing = true;
  }
  return commands.join('');
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${Number((seconds * 1000).toPrecision(2))} ms` : `${seconds.toFixed(1)} s`;
}

function formatBytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
