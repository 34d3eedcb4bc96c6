import { crashLoop, down, foreign, hung, LAST_UP, listenerGone, startOverdue } from './conditions.ts';
import { GATEWAY, inState, lines, maxBy, minBy, NOT_ANSWERING, onGateway, seconds, span } from './promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

const P95 = 'instance_phase:openclaw_gateway_ping_duration_seconds:p95';
const BASELINE = 'instance_phase:openclaw_gateway_ping_duration_seconds:p95_median';

const RESTART = 'openclaw gateway restart';
const CHECK_CONFIG =
  'openclaw doctor, and openclaw gateway status --deep: token and configuration may keep it from starting';
/** Of a gateway whose process runs and does not work. */
const LAST_DONE =
  'openclaw gateway status --deep, openclaw logs --limit 100 --plain: what it was doing last; openclaw doctor for the configuration';
/** The last step of the ladder, as the runbooks have it. */
export const FULL =
  'full restart: sudo systemctl restart openclaw-gateway or systemctl --user restart openclaw-gateway; macOS: launchctl kickstart -k gui/$UID/ai.openclaw.gateway';

/** Is the gateway's process alive, does it answer, is it well? */
export function gatewayGroups(t: Thresholds): RuleGroup[] {
  return [
    { name: 'openclaw-gateway-records', file: 'gateway', rules: gatewayRecords(t) },
    {
      name: 'openclaw-gateway',
      file: 'gateway',
      rules: [...notAnswering(t), ...crashing(t), ...starting(t), ...unwell(t), ...growing(t)],
    },
  ];
}

function gatewayRecords(t: Thresholds): RecordRule[] {
  const range = span(t.slow_range);
  return [
    record(LAST_UP, maxBy(GATEWAY, 'timestamp(openclaw_gateway_up == 1)')),
    record(
      P95,
      lines(
        `histogram_quantile(0.95, sum by (instance, phase, le) (rate(openclaw_gateway_ping_duration_seconds_bucket[${range}]))) >= 0`,
        `or on (instance, phase) max by (instance, phase) (quantile_over_time(0.95, openclaw_gateway_last_ping_duration_seconds[${range}]))`,
      ),
    ),
    record(
      BASELINE,
      `quantile_over_time(0.5, ${P95}[${span(t.slow_baseline_range)}] offset ${span(t.slow_baseline_offset)})`,
    ),
    record(
      'instance:openclaw_gateway_process_resident_memory_bytes:deriv',
      maxBy(GATEWAY, `deriv(openclaw_gateway_process_resident_memory_bytes[${span(t.leak_range)}])`),
    ),
    record(
      'instance_result:openclaw_gateway_pings:rate',
      `sum by (instance, result) (rate(openclaw_gateway_pings_total[${range}]))`,
    ),
  ];
}

/** What follows where the first step did not help. */
function later(t: Thresholds, second: string) {
  return [
    { phase: 2, severity: 'critical', forMs: t.climb_to_2, next: second },
    { phase: 3, severity: 'critical', forMs: t.climb_to_3, next: FULL },
  ] as const;
}

function notAnswering(t: Thresholds): AlertRule[] {
  return [
    ...gatewayDown(t),
    ...gatewayHung(t),
    ...gatewayListenerGone(t),
    ...gatewayPortForeign(t),
    ...gatewayDraining(t),
  ];
}

function gatewayDown(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayDown',
      incident: 'gateway-down',
      expr: down(),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} is down',
      description: `Nothing answers at the gateway's address (state {{ with printf "openclaw_gateway_state{instance='%s'} == 1" $labels.instance | query }}{{ (. | first).Labels.state }}{{ else }}unknown{{ end }}), and no process of it is known to be listening. Agents, channels and cron jobs stand still.{{ range printf "openclaw_ssh_up{instance='%s'} == 0" $labels.instance | query }} SSH to {{ .Labels.host }} fails too.{{ end }}`,
      catalogue: ['G1', 'G14', 'G1+N1'],
    },
    [{ phase: 1, severity: 'critical', forMs: t.gateway_down_for, next: RESTART }, ...later(t, CHECK_CONFIG)],
  );
}

