import type { CollectorSettings, FileConfig } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { ClockOffset } from '../lib/clock-offset.ts';
import type { Logger } from '../lib/logger.ts';
import type { RunCommand } from '../lib/run-command.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Credential } from '../openclaw/credentials.ts';
import type { KnownGateway, OpenClawInstall } from '../openclaw/install.ts';
import type { TokenDigest } from '../openclaw/token-digest.ts';
import type { ProcessRow } from '../os/processes.ts';
import type { StateStore } from '../state/state-file.ts';
import type { Collector } from './collector.ts';

/** The gateway's process as the process collector last saw it alive. */
export interface KnownProcess {
  /** Boot id, pid and start ticks: never a wall time, never used twice. */
  readonly identity: string;
  /** When it started, or took its lock where that was later; wall time, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Where its environment may be asked for; absent where another system's means found it. */
  readonly row?: Pick<ProcessRow, 'pid' | 'start' | 'argv'>;
}

/** How the WebSocket of an authenticated check opened; its challenge comes before any credential is sent. */
export interface WebSocketOpening {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly outcome:
    | { readonly state: 'challenged'; readonly seconds: number }
    | { readonly state: 'failed'; readonly reason: string };
}

/** What is known of the credential, shared by everybody who would send it. */
export interface AuthKnowledge {
  /** The credential that the gateway accepted last and that nothing speaks against. */
  readonly accepted: Credential;
  /** Of the process that accepted it, where it was known. */
  readonly identity: string | undefined;
  /** What the gateway said of itself when it accepted the credential. */
  readonly greeting:
    | { readonly version: string | undefined; readonly protocol: number | undefined }
    | undefined;
}

/** A time during which the gateway said it refuses every attempt. */
export interface LockOut {
  /** Wall time, milliseconds since the epoch. */
  readonly untilMs: number;
  /** The same moment by the monotonic clock, which nobody sets; milliseconds. */
  readonly untilMonotonicMs: number;
}

/** A command that ran on a host. */
export interface SshCommandSeen {
  /** Wall time of its end, milliseconds since the epoch. */
  readonly atMs: number;
  /** How the host's clock stood; undefined where it told no time. */
  readonly clock: ClockOffset | undefined;
}

/**
 * What one collector may know of another's subject. It only refines a verdict (a young process is "starting", a new
 * process makes an old token verdict stale); no collector waits for it or fails without it.
 */
export interface Board {
  /** The gateway's process; undefined while none is known to be alive. */
  process: KnownProcess | undefined;
  /** How the newest authenticated check got through to the gateway: the ping asks no second time. */
  opening?: WebSocketOpening | undefined;
  /** The credential that holds; undefined before the first proof and after a refusal. */
  auth?: AuthKnowledge | undefined;
  /** While it lasts nobody authenticates. */
  lockOut?: LockOut | undefined;
  /** Charged attempts whose end was never seen; the next accepted handshake shows that they did not fail. */
  uncertainAttempts?: number[];
  /** The last command of every SSH host that is up, by host. */
  sshCommands?: ReadonlyMap<string, SshCommandSeen> | undefined;
  /** What clients on other hosts hold, by host. */
  remoteTokens?: ReadonlyMap<string, TokenDigest> | undefined;
  /** Somebody met a refusal of the accepted credential; the next check proves it anew. */
  authDoubted?: boolean;
}

/** Everything a collector needs from outside: time, files' whereabouts, child processes, metrics. */
export interface CollectorContext {
  readonly config: FileConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly state: StateStore;
  /** The folder of the exporter's own state; absolute. */
  readonly storagePath: string;
  readonly run: RunCommand;
  readonly board: Board;
  /** What the OpenClaw CLI would use now; cheap, to be asked in each round. */
  readonly install: () => OpenClawInstall;
}

/** What the questions about one gateway need; of a configured gateway elsewhere there is nothing more. */
export interface GatewayContext
  extends Pick<CollectorContext, 'clock' | 'metrics' | 'board' | 'storagePath'> {
  readonly config: { readonly gateway: Pick<FileConfig['gateway'], 'startup_window'> };
  readonly install: () => KnownGateway;
}

/** Makes one collector; the list of these is all that has to change when a question is added. */
export type CollectorFactory = (context: CollectorContext, settings: CollectorSettings) => Collector;
