import { GATEWAY, lines, maxBy, minBy, seconds, span } from './promql.ts';
import { type AlertRule, ladder, type RuleGroup } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

/** Who watches the watcher: this exporter, the view from outside, Prometheus and Alertmanager, declared maintenance. */
export function watcherGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-exporter',
      file: 'exporter',
      rules: [...exporterGone(t), ...collectors(t), ...state(t), ...reload(), ...maintenance(t)],
    },
    {
      name: 'openclaw-watchers',
      file: 'watchers',
      rules: [watchdog(), ...outside(t), ...prometheus(t)].flat(),
    },
  ];
}

const jobs = (t: Thresholds) => `job=~"${t.exporter_jobs}", job!~"${t.outside_jobs}"`;

function exporterGone(t: Thresholds): AlertRule[] {
  const shared = {
    incident: 'exporter-down',
    catalogue: ['X1'],
  } as const;
  return [
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawExporterDown',
        expr: `${maxBy(GATEWAY, `up{${jobs(t)}}`)} == 0`,
        keepMs: t.settle,
        summary: 'Nobody watches the OpenClaw gateway of {{ $labels.instance }}: its exporter is down',
        description:
          'Prometheus cannot scrape it. The gateway itself may be well or not; every other OpenClaw alert of this instance is silent. For a job that asks /probe (openclaw-remote) it is the exporter on the watching machine.',
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: t.exporter_down_for,
          next: 'systemctl --user restart openclaw-gateway-exporter (--system: sudo systemctl restart; macOS: launchctl kickstart -k gui/$(id -u)/ai.openclaw.gateway-exporter; containers: docker compose restart exporter)',
        },
        {
          phase: 3,
          severity: 'critical',
          forMs: t.climb_to_3,
          next: 'look at the machine itself: is it on?',
        },
      ],
    ),
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawExporterAbsent',
        expr: `absent_over_time(up{${jobs(t)}}[${span(t.exporter_absent_range)}])`,
        summary: 'Prometheus scrapes no OpenClaw exporter at all',
        description: `No scrape job matching "${t.exporter_jobs}" has had a target for ${span(t.exporter_absent_range)}: no gateway is watched.`,
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: 0,
          next: 'promtool check config, then look at the targets page of Prometheus',
        },
      ],
    ),
  ];
}

function collectors(t: Thresholds): AlertRule[] {
  const by = [...GATEWAY, 'collector'];
  const last = maxBy(by, 'openclaw_exporter_collector_last_success_timestamp_seconds');
  const interval = maxBy(by, 'openclaw_exporter_collector_interval_seconds');
  return ladder(
    {
      alert: 'OpenClawCollectorStale',
      incident: 'collector-stale',
      expr: lines(
        `${minBy(by, 'openclaw_exporter_collector_up')} == 0`,
        `or on (instance, collector) (time() - ${last} > on (instance, collector) ${t.collector_stale_intervals} * ${interval} + ${seconds(t.collector_stale_grace)})`,
      ),
      keepMs: t.settle,
      summary: 'The exporter of {{ $labels.instance }} cannot look: {{ $labels.collector }}',
      description:
        'This collector fails, hangs or is not permitted to see. Its verdicts are missing, not good; the other collectors go on.',
      catalogue: ['X2', 'N2+X2'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.collector_stale_for,
        next: 'the status page says why; then restart the exporter',
      },
    ],
  );
}

function state(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawExporterStateLost',
      incident: 'exporter-state',
      expr: lines(
        `${minBy(GATEWAY, 'openclaw_exporter_state_saved')} == 0`,
        `or on (instance) ${maxBy(GATEWAY, `increase(openclaw_exporter_state_corruptions_total[${span(t.state_range)}])`)} > 0`,
      ),
      keepMs: t.settle,
      summary: 'The exporter of {{ $labels.instance }} cannot keep its counts',
      description:
        'Its state file cannot be written (disk full, rights, a second exporter) or was damaged and set aside. Nothing is counted twice; counts of cron runs and restarts wait or begin anew.',
      catalogue: ['X3'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.state_unsaved_for,
        next: 'df -h and the rights of the storage path; the log names the reason',
      },
    ],
  );
}

function reload(): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawExporterReloadFailed',
      incident: 'reload-failed',
      expr: `${minBy(GATEWAY, 'openclaw_exporter_config_last_reload_successful')} == 0`,
      summary: 'The exporter of {{ $labels.instance }} runs on with its old configuration',
      description:
        'The last reload was refused because the file has a mistake. After a restart it will not start.',
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
  return ladder(
    {
      alert: 'OpenClawMaintenance',
      incident: 'maintenance',
      expr: `${maxBy(GATEWAY, `last_over_time(openclaw_gateway_maintenance[${span(t.maintenance_memory)}])`)} == 1`,
      keepMs: t.settle / 2,
      summary: 'Planned maintenance of {{ $labels.instance }}',
      description: `Declared with "maintenance start"; it silences this instance's other alerts, a changed host key excepted. Remembered for ${span(t.maintenance_memory)} while the machine reboots.`,
      catalogue: ['maintenance declared + G1'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: 0,
        next: 'npm start -- maintenance stop in the clone, when done (installed as a package: openclaw-gateway-exporter maintenance stop)',
      },
    ],
  );
}

function watchdog(): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawWatchdog',
      incident: 'watchdog',
      expr: 'vector(1)',
      summary: 'The way of alerts works',
      description:
        'Always firing. Alertmanager sends it on to a heartbeat service outside, which raises the alarm when it stops.',
      catalogue: ['X1'],
    },
    [{ phase: 1, severity: 'info', forMs: 0, next: 'nothing; its silence is the alarm' }],
  );
}

