import { parseDuration } from '../../src/config/duration.ts';
import { formatSpan, JOB_LABELS, joinLines, selectFiring, takeMax, takeSum } from './promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from './rule.ts';
import { MAINTENANCE, UP } from './signals.ts';
import type { Thresholds } from './thresholds.ts';

/**
 * Share of failed pings just now; absent in minutes without a ping, and during
 * maintenance: those are unmeasured.
 */
const FAILED_NOW = 'instance:openclaw_gateway_pings_failed:ratio';
const FAILED = 'instance:openclaw_gateway_pings_failed:ratio_';
const BUDGET = 'instance_slo:openclaw_slo_error_budget:remaining';
const OBJECTIVE = 'slo:openclaw_slo_objective:ratio';
/** Runs an hour, and those that failed or did not start. */
const RUNS = 'instance:openclaw_cron_runs:increase1h';
const RUNS_FAILED = 'instance:openclaw_cron_runs_failed:increase1h';
const RUNS_MISSED = 'instance:openclaw_cron_runs_missed:increase1h';

/** Windows and burn rates of the SRE workbook, chapter 5, for a period of 30 days. */
const BURNS = [
  { long: '1h', short: '5m', rate: 14.4, severity: 'critical', phase: 2 },
  { long: '6h', short: '30m', rate: 6, severity: 'critical', phase: 3 },
  { long: '1d', short: '2h', rate: 3, severity: 'warning', phase: 1 },
] as const;
const SLOW = { long: '3d', short: '6h', rate: 1 } as const;
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
const PERIOD = '30d';

/** Objectives: availability from pings, success and punctuality of cron from events. */
export function sloGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-slo',
      file: 'slo',
      rules: [failedNow(t), ...availabilityWindows(t, ['5m', '30m', '1h']), ...objectives(t)],
    },
    {
      name: 'openclaw-slo-history',
      file: 'slo',
      intervalMs: t.history_interval,
      rules: [
        ...availabilityWindows(t, WINDOWS.slice(3)),
        ...eventRecords(),
        ...budgets(t),
        ...availability(t),
        ...cronObjectives(t),
      ],
    },
  ];
}

function failedNow(t: Thresholds): RecordRule {
  const range = formatSpan(t.lookback);
  const pings = (selector: string) =>
    takeSum(['result'], `increase(openclaw_gateway_pings_total${selector}[${range}])`);
  return record(
    FAILED_NOW,
    joinLines(
      `(1 - (${pings('{result="ok"}')} or 0 * ${pings('')}) / (${pings('')} > 0)`,
      // Through `/probe` there are gauges only.
      `or (1 - ${UP} unless ${takeMax(['result'], 'openclaw_gateway_pings_total')}))`,
      `unless ${MAINTENANCE}`,
    ),
  );
}

/** A window is judged once most of it was measured: one short outage is not the whole of a short history. */
function availabilityWindows(t: Thresholds, windows: readonly string[]): RecordRule[] {
  return windows.map((window) => {
    const least = Math.floor((0.7 * (parseDuration(window) ?? 0)) / t.evaluation_interval);
    return record(
      `${FAILED}${window}`,
      `avg_over_time(${FAILED_NOW}[${window}]) and (count_over_time(${FAILED_NOW}[${window}]) >= ${least})`,
    );
  });
}

function objectives(t: Thresholds): RecordRule[] {
  return [
    record(OBJECTIVE, `vector(${t.slo_availability})`, { slo: 'availability' }),
    record(OBJECTIVE, `vector(${t.slo_cron_success})`, { slo: 'cron-success' }),
    record(OBJECTIVE, `vector(${t.slo_cron_punctuality})`, { slo: 'cron-punctuality' }),
  ];
}

/** Rates an hour before sums; a longer window averages the hours it has. */
function eventRecords(): RecordRule[] {
  const runs = (statuses: string) =>
    takeSum([...JOB_LABELS, 'status'], `increase(openclaw_cron_runs_total{status=~"${statuses}"}[1h])`);
  return [
    record(RUNS, runs('ok|error|interrupted')),
    record(RUNS_FAILED, runs('error|interrupted')),
    record(RUNS_MISSED, takeSum(JOB_LABELS, 'increase(openclaw_cron_missed_runs_total[1h])')),
  ];
}

const HOURS: Readonly<Record<string, number>> = { '1d': 24, '2h': 2, '6h': 6, '3d': 72, '30d': 720 };

/** Share of bad events in a window, where it has enough of them to judge. */
function badShare(t: Thresholds, slo: 'cron-success' | 'cron-punctuality', window: string): string {
  const average = (series: string) => `avg_over_time(${series}[${window}])`;
  const bad = average(slo === 'cron-success' ? RUNS_FAILED : RUNS_MISSED);
  const all =
    slo === 'cron-success'
      ? average(RUNS)
      : `(${average(RUNS)} + (${average(RUNS_MISSED)} or 0 * ${average(RUNS)}))`;
  const hours = HOURS[window] ?? 1;
  const measured = Math.floor((0.7 * hours * 3_600_000) / t.history_interval);
  const enough = `(${all} >= ${(t.slo_cron_events / hours).toFixed(3)} and count_over_time(${RUNS}[${window}]) >= ${measured})`;
  return `(${bad} / ${enough})`;
}

