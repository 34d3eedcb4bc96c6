import { stringify } from 'yaml';
import { ruleGroups } from '../source/rules.ts';
import { thresholdsSchema } from '../source/thresholds.ts';
import { everySecondMissing, notation, type Timeline } from './timeline.ts';
import { healthy, type World } from './world.ts';

/**
 * One fault, minute by minute. Alerts are written `Name/phase`, with `*n` where n of them fire and `@host` or
 * `@job` where it matters which.
 */
export interface Scenario {
  /** Rows of the fault catalogue; also the alerts' names for those that have no row. */
  readonly ids: readonly string[];
  readonly name: string;
  /** Of the gateway; by default one of its own, made of ids and name. */
  readonly instance?: string;
  readonly minutes: number;
  /** Seconds between samples and evaluations; 30 unless told. */
  readonly step?: number;
  /** Instead of the healthy world's series, or besides. */
  readonly world: World;
  readonly without?: readonly string[];
  readonly firing: Readonly<Record<number, readonly string[]>>;
  /** Severities that fire at no time, such as `critical|warning`. */
  readonly never?: string;
  /** The likeliest cause at some minutes; '' for none. */
  readonly cause?: Readonly<Record<number, string>>;
  /** Health by layer at some minutes. */
  readonly health?: Readonly<Record<number, Readonly<Record<string, number>>>>;
}

const BY = ['alertname', 'repair_phase', 'host', 'cron_job'] as const;

/** The scenario's gateway: a name of its own, so that many are played side by side, as in a fleet. */
export function instanceOf({ ids, name, instance }: Scenario): string {
  return instance ?? `${ids.join('-')}-${name}`.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 90);
}

/** Scenarios about Prometheus itself or about the whole fleet cannot share it. */
export function isAlone({ ids }: Scenario): boolean {
  return ids.some((id) => /Absent|Prometheus|Alertmanager|WatcherLost/.test(id));
}

/** Scenarios that can be played side by side in one test, as lists. */
export function sideBySide(scenarios: readonly Scenario[]): Scenario[][] {
  const shared = Map.groupBy(
    scenarios.filter((scenario) => !isAlone(scenario)),
    ({ step = 30 }) => step,
  );
  return [...shared.values(), ...scenarios.filter(isAlone).map((scenario) => [scenario])];
}

/** What promtool plays: `tests` against the rule files that match `rules` (absolute patterns). */
export function promtoolFile<T>(rules: string | readonly string[], evaluation: string, tests: readonly T[]) {
  return {
    rule_files: [rules].flat(),
    evaluation_interval: evaluation,
    // Without it promtool evaluates groups in random order.
    group_eval_order: ruleGroups(thresholdsSchema.parse({})).map(({ name }) => name),
    tests,
  };
}

/** A promtool test of these scenarios, against the rule files that match `rules`. */
export function renderTest(rules: string, scenarios: readonly Scenario[], evaluation = '1m'): string {
  return renderFile(promtoolFile(rules, evaluation, sideBySide(scenarios).map(testOf)));
}

/** A file for promtool as text. */
export function renderFile(file: object): string {
  return stringify(file, { lineWidth: 0, aliasDuplicateObjects: false });
}

/**
 * Minutes that an alert may come late while every second scrape fails: what is read over a window waits for it to fill,
 * and the first bad sample may be two scrapes away.
 */
function lateMinutes(stepSeconds: number): number {
  return Math.max(5, (7 * stepSeconds) / 60);
}

/**
 * A promtool test in which every second scrape of these scenarios fails, those at full minutes among them: each alert
 * that a scenario expects somewhere fires there too, at most {@link lateMinutes} later, and no page where it has none.
 * `stepSeconds` is the interval of the scrapes; `rules` are made for it.
 */
export function renderMissing(
  rules: readonly string[],
  scenarios: readonly Scenario[],
  stepSeconds: number,
): string {
  const late = lateMinutes(stepSeconds);
  const tests = sideBySide(scenarios).map((chosen) => ({
    interval: `${stepSeconds}s`,
    input_series: chosen.flatMap((scenario) =>
      seriesOf(scenario, (timeline, name) =>
        everySecondMissing(timeline, scenario.minutes + late, stepSeconds, /^up\b/.test(name)),
      ),
    ),
    promql_expr_test: chosen.flatMap((scenario) => [...survivals(scenario, late), ...silences(scenario)]),
  }));
  return renderFile(promtoolFile(rules, `${Math.max(60, stepSeconds)}s`, tests));
}

/** For each alert of these scenarios the first minute at which one of them expects it. */
export function firstTimes(scenarios: readonly Scenario[]): [name: string, minute: number][] {
  const times = new Map<string, number>();
  for (const { firing } of scenarios) {
    for (const [minute, list] of Object.entries(firing)) {
      for (const name of list.map((alert) => alert.replace(/\/.*/, ''))) {
        times.set(name, Math.min(Number(minute), times.get(name) ?? Number.POSITIVE_INFINITY));
      }
    }
  }
  return [...times];
}

