import { describeRestart } from '../../../src/diagnosis/repair.ts';
import {
  formatSeconds,
  formatSpan,
  ignoreLabels,
  joinLines,
  keepLast,
  renderQuery,
  takeMax,
  takeMin,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { UP } from '../signals.ts';
import { unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

const STATE_BYTES = 'instance_part:openclaw_state_bytes:max';

/** The machine around the gateway: disks, child processes, addresses, proxies and the service manager. */
export function machineGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-machine',
      file: 'machine',
      rules: [...children(t), ...surroundings(t), ...service(t)],
    },
    {
      name: 'openclaw-disk',
      file: 'machine',
      intervalMs: t.history_interval,
      rules: [...diskRecords(), ...disk(t), ...stateGrowth(t)],
    },
  ];
}

function diskRecords(): RecordRule[] {
  return [record(STATE_BYTES, takeMax([], 'openclaw_state_bytes'))];
}

function disk(t: Thresholds): AlertRule[] {
  const available = 'openclaw_state_filesystem_avail_bytes';
  const now = (series: string) => takeMin([], keepLast(t, series, ['folder']));
  const share = `${now(available)} / ${now('openclaw_state_filesystem_size_bytes')}`;
  const range = formatSpan(t.disk_range);
  const trend = takeMin([], `predict_linear(${available}[${range}], ${formatSeconds(t.disk_horizon)})`);
  const earlier = `${available} offset ${formatSpan(t.disk_range - t.leak_edge)}`;
  const left = `{{ with ${renderQuery(t, `${available}{@}`, ['folder'])} }} {{ (. | first).Value | humanize1024 }}B are left.{{ end }}`;
  return ladder(
    {
      alert: 'OpenClawDiskFilling',
      incident: 'disk',
      about: ['folder'],
      expr: `${share} < ${t.disk_ratio}`,
      keepMs: t.disk_for,
      summary: 'The {{ $labels.folder }} filesystem of OpenClaw gateway {{ $labels.instance }} fills up',
      description: `{{ $value | humanizePercentage }} of it is free.${left} When it is full the gateway loses messages and cron state.`,
      catalogue: ['D1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.disk_for,
        next: 'the status page shows which part of the state grows; remove old logs and sessions, or enlarge the disk',
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: t.disk_for,
        expr: joinLines(
          `(${share} < ${t.disk_full_ratio})`,
          `or (${share} < 0.5 and (${trend} < 0) and ${takeMin([], earlier)})`,
        ),
        description: `It will be full within ${formatSpan(t.disk_horizon)}, or is nearly full: {{ $value | humanizePercentage }} is free.${left}`,
        next: 'make room now: df -h, du -xh --max-depth=2 of the state folder; stop what writes, if it is not the gateway',
      },
    ],
  );
}

function stateGrowth(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawStateGrowing',
      incident: 'state-growth',
      about: ['part'],
      expr: joinLines(
        `(${STATE_BYTES} > ${t.state_growth} * ${STATE_BYTES} offset ${formatSpan(t.history_day)})`,
        `and ${STATE_BYTES} > ${t.state_floor_bytes}`,
      ),
      keepMs: t.leak_edge,
      summary: 'The {{ $labels.part }} of OpenClaw gateway {{ $labels.instance }} grows without end',
      description: `It takes {{ $value | humanize1024 }}B, more than ${t.state_growth} times as much as a day before.`,
      catalogue: ['D1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.disk_for,
        next: 'wal: find the reader that keeps it open; sessions, logs: prune them; database: openclaw doctor',
      },
    ],
  );
}

