import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { code, table } from '../../docs/source/table.ts';
import { reportSchema } from '../../src/cli/check/report.ts';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { matching, type Series } from '../support/exposition.ts';
import { newToken } from '../support/openclaw.ts';
import { textOfPage } from '../support/page-text.ts';
import { StandInPlace } from '../support/status-world.ts';
import { until } from '../support/until.ts';
import { FAULTS, type Stage, type VoicedFault } from './faults.ts';
import { evaluateRules, type RulesVerdict } from './rules.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'one-voice.md');
const RUN = { interval: '2s' };
const SHOWN = [
  'openclaw_gateway_up',
  'openclaw_gateway_process_up',
  'openclaw_gateway_listener_up',
  'openclaw_gateway_ready',
  'openclaw_gateway_token_match',
  'openclaw_gateway_token_variants',
  'openclaw_gateway_function_up',
  'openclaw_ssh_up',
] as const;

type Report = z.output<typeof reportSchema>;

/** What each speaker says of one fault. */
interface Voices {
  readonly fault: VoicedFault;
  readonly metrics: string;
  readonly page: { readonly headline: string; readonly step: string };
  readonly check: Report;
  readonly rules: RulesVerdict;
}

async function hear(fault: VoicedFault): Promise<Voices> {
  const place = await StandInPlace.create();
  const token = newToken();
  place.configure(token);
  const stage: Stage = { place, token, gateway: await place.startReady(), ends: [] };
  await fault.prepare?.(stage);
  const config = {
    gateway: { startup_window: '1s' },
    collectors: {
      process: RUN,
      ping: RUN,
      token: RUN,
      api: RUN,
      cron: RUN,
      ssh: { interval: '10s', timeout: '9s' },
      clock: { enabled: false },
      tailscale: { enabled: false },
    },
    ...(await fault.config?.(stage)),
  };
  const env = { ...place.env, HOME: place.env.HOME ?? '' };
  const exporter = await Exporter.start({ env, config });
  try {
    await untilSeen(exporter, ['openclaw_gateway_up', {}, 1]);
    if (fault.prepare === undefined && fault.config === undefined) {
      await untilSeen(exporter, ['openclaw_gateway_function_up', {}, 1]);
    }
    await fault.inject?.(stage);
    await untilSeen(exporter, fault.seen);
    await untilUnasked(exporter);
    // One more interval, after which everything has been judged anew.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const html = await (await fetch(exporter.url('/'))).text();
    const series = await exporter.series();
    return {
      fault,
      metrics: describeMetrics(series),
      page: readPage(html),
      check: await check(exporter, env),
      rules: await evaluateRules(series, Date.now()),
    };
  } finally {
    await exporter.stop();
    exporter.remove();
    await stage.gateway.end('SIGKILL');
    for (const end of stage.ends) await end();
    place.remove();
  }
}

function untilSeen(exporter: Exporter, [name, labels, value]: VoicedFault['seen']): Promise<true> {
  return until(
    async () => matching(await exporter.series(), name, labels).some((one) => one.value === value),
    { what: `${name} ${JSON.stringify(labels)} ${value}`, timeoutMs: 30_000, everyMs: 300 },
  ).then(() => true);
}

/** What cannot be asked of a gateway that does not answer is unknown after one interval. */
async function untilUnasked(exporter: Exporter): Promise<void> {
  const isUnasked = async () => {
    const series = await exporter.series();
    const answers = matching(series, 'openclaw_gateway_up').some(({ value }) => value === 1);
    const isProcessKnown = matching(series, 'openclaw_gateway_process_up').length > 0;
    return isProcessKnown && (answers || matching(series, 'openclaw_gateway_token_match').length === 0);
  };
  await until(isUnasked, {
    what: 'the process to be known and the token unknown',
    timeoutMs: 60_000,
    everyMs: 300,
  });
}

async function check(exporter: Exporter, env: Readonly<Record<string, string>>): Promise<Report> {
  const args = [join(ROOT, 'src', 'launch.js'), 'check', '--json', `--config.file=${exporter.configFile}`];
  // As people run it: beside the exporter, with what that one remembers.
  const child = new Child(process.execPath, [...args, `--storage.path=${exporter.storagePath}`], { env });
  await child.exited;
  return reportSchema.parse(JSON.parse(child.output.slice(child.output.indexOf('{'))));
}

