import type { Timeline, Value } from '../../prometheus/tests/timeline.ts';
import {
  all,
  healthy,
  processStates,
  states,
  TOKEN_VERDICTS,
  type World,
} from '../../prometheus/tests/world.ts';
import type { ExpectedMessage, Span, Story } from './story.ts';

/** From a fault to its page: the alert's `for`, evaluations, Alertmanager's group_wait, and reserve. */
const PAGED_WITHIN: Span = [3, 7.5];
/**
 * From the end of a fault, or its suppression, to the message: what keeps an
 * alert firing, and group_interval.
 */
const ENDED_WITHIN: Span = [0, 8];
/** The same for a refused token, which is kept firing longer: one that comes and goes is one page. */
const TOKEN_ENDED_WITHIN: Span = [13, 22];
/** From a fault to its second phase. */
const CLIMBED_WITHIN: Span = [15, 21];

function firing(incident: string, after: number, [least, most]: Span = PAGED_WITHIN): ExpectedMessage {
  return { status: 'firing', incident, between: [after + least, after + most] };
}

function resolved(incident: string, after: number, [least, most]: Span = ENDED_WITHIN): ExpectedMessage {
  return { status: 'resolved', incident, between: [after + least, after + most] };
}

/** `whole`, and `other` in each of the spans. */
function during(spans: readonly Span[], whole: Value, other: Value): Timeline {
  return [
    [0, whole],
    ...spans.flatMap(([from, to]): [number, Value][] => [
      [from, other],
      [to, whole],
    ]),
  ];
}

/** The gateway's process is gone in each span, and started anew at its end. */
function gatewayAway(spans: readonly Span[]): World {
  const restarts: Timeline = [[0, 2], ...spans.map(([, to], index) => [to, 3 + index] as const)];
  const began: Timeline = [
    [0, -86_400],
    ...spans.flatMap(
      ([from, to]) =>
        [
          [from, 'gone'],
          [to, to * 60],
        ] as const,
    ),
  ];
  return {
    ...states(
      [0, 'up'],
      ...spans.flatMap(
        ([from, to]) =>
          [
            [from, 'refused'],
            [to, 'up'],
          ] as const,
      ),
    ),
    ...processStates(
      [0, 'sleeping'],
      ...spans.flatMap(
        ([from, to]) =>
          [
            [from, 'gone'],
            [to, 'sleeping'],
          ] as const,
      ),
    ),
    ...all(
      ['openclaw_gateway_process_up', 'openclaw_gateway_processes', 'openclaw_gateway_listener_up'],
      ...during(spans, 1, 0),
    ),
    ...all([...TOKEN_VERDICTS, 'openclaw_gateway_ready'], ...during(spans, 1, 'gone')),
    openclaw_gateway_process_resident_memory_bytes: during(spans, 8e8, 'gone'),
    openclaw_gateway_process_open_fds: during(spans, 100, 'gone'),
    openclaw_gateway_process_restarts_total: restarts,
    openclaw_gateway_process_start_time_seconds: began,
  };
}

/** A gateway that is well but for what `world` says. */
function gateway(...worlds: readonly World[]): World {
  return Object.assign({}, healthy(), gatewayAway([]), ...worlds);
}

function maintenance(...spans: readonly Span[]): World {
  return { openclaw_gateway_maintenance: during(spans, 0, 1) };
}

function tokenRefused(spans: readonly Span[], away: readonly Span[]): World {
  const timeline: Timeline = [
    ...during(spans, 1, 0),
    ...away.flatMap(
      ([from, to]) =>
        [
          [from, 'gone'],
          [to, spans.some(([begin, end]) => begin <= to && to < end) ? 0 : 1],
        ] as const,
    ),
  ];
  return Object.fromEntries(
    TOKEN_VERDICTS.map((name) => [name, timeline.toSorted(([a], [b]) => a - b)] as const),
  );
}

const exporterAway = (...spans: readonly Span[]): World => ({ 'up{job="openclaw"}': during(spans, 1, 0) });

