import {
  afterLookback,
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
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { CLOCK, MAINTENANCE_BEGAN, NOT_ANSWERING, UP } from '../signals.ts';
import type { Thresholds } from '../thresholds.ts';

/** When a verdict of a layer was last there. */
const VERDICT_SEEN = 'instance_layer:openclaw_verdict:timestamp_seconds';
/** Verdicts that come and go: 1 good, 0 bad or gone for a moment. */
const VERDICT_GOOD = 'instance_verdict:openclaw_verdict:good';

/** This exporter: does it see, and does it keep what it saw? */
export function exporterGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-exporter',
      file: 'exporter',
      rules: [
        ...verdictRecords(t),
        ...verdictLost(t),
        ...verdictFlapping(t),
        ...patchy(t),
        ...collectorStale(t),
        ...clock(t),
        ...state(t),
        ...reload(t),
        ...maintenance(t),
      ],
    },
  ];
}

const VERDICTS = [
  ['function', 'openclaw_gateway_function_up', ['function']],
  ['readiness', 'openclaw_gateway_ready', []],
  ['source', 'openclaw_cron_source_up', ['source']],
  ['collector', 'openclaw_exporter_collector_up', ['collector']],
] as const;

/** What a layer is known by, and the collector that has to run for it. */
const LAYERS = [
  ['process', 'process', 'openclaw_gateway_process_up', []],
  ['answers', 'ping', 'openclaw_gateway_up', []],
  ['cron', 'cron', 'openclaw_cron_source_up', ['source']],
  ['network', 'ssh', 'openclaw_ssh_up', ['host']],
] as const;

function verdictRecords(t: Thresholds): RecordRule[] {
  const memory = formatSeconds(t.verdict_memory);
  const range = formatSpan(t.exporter_absent_range);
  return [
    ...VERDICTS.map(([verdict, series, own]) =>
      record(
        VERDICT_GOOD,
        joinLines(
          takeMin(own, keepLast(t, series, own)),
          `or (0 * ${takeMin(own, `last_over_time(${series}[${formatSpan(t.flapping_range)}])`)}`,
          `  and ${takeMax([], `up{${selectExporters(t)}}`)} == 1)`,
        ),
        { verdict },
      ),
    ),
    ...LAYERS.map(([layer, , series, own]) =>
      record(
        VERDICT_SEEN,
        joinLines(
          `time() * ${takeGroup(own, takeLast(t, series))}`,
          `or (max without (layer) (last_over_time(${VERDICT_SEEN}{layer="${layer}"}[${range}])) > time() - ${memory})`,
        ),
        { layer },
      ),
    ),
  ];
}

/**
 * A verdict that was there and is not, though the exporter is scraped and says that
 * it still has that collector.
 */
function verdictLost(t: Thresholds): AlertRule[] {
  // What was there within the lookback window counts as there now.
  const age = formatSeconds(
    Math.max(t.evaluation_interval, t.verdict_gone_for - t.ssh_down_range - t.lookback),
  );
  const scraped = takeMax([], `max_over_time(up{${selectExporters(t)}}[${formatSpan(t.lookback)}])`);
  const gone = (layers: string) =>
    joinLines(
      `(${VERDICT_SEEN}{layer=~"${layers}"} < time() - ${age})`,
      `and ${ignoreLabels('layer')} (${scraped} == 1)`,
      ...LAYERS.map(([layer, collector]) => disabled(layer, collector)),
    );
  return ladder(
    {
      alert: 'OpenClawVerdictLost',
      incident: 'verdict-lost',
      about: ['layer'],
      expr: gone('process|cron|network'),
      summary: 'The exporter of {{ $labels.instance }} no longer reports: {{ $labels.layer }}',
      description: `It is scraped and has reported nothing about this layer for ${formatSpan(t.verdict_gone_for)}, though it did before. Faults of that layer go unnoticed.`,
      catalogue: ['G19'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.ssh_down_range,
        next: 'the status page of the exporter shows why: mostly an unreadable file or a missing permission',
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.ssh_down_range,
        expr: gone('answers'),
        next: 'the status page of the exporter shows why: mostly openclaw.json cannot be read; then check the gateway by hand: openclaw gateway status --deep',
      },
    ],
  );
}

