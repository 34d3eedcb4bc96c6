import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import { unlessAborted, withDeadline } from '../lib/deadline.ts';
import { codeOf } from '../lib/errors.ts';
import type { SshRoute } from './config.ts';
import { throttleProblem } from './messages.ts';
import type { SshProblem } from './ssh.ts';

/** The steps of a direct probe, in order; ssh's own command comes after them. */
export const PATH_PHASES = ['resolve', 'connect', 'banner'] as const;
/** One of {@link PATH_PHASES}. */
export type PathPhase = (typeof PATH_PHASES)[number];

/** How far a direct probe got: the seconds of every phase that was completed, and what stopped it. */
export interface PathReport {
  readonly seconds: ReadonlyMap<PathPhase, number>;
  readonly problem: SshProblem | undefined;
}

/** Addresses of a name; 0 asks for both families. Rejects with a system error. */
export type NameLookup = (hostname: string, family: 0 | 4 | 6) => Promise<readonly LookupAddress[]>;

/** What looking at a port needs from outside. */
export interface BannerTools {
  readonly clock: Clock;
  readonly lookup: NameLookup;
  readonly signal: AbortSignal;
  /** Milliseconds each phase may take. */
  readonly phaseMs: number;
}

/** Lines before the identification are allowed (RFC 4253, 4.2); this many bytes of them are read. */
const MAX_BYTES = 16 * 1024;
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 4;
/** Said after the host's own, so that its log names who asked instead of a broken connection. */
const OWN_IDENTIFICATION = 'SSH-2.0-openclaw_gateway_exporter\r\n';
const FOREIGN = 'what answers on that port is not SSH';
/** Errors of this machine, which say nothing about the host. */
const OWN_ERRORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EADDRNOTAVAIL']);

/** What the first bytes of a host tell. */
export type BannerParse =
  | { readonly state: 'incomplete' }
  | { readonly state: 'banner'; readonly identification: string }
  | { readonly state: 'foreign' };

/**
 * Looks for the identification line in what a host has sent so far. `foreign`: whatever speaks there, it is
 * not SSH 2. Source: RFC 4253, 4.2 and 5.1 (1.99 is a host that also speaks version 1).
 */
export function parseBanner(received: Buffer): BannerParse {
  const lines = received.toString('latin1').split('\n');
  const rest = lines.pop() ?? '';
  for (const line of lines) {
    const text = line.replace(/\r$/, '');
    if (!text.startsWith('SSH-')) continue;
    return /^SSH-(?:2\.0|1\.99)-[\x20-\x7e]+$/.test(text) && text.length <= 253
      ? { state: 'banner', identification: text }
      : { state: 'foreign' };
  }
  const tooLong = received.length >= MAX_BYTES || (rest.startsWith('SSH-') && rest.length > 255);
  return tooLong ? { state: 'foreign' } : { state: 'incomplete' };
}

/**
 * Name lookups as the system does them (hosts file, mDNS, VPN resolvers). One that hangs cannot be cut, so a
 * name has at most one under way, which later rounds share.
 */
