import type { ChannelStatus } from '../gateway/channel-status.ts';
import type { Readiness } from '../gateway/http.ts';
import type { ClockOffset } from '../lib/clock-offset.ts';
import type { Credential } from '../openclaw/credentials.ts';
import type { LiveGateway } from '../openclaw/locate.ts';
import type { TokenDigest } from '../openclaw/token-digest.ts';
import type { ProcessRow } from '../os/processes.ts';

/** The gateway's process as the process collector last saw it alive. */
export interface KnownProcess {
  /** Boot id, pid and start ticks: never a wall time, never used twice. */
  readonly identity: string;
  /**
   * When it started, or took its lock where that was later; milliseconds of the
   * monotonic clock, which nobody sets.
   */
  readonly startedMonotonicMs: number;
  /** The same as wall time, milliseconds since the epoch. */
  readonly startedAtMs?: number;
  /** Where its environment can be read; absent where another system's means found it. */
  readonly row?: Pick<ProcessRow, 'pid' | 'start' | 'argv'>;
  /** Whether a signal or a debugger stopped it: it then neither starts nor answers. */
  readonly isStopped?: boolean;
  /** Where it listens; undefined where its sockets are hidden. */
  readonly live?: LiveGateway | undefined;
}

/** The last run of the gateway's service, by systemd. */
export interface ServiceRunSeen {
  readonly invocation: string;
  /** How it ended, such as `oom-kill`; `success` also while it runs. */
  readonly result: string;
}

/** What accepts connections at the gateway's address, judged by what answers there. */
export type Holder =
  | { readonly kind: 'gateway' }
  /**
   * `isForwarderGone`: something that passed requests on to a gateway elsewhere held
   * the port, or should hold it.
   */
  | { readonly kind: 'nobody'; readonly isForwarderGone: boolean }
  | { readonly kind: 'unknown'; readonly reason: string }
  /** Passes requests on to the gateway, which is elsewhere: on another machine, or in a container. */
  | {
      readonly kind: 'forwarder';
      readonly name: string;
      readonly pid: number | undefined;
      /** Whether the gateway has answered through it. */
      readonly isProved: boolean;
    }
  | {
      readonly kind: 'other';
      readonly name: string;
      readonly pid: number | undefined;
      /** Whether it is a gateway, of another state folder or user. */
      readonly isGateway: boolean;
    };

/** A gateway of another user on this machine. */
export interface Stranger {
  readonly pid: number;
  readonly uid: number;
}

/** How the WebSocket of an authenticated check opened; its challenge comes before any credential is sent. */
export interface WebSocketOpening {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly outcome:
    | { readonly state: 'challenged'; readonly seconds: number }
    | { readonly state: 'failed'; readonly reason: string };
}

/** The credential that the gateway accepted last and that nothing contradicts. */
export interface ProvedCredential {
  readonly accepted: Credential;
  /** Of the process that accepted it, where it was known. */
  readonly identity: string | undefined;
  /** What the gateway reported about itself when it accepted the credential. */
  readonly greeting:
    | { readonly version: string | undefined; readonly protocol: number | undefined }
    | undefined;
}

/** What the gateway's HTTP endpoints said at one ping. */
export interface GatewayAnswers {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  /** Of `/readyz`; undefined where it did not answer. */
  readonly ready: Readiness | undefined;
  /** The running version by `/startupz`, which only newer gateways have. */
  readonly version: string | undefined;
}

/** What the gateway itself reported of its channels. */
export interface ChannelsSeen {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly status: ChannelStatus;
}

/** What was counted of a job's runs so far; replaced when a count changes, never changed. */
export interface JobTotals {
  readonly id: string;
  readonly name: string;
  readonly counts: {
    /** By status. */
    readonly runs: Readonly<Record<string, number>> & { readonly error: number };
    readonly missed: number;
  };
  /** The last run that finished; `atMs` is wall time, milliseconds since the epoch. */
  readonly last?: { readonly atMs: number; readonly status: string } | undefined;
}

