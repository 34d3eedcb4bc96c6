import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { Child } from '../support/child.ts';
import { SqliteStore } from '../support/cron-store.ts';
import { newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { closeListener, startStandIn, startStranger } from '../support/stand-in.ts';
import { type StandInPlace, writeJobs } from '../support/status-world.ts';
import { until } from '../support/until.ts';

/** What a fault is brought about with; whatever is pushed to `ends` runs afterwards. */
export interface Stage {
  readonly place: StandInPlace;
  readonly token: string;
  gateway: Child;
  readonly ends: (() => Promise<void> | void)[];
}

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
  /** A metric with labels and its value. */
  readonly seen: readonly [name: string, labels: Readonly<Record<string, string>>, value: number | undefined];
}

const FAULTY = join(import.meta.dirname, '..', 'matrix', 'faulty-gateway.ts');

async function replaceBy(stage: Stage, fault: string): Promise<void> {
  await stage.gateway.end('SIGKILL');
  const env = {
    ...stage.place.env,
    STAND_IN_PORT: String(stage.place.port),
    STAND_IN_TOKEN: stage.token,
    STAND_IN_FAULT: fault,
  };
  stage.gateway = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', FAULTY], { env });
  await until(() => stage.gateway.output.includes('listening'), {
    what: 'the faulty gateway',
    timeoutMs: 60_000,
  });
}

function storeIn(stage: Stage): SqliteStore {
  const store = new SqliteStore(stage.place.stateDir);
  stage.ends.push(() => store.stop());
  return store;
}

/** Writes openclaw.json anew; `token` undefined leaves it out. */
function rewriteConfig({ place }: Stage, token: string | undefined, more: object = {}): void {
  const gateway = { mode: 'local', port: place.port, bind: 'loopback', auth: { mode: 'token', token } };
  writeFileSync(join(place.stateDir, 'openclaw.json'), JSON.stringify({ gateway, ...more }), { mode: 0o600 });
}

/** One job that ran ten minutes ago, every `everyMs` milliseconds. */
function putJob(stage: Stage, everyMs: number, lastRunStatus: string, counts: object): void {
  const now = Date.now();
  storeIn(stage).putJob('job-0', 'backup', {
    job: { schedule: { kind: 'every', everyMs, anchorMs: now - 600_000 } },
    state: {
      lastRunAtMs: now - 600_000,
      lastRunStatus,
      lastStatus: lastRunStatus,
      nextRunAtMs: now - 600_000 + everyMs,
      ...counts,
    },
  });
}

/** A host that is always on, reached in such a way. */
const reachHost = (way: { readonly target: string; readonly port?: number }) => ({
  ssh: { hosts: [{ name: 'studio', always_on: true, ...way }] },
});

const state = (name: string): VoicedFault['seen'] => ['openclaw_gateway_state', { state: name }, 1];