function outside(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawOutsideProbeFailed',
        incident: 'outside',
        expr: `${maxBy(GATEWAY, `probe_success{job=~"${t.outside_jobs}"}`)} == 0`,
        keepMs: t.settle,
        summary: '{{ $labels.instance }} does not answer a second machine',
        description:
          'The exporter on another machine was asked by /probe and cannot reach it. If the exporter beside the gateway is content, the fault lies between the two machines.',
        catalogue: ['N2'],
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: t.outside_for,
          next: 'ask it from the second machine: curl the /probe URL with debug=true; then look at the network between',
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawOutsideWatcherDown',
        incident: 'outside-watcher',
        expr: `${maxBy(GATEWAY, `up{job=~"${t.outside_jobs}"}`)} == 0`,
        keepMs: t.settle,
        summary: 'The second machine that watches {{ $labels.instance }} cannot be scraped',
        description: 'Only the exporter beside the gateway is left to watch it.',
        catalogue: ['X1'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.outside_for,
          next: 'restart the exporter on the second machine',
        },
      ],
    ),
  ];
}

/** One step in chat, after the watcher's own patience. */
function warn(t: Thresholds, next: string) {
  return [{ phase: 1, severity: 'warning', forMs: t.watcher_for, next }] as const;
}

function prometheus(t: Thresholds): AlertRule[] {
  return [
    ...prometheusReloadFailed(t),
    ...prometheusRuleFailures(t),
    ...prometheusNotNotifying(t),
    ...alertmanagerDown(t),
    ...alertmanagerReloadFailed(t),
    ...alertmanagerSendFailed(t),
  ];
}

function prometheusReloadFailed(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawPrometheusReloadFailed',
      incident: 'prometheus-reload',
      expr: `${minBy(GATEWAY, 'prometheus_config_last_reload_successful')} == 0`,
      summary: 'Prometheus {{ $labels.instance }} runs on with its old configuration',
      description: 'Its last reload failed; new rules and targets are not in force.',
      catalogue: ['X4'],
    },
    warn(t, 'promtool check config /etc/prometheus/prometheus.yml'),
  );
}

function prometheusRuleFailures(t: Thresholds): AlertRule[] {
  const range = span(t.watcher_for);
  return ladder(
    {
      alert: 'OpenClawPrometheusRuleFailures',
      incident: 'prometheus-rules',
      expr: `sum by (instance) (increase(prometheus_rule_evaluation_failures_total[${range}])) > 0`,
      summary: 'Prometheus {{ $labels.instance }} cannot evaluate a rule',
      description:
        '{{ $value | printf "%.0f" }} evaluations failed: an alert may be blind. Its rules page names the rule.',
      catalogue: ['X1'],
    },
    warn(t, 'open /rules of Prometheus and read the error'),
  );
}

function prometheusNotNotifying(t: Thresholds): AlertRule[] {
  const range = span(t.watcher_for);
  return ladder(
    {
      alert: 'OpenClawPrometheusNotNotifying',
      incident: 'prometheus-notify',
      expr: lines(
        `(${maxBy(GATEWAY, 'prometheus_notifications_alertmanagers_discovered')} < 1`,
        `or on (instance) sum by (instance) (increase(prometheus_notifications_dropped_total[${range}])) > 0)`,
      ),
      summary: 'Prometheus {{ $labels.instance }} cannot hand alerts to an Alertmanager',
      description: 'Alerts do not leave Prometheus: only the heartbeat outside will notice.',
      catalogue: ['X1'],
    },
    warn(t, 'systemctl status prometheus-alertmanager (its name on Debian), and alerting: in prometheus.yml'),
  );
}

function alertmanagerDown(t: Thresholds): AlertRule[] {
  const forMs = t.watcher_for;
  return ladder(
    {
      alert: 'OpenClawAlertmanagerDown',
      incident: 'alertmanager-down',
      expr: `${maxBy(GATEWAY, 'up{job="alertmanager"}')} == 0`,
      summary: 'Alertmanager {{ $labels.instance }} is down',
      description:
        'Nobody is paged while it is away, unless there is a second one: the heartbeat outside will notice.',
      catalogue: ['X1'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs,
        next: 'systemctl restart prometheus-alertmanager (its name on Debian; containers: docker compose restart alertmanager)',
      },
    ],
  );
}

function alertmanagerReloadFailed(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawAlertmanagerReloadFailed',
      incident: 'alertmanager-reload',
      expr: `${minBy(GATEWAY, 'alertmanager_config_last_reload_successful')} == 0`,
      summary: 'Alertmanager {{ $labels.instance }} runs on with its old configuration',
      description: 'Its last reload failed; routes and receivers are the old ones.',
      catalogue: ['X4'],
    },
    warn(t, 'amtool check-config /etc/prometheus/alertmanager.yml'),
  );
}

function alertmanagerSendFailed(t: Thresholds): AlertRule[] {
  const forMs = t.watcher_for;
  const range = span(t.watcher_for);
  return ladder(
    {
      alert: 'OpenClawAlertmanagerSendFailed',
      incident: 'alertmanager-send',
      expr: `sum by (instance, integration) (increase(alertmanager_notifications_failed_total[${range}])) > 0`,
      summary: 'Alertmanager {{ $labels.instance }} cannot deliver through {{ $labels.integration }}',
      description: '{{ $value | printf "%.0f" }} notifications failed. Pages may not have arrived.',
      catalogue: ['X1'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs,
        next: "read Alertmanager's log; check the receiver's secret file",
      },
    ],
  );
}
