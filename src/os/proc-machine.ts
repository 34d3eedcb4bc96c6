import { readFile } from 'node:fs/promises';
import { type ProcStat, parseBootTime, parseHertz, parsePageBytes } from './proc-process.ts';
import type { ProcessRow } from './processes.ts';

/** What /proc tells of the machine itself. */
export interface MachineFacts {
  /** Ticks per second of the kernel's user clock. */
  readonly hertz: number;
  readonly pageBytes: number;
  readonly bootId: string;
  /** Wall time in milliseconds, derived from the clock as it is now. */
  readonly bootTimeMs: number;
}

/**
 * Reads what /proc, mounted at `root`, tells of the machine. Throws where it does not tell when it booted.
 */
export async function readMachine(root: string, signal: AbortSignal): Promise<MachineFacts> {
  const text = (path: string) => readFile(`${root}/${path}`, { encoding: 'utf8', signal });
  const bootSeconds = parseBootTime(await text('stat'));
  if (bootSeconds === undefined) throw new Error('/proc/stat does not tell when the machine booted');
  const auxv = await readFile(`${root}/self/auxv`, { signal }).catch(() => Buffer.alloc(0));
  return {
    hertz: parseHertz(auxv),
    pageBytes: parsePageBytes(auxv),
    bootId: (await text('sys/kernel/random/boot_id')).trim(),
    bootTimeMs: bootSeconds * 1000,
  };
}

/** One process of the table. */
export function toRow(
  found: ProcStat,
  argv: readonly string[],
  { hertz, bootTimeMs }: Pick<MachineFacts, 'hertz' | 'bootTimeMs'>,
): ProcessRow {
  return {
    pid: found.pid,
    ppid: found.ppid,
    start: found.startTicks,
    startedAtMs: bootTimeMs + (Number(found.startTicks) / hertz) * 1000,
    state: found.state,
    comm: cleanName(found.comm),
    argv,
  };
}

/** A kernel's name without control characters, which a process may put there. */
export function cleanName(comm: string): string {
  return comm.replaceAll(/\p{C}/gu, '?');
}