export function createNameLookup(): NameLookup {
  const underWay = new Map<string, Promise<readonly LookupAddress[]>>();
  return (hostname, family) => {
    const key = `${family} ${hostname}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const asking = lookup(hostname, { all: true, family }).finally(() => underWay.delete(key));
    underWay.set(key, asking);
    return asking;
  };
}

/**
 * Resolves, connects and reads the host's identification, then closes. Throws when the
 * exporter itself could not look.
 */
export async function probeBanner(route: SshRoute, tools: BannerTools): Promise<PathReport> {
  const seconds = new Map<PathPhase, number>();
  const timed = async <T extends object>(phase: PathPhase, work: (signal: AbortSignal) => Promise<T>) => {
    const startedAt = tools.clock.monotonic();
    const limit = { clock: tools.clock, ms: tools.phaseMs, outer: tools.signal };
    const outcome = await withDeadline(limit, work);
    if (!isProblem(outcome)) seconds.set(phase, (tools.clock.monotonic() - startedAt) / 1000);
    else tools.signal.throwIfAborted();
    return outcome;
  };
  const addresses = await timed('resolve', (signal) => resolve(route, tools.lookup, signal));
  if (isProblem(addresses)) return { seconds, problem: addresses };
  const socket = await timed('connect', (signal) => connectToAny(addresses, route, tools, signal));
  if (isProblem(socket)) return { seconds, problem: socket };
  try {
    const banner = await timed('banner', (signal) => readBanner(socket, signal));
    return { seconds, problem: isProblem(banner) ? banner : undefined };
  } finally {
    socket.destroy();
  }
}

async function resolve(
  { hostname, family }: SshRoute,
  ask: NameLookup,
  signal: AbortSignal,
): Promise<readonly LookupAddress[] | SshProblem> {
  const literal = isIP(hostname.replace(/%.*$/, ''));
  if (literal !== 0) return [{ address: hostname, family: literal }];
  try {
    const addresses = await unlessAborted(ask(hostname, family), signal);
    if (addresses === undefined) return problem('resolve_failed', 'looking up the name gives no answer');
    if (addresses.length > 0) return addresses;
  } catch (error) {
    if (OWN_ERRORS.has(codeOf(error) ?? '')) throw error;
  }
  return problem('resolve_failed', 'the name does not resolve');
}

/** Tries a name's addresses in turn, as ssh does, each with an equal share of the time that is left. */
async function connectToAny(
  addresses: readonly LookupAddress[],
  route: SshRoute,
  { clock, phaseMs }: BannerTools,
  signal: AbortSignal,
): Promise<Socket | SshProblem> {
  const tried = addresses.slice(0, MAX_ADDRESSES);
  const endsAt = clock.monotonic() + phaseMs;
  let last = problem('timeout', 'connecting got no answer');
  for (const [index, { address }] of tried.entries()) {
    if (signal.aborted) break;
    const ms = (endsAt - clock.monotonic()) / (tried.length - index);
    const outcome = await withDeadline({ clock, ms, outer: signal }, (cut) => connectTo(address, route, cut));
    if (!isProblem(outcome)) return outcome;
    last = outcome;
  }
  return last;
}

function connectTo(
  host: string,
  { port, bindAddress }: SshRoute,
  signal: AbortSignal,
): Promise<Socket | SshProblem> {
  return new Promise((settle, reject) => {
    const socket = connect({
      host,
      port,
      ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
    });
    const cut = () => {
      socket.destroy();
      settle(problem('timeout', 'connecting got no answer'));
    };
    signal.addEventListener('abort', cut, { once: true });
    const done = () => signal.removeEventListener('abort', cut);
    socket.once('connect', () => {
      done();
      settle(socket);
    });
    // Stays for the socket's whole life: an error after the verdict changes nothing.
    socket.on('error', (error) => {
      done();
      if (OWN_ERRORS.has(codeOf(error) ?? '')) reject(error);
      else settle(connectProblem(codeOf(error)));
    });
  });
}

function connectProblem(code: string | undefined): SshProblem {
  if (code === 'ECONNREFUSED' || code === 'ECONNRESET') {
    return problem('refused', 'the host refuses the connection: nothing listens on that port');
  }
  if (code === 'ETIMEDOUT') return problem('timeout', 'connecting got no answer');
  // Linux tells routes that swallow (EINVAL) and prohibit (EACCES) apart from those that are missing.
  return problem('unreachable', `there is no route to the host (${code ?? 'unknown error'})`);
}

type Banner = Extract<BannerParse, { state: 'banner' }>;

function readBanner(socket: Socket, signal: AbortSignal): Promise<Banner | SshProblem> {
  return new Promise((settle) => {
    let received = Buffer.alloc(0);
    const finish = (outcome: Banner | SshProblem) => {
      signal.removeEventListener('abort', silent);
      socket.removeAllListeners('data').removeAllListeners('close');
      settle(outcome);
    };
    const silent = () => finish(explainSilence(received, 'the host accepts and never speaks'));
    signal.addEventListener('abort', silent, { once: true });
    socket.once('close', () =>
      finish(explainSilence(received, 'the host closes the connection before it names itself')),
    );
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]).subarray(0, MAX_BYTES);
      const parsed = parseBanner(received);
      if (parsed.state === 'foreign') finish(explainSilence(received, FOREIGN));
      if (parsed.state !== 'banner') return;
      socket.end(OWN_IDENTIFICATION);
      finish(parsed);
    });
  });
}

/** What a port that never identified itself as SSH said instead; `otherwise` where that is nothing known. */
function explainSilence(received: Buffer, otherwise: string): SshProblem {
  const text = received.toString('latin1');
  const throttled = throttleProblem(text);
  if (throttled !== undefined) return throttled;
  if (/^HTTP\/\d/.test(text)) return problem('no_banner', 'an HTTP server answers on that port, not SSH');
  if (/^220[ -]/.test(text))
    return problem('no_banner', 'a mail or FTP server answers on that port, not SSH');
  return problem('no_banner', text.trim() === '' ? otherwise : FOREIGN);
}

function problem(result: SshProblem['result'], text: string): SshProblem {
  return { result, text };
}

function isProblem(outcome: object): outcome is SshProblem {
  return 'result' in outcome;
}
