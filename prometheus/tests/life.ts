import { alertsOf, ruleGroups } from '../source/rules.ts';
import { thresholdsSchema } from '../source/thresholds.ts';
import {
  coveringScenarios,
  expectation,
  firstTimes,
  inputSeries,
  instanceOf,
  isAlone,
  promtoolFile,
  renderFile,
  type Scenario,
} from './scenario.ts';
import { endAt } from './world.ts';

/** Part of an alert's life beyond its firing, as a scenario and the alerts that must not fire in it. */
export interface LifeCase {
  readonly scenario: Scenario;
  /** Alerts that may fire at no time from minute `from` to the scenario's end. */
  readonly silent: readonly string[];
  readonly from: number;
  /** A minute until which each of them must have fired. */
  readonly fired?: number;
}

const GROUPS = ruleGroups(thresholdsSchema.parse({}));
const ALERTS = alertsOf(GROUPS);
const RECORDS = new Map(
  GROUPS.flatMap(({ rules }) => rules.flatMap((rule) => (rule.kind === 'record' ? [rule] : []))).map(
    ({ record, expr }) => [record, expr],
  ),
);
const UNITS: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: 1440, w: 10_080 };
/** Scenarios of minutes read ranges of up to three hours, those of days up to a day. */
const limitOf = ({ step = 30 }: Scenario) => (step === 30 ? 180 : 1440);

/** Every alert that ends with its fault: all but the heartbeat. */
export const MORTAL: readonly string[] = [...new Set(ALERTS.map(({ alert }) => alert))].filter(
  (name) => name !== 'OpenClawWatchdog',
);

/**
 * Minutes after which an alert has ended: what it is kept for, and the longest range that it reads, its records' too.
 * Ranges above `limit` remember what was usual, not the fault.
 */
function lastingMinutes(name: string, limit: number): number {
  const steps = ALERTS.filter(({ alert }) => alert === name);
  return Math.max(...steps.map(({ expr, keepMs }) => keepMs / 60_000 + longestRange(expr, limit)));
}

function longestRange(expr: string, limit: number, seen = new Set<string>()): number {
  const own = [...expr.matchAll(/\[(\d+)([smhdw])[\]:]/g)]
    .map(([, count, unit = 'm']) => Number(count) * (UNITS[unit] ?? 1))
    .filter((minutes) => minutes <= limit);
  const others = [...RECORDS].flatMap(([record, inner]) => {
    if (seen.has(record) || !expr.includes(record)) return [];
    seen.add(record);
    return [longestRange(inner, limit, seen)];
  });
  return Math.max(0, ...own, ...others);
}

/** Once the fault is over, its alerts end; each fired before. */
export function endingCases(scenarios: readonly Scenario[]): LifeCase[] {
  return coveringScenarios(scenarios).map((scenario) => {
    const names = firstTimes([scenario]).map(([name]) => name);
    const over = Math.max(...names.map((name) => lastTime(scenario, name)));
    const end = over + Math.max(...names.map((name) => lastingMinutes(name, limitOf(scenario)))) + 15;
    return {
      scenario: change(scenario, 'ends', over, Math.ceil(end)),
      silent: names,
      from: end,
      fired: over,
    };
  });
}

/** A fault that is over before its alert's time: the nearest healthy case, in the shortest scenario that has one. */
export function nearestCases(scenarios: readonly Scenario[]): LifeCase[] {
  const found = new Map<
    string,
    { readonly scenario: Scenario; readonly at: number; readonly silent: string[] }
  >();
  const seen = new Set<string>();
  for (const scenario of scenarios.toSorted((a, b) => a.minutes - b.minutes)) {
    for (const [name, first] of firstTimes([scenario])) {
      const before = silentMinutes(scenario, name).filter((minute) => minute < first);
      if (seen.has(name) || before.length === 0) continue;
      seen.add(name);
      const at = Math.max(...before);
      const key = `${instanceOf(scenario)} ${at}`;
      const one = found.get(key) ?? { scenario, at, silent: [] };
      one.silent.push(name);
      found.set(key, one);
    }
  }
  return [...found.values()].map(({ scenario, at, silent }) => ({
    scenario: change(scenario, `near-${at}`, at, Math.ceil(at) + 60),
    silent,
    from: 0,
  }));
}

function change(scenario: Scenario, suffix: string, over: number, minutes: number): Scenario {
  return {
    ...scenario,
    instance: `${suffix}-${instanceOf(scenario)}`,
    world: endAt(scenario.world, over),
    minutes,
  };
}

const fires = (list: readonly string[], name: string) => list.some((alert) => alert.startsWith(`${name}/`));

function lastTime({ firing }: Scenario, name: string): number {
  const minutes = Object.entries(firing).flatMap(([minute, list]) =>
    fires(list, name) ? [Number(minute)] : [],
  );
  return Math.max(...minutes);
}

function silentMinutes({ firing }: Scenario, name: string): number[] {
  return Object.entries(firing).flatMap(([minute, list]) => (fires(list, name) ? [] : [Number(minute)]));
}

/** A promtool test of these cases, each evaluated as often as given. */
export function renderLife(rules: string, cases: readonly LifeCase[], evaluation: string): string {
  const tests = splitCases(cases).map((group) => ({
    interval: `${group[0]?.scenario.step ?? 30}s`,
    input_series: group.flatMap(({ scenario }) => inputSeries(scenario)),
    promql_expr_test: group.flatMap(expectLife),
  }));
  return renderFile(promtoolFile(rules, evaluation, tests));
}

/** Cases that can be played side by side; two of one scenario may have series in common. */
function splitCases(cases: readonly LifeCase[]): LifeCase[][] {
  const groups: {
    readonly step: number | undefined;
    readonly names: Set<string>;
    readonly list: LifeCase[];
  }[] = [];
  for (const one of cases) {
    const { step, name } = one.scenario;
    const free = isAlone(one.scenario)
      ? undefined
      : groups.find((group) => group.step === step && !group.names.has(name));
    if (free === undefined) {
      groups.push({ step: isAlone(one.scenario) ? Number.NaN : step, names: new Set([name]), list: [one] });
    } else {
      free.names.add(name);
      free.list.push(one);
    }
  }
  return groups.map(({ list }) => list);
}

function expectLife({ scenario, silent, from, fired }: LifeCase) {
  const own = isAlone(scenario) ? '' : `, instance="${instanceOf(scenario)}"`;
  const alerts = (name: string) => `ALERTS{alertname="${name}", alertstate="firing"${own}}`;
  const span = Math.max(1, Math.ceil(scenario.minutes - from));
  const ended = silent.map((name) =>
    expectation(
      String(scenario.minutes),
      `count by (alertname) (count_over_time(${alerts(name)}[${span}m]))`,
      [],
    ),
  );
  if (fired === undefined) return ended;
  const before = silent.map((name) =>
    expectation(
      String(fired),
      `count by (alertname) (count_over_time(${alerts(name)}[${Math.ceil(fired)}m])) > bool 0`,
      [{ labels: `{alertname="${name}"}`, value: 1 }],
    ),
  );
  return [...before, ...ended];
}
