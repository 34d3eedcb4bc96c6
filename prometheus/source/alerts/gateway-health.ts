import { describeRestart } from '../../../src/diagnosis/repair.ts';
import {
  afterLookback,
  formatSeconds,
  formatSpan,
  ignoreLabels,
  joinLines,
  keepLast,
  neverGood,
  renderQuery,
  takeMax,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { exporterNow, NOT_ANSWERING, START, UPDATE } from '../signals.ts';
import { unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

const P95 = 'instance_phase:openclaw_gateway_ping_duration_seconds:p95';
const BASELINE = 'instance_phase:openclaw_gateway_ping_duration_seconds:p95_median';
const RSS = 'openclaw_gateway_process_resident_memory_bytes';
const RSS_AVERAGE = 'instance:openclaw_gateway_process_resident_memory_bytes:avg';

/** A gateway that answers: is it well? */
export function gatewayHealthGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-gateway-health',
      file: 'gateway',
      rules: [
        ...healthRecords(t),
        ...duplicate(t),
        ...notReady(t),
        ...slow(t),
        ...fileLeak(t),
        ...versions(t),
        ...updateFailed(t),
        ...configNewer(t),
      ],
    },
    {
      name: 'openclaw-gateway-trends',
      file: 'gateway',
      intervalMs: t.history_interval,
      rules: [...trendRecords(t), ...memoryLeak(t)],
    },
  ];
}

function healthRecords(t: Thresholds): RecordRule[] {
  const range = formatSpan(t.slow_range);
  const buckets = takeSum([], `rate(openclaw_gateway_ping_duration_seconds_bucket[${range}])`);
  const last = takeMax([], `quantile_over_time(0.95, openclaw_gateway_last_ping_duration_seconds[${range}])`);
  return [
    record(P95, joinLines(`histogram_quantile(0.95, ${buckets}) >= 0`, `or ${last}`)),
    record(
      'instance_result:openclaw_gateway_pings:rate',
      takeSum([], `rate(openclaw_gateway_pings_total[${range}])`),
    ),
  ];
}

function trendRecords(t: Thresholds): RecordRule[] {
  const offset = formatSpan(t.slow_baseline_offset);
  return [
    record(
      BASELINE,
      `quantile_over_time(0.5, ${P95}[${formatSpan(t.slow_baseline_range)}] offset ${offset})`,
    ),
    record(
      'instance:openclaw_gateway_process_resident_memory_bytes:deriv',
      takeMax([], `deriv(${RSS}[${formatSpan(t.leak_range)}])`),
    ),
    record(RSS_AVERAGE, takeMax([], `avg_over_time(${RSS}[${formatSpan(t.leak_edge)}])`)),
  ];
}

function duplicate(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.duplicates_range);
  return ladder(
    {
      alert: 'OpenClawGatewayDuplicate',
      incident: 'duplicate',
      expr: `${takeMax([], `avg_over_time(openclaw_gateway_processes[${range}])`)} > ${t.duplicates_average}`,
      keepMs: t.duplicates_range,
      summary: 'More than one OpenClaw gateway process for {{ $labels.instance }}',
      description:
        'On average {{ $value | printf "%.1f" }} gateway processes share this port or state folder. The second cannot bind, or works on the same state.',
      catalogue: ['G8'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'openclaw gateway status --deep: stop the process that is not the service',
      },
    ],
  );
}

function notReady(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayNotReady',
      incident: 'not-ready',
      expr: unlessSuppressed(t, 'not-ready', neverGood(t, 'openclaw_gateway_ready'), { when: 'lately' }),
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} answers but is not ready',
      description: `/readyz names: {{ range ${renderQuery(t, 'openclaw_gateway_ready_failing{@} == 1')} }}{{ .Labels.subsystem }} {{ else }}nothing{{ end }}.`,
      catalogue: ['G10'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: afterLookback(t, t.not_ready_for),
        next: `openclaw channels status, then, ${describeRestart()}`,
      },
    ],
  );
}