function children(t: Thresholds): AlertRule[] {
  const count = takeSum(['kind'], keepLast(t, 'openclaw_gateway_children', ['kind']));
  const kinds = renderQuery(t, 'topk(3, openclaw_gateway_children{@})');
  return [
    ...ladder(
      {
        alert: 'OpenClawChildrenPileUp',
        incident: 'children',
        expr: `${count} > ${t.children_max}`,
        keepMs: t.settle,
        summary: 'Child processes of OpenClaw gateway {{ $labels.instance }} pile up',
        description: `It has {{ $value | printf "%.0f" }}:{{ range ${kinds} }} {{ .Labels.kind }} {{ .Value | printf "%.0f" }}{{ end }}. They take memory until the machine has none.`,
        catalogue: ['G26'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.children_for,
          next: `openclaw gateway status --deep; when no work runs, ${describeRestart()}`,
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawOomKilled',
        incident: 'oom',
        expr: `${takeMax([], `increase(openclaw_gateway_oom_kills_total[${formatSpan(t.oom_range)}])`)} > 0`,
        summary: 'The kernel killed a process of OpenClaw gateway {{ $labels.instance }} for its memory',
        description: `About {{ $value | printf "%.0f" }} out-of-memory kill(s) in its control group in the last ${formatSpan(t.oom_range)}: the gateway, a command job or an MCP server.`,
        catalogue: ['G26'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: 'journalctl -k names the process; raise MemoryMax, or run less at a time',
        },
      ],
    ),
  ];
}

interface Surrounding {
  readonly alert: string;
  readonly incident: string;
  readonly expr: string;
  readonly about?: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly next: string;
  readonly catalogue: readonly string[];
}

function warnAfterDrift(t: Thresholds, { next, ...shared }: Surrounding): AlertRule[] {
  return ladder({ ...shared, keepMs: t.settle }, [
    { phase: 1, severity: 'warning', forMs: t.drift_for, next },
  ]);
}

/** Configuration and network between the gateway and its clients. */
function surroundings(t: Thresholds): AlertRule[] {
  const listen = 'openclaw_gateway_listen_info{configured=~"false|no|0"}';
  const gauge = (series: string) => `${takeMax([], keepLast(t, series))} == 1`;
  return [
    ...warnAfterDrift(t, {
      alert: 'OpenClawAddressDrift',
      incident: 'address-drift',
      about: ['address', 'configured'],
      expr: joinLines(
        `${takeMax([], keepLast(t, listen, ['address', 'configured']))} == 1`,
        `and ${ignoreLabels('address', 'configured')} ${UP} == 1`,
      ),
      summary:
        'OpenClaw gateway {{ $labels.instance }} listens on {{ $labels.address }}, which is not configured',
      description:
        'It is healthy there, but clients that follow the configuration look for it elsewhere. A restart does not change that.',
      next: 'as a service: openclaw gateway install --force writes the configured address into it; in a terminal: end the gateway where it was started (Ctrl+C), then openclaw gateway run; or correct openclaw.json',
      catalogue: ['G17'],
    }),
    ...warnAfterDrift(t, {
      alert: 'OpenClawProxyRefusing',
      incident: 'trusted-proxies',
      expr: gauge('openclaw_gateway_proxy_refusing'),
      summary: 'OpenClaw gateway {{ $labels.instance }} rejects what comes through its proxy',
      description:
        '/healthz answers and every other path is 403: a proxy adds X-Forwarded-For and is not listed in gateway.trustedProxies.',
      next: 'add the address of the proxy to gateway.trustedProxies: openclaw config set gateway.trustedProxies',
      catalogue: ['G21'],
    }),
    ...warnAfterDrift(t, {
      alert: 'OpenClawGatewaySafeMode',
      incident: 'safe-mode',
      expr: unlessSuppressed(t, 'safe-mode', gauge('openclaw_gateway_safe_mode')),
      summary: 'OpenClaw gateway {{ $labels.instance }} runs in safe mode',
      description:
        'Its crash-loop breaker started it without channels after three crashes in five minutes. It answers and is ready, and messages are not handled.',
      next: `openclaw logs: why it crashed before; repair that, then, ${describeRestart()}`,
      catalogue: ['G22'],
    }),
  ];
}

/** A service manager that restarts a unit for ever while a process outside of it does the work. */
function service(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.crash_loop_range);
  return ladder(
    {
      alert: 'OpenClawServiceRestartLoop',
      incident: 'service-loop',
      expr: joinLines(
        `${takeMax(['manager'], `delta(openclaw_gateway_service_restarts[${range}])`)} > ${t.crash_loop_restarts - 0.5}`,
        `and ${UP} == 1`,
      ),
      keepMs: t.crash_loop_range,
      summary:
        'The service of OpenClaw gateway {{ $labels.instance }} is restarted for ever beside a running gateway',
      description: `Its unit was restarted {{ $value | printf "%.0f" }} times in ${range} and cannot bind, because a process outside the unit holds the port. Clients see a healthy gateway.`,
      catalogue: ['G22'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'sudo lsof -nP -iTCP:18789 -sTCP:LISTEN names the holder; stop it where it was started (a terminal, another unit), then systemctl --user restart openclaw-gateway.service',
      },
    ],
  );
}
