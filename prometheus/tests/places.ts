import type { Scenario } from './scenario.ts';
import { all, killed, processStates, states, TOKEN_VERDICTS, type World } from './world.ts';

const HOLDERS = ['gateway', 'none', 'forwarder', 'forwarder_gone', 'other'] as const;

/** What holds the port over time, as the exporter shows it. */
function holders(...points: readonly (readonly [minute: number, holder: (typeof HOLDERS)[number]])[]): World {
  return Object.fromEntries(
    HOLDERS.map((holder) => [
      `openclaw_gateway_port_holder{holder="${holder}"}`,
      points.map(([minute, now]) => [minute, Number(now === holder)] as const),
    ]),
  );
}

/** A gateway on another machine, reached through a forwarder here: nothing is known of its process. */
const BEHIND = ['openclaw_gateway_process', 'openclaw_gateway_listener', 'openclaw_gateway_service'];
const UNPROVED = all(TOKEN_VERDICTS, [0, 1], [30, 'gone']);

const down = ['OpenClawGatewayDown/1'];
const climbed = ['OpenClawGatewayDown/1', 'OpenClawGatewayDown/2'];

/** Where the gateway is, whose it is, and what stands between. */
export const placeScenarios: readonly Scenario[] = [
  {
    ids: ['G16'],
    name: 'hung right after the first answer since its restart, its process known later: hung, never starting',
    minutes: 60,
    world: {
      ...states([0, 'up'], [28.5, 'refused'], [29.5, 'up'], [30, 'hung']),
      ...processStates([0, 'sleeping'], [28.5, 'gone'], [30.5, 'stopped']),
      openclaw_gateway_process_up: [
        [0, 1],
        [28.5, 'gone'],
        [30.5, 1],
      ],
      openclaw_gateway_process_start_time_seconds: [
        [0, 0],
        [28.5, 'gone'],
        [30.5, 1740],
      ],
    },
    firing: { 33: ['OpenClawGatewayHung/1'], 45: ['OpenClawGatewayHung/1', 'OpenClawGatewayHung/2'] },
    cause: { 31: 'process' },
  },
  {
    ids: ['G18'],
    name: "ours is dead beside another user's gateway: as dead as alone",
    minutes: 60,
    world: { ...killed(30), ...holders([0, 'gateway'], [30, 'none']) },
    firing: { 32.5: [], 33: down, 45: climbed },
    cause: { 31: 'process' },
  },
  {
    ids: ['G18'],
    name: "the port is held by another user's gateway, and whether ours runs cannot be seen",
    minutes: 60,
    world: {
      ...states([0, 'up'], [30, 'foreign']),
      ...holders([0, 'gateway'], [30, 'other']),
      ...UNPROVED,
    },
    without: BEHIND,
    firing: { 29: [], 32: ['OpenClawGatewayPortForeign/1'] },
    cause: { 31: 'process' },
  },
  {
    ids: ['G20'],
    name: 'the forwarder stands, and nothing answers behind it: the network, and one page',
    minutes: 60,
    world: { ...states([0, 'up'], [30, 'refused']), ...holders([0, 'forwarder']), ...UNPROVED },
    without: BEHIND,
    firing: { 32.5: [], 33: down, 45: climbed },
    cause: { 29: '', 31: 'network', 50: 'network' },
  },
  {
    ids: ['G20'],
    name: 'the forwarder is gone: the network, and one page',
    minutes: 60,
    world: {
      ...states([0, 'up'], [30, 'refused']),
      ...holders([0, 'forwarder'], [30, 'forwarder_gone']),
      ...UNPROVED,
    },
    without: BEHIND,
    firing: { 32.5: [], 33: down, 45: climbed },
    cause: { 29: '', 31: 'network', 50: 'network' },
  },
];

/** Two gateways of one user on one machine, each with an exporter of its own (docs/fleet.md). */
export const pairOfGateways: readonly Scenario[] = [
  {
    ids: ['G1', 'main'],
    instance: 'mac-mini',
    name: 'the main gateway is dead beside a living rescue gateway: its own incident',
    minutes: 120,
    world: killed(30, 80),
    firing: { 29: [], 33: down, 45: climbed, 110: [] },
    cause: { 29: '', 31: 'process', 82: '' },
    health: { 31: { process: 0, answers: 0 } },
  },
  {
    ids: ['T1', 'rescue'],
    instance: 'mac-mini-rescue',
    name: 'the rescue gateway is well while the main one is dead, and rejects its token afterwards',
    minutes: 120,
    world: all(['openclaw_gateway_token_match{credential="config"}'], [0, 1], [90, 0]),
    firing: { 33: [], 45: [], 80: [], 110: ['OpenClawTokenMismatch/2'] },
    cause: { 31: '', 60: '', 100: 'authentication' },
    health: { 31: { process: 1, answers: 1, token: 1 }, 100: { answers: 1, token: 0 } },
  },
];
