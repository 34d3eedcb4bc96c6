import type { Scenario } from './scenario.ts';
import { all, killed, sshDown, type World } from './world.ts';

/** The gateway refuses the configured token from some minute on. */
export const mismatched = (from: number): World => ({
  'openclaw_gateway_token_match{credential="config"}': [
    [0, 1],
    [from, 0],
  ],
  'openclaw_gateway_function_up{function="sessions_list"}': [
    [0, 1],
    [from, 'gone'],
  ],
  'openclaw_gateway_auth_attempts_total{result="token_mismatch"}': [
    [0, 0],
    [from, 1],
  ],
  ...all(
    [
      'openclaw_gateway_token_in_sync{credential="config"}',
      'openclaw_gateway_token_in_sync{credential="service"}',
    ],
    [0, 1],
    [from, 'gone'],
  ),
});

export const drifted = (from: number): World => ({
  openclaw_gateway_token_variants: [
    [0, 1],
    [from, 2],
  ],
});

export const lockedOut = (from: number): World => ({
  openclaw_gateway_auth_locked_until_timestamp_seconds: [
    [0, 'gone'],
    [from, (from + 5) * 60],
    [from + 6, 'gone'],
  ],
  'openclaw_gateway_auth_attempts_total{result="rate_limited"}': [
    [0, 0],
    [from, 1],
  ],
});

const staleRemote: World = {
  'openclaw_gateway_token_in_sync{credential="remote", host="macbook"}': [
    [0, 1],
    [30, 0],
  ],
  openclaw_gateway_token_variants: [
    [0, 1],
    [30, 2],
  ],
};

export const tokenScenarios: readonly Scenario[] = [
  {
    ids: ['T1'],
    name: 'token mismatch: phase 2 at once, phase 3 after an hour',
    minutes: 120,
    world: mismatched(30),
    firing: {
      32.5: [],
      33: ['OpenClawTokenMismatch/2'],
      90: ['OpenClawTokenMismatch/2', 'OpenClawTokenMismatch/3'],
    },
    cause: { 29: '', 31: 'authentication' },
    health: { 31: { token: 0, process: 1, answers: 1, cron: 1, network: 1 } },
  },
  {
    ids: ['T1'],
    name: 'a repaired token ends it',
    minutes: 60,
    world: {
      ...mismatched(30),
      'openclaw_gateway_token_match{credential="config"}': [
        [0, 1],
        [30, 0],
        [40, 1],
      ],
    },
    firing: { 39: ['OpenClawTokenMismatch/2'], 54: ['OpenClawTokenMismatch/2'], 56: [] },
  },
  {
    ids: ['T2'],
    name: 'configuration changed and gateway not restarted: a warning before anybody fails',
    minutes: 60,
    world: drifted(30),
    firing: { 34.5: [], 35: ['OpenClawTokenDrift/2'] },
    cause: { 40: '' },
    never: 'critical',
  },
  {
    ids: ['T2'],
    name: 'a token changed by hand within minutes is no drift',
    minutes: 60,
    world: {
      openclaw_gateway_token_variants: [
        [0, 1],
        [30, 2],
        [33, 1],
      ],
    },
    firing: { 36: [] },
    never: 'warning|critical',
  },
  {
    ids: ['T3'],
    name: 'old token in the service file: one alert that names the place',
    minutes: 60,
    world: {
      ...drifted(30),
      'openclaw_gateway_token_in_sync{credential="service"}': [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 35: ['OpenClawTokenDrift/2'] },
    never: 'critical',
  },
  {
    ids: ['T4'],
    name: 'the same token written differently is one variant',
    minutes: 60,
    world: { openclaw_gateway_token_variants: [[0, 1]] },
    firing: { 59: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['T5'],
    name: 'no token anywhere is information',
    minutes: 60,
    world: all(
      [
        'openclaw_gateway_token_present{credential="config"}',
        'openclaw_gateway_token_present{credential="service"}',
      ],
      [0, 0],
    ),
    without: [
      'openclaw_gateway_token_match',
      'openclaw_gateway_token_in_sync',
      'openclaw_gateway_token_variants',
      'openclaw_gateway_function',
    ],
    firing: { 14: [], 15: ['OpenClawTokenMissing/2'] },
    never: 'warning|critical',
  },
  {
    ids: ['G1'],
    name: 'a gateway that does not start with a placeholder as its token: the token is the cause',
    minutes: 60,
    world: {
      ...killed(30),
      'openclaw_gateway_token_placeholder{credential="config"}': [
        [0, 0],
        [29, 1],
      ],
    },
    firing: { 33: ['OpenClawGatewayDown/1'] },
    cause: { 28: '', 31: 'authentication' },
  },
  {
    ids: ['T6'],
    name: 'locked out by the limiter: a warning while the verdict stays',
    minutes: 60,
    world: lockedOut(30),
    firing: { 29: [], 30: ['OpenClawAuthLockout/2'], 34: ['OpenClawAuthLockout/2'], 45: [] },
    cause: { 31: '' },
    never: 'critical',
  },
  {
    ids: ['T7'],
    name: 'a protocol of a future version',
    minutes: 120,
    world: {
      'openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}': [
        [0, 0],
        [30, 1],
      ],
      'openclaw_gateway_token_match{credential="config"}': [
        [0, 1],
        [30, 'gone'],
      ],
    },
    firing: { 29: [], 36: ['OpenClawProtocolMismatch/2'], 110: ['OpenClawProtocolMismatch/2'] },
    never: 'critical',
  },
  {
    ids: ['T7'],
    name: 'an exporter that found the right protocol at the second try says nothing',
    minutes: 60,
    world: {
      'openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}': [
        [0, 0],
        [30, 1],
      ],
    },
    firing: { 36: [] },
    never: 'warning|critical',
  },
  {
    ids: ['T8'],
    name: 'sessions_list fails while pings are fine: partial failure, climbing',
    minutes: 90,
    world: {
      'openclaw_gateway_function_up{function="sessions_list"}': [
        [0, 1],
        [30, 0],
        [80, 1],
      ],
    },
    firing: {
      32.5: [],
      33: ['OpenClawPartialFailure/1'],
      45: ['OpenClawPartialFailure/1', 'OpenClawPartialFailure/2'],
      75: ['OpenClawPartialFailure/1', 'OpenClawPartialFailure/2', 'OpenClawPartialFailure/3'],
      83: [],
    },
    cause: { 31: 'partial-failure' },
    health: { 31: { token: 0, answers: 1 } },
  },
  {
    ids: ['T8', 'G1'],
    name: 'a failing function of a gateway that does not answer is not partial',
    minutes: 60,
    world: {
      ...killed(30),
      'openclaw_gateway_function_up{function="sessions_list"}': [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 40: ['OpenClawGatewayDown/1'] },
  },
  {
    ids: ['T9'],
    name: 'a function hidden by policy is absent and says nothing',
    minutes: 60,
    world: {
      'openclaw_gateway_function_up{function="sessions_list"}': [
        [0, 1],
        [30, 'gone'],
      ],
    },
    firing: { 45: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['T10'],
    name: 'a remote client with an old token: the alert names its host',
    minutes: 60,
    world: staleRemote,
    firing: { 35: ['OpenClawTokenDrift/2@macbook'] },
    never: 'critical',
  },
  {
    ids: ['T10', 'N1'],
    name: 'the token of a host that is itself away says nothing',
    minutes: 60,
    world: { ...staleRemote, ...sshDown('macbook', 'timeout', 30) },
    firing: { 45: [] },
    never: 'info|warning|critical',
  },
];
