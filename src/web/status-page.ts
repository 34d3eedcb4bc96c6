import { createHash } from 'node:crypto';
import { type Evidence, LAYERS, type Layer, type Verdict } from '../collectors/collector.ts';
import type { TargetState } from '../runtime/scheduler.ts';

export interface StatusPageInput {
  readonly states: readonly TargetState[];
  readonly version: string;
  readonly nowMs: number;
}

const REFRESH_SECONDS = 15;

const STYLE = `
:root { color-scheme: light dark; --ok: #1a7f37; --warning: #9a6700; --bad: #b42318; --unknown: #5c6470; }
@media (prefers-color-scheme: dark) { :root { --ok: #4ac26b; --warning: #d9a514; --bad: #ff7b72; --unknown: #9aa4b2; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { border-left: .4rem solid var(--unknown); margin: .4rem 0; overflow-wrap: anywhere; padding: .1rem 0 .1rem .8rem; }
li.ok { border-color: var(--ok); } li.warning { border-color: var(--warning); } li.bad { border-color: var(--bad); }
b.ok { color: var(--ok); } b.warning { color: var(--warning); } b.bad { color: var(--bad); } b.unknown { color: var(--unknown); }
code { font-size: .9em; } footer, .age { color: var(--unknown); font-size: .9em; }
`;

/** Nothing but this page's own style, which is named by its hash; no script, no other resource. */
export const CONTENT_SECURITY_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LAYER_TITLES: Readonly<Record<Layer, string>> = {
  process: 'Process',
  answers: 'Answers',
  token: 'Token',
  cron: 'Cron',
  network: 'Network',
};

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  ok: 'OK',
  warning: 'Warning',
  bad: 'Broken',
  unknown: 'Unknown',
};

type Row = Evidence & { readonly atMs: number };

/** The status page: each layer with its verdicts, evidence and next repair step, as one HTML document. */
export function renderStatusPage({ states, version, nowMs }: StatusPageInput): string {
  const rows = states.flatMap((state) =>
    state.evidence.map((evidence): Row => ({ ...evidence, atMs: state.atMs })),
  );
  const blind = states.filter((state) => state.blind !== undefined);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}">
<title>OpenClaw gateway status</title>
<style>${STYLE}</style>
</head>
<body>
<h1>OpenClaw gateway status</h1>
<main>
${LAYERS.map((layer) =>
  renderLayer(
    layer,
    rows.filter((row) => row.layer === layer),
    nowMs,
  ),
).join('\n')}
${renderBlind(blind)}
</main>
<footer>openclaw-gateway-exporter ${escapeHtml(version)} · <a href="/metrics">metrics</a></footer>
</body>
</html>
`;
}

function renderLayer(layer: Layer, rows: readonly Row[], nowMs: number): string {
  const items =
    rows.length === 0
      ? '<li class="unknown">Not looked at yet, or not configured.</li>'
      : rows.map((row) => renderRow(row, nowMs)).join('\n');
  return `<section aria-labelledby="${layer}"><h2 id="${layer}">${LAYER_TITLES[layer]}</h2>\n<ul>\n${items}\n</ul></section>`;
}

function renderRow(row: Row, nowMs: number): string {
  const age = Math.max(0, Math.round((nowMs - row.atMs) / 1000));
  const repair = row.repair === undefined ? '' : `<br>Next step: <code>${escapeHtml(row.repair)}</code>`;
  return `<li class="${row.verdict}"><b class="${row.verdict}">${VERDICT_WORDS[row.verdict]}</b> ${escapeHtml(row.subject)}: ${escapeHtml(row.text)} <span class="age">(${age} s ago)</span>${repair}</li>`;
}

function renderBlind(blind: readonly TargetState[]): string {
  if (blind.length === 0) return '';
  const items = blind.map(
    ({ collector, target, blind: reason }) =>
      `<li class="unknown"><b class="unknown">Unknown</b> ${escapeHtml(collector)} ${escapeHtml(target)}: ${escapeHtml(reason ?? '')}</li>`,
  );
  return `<section aria-labelledby="blind"><h2 id="blind">Could not look</h2>\n<ul>\n${items.join('\n')}\n</ul></section>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
