import type { Scenario } from './scenario.ts';
import { growing, type Timeline, waves } from './timeline.ts';
import {
  all,
  endAt,
  job,
  killed,
  pings,
  processStates,
  states,
  TOKEN_VERDICTS,
  type World,
} from './world.ts';

const verdictsGone = (from: number): World =>
  all([...TOKEN_VERDICTS, 'openclaw_gateway_ready'], [0, 1], [from, 'gone']);

/** A process that begins anew at `minute`. */
const startedAt = (minute: number): World => ({
  openclaw_gateway_process_start_time_seconds: [
    [0, 0],
    [minute, minute * 60],
  ],
  openclaw_gateway_process_restarts_total: [
    [0, 2],
    [minute, 3],
  ],
});

export const listenerClosed = (from: number): World => ({
  ...states([0, 'up'], [from, 'refused']),
  openclaw_gateway_listener_up: [
    [0, 1],
    [from, 0],
  ],
  ...verdictsGone(from),
});

export const crashing = (from: number, givesUp: number): World => ({
  ...states(
    [0, 'up'],
    ...Array.from({ length: givesUp - from }, (_, index) => [
      [from + index, 'starting'] as const,
      [from + index + 0.5, 'refused'] as const,
    ]).flat(),
    [givesUp, 'refused'],
  ),
  ...all(
    ['openclaw_gateway_process_up', 'openclaw_gateway_processes'],
    [0, 1],
    ...Array.from({ length: givesUp - from }, (_, index) => [
      [from + index, 1] as const,
      [from + index + 0.5, 0] as const,
    ]).flat(),
    [givesUp, 0],
  ),
  openclaw_gateway_listener_up: [
    [0, 1],
    [from, 0],
  ],
  openclaw_gateway_process_restarts_total: [
    [0, 2],
    [from, growing(2.4, 2)],
    [givesUp, 2 + (givesUp - from) * 2.4],
  ],
  ...verdictsGone(from),
});

/** A gateway that dies in every start, each `every` minutes: `every - 1` of starting, one of nothing. */
export function startsInVain(from: number, every: number, starts: number): World {
  const rounds = Array.from({ length: starts }, (_, index) => from + index * every);
  return {
    ...killed(from),
    ...states(
      [0, 'up'],
      ...rounds.flatMap((minute) => [
        [minute, 'starting'] as const,
        [minute + every - 1, 'refused'] as const,
      ]),
    ),
    openclaw_gateway_process_restarts_total: [
      [0, 2],
      ...rounds.map((minute, index) => [minute, 3 + index] as const),
    ],
  };
}

export const stopped = (from: number): World => ({
  ...states([0, 'up'], [from, 'hung']),
  ...processStates([0, 'sleeping'], [from, 'stopped']),
  ...verdictsGone(from),
});