function gatewayHung(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayHung',
      incident: 'gateway-hung',
      expr: hung(t),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} accepts connections and never answers',
      description: `Its port connects, /healthz stays silent{{ with printf "openclaw_gateway_process_state{instance='%s'} == 1" $labels.instance | query }}; the process is {{ (. | first).Labels.state }}{{ end }}. It is stopped, or its event loop is blocked.`,
      catalogue: ['G2', 'G15', 'G2+C3'],
    },
    [{ phase: 1, severity: 'critical', forMs: t.gateway_hung_for, next: RESTART }, ...later(t, LAST_DONE)],
  );
}

function gatewayListenerGone(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayListenerGone',
      incident: 'listener-gone',
      expr: listenerGone(t),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} is alive but no longer listens',
      description: `Its process lives, its port refuses connections. A planned stop looks the same for up to ${span(t.drain_budget)}; after that it will not come back by itself.`,
      catalogue: ['G3', 'G3+T1', 'G13'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.listener_gone_warn_for,
        next: 'wait for the drain budget if somebody is stopping it, else: openclaw gateway restart',
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.drain_budget,
        next: 'openclaw gateway restart --force, then openclaw gateway status --deep',
      },
      { phase: 3, severity: 'critical', forMs: t.climb_to_3, next: FULL },
    ],
  );
}

function gatewayPortForeign(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayPortForeign',
      incident: 'port-foreign',
      expr: foreign(),
      keepMs: t.settle,
      summary: 'Another program answers on the port of the OpenClaw gateway of {{ $labels.instance }}',
      description:
        'Something answers there that is not an OpenClaw gateway. No token is sent to it by this exporter; other clients may do so.',
      catalogue: ['G4', 'G15'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.port_foreign_for,
        next: 'find who listens (sudo lsof -nP -iTCP:18789 -sTCP:LISTEN), end it, then: openclaw gateway restart',
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.climb_to_2,
        next: 'treat the token as read by the stranger: set a new one, see the runbook',
      },
    ],
  );
}

function gatewayDraining(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayDraining',
      incident: 'draining',
      expr: inState('draining'),
      summary: 'The OpenClaw gateway of {{ $labels.instance }} is draining',
      description: `It takes no new work and finishes what runs, as before a planned stop; its budget is ${span(t.drain_budget)}.`,
      catalogue: ['G13'],
    },
    [
      { phase: 1, severity: 'info', forMs: 0, next: 'nothing: wait until it has stopped' },
      { phase: 3, severity: 'critical', forMs: t.drain_budget, next: FULL },
    ],
  );
}

function crashing(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawGatewayCrashLoop',
        incident: 'crash-loop',
        expr: crashLoop(t),
        summary: 'The OpenClaw gateway of {{ $labels.instance }} dies and is restarted, again and again',
        description: `{{ with printf "increase(openclaw_gateway_process_restarts_total{instance='%s'}[${span(t.crash_loop_range)}])" $labels.instance | query }}About {{ (. | first).Value | printf "%.0f" }} restarts{{ else }}Restarts{{ end }} in the last ${span(t.crash_loop_range)}. One more restart will not help: read why it dies.`,
        catalogue: ['G5', 'G5+T2'],
      },
      [
        {
          phase: 3,
          severity: 'critical',
          forMs: 0,
          next: 'stop the loop: openclaw gateway stop (2026.9 over SSH without a terminal: stop --force); read why: openclaw logs, openclaw doctor; then openclaw gateway start',
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawGatewayRestarted',
        incident: 'restart',
        expr: `${maxBy(GATEWAY, `increase(openclaw_gateway_process_restarts_total[${span(t.restart_shown_for)}])`)} > 0.5`,
        summary: 'The OpenClaw gateway of {{ $labels.instance }} was restarted',
        description: `About {{ $value | printf "%.0f" }} restart(s) in the last ${span(t.restart_shown_for)}; it is well again unless another alert says otherwise.`,
        catalogue: ['G6', 'T6+G6'],
      },
      [{ phase: 1, severity: 'info', forMs: 0, next: 'nothing, if somebody restarted it' }],
    ),
    ...ladder(
      {
        alert: 'OpenClawGatewayFlapping',
        incident: 'gateway-flapping',
        expr: `${maxBy(GATEWAY, `changes(openclaw_gateway_up[${span(t.gateway_flapping_range)}])`)} > ${t.gateway_flapping_changes - 0.5}`,
        keepMs: t.gateway_flapping_range,
        summary: 'The OpenClaw gateway of {{ $labels.instance }} comes and goes',
        description: `It changed between answering and not answering {{ $value | printf "%.0f" }} times in ${span(t.gateway_flapping_range)}, each time too short for an alert of its own.`,
        catalogue: ['G5', 'G9'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: 'openclaw gateway status --deep, then openclaw gateway restart',
        },
      ],
    ),
  ];
}

