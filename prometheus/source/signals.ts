import {
  formatSeconds,
  formatSpan,
  ignoreLabels,
  joinLines,
  keepLast,
  matchAcrossJobs,
  neverGood,
  selectExporters,
  takeGroup,
  takeLast,
  takeMax,
  takeMin,
} from './promql.ts';
import { type AlertRule, type RecordRule, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

/** Whether the gateway answers; a missed scrape keeps the last value. */
export const UP = 'instance:openclaw_gateway_up:last';
/** The gateway's states; a missed scrape keeps the last values. */
export const STATE = 'instance_state:openclaw_gateway_state:last';
export const PROCESS = 'instance:openclaw_gateway_process_up:last';
export const START = 'instance:openclaw_gateway_process_start_time_seconds:last';
/** When the gateway last answered, by the exporter's clock. */
export const LAST_UP = 'instance:openclaw_gateway_up:timestamp_seconds';
/** Seconds that the clock of Prometheus is ahead of the exporter's; absent where no collector shows it. */
export const CLOCK = 'instance:openclaw_prometheus_clock:offset_seconds';
/** When declared maintenance began. */
export const MAINTENANCE_BEGAN = 'instance:openclaw_gateway_maintenance:began_timestamp_seconds';
/** Age of declared maintenance; absent where there is none, or where it is too old to suppress anything. */
export const MAINTENANCE = 'instance:openclaw_gateway_maintenance:age_seconds';
/** Whether an update of OpenClaw runs; a missed scrape keeps the last value. */
export const UPDATE = 'instance:openclaw_gateway_update_running:last';
/** Share of one watcher's targets that fail; present where the watcher itself is at fault. */
export const WATCHER_LOST = 'watcher:openclaw_targets_failing:ratio';
/** Present where exporter, gateway and SSH of one machine are gone together. */
export const HOST_GONE = 'instance:openclaw_host:unreachable';

/** Where the gateway is known not to answer; most symptoms mean nothing then. */
export const NOT_ANSWERING = `${UP} == 0`;

/**
 * Where the gateway did not answer at some moment of the lookback window, for
 * conditions that look back as far.
 */
export function notAnsweringLately(t: Thresholds): string {
  return `min_over_time(${UP}[${formatSpan(t.lookback)}]) == 0`;
}

/** Where the gateway is in one of these states. */
export function inState(states: string): string {
  return `max without (state) (${STATE}{state=~"${states}"}) == 1`;
}

/** The present by the clock of the exporter that `expression` comes from. */
export function exporterNow(expression: string): string {
  return `(time() - (${CLOCK} or 0 * ${expression}))`;
}

/** What the other rules of all groups begin with. */
export function signalRecords(t: Thresholds): RecordRule[] {
  const last = (series: string, own: readonly string[] = []) => takeMax([], keepLast(t, series, own));
  return [
    clockRecord(t),
    record(UP, last('openclaw_gateway_up')),
    record(STATE, last('openclaw_gateway_state', ['state'])),
    record(PROCESS, last('openclaw_gateway_process_up')),
    record(START, last('openclaw_gateway_process_start_time_seconds')),
    record(LAST_UP, joinLines(exporterNow(UP), `and (${UP} == 1)`)),
    ...maintenanceRecords(t),
    record(UPDATE, last('openclaw_gateway_update_running')),
    watcherRecord(t),
    hostRecord(t),
  ];
}

/**
 * A collector that advances was successful moments ago by the exporter's clock, so the youngest of
 * them shows how far the clocks are apart. One that stands still shows nothing, and a missed
 * scrape keeps the last offset.
 */
function clockRecord(t: Thresholds): RecordRule {
  const success = 'openclaw_exporter_collector_last_success_timestamp_seconds';
  const advancing = `changes(${success}[${formatSpan(t.lookback)}]) > 0`;
  const steps = `${formatSpan(t.lookback)}:${formatSpan(t.scrape_interval)}`;
  const apart = `last_over_time((timestamp(${success}) - ${success})[${steps}])`;
  return record(CLOCK, takeMin(['collector'], `${apart} and (${advancing})`));
}

function maintenanceRecords(t: Thresholds): RecordRule[] {
  const series = 'openclaw_gateway_maintenance';
  const away = `last_over_time(${series}[${formatSpan(t.maintenance_memory)}]) unless up{${selectExporters(t)}} == 1`;
  const declared = `${takeMax([], `${series} or (${away})`)} == 1`;
  const before = `last_over_time(${MAINTENANCE_BEGAN}[${formatSpan(t.exporter_absent_range)}])`;
  return [
    record(MAINTENANCE_BEGAN, joinLines(`(${before} and (${declared}))`, `or (0 * (${declared}) + time())`)),
    record(MAINTENANCE, `time() - ${MAINTENANCE_BEGAN} <= ${formatSeconds(t.maintenance_max)}`),
  ];
}

/**
 * Most targets of one watcher fail at once: the watcher or its network is at fault, not the
 * targets. A control target (the label `control`, or the watcher's own name as instance) that
 * succeeds proves the watcher well.
 */
function watcherRecord(t: Thresholds): RecordRule {
  const by = ['watcher', ...t.extra_labels].join(', ');
  const at = 'watcher!=""';
  const failing = joinLines(
    `up{${at}} == 0`,
    `or probe_success{${at}} == 0`,
    `or openclaw_gateway_up{${at}} == 0`,
    `or min without (host) (openclaw_ssh_up{${at}}) == 0`,
  );
  const failed = `count by (${by}) (\n${failing}\n)`;
  const named = (expression: string, from: string) =>
    `label_replace(${expression}, "watched", "$1", "${from}", "(.+)")`;
  const ratio = `(${failed} >= ${t.watcher_targets}) / count by (${by}) (up{${at}} or probe_success{${at}})`;
  return record(
    WATCHER_LOST,
    joinLines(
      `max without (watched) (`,
      named(`(${ratio} > 0.5)`, 'watcher'),
      `unless ${matchAcrossJobs(t, 'watcher')} (probe_success{${at}, control!=""} == 1)`,
      `unless ${matchAcrossJobs(t, 'watcher', 'watched')} ${named(`(probe_success{${at}} == 1)`, 'instance')}`,
      ')',
    ),
  );
}

/**
 * An exporter that is gone, or a gateway that no packet reaches, and neither a
 * second machine nor SSH gets there.
 */
function hostRecord(t: Thresholds): RecordRule {
  const across = matchAcrossJobs(t, 'instance');
  const reached = `max without (instance, job) (${takeLast(t, 'openclaw_ssh_up')})`;
  const ssh = (value: number) => `label_replace(${reached} == ${value}, "instance", "$1", "host", "(.+)")`;
  const exporter = neverGood(t, `up{${selectExporters(t)}, watcher=""}`);
  const outside = (value: number) => `${takeLast(t, `probe_success{job=~"${t.outside_jobs}"}`)} == ${value}`;
  return record(
    HOST_GONE,
    takeGroup(
      [],
      joinLines(
        '',
        `((${exporter} and ${across} (${outside(0)} or ${ssh(0)}))`,
        `or ((${inState('unreachable')}) and ${across} ${ssh(0)}))`,
        `unless ${across} (${outside(1)})`,
        `unless ${across} ${ssh(1)}`,
        '',
      ),
    ),
  );
}

/** An alert's expression with what suppresses it. */
export function suppress(t: Thresholds, { expr, about, suppressedBy }: AlertRule): string {
  const by = {
    maintenance: `unless ${ignoreLabels(...about)} ${MAINTENANCE}`,
    watcher: `unless ${matchAcrossJobs(t, 'watcher')} ${WATCHER_LOST}`,
    host: `unless ${matchAcrossJobs(t, 'instance')} ${HOST_GONE}`,
    // One that was killed stays on record as running: it excuses nothing beyond the budget.
    update: `unless ${ignoreLabels(...about)} (${UPDATE} == 1 unless ${UPDATE} offset ${formatSpan(t.update_budget)} == 1)`,
  };
  if (suppressedBy.length === 0) return expr;
  return joinLines(`(${expr})`, ...suppressedBy.map((name) => by[name]));
}
