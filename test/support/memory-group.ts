import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where control groups are made, and the names of their files, by version. */
const HIERARCHIES = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
  },
  { root: '/sys/fs/cgroup', limit: 'memory.max', usage: 'memory.current' },
] as const;

/** A control group of either version with a limit of memory. */
export class MemoryGroup {
  readonly #folder: string;
  readonly #files: (typeof HIERARCHIES)[number];

  private constructor(folder: string, files: (typeof HIERARCHIES)[number]) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Undefined where this machine lets nobody make one. */
  static make(limitBytes: number): MemoryGroup | undefined {
    for (const files of HIERARCHIES) {
      const folder = join(files.root, `openclaw-test-${process.pid}`);
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      const group = new MemoryGroup(folder, files);
      try {
        group.limit(limitBytes);
        return group;
      } catch {
        // A hierarchy without the memory controller.
        group.remove();
      }
    }
    return undefined;
  }

  /** Throws where the kernel cannot free as much. */
  limit(bytes: number): void {
    writeFileSync(join(this.#folder, this.#files.limit), String(bytes));
  }

  get usageBytes(): number {
    return Number(readFileSync(join(this.#folder, this.#files.usage), 'utf8'));
  }

  /** Moves a process here; the memory that it has stays counted where it was. */
  take(pid: number): void {
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** Runs a shell here, which then becomes `program`. */
  run(program: string) {
    const procs = join(this.#folder, 'cgroup.procs');
    return spawn('sh', ['-c', `echo $$ > ${procs} && exec ${program}`], { stdio: 'ignore' });
  }

  /** Once no process is left in it. */
  remove(): void {
    rmdirSync(this.#folder);
  }
}
