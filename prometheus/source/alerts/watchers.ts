import {
  afterLookback,
  formatSpan,
  joinLines,
  matchAcrossJobs,
  neverGood,
  selectExporters,
  takeLast,
  takeMax,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RuleGroup } from '../rule.ts';
import { HOST_GONE, MAINTENANCE, NOT_ANSWERING, WATCHER_LOST } from '../signals.ts';
import type { Thresholds } from '../thresholds.ts';
import { vanished } from './exporter.ts';

/** Who watches the watcher: exporters as targets, the view from outside, Prometheus and Alertmanager. */
export function watcherGroups(t: Thresholds): RuleGroup[] {
  const { records, alerts } = vanished(t);
  return [
    {
      name: 'openclaw-watchers',
      file: 'watchers',
      rules: [
        ...watchdog(),
        ...exporterDown(t),
        ...exporterAbsent(t),
        ...records,
        ...alerts,
        ...hostUnreachable(t),
        ...watcherLost(t),
        ...outside(t),
        ...prometheus(t),
        ...alertmanager(t),
      ],
    },
  ];
}

const RESTART_EXPORTER =
  'systemctl --user restart openclaw-gateway-exporter (--system: sudo systemctl restart; macOS: launchctl kickstart -k gui/$(id -u)/ai.openclaw.gateway-exporter; containers: docker compose restart exporter)';

function watchdog(): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawWatchdog',
      incident: 'watchdog',
      suppressedBy: [],
      expr: 'vector(1)',
      summary: 'Alerting pipeline heartbeat (always firing)',
      description:
        'Alertmanager forwards it to a heartbeat service outside, which raises the alarm when it stops.',
      catalogue: ['X1'],
    },
    [{ phase: 1, severity: 'info', forMs: 0, next: 'none; its absence is the alarm' }],
  );
}

function exporterDown(t: Thresholds): AlertRule[] {
  const gone = neverGood(t, `up{${selectExporters(t)}}`);
  const seen = `(${takeLast(t, `probe_success{job=~"${t.outside_jobs}"}`)} == 1)`;
  const across = matchAcrossJobs(t, 'instance');
  const first = { phase: 1, forMs: afterLookback(t, t.exporter_down_for), next: RESTART_EXPORTER } as const;
  const last = 'check the machine itself: is it on?';
  const shared = {
    incident: 'exporter-down',
    suppressedBy: ['maintenance', 'watcher', 'host'],
    keepMs: t.settle,
    catalogue: ['X1'],
  } as const;
  return [
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawExporterDown',
        expr: joinLines(gone, `unless ${across} ${seen}`),
        summary: 'OpenClaw exporter of {{ $labels.instance }} is down',
        description:
          'Prometheus cannot scrape it. The gateway itself may be healthy or not; every other OpenClaw alert of this instance is silent. For a job that calls /probe (openclaw-remote) it is the exporter on the watching machine.',
      },
      [
        { ...first, severity: 'critical' },
        { phase: 3, severity: 'critical', forMs: afterLookback(t, t.climb_to_3), next: last },
      ],
    ),
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawExporterDownGatewayUp',
        expr: joinLines(gone, `and ${across} ${seen}`),
        summary: 'OpenClaw exporter of {{ $labels.instance }} is down, its gateway answers',
        description:
          'Prometheus cannot scrape the exporter beside the gateway, but the probe from a second machine succeeds. Token, cron and process are not measured meanwhile.',
      },
      [{ ...first, severity: 'warning' }],
    ),
  ];
}

function exporterAbsent(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.exporter_absent_range);
  return ladder(
    {
      alert: 'OpenClawExporterAbsent',
      incident: 'exporter-down',
      suppressedBy: [],
      expr: `absent_over_time(up{${selectExporters(t)}}[${range}])`,
      summary: 'Prometheus scrapes no OpenClaw exporter',
      description: `No scrape job matching "${t.exporter_jobs}" has had a target for ${range}: no gateway is watched.`,
      catalogue: ['X1'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: 0,
        next: 'promtool check config, then the targets page of Prometheus',
      },
    ],
  );
}

function hostUnreachable(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawHostUnreachable',
      incident: 'host-unreachable',
      suppressedBy: ['maintenance', 'watcher'],
      expr: HOST_GONE,
      keepMs: t.settle,
      summary: 'The machine of OpenClaw gateway {{ $labels.instance }} is unreachable',
      description:
        'Its exporter, its gateway and its SSH port stopped answering together: the machine is off, or the network to it is down. Nothing is wrong with the gateway as far as is known.',
      catalogue: ['X1', 'G1+N1'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: afterLookback(t, t.host_unreachable_for),
        next: 'ping it, tailscale status, its console or the console of its provider: power and network first',
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: afterLookback(t, t.climb_to_3),
        next: 'power-cycle the machine',
      },
    ],
  );
}

function watcherLost(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawWatcherLost',
      incident: 'watcher-lost',
      suppressedBy: [],
      expr: WATCHER_LOST,
      keepMs: t.settle,
      summary: 'Watcher {{ $labels.watcher }} has lost most of its targets',
      description:
        '{{ $value | humanizePercentage }} of the targets it probes fail at once, its control target included where there is one: its own network or exporter is at fault. Single alerts of these targets are suppressed.',
      catalogue: ['X5'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.watcher_gone_for,
        next: "check the watcher's own network, name resolution and exporter; its targets are probably healthy",
      },
    ],
  );
}