function starting(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayStartOverdue',
      incident: 'start-overdue',
      expr: startOverdue(t),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} has been starting for too long',
      description:
        'Its process lives and has not answered yet, past its start-up window. Many plugins make a start slow; killing it now starts the wait anew.',
      catalogue: ['G7'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: Math.round(t.evaluation_interval),
        next: 'openclaw logs: see what it waits for; do not kill it yet',
      },
    ],
  );
}

function unwell(t: Thresholds): AlertRule[] {
  return [...gatewayDuplicate(t), ...gatewayNotReady(t), ...gatewaySlow(t)];
}

function gatewayDuplicate(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayDuplicate',
      incident: 'duplicate',
      expr: `${maxBy(GATEWAY, `avg_over_time(openclaw_gateway_processes[${span(t.duplicates_range)}])`)} > ${t.duplicates_average}`,
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
        next: 'openclaw gateway status --deep: end the process that is not the service',
      },
    ],
  );
}

function gatewayNotReady(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayNotReady',
      incident: 'not-ready',
      expr: lines(
        `${minBy(GATEWAY, 'openclaw_gateway_ready')} == 0`,
        `unless ${onGateway} ${NOT_ANSWERING}`,
        `unless ${onGateway} ${inState('draining|starting')}`,
      ),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} answers but is not ready',
      description: `/readyz names: {{ range printf "openclaw_gateway_ready_failing{instance='%s'} == 1" $labels.instance | query }}{{ .Labels.subsystem }} {{ else }}nothing{{ end }}.`,
      catalogue: ['G10'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.not_ready_for,
        next: 'openclaw channels status, then openclaw gateway restart',
      },
    ],
  );
}

function gatewaySlow(t: Thresholds): AlertRule[] {
  const http = (name: string) => `${name}{phase="http"}`;
  return ladder(
    {
      alert: 'OpenClawGatewaySlow',
      incident: 'slow',
      expr: lines(
        `(${http(P95)} > on (instance, phase) clamp_min(${t.slow_factor} * ${http(BASELINE)}, ${t.slow_floor_seconds})`,
        `or on (instance, phase) (${http(P95)} > ${t.slow_without_baseline_seconds} unless on (instance, phase) ${http(BASELINE)}))`,
        `unless ${onGateway} ${NOT_ANSWERING}`,
      ),
      keepMs: t.slow_for,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} answers slowly',
      description: `One ping in twenty takes {{ $value | printf "%.2f" }} s or more{{ with printf "${BASELINE}{instance='%s', phase='http'}" $labels.instance | query }}; usual is {{ (. | first).Value | printf "%.3f" }} s{{ end }}. Its event loop is busy or blocked.`,
      catalogue: ['G9', 'C5+G9'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.slow_for,
        next: 'openclaw gateway status --deep and openclaw logs; when no work runs: openclaw gateway restart --safe',
      },
    ],
  );
}

function growing(t: Thresholds): AlertRule[] {
  return [memoryLeak(t), fileLeak(t)].flat();
}

