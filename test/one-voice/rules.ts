import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Series } from '../support/exposition.ts';
import { runProgram } from '../support/promtool.ts';
import type { RisingCounter } from './stage.ts';

const RULES = join(import.meta.dirname, '..', '..', 'prometheus', 'rules');
const INSTANCE = 'gateway.example';
/** Long enough for every `for` of a fault that simply lasts. */
const MINUTES = 45;
const HOUR = 3_600;
/** The heartbeat fires always; an exposition that never changes looks stale. */
const QUERY = [
  'ALERTS{alertstate="firing", alertname!~"OpenClawWatchdog|OpenClawCollectorStale"}',
  'instance_cause:openclaw_incident:max',
].join(' or ');

/** What the bundled rules make of one exposition that stays as it is. */
export interface RulesVerdict {
  /** `severity Alert`, each once, in order. */
  readonly alerts: readonly string[];
  /** Values of `cause` on the recorded series. */
  readonly causes: readonly string[];
}

/**
 * Evaluates the bundled rules over an exposition, scraped every minute for 45
 * minutes, with `promtool test rules`.
 */
export async function evaluateRules(
  series: readonly Series[],
  nowMs: number,
  rising: readonly RisingCounter[] = [],
): Promise<RulesVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-one-voice-'));
  const input = toInput(series, nowMs, rising);
  try {
    const found = await query(folder, input);
    const isAlert = (labels: string) => find(labels, 'alertname') !== '';
    const names = found
      .filter(isAlert)
      .map((labels) => `${find(labels, 'severity')} ${find(labels, 'alertname')}`);
    return {
      alerts: [...new Set(names)].toSorted(),
      causes: found.filter((labels) => !isAlert(labels)).map((labels) => find(labels, 'cause')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** promtool tells results only where they differ from what a test expects, so the test expects none. */
async function query(folder: string, input: ReturnType<typeof toInput>): Promise<string[]> {
  const file = join(folder, 'test.yml');
  const test = {
    rule_files: readdirSync(RULES)
      .filter((name) => name.endsWith('.yml'))
      .map((name) => join(RULES, name)),
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: input,
        promql_expr_test: [{ expr: QUERY, eval_time: `${MINUTES}m`, exp_samples: [] }],
      },
    ],
  };
  writeFileSync(file, stringify(test));
  const { output } = await runProgram('promtool', ['test', 'rules', file]);
  const got = output.slice(output.indexOf('got:'));
  return output.includes('got:')
    ? [...got.matchAll(/\{(?<labels>[^{}]*)\}/g)].map(({ groups }) => groups?.labels ?? '')
    : [];
}

function find(labels: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
}

function hasLabels(labels: Series['labels'], wanted: RisingCounter['labels'] = {}): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

/** promtool's clock starts at 0, so moments are moved there. */
function toInput(series: readonly Series[], nowMs: number, rising: readonly RisingCounter[]) {
  const up = { name: 'up', labels: {}, value: 1 };
  return [up, ...series].map(({ name, labels, value }) => {
    const { perMinute = 0 } = rising.find((one) => one.name === name && hasLabels(labels, one.labels)) ?? {};
    const isMoment = /_(?:timestamp|start_time)_seconds$/.test(name);
    // As old as the exposition itself would make it: the process began before the first scrape.
    const began = name.endsWith('_start_time_seconds') ? -HOUR : 0;
    const shifted = isMoment ? value - nowMs / 1000 + MINUTES * 60 + began : value;
    const all = Object.entries({ ...labels, instance: INSTANCE, job: 'openclaw' });
    const text = all.map(([key, one]) => `${key}=${JSON.stringify(one)}`).join(', ');
    return { series: `${name}{${text}}`, values: `${shifted}+${perMinute}x${MINUTES}` };
  });
}
