import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { healthGroups } from '../../../prometheus/source/health.ts';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { unlessSuppressed } from '../../../prometheus/source/suppressors.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import type { Evidence } from '../../../src/core/collector.ts';
import { diagnose } from '../../../src/diagnosis/cause.ts';
import { CAUSES, type CauseRow } from '../../../src/diagnosis/causes.ts';
import { installed, runProgram } from '../../support/promtool.ts';

const FAULT = 'instance_incident:openclaw_fault:max';
const CAUSE = 'instance_cause:openclaw_incident:max';
const SUBSETS = 150;

const records = healthGroups(thresholdsSchema.parse({}))
  .flatMap(({ rules }) => rules)
  .flatMap((rule) => (rule.kind === 'record' ? [rule] : []));
const incidents = new Set(
  records.flatMap(({ record, labels }) => (record === FAULT ? [labels?.incident] : [])),
);
const recorded = CAUSES.filter(({ fault }) => incidents.has(fault));

/** The cause that the status page and `check` name; none where nothing is broken. */
function causeOfPage(facts: readonly CauseRow[]): string | undefined {
  const evidence = facts.map(
    ({ fault, warnsOnly }): Evidence => ({
      layer: 'process',
      subject: 's',
      verdict: warnsOnly === true ? 'warning' : 'bad',
      text: fault,
      fault,
    }),
  );
  const { verdict, likeliest } = diagnose([{ evidence }]);
  return verdict === 'bad' ? likeliest?.cause : undefined;
}

/** What Prometheus itself makes of each set of facts, one instance each. */
async function recordedCauses(sets: readonly (readonly CauseRow[])[]): Promise<(string | undefined)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'openclaw-causes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const expr = records.find(({ record }) => record === CAUSE)?.expr;
  writeFileSync(
    join(folder, 'rules.yml'),
    stringify({ groups: [{ name: 'g', rules: [{ record: CAUSE, expr }] }] }),
  );
  const series = sets.flatMap((facts, index) =>
    facts.map(({ fault }) => ({
      series: `${FAULT}{incident="${fault}", instance="${index}"}`,
      values: '1x2',
    })),
  );
  const query = { expr: CAUSE, eval_time: '1m', exp_samples: [] };
  const tests = [{ interval: '1m', input_series: series, promql_expr_test: [query] }];
  writeFileSync(
    join(folder, 'test.yml'),
    stringify({ rule_files: ['rules.yml'], evaluation_interval: '1m', tests }),
  );
  const { output } = await runProgram('promtool', ['test', 'rules', 'test.yml'], folder);
  const found = new Map<string, string>();
  for (const [, labels = ''] of output.matchAll(/\{([^{}]*cause="[^{}]*)\}/g)) {
    const value = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    expect(found.has(value('instance')), 'one series an instance').toBe(false);
    found.set(value('instance'), value('cause'));
  }
  return sets.map((_, index) => found.get(String(index)));
}

describe.skipIf(!installed('promtool'))('the recorded cause', () => {
  it('has a recorded fault for each fact that a metric shows', () => {
    const shown = CAUSES.filter(({ promql }) => promql !== undefined);
    expect(shown.filter(({ fault }) => !incidents.has(fault)).map(({ fault }) => fault)).toEqual([]);
    expect(recorded.length).toBeGreaterThan(10);
  });

  it('is the one that page and check name, for every fact alone and for any facts together', async () => {
    const together = fc.sample(fc.subarray(recorded, { minLength: 2 }), SUBSETS);
    const sets = [...recorded.map((row) => [row]), ...together];
    const names = sets.map((facts) => facts.map(({ fault }) => fault).join(' '));
    const found = await recordedCauses(sets);
    const zip = (causes: readonly (string | undefined)[]) =>
      causes.map((cause, index) => `${names[index]}: ${cause}`);
    expect(zip(found)).toEqual(zip(sets.map(causeOfPage)));
  });
});

describe('the alert of a fault', () => {
  const thresholds = thresholdsSchema.parse({});
  const alerts = alertsOf(ruleGroups(thresholds));
  const suppressed = CAUSES.filter(({ unless }) => unless !== undefined);

  it.each(suppressed)(
    'does not fire while what the table names for $fault holds',
    ({ fault, unless = [] }) => {
      const its = alerts.filter(({ incident }) => incident === fault);
      expect(its.length).toBeGreaterThan(0);
      for (const { expr, about } of its) {
        const found = (['now', 'lately'] as const).map((when) => {
          const [, ...chain] = unlessSuppressed(thresholds, fault, '', { own: about, when }).split('\n');
          return chain.filter((line) => expr.includes(line));
        });
        expect(Math.max(...found.map((lines) => lines.length))).toBe(unless.length);
      }
    },
  );
});