/**
 * Seconds until the limit, of a gateway whose memory has grown over the whole range: each half brought its share, so
 * neither one wave nor a start that has found its level counts.
 */
function memoryLeak(t: Thresholds): AlertRule[] {
  const rss = 'openclaw_gateway_process_resident_memory_bytes';
  const stretch = (offsetMs: number) =>
    maxBy(
      GATEWAY,
      `avg_over_time(${rss}[${span(t.leak_edge)}]${offsetMs === 0 ? '' : ` offset ${span(offsetMs)}`})`,
    );
  const between = t.leak_range - t.leak_edge;
  const [first, middle, last] = [stretch(between), stretch(between / 2), stretch(0)];
  const growth = maxBy(GATEWAY, `deriv(${rss}[${span(t.leak_range)}])`);
  const share = `0.25 * (${last} - ${onGateway} ${first})`;
  const now = maxBy(GATEWAY, rss);
  const limit = maxBy(GATEWAY, 'openclaw_gateway_process_memory_limit_bytes');
  const horizon = seconds(t.leak_horizon);
  return ladder(
    {
      alert: 'OpenClawGatewayMemoryLeak',
      incident: 'leak',
      expr: lines(
        `((${limit} - ${onGateway} ${now}) / ${onGateway} (${growth} > 0) < ${horizon}`,
        `or ${onGateway} (${(t.leak_growth_without_limit - 1).toString()} * ${now} / ${onGateway} (${growth} > 0) < ${horizon} unless ${onGateway} ${limit}))`,
        `and ${onGateway} (${middle} - ${onGateway} ${first} > ${onGateway} ${share})`,
        `and ${onGateway} (${last} - ${onGateway} ${middle} > ${onGateway} ${share})`,
        `unless ${onGateway} time() - ${maxBy(GATEWAY, 'openclaw_gateway_process_start_time_seconds')} < ${seconds(t.leak_range)}`,
      ),
      keepMs: t.leak_edge,
      summary: 'The memory of the OpenClaw gateway of {{ $labels.instance }} grows steadily',
      description: `At this rate it reaches its limit in {{ $value | humanizeDuration }}{{ with printf "openclaw_gateway_process_resident_memory_bytes{instance='%s'}" $labels.instance | query }}; it holds {{ (. | first).Value | humanize1024 }}B now{{ end }}{{ with printf "instance:openclaw_gateway_process_resident_memory_bytes:deriv{instance='%s'} * 3600" $labels.instance | query }}, {{ (. | first).Value | humanize1024 }}B more each hour{{ end }}.`,
      catalogue: ['G11'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.leak_for,
        next: 'plan a restart before then: openclaw gateway restart --safe',
      },
    ],
  );
}

function fileLeak(t: Thresholds): AlertRule[] {
  const open = maxBy(GATEWAY, 'openclaw_gateway_process_open_fds');
  const max = maxBy(GATEWAY, 'openclaw_gateway_process_max_fds');
  const predicted = maxBy(
    GATEWAY,
    `predict_linear(openclaw_gateway_process_open_fds[${span(t.leak_range)}], ${seconds(t.fd_horizon)})`,
  );
  const held = maxBy(
    GATEWAY,
    `count_over_time(openclaw_gateway_process_open_fds[${span(t.leak_edge)}] offset ${span(t.leak_range - t.leak_edge)})`,
  );
  return ladder(
    {
      alert: 'OpenClawGatewayFileLeak',
      incident: 'fd-leak',
      expr: lines(
        `${open} / ${onGateway} ${max} > ${t.fd_ratio}`,
        `or ${onGateway} (${open} / ${onGateway} ${max} > 0.2 and ${onGateway} (${predicted} > ${onGateway} ${max}) and ${onGateway} ${held})`,
      ),
      keepMs: t.fd_for,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} runs out of open files',
      description:
        'It uses {{ $value | humanizePercentage }} of the files and sockets it may have open. At the limit it accepts no more connections.',
      catalogue: ['G12'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.fd_for,
        next: 'plan a restart: openclaw gateway restart --safe; raise LimitNOFILE only after it',
      },
    ],
  );
}
