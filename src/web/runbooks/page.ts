import type { Machine } from '../../diagnosis/machine.ts';
import { restartGateway } from '../../diagnosis/steps.ts';
import { RUNBOOK_STYLE, STYLE } from '../page/assets.ts';
import { Html, html } from '../page/html.ts';
import { describeStep } from '../page/layers.ts';
import { tabIcon } from '../page/verdicts.ts';
import { type ExporterAddress, fillCommand } from './commands.ts';
import type { Runbook } from './library.ts';
import { renderMarkdown, renderSentence } from './markdown.ts';

/** What runbooks are filled with. */
export interface RunbookContext {
  /** The exporter's. */
  readonly version: string;
  readonly machine: Machine;
  readonly exporter: ExporterAddress;
}

/** Runbooks in which the gateway is restarted. */
const RESTARTS = /openclaw gateway (?:restart|run)\b|restart openclaw-gateway(?!-)/;
const FIRST_SENTENCE = /## What it means\n\n(?<sentence>.+?\.(?= |\n))/;

/** One runbook as an HTML document, its commands with this machine's names. */
export async function runbookPage(runbook: Runbook, context: RunbookContext): Promise<string> {
  const { name, text } = runbook;
  const { machine, exporter, version } = context;
  const body = await renderMarkdown(text, (code) => fillCommand(code, machine, exporter));
  const main = html`<h1>${name}</h1>
${RESTARTS.test(text) ? machineSection(machine) : undefined}
<article class="card runbook">
${body}
</article>`;
  return document(`${name}: runbook`, main, version).text;
}

/** The list of all runbooks as an HTML document. */
export async function runbooksPage(runbooks: readonly Runbook[], version: string): Promise<string> {
  const items = await Promise.all(runbooks.map(listItem));
  const list =
    items.length === 0
      ? html`<p class="card">No runbooks are installed with this exporter.</p>`
      : html`<ul class="card runbooks">
${items}
</ul>`;
  return document('Runbooks', html`<h1>Runbooks</h1>\n${list}`, version).text;
}

async function listItem({ name, text }: Runbook): Promise<Html> {
  const sentence = FIRST_SENTENCE.exec(text)?.groups?.sentence ?? '';
  const meaning = await renderSentence(sentence);
  return html`<li><a href="${name}">${name}</a> <span class="meta">${meaning}</span></li>`;
}

/** The gateway's version and service, and how it is restarted here. */
function machineSection(machine: Machine): Html {
  const { local, version } = machine;
  const known = version === undefined ? 'of unknown version' : html`<bdi>${version}</bdi>`;
  const where = local ? describeService(machine) : html`on another machine: run the commands there`;
  const steps = local ? restartGateway(machine) : [];
  return html`<section class="card" aria-labelledby="here">
<h2 id="here">On this machine</h2>
<p>OpenClaw ${known}, ${where}.</p>
${steps.map((step) => html`<p class="repair">To restart it: ${describeStep(step)}</p>`)}
</section>`;
}

function describeService({ service }: Machine): Html {
  if (service === undefined) return html`not run by a service manager`;
  const { manager, name, scope } = service;
  return html`run by ${manager} as the ${scope} service <bdi>${name}</bdi>`;
}

/** Links are relative, so that they hold behind a proxy that serves the exporter below a path. */
function document(title: string, main: Html, version: string): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${tabIcon('note')}
<style>${new Html(STYLE)}</style>
<style>${new Html(RUNBOOK_STYLE)}</style>
</head>
<body class="reading">
<a class="skip" id="skip" href="#main">Skip to the text</a>
<header><p class="trail"><a href="../">Status</a> · <a href="./">All runbooks</a></p></header>
<main id="main" tabindex="-1">
${main}
</main>
<footer>openclaw-gateway-exporter ${version}</footer>
</body>
</html>
`;
}
