import { describeFirstSteps, describeRestart } from '../../../src/diagnosis/repair.ts';
import {
  crashLoopRecords,
  down,
  foreign,
  hung,
  listenerGone,
  startOverdue,
  stayOpen,
} from '../conditions.ts';
import { formatSpan, joinLines, renderQuery, selectFiring, takeMax } from '../promql.ts';
import { type AlertRule, ladder, type RuleGroup, type Suppression } from '../rule.ts';
import { inState, STATE, signalRecords, UP } from '../signals.ts';
import { CHECK_CONFIG, FULL, READ_LOGS, stepByState } from '../steps.ts';
import { CRASH_LOOP, unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

/** A gateway seen only through `/probe` goes silent with its watcher, or with its whole machine. */
const REMOTE: readonly Suppression[] = ['maintenance', 'watcher', 'host'];
/** An update stops the gateway, and starts another version of it. */
const UPDATED: readonly Suppression[] = ['maintenance', 'update'];
const OTHERS = (own: string) =>
  ['gateway-down', 'gateway-hung', 'gateway-not-answering', 'listener-gone']
    .filter((incident) => incident !== own)
    .join('|');

/** Does the gateway answer, and does it stay up? */
export function gatewayGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-gateway',
      file: 'gateway',
      rules: [
        ...signalRecords(t),
        ...crashLoopRecords(t),
        ...notAnswering(t),
        ...restarting(t),
        ...starting(t),
      ],
    },
  ];
}

/** What follows where the first step did not help. */
function later(t: Thresholds, second: string) {
  return [
    { phase: 2, severity: 'critical', forMs: t.climb_to_2, next: stepByState(t, second) },
    { phase: 3, severity: 'critical', forMs: t.climb_to_3, next: stepByState(t, FULL) },
  ] as const;
}

function notAnswering(t: Thresholds): AlertRule[] {
  return [
    ...gatewayDown(t),
    ...gatewayHung(t),
    ...gatewayListenerGone(t),
    ...gatewayPortForeign(t),
    ...gatewayDraining(t),
    ...gatewaySilent(t),
  ];
}

/** The present state in words, for a description. */
function stateNow(t: Thresholds): string {
  return `{{ with ${renderQuery(t, `${STATE}{@} == 1`)} }}{{ (. | first).Labels.state }}{{ else }}unknown{{ end }}`;
}

function gatewayDown(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayDown',
      incident: 'gateway-down',
      expr: stayOpen(t, down(t), 'gateway-down', OTHERS('gateway-down')),
      suppressedBy: [...REMOTE, 'update'],
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} is down',
      description: `Nothing answers at the gateway's address (state ${stateNow(t)}), and no process of it is known to listen. Agents, channels and cron jobs are stopped.{{ range ${renderQuery(t, 'openclaw_ssh_up{@} == 0')} }} SSH to {{ .Labels.host }} fails too.{{ end }}`,
      catalogue: ['G1', 'G14', 'G1+N1', 'G18', 'G20', 'G24'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.gateway_down_for,
        next: stepByState(t, describeFirstSteps('gateway-down')),
      },
      ...later(t, CHECK_CONFIG),
    ],
  );
}

function gatewayHung(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayHung',
      incident: 'gateway-hung',
      expr: stayOpen(t, hung(t), 'gateway-hung', OTHERS('gateway-hung')),
      suppressedBy: [...REMOTE, 'update'],
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} accepts connections and never answers',
      description: `Its port accepts connections, /healthz does not answer{{ with ${renderQuery(t, 'openclaw_gateway_process_state{@} == 1')} }}; the process is {{ (. | first).Labels.state }}{{ end }}. It is stopped, or its event loop is blocked.`,
      catalogue: ['G2', 'G15', 'G2+C3', 'G16'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.gateway_hung_for,
        next: stepByState(t, describeFirstSteps('gateway-hung')),
      },
      ...later(t, READ_LOGS),
    ],
  );
}

function gatewayListenerGone(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayListenerGone',
      incident: 'listener-gone',
      expr: stayOpen(t, listenerGone(t), 'listener-gone', OTHERS('listener-gone')),
      suppressedBy: UPDATED,
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} is alive but does not listen',
      description: `Its process lives and its port refuses connections. A planned stop looks the same for up to ${formatSpan(t.drain_budget)}; after that it does not recover by itself.`,
      catalogue: ['G3', 'G3+T1', 'G13'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.listener_gone_warn_for,
        next: `wait for the drain budget if a stop was planned; else, ${describeFirstSteps('listener-gone')}`,
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.drain_budget,
        next: READ_LOGS,
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
      suppressedBy: REMOTE,
      keepMs: t.settle,
      summary: 'Another program answers on the port of OpenClaw gateway {{ $labels.instance }}',
      description:
        'What answers there is not an OpenClaw gateway. This exporter sends no token to it; other clients may do so.',
      catalogue: ['G4', 'G15'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.port_foreign_for,
        next: `find the listener (sudo lsof -nP -iTCP:18789 -sTCP:LISTEN) and stop it; then, ${describeFirstSteps('gateway-down')}`,
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.climb_to_2,
        next: 'treat the token as leaked to that program: set a new one, see the runbook',
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
      suppressedBy: UPDATED,
      summary: 'OpenClaw gateway {{ $labels.instance }} is draining',
      description: `It takes no new work and finishes what runs, as before a planned stop; its budget is ${formatSpan(t.drain_budget)}.`,
      catalogue: ['G13'],
    },
    [
      { phase: 1, severity: 'info', forMs: 0, next: 'none: wait until it has stopped' },
      { phase: 3, severity: 'critical', forMs: t.drain_budget, next: FULL },
    ],
  );
}

