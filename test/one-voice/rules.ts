import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Series } from '../support/exposition.ts';
import { runProgram } from '../support/promtool.ts';

const RULES = join(import.meta.dirname, '..', '..', 'prometheus', 'rules');
const INSTANCE = 'gateway.example';
/** Long enough for every `for` of a fault that simply lasts. */
const MINUTES = 45;
const HOUR = 3_600;
/** The heartbeat fires always; an exposition that never changes looks stale. */
const QUERIES = {
  alerts: 'ALERTS{alertstate="firing", alertname!~"OpenClawWatchdog|OpenClawCollectorStale"}',
  causes: 'instance_cause:openclaw_incident:max',
} as const;

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
export async function evaluateRules(series: readonly Series[], nowMs: number): Promise<RulesVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-one-voice-'));
  try {
    const [alerts, causes] = [
      await ask(folder, series, nowMs, 'alerts'),
      await ask(folder, series, nowMs, 'causes'),
    ];
    return {
      alerts: [
        ...new Set(alerts.map((labels) => `${find(labels, 'severity')} ${find(labels, 'alertname')}`)),
      ].toSorted(),
      causes: causes.map((labels) => find(labels, 'cause')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** promtool tells results only where they differ from what a test expects, so the test expects none. */
async function ask(folder: string, series: readonly Series[], nowMs: number, query: keyof typeof QUERIES) {
  const file = join(folder, `${query}.yml`);
  const test = {
    rule_files: readdirSync(RULES)
      .filter((name) => name.endsWith('.yml'))
      .map((name) => join(RULES, name)),
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: toInput(series, nowMs),
        promql_expr_test: [{ expr: QUERIES[query], eval_time: `${MINUTES}m`, exp_samples: [] }],
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

/** promtool's clock starts at 0, so moments are moved there. */
function toInput(series: readonly Series[], nowMs: number) {
  const up = { name: 'up', labels: {}, value: 1 };
  return [up, ...series].map(({ name, labels, value }) => {
    const isMoment = /_(?:timestamp|start_time)_seconds$/.test(name);
    // As old as the exposition itself would make it: the process began before the first scrape.
    const began = name.endsWith('_start_time_seconds') ? -HOUR : 0;
    const shifted = isMoment ? value - nowMs / 1000 + MINUTES * 60 + began : value;
    const all = Object.entries({ ...labels, instance: INSTANCE, job: 'openclaw' });
    const text = all.map(([key, one]) => `${key}=${JSON.stringify(one)}`).join(', ');
    return { series: `${name}{${text}}`, values: `${shifted}x${MINUTES}` };
  });
}