/** Scenarios that together let every alert fire, the short ones first. */
export function coveringScenarios(of: readonly Scenario[]): Scenario[] {
  const seen = new Set<string>();
  const byLength = of.toSorted((a, b) => a.minutes - b.minutes);
  return byLength.filter((scenario) => {
    const names = firstTimes([scenario]).map(([name]) => name);
    const isNew = names.some((name) => !seen.has(name));
    for (const name of names) seen.add(name);
    return isNew;
  });
}

function survivals(scenario: Scenario, late: number) {
  const own = isAlone(scenario) ? '' : `, instance="${instanceOf(scenario)}"`;
  return firstTimes([scenario]).map(([name, minute]) => {
    const fired = `count_over_time(ALERTS{alertname="${name}", alertstate="firing"${own}}[${late + 1}m])`;
    return expectation(String(minute + late), `count by (alertname) (${fired}) > bool 0`, [
      { labels: `{alertname="${name}"}`, value: 1 },
    ]);
  });
}

/** No page where the scenario has none. */
function silences(scenario: Scenario) {
  if (scenario.never?.includes('critical') !== true || isAlone(scenario)) return [];
  const pages = `ALERTS{alertstate="firing", severity="critical", instance="${instanceOf(scenario)}"}`;
  const counted = `count_over_time(${pages}[${scenario.minutes}m])`;
  return [expectation(String(scenario.minutes), `count by (alertname) (${counted})`, [])];
}

function testOf(scenarios: readonly Scenario[]) {
  return {
    interval: `${scenarios[0]?.step ?? 30}s`,
    input_series: scenarios.flatMap(inputSeries),
    promql_expr_test: scenarios.flatMap(expectations),
  };
}

function expectations(scenario: Scenario) {
  const { firing, never, minutes, cause = {}, health = {} } = scenario;
  const own = `instance="${instanceOf(scenario)}"`;
  const alerts = (severity = '') =>
    `ALERTS{alertstate="firing", incident!="watchdog"${severity}${isAlone(scenario) ? '' : `, ${own}`}}`;
  const causeIs = 'instance_cause:openclaw_incident:max';
  const healthOf = (layer: string) => `instance_layer:openclaw_health:min{${own}, layer="${layer}"}`;
  return [
    ...Object.entries(firing).map(([minute, list]) =>
      expectation(minute, `count by (${BY.join(', ')}) (${alerts()})`, list.map(firingSample)),
    ),
    ...(never === undefined
      ? []
      : [
          expectation(
            String(minutes),
            `count by (alertname) (count_over_time(${alerts(`, severity=~"${never}"`)}[${minutes}m]))`,
            [],
          ),
        ]),
    ...Object.entries(cause).map(([minute, name]) =>
      expectation(
        minute,
        `${causeIs}{${own}}`,
        name === '' ? [] : [{ labels: `${causeIs}{${own}, cause="${name}"}`, value: 1 }],
      ),
    ),
    ...Object.entries(health).flatMap(([minute, layers]) =>
      Object.entries(layers).map(([layer, value]) =>
        expectation(minute, healthOf(layer), [{ labels: healthOf(layer), value }]),
      ),
    ),
  ];
}

/** The scenario's series in promtool's notation. */
export function inputSeries(scenario: Scenario) {
  const { minutes, step = 30 } = scenario;
  return seriesOf(scenario, (timeline) => notation(timeline, minutes, step));
}

function seriesOf(scenario: Scenario, write: (timeline: Timeline, name: string) => string) {
  const { world, without = [] } = scenario;
  return Object.entries({ ...healthy(), ...world })
    .filter(([name]) => !without.some((start) => name.startsWith(start)))
    .map(([name, timeline]) => ({
      series: labelled(name, instanceOf(scenario)),
      values: write(timeline, name),
    }));
}

/** A sample or none that promtool expects of an expression at a minute. */
export function expectation(
  minute: string,
  expr: string,
  samples: readonly { labels: string; value: number }[],
) {
  return { expr, eval_time: `${Math.round(Number(minute) * 60)}s`, exp_samples: samples };
}

/** The metric with the labels Prometheus adds; a series may bring its own instance and job. */
function labelled(name: string, instance: string): string {
  const [metric, inner = ''] = name.split(/[{}]/);
  const own = inner === '' ? [] : inner.split(', ');
  const added = [`instance="${instance}"`, 'job="openclaw"'].filter(
    (label) => !own.some((one) => one.startsWith(label.slice(0, label.indexOf('=')))),
  );
  return `${metric}{${[...own, ...added].join(', ')}}`;
}

function firingSample(alert: string): { labels: string; value: number } {
  const [, name, phase, subject, count] = /^(\w+)\/([123])(?:@([\w-]+))?(?:\*(\d+))?$/.exec(alert) ?? [];
  if (name === undefined || phase === undefined) throw new Error(`not "Name/phase@subject*count": ${alert}`);
  const labels = [`alertname="${name}"`, `repair_phase="${phase}"`];
  if (subject !== undefined) labels.push(`${name.includes('Cron') ? 'cron_job' : 'host'}="${subject}"`);
  return { labels: `{${labels.join(', ')}}`, value: Number(count ?? 1) };
}