/** Where the exporter reports its collectors and this one is not among them, it was switched off. */
function disabled(layer: string, collector: string): string {
  const series = 'openclaw_exporter_collector_interval_seconds';
  const other = takeGroup(['collector'], series);
  const own = takeGroup(['collector'], `${series}{collector="${collector}"}`);
  const absent = `label_replace(${other} unless ${own}, "layer", "${layer}", "", "")`;
  return `unless (${absent})`;
}

function verdictFlapping(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.flapping_range);
  const gateway = `changes(${UP}[${range}]) > ${t.flapping_changes - 1.5}`;
  return ladder(
    {
      alert: 'OpenClawVerdictFlapping',
      incident: 'verdict-flapping',
      about: ['verdict'],
      expr: joinLines(
        `avg_over_time(${VERDICT_GOOD}[${range}]) < ${t.flapping_ratio}`,
        `and (changes(${VERDICT_GOOD}[${range}]) > ${t.flapping_changes - 0.5})`,
        `unless ${ignoreLabels('verdict')} (${gateway})`,
        `unless ${ignoreLabels('verdict')} ${NOT_ANSWERING}`,
      ),
      keepMs: t.flapping_range,
      summary: 'A verdict about {{ $labels.instance }} comes and goes: {{ $labels.verdict }}',
      description: `It was good in {{ $value | humanizePercentage }} of the last ${range} and changed often, each time too briefly for an alert of its own.`,
      catalogue: ['G24'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'the status page of the exporter names what fails now and then; openclaw gateway status --deep',
      },
    ],
  );
}

function patchy(t: Thresholds): AlertRule[] {
  const up = `up{${selectExporters(t)}}`;
  const range = formatSpan(t.patchy_range);
  return ladder(
    {
      alert: 'OpenClawScrapePatchy',
      incident: 'scrape-patchy',
      expr: `${takeMax([], `changes(${up}[${range}])`)} > ${t.patchy_changes - 0.5}`,
      keepMs: t.patchy_range,
      summary: 'Scrapes of the OpenClaw exporter of {{ $labels.instance }} fail now and then',
      description: `The target went up or down {{ $value | printf "%.0f" }} times in ${range}. Alerts bridge missed scrapes of up to ${formatSpan(t.lookback)}; beyond that they are late.`,
      catalogue: ['G24'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.patchy_for,
        next: 'read the error on the targets page of Prometheus: a timeout, a full connection table, a bad network path',
      },
    ],
  );
}

function collectorStale(t: Thresholds): AlertRule[] {
  const last = takeMax([], 'openclaw_exporter_collector_last_success_timestamp_seconds');
  const interval = takeMax([], 'openclaw_exporter_collector_interval_seconds');
  const ahead = `(${CLOCK} or 0 * ${takeMax(['collector'], last)})`;
  const age = `(time() - ${last}) - ${ignoreLabels('collector')} group_left () ${ahead}`;
  return ladder(
    {
      alert: 'OpenClawCollectorStale',
      incident: 'collector-stale',
      about: ['collector'],
      expr: joinLines(
        neverGood(t, 'openclaw_exporter_collector_up'),
        `or (${age} > ${t.collector_stale_intervals} * ${interval} + ${formatSeconds(t.collector_stale_grace)})`,
      ),
      keepMs: t.settle,
      summary: 'The exporter of {{ $labels.instance }} cannot collect: {{ $labels.collector }}',
      description:
        'This collector fails, hangs or lacks a permission. Its verdicts are missing, not good; the other collectors run on.',
      catalogue: ['X2', 'N2+X2'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: afterLookback(t, t.collector_stale_for),
        next: 'the status page shows why; then restart the exporter',
      },
    ],
  );
}

function clock(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawPrometheusClock',
      incident: 'prometheus-clock',
      expr: joinLines(
        `${CLOCK} > ${formatSeconds(t.prometheus_clock_ahead)}`,
        `or ${CLOCK} < -${formatSeconds(t.prometheus_clock_behind)}`,
      ),
      summary: 'The clocks of Prometheus and of the exporter of {{ $labels.instance }} differ',
      description:
        'The clock of Prometheus is {{ $value | printf "%.0f" }} s ahead (negative: behind). The rules allow for it; times on dashboards, "ago" on pages and alert timestamps do not.',
      catalogue: ['N8'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.clock_skew_for,
        next: 'timedatectl on both machines; sudo chronyc makestep where the time is wrong',
      },
    ],
  );
}

