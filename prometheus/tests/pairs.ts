import { allSilent, missed } from './cron.ts';
import { crashing, listenerClosed, stopped } from './gateway.ts';
import { flapping } from './network.ts';
import type { Scenario } from './scenario.ts';
import { drifted, lockedOut, mismatched } from './token.ts';
import { exporterGone } from './watcher.ts';
import { JOBS, killed, pings, sshDown, type World } from './world.ts';

const skewed: World = {
  'openclaw_clock_offset_seconds{host="macbook"}': [
    [0, 0.2],
    [20, 300],
  ],
};

/** The article's morning: 08:00 is minute 0, so the mismatch of 08:39 is minute 39. */
const morning: Scenario = {
  ids: ['C11', 'T1+N6'],
  name: "the article's morning, minute by minute: a token mismatch at 08:39, cron still running, SSH intermittent",
  minutes: 80,
  world: { ...mismatched(39), ...flapping('macbook', 25, 80) },
  firing: {
    20: [],
    ...minutes(35, 41, ['OpenClawSshFlapping/1@macbook']),
    ...minutes(42, 79, ['OpenClawSshFlapping/1@macbook', 'OpenClawTokenMismatch/2']),
  },
  cause: {
    20: '',
    ...minutes(36, 38, 'network'),
    ...minutes(40, 79, 'authentication'),
  },
  health: minutes(40, 79, { token: 0, process: 1, answers: 1, cron: 1, network: 1 }),
};

function minutes<T>(from: number, to: number, value: T): Record<number, T> {
  return Object.fromEntries(Array.from({ length: to - from + 1 }, (_, index) => [from + index, value]));
}

export const pairScenarios: readonly Scenario[] = [
  morning,
  {
    ids: ['G2+C3'],
    name: 'hung over a due time: hung pages; the missed run is a warning that waits behind it',
    minutes: 90,
    world: { ...stopped(30), ...missed('daily-memory', 45) },
    firing: {
      40: ['OpenClawGatewayHung/1'],
      46: ['OpenClawGatewayHung/1', 'OpenClawGatewayHung/2', 'OpenClawCronRunMissed/1@daily-memory'],
    },
    cause: { 46: 'process' },
  },
  {
    ids: ['N8+T1'],
    name: 'clock skew and token mismatch: one page, for the token',
    minutes: 60,
    world: { ...skewed, ...mismatched(40) },
    firing: { 43: ['OpenClawClockSkew/1@macbook', 'OpenClawTokenMismatch/2'] },
    cause: { 41: 'authentication' },
  },
  {
    ids: ['G1+N1'],
    name: "gateway and sshd of its own machine gone: the gateway's alert comes first",
    minutes: 60,
    world: { ...killed(30), ...sshDown('studio', 'refused', 30) },
    firing: { 33: ['OpenClawGatewayDown/1'], 38: ['OpenClawGatewayDown/1'] },
    cause: { 33: 'process', 50: 'process' },
  },
  {
    ids: ['T6+G6'],
    name: 'a restart while locked out: information and a warning',
    minutes: 60,
    world: {
      ...killed(32, 32.5),
      ...lockedOut(30),
      'openclaw_gateway_token_match{credential="config"}': [[0, 1]],
    },
    firing: { 34: ['OpenClawAuthLockout/2', 'OpenClawGatewayRestarted/1'], 50: [] },
    never: 'critical',
  },
  {
    ids: ['C7+T1'],
    name: 'database unreadable and token refused: cron goes on from the logs',
    minutes: 60,
    world: {
      ...mismatched(30),
      'openclaw_cron_source_up{source="sqlite"}': [
        [0, 1],
        [20, 0],
      ],
    },
    firing: { 29: ['OpenClawCronSourceLost/1'], 33: ['OpenClawCronSourceLost/1', 'OpenClawTokenMismatch/2'] },
    cause: { 32: 'authentication' },
  },
  {
    ids: ['G5+T2'],
    name: 'drift, then a crash loop',
    minutes: 60,
    world: { ...drifted(10), ...crashing(30, 40) },
    firing: {
      20: ['OpenClawTokenDrift/2'],
      35: ['OpenClawGatewayCrashLoop/3', 'OpenClawGatewayRestarted/1', 'OpenClawTokenDrift/2'],
    },
    cause: { 20: '', 35: 'process' },
  },
  {
    ids: ['G5+T2'],
    name: 'drift, and a restart that applies the other token: mismatch takes over from drift',
    minutes: 60,
    world: {
      ...mismatched(30),
      ...drifted(10),
      openclaw_gateway_process_restarts_total: [
        [0, 2],
        [30, 3],
      ],
    },
    firing: {
      20: ['OpenClawTokenDrift/2'],
      36: ['OpenClawGatewayRestarted/1', 'OpenClawTokenMismatch/2'],
    },
  },
  {
    ids: ['N2+X2'],
    name: 'packets swallowed and the collector with them: stale, no invented verdict',
    minutes: 60,
    world: {
      ...sshDown('studio', 'timeout', 20),
      'openclaw_ssh_up{host="studio"}': [
        [0, 1],
        [20, 0],
        [22, 'gone'],
      ],
      'openclaw_exporter_collector_up{collector="ssh"}': [
        [0, 1],
        [22, 0],
      ],
    },
    firing: { 40: ['OpenClawCollectorStale/1'] },
    never: 'critical',
  },
  {
    ids: ['G3+T1'],
    name: 'listener gone: no verdict on the token',
    minutes: 60,
    world: { ...mismatched(30), ...listenerClosed(30) },
    firing: { 40: ['OpenClawGatewayListenerGone/1', 'OpenClawGatewayListenerGone/2'] },
  },
  {
    ids: ['C5+G9'],
    name: 'cron stopped on a slow gateway: a page for cron, chat for slow',
    minutes: 120,
    world: { ...pings(80), ...allSilent(90) },
    firing: {
      95: ['OpenClawGatewaySlow/1'],
      110: ['OpenClawGatewaySlow/1', 'OpenClawCronStopped/1'],
      116: [
        'OpenClawGatewaySlow/1',
        'OpenClawCronStopped/1',
        ...JOBS.map((name) => `OpenClawCronJobOverdue/1@${name}`),
      ],
    },
    cause: { 110: 'cron' },
  },
  {
    ids: ['upgrade from files to SQLite + X1'],
    name: 'the exporter is away while the gateway is upgraded: totals go on, nothing fires',
    minutes: 60,
    world: exporterGone({}, 30, 32),
    firing: { 36: [] },
    never: 'info|warning|critical',
  },
];
