import { type Evidence, LAYERS, type Layer } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { decides } from '../../core/verdict.ts';
import { type Diagnosis, diagnose } from '../../diagnosis/cause.ts';
import { CAUSE_WORDS, LAYER_WORDS } from '../../diagnosis/words.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { REFRESH_SECONDS, SCRIPT, STYLE } from './assets.ts';
import { type Hosts, hostsTable, readHosts } from './hosts.ts';
import { Html, html } from './html.ts';
import { type Jobs, type JobsMoment, jobsTable, readJobs } from './jobs.ts';
import { type LayerView, layerSection, layersNav, repairStep, rowsOf } from './layers.ts';
import { span } from './times.ts';
import { badge, type PageState, STATE_WORDS, shapes, tabIcon } from './verdicts.ts';

/** What the page is made of. */
export interface StatusPageInput {
  readonly states: readonly TargetState[];
  /** Since when a layer as a whole has its verdict; wall time, milliseconds. */
  readonly layerSince: (layer: Layer) => number | undefined;
  readonly metrics: Pick<Metrics, 'samplesOf'>;
  readonly version: string;
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** How late a job may be (`cron.grace`), milliseconds. */
  readonly graceMs: number;
}

/** So many targets that could not be looked at are named. */
const MAX_BLIND = 20;

interface View {
  readonly diagnosis: Diagnosis;
  readonly layers: readonly LayerView[];
  /** What people declared, such as maintenance. */
  readonly planned: readonly Evidence[];
  readonly blind: readonly TargetState[];
  readonly jobs: Jobs;
  readonly hosts: Hosts;
  readonly gatewayVersion: string | undefined;
}

/** The status page as one HTML document of bounded size, made in short steps so that scrapes are served in between. */
export async function statusPage(input: StatusPageInput): Promise<string> {
  const { states, metrics } = input;
  const diagnosis = diagnose(states);
  const view: View = {
    diagnosis,
    layers: LAYERS.map((layer) => ({
      layer,
      state: diagnosis.layers.get(layer) ?? 'unseen',
      sinceMs: input.layerSince(layer),
      rows: rowsOf(states, layer),
    })),
    planned: states.flatMap(({ evidence }) => evidence.filter((one) => !decides(one))),
    blind: states.filter(({ blind }) => blind !== undefined),
    jobs: await readJobs(metrics.samplesOf('cron')),
    hosts: await readHosts(states, [...metrics.samplesOf('ssh'), ...metrics.samplesOf('clock')]),
    gatewayVersion: versionOf(metrics),
  };
  return document(view, input).text;
}

function versionOf(metrics: StatusPageInput['metrics']): string | undefined {
  for (const snapshot of metrics.samplesOf('ping')) {
    for (const { family, labels } of snapshot) {
      if (family.name === 'openclaw_gateway_info') return labels.version;
    }
  }
  return undefined;
}

function document(view: View, { version, nowMs, graceMs }: StatusPageInput): Html {
  const { verdict } = view.diagnosis;
  const gateway = view.gatewayVersion === undefined ? '' : `gateway ${view.gatewayVersion}`;
  return html`<!doctype html>
<html lang="en" data-version="${version}" data-refresh="${REFRESH_SECONDS}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="${REFRESH_SECONDS}"></noscript>
<title>${STATE_WORDS[verdict]}: OpenClaw gateway status</title>
${tabIcon(verdict)}
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" id="skip" href="#main">Skip to the verdict</a>
${shapes()}
<header><h1>OpenClaw gateway status</h1><p class="meta">${gateway}</p></header>
<p id="note" role="status"></p><p id="news" class="spoken" role="status"></p>
${body(view, { nowMs, graceMs })}
<footer>openclaw-gateway-exporter ${version} · <a id="to-metrics" href="/metrics">metrics</a> · renews itself every ${REFRESH_SECONDS} s · times in UTC</footer>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`;
}