function state(t: Thresholds): AlertRule[] {
  const moved = `increase(openclaw_exporter_state_corruptions_total[${formatSpan(t.state_range)}])`;
  return ladder(
    {
      alert: 'OpenClawExporterStateLost',
      incident: 'exporter-state',
      expr: joinLines(neverGood(t, 'openclaw_exporter_state_saved'), `or ${takeMax([], moved)} > 0`),
      keepMs: t.settle,
      summary: 'The exporter of {{ $labels.instance }} cannot keep its counts',
      description:
        'Its state file cannot be written (disk full, permissions, a second exporter) or was corrupt and moved aside. Nothing is counted twice; counts of cron runs and restarts are not updated or restart from zero.',
      catalogue: ['X3'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: afterLookback(t, t.state_unsaved_for),
        next: 'df -h and the permissions of the storage path; the log names the reason',
      },
    ],
  );
}

function reload(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawExporterReloadFailed',
      incident: 'reload-failed',
      expr: `${takeMin([], keepLast(t, 'openclaw_exporter_config_last_reload_successful'))} == 0`,
      summary: 'The exporter of {{ $labels.instance }} still runs its old configuration',
      description:
        'The last reload was rejected because the file has a mistake. After a restart the exporter will not start.',
      catalogue: ['X4'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'npm start -- --config.check in the clone names every mistake (installed as a package: openclaw-gateway-exporter --config.check)',
      },
    ],
  );
}

function maintenance(t: Thresholds): AlertRule[] {
  const stop =
    'npm start -- maintenance stop in the clone, when done (installed as a package: openclaw-gateway-exporter maintenance stop)';
  const shared = { suppressedBy: [], catalogue: ['maintenance declared + G1'] } as const;
  return [
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawMaintenance',
        incident: 'maintenance',
        expr: `time() - ${MAINTENANCE_BEGAN} >= 0`,
        keepMs: t.settle / 2,
        summary: 'Planned maintenance of {{ $labels.instance }}',
        description: `Declared with "maintenance start"; the other alerts of this instance are suppressed, a changed host key excepted. Remembered for ${formatSpan(t.maintenance_memory)} while the machine reboots.`,
      },
      [{ phase: 1, severity: 'info', forMs: 0, next: stop }],
    ),
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawMaintenanceForgotten',
        incident: 'maintenance-forgotten',
        expr: `time() - ${MAINTENANCE_BEGAN} > ${formatSeconds(t.maintenance_long)}`,
        summary: 'Maintenance of {{ $labels.instance }} was declared {{ $value | humanizeDuration }} ago',
        description: `All alerts of this instance have been suppressed since. After ${formatSpan(t.maintenance_max)} they fire again, whether maintenance is still declared or not.`,
      },
      [{ phase: 1, severity: 'warning', forMs: 0, next: stop }],
    ),
  ];
}

/** Targets of exporters that were there and are no longer configured. */
export function vanished(t: Thresholds): { records: RecordRule[]; alerts: AlertRule[] } {
  const name = 'instance:openclaw_target:timestamp_seconds';
  const up = takeGroup(POD_LABELS, `up{job=~"${t.exporter_jobs}"}`);
  const kept = `last_over_time(${name}[${formatSpan(t.exporter_absent_range)}]) > time() - ${formatSeconds(t.target_memory)}`;
  const all = `count (up{${selectExporters(t)}})`;
  return {
    records: [record(name, joinLines(`time() * ${up}`, `or (${kept})`))],
    alerts: ladder(
      {
        alert: 'OpenClawTargetVanished',
        incident: 'target-vanished',
        expr: joinLines(
          `(${name} < time() - ${formatSeconds(t.target_gone_for)})`,
          `unless ${matchAcrossJobs(t, 'instance')} up{job=~"${t.exporter_jobs}"}`,
          `and on () (${all} > 0)`,
        ),
        summary: 'Prometheus no longer has a target for {{ $labels.instance }}',
        description: `It left service discovery: a pod that was evicted, a container that is gone, an entry that was removed. Nothing watches this gateway. The alert ends ${formatSpan(t.target_memory)} after the target was seen last.`,
        catalogue: ['X5'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: 'if it was removed on purpose, none; else compare the targets page of Prometheus with its scrape configuration',
        },
      ],
    ),
  };
}

/** Labels that change when a pod is replaced, though the gateway is the same. */
const POD_LABELS = ['pod', 'container', 'endpoint', 'node', 'uid'] as const;
