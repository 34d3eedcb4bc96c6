import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../support/child.ts';
import { SqliteStore } from '../support/cron-store.ts';
import type { StandInPlace } from '../support/status-world.ts';
import { until } from '../support/until.ts';

/** What a fault is brought about with; whatever is pushed to `ends` runs afterwards. */
export interface Stage {
  readonly place: StandInPlace;
  readonly token: string;
  gateway: Child;
  store?: SqliteStore;
  readonly ends: (() => Promise<void> | void)[];
  /** Waits until the exporter shows this. */
  readonly untilSeen: (seen: VoicedFault['seen']) => Promise<void>;
  /** Declares planned maintenance. */
  readonly startMaintenance: () => Promise<void>;
}

/** A counter that goes on rising, with these labels among others. */
export interface RisingCounter {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly perMinute: number;
}

/** A value, or what must hold of it. */
export type Expected = number | undefined | ((value: number) => boolean);

/** A fault of the catalogue, and what must be seen before anything is compared. */
export interface VoicedFault {
  readonly id: string;
  readonly fault: string;
  /** More of the exporter's configuration, where it needs some. */
  readonly config?: (
    stage: Stage,
  ) => Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>;
  /** Before the exporter starts. */
  readonly prepare?: (stage: Stage) => Promise<void> | void;
  readonly inject?: (stage: Stage) => Promise<void> | void;
  /** A metric with labels and its value; undefined: absent. */
  readonly seen: readonly [name: string, labels: Readonly<Record<string, string>>, value: Expected];
  /** Counters that go on rising, for the rules. */
  readonly rising?: readonly RisingCounter[];
}

const FAULTY = join(import.meta.dirname, '..', 'matrix', 'faulty-gateway.ts');

/** Puts the faulty stand-in in the gateway's place; `through` is a program, with its arguments, to start it through. */
export async function replaceBy(stage: Stage, fault: string, through: readonly string[] = []): Promise<void> {
  await stage.gateway.end('SIGKILL');
  const env = {
    ...stage.place.env,
    STAND_IN_PORT: String(stage.place.port),
    STAND_IN_TOKEN: stage.token,
    STAND_IN_FAULT: fault,
  };
  const [file = '', ...args] = [
    ...through,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    FAULTY,
  ];
  stage.gateway = new Child(file, args, { env });
  await until(() => stage.gateway.output.includes('listening'), {
    what: 'the faulty gateway',
    timeoutMs: 60_000,
  });
}

/** The gateway's database; made when it is first needed. */
export function storeIn(stage: Stage): SqliteStore {
  stage.store ??= new SqliteStore(stage.place.stateDir);
  return stage.store;
}

/** Writes openclaw.json anew, with more in its part `gateway` and beside it; `token` undefined leaves it out. */
export function rewriteConfig(
  { place }: Pick<Stage, 'place'>,
  token: string | undefined,
  ofGateway: object = {},
  more: object = {},
): void {
  const auth = { mode: 'token', token };
  const gateway = { mode: 'local', port: place.port, bind: 'loopback', auth, ...ofGateway };
  writeFileSync(join(place.stateDir, 'openclaw.json'), JSON.stringify({ gateway, ...more }), { mode: 0o600 });
}

/** A job of the gateway as a fault needs it. */
interface StagedJob {
  readonly everyMs: number;
  readonly status?: 'ok' | 'error' | 'skipped';
  /** Default: backup. */
  readonly name?: string;
  /** How long ago it last ran. Default: ten minutes. */
  readonly agoMs?: number;
  /** More of what the gateway keeps of its state. */
  readonly state?: object;
  /** More of its definition. */
  readonly job?: object;
}

/** Stores jobs; each is due one interval after its last run. */
export function putJobs(store: SqliteStore, jobs: readonly StagedJob[]): void {
  const now = Date.now();
  for (const [index, one] of jobs.entries()) {
    const { everyMs, status = 'ok', name = 'backup', agoMs = 600_000, state, job } = one;
    const lastRunAtMs = now - agoMs;
    store.putJob(`job-${index}`, name, {
      job: { schedule: { kind: 'every', everyMs, anchorMs: lastRunAtMs }, ...job },
      state: {
        lastRunAtMs,
        lastRunStatus: status,
        lastStatus: status,
        nextRunAtMs: lastRunAtMs + everyMs,
        ...state,
      },
    });
  }
}

/** The state of the gateway. */
export const state = (name: string): VoicedFault['seen'] => ['openclaw_gateway_state', { state: name }, 1];
