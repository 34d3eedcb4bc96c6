import type { Evidence } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import { type Diagnosis, diagnose, type LikeliestCause } from '../../diagnosis/cause.ts';
import type { History } from '../../diagnosis/journal/history.ts';
import type { ObjectiveCounts } from '../../diagnosis/objectives.ts';
import { repairSteps } from '../../diagnosis/repair.ts';
import type { RepairStep } from '../../diagnosis/steps.ts';
import type { Trends } from '../../diagnosis/trends.ts';
import { CAUSE_WORDS, LAYER_WORDS } from '../../diagnosis/words.ts';
import { LAYERS, type Layer } from '../../lib/vocabulary.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { HISTORY_STYLE, REFRESH_SECONDS, SCRIPT, STYLE } from './assets.ts';
import { type Hosts, hostsTable, readHosts } from './hosts.ts';
import { Html, html } from './html.ts';
import { incidentsSection } from './incidents.ts';
import { type Jobs, jobsTable, readJobs } from './jobs.ts';
import {
  describeEvidence,
  describeStep,
  type LayerView,
  layerSection,
  layersNav,
  type PageContext,
  runbookLink,
  selectRows,
} from './layers.ts';
import { objectivesLine, readObjectives } from './objectives.ts';
import { timelineSection } from './timeline.ts';
import { span } from './times.ts';
import { memoryTrend, pingTrend } from './trends.ts';
import { badge, type PageState, STATE_WORDS, shapes, tabIcon } from './verdicts.ts';

/** What the page is made of. */
export interface StatusPageInput extends PageContext {
  readonly states: readonly TargetState[];
  /** Since when a layer as a whole has its verdict; wall time, milliseconds. */
  readonly layerSince: (layer: Layer) => number | undefined;
  readonly metrics: Pick<Metrics, 'samplesOf' | 'countsOf'>;
  /** Whether every collector has run: a layer without evidence is then not configured. */
  readonly isReady: boolean;
  readonly version: string;
  /** Where the metrics are, with a leading slash. */
  readonly telemetryPath: string;
  /** The last seven days; undefined where the journal cannot be read now. */
  readonly history?: History | undefined;
  /** What was sampled since the exporter started. */
  readonly trends?: Trends | undefined;
  /** How late a job may be (`cron.grace`), milliseconds. */
  readonly graceMs: number;
}

/** Targets named that could not be collected. */
const MAX_BLIND = 20;

interface View {
  readonly diagnosis: Diagnosis;
  readonly layers: readonly LayerView[];
  /** What people declared, such as maintenance. */
  readonly planned: readonly Evidence[];
  readonly blind: readonly TargetState[];
  readonly jobs: Jobs;
  readonly hosts: Hosts;
  readonly objectives: ObjectiveCounts;
  readonly gatewayVersion: string | undefined;
  readonly isReady: boolean;
}

/** The status page, an HTML document of bounded size; made in short steps, so that no scrape is delayed. */
export async function statusPage(input: StatusPageInput): Promise<string> {
  const { states, metrics } = input;
  const diagnosis = diagnose(states);
  const view: View = {
    diagnosis,
    layers: LAYERS.map((layer) => ({
      layer,
      state: diagnosis.layers.get(layer) ?? 'unseen',
      sinceMs: input.layerSince(layer),
      rows: selectRows(states, layer),
      isReady: input.isReady,
    })),
    planned: states.flatMap(({ evidence }) => evidence.filter(({ planned }) => planned === true)),
    blind: states.filter(({ blind }) => blind !== undefined),
    jobs: await readJobs(metrics.samplesOf('cron')),
    hosts: await readHosts(states, [...metrics.samplesOf('ssh'), ...metrics.samplesOf('clock')]),
    objectives: await readObjectives(metrics),
    gatewayVersion: findVersion(metrics),
    isReady: input.isReady,
  };
  return document(view, input).text;
}

function findVersion(metrics: StatusPageInput['metrics']): string | undefined {
  for (const snapshot of metrics.samplesOf('ping')) {
    for (const { family, labels } of snapshot) {
      if (family.name === 'openclaw_gateway_info') return labels.version;
    }
  }
  return undefined;
}

