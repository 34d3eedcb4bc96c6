import type { WebSocketOpening } from '../../core/facts.ts';
import type { Readiness } from '../../gateway/http.ts';
import { gauge, type Sample, stateset } from '../../metrics/family.ts';
import { type Answers, failingSubsystems, GATEWAY_STATES, type GatewayState } from './state.ts';

const notTold = 'the gateway does not answer /readyz, or does not tell this caller';

const up = gauge(
  'openclaw_gateway_up',
  'Whether GET /healthz was answered in time with the body of an OpenClaw gateway; no token is involved.',
  {
    meaning: {
      absent: 'the exporter could not look',
      zero: 'no such answer; openclaw_gateway_state says why',
      one: 'it answers',
    },
  },
);
const state = gauge(
  'openclaw_gateway_state',
  'What the gateway does, one state at 1: unreachable (no way to its host), refused (nothing listens), foreign (something else answers), draining (about to stop), starting, hung (connects, never answers), up.',
  {
    labels: ['state'],
    meaning: { absent: 'the exporter could not look', zero: 'not in this state', one: 'in this state' },
  },
);
const lastDuration = gauge(
  'openclaw_gateway_last_ping_duration_seconds',
  'How long each phase of the last ping took: connect (TCP), http (/healthz), handshake (WebSocket up to the challenge; from the last opening).',
  { labels: ['phase'], meaning: { absent: 'the phase did not complete' } },
);
const ready = gauge(
  'openclaw_gateway_ready',
  'Whether the gateway itself says at /readyz that it can do its work.',
  {
    meaning: { absent: 'no answer from /readyz', zero: 'something in it fails', one: 'ready' },
  },
);
const readyFailing = gauge(
  'openclaw_gateway_ready_failing',
  'Subsystems and channels that /readyz names as failing, each at 1.',
  { labels: ['subsystem'], meaning: { absent: 'not named as failing', one: 'failing' } },
);
const info = gauge(
  'openclaw_gateway_info',
  'Version of the gateway and of the protocol it spoke; always 1. The protocol is only known where a token was accepted.',
  {
    labels: ['version', 'protocol'],
    meaning: { absent: 'the gateway tells its version to nobody without a token, or is down', one: 'always' },
  },
);
const delayP99 = gauge(
  'openclaw_gateway_readyz_event_loop_delay_p99_seconds',
  "99th percentile of the delay of the gateway's event loop, as /readyz reports it; high means every answer is slow.",
  { meaning: { absent: notTold } },
);
const delayMax = gauge(
  'openclaw_gateway_readyz_event_loop_delay_max_seconds',
  "Longest delay of the gateway's event loop in its last interval, as /readyz reports it.",
  { meaning: { absent: notTold } },
);
const utilization = gauge(
  'openclaw_gateway_readyz_event_loop_utilization_ratio',
  "Share of time in which the gateway's event loop was busy, as /readyz reports it; near 1 it cannot keep up.",
  { meaning: { absent: notTold } },
);
const degraded = gauge(
  'openclaw_gateway_readyz_event_loop_degraded',
  'Whether the gateway itself calls its event loop degraded, at /readyz.',
  { meaning: { absent: notTold, zero: 'it does not', one: 'it does' } },
);

/** What a ping shows beside its counters and the histogram. */
export const PING_FAMILIES = [
  up,
  state,
  lastDuration,
  ready,
  readyFailing,
  info,
  delayP99,
  delayMax,
  utilization,
  degraded,
];

/** What the gateway is, where it told. */
export interface GatewayInfo {
  readonly version: string;
  readonly protocol: number | undefined;
}

/** What one ping is shown by. */
export interface Pinged {
  readonly answers: Answers;
  readonly state: GatewayState;
  readonly opening: WebSocketOpening | undefined;
  readonly info: GatewayInfo | undefined;
}

/** All series of one ping. */
export function pingSamples({ answers, state: current, opening, info: known }: Pinged): Sample[] {
  const { health } = answers;
  const live = health.state === 'live';
  return [
    up.sample(live ? 1 : 0, {}),
    ...stateset(GATEWAY_STATES, current, (value, on) => state.sample(on, { state: value })),
    ...('connectSeconds' in health && health.connectSeconds !== undefined
      ? [lastDuration.sample(health.connectSeconds, { phase: 'connect' })]
      : []),
    ...(live ? [lastDuration.sample(health.httpSeconds, { phase: 'http' })] : []),
    ...(opening?.outcome.state === 'challenged'
      ? [lastDuration.sample(opening.outcome.seconds, { phase: 'handshake' })]
      : []),
    ...(known === undefined
      ? []
      : [info.sample(1, { version: known.version, protocol: String(known.protocol ?? '') })]),
    ...readySamples(answers.ready),
  ];
}

function readySamples(answer: Readiness | undefined): Sample[] {
  if (answer === undefined) return [];
  const { eventLoop } = answer;
  const optional = (family: typeof delayP99, value: number | undefined) =>
    value === undefined ? [] : [family.sample(value, {})];
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  const flag = (on: boolean | undefined) => (on === undefined ? undefined : Number(on));
  return [
    ready.sample(answer.ready ? 1 : 0, {}),
    ...failingSubsystems(answer).map((subsystem) => readyFailing.sample(1, { subsystem })),
    ...optional(delayP99, seconds(eventLoop?.delayP99Ms)),
    ...optional(delayMax, seconds(eventLoop?.delayMaxMs)),
    ...optional(utilization, eventLoop?.utilization),
    ...optional(degraded, flag(eventLoop?.degraded)),
  ];
}
