import { z } from 'zod';
import { parseJson } from '../../lib/json.ts';
import type { CommandOutcome, RunCommand } from '../../lib/run-command.ts';

/**
 * Label values of `openclaw_tailscale_backend_state`, by tailscaled's own words.
 * Source: `ipn.State` of Tailscale.
 */
const BACKEND_WORDS = {
  Running: 'running',
  Starting: 'starting',
  Stopped: 'stopped',
  NeedsLogin: 'needs_login',
  NeedsMachineAuth: 'needs_machine_auth',
  InUseOtherUser: 'in_use_other_user',
  NoState: 'no_state',
} as const;
/** Label values of the backend's stateset. */
export const BACKEND_STATES = [...Object.values(BACKEND_WORDS), 'other'] as const;
/** One of {@link BACKEND_STATES}. */
export type BackendState = (typeof BACKEND_STATES)[number];

/** How packets to a peer travel; undefined while no packets do, for then nothing tells. */
export type PeerPath = 'direct' | 'relayed';

/** One other machine of the tailnet. */
export interface TailscalePeer {
  /** First label of its DNS name; the whole name where that is not unique. */
  readonly name: string;
  /** DNS name without the last dot, and addresses: by what else a person may have named it. */
  readonly aliases: readonly string[];
  /**
   * Whether it is connected to Tailscale's coordination server; undefined where
   * tailscaled is too old to tell.
   */
  readonly online: boolean | undefined;
  readonly path: PeerPath | undefined;
  /** Seconds since the epoch; Tailscale tells it of peers that are offline. */
  readonly lastSeen: number | undefined;
  /** Seconds since the epoch, of the WireGuard handshake with this machine. */
  readonly lastHandshake: number | undefined;
  /** Seconds since the epoch; undefined where the key does not expire. */
  readonly keyExpiry: number | undefined;
}

/** What `tailscale status` tells. */
export interface TailscaleStatus {
  readonly backend: BackendState;
  /** This machine. */
  readonly self: Pick<TailscalePeer, 'name' | 'keyExpiry'> | undefined;
  /** Sorted by name. */
  readonly peers: readonly TailscalePeer[];
}

/** What came of asking for it. */
export type TailscaleOutcome =
  | { readonly state: 'seen'; readonly status: TailscaleStatus }
  /** The program is not installed. */
  | { readonly state: 'absent' }
  /** The program is there and tailscaled does not answer it. */
  | { readonly state: 'down'; readonly reason: string }
  /** What it says cannot be seen or understood from here. */
  | { readonly state: 'blind'; readonly reason: string };

/** What the question needs from outside. */
export interface TailscaleQuery {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly signal: AbortSignal;
}

const MAC_PROGRAM = '/Applications/Tailscale.app/Contents/MacOS/Tailscale';
/** A peer takes some 2 kB; a tailnet of a thousand fits. */
const MAX_OUTPUT = 4 * 1024 * 1024;
/** Commercial exit nodes, hundreds at once, that nobody works on. */
const FOREIGN_TAG = 'tag:mullvad-exit-node';

const node = z.object({
  HostName: z.string().max(256).catch(''),
  DNSName: z.string().max(256).catch(''),
  TailscaleIPs: z.array(z.string().max(64)).nullish().catch([]),
  Tags: z.array(z.string()).nullish().catch([]),
  CurAddr: z.string().nullish(),
  Relay: z.string().nullish(),
  PeerRelay: z.string().nullish(),
  Online: z.boolean().optional(),
  Active: z.boolean().default(false),
  ShareeNode: z.boolean().default(false),
  LastSeen: z.string().nullish(),
  LastHandshake: z.string().nullish(),
  KeyExpiry: z.string().nullish(),
});
type Node = z.output<typeof node>;

/** What is used of `ipnstate.Status`; its keys have only been added to since version 1.2. */
const statusSchema = z.object({
  BackendState: z.string(),
  Self: node.nullish(),
  Peer: z.record(z.string(), node).nullish(),
});

