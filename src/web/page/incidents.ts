import type { History } from '../../diagnosis/journal/history.ts';
import { CAUSE_WORDS } from '../../diagnosis/words.ts';
import { type Html, html } from './html.ts';
import { span } from './times.ts';
import { badge } from './verdicts.ts';

/** Incidents named; the rest is in `/history.json`. */
const MAX_INCIDENTS = 20;

type Incident = History['incidents'][number];

/** Incidents that touch this time are listed, milliseconds. */
const LISTED_MS = 86_400_000;

/** The incidents of the last day, newest first, and the time of which nothing is known. */
export function incidentsSection(history: History | undefined, nowMs: number): Html | undefined {
  if (history === undefined) return undefined;
  const fromMs = nowMs - LISTED_MS;
  const incidents = history.incidents.filter(({ to }) => to === null || Date.parse(to) >= fromMs);
  const shown = incidents.toReversed().slice(0, MAX_INCIDENTS);
  const rest = incidents.length - shown.length;
  const list =
    shown.length === 0
      ? html`<p class="meta">No incidents.</p>`
      : html`<ul class="evidence">
${shown.map((incident) => incidentItem(incident, history.to))}
</ul>`;
  return html`<section class="card" id="incidents" aria-labelledby="incidents-title">
<div class="title">
<h2 id="incidents-title">Incidents of the last 24 hours</h2>
<span class="meta"><a id="to-history" href="history.json">history.json</a></span>
</div>
${list}${rest === 0 ? undefined : html`<p class="meta">${rest} more not shown</p>`}
${gapsLine(history, fromMs)}
</section>`;
}

function incidentItem(incident: Incident, now: string): Html {
  const { from, to, cause, severity, subject, text, detail, times } = incident;
  const facts = [
    ...(incident.endNotSeen ? ['it ended while the exporter did not run'] : []),
    ...(times > 1 ? [`it began ${times} times`] : []),
    ...(incident.runsMeanwhile === null ? [] : [`${incident.runsMeanwhile} runs of jobs meanwhile`]),
  ];
  const length = span(Date.parse(to ?? now) - Date.parse(from));
  const end = to === null ? 'until now' : html`to ${moment(to)}`;
  const name = CAUSE_WORDS[cause].replaceAll("'", '’');
  return html`<li>${badge(severity === 'critical' ? 'bad' : 'warning')}
<div><p><b>${moment(from)} ${end}, ${name}</b>: <bdi>${subject}: ${text}</bdi></p>
${detail === undefined ? undefined : html`<p class="meta">It reported: <bdi>${detail}</bdi></p>`}
${facts.length === 0 ? undefined : html`<p class="meta">${facts.join('; ')}</p>`}</div>
<p class="meta">${to === null ? `for ${length}` : length}</p></li>`;
}

function gapsLine({ gaps }: History, fromMs: number): Html | undefined {
  const touched = gaps.filter(({ to }) => Date.parse(to) > fromMs);
  if (touched.length === 0) return undefined;
  const unknownMs = touched.reduce(
    (sum, { from, to }) => sum + Date.parse(to) - Math.max(fromMs, Date.parse(from)),
    0,
  );
  return html`<p class="meta">Nothing is known of ${span(unknownMs)}: the exporter did not run.</p>`;
}

/** The time of day in UTC. */
function moment(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(11, 16)}</time>`;
}
