import type { Scenario } from './scenario.ts';
import { healthy, killed, type World } from './world.ts';

/** Every series of a world ends with its exporter; only Prometheus still says that it is gone. */
export function exporterGone(world: World, from: number, to?: number): World {
  const back = to === undefined ? [] : [to];
  const gone = Object.entries({ ...healthy(), ...world }).map(([series, timeline]) => {
    const kept = timeline.filter(([minute]) => minute < from);
    const whole = kept.at(-1)?.[1] ?? 1;
    const after =
      typeof whole === 'object' ? { ...whole, from: whole.from + whole.perMinute * (to ?? 0) } : whole;
    return [
      series,
      [...kept, [from, series.startsWith('up{') ? 0 : 'gone'], ...back.map((minute) => [minute, after])],
    ];
  });
  return Object.fromEntries(gone) as World;
}

const meta = (series: string) => `${series}{instance="127.0.0.1:9090", job="prometheus"}`;
const alertmanager = (series: string) => `${series}{instance="127.0.0.1:9093", job="alertmanager"}`;

export const watcherScenarios: readonly Scenario[] = [
  {
    ids: ['X1'],
    name: 'exporter killed: Prometheus alone pages',
    minutes: 90,
    world: exporterGone({}, 30),
    firing: {
      32.5: [],
      33: ['OpenClawExporterDown/1'],
      75: ['OpenClawExporterDown/1', 'OpenClawExporterDown/3'],
    },
    cause: { 31: 'exporter' },
  },
  {
    ids: ['X1'],
    name: 'an exporter that is restarted says nothing',
    minutes: 60,
    world: exporterGone({}, 30, 32),
    firing: { 34: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['X1', 'OpenClawExporterAbsent'],
    name: 'no exporter in the configuration at all',
    minutes: 60,
    world: {
      'up{job="openclaw"}': [
        [0, 1],
        [30, 'gone'],
      ],
    },
    firing: { 39: [], 41: ['OpenClawExporterAbsent/1'] },
  },
  {
    ids: ['X2'],
    name: 'a collector hangs, the others go on',
    minutes: 60,
    world: {
      'openclaw_exporter_collector_up{collector="ssh"}': [
        [0, 1],
        [30, 0],
        [50, 1],
      ],
    },
    firing: { 32: [], 33: ['OpenClawCollectorStale/1'], 55: [] },
    never: 'critical',
  },
  {
    ids: ['X2'],
    name: 'a collector whose last look is old although it does not say so',
    minutes: 60,
    world: {
      'openclaw_exporter_collector_last_success_timestamp_seconds{collector="cron"}': [
        [0, { from: 0, perMinute: 60 }],
        [30, 1800],
      ],
      'openclaw_exporter_collector_interval_seconds{collector="cron"}': [[0, 15]],
    },
    firing: { 30: [], 36: ['OpenClawCollectorStale/1'] },
  },
  {
    ids: ['X3'],
    name: 'disk full: the state cannot be saved',
    minutes: 60,
    world: {
      openclaw_exporter_state_saved: [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 34: [], 35: ['OpenClawExporterStateLost/1'] },
    never: 'critical',
  },
  {
    ids: ['X3'],
    name: 'state file corrupt: set aside once',
    minutes: 120,
    world: {
      openclaw_exporter_state_corruptions_total: [
        [0, 0],
        [30, 1],
      ],
    },
    firing: { 29: [], 36: ['OpenClawExporterStateLost/1'], 100: [] },
  },
  {
    ids: ['X4'],
    name: 'configuration reload refused',
    minutes: 60,
    world: {
      openclaw_exporter_config_last_reload_successful: [
        [0, 1],
        [30, 0],
        [40, 1],
      ],
    },
    firing: { 29: [], 30: ['OpenClawExporterReloadFailed/1'], 41: [] },
    never: 'critical',
  },
  {
    ids: ['maintenance declared + G1'],
    name: 'declared maintenance suppresses the page, which fires once it is over',
    minutes: 90,
    world: {
      ...killed(30),
      openclaw_gateway_maintenance: [
        [0, 0],
        [29, 1],
        [60, 0],
      ],
    },
    firing: {
      28: [],
      29: ['OpenClawMaintenance/1'],
      40: ['OpenClawMaintenance/1'],
      62: [],
      65: ['OpenClawGatewayDown/1'],
    },
  },
  {
    ids: ['maintenance declared + G1'],
    name: 'maintenance is remembered while the whole machine reboots, but not for ever',
    minutes: 90,
    world: exporterGone(
      {
        openclaw_gateway_maintenance: [
          [0, 0],
          [29, 1],
        ],
      },
      30,
    ),
    firing: { 40: ['OpenClawMaintenance/1'], 70: ['OpenClawExporterDown/1'] },
  },
  {
    ids: ['OpenClawOutsideProbeFailed'],
    name: 'a second machine cannot reach the gateway, and cannot be reached itself',
    minutes: 60,
    world: {
      'probe_success{job="openclaw-probe"}': [
        [0, 1],
        [20, 0],
        [30, 1],
      ],
      'up{job="openclaw-probe"}': [
        [0, 1],
        [40, 0],
      ],
    },
    firing: { 24: [], 25: ['OpenClawOutsideProbeFailed/1'], 35: [], 45: ['OpenClawOutsideWatcherDown/1'] },
  },
  {
    ids: [
      'OpenClawPrometheusReloadFailed',
      'OpenClawPrometheusRuleFailures',
      'OpenClawPrometheusNotNotifying',
    ],
    name: "Prometheus' own failures",
    minutes: 60,
    world: {
      [meta('prometheus_config_last_reload_successful')]: [
        [0, 1],
        [20, 0],
        [30, 1],
      ],
      [meta('prometheus_rule_evaluation_failures_total')]: [
        [0, 0],
        [20, { from: 0, perMinute: 1 }],
        [30, 10],
      ],
      [meta('prometheus_notifications_alertmanagers_discovered')]: [
        [0, 1],
        [20, 0],
        [30, 1],
      ],
      [meta('prometheus_notifications_dropped_total')]: [[0, 0]],
    },
    firing: {
      19: [],
      27: [
        'OpenClawPrometheusReloadFailed/1',
        'OpenClawPrometheusRuleFailures/1',
        'OpenClawPrometheusNotNotifying/1',
      ],
      40: [],
    },
  },
  {
    ids: ['OpenClawAlertmanagerDown', 'OpenClawAlertmanagerReloadFailed', 'OpenClawAlertmanagerSendFailed'],
    name: "Alertmanager's own failures",
    minutes: 60,
    world: {
      [alertmanager('up')]: [
        [0, 1],
        [20, 0],
        [30, 1],
      ],
      [alertmanager('alertmanager_config_last_reload_successful')]: [
        [0, 1],
        [20, 0],
        [30, 1],
      ],
      'alertmanager_notifications_failed_total{instance="127.0.0.1:9093", job="alertmanager", integration="pagerduty"}':
        [
          [0, 0],
          [20, { from: 0, perMinute: 1 }],
          [30, 10],
        ],
    },
    firing: {
      19: [],
      27: [
        'OpenClawAlertmanagerDown/1',
        'OpenClawAlertmanagerReloadFailed/1',
        'OpenClawAlertmanagerSendFailed/1',
      ],
      40: [],
    },
  },
];
