import type { Thresholds } from './thresholds.ts';

const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as Prometheus writes a duration, in its largest whole unit. */
export function formatSpan(ms: number): string {
  const unit = UNITS.find(([, size]) => ms >= size && ms % size === 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
}

/** Milliseconds as a number of seconds for use inside an expression. */
export function formatSeconds(ms: number): string {
  return String(ms / 1000);
}

/** Labels of a dashboard's table rows: one row a host, one a cron job. */
export const HOST = ['instance', 'host'] as const;
export const CRON_JOB = ['instance', 'cron_job', 'cron_job_id'] as const;

/** Labels that a metric brings itself, besides those of its target. */
export const JOB_LABELS = ['cron_job', 'cron_job_id'] as const;
export const HOST_LABELS = ['host'] as const;
export const CREDENTIAL_LABELS = ['credential', 'host'] as const;
export const PEER_LABELS = ['peer'] as const;

/** Labels that Prometheus puts on `ALERTS`, besides those of the alert's expression. */
const ALERT_LABELS = ['alertname', 'alertstate', 'incident', 'severity', 'repair_phase'] as const;

type Labels = readonly string[];

/**
 * An aggregation that keeps every label of the target (cluster, place, team), and drops the metric's own
 * labels named here. `job` goes too, so that a gateway scraped by two jobs is one series.
 */
function aggregate(operator: string, dropped: Labels, expression: string): string {
  return `${operator} without (${['job', ...dropped].join(', ')}) (${expression})`;
}

export function takeMax(dropped: Labels, expression: string): string {
  return aggregate('max', dropped, expression);
}

export function takeMin(dropped: Labels, expression: string): string {
  return aggregate('min', dropped, expression);
}

export function takeSum(dropped: Labels, expression: string): string {
  return aggregate('sum', dropped, expression);
}

export function takeCount(dropped: Labels, expression: string): string {
  return aggregate('count', dropped, expression);
}

/** 1 for every label set that is left. */
export function takeGroup(dropped: Labels, expression: string): string {
  return aggregate('group', dropped, expression);
}

/** Matches two vectors by all labels but these. */
export function ignoreLabels(...labels: readonly string[]): string {
  return labels.length === 0 ? '' : `ignoring (${labels.join(', ')})`;
}

/**
 * Matches series of different scrape jobs that speak of one thing: their targets may carry different labels,
 * so the named ones and `extra_labels` decide. A label that both sides lack counts as equal.
 */
export function matchAcrossJobs(t: Thresholds, ...labels: readonly string[]): string {
  return `on (${[...labels, ...t.extra_labels].join(', ')})`;
}

/** Joins parts of an expression, one a line. */
export function joinLines(...parts: readonly string[]): string {
  return parts.join('\n');
}

/**
 * A selector of scrape jobs that are exporters beside a gateway, and `/probe` jobs where `outside` is set.
 */
export function selectExporters(t: Thresholds): string {
  return `job=~"${t.exporter_jobs}", job!~"${t.outside_jobs}"`;
}

/** A series as it was last within the lookback window, whatever came of it since. */
export function takeLast(t: Thresholds, series: string): string {
  return `last_over_time(${series}[${formatSpan(t.lookback)}])`;
}

/**
 * A series as it is, and while scrapes of its target fail as it was last, for the lookback window. What the
 * exporter withdraws while it is scraped is gone at once.
 */
export function keepLast(t: Thresholds, series: string, own: Labels = []): string {
  return `(${series} or (${takeLast(t, series)} unless ${ignoreLabels(...own)} up{job=~"${t.exporter_jobs}"} == 1))`;
}

/**
 * A verdict that was not good once in the lookback window: one that comes and goes between bad and
 * unknown resets no `for`. It holds that much later than the first bad sample, so the alert's own `for`
 * is shorter by the same time.
 */
export function neverGood(t: Thresholds, series: string): string {
  return `${takeMax([], `max_over_time(${series}[${formatSpan(t.lookback)}])`)} == 0`;
}

/** What is left of a `for` after the window of {@link neverGood}; milliseconds. */
export function afterLookback(t: Thresholds, forMs: number): number {
  return Math.max(0, forMs - t.lookback);
}

/** Alerts of these incidents that fire now, by the labels of what they are about. */
export function selectFiring(incidents: string, severity: string, dropped: Labels = []): string {
  return takeMax([...ALERT_LABELS, ...dropped], selectAlerts(incidents, severity));
}

/** The same of those that fired at some moment of this range. */
export function selectFired(incidents: string, severity: string, range: string): string {
  return takeMax(ALERT_LABELS, `max_over_time(${selectAlerts(incidents, severity)}[${range}])`);
}

function selectAlerts(incidents: string, severity: string): string {
  return `ALERTS{alertstate="firing", severity=~"${severity}", incident=~"${incidents}"}`;
}

/**
 * The opening of a template's query about what the alert is about: `@` in the expression stands for matchers
 * of the alert's instance, the extra labels and these labels of its own.
 */
export function renderQuery(t: Thresholds, expression: string, own: Labels = []): string {
  const labels = ['instance', ...t.extra_labels, ...own];
  const matchers = labels.map((label) => `${label}='%s'`).join(', ');
  const values = labels.map((label) => `$labels.${label}`).join(' ');
  return `printf "${expression.replace('@', matchers)}" ${values} | query`;
}
