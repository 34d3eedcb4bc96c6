import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** As `nice` has it; the kernel weighs whole sessions against each other by it. */
const AUTOGROUP_NICE = -14;
const EVERY_MS = 400;

/**
 * Puts what this process started before everything else on the machine, sessions of their own included, so
 * that a command takes about as long as on an idle one. Where that is not allowed it changes nothing.
 */
export function raisePriority(): void {
  setInterval(raiseDescendants, EVERY_MS).unref();
}

function raiseDescendants(): void {
  const parents = readParents();
  for (const pid of parents.keys()) {
    if (!isDescendant(pid, parents)) continue;
    try {
      const file = `/proc/${pid}/autogroup`;
      if (!readFileSync(file, 'utf8').endsWith(`nice ${AUTOGROUP_NICE}\n`)) {
        writeFileSync(file, String(AUTOGROUP_NICE));
      }
    } catch {
      // It has ended, or priorities may not be raised here.
    }
  }
}

function readParents(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended.
    }
  }
  return parents;
}

function isDescendant(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (
    let parent: number | undefined = pid;
    parent !== undefined && parent > 1;
    parent = parents.get(parent)
  ) {
    if (parent === process.pid) return true;
  }
  return false;
}