/** Faults that a stand-in for a gateway can have. */
export const FAULTS: readonly VoicedFault[] = [
  { id: 'none', fault: 'healthy', seen: ['openclaw_gateway_function_up', {}, 1] },
  {
    id: 'G1',
    fault: 'gateway killed',
    inject: ({ gateway }) => gateway.end('SIGKILL'),
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
  {
    id: 'G2',
    fault: 'gateway stopped with SIGSTOP',
    inject: ({ gateway }) => gateway.signal('SIGSTOP'),
    seen: state('hung'),
  },
  {
    id: 'G3',
    fault: 'process alive, listener gone',
    prepare: async (stage) => {
      await stage.gateway.end('SIGKILL');
      stage.gateway = await startStandIn('2026.9.6', stage.place.port, stage.place.env);
    },
    inject: ({ gateway }) => closeListener(gateway),
    seen: ['openclaw_gateway_listener_up', {}, 0],
  },
  {
    id: 'G4',
    fault: 'another program answers on the port',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      const stranger = await startStranger(stage.place.port);
      stage.ends.push(() => stranger.end('SIGKILL').then(() => undefined));
    },
    seen: state('foreign'),
  },
  {
    id: 'G10',
    fault: 'not ready, one channel failing',
    inject: (stage) => replaceBy(stage, 'ready'),
    seen: ['openclaw_gateway_ready', {}, 0],
  },
  {
    id: 'G13',
    fault: 'draining before a stop',
    inject: (stage) => replaceBy(stage, 'draining'),
    seen: state('draining'),
  },
  {
    id: 'T1',
    fault: 'gateway restarted with another token',
    inject: async (stage) => {
      await stage.gateway.end('SIGKILL');
      stage.gateway = await stage.place.startReady(newToken());
    },
    seen: ['openclaw_gateway_token_match', {}, 0],
  },
  {
    id: 'T2',
    fault: '.env holds another token, the gateway goes on with the configured one',
    inject: ({ place }) =>
      appendFileSync(join(place.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN=${newToken()}\n`),
    seen: ['openclaw_gateway_token_variants', {}, 2],
  },
  {
    id: 'T8',
    fault: 'sessions_list fails',
    inject: (stage) => replaceBy(stage, 'function'),
    seen: ['openclaw_gateway_function_up', {}, 0],
  },
  {
    id: 'T2+T8',
    fault: 'sessions_list fails since .env shadows the token',
    inject: async (stage) => {
      appendFileSync(join(stage.place.stateDir, '.env'), `OPENCLAW_GATEWAY_TOKEN=${newToken()}\n`);
      await replaceBy(stage, 'function');
    },
    seen: ['openclaw_gateway_function_up', {}, 0],
  },
  {
    id: 'C1',
    fault: 'one job failed once',
    prepare: (stage) => writeJobs(storeIn(stage), [{ name: 'backup', errors: 1 }, { name: 'briefing' }]),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 1],
  },
  {
    id: 'C2',
    fault: 'one job failed three times running',
    prepare: (stage) => writeJobs(storeIn(stage), [{ name: 'backup', errors: 3 }, { name: 'briefing' }]),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 3],
  },
  {
    id: 'N1',
    fault: 'a host that is always on refuses SSH',
    config: async () => {
      const host = { name: 'studio', target: '127.0.0.1', port: await freePort(), always_on: true };
      return { ssh: { hosts: [host] } };
    },
    seen: ['openclaw_ssh_up', { host: 'studio' }, 0],
  },
  {
    id: 'N3',
    fault: 'a host that is always on accepts and never speaks',
    config: async (stage) => {
      const server = createServer();
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      stage.ends.push(() => void server.close());
      const { port } = z.object({ port: z.number() }).parse(server.address());
      return reachHost({ target: '127.0.0.1', port });
    },
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'no_banner' }, 1],
  },
  {
    id: 'N7',
    fault: 'the name of a host that is always on does not resolve',
    config: () => reachHost({ target: 'studio.invalid' }),
    seen: ['openclaw_ssh_result', { host: 'studio', result: 'resolve_failed' }, 1],
  },
  {
    id: 'T5',
    fault: 'no token configured anywhere',
    prepare: (stage) => rewriteConfig(stage, undefined),
    seen: ['openclaw_gateway_token_present', { credential: 'config' }, 0],
  },
  {
    id: 'G1, placeholder',
    fault: 'gateway down, and openclaw.json holds a placeholder with which 2026.9.6 does not start',
    prepare: (stage) => rewriteConfig(stage, 'undefined', { meta: { lastTouchedVersion: '2026.9.6' } }),
    inject: ({ gateway }) => gateway.end('SIGKILL'),
    seen: ['openclaw_gateway_process_up', {}, 0],
  },
  {
    id: 'C7',
    fault: 'the database is damaged',
    prepare: ({ place }) => {
      mkdirSync(join(place.stateDir, 'state'));
      writeFileSync(join(place.stateDir, 'state', 'openclaw.sqlite'), 'no database '.repeat(1_000));
    },
    seen: ['openclaw_cron_source_up', { source: 'sqlite' }, 0],
  },
  {
    id: 'C12',
    fault: 'cron switched off on purpose',
    prepare: (stage) => {
      rewriteConfig(stage, stage.token, { cron: { enabled: false } });
      putJob(stage, 60_000, 'ok', {});
    },
    seen: ['openclaw_cron_scheduler_enabled', {}, 0],
  },
  {
    id: 'C15',
    fault: 'one job is skipped every time',
    prepare: (stage) => putJob(stage, 3_600_000, 'skipped', { consecutiveSkipped: 60 }),
    seen: ['openclaw_cron_consecutive_skips', { cron_job: 'backup' }, 60],
  },
  {
    id: 'C16',
    fault: 'one rare job failed once',
    prepare: (stage) => putJob(stage, 24 * 3_600_000, 'error', { consecutiveErrors: 1 }),
    seen: ['openclaw_cron_consecutive_errors', { cron_job: 'backup' }, 1],
  },
  {
    id: 'unreadable credential',
    fault: 'gateway.token_file does not exist',
    config: ({ place }) => ({
      gateway: { startup_window: '1s', token_file: join(place.stateDir, 'absent.token') },
    }),
    seen: ['openclaw_gateway_up', {}, 1],
  },
];