/** The catch-all: whatever its state says, it does not answer, and no other page is open for it. */
function gatewaySilent(t: Thresholds): AlertRule[] {
  const others = 'gateway-down|gateway-hung|listener-gone|port-foreign|crash-loop|draining';
  const range = formatSpan(t.crash_loop_slow_range);
  const restarts = renderQuery(
    t,
    `increase(openclaw_gateway_process_restarts_total{@}[${range}]) > ${t.crash_loop_restarts - 0.5}`,
  );
  return ladder(
    {
      alert: 'OpenClawGatewayNotAnswering',
      incident: 'gateway-not-answering',
      expr: joinLines(
        `max_over_time(${UP}[${formatSpan(t.ssh_down_range)}]) == 0`,
        `unless ${selectFiring(others, 'critical')}`,
      ),
      suppressedBy: REMOTE,
      keepMs: t.settle,
      summary: `OpenClaw gateway {{ $labels.instance }} has not answered once in ${formatSpan(t.not_answering_for)}`,
      description: `Its state is ${stateNow(t)}. No single state has lasted long enough for an alert of its own: {{ with ${restarts} }}it crashes in every start, about {{ (. | first).Value | printf "%.0f" }} times in the last ${range}{{ else }}it may crash in every start, or change between states{{ end }}.`,
      catalogue: ['G23', 'G7', 'G22'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.not_answering_for - t.ssh_down_range,
        next: stepByState(t, READ_LOGS),
      },
      { phase: 3, severity: 'critical', forMs: t.climb_to_3, next: stepByState(t, FULL) },
    ],
  );
}

function restarting(t: Thresholds): AlertRule[] {
  return [...crashLoop(t), ...restarted(t), ...gatewayFlapping(t)];
}

function crashLoop(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.crash_loop_slow_range);
  const increase = renderQuery(t, `increase(openclaw_gateway_process_restarts_total{@}[${range}])`);
  return ladder(
    {
      alert: 'OpenClawGatewayCrashLoop',
      incident: 'crash-loop',
      expr: CRASH_LOOP,
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} crashes and is restarted repeatedly',
      description: `{{ with ${increase} }}About {{ (. | first).Value | printf "%.0f" }} restarts{{ else }}Repeated restarts{{ end }} in the last ${range}. Another restart will not help: find out why it crashes.`,
      catalogue: ['G5', 'G5+T2', 'G22'],
    },
    [
      {
        phase: 3,
        severity: 'critical',
        forMs: 0,
        next: `stop the loop: systemctl --user stop openclaw-gateway.service; read the cause: openclaw logs, openclaw config validate; then ${describeFirstSteps('crash-loop')}`,
      },
    ],
  );
}

function restarted(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.restart_shown_for);
  return ladder(
    {
      alert: 'OpenClawGatewayRestarted',
      incident: 'restart',
      expr: `${takeMax([], `increase(openclaw_gateway_process_restarts_total[${range}])`)} > 0.5`,
      suppressedBy: UPDATED,
      summary: 'OpenClaw gateway {{ $labels.instance }} was restarted',
      description: `About {{ $value | printf "%.0f" }} restart(s) in the last ${range}; it is healthy again unless another alert says otherwise.`,
      catalogue: ['G6', 'T6+G6'],
    },
    [{ phase: 1, severity: 'info', forMs: 0, next: 'none, if the restart was intended' }],
  );
}

function gatewayFlapping(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.gateway_flapping_range);
  return ladder(
    {
      alert: 'OpenClawGatewayFlapping',
      incident: 'gateway-flapping',
      expr: joinLines(
        `changes(${UP}[${range}]) > ${t.gateway_flapping_changes - 0.5}`,
        `unless ${selectFiring('gateway-down|gateway-hung|crash-loop', 'critical')}`,
      ),
      suppressedBy: ['maintenance', 'watcher'],
      keepMs: t.gateway_flapping_range,
      summary: 'OpenClaw gateway {{ $labels.instance }} comes and goes',
      description: `It changed between answering and not answering {{ $value | printf "%.0f" }} times in ${range}, each time too briefly for an alert of its own.`,
      catalogue: ['G5', 'G9'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: `openclaw gateway status --deep, then, ${describeRestart()}`,
      },
    ],
  );
}

function starting(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawGatewayStartOverdue',
      incident: 'start-overdue',
      expr: joinLines(unlessSuppressed(t, 'start-overdue', `(${startOverdue(t)})`), `unless (${UP} == 1)`),
      suppressedBy: UPDATED,
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} has been starting for too long',
      description:
        'Its process lives and has not answered yet, past its start-up window. Many plugins make a start slow; stopping it now starts the wait anew.',
      catalogue: ['G7'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: Math.round(t.evaluation_interval),
        next: 'openclaw logs: find out what it waits for; do not stop it yet',
      },
    ],
  );
}