function describeMetrics(series: readonly Series[]): string {
  const state =
    matching(series, 'openclaw_gateway_state').find(({ value }) => value === 1)?.labels.state ?? 'absent';
  const values = SHOWN.flatMap((name) => {
    const found = matching(series, name);
    return found.map(({ value }) => `${name.replace('openclaw_', '')} ${value}`);
  });
  return [`state ${state}`, ...values].join(', ');
}

function readPage(html: string): Voices['page'] {
  const headline = textOfPage(/<h2 id="verdict">(.*?)<\/h2>/s.exec(html)?.[1] ?? '').trim();
  const section = /<section class="headline.*?<\/section>/s.exec(html)?.[0] ?? '';
  const step = /Next step: (?<step>.*?)(?:<span|<\/p>)/s.exec(section)?.groups?.step ?? '';
  return { headline, step: textOfPage(step).trim() };
}

/** Sentences that cannot all be true; empty where all speak with one voice. */
function findContradictions({ page, check: report, rules }: Voices): string[] {
  const cause = report.likeliestCause?.cause;
  const pageVerdict = /^Broken/.test(page.headline)
    ? 'bad'
    : /warning/.test(page.headline)
      ? 'warning'
      : 'ok';
  const critical = rules.alerts.some((alert) => alert.startsWith('critical '));
  return [
    ...(pageVerdict === report.verdict ? [] : [`page says ${pageVerdict}, check says ${report.verdict}`]),
    ...(withoutPid(page.step) === withoutPid(report.nextStep?.text ?? '')
      ? []
      : ['page and check name different steps']),
    ...(rules.causes.length > 1 ? ['the recorded series names several causes'] : []),
    ...(report.verdict === 'bad' && rules.causes[0] !== undefined && rules.causes[0] !== cause
      ? [`check says ${cause}, the recorded series says ${rules.causes[0]}`]
      : []),
    ...(critical && report.verdict === 'ok' ? ['an alert is critical, check says ok'] : []),
  ];
}

const withoutPid = (text: string) => text.replace(/\d+/g, 'N');

const all: Voices[] = [];
/** `--check` compares with the page that is there; the rest names faults. */
const { values, positionals: only } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
});
for (const fault of FAULTS.filter(({ id }) => only.length === 0 || only.includes(id))) {
  const voices = await hear(fault);
  all.push(voices);
  const contradictions = findContradictions(voices);
  const { page, check: report, rules } = voices;
  process.stdout.write(
    `${fault.id}: ${page.headline} | ${report.likeliestCause?.cause} | ${rules.causes} | ${rules.alerts} | ${contradictions.join('; ')}\n`,
  );
  if (contradictions.length > 0) process.exitCode = 1;
}
if (only.length === 0 && !values.check) writeFileSync(PAGE, render());
if (values.check && readFileSync(PAGE, 'utf8') !== render()) {
  process.stdout.write('docs/one-voice.md is stale: npm run one-voice\n');
  process.exitCode = 1;
}

function render(): string {
  const rows = all.map(({ fault, metrics, page, check: report, rules }) => [
    `${fault.id}: ${fault.fault}`,
    metrics,
    `${page.headline}${page.step === '' ? '' : `; next step: ${code(withoutPid(page.step))}`}`,
    `exit ${report.exitCode}${report.nextStep === null ? '' : `; next step: ${code(withoutPid(report.nextStep.text))}`}`,
    rules.alerts.join(', '),
    rules.causes.join(', '),
  ]);
  return `<!-- Generated by npm run one-voice. -->
# One voice

What metrics, the status page, \`check\` and the alerts say about the same fault, side by side. \`npm run one-voice\` brings
each fault about on a stand-in for a gateway beside a real exporter, and fails where two of them contradict each other:
page and \`check\` must have the same verdict and the same next step, and the recorded series the same cause. The alerts
are those that fire when the exposition stays as it is for 45 minutes; alerts on counters that rise need a rising one.
Numbers in commands stand for the process.

${table(['fault', 'metrics', 'page', 'check', 'alerts', 'recorded cause'], rows)}
`;
}
