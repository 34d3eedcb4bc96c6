import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { codeOf, messageOf } from '../../lib/errors.ts';
import { homeOfUser } from '../../lib/paths.ts';
import { runCommand } from '../../lib/run-command.ts';
import type { Flags } from '../flags.ts';
import { DEFAULT_LISTEN } from '../web-flags.ts';
import { chooseListenAddress } from './listen-address.ts';
import { manageService } from './manage.ts';
import { type PlanOptions, type PlanOutcome, planService } from './plan.ts';

/** What the command line asks of the service. */
export interface ServiceCommand {
  readonly action: 'install' | 'uninstall';
  readonly system: boolean;
  /** Whether the user agreed beforehand. */
  readonly yes: boolean;
  readonly flags: Flags;
}

const BAD_INPUT = 2;

/**
 * `install-service` and `uninstall-service`: shows what it will do, asks, and does it. Gives the exit code.
 */
export async function serviceCommand({ action, system, yes, flags }: ServiceCommand): Promise<0 | 1 | 2> {
  const { env, platform, stdout, stderr } = process;
  const options: PlanOptions = {
    action,
    system,
    flags,
    platform,
    env,
    uid: process.getuid?.() ?? 0,
    home: env.HOME || homeOfUser(),
    launcher: [process.execPath, findLauncher()],
    resolve,
  };
  const outcome = await planWithPort(options);
  if (outcome.state === 'impossible') {
    stderr.write(`${outcome.reason}\n`);
    return BAD_INPUT;
  }
  try {
    const agrees = async () => yes || (await asked());
    return await manageService({
      plan: outcome.plan,
      run: runCommand,
      env,
      say: (text) => void stdout.write(text),
      agrees,
    });
  } catch (error) {
    stderr.write(`the service's file cannot be changed (${codeOf(error) ?? messageOf(error)})\n`);
    return 1;
  }
}

/** A named service without an address of its own listens on a port that no other one has. */
async function planWithPort(options: PlanOptions): Promise<PlanOutcome> {
  const outcome = planService(options);
  const { flags, action } = options;
  if (outcome.state === 'impossible' || action === 'uninstall') return outcome;
  if (flags.name === undefined || !flags.listensAtDefault) return outcome;
  const listen = await chooseListenAddress(outcome.plan.file, DEFAULT_LISTEN);
  return planService({ ...options, flags: { ...flags, listen: [listen] } });
}

/** In a clone the one in `src`, which outlives each `dist`; else the one of the package. */
function findLauncher(): string {
  const inClone = fileURLToPath(new URL('../../../src/launch.js', import.meta.url));
  return existsSync(inClone) ? inClone : fileURLToPath(new URL('../../launch.js', import.meta.url));
}

/** Nobody agrees where nobody can be asked. */
async function asked(): Promise<boolean> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) {
    stdout.write('\nnobody can be asked here; --yes agrees beforehand\n');
    return false;
  }
  const terminal = createInterface({ input: stdin, output: stdout });
  try {
    return /^y(?:es)?$/i.test((await terminal.question('\nDo this? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
