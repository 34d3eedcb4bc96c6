import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readOomKills } from '../../../src/os/oom.ts';

const LIMIT_BYTES = 64 * 1024 * 1024;
const { signal } = new AbortController();

/** A control group of either version with a limit; undefined where this machine lets nobody make one. */
function makeGroup(): string | undefined {
  const name = `openclaw-test-${process.pid}`;
  for (const [root, limit] of [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ] as const) {
    const folder = join(root, name);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    onTestFinished(() => rmdirSync(folder));
    try {
      writeFileSync(join(folder, limit), String(LIMIT_BYTES));
      return folder;
    } catch {
      // A hierarchy without the memory controller.
    }
  }
  return undefined;
}

/** Runs a shell in the group, which then becomes `program`. */
function runIn(group: string, program: string) {
  return spawn('sh', ['-c', `echo $$ > ${join(group, 'cgroup.procs')} && exec ${program}`], {
    stdio: 'ignore',
  });
}

describe('the out-of-memory kills of a control group', () => {
  it('grow when the kernel kills another process of the same group', async ({ skip }) => {
    const group = makeGroup();
    if (group === undefined) return skip('no control group can be made here');
    const gateway = runIn(group, 'sleep 60');
    onTestFinished(async () => {
      gateway.kill('SIGKILL');
      await once(gateway, 'exit');
    });
    await expect.poll(() => readOomKills(gateway.pid ?? 0, signal).then((seen) => seen?.kills)).toBe(0);
    const before = await readOomKills(gateway.pid ?? 0, signal);
    const hog = runIn(group, `${process.execPath} -e "Buffer.alloc(${4 * LIMIT_BYTES}, 1)"`);
    expect(await once(hog, 'exit')).toEqual([null, 'SIGKILL']);
    expect(await readOomKills(gateway.pid ?? 0, signal)).toEqual({ group: before?.group, kills: 1 });
  });

  it('are unknown of a process that is gone', async () => {
    expect(await readOomKills(2 ** 30, signal)).toBeUndefined();
  });
});
