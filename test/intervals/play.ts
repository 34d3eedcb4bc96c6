import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { alertsOf, ruleGroups } from '../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { SCENARIOS } from '../../prometheus/tests/files.ts';
import {
  coveringScenarios,
  firstTimes,
  renderMissing,
  type Scenario,
} from '../../prometheus/tests/scenario.ts';
import { runProgram } from '../support/promtool.ts';

/** Scenarios that need the same files of rules, and the names of these files. */
export interface Batch {
  readonly files: readonly string[];
  readonly scenarios: readonly Scenario[];
}

/** What came of the alerts where every second scrape failed. */
export interface Outcome {
  /** Alerts that were expected somewhere. */
  readonly expected: readonly string[];
  /** Those of them that did not fire, or too late. */
  readonly missing: readonly string[];
  /** Scenarios without a page in which one fired. */
  readonly falsePages: readonly string[];
}

const GROUPS = ruleGroups(thresholdsSchema.parse({}));
const FILES = new Map(
  GROUPS.flatMap((group) => alertsOf([group]).map(({ alert }) => [alert, group.file] as const)),
);

/**
 * Scenarios of minutes in which each of their alerts fires, by the files of rules that these need; what alerts of
 * several files read stands in the gateway's. Scenarios of days and of objectives have scrapes five minutes apart.
 */
export function intervalBatches(): Batch[] {
  const scenarios = coveringScenarios(SCENARIOS.filter(({ step = 30 }) => step === 30));
  const byFiles = Map.groupBy(scenarios, (scenario) => {
    const files = firstTimes([scenario]).flatMap(([name]) => FILES.get(name) ?? []);
    return [...new Set(['gateway', ...files])].toSorted().join(' ');
  });
  return [...byFiles].map(([files, chosen]) => ({ files: files.split(' '), scenarios: chosen }));
}

/**
 * Plays these scenarios with a scrape each so many seconds of which every second one fails, on rules whose threshold
 * `scrape_interval` says so.
 * @throws an Error where promtool cannot play them.
 */
export async function playMissedScrapes(
  intervalSeconds: number,
  { files, scenarios }: Batch,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-intervals-'));
  try {
    const t = thresholdsSchema.parse({ scrape_interval: `${intervalSeconds}s` });
    mkdirSync(join(folder, 'rules'));
    for (const { path, text } of ruleFiles(ruleGroups(t), t)) writeFileSync(join(folder, path), text);
    const test = join(folder, 'missing.yml');
    const rules = files.map((file) => join(folder, 'rules', `${file}.yml`));
    writeFileSync(test, renderMissing(rules, scenarios, intervalSeconds));
    const { ok, output } = await runProgram('promtool', ['test', 'rules', test]);
    const failed = [...output.matchAll(/expr: "(.*)", time:/g)].map(([, expr = '']) => expr);
    if (!ok && failed.length === 0) throw new Error(`promtool could not play it: ${output.slice(0, 500)}`);
    return { expected: firstTimes(scenarios).map(([name]) => name), ...sortFailures(failed) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sortFailures(failed: readonly string[]): Pick<Outcome, 'missing' | 'falsePages'> {
  const find = (pattern: RegExp) =>
    [...new Set(failed.flatMap((expr) => pattern.exec(expr)?.[1] ?? []))].toSorted();
  return {
    missing: find(/alertname=\\"(\w+)\\"/),
    falsePages: find(/severity=\\"critical\\".*instance=\\"([^\\]+)\\"/),
  };
}
