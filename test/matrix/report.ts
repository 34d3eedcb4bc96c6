import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ChaosResult } from './chaos.ts';
import { NOT_PLAYED } from './not-played.ts';
import type { Result } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { SoakResult } from './soak.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');
/** Results of every scenario's last run: the whole matrix may be played in pieces. */
const RESULTS = join(DOCS, 'fault-matrix.json');
const CHAOS = join(DOCS, 'fault-matrix-chaos.json');
const SOAK = join(DOCS, 'fault-matrix-soak.json');
const PAGE = join(DOCS, 'fault-matrix.md');

const result: z.ZodType<Result> = z.object({
  id: z.string(),
  also: z.array(z.string()),
  fault: z.string(),
  standIn: z.string(),
  metric: z.number().optional(),
  alert: z.number().optional(),
  page: z.number().optional(),
  alerts: z.array(z.string()),
  pages: z.array(z.string()),
  falsePages: z.array(z.string()),
  total: z.number(),
  misses: z.array(z.string()),
});

const chaosResult: z.ZodType<ChaosResult> = z.object({
  seed: z.number(),
  steps: z.number(),
  scrapes: z.number(),
  slowestScrapeMs: z.number(),
  exporterKills: z.number(),
  gatewayStarts: z.number(),
  refusals: z.number(),
  runs: z.number(),
  peak: z.object({ megabytes: z.number(), files: z.number(), children: z.number() }),
  broken: z.array(z.string()),
});

const soakResult: z.ZodType<SoakResult> = z.object({
  minutes: z.number(),
  scrapes: z.number(),
  faults: z.number(),
  runs: z.number(),
  growth: z.array(
    z.object({
      what: z.string(),
      unit: z.string(),
      atStart: z.number(),
      atEnd: z.number(),
      perHour: z.number(),
      error: z.number(),
    }),
  ),
});

/** Notes a story of chaos that broke nothing. */
export function publishChaos(result: ChaosResult): void {
  writeFileSync(CHAOS, `${JSON.stringify(result, undefined, 2)}\n`);
  publish([]);
}

export function publishSoak(result: SoakResult): void {
  writeFileSync(SOAK, `${JSON.stringify(result, undefined, 2)}\n`);
  publish([]);
}

/** Merges what was just played into what is known, and writes the page anew. */
export function publish(played: readonly Result[]): void {
  const known: readonly Result[] = existsSync(RESULTS)
    ? z.array(result).parse(JSON.parse(readFileSync(RESULTS, 'utf8')))
    : [];
  const byId = new Map([...known, ...played].map((one) => [one.id, one]));
  const results = SCENARIOS.flatMap(({ id }) => byId.get(id) ?? []);
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(PAGE, pageOf(results));
}

function pageOf(results: readonly Result[]): string {
  const seen = results.filter(({ misses }) => misses.length === 0).length;
  const falsePages = results.reduce((sum, one) => sum + one.falsePages.length, 0);
  const standIns = results.filter(({ standIn }) => standIn !== '');
  const misses = results.flatMap(({ id, misses: all }) => all.map((miss) => `- ${id}: ${miss}`));
  const unplayed = SCENARIOS.filter(({ id }) => !results.some((one) => one.id === id));
  return [
    HEAD,
    `${seen} of ${results.length} scenarios hold; false pages: ${falsePages}.`,
    '',
    '| scenario | what was injected | metric (s) | alert (s) | page (s) | alerts | pages | false pages | whole (s) |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.map(row),
    '',
    '## What is not real in them',
    '',
    ...standIns.map(({ id, standIn }) => `- ${id}: ${standIn}`),
    '',
    '## What does not hold',
    '',
    ...(misses.length === 0 ? ['Nothing.'] : misses),
    '',
    ...chaosPart(),
    ...soakPart(),
    '## Rows that are proved elsewhere',
    '',
    '| row | why not here | where it is proved |',
    '| --- | --- | --- |',
    ...NOT_PLAYED.map(({ ids, why, where }) => `| ${ids} | ${why} | ${where} |`),
    '',
    '## Scenarios that were not played yet',
    '',
    unplayed.length === 0
      ? 'None.'
      : `Written, and without a result so far: ${unplayed.map(({ id }) => id).join(', ')}.`,
    '',
  ].join('\n');
}

