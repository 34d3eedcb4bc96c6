import type { Evidence } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { compareEvidence, decides } from '../../core/verdict.ts';
import type { Machine } from '../../diagnosis/machine.ts';
import { nextStep } from '../../diagnosis/repair.ts';
import { findRunbook } from '../../diagnosis/runbooks.ts';
import type { RepairStep } from '../../diagnosis/steps.ts';
import { LAYER_WORDS } from '../../diagnosis/words.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import { type Html, html } from './html.ts';
import { since, span } from './times.ts';
import { badge, type PageState, STATE_WORDS } from './verdicts.ts';

/** Evidence shown of one layer; the rest is counted. */
const MAX_EVIDENCE = 30;

/** A piece of evidence with its times, wall time in milliseconds. */
export interface DatedRow {
  readonly evidence: Evidence;
  /** When its target was last checked. */
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
  /** Whether every collector has run. */
  readonly isReady: boolean;
}

/** What a page depends on besides the collectors. */
export interface PageContext {
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** What repair steps depend on. */
  readonly machine: Machine;
  /** Whether to show what other programs reported, redacted. */
  readonly showsDetails: boolean;
}

/** All evidence of one layer, what needs attention first; what is planned stands above the layers. */
export function selectRows(states: readonly TargetState[], layer: Layer): DatedRow[] {
  return states
    .flatMap(({ evidence, sinceMs, atMs }) =>
      evidence.map((one, index) => ({ evidence: one, seenMs: atMs, sinceMs: sinceMs?.[index] ?? atMs })),
    )
    .filter(({ evidence }) => evidence.layer === layer && evidence.planned !== true)
    .sort((a, b) => compareEvidence(a.evidence, b.evidence));
}

/** The five layers in one row, each a link to its section. */
export function layersNav(views: readonly LayerView[], nowMs: number): Html {
  return html`<nav aria-label="Layers"><ul>
${views.map((view) => layerLink(view, nowMs))}
</ul></nav>`;
}

function layerLink(view: LayerView, nowMs: number): Html {
  const { layer, state, sinceMs } = view;
  const time = sinceMs === undefined ? 'no verdict' : `for ${span(nowMs - sinceMs)}`;
  return html`<li><a id="to-${layer}" href="#${layer}" class="${state}">
<strong>${LAYER_WORDS[layer].title}</strong>${badge(state, findWord(view))}<span class="meta">${time}</span>
</a></li>`;
}

/** One layer: its state, since when, why, what to do next, and its table or curve. */
export function layerSection(view: LayerView, context: PageContext, below?: Html): Html {
  const { nowMs } = context;
  const { layer, state, sinceMs, rows } = view;
  const { title, question } = LAYER_WORDS[layer];
  const word = findWord(view);
  const shown = rows.slice(0, MAX_EVIDENCE);
  const time = sinceMs === undefined ? undefined : html`<span class="meta">${since(sinceMs, nowMs)}</span>`;
  return html`<section class="card" id="${layer}" aria-labelledby="${layer}-title">
<div class="title">
<h2 id="${layer}-title">${title}<span class="spoken">: ${word}</span></h2>
${badge(state, word)}${time}<span class="meta">${question}</span>
</div>
${shown.length === 0 ? undefined : evidenceList(shown, context)}${countRest(rows.slice(MAX_EVIDENCE))}
${below}
</section>`;
}

/** A layer without evidence is not configured once every collector has run. */
function findWord({ state, isReady }: LayerView): string {
  return state === 'unseen' && !isReady ? 'Not collected yet' : STATE_WORDS[state];
}

function evidenceList(rows: readonly DatedRow[], context: PageContext): Html {
  return html`<ul class="evidence">
${rows.map((row, index) => evidenceItem(row, `runbook-${row.evidence.layer}-${index}`, context))}
</ul>`;
}

/** `linkId` is that of its link to a runbook, by which focus stays when the page is refreshed. */
function evidenceItem({ evidence, seenMs, sinceMs }: DatedRow, linkId: string, context: PageContext): Html {
  const { nowMs, machine } = context;
  return html`<li>${badge(findState(evidence))}
<div>${describeEvidence(evidence, context)}${repairLine(nextStep(evidence, machine), evidence, linkId)}</div>
<p class="meta">${since(sinceMs, nowMs)} · checked ${span(nowMs - seenMs)} ago</p></li>`;
}

function findState(evidence: Evidence): PageState {
  if (!decides(evidence)) return 'unseen';
  return evidence.note === true ? 'note' : evidence.verdict;
}

/** What a piece of evidence says, with what the other side reported where that may be shown. */
export function describeEvidence({ subject, text, detail }: Evidence, context: PageContext): Html {
  const report =
    detail !== undefined && context.showsDetails
      ? html`<p class="meta">it reported: <bdi>${detail}</bdi></p>`
      : undefined;
  return html`<p><b><bdi>${subject}</bdi></b>: <bdi>${text}</bdi></p>${report}`;
}

function repairLine(step: RepairStep | undefined, evidence: Evidence, linkId: string): Html | undefined {
  const link = runbookLink(evidence, linkId);
  if (step === undefined && link === undefined) return undefined;
  const next = step === undefined ? undefined : html`Next step: ${formatStep(step)}`;
  return html`<p class="repair">${next}${link}</p>`;
}

/** The link to the runbook of a fault; undefined where there is none. Relative, as a proxy may add a path. */
export function runbookLink(evidence: Evidence, id: string): Html | undefined {
  const alert = findRunbook(evidence);
  if (alert === undefined) return undefined;
  const link = html`<a id="${id}" href="runbooks/${alert}">${alert}</a>`;
  return html` <span class="meta">Runbook: ${link}</span>`;
}

/** A command stands alone in its box, ready to be copied. */
function formatStep({ text, isCommand }: RepairStep): Html {
  return isCommand ? html`<code>${text}</code>` : html`<bdi>${text}</bdi>`;
}

/** A step with what its command does. */
export function describeStep(step: RepairStep): Html {
  const { note } = step;
  return note === undefined ? formatStep(step) : html`${formatStep(step)} <span class="meta">${note}</span>`;
}

function countRest(rows: readonly DatedRow[]): Html | undefined {
  if (rows.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { evidence } of rows) {
    const word = STATE_WORDS[findState(evidence)];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const words = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  return html`<p class="meta">${rows.length} more not shown: ${words}</p>`;
}
