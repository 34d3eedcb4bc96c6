import type { ProcessState } from '../lib/vocabulary.ts';
/** One process. */
export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  /**
   * With the pid and the boot, tells this process from every other: start ticks
   * on Linux, start time on macOS.
   */
  readonly start: string;
  /** Wall time in milliseconds; for display, never for identity. */
  readonly startedAtMs: number;
  readonly state: ProcessState;
  /** The kernel's short name, control characters removed. */
  readonly comm: string;
  /** What the process calls itself now; may hold a token, so it is never shown. */
  readonly argv: readonly string[];
}

/** A process below another one. */
export interface Descendant {
  readonly pid: number;
  readonly ppid: number;
  readonly comm: string;
  /** Empty where it cannot be read; may hold a secret, so it is never shown. */
  readonly argv: readonly string[];
  /** 0 for a zombie. */
  readonly residentBytes: number;
}

/** Figures of one process; what the operating system does not tell, or not to us, is undefined. */
export interface ProcessFigures {
  readonly residentBytes: number | undefined;
  /** The least of the machine's memory and every control group's limit. */
  readonly memoryLimitBytes: number | undefined;
  readonly openFds: number | undefined;
  readonly maxFds: number | undefined;
  readonly threads: number | undefined;
  /** User and system time of the process itself, without its children. */
  readonly cpuSeconds: number | undefined;
}

/** Who listens on a TCP port of this machine. */
export type PortListener =
  | { readonly state: 'nobody' }
  | { readonly state: 'process'; readonly pid: number }
  /**
   * Somebody does, but the operating system does not tell us who; `uid` is the socket's owner where known.
   */
  | { readonly state: 'hidden'; readonly uid: number | undefined };

/** Whether something is true of a process; `unknown` where its files may not be read. */
export type Answer = 'yes' | 'no' | 'unknown';

/**
 * An address and port on which something listens; the host is an IP address,
 * `0.0.0.0` or `::` for all of them.
 */
export interface ListeningAddress {
  readonly host: string;
  readonly port: number;
}

/** The processes below `root`, parents before their children. */
export function findDescendants<P extends Pick<ProcessRow, 'pid' | 'ppid'>>(
  all: Iterable<P>,
  root: number,
): P[] {
  const children = Map.groupBy(all, ({ ppid }) => ppid);
  const found = [...(children.get(root) ?? [])];
  // The table is no snapshot: a pid that was used anew while it was read can make a ring.
  const known = new Set(found.map(({ pid }) => pid).concat(root));
  for (const { pid } of found) {
    for (const child of children.get(pid) ?? []) {
      if (known.has(child.pid)) continue;
      known.add(child.pid);
      found.push(child);
    }
  }
  return found;
}

/**
 * One way of asking the operating system about processes. Every method rejects when it could not look at all
 * and gives undefined for what is gone or hidden.
 */
export interface Processes {
  /** Names this boot of the machine. */
  bootId(signal: AbortSignal): Promise<string>;
  /** Every process that may be seen; arguments only of those that can be a gateway. */
  table(signal: AbortSignal): Promise<readonly ProcessRow[]>;
  /** One process now, zombies included. */
  row(pid: number, signal: AbortSignal): Promise<ProcessRow | undefined>;
  /** All processes below this one, parents before their children, as of the last {@link table}. */
  descendants(pid: number, signal: AbortSignal): Promise<readonly Descendant[]>;
  /** The real user id. */
  userOf(pid: number, signal: AbortSignal): Promise<number | undefined>;
  /** Who accepts connections to this address; `likely` processes are checked before all others. */
  listener(address: ListeningAddress, likely: readonly number[], signal: AbortSignal): Promise<PortListener>;
  /** Whether this very process listens on `port`. */
  listens(pid: number, port: number, signal: AbortSignal): Promise<Answer>;
  /**
   * Where this process listens within the exporter's own network namespace;
   * undefined where its files are hidden.
   */
  sockets(pid: number, signal: AbortSignal): Promise<readonly ListeningAddress[] | undefined>;
  /** Paths that this process has open and that fit; undefined where its files are hidden. */
  openFiles(
    pid: number,
    fits: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined>;
  /**
   * The service unit in whose control group this process is; undefined where it is
   * in none, or that is not told.
   */
  unitOf(pid: number, signal: AbortSignal): Promise<string | undefined>;
  /** TCP ports this process listens on; undefined where its files may not be looked at. */
  ports(pid: number, signal: AbortSignal): Promise<ReadonlySet<number> | undefined>;
  /** These variables of the environment the process was started with; undefined where it may not be read. */
  environment(
    pid: number,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | undefined>;
  figures(row: ProcessRow, signal: AbortSignal): Promise<ProcessFigures>;
  /**
   * How long ago the process started, in milliseconds; exact on Linux, whatever was done to the wall clock.
   */
  ageMs(row: ProcessRow, signal: AbortSignal): Promise<number>;
  /** Whether processes of other users are hidden from us, so that not finding one proves nothing. */
  othersHidden(signal: AbortSignal): Promise<boolean>;
}
