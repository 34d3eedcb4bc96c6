import { newToken, refusedAttempts } from '../../support/openclaw.ts';
import type { Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';
const MOST_FAILURES = 3;

/** A gateway that was restarted with another token than the configured one. */
export const MISMATCHED = {
  'gateway_token_match{credential="config"}': '0',
  // What the process was started with stands in its environment and differs.
  'gateway_token_present{credential="process"}': '1',
  'gateway_token_in_sync{credential="process"}': '0',
  gateway_token_variants: '2',
  'gateway_function_up{function="sessions_list"}': 'absent',
} as const;

/** Refusals by the gateway that runs, in its own words. */
export function expectFewRefusals(refused: number): void {
  if (refused < 1 || refused > MOST_FAILURES) throw new Error(`the gateway refused ${refused} attempts`);
}

let refused = 0;
/** Ends a mismatch, and notes what the gateway that is about to end says of it. */
export async function restartWithOwnToken(world: World): Promise<void> {
  refused = refusedAttempts(world.gateway);
  await world.restartGateway();
}

/** What the gateway said that {@link restartWithOwnToken} ended. */
export function lastRefusals(): number {
  return refused;
}

const mismatch: Scenario = {
  id: 'T1',
  fault: 'gateway restarted with another token',
  inject: (world) => world.restartGateway(newToken()),
  metrics: MISMATCHED,
  counts: ['openclaw_gateway_auth_attempts_total{result="token_mismatch"}'],
  alerts: ['critical OpenClawTokenMismatch', RESTARTED],
  pages: ['token-mismatch'],
  repair: restartWithOwnToken,
  check: () => expectFewRefusals(refused),
};

const drift: Scenario = {
  id: 'T2',
  fault: 'token changed in openclaw.json, gateway not restarted',
  inject: async (world) => world.configureGateway(newToken()),
  metrics: { 'gateway_token_in_sync{credential="config"}': '0', gateway_token_variants: '2' },
  alerts: ['warning OpenClawTokenDrift'],
  pages: [],
  repair: async (world) => world.configureGateway(world.token),
};

const partial: Scenario = {
  id: 'T8',
  fault: 'sessions_list fails while pings are fine',
  standIn:
    'a program that answers as a gateway does, but HTTP 500 to that call: a real one cannot be told to',
  inject: (world) => world.startStandIn('function'),
  metrics: { 'gateway_function_up{function="sessions_list"}': '0' },
  alerts: ['critical OpenClawPartialFailure', RESTARTED],
  pages: ['partial-failure'],
  repair: (world) => world.replaceStandIn(),
};

const hidden: Scenario = {
  id: 'T9',
  fault: 'tool policy hides sessions_list',
  inject: async (world) => {
    world.configureGateway(world.token, { tools: { deny: ['sessions_list'] } });
    await world.restartGateway();
  },
  metrics: { 'gateway_function_up{function="sessions_list"}': 'absent' },
  alerts: [RESTARTED],
  pages: [],
  holdMs: 8_000,
  repair: async (world) => {
    world.configureGateway(world.token);
    await world.restartGateway();
  },
};

const future: Scenario = {
  id: 'T7',
  fault: 'a gateway that speaks a later protocol only',
  standIn: 'a program that answers as such a gateway would: there is none yet',
  inject: (world) => world.startStandIn('protocol'),
  metrics: {
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  counts: ['openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}'],
  alerts: ['warning OpenClawProtocolMismatch', RESTARTED],
  pages: [],
  repair: (world) => world.replaceStandIn(),
};

const lockedOut: Scenario = {
  id: 'T6',
  also: ['T6+G6'],
  fault: 'address locked out by the limiter (HTTP 429)',
  standIn: 'a program that refuses as a gateway off loopback does; real ones only delay loopback',
  inject: (world) => world.startStandIn('locked'),
  metrics: {
    'gateway_token_match{credential="config"}': 'absent',
    'gateway_function_up{function="sessions_list"}': 'absent',
  },
  counts: ['openclaw_gateway_auth_attempts_total{result="rate_limited"}'],
  alerts: ['warning OpenClawAuthLockout', RESTARTED],
  pages: [],
  repair: (world) => world.replaceStandIn(),
};

export const TOKEN = [mismatch, drift, partial, hidden, future, lockedOut];
