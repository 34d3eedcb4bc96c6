import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { type MemoryGroup, memoryGroups } from './cgroup.ts';

/** Processes that the kernel killed for want of memory in one control group. */
export interface OomKills {
  /** Another text for another group, a new one of the same name included. */
  readonly group: string;
  /** Since that group was made. */
  readonly kills: number;
}

/**
 * Counts the out-of-memory kills of the control group that a process is in: `oom_kill` of `memory.events` in
 * version 2, of `memory.oom_control` in version 1 (Linux 4.13 and later). Undefined where there is no such
 * group, or it cannot be read.
 */
export async function readOomKills(pid: number, signal: AbortSignal): Promise<OomKills | undefined> {
  try {
    const [cgroup, mounts] = await Promise.all([
      readFile(`/proc/${pid}/cgroup`, { encoding: 'utf8', signal }),
      readFile('/proc/self/mountinfo', { encoding: 'utf8', signal }),
    ]);
    for (const group of memoryGroups(cgroup, mounts)) {
      const found = await readGroup(group, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** `oom_kill` of `memory.events` or `memory.oom_control`: one key and number a line. */
export function parseOomKills(text: string): number | undefined {
  const digits = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

async function readGroup({ folders, file }: MemoryGroup, signal: AbortSignal): Promise<OomKills | undefined> {
  const [folder] = folders;
  if (folder === undefined) return undefined;
  const name = file === 'memory.max' ? 'memory.events' : 'memory.oom_control';
  try {
    const kills = parseOomKills(await readFile(posix.join(folder, name), { encoding: 'utf8', signal }));
    const { ino, dev } = await stat(folder);
    return kills === undefined ? undefined : { group: `${dev}:${ino}`, kills };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
