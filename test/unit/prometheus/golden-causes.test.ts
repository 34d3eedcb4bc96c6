import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { ruleFiles } from '../../../prometheus/source/render.ts';
import { ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import { promtoolFile } from '../../../prometheus/tests/scenario.ts';
import { type GoldenMetrics, readGoldenMetrics } from '../../support/golden-metrics.ts';
import { installed, runProgram } from '../../support/promtool.ts';

const CAUSE = 'instance_cause:openclaw_incident:max';
const MINUTES = 10;
const thresholds = thresholdsSchema.parse({});

/** One recorded /metrics as a target of its own; values that vary are 0. */
function seriesOf({ name, lines }: GoldenMetrics) {
  const own = `instance="${name}", job="openclaw"`;
  const samples = lines.map((line) => {
    const [, metric = '', labels = '', value = ''] = /^([\w:]+)(?:\{(.*)\})? (.*)$/.exec(line) ?? [];
    const series = `${metric}{${[labels, own].filter((part) => part !== '').join(', ')}}`;
    return { series, values: `${value === '~' ? 0 : value}x${MINUTES}` };
  });
  return [{ series: `up{${own}}`, values: `1x${MINUTES}` }, ...samples];
}

/** The recorded cause of each target, by all rules as Prometheus evaluates them; none where it has no series. */
async function causesByRules(all: readonly GoldenMetrics[]): Promise<ReadonlyMap<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-golden-causes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const { path, text } of ruleFiles(ruleGroups(thresholds), thresholds)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  // No sample is expected, so promtool prints those that it finds.
  const query = { expr: `${CAUSE} or absent(${CAUSE})`, eval_time: `${MINUTES}m`, exp_samples: [] };
  const test = { interval: '1m', input_series: all.flatMap(seriesOf), promql_expr_test: [query] };
  writeFileSync(join(folder, 'test.yml'), stringify(promtoolFile('rules/*.yml', '1m', [test])));
  const { output } = await runProgram('promtool', ['test', 'rules', 'test.yml'], folder);
  const value = (labels: string, name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
  return new Map(
    [...output.matchAll(/\{([^{}]*cause="[^{}]*)\}/g)].map(([, labels = '']) => [
      value(labels, 'instance'),
      value(labels, 'cause'),
    ]),
  );
}

describe.skipIf(!installed('promtool'))('the likeliest cause of a recorded /metrics', () => {
  it('is by the rules the one that the status page named', async () => {
    const all = readGoldenMetrics();
    const byRules = await causesByRules(all);
    const verdictByRules = ({ name, verdict }: GoldenMetrics) => {
      const cause = byRules.get(name);
      if (cause !== undefined) return `bad ${cause}`;
      // The record covers what is broken; a warning has none.
      return verdict.startsWith('bad') ? 'none' : verdict;
    };
    expect(all.length).toBeGreaterThan(9);
    expect(all.map((one) => `${one.name}: ${verdictByRules(one)}`)).toEqual(
      all.map(({ name, verdict }) => `${name}: ${verdict}`),
    );
  });
});