const suppressed: readonly Story[] = [
  {
    id: 'maintenance-then-outage',
    title: 'Repair under declared maintenance, then a second outage',
    minutes: 60,
    world: gateway(
      gatewayAway([
        [5, 20],
        [40, 50],
      ]),
      maintenance([12, 25]),
    ),
    events: [
      [5, 'the gateway dies'],
      [12, '`maintenance start`'],
      [20, 'the gateway is back'],
      [25, '`maintenance stop`'],
      [40, 'the gateway dies again'],
      [50, 'the gateway is back'],
    ],
    page: [
      firing('gateway-down', 5),
      resolved('gateway-down', 12),
      firing('gateway-down', 40),
      resolved('gateway-down', 50),
    ],
    lesson:
      'Maintenance ends the page with a message that does not say "healthy"; the second outage pages like the first.',
  },
  {
    id: 'outage-outlasts-maintenance',
    title: 'An outage that begins in maintenance and outlasts it',
    minutes: 45,
    world: gateway(gatewayAway([[10, 34]]), maintenance([5, 20])),
    events: [
      [5, '`maintenance start`'],
      [10, 'the gateway dies'],
      [20, '`maintenance stop`'],
      [34, 'the gateway is back'],
    ],
    page: [firing('gateway-down', 20), resolved('gateway-down', 34)],
    lesson: 'Nothing is sent while maintenance lasts; a gateway that is still away afterwards pages.',
  },
  {
    id: 'silence-then-outage',
    title: 'Repair under a silence, then a second outage (why silences are not the way)',
    minutes: 80,
    world: gateway(
      gatewayAway([
        [5, 15],
        [50, 72],
      ]),
    ),
    silence: [10, 45],
    events: [
      [5, 'the gateway dies'],
      [10, 'the person on call silences the gateway in Alertmanager'],
      [15, 'the gateway is back'],
      [45, 'the silence ends'],
      [50, 'the gateway dies again'],
      [72, 'the gateway is back'],
    ],
    page: [
      firing('gateway-down', 5),
      firing('gateway-down', 50, CLIMBED_WITHIN),
      resolved('gateway-down', 72),
    ],
    lesson:
      'Alertmanager dropped the "resolved" under the silence and takes the second outage for the first: nothing is sent until the alert climbs to phase 2, a quarter of an hour later. Declare maintenance instead.',
  },
  {
    id: 'maintenance-instead-of-silence',
    title: 'The same day with declared maintenance in place of the silence',
    minutes: 80,
    world: gateway(
      gatewayAway([
        [5, 15],
        [50, 72],
      ]),
      maintenance([10, 45]),
    ),
    events: [
      [5, 'the gateway dies'],
      [10, '`maintenance start`'],
      [15, 'the gateway is back'],
      [45, '`maintenance stop`'],
      [50, 'the gateway dies again'],
      [72, 'the gateway is back'],
    ],
    page: [
      firing('gateway-down', 5),
      resolved('gateway-down', 10),
      firing('gateway-down', 50),
      firing('gateway-down', 50, CLIMBED_WITHIN),
      resolved('gateway-down', 72),
    ],
    lesson:
      'The second outage pages within minutes; the message at the climb to phase 2 updates the page that is open.',
  },
];