/** A command that ran on a host. */
export interface SshCommandSeen {
  /** Wall time of its end, milliseconds since the epoch. */
  readonly atMs: number;
  /** The offset of the host's clock; undefined where the command printed no time. */
  readonly clock: ClockOffset | undefined;
}

/**
 * What one collector may know of another's subject, each fact with one writer: the collector whose descriptor
 * `publishes` it. A fact only refines a verdict (a young process is "starting", a new process makes an old
 * token verdict stale); no collector waits for it or fails without it.
 */
export interface Facts {
  /** The gateway's process, while one is known to be alive. Written by `process`. */
  readonly process: KnownProcess;
  /** What holds the gateway's port on this machine. Written by `process`. */
  readonly holder: Holder;
  /** While no gateway was ever seen for the state folder: one of another user. Written by `process`. */
  readonly stranger: Stranger;
  /** The last run of the gateway's service, where systemd has one. Written by `process`. */
  readonly serviceRun: ServiceRunSeen;
  /** What the gateway answered to the last ping, whether it answered or not. Written by `ping`. */
  readonly answers: GatewayAnswers;
  /**
   * The newest authenticated check's connection, so that `ping` need not open another. Written by `token`.
   */
  readonly opening: WebSocketOpening;
  /** Absent before the first proof and after a refusal. Written by `token`. */
  readonly provedCredential: ProvedCredential;
  /** The last command of every SSH host that is up, by host. Written by `ssh`. */
  readonly sshCommands: ReadonlyMap<string, SshCommandSeen>;
  /**
   * The gateway's own report on its channels, where its API is asked. Written by `cron`,
   * whose connection serves for it.
   */
  readonly channels: ChannelsSeen;
  /** Of all jobs, as the state file holds them; the same list while nothing was counted. Written by `cron`. */
  readonly jobTotals: readonly JobTotals[];
  /** What clients on other hosts hold, by host. Written by `remote`. */
  readonly remoteTokens: ReadonlyMap<string, TokenDigest>;
}

/** A key of {@link Facts}. */
export type FactName = keyof Facts;

/** Replaces a fact; undefined withdraws it. `F` are the facts that the holder may write. */
export type Publish<F extends FactName> = <N extends F>(fact: N, value: Facts[N] | undefined) => void;

/** The readers' side: undefined where nothing is published. */
export type ReadFact = <N extends FactName>(fact: N) => Facts[N] | undefined;

/** Answers older than this are no news; milliseconds. */
const ANSWERS_VALID_MS = 60_000;

/** The answers of the last ping; undefined where none is recent, so that the reader has to ask the gateway itself. */
export function recentAnswers(read: ReadFact, nowMs: number): GatewayAnswers | undefined {
  const answers = read('answers');
  return answers !== undefined && nowMs - answers.atMs <= ANSWERS_VALID_MS ? answers : undefined;
}

/** The writer's side for as long as its collector runs. */
export interface Publisher {
  readonly publish: Publish<FactName>;
  /** Withdraws what this publisher wrote last and ignores what it writes from now on. */
  close(): void;
}

/** The facts of one gateway; they outlive a reload, their publishers do not. */
export class FactBoard {
  readonly #values: { [N in FactName]?: Facts[N] | undefined } = {};
  readonly #writers = new Map<FactName, Publisher>();

  /** Bound, so that it can be handed to readers alone. */
  readonly read: ReadFact = (fact) => this.#values[fact];

  /**
   * A writer of its own for each collector: a replaced one can neither withdraw nor
   * overwrite its successor's facts.
   */
  publisher(): Publisher {
    let isClosed = false;
    const publisher: Publisher = {
      publish: (fact, value) => {
        if (isClosed) return;
        this.#values[fact] = value;
        this.#writers.set(fact, publisher);
      },
      close: () => {
        isClosed = true;
        for (const [fact, writer] of this.#writers) if (writer === publisher) this.#values[fact] = undefined;
      },
    };
    return publisher;
  }
}
