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
  remove(id: string): Promise<void>;
}

const added = z.object({ id: z.string().min(1) });

/** Starts the gateway with one job that succeeds and one that fails, each by the means its version has. */
export async function addJobs(home: GatewayHome, token: string): Promise<{ gateway: Child; jobs: CronJobs }> {
  const remove = async (id: string) => {
    await home.cli(token, 'cron', 'rm', id);
  };
  if (home.version === '2026.5.7') {
    writeJobsFile(home);
    const gateway = await home.startReady();
    return { gateway, jobs: { succeeding: 'succeeding-1', failing: 'failing-1', remove } };
  }
  const gateway = await home.startReady();
  const succeeding = await addCommand(home, token, 'succeeding', '2s', '/bin/true');
  const failing = await addCommand(home, token, 'failing', '5s', '/bin/false');
  return { gateway, jobs: { succeeding, failing, remove } };
}

async function addCommand(home: GatewayHome, token: string, name: string, every: string, program: string) {
  const argv = JSON.stringify([program]);
  const args = ['cron', 'add', '--name', name, '--every', every, '--command-argv', argv, '--no-deliver'];
  const printed = await home.cli(token, ...args);
  return added.parse(JSON.parse(printed.slice(printed.indexOf('{')))).id;
}

/** 2026.5.7 has no command payload: a system event succeeds by itself, an agent turn fails for want of a model. */
function writeJobsFile(home: GatewayHome): void {
  const now = Date.now();
  const job = (id: string, everyMs: number, rest: object) => ({
    id,
    name: id.replace(/-1$/, ''),
    enabled: true,
    createdAtMs: now,
    updatedAtMs: now,
    schedule: { kind: 'every', everyMs, anchorMs: now },
    state: {},
    ...rest,
  });
  const succeeding = {
    sessionTarget: 'main',
    wakeMode: 'next-heartbeat',
    payload: { kind: 'systemEvent', text: 'tick' },
  };
  const failing = {
    sessionTarget: 'isolated',
    wakeMode: 'now',
    payload: { kind: 'agentTurn', message: 'hello' },
    delivery: { mode: 'none' },
  };
  const jobs = [job('succeeding-1', 2000, succeeding), job('failing-1', 5000, failing)];
  mkdirSync(join(home.stateDir, 'cron'), { recursive: true });
  writeFileSync(join(home.stateDir, 'cron', 'jobs.json'), JSON.stringify({ version: 1, jobs }));
}