function document(view: View, input: StatusPageInput): Html {
  const { version, telemetryPath } = input;
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
<style>${new Html(HISTORY_STYLE)}</style>
</head>
<body>
<a class="skip" id="skip" href="#main">Skip to the verdict</a>
${shapes()}
<header><h1>OpenClaw gateway status</h1><p class="meta">${gateway}</p></header>
<p id="note" role="status"></p><p id="news" class="spoken" role="status"></p>
${body(view, input)}
<footer>
openclaw-gateway-exporter ${version} · <a id="to-metrics" href="${telemetryPath.slice(1)}">metrics</a>
· <a id="to-runbooks" href="runbooks/">runbooks</a>
· refreshes every ${REFRESH_SECONDS} s · times in UTC
</footer>
<script type="module">${new Html(SCRIPT)}</script>
</body>
</html>
`;
}

function body(view: View, input: StatusPageInput): Html {
  const { diagnosis, layers, planned, blind, jobs, hosts, objectives, isReady } = view;
  const { nowMs, trends, telemetryPath } = input;
  const below: Partial<Record<Layer, Html | undefined>> = {
    process: trends === undefined ? undefined : memoryTrend(trends, nowMs),
    answers: trends === undefined ? undefined : pingTrend(trends, nowMs),
    cron: jobsTable(jobs, { ...input, runs: trends?.runs, metricsLink: telemetryPath.slice(1) }),
    network: hostsTable(hosts, nowMs),
  };
  return html`<main id="main" tabindex="-1" data-headline="${headlineText(diagnosis)}">
${planned.map(plannedLine)}
${headline(diagnosis, isReady, input)}
${layersNav(layers, nowMs)}
${timelineSection(input.history, nowMs)}
${incidentsSection(input.history, nowMs)}
${layers.map((view) => layerSection(view, input, below[view.layer]))}
${objectivesLine(objectives)}
${blindSection(blind, nowMs)}
</main>`;
}

function plannedLine({ subject, text }: Evidence): Html {
  return html`<p class="planned"><b><bdi>${subject}</bdi></b>: <bdi>${text}</bdi></p>`;
}

function headline(diagnosis: Diagnosis, isReady: boolean, context: PageContext): Html {
  const { verdict, likeliest } = diagnosis;
  return html`<section class="headline ${verdict}" aria-labelledby="verdict">
<h2 id="verdict">${badge(summarize(diagnosis), headlineText(diagnosis))}</h2>
${likeliest === undefined ? undefined : explain(likeliest, context)}${whatElse(diagnosis, isReady)}
</section>`;
}

function explain(likeliest: LikeliestCause, context: PageContext): Html {
  const { evidence, explains } = likeliest;
  const [next, ...later] = repairSteps(likeliest, context.machine);
  const explained =
    explains === undefined
      ? undefined
      : html`<p class="meta">It explains: <bdi>${explains.subject}: ${explains.text}</bdi></p>`;
  const link = runbookLink(evidence, 'to-runbook');
  return html`${describeEvidence(evidence, context)}${explained}
${next === undefined ? undefined : html`<p class="repair">Next step: ${describeStep(next)}</p>`}
${link === undefined ? undefined : html`<p>${link}</p>`}
${laterSteps(later)}`;
}

function laterSteps(steps: readonly RepairStep[]): Html | undefined {
  if (steps.length === 0) return undefined;
  const items = steps.map((step) => html`<li>${describeStep(step)}</li>`);
  return html`<div class="later"><p class="meta">Then, if that does not help:</p><ol>
${items}
</ol></div>`;
}

function summarize({ verdict, layers }: Diagnosis): PageState {
  return layers.size === 0 ? 'unseen' : verdict;
}

function headlineText({ verdict, likeliest, layers }: Diagnosis): string {
  const cause = likeliest === undefined ? '' : CAUSE_WORDS[likeliest.cause].replaceAll("'", '’');
  switch (verdict) {
    case 'bad':
      return `Broken. Likeliest cause: ${cause}`;
    case 'warning':
      return `Works, with a warning. Likeliest cause: ${cause}`;
    case 'ok':
      return LAYERS.every((layer) => layers.get(layer) === 'ok')
        ? 'All five layers are healthy'
        : 'Everything observed is healthy';
    case 'unknown':
      return layers.size === 0 ? 'Nothing is known yet' : 'No verdict';
  }
}

/** Other unhealthy layers, layers without a verdict, and targets that could not be collected. */
function whatElse({ likeliest, layers, blind }: Diagnosis, isReady: boolean): Html | undefined {
  const others = [...layers].filter(
    ([layer, verdict]) => (verdict === 'bad' || verdict === 'warning') && layer !== likeliest?.evidence.layer,
  );
  const named = others.map(
    ([layer, verdict]) => `${LAYER_WORDS[layer].title} (${STATE_WORDS[verdict].toLowerCase()})`,
  );
  const unknown = LAYERS.filter((layer) => layers.get(layer) === 'unknown');
  const unseen = LAYERS.filter((layer) => !layers.has(layer));
  const parts = [
    ...(named.length === 0 ? [] : [`Also unhealthy: ${named.join(', ')}.`]),
    ...(unknown.length === 0 ? [] : [`Unknown: ${joinTitles(unknown)}.`]),
    ...(unseen.length === 0 || layers.size === 0
      ? []
      : [`${isReady ? 'Not configured' : 'Not collected yet'}: ${joinTitles(unseen)}.`]),
    ...(blind === 0
      ? []
      : [`${blind} ${blind === 1 ? 'target' : 'targets'} could not be collected; see below.`]),
  ];
  return parts.length === 0 ? undefined : html`<p class="meta">${parts.join(' ')}</p>`;
}

function joinTitles(layers: readonly Layer[]): string {
  return layers.map((layer) => LAYER_WORDS[layer].title).join(', ');
}

function blindSection(blind: readonly TargetState[], nowMs: number): Html | undefined {
  if (blind.length === 0) return undefined;
  const items = blind.slice(0, MAX_BLIND).map((state) => blindItem(state, nowMs));
  const rest = blind.length - items.length;
  return html`<section class="card" id="blind" aria-labelledby="blind-title">
<div class="title">
<h2 id="blind-title">Not collected</h2>
<span class="meta">a limit of the exporter, not a fault of the gateway</span>
</div>
<ul class="evidence">
${items}
</ul>${rest === 0 ? undefined : html`<p class="meta">${rest} more not shown</p>`}
</section>`;
}

function blindItem({ collector, target, atMs, blind: reason }: TargetState, nowMs: number): Html {
  return html`<li>${badge('unknown')}
<div><p><b><bdi>${collector} ${target}</bdi></b>: <bdi>${reason}</bdi></p></div>
<p class="meta">tried ${span(nowMs - atMs)} ago</p></li>`;
}