function slow(t: Thresholds): AlertRule[] {
  const now = `${P95}{phase="http"}`;
  const usual = `last_over_time(${BASELINE}{phase="http"}[${formatSpan(3 * t.history_interval)}])`;
  return ladder(
    {
      alert: 'OpenClawGatewaySlow',
      incident: 'slow',
      about: ['phase'],
      expr: joinLines(
        `(${now} > clamp_min(${t.slow_factor} * ${usual}, ${t.slow_floor_seconds})`,
        `or (${now} > ${t.slow_without_baseline_seconds} unless ${usual}))`,
        `unless ${ignoreLabels('phase')} ${NOT_ANSWERING}`,
      ),
      keepMs: t.slow_for,
      summary: 'OpenClaw gateway {{ $labels.instance }} answers slowly',
      description: `One ping in twenty takes {{ $value | printf "%.2f" }} s or more{{ with ${renderQuery(t, `${BASELINE}{phase='http', @}`)} }}; usual is {{ (. | first).Value | printf "%.3f" }} s{{ end }}. Its event loop is busy or blocked.`,
      catalogue: ['G9', 'C5+G9'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.slow_for,
        next: `openclaw gateway status --deep and openclaw logs; when no work runs, ${describeRestart()}`,
      },
    ],
  );
}

/**
 * Seconds until the limit. A process that has run for less than a day: its trend over hours, each half with
 * its share, so that neither one wave nor a start that has found its level counts. One that has run longer:
 * its growth since the same time yesterday, so that memory which follows the day is no leak.
 */
function memoryLeak(t: Thresholds): AlertRule[] {
  const stretch = (ms: number) => (ms === 0 ? RSS_AVERAGE : `${RSS_AVERAGE} offset ${formatSpan(ms)}`);
  const between = t.leak_range - t.leak_edge;
  const [first, middle, last] = [stretch(between), stretch(between / 2), stretch(0)];
  const growth = `(instance:openclaw_gateway_process_resident_memory_bytes:deriv > 0)`;
  const sameProcess = (ms: number) => `(${START} == ${START} offset ${formatSpan(ms)})`;
  const day = stretch(t.leak_day);
  const perDay = `((${last} - ${day} > 0) / ${formatSeconds(t.leak_day)})`;
  const share = `0.25 * (${last} - ${first})`;
  return ladder(
    {
      alert: 'OpenClawGatewayMemoryLeak',
      incident: 'leak',
      expr: joinLines(
        `((${timeLeft(t, growth, t.leak_horizon)})`,
        `and (${middle} - ${first} > ${share})`,
        `and (${last} - ${middle} > ${share})`,
        `and ${sameProcess(t.leak_range)}`,
        `unless ${sameProcess(t.leak_day)})`,
        `or ((${timeLeft(t, perDay, t.leak_day_horizon)})`,
        `and (${last} > ${stretch(t.leak_day / 2)})`,
        `and ${sameProcess(t.leak_day)})`,
      ),
      keepMs: t.leak_edge,
      summary: 'The memory of OpenClaw gateway {{ $labels.instance }} grows steadily',
      description: `At this rate it reaches its limit in {{ $value | humanizeDuration }}{{ with ${renderQuery(t, `${RSS}{@}`)} }}; it uses {{ (. | first).Value | humanize1024 }}B now{{ end }}{{ with ${renderQuery(t, 'instance:openclaw_gateway_process_resident_memory_bytes:deriv{@} * 3600')} }}, {{ (. | first).Value | humanize1024 }}B more each hour{{ end }}.`,
      catalogue: ['G11'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.leak_for,
        next: `plan a restart before then, ${describeRestart()}`,
      },
    ],
  );
}

/**
 * Seconds until the limit, or a multiple of the size where no limit is known, at
 * this growth in bytes a second.
 */
function timeLeft(t: Thresholds, growth: string, horizonMs: number): string {
  const now = takeMax([], keepLast(t, RSS));
  const limit = takeMax([], keepLast(t, 'openclaw_gateway_process_memory_limit_bytes'));
  const horizon = formatSeconds(horizonMs);
  const multiple = t.leak_growth_without_limit - 1;
  return joinLines(
    `(${limit} - ${now}) / ${growth} < ${horizon}`,
    `or (${multiple} * ${now} / ${growth} < ${horizon} unless ${limit})`,
  );
}

