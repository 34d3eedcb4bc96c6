import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child } from '../../support/child.ts';
import { type Forwarder, startNginx, startTunnel } from '../../support/forwarders.ts';
import { freePort } from '../../support/ports.ts';
import { startStandIn } from '../../support/stand-in.ts';
import { until } from '../../support/until.ts';
import { pictureOf } from '../picture.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';
import { GONE } from './gateway.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';
/** What cannot be asked of a gateway that does not answer. */
const SILENT = {
  gateway_up: '0',
  gateway_ready: 'absent',
  'gateway_token_match{credential="config"}': 'absent',
  'gateway_function_up{function="sessions_list"}': 'absent',
} as const;
const HOLDER = (name: string) => `openclaw_gateway_port_holder{holder="${name}"}`;

const hungSoon: Scenario = {
  id: 'G16',
  fault: 'gateway restarted, answers once, then stopped with SIGSTOP, still young enough to be starting',
  inject: async (world) => {
    await world.restartGateway();
    await until(async () => pictureOf(await world.series()).gateway_state === 'up', {
      what: 'its first answer to be seen',
      everyMs: 100,
    });
    world.gateway.signal('SIGSTOP');
  },
  metrics: { ...SILENT, gateway_state: 'hung', gateway_process_state: 'stopped' },
  alerts: ['critical OpenClawGatewayHung', RESTARTED],
  pages: ['gateway-hung'],
  repair: async (world) => world.gateway.signal('SIGCONT'),
};

const elsewhere: Scenario = {
  id: 'G17',
  fault: 'gateway started on another port than openclaw.json names',
  inject: async (world) => {
    await world.gateway.end('SIGTERM');
    await world.startGatewayOn(await freePort());
  },
  metrics: {},
  shows: { 'openclaw_gateway_listen_info{configured="false"}': 1 },
  alerts: [RESTARTED, 'warning OpenClawAddressDrift'],
  pages: [],
  repair: (world) => world.restartGateway(),
};

let neighbour: Child | undefined;

const neighbours: Scenario = {
  id: 'G18',
  fault: "ours is killed beside another user's gateway",
  standIn: "the other user's gateway is a program with its title and its /healthz",
  prepare: async () => {
    const through = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    neighbour = await startStandIn('2026.9.6', await freePort(), { HOME: '/nonexistent' }, through);
  },
  inject: (world) => world.killGateway(),
  metrics: GONE,
  alerts: ['critical OpenClawGatewayDown'],
  pages: ['gateway-down'],
  repair: (world) => world.startGateway(),
  afterwards: [RESTARTED],
  cleanup: async () => {
    await neighbour?.end('SIGKILL');
  },
};

const unreadable: Scenario = {
  id: 'G19',
  fault: 'openclaw.json is no JSON5 any more, and the gateway is dead',
  inject: async (world) => {
    await world.killGateway();
    writeFileSync(join(world.home.stateDir, 'openclaw.json'), '{ gateway: ');
  },
  metrics: { ...GONE, gateway_up: 'absent', gateway_state: 'absent' },
  alerts: ['critical OpenClawVerdictLost'],
  pages: ['verdict-lost'],
  repair: async (world) => {
    world.configureGateway(world.token);
    await world.startGateway();
  },
  afterwards: [RESTARTED],
};

let forwarder: Forwarder | undefined;

/** The exporter is told to ask at the forwarder. */
function askThrough(world: World, { port }: Forwarder): void {
  const gateway = { ...world.config.gateway, url: `ws://127.0.0.1:${port}` };
  world.exporter.reconfigure({ ...world.config, gateway });
}

async function endForwarder(world: World): Promise<void> {
  world.exporter.reconfigure(world.config);
  await forwarder?.child.end('SIGKILL');
}

const behind: Scenario = {
  id: 'G20',
  fault: 'gateway killed behind a tunnel that stands',
  prepare: async (world) => {
    forwarder = await startTunnel(world.home.port);
    askThrough(world, forwarder);
    await until(async () => shows(world, HOLDER('forwarder')), { what: 'the tunnel to be known' });
  },
  inject: (world) => world.killGateway(),
  metrics: { ...GONE, gateway_state: 'hung', gateway_listener_up: 'absent' },
  shows: { [HOLDER('forwarder')]: 1 },
  alerts: ['critical OpenClawGatewayDown'],
  pages: ['gateway-down'],
  repair: (world) => world.startGateway(),
  afterwards: [RESTARTED],
  cleanup: endForwarder,
};

const forwarderGone: Scenario = {
  id: 'G20-gone',
  fault: 'the tunnel to a healthy gateway is gone',
  prepare: behind.prepare ?? (async () => undefined),
  inject: async () => {
    await forwarder?.child.end('SIGKILL');
  },
  metrics: { ...SILENT, gateway_state: 'refused' },
  shows: { [HOLDER('forwarder_gone')]: 1 },
  alerts: ['critical OpenClawGatewayDown'],
  pages: ['gateway-down'],
  repair: endForwarder,
};

const untrusted: Scenario = {
  id: 'G21',
  fault: 'a proxy that gateway.trustedProxies does not name: /healthz answers, all else is refused',
  inject: async (world) => {
    const folder = join(world.home.root, 'proxy');
    mkdirSync(folder, { recursive: true });
    const header = 'proxy_set_header X-Forwarded-For 192.0.2.1;';
    forwarder = await startNginx(folder, world.home.port, header);
    askThrough(world, forwarder);
  },
  metrics: {
    gateway_ready: 'absent',
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  shows: { openclaw_gateway_proxy_refusing: 1 },
  alerts: ['warning OpenClawProxyRefusing'],
  tolerated: { 'warning OpenClawTokenUnknown': 'what a proxy refuses cannot be proved' },
  pages: [],
  repair: endForwarder,
};

async function shows(world: World, series: string): Promise<boolean> {
  return (await world.shown(series)) === 1;
}

/** Where the gateway is, whose it is, and what stands between. */
export const PLACES = [hungSoon, elsewhere, neighbours, unreadable, behind, forwarderGone, untrusted];