function body({ diagnosis, layers, planned, blind, jobs, hosts }: View, moment: JobsMoment): Html {
  const { nowMs } = moment;
  const tables: Partial<Record<Layer, Html | undefined>> = {
    cron: jobsTable(jobs, moment),
    network: hostsTable(hosts, nowMs),
  };
  return html`<main id="main" tabindex="-1" data-headline="${headlineText(diagnosis)}">
${planned.map(plannedLine)}
${headline(diagnosis)}
${layersNav(layers, nowMs)}
${layers.map((view) => layerSection(view, nowMs, tables[view.layer]))}
${blindSection(blind, nowMs)}
</main>`;
}

function plannedLine({ subject, text }: Evidence): Html {
  return html`<p class="planned"><b><bdi>${subject}</bdi></b>: <bdi>${text}</bdi></p>`;
}

function headline(diagnosis: Diagnosis): Html {
  const { verdict, likeliest } = diagnosis;
  const why =
    likeliest === undefined
      ? undefined
      : html`<p><b><bdi>${likeliest.evidence.subject}</bdi></b>: <bdi>${likeliest.evidence.text}</bdi></p>${repairStep(likeliest.evidence)}`;
  return html`<section class="headline ${verdict}" aria-labelledby="verdict">
<h2 id="verdict">${badge(stateOf(diagnosis), headlineText(diagnosis))}</h2>
${why}${whatElse(diagnosis)}
</section>`;
}

function stateOf({ verdict, layers }: Diagnosis): PageState {
  return layers.size === 0 ? 'unseen' : verdict;
}

function headlineText({ verdict, likeliest, layers }: Diagnosis): string {
  const cause = likeliest === undefined ? '' : CAUSE_WORDS[likeliest.cause].replaceAll("'", '’');
  switch (verdict) {
    case 'bad':
      return `Broken. Likeliest cause: ${cause}`;
    case 'warning':
      return `Works, with a warning. First to look at: ${cause}`;
    case 'ok':
      return LAYERS.every((layer) => layers.get(layer) === 'ok')
        ? 'All five layers are well'
        : 'Everything that is seen is well';
    case 'unknown':
      return layers.size === 0 ? 'Nothing is known yet' : 'Nothing can be told';
  }
}

/** Which other layers are not well, of which nothing is known, and whether something could not be looked at. */
function whatElse({ likeliest, layers, blind }: Diagnosis): Html | undefined {
  const others = [...layers].filter(
    ([layer, verdict]) => (verdict === 'bad' || verdict === 'warning') && layer !== likeliest?.evidence.layer,
  );
  const named = others.map(
    ([layer, verdict]) => `${LAYER_WORDS[layer].title} (${STATE_WORDS[verdict].toLowerCase()})`,
  );
  const dark = LAYERS.filter((layer) => (layers.get(layer) ?? 'unknown') === 'unknown');
  const parts = [
    ...(named.length === 0 ? [] : [`Also not well: ${named.join(', ')}.`]),
    ...(dark.length === 0 || layers.size === 0
      ? []
      : [`Nothing can be told of: ${dark.map((layer) => LAYER_WORDS[layer].title).join(', ')}.`]),
    ...(blind === 0 ? [] : [`Could not look at ${blind} of the targets; see below.`]),
  ];
  return parts.length === 0 ? undefined : html`<p class="meta">${parts.join(' ')}</p>`;
}

function blindSection(blind: readonly TargetState[], nowMs: number): Html | undefined {
  if (blind.length === 0) return undefined;
  const items = blind
    .slice(0, MAX_BLIND)
    .map(
      ({ collector, target, atMs, blind: reason }) =>
        html`<li>${badge('unknown')}<div><p><b><bdi>${collector} ${target}</bdi></b>: <bdi>${reason}</bdi></p></div><p class="meta">tried ${span(nowMs - atMs)} ago</p></li>`,
    );
  const left = blind.length - items.length;
  return html`<section class="card" id="blind" aria-labelledby="blind-title">
<div class="title"><h2 id="blind-title">Could not look</h2><span class="meta">the exporter itself is in the way, not the gateway</span></div>
<ul class="evidence">
${items}
</ul>${left === 0 ? undefined : html`<p class="meta">${left} more are left out</p>`}
</section>`;
}
