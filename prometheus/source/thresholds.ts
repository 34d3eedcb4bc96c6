import { z } from 'zod';
import { duration } from '../../src/config/duration.ts';
import { LEAST_CRON_RUNS, OBJECTIVES } from '../../src/diagnosis/objectives.ts';

const span = (value: string, meaning: string) => duration(1).prefault(value).describe(meaning);
/** A range that samples are read over: never less than four scrape intervals. */
const range = (value: string, meaning: string) =>
  duration(1).prefault(value).describe(meaning).meta({ description: meaning, window: true });
const amount = (value: number, meaning: string) => z.number().positive().default(value).describe(meaning);
const text = (value: string, meaning: string) => z.string().default(value).describe(meaning);
const regex = (value: string, meaning: string) =>
  z
    .string()
    .min(1)
    .regex(/^[^"'\\]+$/, 'an RE2 expression without quotes and backslashes')
    .default(value)
    .describe(meaning);
const labelNames = (value: string[], meaning: string) =>
  z
    .array(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'a label name'))
    .default(value)
    .describe(meaning);

const scope = {
  evaluation_interval: span('30s', 'How often the rules are evaluated.'),
  scrape_interval: span('15s', 'Scrape interval of the exporters. Every range below is at least four of it.'),
  lookback: range(
    '2m',
    'While scrapes of a target fail its last values hold for this long, so that a missed scrape resets no `for`.',
  ),
  exporter_jobs: regex(
    '(.*/)?openclaw.*',
    'Scrape jobs of exporters (a regular expression). `monitoring/openclaw` of a PodMonitor matches too.',
  ),
  outside_jobs: regex('(.*/)?openclaw-probe.*', 'Scrape jobs that call `/probe` on a second machine.'),
  prometheus_jobs: regex(
    'prometheus',
    'Scrape jobs of the Prometheus that evaluates these rules; others in the same store are not watched.',
  ),
  alertmanager_jobs: regex('alertmanager', 'Scrape jobs of the Alertmanager that these alerts go to.'),
  extra_labels: labelNames(
    ['cluster'],
    'Labels that tell two targets of the same `instance` apart; absent counts as equal.',
  ),
  runbook_base: text(
    'homepage',
    'URL that the alert name is appended to for `runbook_url`, or a URL with `{alert}` in it. `homepage`: the folder docs/runbooks below the homepage in package.json.',
  ),
  dashboard_base: text('http://127.0.0.1:3000', 'URL of Grafana, for the dashboard link of each alert.'),
};

const gateway = {
  gateway_down_for: span(
    '3m',
    'Pages when the gateway has been down for this long. A nightly update takes up to 165 s.',
  ),
  gateway_hung_for: span(
    '3m',
    'Pages when the gateway has accepted connections without an answer for this long; an update loads plugins.',
  ),
  port_foreign_for: span('1m', 'Pages when another program has answered on the port for this long.'),
  listener_gone_warn_for: span(
    '2m',
    'Warns when the process has been alive without its listener for this long. A clean stop needs some seconds.',
  ),
  drain_budget: span(
    '6m',
    'How long a planned stop may drain. OpenClaw 2026.9 allows itself 325 s, with its listener closed and its process alive; after that, draining or a missing listener pages.',
  ),
  not_answering_for: span(
    '20m',
    'Pages when the gateway has not answered once in this time, whatever its state, unless another page is open.',
  ),
  climb_to_2: span('15m', 'An incident this old climbs to repair phase 2 (credentials and configuration).'),
  climb_to_3: span('45m', 'An incident this old climbs to repair phase 3 (full restart).'),
  settle: span(
    '2m',
    'keep_firing_for of pages: a gateway that answers once between two failures has not recovered.',
  ),
  late_start_grace: range(
    '10m',
    'After the start-up window (`gateway.startup_window`) a gateway that has not answered since its start only warns for this long.',
  ),
  start_overdue_after: range(
    '6m',
    'Warns when the state "starting" lasts longer than this. A younger process that has not opened its port yet is starting too; keep it above `gateway.startup_window`.',
  ),
  crash_loop_range: range('15m', 'Restarts are counted over this range for a crash loop.'),
  crash_loop_restarts: amount(
    4,
    'This many restarts in that range are a crash loop; a deployment with a second attempt stays below.',
  ),
  crash_loop_slow_range: range('2h', 'Restarts are counted over this range for a slow crash loop.'),
  crash_loop_slow_restarts: amount(
    8,
    'This many restarts in that range are a slow crash loop: one each 12 minutes reaches it within the range.',
  ),
  restart_shown_for: range('15m', 'A single restart is reported as information for this long.'),
  gateway_flapping_range: range('30m', 'Changes of `openclaw_gateway_up` are counted over this range.'),
  gateway_flapping_changes: amount(6, 'This many changes in that range are a gateway that comes and goes.'),
  duplicates_range: range(
    '5m',
    'Gateway processes are averaged over this range: a second one that crashes and is restarted is seen too.',
  ),
  duplicates_average: amount(
    1.4,
    'Average number of processes above which there are duplicates; one overlapping restart stays below.',
  ),
  not_ready_for: span('5m', 'Warns when the gateway has answered without being ready for this long.'),
  slow_range: range('5m', 'The 95th percentile of ping durations is taken over this range.'),
  slow_for: span('5m', 'Warns when pings have been slow for this long.'),
  slow_baseline_range: range('1d', 'The baseline is the median of that percentile over this range.'),
  slow_baseline_offset: span(
    '1h',
    'The baseline ends this long ago, so that a slow hour does not excuse itself.',
  ),
  slow_factor: amount(5, 'Slow above this many times its own baseline.'),
  slow_floor_seconds: amount(0.25, 'Never slow below this, however fast the baseline.'),
  slow_without_baseline_seconds: amount(1, 'Slow above this where there is no baseline yet.'),
};

const resources = {
  leak_range: range(
    '6h',
    'Range over which the trend of memory and open files is taken; the gateway must have run as long.',
  ),
  leak_edge: range(
    '1h',
    'Memory is averaged over a stretch this long at the beginning, middle and end of that range: growth, not waves.',
  ),
  leak_day: range('1d', 'A process that has run longer is compared with itself this long ago.'),
  leak_horizon: span('3d', 'Memory that would reach its limit within this time by its trend warns.'),
  leak_day_horizon: span(
    '7d',
    'Memory that would reach its limit within this time by its growth per day warns.',
  ),
  leak_for: span('30m', 'The trend must hold this long.'),
  leak_growth_without_limit: amount(
    4,
    'Where no limit is known: growing to this many times its size within the horizon warns.',
  ),
  fd_ratio: amount(0.8, 'Share of the allowed open files that warns.'),
  fd_horizon: span(
    '1d',
    'Open files that would reach the limit within this time warn, once a fifth is used.',
  ),
  fd_for: span('10m', 'Open files must stay so for this long.'),
  children_max: amount(50, 'More child processes of one gateway than this warn.'),
  children_for: span('15m', 'That many for this long.'),
  oom_range: range('1h', 'An out-of-memory kill is reported for this long.'),
  version_skew_for: span(
    '30m',
    'Warns when the installed version has differed from the running one this long.',
  ),
  update_budget: span(
    '15m',
    'While an update has been running for less than this, a gateway that does not answer is expected.',
  ),
  update_failed_shown_for: span('1d', 'A failed update is reported for this long.'),
  update_for: span('1h', 'Warns when an update has been running for this long.'),
  drift_for: span('10m', 'Warns about addresses, proxies and forwarders after this long.'),
  disk_horizon: span('1d', 'Pages when a filesystem will be full within this time by its trend.'),
  disk_range: range('6h', 'That trend is taken over this range.'),
  disk_for: span('30m', 'The trend must hold this long.'),
  disk_ratio: amount(0.1, 'Share of free space that warns.'),
  disk_full_ratio: amount(0.02, 'Share of free space that pages.'),
  state_growth: amount(2, 'Data that weigh this many times as much as a day before warn.'),
  state_floor_bytes: amount(1e9, 'Data below this size never warn.'),
};

const token = {
  token_mismatch_for: span(
    '3m',
    'Pages when the token has been refused for this long. A rotation changes both sides within 90 s.',
  ),
  token_settle: span(
    '15m',
    'keep_firing_for of a refused token: one that comes and goes each ten minutes is one page.',
  ),
  token_climb_to_3: span('1h', 'A mismatch this old climbs to repair phase 3.'),
  token_drift_for: span(
    '5m',
    'Warns when places have held different tokens for this long. Changing a token by hand takes minutes.',
  ),
  token_missing_for: span('15m', 'Reports when no place has held a token for this long.'),
  token_unknown_for: span(
    '30m',
    'Warns when a token is present and its verdict has been missing for this long.',
  ),
  lockout_range: range('10m', 'Refusals "rate limited" are counted over this range.'),
  protocol_range: range('1h', 'Refusals "protocol mismatch" are counted over this range.'),
  function_down_for: span(
    '3m',
    'Pages when an API function has failed for this long while the gateway answers.',
  ),
  flapping_range: range('30m', 'Verdicts that come and go are averaged over this range.'),
  flapping_ratio: amount(0.8, 'A verdict that is good less often than this, without being lost, warns.'),
  flapping_changes: amount(6, 'It must have changed this often in that range.'),
};

const cron = {
  cron_error_shown_for: range('15m', 'A failed run is counted over this range.'),
  cron_error_hold: span(
    '1d',
    'keep_firing_for of that information: a job that fails now and then is one ticket a day.',
  ),
  cron_consecutive_errors: amount(3, 'This many failures in a row warn.'),
  cron_rare_interval: span(
    '6h',
    'A job that runs at most this often warns at its first failure: its next run is far away.',
  ),
  cron_important_jobs: regex('(?i).*important.*', 'Jobs whose repeated failure pages, by name.'),
  cron_heartbeats: regex('(?i).*heartbeat.*', 'Jobs that may be skipped every time, by name.'),
  cron_unreliable_ratio: amount(0.2, 'Share of failed runs in a day that makes a job unreliable.'),
  cron_unreliable_errors: amount(5, 'This many failed runs in that day at least.'),
  cron_unreliable_hold: span('12h', 'keep_firing_for of an unreliable job.'),
  cron_missed_range: range('1h', 'A missed run stays visible for this long.'),
  cron_overdue: span('15m', 'A job this late warns; keep it above `cron.grace`.'),
  cron_overdue_for: span(
    '5m',
    'It must be late for this long while the gateway answers: after a stop, jobs are caught up within minutes.',
  ),
  cron_stopped_overdue: span(
    '10m',
    'All jobs that are due are this late, and none ran since: cron has stopped.',
  ),
  cron_stopped_for: span('5m', 'Pages when cron has stopped for this long.'),
  cron_long_run: span('2h', 'A run under way explains jobs that wait behind it for at most this long.'),
  cron_run_stuck: span('30m', 'A run under way longer than this, and than three of its intervals, warns.'),
  cron_state_for: span('15m', 'Warns when the gateway’s own record of a job has been wrong for this long.'),
  cron_skips: amount(5, 'This many skipped runs in a row warn.'),
  cron_many_jobs: amount(
    3,
    'At least this many jobs, and more than half of those that ran, fail for one cause: a page.',
  ),
  cron_many_for: span('5m', 'They must fail for this long.'),
  delivery_range: range('30m', 'A message that was not delivered stays visible for this long.'),
  cron_source_for: span('5m', 'Warns when a history source has been unreadable for this long.'),
  channel_down_for: span('10m', 'Warns when a channel account has been down for this long.'),
  ingress_for: span('10m', 'Warns when incoming messages have been stuck for this long.'),
  queue_age: span('1h', 'Warns when a message has waited in the delivery queue for this long.'),
  credential_expiry: span(
    '3d',
    'Warns when a provider credential that nothing refreshes expires within this time.',
  ),
  credential_cooldown_for: span(
    '30m',
    'Warns when a provider credential has been in cooldown for this long.',
  ),
};

const network = {
  ssh_down_range: range(
    '5m',
    'A host must not have been reachable once in this range; every third connection failing is flapping, not down.',
  ),
  ssh_down_for: span('2m', 'After that range, this much longer, before an always-on host pages.'),
  ssh_sleep_allowed: span('3d', 'A host that is not always on warns after this long.'),
  ssh_flapping_range: range('30m', 'Changes of `openclaw_ssh_up` are counted over this range.'),
  ssh_flapping_changes: amount(
    6,
    'This many changes in that range are a path that flaps; a laptop that wakes now and then stays below.',
  ),
  ssh_flapping_hold: span('30m', 'keep_firing_for of flapping: one notification, not thirty.'),
  ssh_result_range: range(
    '15m',
    'A denied login or a changed host key is remembered this long; above `command_interval`.',
  ),
  ssh_auth_for: span('2m', 'Warns when logins have been denied for this long.'),
  ssh_check_for: span(
    '10m',
    'Warns when a host has waited for a person’s check, or throttled us, for this long.',
  ),
  clock_skew_seconds: amount(30, 'Clocks this far apart, beyond the uncertainty of the measurement, warn.'),
  clock_skew_for: span('10m', 'Apart for this long.'),
  prometheus_clock_ahead: span(
    '2m',
    'Warns when the clock of Prometheus is this far ahead of an exporter’s.',
  ),
  prometheus_clock_behind: span(
    '30s',
    'Warns when the clock of Prometheus is this far behind an exporter’s.',
  ),
  tailscale_down_for: span('10m', 'Warns when Tailscale has not been running for this long.'),
  tailscale_offline_for: span('15m', 'Reports when a peer has been offline for this long (laptops sleep).'),
  tailscale_relayed_for: span(
    '30m',
    'Warns when a peer has been reachable only through a relay for this long.',
  ),
};

const watchers = {
  exporter_down_for: span(
    '3m',
    'Pages when an exporter cannot be scraped for this long. Reboots stay below.',
  ),
  exporter_absent_range: range('10m', 'Pages when no exporter has been configured at all for this long.'),
  host_unreachable_for: span(
    '3m',
    'Pages when exporter, gateway and SSH of a machine are gone for this long.',
  ),
  patchy_range: range('30m', 'Failed scrapes are counted over this range.'),
  patchy_changes: amount(6, 'This often `up` must change in that range: one outage does not count.'),
  patchy_for: span('5m', 'And for this long.'),
  target_gone_for: span('10m', 'Warns when a target has been missing from service discovery for this long.'),
  target_memory: span('1d', 'A target that was removed is remembered for this long.'),
  verdict_gone_for: span(
    '20m',
    'Warns or pages when a verdict has been missing for this long while the exporter is scraped.',
  ),
  verdict_memory: span('7d', 'A verdict that was never there within this time is not missed.'),
  watcher_targets: amount(
    5,
    'At least this many targets of one watcher, and more than half, fail at once: it is the watcher.',
  ),
  watcher_gone_for: span('2m', 'They must fail for this long.'),
  collector_stale_for: span('3m', 'Warns when a collector has failed for this long.'),
  collector_stale_intervals: amount(
    5,
    'Warns when the last successful run of a collector is this many intervals old.',
  ),
  collector_stale_grace: span('1m', 'And this much more.'),
  state_range: range('1h', 'A state file that was moved aside stays visible for this long.'),
  state_unsaved_for: span('5m', 'Warns when the state cannot be saved for this long.'),
  outside_for: span('5m', 'Pages when the probe from the second machine has failed for this long.'),
  watcher_for: span('5m', "Prometheus' and Alertmanager's own failures for this long."),
  failures_range: range('5m', "Prometheus' and Alertmanager's own failures are counted over this range."),
  maintenance_memory: range(
    '30m',
    'Declared maintenance is remembered this long while the exporter is away (a reboot).',
  ),
  maintenance_long: span('12h', 'Warns when maintenance has been declared for this long.'),
  maintenance_max: span(
    '1d',
    'Maintenance older than this suppresses nothing; keep it at `maintenance.max`.',
  ),
};

const objectives = {
  slo_availability: amount(
    OBJECTIVES.availability,
    'Objective: share of pings that the gateway answers, over 30 days.',
  ),
  slo_cron_success: amount(
    OBJECTIVES.cronSuccess,
    'Objective: share of cron runs that succeed, over 30 days.',
  ),
  slo_cron_punctuality: amount(
    OBJECTIVES.cronPunctuality,
    'Objective: share of due cron runs that start, over 30 days.',
  ),
  slo_cron_events: amount(LEAST_CRON_RUNS, 'Fewer runs than this in a window are too few to judge.'),
  history_interval: span('5m', 'How often long ranges are evaluated.'),
  history_range: range('7d', 'Success rate, missed runs and usual duration of a job on the dashboards.'),
  history_day: range('1d', 'Restarts on the dashboards.'),
  history_short_range: range('5m', 'Authentication attempts on the dashboards.'),
};

/**
 * Every number and name in the rules, with its default and its reason. `npm run rules --
 * --thresholds=my.yml` takes a YAML file with any of these keys; nothing else has to be forked. Durations
 * are written as Prometheus does.
 */
export const thresholdsSchema = z.strictObject({
  ...scope,
  ...gateway,
  ...resources,
  ...token,
  ...cron,
  ...network,
  ...watchers,
  ...objectives,
});

/** Thresholds after validation; durations in milliseconds. */
export type Thresholds = z.output<typeof thresholdsSchema>;

const DURATIONS = Object.entries(thresholdsSchema.shape).filter(
  ([, schema]) => schema instanceof z.ZodPrefault,
);

function mapNumbers(
  thresholds: Thresholds,
  keys: ReadonlySet<string>,
  change: (value: number) => number,
): Thresholds {
  const entries = Object.entries(thresholds).map(([key, value]) => [
    key,
    keys.has(key) && typeof value === 'number' ? change(value) : value,
  ]);
  return { ...thresholds, ...Object.fromEntries(entries) };
}

/** The same thresholds with every duration divided by `by`: for tests that cannot wait. */
export function accelerated(thresholds: Thresholds, by: number): Thresholds {
  const keys = new Set(DURATIONS.map(([key]) => key));
  return mapNumbers(thresholds, keys, (value) => Math.max(1, Math.round(value / by)));
}

/** The same thresholds with every range at least four scrape intervals long. */
export function widenRanges(thresholds: Thresholds): Thresholds {
  const keys = new Set(DURATIONS.filter(([, schema]) => schema.meta()?.window === true).map(([key]) => key));
  return mapNumbers(thresholds, keys, (value) => Math.max(value, 4 * thresholds.scrape_interval));
}

/** Key, default and meaning of each threshold, for the documentation. */
export function thresholdRows(): { key: string; value: string; meaning: string }[] {
  return Object.entries(thresholdsSchema.shape).map(([key, schema]) => {
    const { defaultValue } = schema instanceof z.ZodPrefault ? schema.def : schema.def;
    return { key, value: String(defaultValue), meaning: schema.description ?? '' };
  });
}