function outside(t: Thresholds): AlertRule[] {
  const across = matchAcrossJobs(t, 'instance');
  const exporterGone = `(${neverGood(t, `up{${selectExporters(t)}}`)})`;
  return [
    ...ladder(
      {
        alert: 'OpenClawOutsideProbeFailed',
        incident: 'outside',
        suppressedBy: ['watcher', 'host'],
        expr: joinLines(
          neverGood(t, `probe_success{job=~"${t.outside_jobs}"}`),
          `unless ${across} (${NOT_ANSWERING})`,
          `unless ${across} ${exporterGone}`,
          `unless ${across} ${MAINTENANCE}`,
        ),
        keepMs: t.settle,
        summary: 'OpenClaw gateway {{ $labels.instance }} does not answer a second machine',
        description:
          'The exporter on another machine cannot reach it through /probe, while the exporter beside it reports it up: the fault is between the two machines.',
        catalogue: ['N2'],
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: afterLookback(t, t.outside_for),
          next: 'curl the /probe URL with debug=true on the second machine; then check the network between',
        },
      ],
    ),
    ...outsideWatcher(t),
  ];
}

function outsideWatcher(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawOutsideWatcherDown',
        incident: 'outside-watcher',
        suppressedBy: ['watcher'],
        expr: neverGood(t, `up{job=~"${t.outside_jobs}"}`),
        keepMs: t.settle,
        summary: 'The second machine that probes {{ $labels.instance }} cannot be scraped',
        description: 'Only the exporter beside the gateway is left to watch it.',
        catalogue: ['X1'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: afterLookback(t, t.outside_for),
          next: 'restart the exporter on the second machine',
        },
      ],
    ),
  ];
}

interface Meta {
  readonly alert: string;
  readonly incident: string;
  readonly severity?: 'warning' | 'critical';
  /** Milliseconds, where the expression has waited for a part of the time. */
  readonly forMs?: number;
  readonly about?: readonly string[];
  readonly expr: string;
  readonly summary: string;
  readonly description: string;
  readonly next: string;
}

/** One step, after the same time for all failures of Prometheus and Alertmanager. */
function meta(
  t: Thresholds,
  { next, severity = 'warning', forMs = t.watcher_for, ...shared }: Meta,
): AlertRule[] {
  return ladder({ ...shared, suppressedBy: [], catalogue: ['X1', 'X4', 'X7'] }, [
    { phase: 1, severity, forMs, next },
  ]);
}

function prometheus(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.failures_range);
  const at = `{job=~"${t.prometheus_jobs}"}`;
  const dropped = takeMax(
    ['alertmanager'],
    `increase(prometheus_notifications_dropped_total${at}[${range}])`,
  );
  return [
    ...meta(t, {
      alert: 'OpenClawPrometheusReloadFailed',
      incident: 'prometheus-reload',
      expr: neverGood(t, `prometheus_config_last_reload_successful${at}`),
      summary: 'Prometheus {{ $labels.instance }} still runs its old configuration',
      description: 'Its last reload failed; new rules and targets are not in force.',
      next: 'promtool check config /etc/prometheus/prometheus.yml',
    }),
    ...meta(t, {
      alert: 'OpenClawPrometheusRuleFailures',
      incident: 'prometheus-rules',
      expr: `${takeSum(['rule_group'], `increase(prometheus_rule_evaluation_failures_total${at}[${range}])`)} > 0`,
      summary: 'Prometheus {{ $labels.instance }} cannot evaluate a rule',
      description:
        '{{ $value | printf "%.0f" }} evaluations failed: an alert may be missing. The rules page names the rule.',
      next: 'open /rules of Prometheus and read the error',
    }),
    ...meta(t, {
      alert: 'OpenClawPrometheusNotNotifying',
      incident: 'prometheus-notify',
      expr: joinLines(
        `(${neverGood(t, `prometheus_notifications_alertmanagers_discovered${at}`)}`,
        `or ${dropped} > 0)`,
      ),
      summary: 'Prometheus {{ $labels.instance }} cannot deliver alerts to an Alertmanager',
      description: 'Alerts do not leave Prometheus: only the heartbeat outside will notice.',
      next: 'systemctl status prometheus-alertmanager (its name on Debian), and alerting: in prometheus.yml',
    }),
  ];
}

function alertmanager(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.failures_range);
  const at = `{job=~"${t.alertmanager_jobs}"}`;
  const failed = `increase(alertmanager_notifications_failed_total${at}[${range}])`;
  return [
    ...meta(t, {
      alert: 'OpenClawAlertmanagerDown',
      incident: 'alertmanager-down',
      severity: 'critical',
      expr: neverGood(t, `up${at}`),
      forMs: afterLookback(t, t.watcher_for),
      summary: 'Alertmanager {{ $labels.instance }} is down',
      description:
        'Pages are not delivered while it is down, unless there is a second one: the heartbeat outside will notice.',
      next: 'systemctl restart prometheus-alertmanager (its name on Debian; containers: docker compose restart alertmanager)',
    }),
    ...meta(t, {
      alert: 'OpenClawAlertmanagerReloadFailed',
      incident: 'alertmanager-reload',
      expr: neverGood(t, `alertmanager_config_last_reload_successful${at}`),
      summary: 'Alertmanager {{ $labels.instance }} still runs its old configuration',
      description: 'Its last reload failed; routes and receivers are the old ones.',
      next: 'amtool check-config /etc/prometheus/alertmanager.yml',
    }),
    ...meta(t, {
      alert: 'OpenClawAlertmanagerSendFailed',
      incident: 'alertmanager-send',
      severity: 'critical',
      about: ['integration'],
      expr: `${takeSum(['reason', 'receiver'], failed)} > 0`,
      summary: 'Alertmanager {{ $labels.instance }} cannot deliver through {{ $labels.integration }}',
      description: '{{ $value | printf "%.0f" }} notifications failed. Pages may not have arrived.',
      next: "read Alertmanager's log; check the receiver's secret file",
    }),
  ];
}
