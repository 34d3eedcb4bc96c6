import { readFile } from 'node:fs/promises';
import { parseProcStat, pickEnvironment } from '../os/proc-process.ts';
import type { ProcessRow } from '../os/processes.ts';
import type { CronSetting } from './install.ts';

const VARIABLE = 'OPENCLAW_SKIP_CRON';

/** Whether a gateway runs cron jobs by itself; `off` with the setting that says so. */
export type CronSwitch =
  | { readonly state: 'on' | 'unknown' }
  | { readonly state: 'off'; readonly by: 'cron.enabled' | typeof VARIABLE };

/** `OPENCLAW_SKIP_CRON` in the environment of the gateway's process. */
export type ProcessSkip =
  | { readonly state: 'read'; readonly value: string | undefined }
  | { readonly state: 'hidden' };

/**
 * Whether the scheduler of cron jobs is switched on. Every version starts none when `cron.enabled` is false
 * or `OPENCLAW_SKIP_CRON` is `1`. `own` is that variable of the exporter, which counts where the gateway's
 * process cannot be looked into: the two often share their environment.
 */
export function cronSwitch(
  setting: CronSetting | undefined,
  ofProcess: ProcessSkip,
  own: string | undefined,
): CronSwitch {
  const files = setting?.skip;
  const skip =
    ofProcess.state === 'read' ? (ofProcess.value ?? files) : (files ?? setting?.serviceSkip ?? own);
  if (skip === '1') return { state: 'off', by: VARIABLE };
  if (setting?.enabled === undefined) return { state: 'unknown' };
  return setting.enabled ? { state: 'on' } : { state: 'off', by: 'cron.enabled' };
}

/** Looks into the environment of a process; hidden outside of Linux, and of other users. */
async function readSkipCron({ pid, start }: Pick<ProcessRow, 'pid' | 'start'>): Promise<ProcessSkip> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    const stat = parseProcStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
    if (stat?.startTicks !== start) return { state: 'hidden' };
    return { state: 'read', value: pickEnvironment(environment, [VARIABLE]).get(VARIABLE) };
  } catch {
    return { state: 'hidden' };
  }
}

/** How long the environment of one process is not read again, milliseconds. */
const VALID_MS = 5 * 60_000;

/** Reads `OPENCLAW_SKIP_CRON` of a process: it keeps its environment, unless it executes another program. */
export class SkipCronReader {
  readonly #monotonic: () => number;
  #known: { readonly identity: string; readonly atMs: number; readonly skip: ProcessSkip } | undefined;

  /** `monotonic` gives milliseconds that nobody sets. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  async read(row: Pick<ProcessRow, 'pid' | 'start'>): Promise<ProcessSkip> {
    const identity = `${row.pid} ${row.start}`;
    const atMs = this.#monotonic();
    if (this.#known?.identity === identity && atMs - this.#known.atMs < VALID_MS) return this.#known.skip;
    const skip = await readSkipCron(row);
    this.#known = skip.state === 'read' ? { identity, atMs, skip } : undefined;
    return skip;
  }
}
