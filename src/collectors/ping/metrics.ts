import type { WebSocketOpening } from '../../core/facts.ts';
import type { Readiness } from '../../gateway/http.ts';
import { GATEWAY_STATES, type GatewayState } from '../../lib/vocabulary.ts';
import { gauge, type Sample, stateset } from '../../metrics/family.ts';
import { type Answers, failingSubsystems } from './state.ts';

const notTold = 'the gateway does not answer /readyz, or does not report this to the exporter';

const up = gauge(
  'openclaw_gateway_up',
  'Whether GET /healthz was answered in time with the body of an OpenClaw gateway. No token is used.',
  {
    meaning: {
      absent: 'the collection failed',
      zero: 'no such answer; openclaw_gateway_state says why',
      one: 'it answers',
    },
  },
);
const state = gauge(
  'openclaw_gateway_state',
  'State of the gateway; exactly one series is 1: unreachable (no route to its host), refused (nothing listens), foreign (something else answers), draining (shutting down), starting, hung (accepts connections, never answers), up.',
  {
    labels: ['state'],
    meaning: { absent: 'the collection failed', zero: 'not in this state', one: 'in this state' },
  },
);
const lastDuration = gauge(
  'openclaw_gateway_last_ping_duration_seconds',
  'Duration of each phase of the last ping: connect (TCP), http (/healthz), handshake (WebSocket up to the challenge, measured at the last connection).',
  { labels: ['phase'], meaning: { absent: 'the phase did not complete' } },
);
const ready = gauge('openclaw_gateway_ready', 'Whether the gateway reports itself ready at /readyz.', {
  meaning: { absent: 'no answer from /readyz', zero: 'a subsystem of it fails', one: 'ready' },
});
const readyFailing = gauge(
  'openclaw_gateway_ready_failing',
  'Subsystems and channels that /readyz reports as failing; always 1.',
  { labels: ['subsystem'], meaning: { absent: 'not named as failing', one: 'failing' } },
);
const info = gauge(
  'openclaw_gateway_info',
  'Version of the gateway and of its protocol; always 1. The protocol is only known after a token was accepted.',
  {
    labels: ['version', 'protocol'],
    meaning: {
      absent: 'the gateway is down, or reports its version only to clients with a valid token',
      one: 'always',
    },
  },
);
const delayP99 = gauge(
  'openclaw_gateway_readyz_event_loop_delay_p99_seconds',
  "99th percentile of the gateway's event loop delay, as reported by /readyz; a high value slows every answer.",
  { meaning: { absent: notTold } },
);
const delayMax = gauge(
  'openclaw_gateway_readyz_event_loop_delay_max_seconds',
  'Maximum event loop delay of the gateway in its last interval, as reported by /readyz.',
  { meaning: { absent: notTold } },
);
const utilization = gauge(
  'openclaw_gateway_readyz_event_loop_utilization_ratio',
  "Fraction of time the gateway's event loop was busy, as reported by /readyz; near 1 it cannot keep up.",
  { meaning: { absent: notTold } },
);
const degraded = gauge(
  'openclaw_gateway_readyz_event_loop_degraded',
  'Whether the gateway reports its event loop as degraded at /readyz.',
  { meaning: { absent: notTold, zero: 'it does not', one: 'it does' } },
);

const proxyRefusing = gauge(
  'openclaw_gateway_proxy_refusing',
  'Whether the gateway is alive and refuses every request but /healthz with 403, because a proxy passes it on that gateway.trustedProxies does not name.',
  {
    meaning: {
      absent: 'the gateway does not answer',
      zero: 'other requests are answered',
      one: 'clients that come through this proxy cannot work, though openclaw_gateway_up is 1',
    },
  },
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
  proxyRefusing,
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
    ...(live || answers.isProxyRefused ? [proxyRefusing.sample(answers.isProxyRefused ? 1 : 0, {})] : []),
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