/** Asks tailscaled through its own program. Never throws; ends with the signal. */
export async function askTailscale({
  run,
  env,
  platform,
  signal,
}: TailscaleQuery): Promise<TailscaleOutcome> {
  const child: Record<string, string> = { LC_ALL: 'C', PATH: env.PATH ?? '/usr/local/bin:/usr/bin:/bin' };
  if (env.HOME !== undefined) child.HOME = env.HOME;
  // The program of the app is the app itself, unless it is told to be the command.
  if (platform === 'darwin') child.TAILSCALE_BE_CLI = '1';
  const programs = platform === 'darwin' ? ['tailscale', MAC_PROGRAM] : ['tailscale'];
  for (const program of programs) {
    const options = { signal, env: child, maxBuffer: MAX_OUTPUT };
    const ended = await run(program, ['status', '--json'], options);
    if (ended.state === 'not_started' && ended.code === 'ENOENT') continue;
    return outcomeOf(ended);
  }
  return { state: 'absent' };
}

function outcomeOf(ended: CommandOutcome): TailscaleOutcome {
  switch (ended.state) {
    case 'not_started':
      return { state: 'blind', reason: `tailscale cannot be run (${ended.code})` };
    case 'too_much_output':
      return { state: 'blind', reason: 'tailscale status prints more than is read' };
    case 'killed':
      return { state: 'down', reason: 'tailscale status gives no answer' };
    default: {
      const status = parseTailscaleStatus(ended.stdout);
      if (status !== undefined) return { state: 'seen', status };
      if (ended.code === 0) return { state: 'blind', reason: 'tailscale status prints no status' };
      return /access denied|permission denied/i.test(ended.stderr)
        ? { state: 'blind', reason: 'tailscaled refuses to talk to this user' }
        : { state: 'down', reason: 'tailscaled does not run, or does not answer' };
    }
  }
}

/** Reads the output of `tailscale status --json`; undefined where it is none. */
export function parseTailscaleStatus(text: string): TailscaleStatus | undefined {
  const parsed = statusSchema.safeParse(parseJson(text));
  if (!parsed.success) return undefined;
  const { BackendState, Self, Peer } = parsed.data;
  const nodes = Object.values(Peer ?? {}).filter(
    ({ ShareeNode, Tags }) => !ShareeNode && Tags?.includes(FOREIGN_TAG) !== true,
  );
  return {
    backend: backendOf(BackendState),
    self: Self == null ? undefined : { name: shortName(Self), keyExpiry: secondsOf(Self.KeyExpiry) },
    peers: named(nodes),
  };
}

function backendOf(word: string): BackendState {
  const known = Object.entries(BACKEND_WORDS).find(([name]) => name === word);
  return known === undefined ? 'other' : known[1];
}

/** Peers under names of which each is there once; those that have none of their own are left out. */
function named(nodes: readonly Node[]): TailscalePeer[] {
  const shorts = nodes.map(shortName);
  const peers = new Map<string, TailscalePeer>();
  nodes.forEach((one, index) => {
    const short = shorts[index] ?? '';
    const unique = shorts.indexOf(short) === shorts.lastIndexOf(short);
    const name = unique ? short : fullName(one) || (one.TailscaleIPs?.[0] ?? '');
    if (name !== '') peers.set(name, peerOf(one, name));
  });
  return [...peers.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function peerOf(one: Node, name: string): TailscalePeer {
  return {
    name,
    aliases: [fullName(one), shortName(one), ...(one.TailscaleIPs ?? [])].filter((alias) => alias !== ''),
    online: one.Online,
    path: pathOf(one),
    lastSeen: secondsOf(one.LastSeen),
    lastHandshake: secondsOf(one.LastHandshake),
    keyExpiry: secondsOf(one.KeyExpiry),
  };
}

/** `Relay` names a peer's home region even while nothing is sent, so only an active peer has a path. */
function pathOf({ Online, Active, CurAddr, Relay, PeerRelay }: Node): PeerPath | undefined {
  if (Online === false || !Active) return undefined;
  if (CurAddr) return 'direct';
  return Relay || PeerRelay ? 'relayed' : undefined;
}

function fullName({ DNSName }: Node): string {
  return DNSName.replace(/\.$/, '').toLowerCase();
}

function shortName(one: Node): string {
  return (fullName(one).split('.')[0] ?? '') || one.HostName.toLowerCase();
}

/** Go writes a time that was never set as the year 1. */
function secondsOf(time: string | null | undefined): number | undefined {
  const ms = time == null ? Number.NaN : Date.parse(time);
  return ms > 0 ? ms / 1000 : undefined;
}
