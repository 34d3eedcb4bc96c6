import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { alertsOf, ruleGroups } from '../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { SCENARIO_SETS, SCENARIOS, type ScenarioSet } from '../../prometheus/tests/files.ts';
import {
  coveringScenarios,
  firstTimes,
  inputSeries,
  promtoolFile,
  renderTest,
  sideBySide,
} from '../../prometheus/tests/scenario.ts';
import { intervalBatches, playMissedScrapes } from '../intervals/play.ts';
import { installed, runProgram } from '../support/promtool.ts';

const folder = join(import.meta.dirname, '..', '..', 'prometheus');
const LONG = 600_000;

describe.skipIf(!installed('promtool'))('promtool (skipped where it is not installed)', () => {
  it('accepts every rule file', async () => {
    const files = readdirSync(join(folder, 'rules')).map((name) => join(folder, 'rules', name));
    expect(await runProgram('promtool', ['check', 'rules', ...files])).toMatchObject({ ok: true });
  });

  it.each(['prometheus.yml', 'prometheus-fleet.yml'])('accepts %s', async (name) => {
    // Files with secrets need not exist where the configuration is only checked.
    const result = await runProgram('promtool', ['check', 'config', '--syntax-only', join(folder, name)]);
    expect(result).toMatchObject({ ok: true });
  });

  it.each(SCENARIO_SETS.map((set) => [set.name, set] as const))(
    'finds the alerts of the set %s at their minutes',
    async (_, set) => {
      const result = await runProgram('promtool', ['test', 'rules', writeSet(set)]);
      expect(result.ok ? '' : result.output).toBe('');
    },
    LONG,
  );

  it.each(intervalBatches().map((batch) => [batch.files.join(', '), batch] as const))(
    'finds each alert of %s while every second scrape fails, each evaluation at such a moment',
    async (_, batch) => {
      expect(await playMissedScrapes(30, batch)).toMatchObject({ missing: [], falsePages: [] });
    },
    LONG,
  );

  it(
    'expands every annotation without an error',
    async () => {
      const place = mkdtempSync(join(tmpdir(), 'openclaw-annotations-'));
      onTestFinished(() => rmSync(place, { recursive: true, force: true }));
      const enough = coveringScenarios(SCENARIOS);
      const files = SCENARIO_SETS.map((set) => ({
        ...set,
        scenarios: set.scenarios.filter((scenario) => enough.includes(scenario)),
      })).map((set, index) => {
        const content = annotationTests(set);
        const file = join(place, `${index}.yml`);
        writeFileSync(file, stringify(content, { lineWidth: 0 }));
        return file;
      });
      const { output } = await runProgram('promtool', ['test', 'rules', ...files]);
      const shown = new Set([...output.matchAll(/alertname: (\w+)/g)].map(([, name]) => name));
      expect(NAMES.filter((name) => !shown.has(name))).toEqual([]);
      expect(
        output.split('\n').filter((line) => /error expanding|%!|<no value>|no value/.test(line)),
      ).toEqual([]);
    },
    LONG,
  );

  it('puts a job’s id into a command only where it is one that OpenClaw knows and a shell leaves alone', async () => {
    const place = mkdtempSync(join(tmpdir(), 'openclaw-ids-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const file = join(place, 'ids.yml');
    const plain = ['3f2a-daily.memory_1', 'b'];
    const ids = [...plain, 'log:ws/x', '_other', '$(rm -rf x)', '--help', 'a\nb', 'a b'];
    writeFileSync(file, stringify(jobTests(ids)));
    const { output } = await runProgram('promtool', ['test', 'rules', file]);
    const steps = [...output.matchAll(/next_step="((?:[^"\\]|\\.)*)"/g)].map(([, step = '']) => step);
    const named = steps.map(
      (step) => /^openclaw cron (?:runs --id|list, then openclaw cron run|run|edit) ([^ ,]+)/.exec(step)?.[1],
    );
    expect(new Set(named)).toEqual(new Set([...plain, undefined]));
    const others = new Set(steps.filter((_, index) => named[index] === undefined));
    expect([...others]).toEqual([
      "openclaw cron list; log:... is a job of the system's crontab: read its log, start it from there",
    ]);
    // For each id: three phases of the first alert, one each of the others.
    expect(steps.length).toBe(ids.length * (JOB_ALERTS.length + 2));
  });
});

/** A set of scenarios as a file for promtool, beside the rules it is played on, in a folder of its own. */
function writeSet({ name, scenarios, evaluation, thresholds }: ScenarioSet): string {
  const place = writeRules(thresholds);
  const file = join(place, `${name}.yml`);
  writeFileSync(file, renderTest(join(place, 'rules', '*.yml'), scenarios, evaluation));
  return file;
}

/** The rules by these thresholds, in the folder `rules` of the returned one. */
function writeRules(thresholds: ScenarioSet['thresholds']): string {
  const place = mkdtempSync(join(tmpdir(), 'openclaw-scenarios-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  const parsed = thresholdsSchema.parse(thresholds ?? {});
  mkdirSync(join(place, 'rules'));
  for (const { path, text } of ruleFiles(ruleGroups(parsed), parsed)) writeFileSync(join(place, path), text);
  return place;
}

/**
 * Every alert whose step names a job, for jobs with these ids; each on a gateway of its own:
 * many together are one alert.
 */
function jobTests(ids: readonly string[]) {
  const series = (name: string, values: string, more = '') =>
    ids.map((id, index) => ({
      series: `${name}{instance="g${index}", job="openclaw", cron_job="important-${index}", cron_job_id=${JSON.stringify(id)}${more}}`,
      values,
    }));
  const test = {
    interval: '1m',
    input_series: [
      ...series('openclaw_cron_consecutive_errors', '3x60'),
      ...series('openclaw_cron_runs_total', '0x49 3x11', ', status="error"'),
      ...series('openclaw_cron_missed_runs_total', '0x49 1x11'),
      ...series('openclaw_cron_consecutive_skips', '9x60'),
      ...series('openclaw_cron_next_run_beyond_schedule', '1x60'),
      ...series('openclaw_cron_job_overdue_seconds', '0+60x60'),
    ],
    alert_rule_test: JOB_ALERTS.map((alertname) => ({ alertname, eval_time: '55m', exp_alerts: [] })),
  };
  return { rule_files: [join(folder, 'rules', 'cron.yml')], evaluation_interval: '5m', tests: [test] };
}

const JOB_ALERTS = [
  'OpenClawCronJobFailing',
  'OpenClawCronRunMissed',
  'OpenClawCronJobOverdue',
  'OpenClawCronJobSkipped',
  'OpenClawCronPlanBeyondSchedule',
];

const NAMES = [...new Set(alertsOf(ruleGroups(thresholdsSchema.parse({}))).map(({ alert }) => alert))].filter(
  (name) => name !== 'OpenClawWatchdog',
);

/** Tests that expect no alert, so that promtool prints those it got with their annotations. */
function annotationTests({ scenarios: chosen, evaluation = '1m', thresholds }: ScenarioSet) {
  const rules = thresholds === undefined ? folder : writeRules(thresholds);
  const tests = sideBySide(chosen).map((scenarios) => ({
    interval: `${scenarios[0]?.step ?? 30}s`,
    input_series: scenarios.flatMap(inputSeries),
    alert_rule_test: firstTimes(scenarios).map(([alertname, minute]) => ({
      alertname,
      eval_time: `${minute * 60}s`,
      exp_alerts: [],
    })),
  }));
  return promtoolFile(join(rules, 'rules', '*.yml'), evaluation, tests);
}
