import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Child } from './child.ts';
import type { GatewayHome } from './openclaw.ts';

/** Jobs that need no model and no network. */
export interface CronJobs {
  /** Id of a job that succeeds every few seconds. */
  readonly succeeding: string;
  /** Id of a job that fails once it has run. */
  readonly failing: string;
  /** Id of a job that is due each time the clock shows a multiple of 10 s, and succeeds. */
  readonly scheduled: string;
  remove(id: string): Promise<void>;
}

const added = z.object({ id: z.string().min(1) });

/** Starts the gateway with one job that succeeds and one that fails, each by the means its version has. */
export async function addJobs(home: GatewayHome, token: string): Promise<{ gateway: Child; jobs: CronJobs }> {
  return startWithJobs(home, token, FAILING_TURN, async () => undefined);
}

/** Fails for want of a model; it keeps a busy 2026.5.7 from its other jobs for seconds. */
const FAILING_TURN = {
  sessionTarget: 'isolated',
  wakeMode: 'now',
  payload: { kind: 'agentTurn', message: 'hello' },
  delivery: { mode: 'none' },
};
/** Is skipped at once, as there is nothing to say. */
export const EMPTY_EVENT = {
  sessionTarget: 'main',
  wakeMode: 'next-heartbeat',
  payload: { kind: 'systemEvent', text: ' ' },
};

/**
 * The same with what "fails" on 2026.5.7, calling `watch` when the gateway's storage is there and
 * before any of these jobs has run.
 */
export async function startWithJobs(
  home: GatewayHome,
  token: string,
  failing: object,
  watch: () => Promise<void>,
): Promise<{ gateway: Child; jobs: CronJobs }> {
  const remove = async (id: string) => {
    await home.cli(token, 'cron', 'rm', id);
  };
  if (home.version === '2026.5.7') {
    writeJobsFile(home, failing);
    await watch();
    const gateway = await home.startReady();
    const ids = { succeeding: 'succeeding-1', failing: 'failing-1', scheduled: 'scheduled-1' };
    return { gateway, jobs: { ...ids, remove } };
  }
  const gateway = await home.startReady();
  await watch();
  const add = (name: string, schedule: readonly string[], program: string) =>
    addCommand(home, token, name, schedule, program);
  const scheduled = await add('scheduled', ['--cron', '*/10 * * * * *', '--exact'], '/bin/true');
  const succeeding = await add('succeeding', ['--every', '2s'], '/bin/true');
  const ended = await add('failing', ['--every', '5s'], '/bin/false');
  return { gateway, jobs: { succeeding, failing: ended, scheduled, remove } };
}

/**
 * Adds a job that runs a program, by the CLI of a gateway that has such jobs (2026.9.6), and returns its id.
 */
export async function addCommand(
  home: GatewayHome,
  token: string,
  name: string,
  schedule: readonly string[],
  program: string,
): Promise<string> {
  const argv = JSON.stringify([program]);
  const args = ['cron', 'add', '--name', name, ...schedule, '--command-argv', argv, '--no-deliver'];
  const printed = await home.cli(token, ...args);
  return added.parse(JSON.parse(printed.slice(printed.indexOf('{')))).id;
}

/**
 * 2026.5.7 has no command payload: a system event succeeds by itself, an agent
 *      turn fails for want of a model.
 */
function writeJobsFile(home: GatewayHome, failing: object): void {
  const now = Date.now();
  const every = (everyMs: number) => ({ kind: 'every', everyMs, anchorMs: now });
  const job = (name: string, schedule: object, rest: object) => ({
    id: `${name}-1`,
    name,
    enabled: true,
    createdAtMs: now,
    updatedAtMs: now,
    schedule,
    state: {},
    ...rest,
  });
  const succeeding = {
    sessionTarget: 'main',
    wakeMode: 'next-heartbeat',
    payload: { kind: 'systemEvent', text: 'tick' },
  };
  const jobs = [
    job('succeeding', every(2000), succeeding),
    job('failing', every(5000), failing),
    job('scheduled', { kind: 'cron', expr: '*/10 * * * * *', staggerMs: 0 }, succeeding),
  ];
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
}
