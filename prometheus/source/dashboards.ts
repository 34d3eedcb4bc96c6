import { RUN_STATUSES } from '../../src/collectors/cron/source/records.ts';
import { formatSpan, joinLines, takeMax, takeSum } from './promql.ts';
import { type RecordRule, type RuleGroup, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

/** The gateway's states, worst first; a state timeline knows them by their number, which begins at 1. */
export const GATEWAY_STATES = [
  'unreachable',
  'refused',
  'foreign',
  'hung',
  'draining',
  'starting',
  'up',
] as const;

/**
 * What the dashboards ask so often, or over such long ranges, that it is worked out once for all who look.
 */
export function dashboardGroups(t: Thresholds): RuleGroup[] {
  return [
    { name: 'openclaw-dashboards', file: 'dashboards', rules: present(t) },
    {
      name: 'openclaw-dashboards-history',
      file: 'dashboards',
      intervalMs: t.history_interval,
      rules: history(t),
    },
  ];
}

function present(t: Thresholds): RecordRule[] {
  return [
    record(
      'instance:openclaw_gateway_state:index',
      takeIndex('openclaw_gateway_state', 'state', GATEWAY_STATES),
    ),
    record(
      'instance_cron_job:openclaw_cron_last_run_status:index',
      takeIndex('openclaw_cron_last_run_status', 'status', RUN_STATUSES),
    ),
    record(
      'instance_host:openclaw_ssh_transitions:increase',
      takeMax([], `increase(openclaw_ssh_transitions_total[${formatSpan(t.ssh_flapping_range)}])`),
    ),
    record(
      'instance_result:openclaw_gateway_auth_attempts:increase',
      takeSum([], `increase(openclaw_gateway_auth_attempts_total[${formatSpan(t.history_short_range)}])`),
    ),
    record(
      'instance:openclaw_gateway_process_restarts:increase',
      takeMax([], `increase(openclaw_gateway_process_restarts_total[${formatSpan(t.history_day)}])`),
    ),
  ];
}

/**
 * Each job against its own past. The typical duration is over time, so a run weighs as
 * long as it stays the last one.
 */
function history(t: Thresholds): RecordRule[] {
  const range = formatSpan(t.history_range);
  const counted = (statuses: string) =>
    takeSum(['status'], `increase(openclaw_cron_runs_total{status=~"${statuses}"}[${range}])`);
  const duration = (quantile: number) =>
    takeMax([], `quantile_over_time(${quantile}, openclaw_cron_last_run_duration_seconds[${range}])`);
  return [
    record(
      'instance_cron_job:openclaw_cron_runs_success:ratio',
      joinLines(`${counted('ok')}`, `/ (${counted('ok|error|interrupted')} > 0)`),
    ),
    record(
      'instance_cron_job:openclaw_cron_missed_runs:increase',
      takeSum([], `increase(openclaw_cron_missed_runs_total[${range}])`),
    ),
    record('instance_cron_job:openclaw_cron_last_run_duration_seconds:median', duration(0.5)),
    record('instance_cron_job:openclaw_cron_last_run_duration_seconds:p95', duration(0.95)),
  ];
}

/** A stateset as one number, the place of the state that is 1. */
function takeIndex(metric: string, label: string, values: readonly string[]): string {
  const parts = values.map(
    (value, index) => `${index === 0 ? '' : 'or '}${index + 1} * (${metric}{${label}="${value}"} == 1)`,
  );
  return takeMax([label], joinLines('', ...parts, ''));
}
