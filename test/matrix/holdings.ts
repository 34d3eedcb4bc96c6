import { readdirSync, readFileSync } from 'node:fs';

/** What a process has of the system: MiB in memory, open files, children of its own. */
export interface Holdings {
  readonly megabytes: number;
  readonly files: number;
  readonly children: number;
}

/** What a process holds; undefined where it is gone. */
export function holdings(pid: number): Holdings | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return {
      megabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024),
      files: readdirSync(`/proc/${pid}/fd`).length,
      children: readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length,
    };
  } catch {
    return undefined;
  }
}