const repaired: readonly Story[] = [
  {
    id: 'reboot-as-repair',
    title: 'A reboot as repair, then a second outage',
    minutes: 50,
    world: gateway(
      gatewayAway([
        [5, 14.5],
        [30, 40],
      ]),
      exporterAway([12, 14.5]),
    ),
    events: [
      [5, 'the gateway dies'],
      [12, 'the machine reboots: its exporter is away too'],
      [14.5, 'the machine is back, and the gateway with it'],
      [30, 'the gateway dies again'],
      [40, 'the gateway is back'],
    ],
    page: [
      firing('gateway-down', 5),
      resolved('gateway-down', 12),
      firing('gateway-down', 30),
      resolved('gateway-down', 40),
    ],
    lesson: 'The missing exporter swallows nothing: the first page is closed and the second outage pages.',
  },
  {
    id: 'mismatch-then-restart',
    title: 'A refused token, repaired by a restart, and refused again',
    minutes: 82,
    world: gateway(
      gatewayAway([[12, 13]]),
      tokenRefused(
        [
          [5, 12],
          [45, 55],
        ],
        [[12, 13]],
      ),
    ),
    events: [
      [5, 'the gateway refuses the token'],
      [12, 'it is restarted'],
      [13, 'it is back and accepts the token'],
      [45, 'the gateway refuses the token again'],
      [55, 'the token is repaired'],
    ],
    page: [
      firing('token-mismatch', 5),
      resolved('token-mismatch', 12, TOKEN_ENDED_WITHIN),
      firing('token-mismatch', 45),
      resolved('token-mismatch', 55, TOKEN_ENDED_WITHIN),
    ],
    lesson: 'The restart, in which no token can be proved, neither hides the end nor the next beginning.',
  },
  {
    id: 'mismatch-then-outage',
    title: 'A refused token, and in the middle of it an outage',
    minutes: 65,
    world: gateway(gatewayAway([[15, 24]]), tokenRefused([[5, 40]], [[15, 24]])),
    events: [
      [5, 'the gateway refuses the token'],
      [15, 'the gateway dies'],
      [24, 'it is back and still refuses the token'],
      [40, 'the token is repaired'],
    ],
    page: [
      firing('token-mismatch', 5),
      firing('gateway-down', 15),
      resolved('gateway-down', 24),
      resolved('token-mismatch', 40, TOKEN_ENDED_WITHIN),
    ],
    lesson: 'The page of the token stays open through the outage, which has one of its own.',
  },
];

/** Killed at minute 2; Prometheus is stopped at 11, when the page is open. */
function prometheusAway(minutes: number, repairedAt: number): Story {
  const from = 11;
  return {
    id: `prometheus-away-${minutes}`,
    title: `Prometheus restarted in the middle of an incident, away for ${minutes} min`,
    minutes: repairedAt + 8,
    world: gateway(gatewayAway([[2, repairedAt]])),
    gap: [from, from + minutes],
    events: [
      [2, 'the gateway dies'],
      [from, 'Prometheus is stopped'],
      [from + minutes, 'Prometheus is started'],
      [repairedAt, 'the gateway is back'],
    ],
    page: [firing('gateway-down', 2), resolved('gateway-down', repairedAt)],
    lesson: 'No all-clear while the gateway is down, and no second page.',
  };
}

/** The same restart under Prometheus' own defaults: why the flags are shipped. */
function withDefaultFlags(story: Story): Story {
  const [from, to] = story.gap ?? [0, 0];
  return {
    ...story,
    id: `${story.id}-defaults`,
    title: `The same without the shipped flags`,
    hasDefaultFlags: true,
    page: [
      firing('gateway-down', 2),
      resolved('gateway-down', from, [1, 8]),
      firing('gateway-down', to),
      resolved('gateway-down', story.minutes - 8),
    ],
    lesson:
      'By default what was sent to Alertmanager is valid for 4 min, and a `for` below 10 min begins again: a false all-clear, and a second page.',
  };
}

const failingPager: Story = {
  id: 'pager-fails',
  title: 'The pager refuses every message',
  minutes: 30,
  world: gateway(gatewayAway([[5, 25]])),
  hasFailingPager: true,
  events: [
    [5, 'the gateway dies; the pager answers 403'],
    [25, 'the gateway is back'],
  ],
  page: [],
  chat: [{ status: 'firing', incident: 'alertmanager-send', between: [8, 30] }],
  lesson: 'Chat hears that the pager does not deliver.',
};

/** Every story that is played. */
export const STORIES: readonly Story[] = [
  ...suppressed,
  ...repaired,
  prometheusAway(1, 16),
  prometheusAway(3, 18),
  prometheusAway(10, 26),
  withDefaultFlags(prometheusAway(3, 22)),
  failingPager,
];