export const gatewayScenarios: readonly Scenario[] = [
  {
    ids: ['healthy'],
    name: 'everything well fires nothing',
    minutes: 60,
    world: {},
    firing: { 1: [], 30: [], 60: [] },
    cause: { 30: '' },
    health: { 30: { process: 1, answers: 1, token: 1, cron: 1, network: 1 } },
  },
  {
    ids: ['healthy'],
    name: 'an exporter that knows next to nothing fires nothing',
    minutes: 60,
    world: {},
    without: [
      'openclaw_gateway_p',
      'openclaw_gateway_t',
      'openclaw_gateway_r',
      'openclaw_gateway_l',
      'openclaw_cron',
      'openclaw_ssh',
      'openclaw_clock',
      'openclaw_tailscale',
    ],
    firing: { 30: [], 60: [] },
    cause: { 30: '' },
  },
  {
    ids: ['G1'],
    name: 'gateway killed: one incident that climbs, and ends',
    minutes: 120,
    world: killed(30, 80),
    firing: {
      32.5: [],
      33: ['OpenClawGatewayDown/1'],
      44.5: ['OpenClawGatewayDown/1'],
      45: ['OpenClawGatewayDown/1', 'OpenClawGatewayDown/2'],
      75: ['OpenClawGatewayDown/1', 'OpenClawGatewayDown/2', 'OpenClawGatewayDown/3'],
      81: [
        'OpenClawGatewayDown/1',
        'OpenClawGatewayDown/2',
        'OpenClawGatewayDown/3',
        'OpenClawGatewayRestarted/1',
      ],
      83: ['OpenClawGatewayRestarted/1'],
      110: [],
    },
    cause: { 29: '', 31: 'process', 60: 'process', 82: '' },
    health: { 31: { process: 0, answers: 0, cron: 1, network: 1 } },
  },
  {
    ids: ['G1'],
    name: 'where processes cannot be seen, a refused connection is a gateway that is down',
    minutes: 60,
    world: killed(30),
    without: ['openclaw_gateway_process', 'openclaw_gateway_listener'],
    firing: { 33: ['OpenClawGatewayDown/1'] },
  },
  {
    ids: ['G1'],
    name: 'a gateway on another machine that cannot be reached: the network is the cause',
    minutes: 60,
    world: states([0, 'up'], [30, 'unreachable']),
    without: ['openclaw_gateway_process', 'openclaw_gateway_listener'],
    firing: { 32.5: [], 33: ['OpenClawGatewayDown/1'] },
    cause: { 31: 'network', 50: 'network' },
  },
  {
    ids: ['G1'],
    name: 'a new failure right after a sign of life keeps the incident open',
    minutes: 60,
    world: { ...killed(30), ...states([0, 'up'], [30, 'refused'], [35, 'up'], [35.5, 'refused']) },
    firing: {
      34: ['OpenClawGatewayDown/1'],
      35.5: ['OpenClawGatewayDown/1'],
      37: ['OpenClawGatewayDown/1'],
      40: ['OpenClawGatewayDown/1'],
    },
  },
  {
    ids: ['G2'],
    name: 'gateway stopped by a signal is hung, not down',
    minutes: 90,
    world: stopped(30),
    firing: {
      32.5: [],
      33: ['OpenClawGatewayHung/1'],
      45: ['OpenClawGatewayHung/1', 'OpenClawGatewayHung/2'],
      75: ['OpenClawGatewayHung/1', 'OpenClawGatewayHung/2', 'OpenClawGatewayHung/3'],
    },
    cause: { 31: 'process' },
    health: { 31: { process: 1, answers: 0 } },
  },
  {
    ids: ['G2'],
    name: 'hung for a minute and well again fires nothing',
    minutes: 60,
    world: states([0, 'up'], [30, 'hung'], [31.5, 'up']),
    firing: { 31: [], 33: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['G3'],
    name: 'listener gone: chat first, and a page once no planned stop can explain it',
    minutes: 90,
    world: listenerClosed(30),
    firing: {
      31.5: [],
      32: ['OpenClawGatewayListenerGone/1'],
      36: ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayListenerGone/2'],
      75: ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayListenerGone/2', 'OpenClawGatewayListenerGone/3'],
    },
    cause: { 33: 'process' },
  },
  {
    ids: ['G3', 'G13'],
    name: 'a stop that drains for five minutes with its listener closed does not page',
    minutes: 60,
    world: {
      ...states([0, 'up'], [30, 'refused'], [35.5, 'up']),
      openclaw_gateway_listener_up: [
        [0, 1],
        [30, 0],
        [35.5, 1],
      ],
    },
    firing: { 35: ['OpenClawGatewayListenerGone/1'] },
    never: 'critical',
  },
  {
    ids: ['G4'],
    name: 'another program answers on the port',
    minutes: 60,
    world: { ...killed(30), ...states([0, 'up'], [30, 'foreign']) },
    firing: {
      30.5: [],
      31: ['OpenClawGatewayPortForeign/1'],
      45: ['OpenClawGatewayPortForeign/1', 'OpenClawGatewayPortForeign/2'],
    },
    cause: { 31: 'process' },
  },
  {
    ids: ['G5'],
    name: 'crash loop: phase 3 at once, and still one incident when the supervisor gives up',
    minutes: 90,
    world: crashing(30, 35),
    firing: {
      31: ['OpenClawGatewayRestarted/1'],
      33: ['OpenClawGatewayCrashLoop/3', 'OpenClawGatewayRestarted/1'],
      36: ['OpenClawGatewayCrashLoop/3', 'OpenClawGatewayRestarted/1'],
      60: ['OpenClawGatewayCrashLoop/3'],
    },
    cause: { 33: 'process', 60: 'process' },
  },
  {
    ids: ['G22', 'G23'],
    name: 'dies in every start, then recovers: the page is the catch-all, and its restarts are no second one',
    minutes: 120,
    world: endAt(startsInVain(20, 5, 8), 60),
    firing: {
      38: ['OpenClawGatewayRestarted/1'],
      42: ['OpenClawGatewayNotAnswering/1', 'OpenClawGatewayRestarted/1'],
      58: ['OpenClawGatewayNotAnswering/1', 'OpenClawGatewayRestarted/1'],
      64: ['OpenClawGatewayRestarted/1'],
      100: [],
    },
  },
  {
    ids: ['G22', 'G1'],
    name: 'down, and started in vain by hand: restarts while the page is open are part of it',
    minutes: 90,
    world: endAt(
      {
        ...killed(20),
        openclaw_gateway_process_restarts_total: [
          [0, 2],
          [30, growing(1 / 2, 2)],
          [42, 8],
        ],
      },
      45,
    ),
    firing: {
      29: ['OpenClawGatewayDown/1'],
      39: ['OpenClawGatewayDown/1', 'OpenClawGatewayDown/2', 'OpenClawGatewayRestarted/1'],
      50: ['OpenClawGatewayRestarted/1'],
      80: [],
    },
  },
  {
    ids: ['G5', 'G1'],
    name: 'a crash loop that begins minutes after an outage pages as soon as any other',
    minutes: 90,
    world: {
      ...killed(20, 30),
      openclaw_gateway_process_restarts_total: [
        [0, 2],
        [30, 3],
        [36, growing(1, 3)],
        [60, 27],
      ],
    },
    firing: {
      35: ['OpenClawGatewayRestarted/1'],
      42: ['OpenClawGatewayCrashLoop/3', 'OpenClawGatewayRestarted/1'],
    },
  },
  {
    ids: ['G5'],
    name: 'three restarts in a quarter of an hour are no crash loop',
    minutes: 60,
    world: {
      openclaw_gateway_process_restarts_total: [
        [0, 2],
        [30, 3],
        [35, 4],
        [40, 5],
      ],
    },
    firing: { 41: ['OpenClawGatewayRestarted/1'] },
    never: 'warning|critical',
  },
  {
    ids: ['G6'],
    name: 'one clean restart is information and nothing else',
    minutes: 60,
    world: killed(30, 30.5),
    firing: { 31: ['OpenClawGatewayRestarted/1'], 50: [] },
    never: 'warning|critical',
  },
  {
    ids: ['G7'],
    name: 'a start of four minutes stays inside its window',
    minutes: 60,
    world: { ...startedAt(30.5), ...states([0, 'up'], [30, 'refused'], [30.5, 'starting'], [34.5, 'up']) },
    firing: { 34: ['OpenClawGatewayRestarted/1'], 36: ['OpenClawGatewayRestarted/1'] },
    cause: { 33: '' },
    never: 'warning|critical',
  },
  {
    ids: ['G7'],
    name: 'a start past its window warns and does not page',
    minutes: 60,
    world: {
      ...startedAt(30.5),
      ...states([0, 'up'], [30, 'refused'], [30.5, 'starting'], [35.5, 'hung'], [44, 'up']),
    },
    firing: {
      35.5: ['OpenClawGatewayRestarted/1'],
      37: ['OpenClawGatewayRestarted/1', 'OpenClawGatewayStartOverdue/1'],
      43: ['OpenClawGatewayRestarted/1', 'OpenClawGatewayStartOverdue/1'],
      50: [],
    },
    cause: { 40: 'process' },
    never: 'critical',
  },
  {
    ids: ['G7'],
    name: "a start of five minutes that opens its port last is nobody's listener gone",
    minutes: 60,
    world: {
      ...startedAt(30),
      ...states([0, 'up'], [30, 'refused'], [35, 'up']),
      openclaw_gateway_listener_up: [
        [0, 1],
        [30, 0],
        [35, 1],
      ],
    },
    firing: { 34.5: ['OpenClawGatewayRestarted/1'] },
    never: 'warning|critical',
  },
  {
    ids: ['G7', 'G3'],
    name: 'a start that never opens its port warns past its window, and pages in the end',
    minutes: 60,
    world: {
      ...startedAt(30),
      ...states([0, 'up'], [30, 'refused']),
      openclaw_gateway_listener_up: [
        [0, 1],
        [30, 0],
      ],
    },
    firing: {
      35.5: ['OpenClawGatewayRestarted/1'],
      38.5: ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayRestarted/1'],
      42.5: ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayListenerGone/2', 'OpenClawGatewayRestarted/1'],
    },
  },
  {
    ids: ['G7'],
    name: 'a start that never ends pages in the end',
    minutes: 60,
    world: { ...startedAt(30.5), ...states([0, 'up'], [30, 'refused'], [30.5, 'starting'], [35.5, 'hung']) },
    firing: {
      44: ['OpenClawGatewayRestarted/1', 'OpenClawGatewayStartOverdue/1'],
      52: ['OpenClawGatewayHung/1'],
    },
  },
  {
    ids: ['G7'],
    name: 'an exporter with a longer window that still says "starting" warns too',
    minutes: 48,
    world: states([0, 'up'], [30, 'starting']),
    firing: { 35: [], 38: ['OpenClawGatewayStartOverdue/1'] },
    never: 'critical',
  },
  {
    ids: ['G7', 'G2'],
    name: 'a young gateway that did answer and then hangs is hung, not slow to start',
    minutes: 60,
    world: {
      ...startedAt(30.5),
      ...states([0, 'up'], [30, 'refused'], [30.5, 'starting'], [31, 'up'], [34, 'hung']),
    },
    firing: { 37: ['OpenClawGatewayHung/1', 'OpenClawGatewayRestarted/1'] },
  },
  {
    ids: ['G8'],
    name: 'a second gateway process that stays',
    minutes: 60,
    world: {
      openclaw_gateway_processes: [
        [0, 1],
        [30, 2],
        [50, 1],
      ],
    },
    firing: { 31.5: [], 34: ['OpenClawGatewayDuplicate/1'], 59: [] },
    never: 'critical',
  },
  {
    ids: ['G8'],
    name: 'a second process that dies and is restarted all the time is seen; one that overlaps a restart is not',
    minutes: 60,
    world: {
      openclaw_gateway_processes: [...waves([30, 40], [1, 0.5], [2, 1]), [55, 2], [56.5, 1]] as Timeline,
    },
    firing: { 29: [], 36: ['OpenClawGatewayDuplicate/1'], 58: [] },
  },
  {
    ids: ['G9'],
    name: 'slow against its own baseline',
    minutes: 120,
    world: pings(90),
    firing: { 89: [], 92: [], 105: ['OpenClawGatewaySlow/1'] },
    never: 'critical',
  },
  {
    ids: ['G9'],
    name: 'slow on its first day, without a baseline',
    minutes: 50,
    world: pings(30),
    firing: { 29: [], 45: ['OpenClawGatewaySlow/1'] },
  },
  {
    ids: ['G9'],
    name: 'a gateway that always took a tenth of a second is not slow',
    minutes: 120,
    world: {
      'openclaw_gateway_last_ping_duration_seconds{phase="http"}': [
        [0, 0.02],
        [90, 0.12],
      ],
    },
    without: ['openclaw_gateway_ping_duration_seconds_bucket'],
    firing: { 89: [], 110: [] },
  },
  {
    ids: ['G9'],
    name: 'comes and goes, each time too short to be down',
    minutes: 90,
    world: Object.fromEntries(
      Object.entries(states([0, 'up'])).map(([series, [first]]) => {
        const on = first?.[1] === 1;
        const refused = series.includes('"refused"');
        return [series, on || refused ? waves([20, 60], [on ? 1 : 0, 3], [on ? 0 : 1, 1]) : [[0, 0]]];
      }),
    ),
    without: ['openclaw_gateway_process', 'openclaw_gateway_listener'],
    firing: { 19: [], 45: ['OpenClawGatewayFlapping/1'] },
    never: 'critical',
  },
  {
    ids: ['G10'],
    name: 'answers but is not ready',
    minutes: 60,
    world: {
      openclaw_gateway_ready: [
        [0, 1],
        [30, 0],
      ],
      'openclaw_gateway_ready_failing{subsystem="telegram"}': [
        [0, 0],
        [30, 1],
      ],
    },
    firing: { 34: [], 35: ['OpenClawGatewayNotReady/1'] },
    never: 'critical',
  },
  {
    ids: ['G10'],
    name: 'not ready while it starts or drains is no news',
    minutes: 60,
    world: {
      ...states([0, 'starting'], [4, 'up']),
      openclaw_gateway_ready: [
        [0, 0],
        [8, 1],
      ],
    },
    firing: { 4: [], 8: [] },
    never: 'warning|critical',
  },
  {
    ids: ['G12'],
    name: 'open files near their limit',
    minutes: 90,
    world: {
      openclaw_gateway_process_open_fds: [
        [0, 100],
        [30, 850],
      ],
    },
    firing: { 39: [], 40: ['OpenClawGatewayFileLeak/1'] },
    never: 'critical',
  },
  {
    ids: ['G12'],
    name: 'many open files, but steady',
    minutes: 60,
    world: { openclaw_gateway_process_open_fds: [[0, 700]] },
    firing: { 59: [] },
  },
  {
    ids: ['G13'],
    name: 'draining is information until its budget is spent',
    minutes: 60,
    world: states([0, 'up'], [30, 'draining']),
    firing: {
      29: [],
      30: ['OpenClawGatewayDraining/1'],
      35.5: ['OpenClawGatewayDraining/1'],
      36: ['OpenClawGatewayDraining/1', 'OpenClawGatewayDraining/3'],
    },
    cause: { 33: '' },
  },
  {
    ids: ['G14'],
    name: 'a zombie is a gateway that is down',
    minutes: 60,
    world: { ...killed(30), ...processStates([0, 'sleeping'], [30, 'zombie']) },
    firing: { 33: ['OpenClawGatewayDown/1'] },
    cause: { 31: 'process' },
  },
  {
    ids: ['G15'],
    name: 'half a body, then silence: hung',
    minutes: 60,
    world: { ...states([0, 'up'], [30, 'hung']), ...verdictsGone(30) },
    firing: { 33: ['OpenClawGatewayHung/1'] },
  },
  {
    ids: ['G15'],
    name: 'half a body that is not its own: foreign',
    minutes: 60,
    world: { ...states([0, 'up'], [30, 'foreign']), ...verdictsGone(30) },
    firing: { 31: ['OpenClawGatewayPortForeign/1'] },
  },
];

const hours = 60;

/** Scenarios of hours and days, with a sample each five minutes. */
export const slowScenarios: readonly Scenario[] = [
  {
    ids: ['G11'],
    name: 'memory grows by 50 MB an hour',
    minutes: 12 * hours,
    step: 300,
    world: { openclaw_gateway_process_resident_memory_bytes: [[0, growing(50e6 / 60, 8e8)]] },
    firing: {
      [5.5 * hours]: [],
      [7 * hours]: ['OpenClawGatewayMemoryLeak/1'],
      [11 * hours]: ['OpenClawGatewayMemoryLeak/1'],
    },
    never: 'critical',
  },
  {
    ids: ['G11'],
    name: 'the same where no limit is known',
    minutes: 8 * hours,
    step: 300,
    world: { openclaw_gateway_process_resident_memory_bytes: [[0, growing(50e6 / 60, 8e8)]] },
    without: ['openclaw_gateway_process_memory_limit_bytes'],
    firing: { [7 * hours]: ['OpenClawGatewayMemoryLeak/1'] },
  },
  {
    ids: ['G11'],
    name: 'memory in waves, or that has found its level, is no leak',
    minutes: 24 * hours,
    step: 300,
    world: {
      openclaw_gateway_process_resident_memory_bytes: [
        [0, growing(2e6, 6e8)],
        [2 * hours, 8.4e8],
        [12 * hours, growing(3e6, 8.4e8)],
        [14 * hours, 8.4e8],
        [16 * hours, growing(3e6, 8.4e8)],
        [18 * hours, 8.4e8],
      ],
    },
    firing: { [5 * hours]: [] },
    never: 'warning|critical',
  },
  {
    ids: ['G12'],
    name: 'open files that will reach their limit within the day',
    minutes: 12 * hours,
    step: 300,
    world: { openclaw_gateway_process_open_fds: [[0, growing(0.6, 100)]] },
    firing: { [2 * hours]: [], [8 * hours]: ['OpenClawGatewayFileLeak/1'] },
  },
  {
    ids: ['N1', 'N10'],
    name: 'a laptop that is away for three days: nothing, then one warning',
    minutes: 78 * hours,
    step: 300,
    world: {
      'openclaw_ssh_up{host="macbook"}': [
        [0, 1],
        [2 * hours, 0],
      ],
      'openclaw_ssh_probes_total{host="macbook", result="timeout"}': [
        [0, 0],
        [2 * hours, growing(2)],
      ],
    },
    firing: {
      [10 * hours]: [],
      [73 * hours]: [],
      [75 * hours]: ['OpenClawSshHostAsleepTooLong/1@macbook'],
    },
    cause: { [70 * hours]: '' },
    never: 'critical',
  },
  {
    ids: ['N10', 'G6', 'healthy'],
    name: 'a healthy day: a laptop sleeps at night, one restart, one deployment',
    minutes: 24 * hours,
    step: 60,
    world: {
      'openclaw_ssh_up{host="macbook"}': [
        [0, 0],
        [7 * hours, 1],
        [23 * hours, 0],
      ],
      'openclaw_ssh_probes_total{host="macbook", result="timeout"}': [
        [0, growing(2)],
        [7 * hours, 840],
        [23 * hours, growing(2, 840)],
      ],
      'openclaw_tailscale_peer_online{peer="macbook"}': [
        [0, 0],
        [7 * hours, 1],
        [23 * hours, 0],
      ],
      openclaw_gateway_process_start_time_seconds: [
        [0, 0],
        [9 * hours, 9 * 3600],
        [15 * hours, 15 * 3600],
      ],
      openclaw_gateway_process_restarts_total: [
        [0, 2],
        [9 * hours, 3],
        [15 * hours, 4],
      ],
      ...states(
        [0, 'up'],
        [9 * hours, 'starting'],
        [9 * hours + 1, 'up'],
        [15 * hours, 'starting'],
        [15 * hours + 4, 'up'],
      ),
      [`openclaw_cron_runs_total{${job('gcal-digest')}, status="interrupted"}`]: [
        [0, 0],
        [15 * hours, 1],
      ],
    },
    firing: {
      [3 * hours]: ['OpenClawTailscalePeerOffline/1'],
      [8 * hours]: [],
      [9 * hours + 5]: ['OpenClawGatewayRestarted/1'],
      [12 * hours]: [],
      [15 * hours + 5]: ['OpenClawGatewayRestarted/1', 'OpenClawCronJobFailing/1@gcal-digest'],
      [20 * hours]: ['OpenClawCronJobFailing/1@gcal-digest'],
    },
    never: 'warning|critical',
  },
];