function budgets(t: Thresholds): RecordRule[] {
  const remaining = (bad: string, objective: number) => `1 - ${bad} / ${(1 - objective).toFixed(4)}`;
  return [
    record(BUDGET, remaining(`avg_over_time(${FAILED}2h[${PERIOD}])`, t.slo_availability), {
      slo: 'availability',
    }),
    record(BUDGET, remaining(badShare(t, 'cron-success', PERIOD), t.slo_cron_success), {
      slo: 'cron-success',
    }),
    record(BUDGET, remaining(badShare(t, 'cron-punctuality', PERIOD), t.slo_cron_punctuality), {
      slo: 'cron-punctuality',
    }),
  ];
}

/** Not beside the page of the outage that burns it: an objective catches what has no alert of its own. */
const OUTAGE = selectFiring(
  'gateway-.*|listener-gone|port-foreign|crash-loop|draining|host-unreachable',
  'critical',
);

function availability(t: Thresholds): AlertRule[] {
  const allowed = 1 - t.slo_availability;
  const burns = (window: string, rate: number) => `${FAILED}${window} > ${(rate * allowed).toFixed(5)}`;
  const at = (long: string, short: string, rate: number) =>
    joinLines(
      `(${burns(long, rate)} and ${burns(short, rate)})`,
      `unless max_over_time((${OUTAGE})[${long}:${formatSpan(t.history_interval)}])`,
    );
  const shared = {
    incident: 'slo-availability',
    keepMs: t.history_interval * 2,
    suppressedBy: ['maintenance', 'watcher'],
    catalogue: ['G5', 'G9'],
  } as const;
  const next = 'openclaw gateway status --deep, openclaw logs: what makes it fail again and again';
  return [
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawAvailabilityBudgetBurn',
        expr: at(BURNS[2].long, BURNS[2].short, BURNS[2].rate),
        summary: 'OpenClaw gateway {{ $labels.instance }} spends its error budget too fast',
        description: `{{ $value | humanizePercentage }} of its pings failed over a long and a short window, without one outage that explains it. At this rate the budget of ${PERIOD} does not last.`,
      },
      BURNS.toSorted((a, b) => a.phase - b.phase).map(({ long, short, rate, severity, phase }) => ({
        phase,
        severity,
        forMs: 0,
        expr: at(long, short, rate),
        next,
      })),
    ),
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawAvailabilityBudgetLeak',
        expr: at(SLOW.long, SLOW.short, SLOW.rate),
        summary: 'OpenClaw gateway {{ $labels.instance }} slowly uses up its error budget',
        description: `{{ $value | humanizePercentage }} of its pings failed in ${SLOW.long}: it will miss its objective of ${PERIOD}.`,
      },
      [{ phase: 1, severity: 'info', forMs: 0, next }],
    ),
  ];
}

function cronObjectives(t: Thresholds): AlertRule[] {
  const [day, hours] = ['1d', '6h'];
  const burn = (slo: 'cron-success' | 'cron-punctuality', objective: number) => {
    const limit = ((1 - objective) * 3).toFixed(4);
    return joinLines(
      `(${badShare(t, slo, day)} > ${limit})`,
      `and (avg_over_time(${slo === 'cron-success' ? RUNS_FAILED : RUNS_MISSED}[${hours}]) > 0)`,
      `unless ${selectFiring('model-access|cron-many-failing|cron-stopped', 'critical')}`,
    );
  };
  return [
    ...ladder(
      {
        alert: 'OpenClawCronSuccessBudgetBurn',
        incident: 'slo-cron-success',
        expr: burn('cron-success', t.slo_cron_success),
        keepMs: t.history_interval * 2,
        summary:
          'Cron jobs of OpenClaw gateway {{ $labels.instance }} fail more often than their objective allows',
        description: `{{ $value | humanizePercentage }} of the runs of the last day failed; the objective is ${t.slo_cron_success}.`,
        catalogue: ['C2'],
      },
      [{ phase: 1, severity: 'info', forMs: 0, next: 'openclaw cron list: the jobs that fail most' }],
    ),
    ...ladder(
      {
        alert: 'OpenClawCronPunctualityBudgetBurn',
        incident: 'slo-cron-punctuality',
        expr: burn('cron-punctuality', t.slo_cron_punctuality),
        keepMs: t.history_interval * 2,
        summary:
          'Cron jobs of OpenClaw gateway {{ $labels.instance }} miss more runs than their objective allows',
        description: `{{ $value | humanizePercentage }} of the scheduled runs of the last day did not start; the objective is ${t.slo_cron_punctuality}.`,
        catalogue: ['C3'],
      },
      [{ phase: 1, severity: 'info', forMs: 0, next: 'openclaw cron status, openclaw cron list' }],
    ),
  ];
}
