import { open } from 'node:fs/promises';
import { codeOf } from '../lib/errors.ts';
import { parseProcStat, pickEnvironment } from '../os/proc-process.ts';
import type { ProcessRow } from '../os/processes.ts';
import { credentialOf, type SecretOutcome } from './secrets.ts';

/** What the running gateway was given; `hidden` where it may not be looked at, with the reason. */
export type ProcessCredential = SecretOutcome | { readonly state: 'hidden'; readonly reason: string };

const MAX_BYTES = 256 * 1024;
const MAX_CHILDREN = 16;
/** A child of the gateway itself, and no command that an agent runs. */
const OWN_CHILD = /\/dist\/process\/spawn-broker\/worker\.js$/;

/**
 * What the gateway's process holds: `--token` of its command line where that is still to be seen,
 * else what it hands to its own worker (current versions hand on the effective one), else what it
 * was started with. Linux alone.
 */
export async function processCredential(
  { pid, start, argv }: Pick<ProcessRow, 'pid' | 'start' | 'argv'>,
  kind: 'token' | 'password',
): Promise<ProcessCredential> {
  const name = `the running gateway's ${kind}`;
  const variable = kind === 'password' ? 'OPENCLAW_GATEWAY_PASSWORD' : 'OPENCLAW_GATEWAY_TOKEN';
  const option = argv.indexOf(`--${kind}`);
  const given = argv.find((argument) => argument.startsWith(`--${kind}=`))?.slice(kind.length + 3);
  const shown = credentialOf(given ?? (option < 0 ? undefined : argv[option + 1]), name);
  if (shown.state !== 'none') return shown;
  try {
    const own = pickEnvironment(await textOf(`/proc/${pid}/environ`), [variable]).get(variable);
    const handedOn = await ofWorker(pid, variable);
    const stat = parseProcStat(await textOf(`/proc/${pid}/stat`));
    if (stat?.startTicks !== start) return { state: 'hidden', reason: 'it has just ended' };
    return credentialOf(handedOn ?? own, name);
  } catch (error) {
    return { state: 'hidden', reason: codeOf(error) ?? 'unreadable' };
  }
}

async function ofWorker(pid: number, variable: string): Promise<string | undefined> {
  const children = await textOf(`/proc/${pid}/task/${pid}/children`).catch(() => '');
  for (const child of children
    .split(' ')
    .filter((text) => /^\d+$/.test(text))
    .slice(0, MAX_CHILDREN)) {
    const argv = (await textOf(`/proc/${child}/cmdline`).catch(() => '')).split('\0');
    if (!argv.some((argument) => OWN_CHILD.test(argument))) continue;
    const environment = await textOf(`/proc/${child}/environ`).catch(() => '');
    const found = pickEnvironment(environment, [variable]).get(variable);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The kernel makes these files while they are read, so their size tells nothing. */
async function textOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    // Only what is read of it is used, so that it need not be zeroed.
    const buffer = Buffer.allocUnsafe(MAX_BYTES);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, MAX_BYTES - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === MAX_BYTES) return buffer.toString('utf8', 0, length);
    }
  } finally {
    await file.close();
  }
}
