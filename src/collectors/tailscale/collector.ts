import type { Evidence, Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { withDeadline } from '../../lib/deadline.ts';
import { gauge, type Sample, stateset } from '../../metrics/family.ts';
import {
  askTailscale,
  BACKEND_STATES,
  type TailscaleOutcome,
  type TailscalePeer,
  type TailscaleStatus,
} from './status.ts';

const peer = ['peer'] as const;

const up = gauge(
  'openclaw_tailscale_up',
  'Whether Tailscale runs on this machine and is connected to its tailnet.',
  {
    meaning: {
      absent: 'Tailscale is not installed, or does not answer this user',
      zero: 'tailscaled does not answer, or is stopped, logged out or still starting',
      one: 'it runs',
    },
  },
);
const backendState = gauge(
  'openclaw_tailscale_backend_state',
  "State reported by tailscaled; exactly one series is 1. needs_login also follows an expired key; needs_machine_auth waits for the tailnet's administrator.",
  {
    labels: ['state'],
    meaning: {
      absent: 'tailscaled does not answer, or there is none',
      zero: 'not in this state',
      one: 'in this state',
    },
  },
);
const online = gauge(
  'openclaw_tailscale_peer_online',
  "Whether this peer is connected to Tailscale's coordination server; at most 100 peers, those of ssh.hosts and gateways first.",
  {
    labels: peer,
    meaning: {
      absent: 'Tailscale does not run here, does not know the peer, or is too old to report it',
      zero: 'offline',
      one: 'online',
    },
  },
);
const direct = gauge(
  'openclaw_tailscale_peer_direct',
  'Whether traffic to this peer is direct (1) or goes through a relay (0), which is slower and has less bandwidth.',
  {
    labels: peer,
    meaning: {
      absent: 'the peer is offline, or there was no traffic in the last minutes',
      zero: 'through a relay',
      one: 'directly',
    },
  },
);
const lastSeen = gauge(
  'openclaw_tailscale_peer_last_seen_timestamp_seconds',
  'Time at which this peer was last connected to the coordination server, as Unix time.',
  { labels: peer, meaning: { absent: 'it is online, or was never seen' } },
);
const lastHandshake = gauge(
  'openclaw_tailscale_peer_last_handshake_timestamp_seconds',
  'Time of the last WireGuard handshake with this peer, as Unix time; refreshed about every two minutes while there is traffic.',
  { labels: peer, meaning: { absent: 'there was none since tailscaled started' } },
);
const keyExpiry = gauge(
  'openclaw_tailscale_key_expiry_timestamp_seconds',
  'Expiry of the node key of this peer or of this machine, as Unix time; after it the machine is disconnected until it is logged in again.',
  { labels: peer, meaning: { absent: 'the key does not expire, or tailscaled is too old to tell' } },
);

const MAX_PEERS = 100;
/** Share of the collector's time for the program; so one that hangs is an answer. */
const SHARES = { target: 0.9, program: 0.7 } as const;
const SUBJECT = 'tailscale';

/** Does Tailscale run, and which of its machines are there, directly or through a relay? */
export const tailscaleCollector = defineCollector({
  name: 'tailscale',
  layer: 'network',
  defaults: { intervalMs: 60_000, timeoutMs: 10_000 },
  after: [],
  publishes: [],
  metrics: [up, backendState, online, direct, lastSeen, lastHandshake, keyExpiry],
  create: (context, { timeoutMs }) => ({
    targets: () => [
      {
        name: SUBJECT,
        timeoutMs: timeoutMs * SHARES.target,
        collect: (signal) => look(context, timeoutMs * SHARES.program, signal),
      },
    ],
  }),
});

async function look(context: CollectorContext, ms: number, signal: AbortSignal): Promise<Observation> {
  const { clock, run, env, platform, config } = context;
  const outcome = await withDeadline({ clock, ms, outer: signal }, (cut) =>
    askTailscale({ run, env, platform, signal: cut }),
  );
  signal.throwIfAborted();
  return observe(outcome, hostsThatMatter(config));
}

function observe(outcome: TailscaleOutcome, hosts: ReadonlySet<string>): Observation {
  switch (outcome.state) {
    case 'absent':
      return { kind: 'seen', samples: [], evidence: [words('unknown', 'Tailscale is not installed here')] };
    case 'blind':
      return { kind: 'blind', reason: outcome.reason, evidence: [words('unknown', outcome.reason)] };
    case 'down': {
      const evidence = [words('warning', outcome.reason, 'tailscale status')];
      return { kind: 'seen', samples: [up.sample(0, {})], evidence };
    }
    default: {
      const { status } = outcome;
      const peers = status.backend === 'running' ? chosen(status.peers, hosts) : [];
      return {
        kind: 'seen',
        samples: [...ownSamples(status), ...peers.flatMap(peerSamples)],
        evidence: evidenceOf(status, peers, hosts),
      };
    }
  }
}

/** Peers that the configuration names come first, for those are what somebody relies on. */
function chosen(peers: readonly TailscalePeer[], hosts: ReadonlySet<string>): readonly TailscalePeer[] {
  const matters = peers.filter((one) => isNamed(one, hosts));
  const others = peers.filter((one) => !matters.includes(one));
  return [...matters, ...others].slice(0, MAX_PEERS);
}

function isNamed({ aliases }: TailscalePeer, hosts: ReadonlySet<string>): boolean {
  return aliases.some((alias) => hosts.has(alias));
}

function hostsThatMatter({ ssh, gateways }: CollectorContext['config']): ReadonlySet<string> {
  const ofSsh = ssh.hosts.flatMap(({ name, target }) => [name, hostOfTarget(target)]);
  const ofGateways = gateways.map(({ url }) => new URL(url).hostname);
  return new Set([...ofSsh, ...ofGateways].map((host) => withoutBrackets(host).toLowerCase()));
}

/** The host of a destination as ssh(1) takes it: `me@mac`, or `ssh://me@mac:22`. */
function hostOfTarget(target: string): string {
  const isUrl = target.startsWith('ssh://');
  const host = target.replace(/^(?:ssh:\/\/)?(?:[^@]*@)?/, '');
  return isUrl ? host.replace(/:\d+$/, '') : host;
}

/** An IPv6 address in a URL stands in brackets, an alias of a peer does not. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function ownSamples({ backend, self }: TailscaleStatus): Sample[] {
  return [
    up.sample(backend === 'running' ? 1 : 0, {}),
    ...stateset(BACKEND_STATES, backend, (state, on) => backendState.sample(on, { state })),
    ...(self?.keyExpiry === undefined ? [] : [keyExpiry.sample(self.keyExpiry, { peer: self.name })]),
  ];
}

function peerSamples(one: TailscalePeer): Sample[] {
  const labels = { peer: one.name };
  const known = [
    [online, one.online === undefined ? undefined : Number(one.online)],
    [lastSeen, one.lastSeen],
    [lastHandshake, one.lastHandshake],
    [keyExpiry, one.keyExpiry],
    [direct, one.path === undefined ? undefined : Number(one.path === 'direct')],
  ] as const;
  return [...known.flatMap(([family, value]) => (value === undefined ? [] : [family.sample(value, labels)]))];
}

function evidenceOf(
  { backend, peers }: TailscaleStatus,
  shown: readonly TailscalePeer[],
  hosts: ReadonlySet<string>,
): Evidence[] {
  if (backend !== 'running') {
    const repair = backend === 'starting' ? 'tailscale status' : 'tailscale up';
    return [words('warning', `tailscaled says it is ${backend.replaceAll('_', ' ')}`, repair)];
  }
  const there = peers.filter((one) => one.online === true).length;
  const left = peers.length - shown.length;
  const more = left === 0 ? '' : `; ${left} have no series of their own`;
  return [
    words('ok', `Tailscale runs; ${there} of ${peers.length} other machines are online${more}`),
    ...shown.filter((one) => isNamed(one, hosts)).flatMap(peerWords),
  ];
}

function peerWords({ name, online: there, path }: TailscalePeer): Evidence[] {
  const subject = `${SUBJECT} ${name}`;
  if (there === false) {
    const text = 'offline in the tailnet: asleep, off, or logged out';
    return [{ layer: 'network', subject, verdict: 'warning', text, repair: 'tailscale status' }];
  }
  if (path !== 'relayed') return [];
  const text = 'reached through a relay only, which is slow';
  return [{ layer: 'network', subject, verdict: 'warning', text, repair: 'tailscale netcheck' }];
}

function words(verdict: Evidence['verdict'], text: string, repair?: string): Evidence {
  return { layer: 'network', subject: SUBJECT, verdict, text, ...(repair === undefined ? {} : { repair }) };
}
