import type { Evidence, Layer } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { byWeight, decides } from '../../core/verdict.ts';
import { LAYER_WORDS } from '../../diagnosis/words.ts';
import { type Html, html } from './html.ts';
import { since, span } from './times.ts';
import { badge, type PageState, STATE_WORDS } from './verdicts.ts';

/** So much evidence of one layer is shown; the page says how much is not. */
const MAX_EVIDENCE = 30;

/** A piece of evidence with its times, wall time in milliseconds. */
export interface DatedRow {
  readonly evidence: Evidence;
  /** When its target was last looked at. */
  readonly seenMs: number;
  /** Since when its verdict holds. */
  readonly sinceMs: number;
}

/** What the page shows of one layer. */
export interface LayerView {
  readonly layer: Layer;
  readonly state: PageState;
  /** Undefined where nothing is known of the layer. */
  readonly sinceMs: number | undefined;
  readonly rows: readonly DatedRow[];
}

/** All evidence that counts for one layer, what needs attention first. */
export function rowsOf(states: readonly TargetState[], layer: Layer): DatedRow[] {
  return states
    .flatMap(({ evidence, sinceMs, atMs }) =>
      evidence.map((one, index) => ({ evidence: one, seenMs: atMs, sinceMs: sinceMs?.[index] ?? atMs })),
    )
    .filter(({ evidence }) => evidence.layer === layer && decides(evidence))
    .sort((a, b) => byWeight(a.evidence.verdict, b.evidence.verdict));
}

/** The five layers in one row, each a way to its section. */
export function layersNav(views: readonly LayerView[], nowMs: number): Html {
  const items = views.map(
    ({ layer, state, sinceMs }) =>
      html`<li><a id="to-${layer}" href="#${layer}" class="${state}"><strong>${LAYER_WORDS[layer].title}</strong>${badge(state)}<span class="meta">${sinceMs === undefined ? 'no verdict' : html`for ${span(nowMs - sinceMs)}`}</span></a></li>`,
  );
  return html`<nav aria-label="Layers"><ul>
${items}
</ul></nav>`;
}

/** One layer: its state, since when, why, what to do next, and its table. */
export function layerSection(view: LayerView, nowMs: number, table?: Html): Html {
  const { layer, state, sinceMs, rows } = view;
  const shown = rows.slice(0, MAX_EVIDENCE);
  const items =
    shown.length === 0
      ? html`<p class="meta">Not looked at yet, or not configured.</p>`
      : html`<ul class="evidence">
${shown.map((row) => evidenceItem(row, nowMs))}
</ul>`;
  const time = sinceMs === undefined ? undefined : html`<span class="meta">${since(sinceMs, nowMs)}</span>`;
  return html`<section class="card" id="${layer}" aria-labelledby="${layer}-title">
<div class="title"><h2 id="${layer}-title">${LAYER_WORDS[layer].title}<span class="spoken">: ${STATE_WORDS[state]}</span></h2>${badge(state)}${time}<span class="meta">${LAYER_WORDS[layer].question}</span></div>
${items}${leftOut(rows.slice(MAX_EVIDENCE))}
${table}
</section>`;
}

function evidenceItem({ evidence, seenMs, sinceMs }: DatedRow, nowMs: number): Html {
  const { verdict, subject, text } = evidence;
  return html`<li>${badge(verdict)}<div><p><b><bdi>${subject}</bdi></b>: <bdi>${text}</bdi></p>${repairStep(evidence)}</div><p class="meta">${since(sinceMs, nowMs)} · seen ${span(nowMs - seenMs)} ago</p></li>`;
}

/** The next repair step, where there is one. */
export function repairStep({ repair }: Evidence): Html | undefined {
  return repair === undefined ? undefined : html`<p class="repair">Next step: <code>${repair}</code></p>`;
}

function leftOut(rows: readonly DatedRow[]): Html | undefined {
  if (rows.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { evidence } of rows) {
    const word = STATE_WORDS[evidence.verdict];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  return html`<p class="meta">${rows.length} more are left out: ${words}</p>`;
}
