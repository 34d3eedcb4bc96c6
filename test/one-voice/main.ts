import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
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
import { FAULTS } from './faults.ts';
import { keepVoices, readVoices, type VoiceResult } from './results.ts';
import { evaluateRules, type RulesVerdict } from './rules.ts';
import type { Stage, VoicedFault } from './stage.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'one-voice.md');
const LAUNCH = join(ROOT, 'src', 'launch.js');
const RUN = { interval: '10s' };
const OFF = { enabled: false };
const RUNNING = ['process', 'ping', 'token', 'api', 'cron', 'channels', 'maintenance'];
/** `check` has the default time for each question. */
const CHECK_CONFIG = {
  gateway: { startup_window: '1s' },
  collectors: { ssh: { interval: '10s', timeout: '9s' }, clock: OFF, tailscale: OFF },
};
const FASTER = Object.fromEntries(RUNNING.map((name) => [name, RUN]));
const CONFIG = { ...CHECK_CONFIG, collectors: { ...CHECK_CONFIG.collectors, ...FASTER } };
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
  let exporter: Exporter | undefined;
  const stage: Stage = {
    ...{ place, token, ends: [], gateway: await place.startReady() },
    untilSeen: (seen) => untilSeen(exporter, seen),
    startMaintenance: () => startMaintenance(exporter),
  };
  try {
    await fault.prepare?.(stage);
    const more = await fault.config?.(stage);
    const config = { ...CONFIG, ...more };
    const env = { ...place.env, HOME: place.env.HOME ?? '' };
    exporter = await Exporter.start({ env, config });
    await untilKnown(fault, stage);
    await fault.inject?.(stage);
    await stage.untilSeen(fault.seen);
    await untilUnasked(exporter);
    // One more interval, after which everything has been judged anew.
    await new Promise((resolve) => setTimeout(resolve, 22_000));
    const html = await (await fetch(exporter.url('/'))).text();
    const series = await exporter.series();
    return {
      fault,
      metrics: describeMetrics(series, fault.seen),
      page: readPage(html),
      check: await check(exporter, { ...CHECK_CONFIG, ...more }, env),
      rules: await evaluateRules(series, Date.now(), fault.rising),
    };
  } finally {
    await exporter?.stop();
    exporter?.remove();
    await stage.gateway.end('SIGKILL');
    for (const end of stage.ends) await end();
    stage.store?.stop();
    place.remove();
  }
}

/** What is to be seen before a fault is brought about that did not begin with the gateway. */
async function untilKnown({ prepare, config, seen }: VoicedFault, stage: Stage): Promise<void> {
  if (seen[0] !== 'openclaw_gateway_state' || prepare === undefined) {
    await stage.untilSeen(['openclaw_gateway_up', {}, 1]);
  }
  if (prepare === undefined && config === undefined) {
    await stage.untilSeen(['openclaw_gateway_function_up', {}, 1]);
  }
}

async function untilSeen(
  exporter: Exporter | undefined,
  [name, labels, expected]: VoicedFault['seen'],
): Promise<void> {
  const isExpected = async () => {
    const found = matching((await exporter?.series()) ?? [], name, labels);
    const isSeen = (value: number) => (typeof expected === 'function' ? expected(value) : value === expected);
    if (expected === undefined ? found.length === 0 : found.some(({ value }) => isSeen(value))) return true;
    throw new Error(`shown: ${found.map(({ value }) => value).join(', ') || 'nothing'}`);
  };
  await until(isExpected, {
    what: `${name} ${JSON.stringify(labels)} ${expected}`,
    timeoutMs: 20_000,
    everyMs: 300,
  });
}

async function startMaintenance(exporter: Exporter | undefined): Promise<void> {
  const args = ['maintenance', 'start', '30m', `--storage.path=${exporter?.storagePath ?? ''}`];
  const child = new Child(process.execPath, [LAUNCH, ...args]);
  if ((await child.exited) !== 0) throw new Error(child.output);
}

/** What cannot be asked of a gateway that does not answer is unknown after one interval. */
async function untilUnasked(exporter: Exporter): Promise<void> {
  const isUnasked = async () => {
    const series = await exporter.series();
    const answers = matching(series, 'openclaw_gateway_up').some(({ value }) => value === 1);
    const isProcessKnown =
      matching(series, 'openclaw_gateway_process_up').length > 0 ||
      matching(series, 'openclaw_gateway_port_holder', { holder: 'forwarder' }).some(
        ({ value }) => value === 1,
      );
    return isProcessKnown && (answers || matching(series, 'openclaw_gateway_token_match').length === 0);
  };
  await until(isUnasked, {
    what: 'the process to be known and the token unknown',
    timeoutMs: 60_000,
    everyMs: 300,
  });
}

async function check(
  exporter: Exporter,
  config: object,
  env: Readonly<Record<string, string>>,
): Promise<Report> {
  const file = `${exporter.configFile}.check`;
  writeFileSync(file, stringify(config));
  const args = [LAUNCH, 'check', '--json', `--config.file=${file}`];
  // As people run it: beside the exporter, with what that one remembers.
  const child = new Child(process.execPath, [...args, `--storage.path=${exporter.storagePath}`], { env });
  await child.exited;
  return reportSchema.parse(JSON.parse(child.output.slice(child.output.indexOf('{'))));
}