function chaosPart(): string[] {
  if (!existsSync(CHAOS)) return [];
  const told = chaosResult.parse(JSON.parse(readFileSync(CHAOS, 'utf8')));
  const { steps, seed, scrapes, slowestScrapeMs, exporterKills, gatewayStarts, refusals, runs, peak } = told;
  return [
    '## Chaos',
    '',
    `\`npm run matrix -- chaos ${steps} ${seed}\`: ${steps} random faults and repairs, the gateway started ${gatewayStarts} times, the exporter ended`,
    `${exporterKills} times. All ${scrapes} scrapes were answered, the slowest in ${slowestScrapeMs} ms. No persisted total fell; at the end the totals equalled the ${runs} runs in`,
    `the gateway's own history. The gateways refused ${refusals} attempts, never more than 3 in five minutes. The exporter held at most ${peak.megabytes} MB,`,
    `${peak.files} files and ${peak.children} children. No token stood in its metrics.`,
    '',
  ];
}

function soakPart(): string[] {
  if (!existsSync(SOAK)) return [];
  const { minutes, scrapes, faults, runs, growth } = soakResult.parse(JSON.parse(readFileSync(SOAK, 'utf8')));
  const number = (value: number) => value.toFixed(1);
  return [
    '## Soak',
    '',
    `\`npm run matrix -- soak ${minutes}\`: one exporter for ${minutes} minutes with looks each second (some fifteen times as often as it does unless told),`,
    `${runs} cron runs, ${faults} faults, ${scrapes} scrapes. The line of least squares through a sample each 20 s, without the first half:`,
    '',
    '| what is held | after the first half | at the end | growth per hour, with its standard error |',
    '| --- | --- | --- | --- |',
    ...growth.map(({ what, unit, atStart, atEnd, perHour, error }) => {
      const of = unit === '' ? '' : ` ${unit}`;
      return `| ${what} | ${number(atStart)}${of} | ${number(atEnd)}${of} | ${number(perHour)} ± ${number(error)}${of} |`;
    }),
    '',
  ];
}

function row({ id, also, fault, metric, alert, page, alerts, pages, falsePages, total }: Result): string {
  const shown = alerts.map((one) =>
    one.replace(/^(\w)\w* OpenClaw/, (_, first: string) => `${first.toUpperCase()} `),
  );
  const cells = [
    [id, ...also].join(', '),
    fault,
    seconds(metric),
    seconds(alert),
    seconds(page),
    shown.join(', '),
    pages.length === 0 ? '0' : `${pages.length} (${pages.join(', ')})`,
    String(falsePages.length),
    seconds(total),
  ];
  return `| ${cells.join(' | ')} |`;
}

function seconds(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(1);
}

const HEAD = `# Fault matrix

Made by \`npm run matrix\`: a real OpenClaw gateway (2026.9.6), the real exporter, Prometheus, Alertmanager with a webhook as
each receiver, and a real OpenSSH server. Each scenario begins with all clear, injects one of the faults numbered in [Alerts](alerts.md) or a pair, and holds when

- exactly the verdicts that it names change, and every other stays as it was,
- exactly the alerts that it names fire, and exactly the pages that it names are sent, each once,
- after the repair the verdicts are the former ones, nothing above information fires and every page was told to be over.

**What is divided by 30**, so that half an hour takes a minute: every duration in the generated rules (\`for\`, \`keep_firing_for\`, ranges, offsets,
thresholds in time, the interval of evaluation), Alertmanager's \`group_wait\`, \`group_interval\` and \`repeat_interval\`, Prometheus' resend delay
and lookback, \`cron.grace\`, \`cron.publish_delay\` and \`gateway.startup_window\`. The exporter looks each second (hosts each 3 s, a command each 4 s)
and is scraped each second.
**What is not**: ratios and counts; latencies and clock offsets; a gateway's stop and start, so \`gateway_down_for\` and \`listener_gone_warn_for\` are at least as
long as its first start took, \`drain_budget\` and \`start_overdue_after\` half as long again, and \`ssh_down_for\` is put off by as much as \`gateway_down_for\`; the five minutes of the limit of failed attempts, whose record is put away between scenarios.
The unscaled times are proved minute by minute by [the rule tests](../prometheus/tests). Each scenario has an \`instance\` of its own in Prometheus, so
that what a range remembers of one is not counted in the next. Times are seconds after the injection, which includes a gateway's start of 6 to 20 s where one is restarted. Alerts: C critical, W warning, I information.
`;