function fileLeak(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.leak_range);
  const open = takeMax([], keepLast(t, 'openclaw_gateway_process_open_fds'));
  const max = takeMax([], keepLast(t, 'openclaw_gateway_process_max_fds'));
  const trend = `predict_linear(openclaw_gateway_process_open_fds[${range}], ${formatSeconds(t.fd_horizon)})`;
  const before = formatSpan(t.leak_range - t.leak_edge);
  const earlier = `count_over_time(openclaw_gateway_process_open_fds[${formatSpan(t.lookback)}] offset ${before})`;
  return ladder(
    {
      alert: 'OpenClawGatewayFileLeak',
      incident: 'fd-leak',
      expr: joinLines(
        `${open} / ${max} > ${t.fd_ratio}`,
        `or (${open} / ${max} > 0.2 and (${takeMax([], trend)} > ${max}) and ${takeMax([], earlier)})`,
      ),
      keepMs: t.fd_for,
      summary: 'OpenClaw gateway {{ $labels.instance }} runs out of open files',
      description:
        'It uses {{ $value | humanizePercentage }} of the files and sockets it may have open. At the limit it accepts no more connections.',
      catalogue: ['G12'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.fd_for,
        next: `plan a restart, ${describeRestart()}; raise LimitNOFILE only after it`,
      },
    ],
  );
}

function versions(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawVersionSkew',
        incident: 'version-skew',
        expr: joinLines(
          `${takeMax([], keepLast(t, 'openclaw_gateway_version_skew'))} == 1`,
          `unless ${UPDATE} == 1`,
        ),
        summary: 'OpenClaw gateway {{ $labels.instance }} runs another version than the installed one',
        description: `{{ with ${renderQuery(t, 'openclaw_gateway_installed_info{@}')} }}Installed is {{ (. | first).Labels.version }}. {{ end }}{{ with ${renderQuery(t, 'openclaw_gateway_info{@}')} }}Running is {{ (. | first).Labels.version }}. {{ end }}The next restart applies the installed one, at a time nobody chose.`,
        catalogue: ['G25'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.version_skew_for,
          next: `declare maintenance, then, ${describeRestart()}`,
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawUpdateStuck',
        incident: 'update-stuck',
        expr: `${UPDATE} == 1`,
        summary: 'An update of OpenClaw gateway {{ $labels.instance }} does not finish',
        description: `It has been running for more than ${formatSpan(t.update_for)}.`,
        catalogue: ['G25'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.update_for,
          next: 'openclaw gateway status --deep, openclaw logs; then openclaw doctor',
        },
      ],
    ),
  ];
}

function updateFailed(t: Thresholds): AlertRule[] {
  const status = 'openclaw_gateway_last_update_status{status=~"failed|rolled_back"}';
  const ended = takeMax([], keepLast(t, 'openclaw_gateway_last_update_timestamp_seconds'));
  return ladder(
    {
      alert: 'OpenClawUpdateFailed',
      incident: 'update-failed',
      about: ['status'],
      expr: joinLines(
        `${takeMax([], keepLast(t, status, ['status']))} == 1`,
        `and ${ignoreLabels('status')} (${exporterNow(ended)} - ${ended} < ${formatSeconds(t.update_failed_shown_for)})`,
      ),
      summary: 'The last update of OpenClaw gateway {{ $labels.instance }} ended as {{ $labels.status }}',
      description: `{{ with ${renderQuery(t, 'openclaw_gateway_installed_info{@}')} }}Installed is {{ (. | first).Labels.version }}. {{ end }}A failed update may leave a half-replaced package that the next start runs.`,
      catalogue: ['G25'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'openclaw update status names the step that failed; repair it, then openclaw update',
      },
    ],
  );
}

/** Another version than the one that wrote the configuration was installed since. */
function configNewer(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawConfigNewer',
      incident: 'config-newer',
      expr: joinLines(
        `${takeMax([], keepLast(t, 'openclaw_gateway_config_newer'))} == 1`,
        `unless ${UPDATE} == 1`,
      ),
      summary:
        'OpenClaw gateway {{ $labels.instance }} has a configuration of a newer version than the installed one',
      description: `{{ with ${renderQuery(t, 'openclaw_gateway_installed_info{@}')} }}Installed is {{ (. | first).Labels.version }}. {{ end }}The next start may refuse openclaw.json, and the gateway then stays down.`,
      catalogue: ['G25'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.drift_for,
        next: 'openclaw --version: is it the one that the service runs? then openclaw update',
      },
    ],
  );
}
