import type { RunCommand } from '../lib/run-command.ts';

/** Programs that know whether this machine's clock is synchronized. */
export const SYNC_SOURCES = ['timedatectl', 'chronyc', 'sntp'] as const;
/** The program that reported whether this machine's clock is synchronized. */
export type SyncSource = (typeof SYNC_SOURCES)[number];

/** What one of them reports of this machine's clock. */
export interface SyncState {
  readonly source: SyncSource;
  readonly synchronized: boolean;
}

/** What the question needs from outside. */
export interface SyncTools {
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
  readonly platform: NodeJS.Platform;
  /** The content of `/etc/ntp.conf`; undefined where there is none. */
  readonly ntpConf: () => string | undefined;
  readonly signal: AbortSignal;
}

/** A clock that sntp finds this far off, in seconds, is not synchronized. */
const SNTP_TOLERANCE_SECONDS = 1;

/** Asks every program that is there; those that are not, or that cannot say, are left out. */
export async function askSyncStates(tools: SyncTools): Promise<SyncState[]> {
  const answers = await Promise.all([
    ask(tools, 'timedatectl', ['show', '--property=NTPSynchronized'], parseTimedatectl),
    ask(tools, 'chronyc', ['-n', 'tracking'], parseChronyTracking),
    askSntp(tools),
  ]);
  return answers.flat();
}

/** `NTPSynchronized=yes` or `no`, of systemd 239 and later. */
export function parseTimedatectl(stdout: string): boolean | undefined {
  const said = /^NTPSynchronized=(yes|no)$/m.exec(stdout)?.[1];
  return said === undefined ? undefined : said === 'yes';
}

/** The reference id of `local stratum …`: 127.127.1.1, chronyd's own clock. */
const CHRONY_OWN_CLOCK = /^Reference ID\s*:\s*7F7F[0-9A-F]{4}\b/im;
/** Beyond this many seconds chronyd itself no longer vouches for the time; its sources are gone for long. */
const MAX_ROOT_DISPERSION_SECONDS = 1;

/**
 * `chronyc tracking`: the clock is synchronized unless the leap status says no, chronyd follows only its
 * own clock (`local stratum 10` without a server in reach; its leap status is then `Normal`), or its
 * error bound has grown too wide.
 */
export function parseChronyTracking(stdout: string): boolean | undefined {
  const status = /^Leap status\s*:\s*(.+?)\s*$/m.exec(stdout)?.[1];
  if (status === undefined) return undefined;
  if (status === 'Not synchronised' || CHRONY_OWN_CLOCK.test(stdout)) return false;
  const dispersion = /^Root dispersion\s*:\s*(\d+\.\d+) seconds/m.exec(stdout)?.[1];
  return dispersion === undefined || Number(dispersion) <= MAX_ROOT_DISPERSION_SECONDS;
}

/** macOS's `sntp SERVER`: `+0.012345 +/- 0.006789 time.apple.com 17.253.4.125`. */
export function parseSntp(stdout: string): boolean | undefined {
  const groups = /(?:^|\s)(?<offset>[+-]\d+\.\d+) \+\/- (?<error>\d+\.\d+) \S+/m.exec(stdout)?.groups;
  if (groups === undefined) return undefined;
  return Math.abs(Number(groups.offset)) <= SNTP_TOLERANCE_SECONDS + Number(groups.error);
}

/**
 * Only on macOS, whose time daemon does not report its state, and only of the server that
 * is configured there already.
 */
async function askSntp(tools: SyncTools): Promise<SyncState[]> {
  if (tools.platform !== 'darwin') return [];
  const server = /^server\s+([A-Za-z0-9][\w.-]*)/m.exec(tools.ntpConf() ?? '')?.[1];
  return server === undefined ? [] : ask(tools, 'sntp', [server], parseSntp);
}

async function ask(
  { run, env, signal }: SyncTools,
  source: SyncSource,
  args: readonly string[],
  parse: (stdout: string) => boolean | undefined,
): Promise<SyncState[]> {
  const outcome = await run(source, args, { signal, env });
  if (outcome.state !== 'exited' || outcome.code !== 0) return [];
  const synchronized = parse(outcome.stdout);
  return synchronized === undefined ? [] : [{ source, synchronized }];
}
