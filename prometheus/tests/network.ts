import type { Scenario } from './scenario.ts';
import { waves } from './timeline.ts';
import { sshDown, type World } from './world.ts';

/** Every third connection to a host fails, between two minutes. */
export const flapping = (host: string, from: number, to: number): World => ({
  [`openclaw_ssh_up{host="${host}"}`]: waves([from, to], [1, 1], [0, 0.5]),
  [`openclaw_ssh_probes_total{host="${host}", result="timeout"}`]: [
    [0, 0],
    [from, { from: 0, perMinute: 2 / 3 }],
    [to, (to - from) * (2 / 3)],
  ],
});

const absences = [
  ['N1', 'refused', 'sshd stopped'],
  ['N2', 'timeout', 'packets swallowed'],
  ['N3', 'no_banner', 'accepts and never speaks'],
  ['N7', 'resolve_failed', 'name does not resolve'],
] as const;

export const networkScenarios: readonly Scenario[] = [
  ...absences.map(
    ([id, result, name]): Scenario => ({
      ids: [id],
      name: `${name}: an always-on host pages and climbs`,
      minutes: 120,
      world: sshDown('studio', result, 30, 100),
      firing: {
        36: [],
        37.5: ['OpenClawSshHostDown/1@studio'],
        53: ['OpenClawSshHostDown/1@studio'],
        83: ['OpenClawSshHostDown/1@studio', 'OpenClawSshHostDown/3@studio'],
        103: [],
      },
      cause: { 34: '', 36: 'network', 60: 'network' },
      health: { 31: { network: 0, answers: 1, token: 1, cron: 1 } },
    }),
  ),
  {
    ids: ['N1'],
    name: 'an always-on host that reboots does not page',
    minutes: 60,
    world: sshDown('studio', 'refused', 30, 34),
    firing: { 36: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['N1', 'N10'],
    name: 'a laptop that sleeps is nothing, for health and cause too',
    minutes: 120,
    world: sshDown('macbook', 'timeout', 10),
    firing: { 60: [], 119: [] },
    cause: { 60: '' },
    health: { 60: { network: 1 } },
    never: 'info|warning|critical',
  },
  {
    ids: ['N4'],
    name: 'key refused: a warning of its own, not a host that is down',
    minutes: 90,
    world: sshDown('studio', 'auth_denied', 30, 70),
    firing: {
      31: [],
      33: ['OpenClawSshAuthDenied/1@studio'],
      60: ['OpenClawSshAuthDenied/1@studio'],
      75: [],
    },
    never: 'critical',
  },
  {
    ids: ['N5'],
    name: 'host key changed: a page at once',
    minutes: 60,
    world: sshDown('studio', 'host_key_changed', 30),
    firing: {
      29: [],
      31: ['OpenClawSshHostKeyChanged/1@studio'],
      59: ['OpenClawSshHostKeyChanged/1@studio'],
    },
  },
  {
    ids: ['N5'],
    name: 'host key changed on a laptop pages too',
    minutes: 60,
    world: sshDown('macbook', 'host_key_changed', 30),
    firing: { 31: ['OpenClawSshHostKeyChanged/1@macbook'] },
  },
  {
    ids: ['N6'],
    name: 'every third connection fails: one alert that stays, no page',
    minutes: 150,
    world: flapping('studio', 30, 90),
    firing: {
      31: [],
      36: ['OpenClawSshFlapping/1@studio'],
      60: ['OpenClawSshFlapping/1@studio'],
      110: ['OpenClawSshFlapping/1@studio'],
      150: [],
    },
    cause: { 60: 'network' },
    never: 'critical',
  },
  {
    ids: ['N6', 'N10'],
    name: 'a laptop that wakes for a minute each quarter of an hour does not flap',
    minutes: 120,
    world: { 'openclaw_ssh_up{host="macbook"}': waves([15, 120], [1, 1], [0, 14]) },
    firing: { 60: [], 119: [] },
    never: 'warning|critical',
  },
  {
    ids: ['N8'],
    name: 'a remote clock five minutes off, in either direction',
    minutes: 60,
    world: {
      'openclaw_clock_offset_seconds{host="studio"}': [
        [0, 0.2],
        [20, -300],
      ],
      'openclaw_clock_offset_seconds{host="macbook"}': [
        [0, 0.2],
        [20, 300],
      ],
    },
    firing: { 29: [], 31: ['OpenClawClockSkew/1@macbook', 'OpenClawClockSkew/1@studio'] },
    cause: { 31: '' },
    never: 'critical',
  },
  {
    ids: ['N8'],
    name: 'an offset within what the measurement is uncertain about is none',
    minutes: 60,
    world: {
      'openclaw_clock_offset_seconds{host="studio"}': [[0, 40]],
      'openclaw_clock_offset_uncertainty_seconds{host="studio"}': [[0, 15]],
    },
    firing: { 59: [] },
  },
  {
    ids: ['N8'],
    name: 'without a known uncertainty the offset itself counts',
    minutes: 60,
    world: { 'openclaw_clock_offset_seconds{host="studio"}': [[0, 40]] },
    without: ['openclaw_clock_offset_uncertainty_seconds'],
    firing: { 15: ['OpenClawClockSkew/1@studio'] },
  },
  {
    ids: ['N9'],
    name: 'a tailscale peer offline is information',
    minutes: 60,
    world: {
      'openclaw_tailscale_peer_online{peer="macbook"}': [
        [0, 1],
        [30, 0],
      ],
      'openclaw_tailscale_peer_direct{peer="macbook"}': [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 44: [], 45: ['OpenClawTailscalePeerOffline/1'] },
    never: 'warning|critical',
  },
  {
    ids: ['N9'],
    name: 'a peer reached only through a relay is a warning',
    minutes: 90,
    world: {
      'openclaw_tailscale_peer_direct{peer="macbook"}': [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 59: [], 60: ['OpenClawTailscalePeerRelayed/1'] },
    never: 'critical',
  },
  {
    ids: ['N9'],
    name: 'tailscale itself does not run',
    minutes: 60,
    world: {
      openclaw_tailscale_up: [
        [0, 1],
        [30, 0],
      ],
    },
    firing: { 39: [], 40: ['OpenClawTailscaleDown/1'] },
    never: 'critical',
  },
];