function describeMetrics(series: readonly Series[], [name, labels, expected]: VoicedFault['seen']): string {
  const state =
    matching(series, 'openclaw_gateway_state').find(({ value }) => value === 1)?.labels.state ?? 'absent';
  const values = SHOWN.flatMap((name) => {
    const found = matching(series, name);
    return found.map(({ value }) => `${name.replace('openclaw_', '')} ${value}`);
  });
  const isListed = name === 'openclaw_gateway_state' || SHOWN.some((one) => one === name);
  const shown = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const own = `${name.replace('openclaw_', '')}${shown.length === 0 ? '' : `{${shown.join(',')}}`}`;
  const value = expected ?? 'absent';
  return [
    `state ${state}`,
    ...values,
    ...(isListed ? [] : [typeof value === 'function' ? own : `${own} ${value}`]),
  ].join(', ');
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
  const warns = rules.alerts.some((alert) => alert.startsWith('warning '));
  const critical = rules.alerts.some((alert) => alert.startsWith('critical '));
  return [
    ...(pageVerdict === report.verdict ? [] : [`page says ${pageVerdict}, check says ${report.verdict}`]),
    ...(withoutPid(page.step) === withoutPid(report.nextStep?.text ?? '')
      ? []
      : [`page says ${page.step}, check says ${report.nextStep?.text}`]),
    ...(rules.causes.length > 1 ? ['the recorded series names several causes'] : []),
    ...(report.verdict === 'bad' && rules.causes[0] !== undefined && rules.causes[0] !== cause
      ? [`check says ${cause}, the recorded series says ${rules.causes[0]}`]
      : []),
    ...(critical && report.verdict === 'ok' ? ['an alert is critical, check says ok'] : []),
    ...(warns && report.verdict === 'ok' ? ['an alert warns, check says ok'] : []),
  ];
}

const withoutPid = (text: string) => text.replace(/\d+/g, 'N');

/** `--jobs` faults at a time; `--check` compares with what was kept; the rest names faults. */
const { values, positionals: only } = parseArgs({
  options: { check: { type: 'boolean', default: false }, jobs: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const open = FAULTS.filter(({ id }) => only.length === 0 || only.includes(id));
await Promise.all(Array.from({ length: Number(values.jobs) }, playAll));
if (!values.check) writeFileSync(PAGE, render());

/** Takes one fault after the other until none is left. */
async function playAll(): Promise<void> {
  for (let fault = open.shift(); fault !== undefined; fault = open.shift()) {
    try {
      compare(await hear(fault));
    } catch (error) {
      const cause = error instanceof Error ? `; ${error.cause}` : '';
      process.stdout.write(`${fault.id}: ${error}${cause}\n`);
      process.exitCode = 1;
    }
  }
}

function compare(voices: Voices): void {
  const contradictions = findContradictions(voices);
  const { fault, page, check: report, rules } = voices;
  process.stdout.write(
    `${fault.id}: ${page.headline} | ${report.likeliestCause?.cause} | ${rules.causes} | ${rules.alerts} | ${contradictions.join('; ')}\n`,
  );
  const result = toResult(voices);
  const kept = readVoices().find(({ id }) => id === fault.id);
  const isStale = values.check && JSON.stringify(kept) !== JSON.stringify(result);
  if (isStale) process.stdout.write(`docs/one-voice.json is stale: npm run one-voice -- '${fault.id}'\n`);
  if (contradictions.length > 0 || isStale) process.exitCode = 1;
  else if (!values.check) keepVoices(result);
}

function toResult({ fault, metrics, page, check: report, rules }: Voices): VoiceResult {
  return {
    id: fault.id,
    metrics,
    page: { headline: page.headline, step: withoutPid(page.step) },
    check: { exitCode: report.exitCode, step: withoutPid(report.nextStep?.text ?? '') },
    alerts: [...rules.alerts],
    causes: [...rules.causes],
  };
}

function render(): string {
  const kept = readVoices();
  const rows = FAULTS.flatMap(({ id, fault }) => {
    const voices = kept.find((one) => one.id === id);
    if (voices === undefined) return [];
    const { metrics, page, check: checked, alerts, causes } = voices;
    const withStep = (text: string, step: string) =>
      `${text}${step === '' ? '' : `; next step: ${code(step)}`}`;
    return [
      [
        `${id}: ${fault}`,
        metrics,
        withStep(page.headline, page.step),
        withStep(`exit ${checked.exitCode}`, checked.step),
        alerts.join(', '),
        causes.join(', '),
      ],
    ];
  });
  return `<!-- Generated by npm run one-voice from docs/one-voice.json. -->
# One voice

What metrics, the status page, \`check\` and the alerts say about the same fault, side by side. \`npm run one-voice\` brings
each fault about on a stand-in for a gateway beside a real exporter, and fails where two of them contradict each other:
page and \`check\` must have the same verdict and the same next step, and the recorded series the same cause. The alerts
are those that fire when the exposition stays as it is for 45 minutes, or its counters go on rising where that is the
fault. Numbers in commands stand for the process. A row stays until its fault is measured again.

Trends (G9, G11), what needs a service manager, another user, machine or version (G22 to G25, T10, N6, N8, N9, D1) and
faults of the exporter itself (X1 to X7), of which \`check\` knows nothing, are not here: the [matrix](fault-matrix.md) and the
scenarios of the rules have them.

${table(['fault', 'metrics', 'page', 'check', 'alerts', 'recorded cause'], rows)}
`;
}
