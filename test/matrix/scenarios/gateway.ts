import { once } from 'node:events';
import { connect } from 'node:net';
import { Child } from '../../support/child.ts';
import { closeListener, startStandIn, startStranger } from '../../support/stand-in.ts';
import { until } from '../../support/until.ts';
import { countOf, pictureOf } from '../picture.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';

/** What a gateway that is gone takes with it. */
export const GONE = {
  gateway_up: '0',
  gateway_state: 'refused',
  gateway_ready: 'absent',
  gateway_process_up: '0',
  gateway_process_state: 'absent',
  gateway_processes: '0',
  gateway_listener_up: '0',
  'gateway_token_match{credential="config"}': 'absent',
  'gateway_token_present{credential="process"}': 'absent',
  'gateway_function_up{function="sessions_list"}': 'absent',
} as const;

const killed: Scenario = {
  id: 'G1',
  fault: 'gateway killed with SIGKILL, nothing restarts it',
  inject: (world) => world.killGateway(),
  metrics: GONE,
  counts: ['openclaw_gateway_pings_total{result="refused"}'],
  alerts: ['critical OpenClawGatewayDown'],
  pages: ['gateway-down'],
  repair: (world) => world.startGateway(),
  afterwards: [RESTARTED],
};

const stopped: Scenario = {
  id: 'G2',
  fault: 'gateway stopped with SIGSTOP',
  inject: async (world) => world.gateway.signal('SIGSTOP'),
  metrics: {
    gateway_up: '0',
    gateway_state: 'hung',
    gateway_ready: 'absent',
    gateway_process_state: 'stopped',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  counts: ['openclaw_gateway_pings_total{result="timeout"}'],
  alerts: ['critical OpenClawGatewayHung'],
  pages: ['gateway-hung'],
  repair: async (world) => world.gateway.signal('SIGCONT'),
};

let stranger: Child | undefined;

const foreign: Scenario = {
  id: 'G4',
  fault: 'gateway killed, another program answers on its port',
  standIn: 'the other program is a small HTTP server',
  inject: async (world) => {
    await world.killGateway();
    stranger = await startStranger(world.home.port);
  },
  metrics: { ...GONE, gateway_state: 'foreign' },
  counts: ['openclaw_gateway_pings_total{result="foreign"}'],
  alerts: ['critical OpenClawGatewayPortForeign'],
  pages: ['port-foreign'],
  repair: async (world) => {
    await stranger?.end();
    await world.startGateway();
  },
  afterwards: [RESTARTED],
  check: (world) => {
    const heard = stranger?.output ?? '';
    if (!heard.includes('/healthz')) throw new Error('the stranger was never asked');
    if (heard.includes(world.token)) throw new Error('the stranger was sent the token');
  },
};

const restarted: Scenario = {
  id: 'G6',
  fault: 'one clean restart (SIGTERM, start)',
  inject: (world) => world.restartGateway(),
  metrics: {},
  counts: ['openclaw_gateway_process_restarts_total'],
  alerts: [RESTARTED],
  pages: [],
  repair: async () => undefined,
};

const restartsOf = async (world: World) =>
  countOf(await world.series(), 'openclaw_gateway_process_restarts_total');

const listenerGone: Scenario = {
  id: 'G3',
  also: ['G3+T1'],
  fault: 'the process lives, its listener is closed',
  standIn: 'a program that looks like a gateway and closes its listener: a real one cannot be told to',
  inject: async (world) => {
    await world.killGateway();
    const before = await restartsOf(world);
    world.gateway = await startStandIn(world.home.version, world.home.port, world.home.env);
    await until(
      async () => (await restartsOf(world)) > before && pictureOf(await world.series()).gateway_up === '1',
      { what: 'the stand-in to be seen up', everyMs: 100 },
    );
    // Until it has answered it is starting.
    await world.untilRecorded();
    await closeListener(world.gateway);
  },
  metrics: {
    gateway_up: '0',
    gateway_state: 'refused',
    gateway_ready: 'absent',
    gateway_listener_up: '0',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  alerts: ['critical OpenClawGatewayListenerGone', RESTARTED, 'warning OpenClawGatewayListenerGone'],
  pages: ['listener-gone'],
  repair: (world) => world.replaceStandIn(),
};

const CRASHES = 6;

const crashLoop: Scenario = {
  id: 'G5',
  fault: `the gateway dies ${CRASHES} times soon after each start, a supervisor starts it again`,
  standIn: 'the scenario is the supervisor',
  inject: async (world) => {
    for (let crash = 0; crash < CRASHES; crash += 1) {
      const before = await restartsOf(world);
      await world.killGateway();
      world.gateway = world.home.start();
      await until(async () => (await restartsOf(world)) > before, {
        what: 'the new process to be counted',
        everyMs: 100,
      });
    }
    await world.killGateway();
  },
  metrics: GONE,
  counts: ['openclaw_gateway_process_restarts_total'],
  alerts: ['critical OpenClawGatewayCrashLoop', RESTARTED],
  tolerated: {
    'critical OpenClawGatewayDown': 'away for as long by then; the crash loop silences it',
    'warning OpenClawGatewayFlapping': 'a gateway that answers in between; the crash loop silences it',
    'warning OpenClawGatewayListenerGone': 'between process and listener; the crash loop silences it',
  },
  pages: ['crash-loop'],
  repair: (world) => world.startGateway(),
};

const duplicate: Scenario = {
  id: 'G8',
  fault: 'a second gateway process for the same state folder, which does not listen',
  standIn: 'a program with the name of a gateway: a real second one ends at once',
  inject: async (world) => {
    second = new Child(
      process.execPath,
      ['-e', "process.title = 'openclaw-gateway'; setInterval(() => 0, 60_000)"],
      {
        env: world.home.env,
      },
    );
  },
  metrics: { gateway_processes: '2' },
  alerts: ['warning OpenClawGatewayDuplicate'],
  pages: [],
  repair: async () => second?.end(),
};
let second: Child | undefined;

const notReady: Scenario = {
  id: 'G10',
  fault: '/readyz says 503, one channel failing',
  standIn: 'a program that answers as a gateway with a failing channel does',
  inject: (world) => world.startStandIn('ready'),
  metrics: { gateway_ready: '0', 'gateway_ready_failing{subsystem="telegram"}': '1' },
  alerts: [RESTARTED, 'warning OpenClawGatewayNotReady'],
  pages: [],
  repair: (world) => world.replaceStandIn(),
};

const draining: Scenario = {
  id: 'G13',
  fault: 'draining before a planned stop, within its budget',
  standIn: 'a program that answers as a draining gateway does: a real idle one is done at once',
  inject: (world) => world.startStandIn('draining'),
  metrics: {
    gateway_state: 'draining',
    gateway_ready: '0',
    'gateway_ready_failing{subsystem="gateway-draining"}': '1',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  alerts: ['info OpenClawGatewayDraining', RESTARTED],
  pages: [],
  holdMs: 3_000,
  repair: (world) => world.replaceStandIn(),
};

const halfBody: Scenario = {
  id: 'G15',
  fault: 'answers with half a body, then stops',
  standIn: 'a program that does so, past its start-up window',
  inject: (world) => world.startStandIn('half-body'),
  metrics: {
    gateway_up: '0',
    gateway_state: 'hung',
    gateway_ready: 'absent',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  alerts: ['critical OpenClawGatewayHung', RESTARTED],
  tolerated: {
    'warning OpenClawGatewayStartOverdue': 'a new process that never answered: told in chat first',
  },
  pages: ['gateway-hung'],
  repair: (world) => world.replaceStandIn(),
};

const slowStart: Scenario = {
  id: 'G7',
  fault: 'a start that takes longer than its window: SIGSTOP as soon as the port accepts, SIGCONT in the end',
  inject: async (world) => {
    await world.gateway.end('SIGTERM');
    world.gateway = world.home.start();
    await until(() => accepts(world.home.port), {
      what: 'the port to accept',
      timeoutMs: 30_000,
      everyMs: 2,
    });
    world.gateway.signal('SIGSTOP');
  },
  metrics: {
    gateway_up: '0',
    gateway_state: 'hung',
    gateway_ready: 'absent',
    gateway_process_state: 'stopped',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  alerts: [RESTARTED, 'warning OpenClawGatewayStartOverdue'],
  pages: [],
  repair: async (world) => world.gateway.signal('SIGCONT'),
};

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}

export const GATEWAY = [
  killed,
  stopped,
  listenerGone,
  foreign,
  crashLoop,
  restarted,
  slowStart,
  duplicate,
  notReady,
  draining,
  halfBody,
];
