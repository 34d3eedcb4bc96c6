import { z } from 'zod';
import { duration } from '../../src/config/duration.ts';

/** How a threshold is written, what it means and what it is unless somebody says otherwise. */
const span = (value: string, meaning: string) => duration(1).prefault(value).describe(meaning);
const amount = (value: number, meaning: string) => z.number().positive().default(value).describe(meaning);
const text = (value: string, meaning: string) => z.string().default(value).describe(meaning);
const regex = (value: string, meaning: string) =>
  z
    .string()
    .min(1)
    .regex(/^[^"'\\]+$/, 'a regular expression of RE2 without quotes and backslashes')
    .default(value)
    .describe(meaning);

/**
 * Every number and name in the rules, with its default and its reason. `npm run rules -- --thresholds=my.yml` takes a
 * YAML file with any of these keys; nothing else has to be forked. Durations are written as Prometheus does.
 */
export const thresholdsSchema = z.strictObject({
  evaluation_interval: span('30s', 'How often the rules are evaluated.'),
  exporter_jobs: regex('openclaw.*', 'Scrape jobs (a regular expression) of exporters beside a gateway.'),
  outside_jobs: regex('openclaw-probe.*', 'Scrape jobs that ask `/probe` on a second machine.'),
  runbook_base: text(
    'docs/runbooks/',
    'Put before `<Alert>.md` in `runbook_url`; set it to the URL under which this folder can be read at night.',
  ),

  gateway_down_for: span('2m', 'A gateway that is away this long is no restart any more: a page.'),
  gateway_hung_for: span(
    '2m',
    'Connects but never answers this long: a page. Long garbage collections stay below.',
  ),
  port_foreign_for: span('1m', 'Something else answers on the port this long: a page.'),
  listener_gone_warn_for: span(
    '2m',
    'Process alive but nobody listens this long: chat. A clean stop needs some seconds.',
  ),
  drain_budget: span(
    '6m',
    'How long a planned stop may drain. OpenClaw 2026.9 gives itself 325 s, its listener closed and its process alive; only after that does a draining gateway or a missing listener page.',
  ),
  climb_to_2: span('15m', 'An incident this old climbs to repair phase 2 (credentials and configuration).'),
  climb_to_3: span('45m', 'An incident this old climbs to repair phase 3 (full restart).'),
  settle: span(
    '2m',
    'keep_firing_for of pages: a gateway that answers once between two failures has not recovered.',
  ),
  late_start_grace: span(
    '10m',
    'After the start-up window (`gateway.startup_window`) a gateway that has not answered since its start only warns for this long.',
  ),
  start_overdue_after: span(
    '6m',
    'The state "starting" for longer than this warns, and a process younger than this that has not opened its port yet is starting too; keep it above `gateway.startup_window`.',
  ),
  crash_loop_range: span('15m', 'Restarts are counted over this range for a crash loop.'),
  crash_loop_restarts: amount(
    4,
    'This many restarts in that range are a crash loop; a deployment with a second try stays below.',
  ),
  restart_shown_for: span('15m', 'A single restart is told as information for this long.'),
  gateway_flapping_range: span('30m', 'Changes of `openclaw_gateway_up` are counted over this range.'),
  gateway_flapping_changes: amount(6, 'This many changes in that range are a gateway that comes and goes.'),
  duplicates_range: span(
    '5m',
    'Gateway processes are averaged over this range: a second one that dies and is restarted all the time is seen too.',
  ),
  duplicates_average: amount(
    1.4,
    'Average number of processes above which there are duplicates; one overlapping restart stays below.',
  ),
  not_ready_for: span('5m', 'Answers but reports itself not ready this long: chat.'),
  slow_range: span('5m', 'The 95th percentile of ping durations is taken over this range.'),
  slow_for: span('5m', 'Slow this long: chat.'),
  slow_baseline_range: span('1d', 'The baseline is the median of that percentile over this range.'),
  slow_baseline_offset: span(
    '1h',
    'The baseline ends this long ago, so that a slow hour does not excuse itself.',
  ),
  slow_factor: amount(5, 'Slower than this many times its own baseline.'),
  slow_floor_seconds: amount(0.25, 'Never called slow below this, however fast the baseline.'),
  slow_without_baseline_seconds: amount(1, 'Slow above this where there is no baseline yet.'),
  leak_range: span(
    '6h',
    'Range over which the trend of memory and open files is taken; the gateway must have run as long.',
  ),
  leak_edge: span(
    '1h',
    'Memory is averaged over a stretch this long at the beginning, middle and end of that range: growth, not waves.',
  ),
  leak_horizon: span('7d', 'Memory that would reach its limit within this time, if it goes on so, warns.'),
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
  fd_for: span('10m', 'The files must stay so this long.'),

  token_mismatch_for: span('1m', 'A refused token this long: a page. The verdict itself does not flap.'),
  token_climb_to_3: span('1h', 'A mismatch this old climbs to repair phase 3.'),
  token_drift_for: span(
    '5m',
    'Places that hold different tokens this long: chat. Changing a token by hand takes minutes.',
  ),
  token_missing_for: span('15m', 'No token in any place this long: information.'),
  lockout_range: span('10m', 'Refusals "rate limited" are counted over this range.'),
  protocol_range: span('1h', 'Refusals "protocol mismatch" are counted over this range.'),
  function_down_for: span('3m', 'An API function fails this long while the gateway answers: a page.'),

  cron_error_shown_for: span('15m', 'A single failed run is told as information for this long.'),
  cron_consecutive_errors: amount(3, 'This many failures in a row warn.'),
  cron_important_jobs: regex('(?i).*important.*', 'Jobs whose repeated failure pages, by name.'),
  cron_missed_range: span('1h', 'A missed run stays visible for this long.'),
  cron_overdue: span('15m', 'A job this late warns; keep it above `cron.grace`.'),
  cron_overdue_for: span(
    '5m',
    'It must be late for this long while the gateway answers: after a stop jobs are caught up within minutes.',
  ),
  cron_stopped_overdue: span(
    '10m',
    'All jobs that are due are this late, and nothing ran since: cron has stopped.',
  ),
  cron_stopped_for: span('5m', 'Cron must have stopped for this long: a page.'),
  delivery_range: span('30m', 'A message that did not arrive stays visible for this long.'),
  cron_source_for: span('5m', 'A history source that cannot be read this long: chat.'),

  ssh_down_range: span(
    '5m',
    'A host must not have been reachable once in this range; every third connection failing is flapping, not down.',
  ),
  ssh_down_for: span('2m', 'After that range, this much longer, before an always-on host pages.'),
  ssh_sleep_allowed: span('3d', 'A host that is not always on warns after this long.'),
  ssh_flapping_range: span('30m', 'Changes of `openclaw_ssh_up` are counted over this range.'),
  ssh_flapping_changes: amount(
    6,
    'This many changes in that range are a path that flaps; a laptop that wakes now and then stays below.',
  ),
  ssh_flapping_hold: span('30m', 'keep_firing_for of flapping: one notification, not thirty.'),
  ssh_result_range: span(
    '15m',
    'A denied login or a changed host key is remembered this long; above `command_interval`.',
  ),
  ssh_auth_for: span('2m', 'Denied logins this long: chat.'),
  clock_skew_seconds: amount(
    30,
    'Clocks this far apart, beyond what the measurement is uncertain about, warn.',
  ),
  clock_skew_for: span('10m', 'Apart this long: chat.'),
  tailscale_down_for: span('10m', 'Tailscale not running this long: chat.'),
  tailscale_offline_for: span('15m', 'A peer offline this long: information (laptops sleep).'),
  tailscale_relayed_for: span('30m', 'A peer reached only through a relay this long: chat.'),

  exporter_down_for: span('3m', 'An exporter that cannot be scraped this long: a page. Reboots stay below.'),
  exporter_absent_range: span('10m', 'No exporter in the configuration at all for this long: a page.'),
  collector_stale_for: span('3m', 'A collector that cannot look this long: chat.'),
  collector_stale_intervals: amount(5, 'A collector whose last look is this many intervals old: chat.'),
  collector_stale_grace: span('1m', 'That old and this much more.'),
  state_range: span('1h', 'A state file that had to be set aside stays visible for this long.'),
  state_unsaved_for: span('5m', 'The state cannot be saved this long: chat.'),
  outside_for: span('5m', 'The view from the second machine fails this long: a page.'),
  watcher_for: span('5m', "Prometheus' and Alertmanager's own failures this long."),
  history_interval: span('5m', "How often the dashboards' long ranges are worked out."),
  history_range: span('7d', 'Success rate, misses and usual duration of a job on the dashboards.'),
  history_day: span('1d', 'Restarts on the dashboards.'),
  history_short_range: span('5m', 'Authentication attempts on the dashboards.'),
  maintenance_memory: span(
    '30m',
    'Declared maintenance is remembered this long while the exporter is away (a reboot).',
  ),
});

/** Thresholds after validation; durations in milliseconds. */
export type Thresholds = z.output<typeof thresholdsSchema>;

const DURATIONS: ReadonlySet<string> = new Set(
  Object.entries(thresholdsSchema.shape)
    .filter(([, schema]) => schema instanceof z.ZodPrefault)
    .map(([key]) => key),
);

/** The same thresholds with every duration divided by `by`: for tests that cannot wait. */
export function accelerated(thresholds: Thresholds, by: number): Thresholds {
  const entries = Object.entries(thresholds).map(([key, value]) => [
    key,
    DURATIONS.has(key) && typeof value === 'number' ? Math.max(1, Math.round(value / by)) : value,
  ]);
  return { ...thresholds, ...Object.fromEntries(entries) };
}

/** Key, default and meaning of each threshold, for the documentation. */
export function thresholdRows(): { key: string; value: string; meaning: string }[] {
  return Object.entries(thresholdsSchema.shape).map(([key, schema]) => {
    const { defaultValue } = schema instanceof z.ZodPrefault ? schema.def : schema.def;
    return { key, value: String(defaultValue), meaning: schema.description ?? '' };
  });
}
