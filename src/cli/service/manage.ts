import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { printable } from '../../lib/printable.ts';
import { readRegularSync, replaceFileSync } from '../../lib/regular-file.ts';
import type { RunCommand } from '../../lib/run-command.ts';
import type { ServicePlan, ServiceStep } from './plan.ts';

/** Longer than a manager needs to start or end the exporter. */
const COMMAND_MS = 30_000;

/** A plan, and whom to ask and tell. */
export interface ManageOptions {
  readonly plan: ServicePlan;
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (text: string) => void;
  /** Whether the user agrees; asked after all was shown. */
  readonly agrees: () => Promise<boolean>;
}

/** Shows what would be done, asks, and does it. Gives the exit code: 0 done, 1 not agreed to or failed. */
export async function manageService({ plan, run, env, say, agrees }: ManageOptions): Promise<0 | 1> {
  say(`${described(plan)}\n`);
  if (!(await agrees())) {
    say('nothing was done\n');
    return 1;
  }
  const isRemoval = plan.content === undefined;
  const isPrepared = await performAll(plan.before, isRemoval);
  if (!isPrepared && !isRemoval) return 1;
  const former = readFormer(plan.file);
  write(plan);
  say(`${isRemoval ? 'removed' : 'written'}: ${printable(plan.file)}\n`);
  const isDone = await performAll(plan.after, isRemoval);
  if (isDone && isPrepared) {
    say('done\n');
    return 0;
  }
  if (!isRemoval) {
    write({ file: plan.file, content: former });
    say(`${former === undefined ? 'removed again' : 'as it was before'}: ${printable(plan.file)}\n`);
  }
  return 1;

  /** Whether all went well; only a removal goes on after one that did not. */
  async function performAll(steps: readonly ServiceStep[], goesOn: boolean): Promise<boolean> {
    let isWell = true;
    for (const step of steps) {
      isWell = (await perform(step, run, env, say)) && isWell;
      if (!isWell && !goesOn) return false;
    }
    return isWell;
  }
}

/** Far more than a unit or an agent has. */
const MAX_UNIT_BYTES = 1024 * 1024;

function readFormer(file: string): string | undefined {
  return existsSync(file) ? readRegularSync(file, MAX_UNIT_BYTES) : undefined;
}

function described({ file, content, before, after }: ServicePlan): string {
  const commands = (list: ServicePlan['before']) =>
    list.map(({ command }) => `run: ${command.map(printable).join(' ')}`);
  const change =
    content === undefined ? [`remove: ${printable(file)}`] : [`write: ${printable(file)}`, '', content];
  return [...commands(before), ...change, ...commands(after)].join('\n');
}

function write({ file, content }: Pick<ServicePlan, 'file' | 'content'>): void {
  if (content === undefined) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  replaceFileSync(file, content, 0o644);
}

async function perform(
  { command, alsoGood = [], advice }: ServiceStep,
  run: RunCommand,
  env: ManageOptions['env'],
  say: (text: string) => void,
): Promise<boolean> {
  const [file = '', ...args] = command;
  const kept = ['PATH', 'HOME', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const signal = AbortSignal.timeout(COMMAND_MS);
  const outcome = await run(file, args, { signal, env: Object.fromEntries(kept) });
  if (outcome.state === 'exited' && [0, ...alsoGood].includes(outcome.code)) return true;
  const said = outcome.state === 'exited' ? outcome.stderr.trim().split('\n')[0] : outcome.state;
  say(`failed: ${[file, ...args].map(printable).join(' ')} (${printable(said ?? '')})\n`);
  if (advice !== undefined) say(`${advice}\n`);
  return false;
}
