import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readOomKills } from '../../../src/os/oom.ts';
import { MemoryGroup } from '../../support/memory-group.ts';

const LIMIT_BYTES = 64 * 1024 * 1024;
const { signal } = new AbortController();

describe('the out-of-memory kills of a control group', () => {
  it('grow when the kernel kills another process of the same group', async ({ skip }) => {
    const group = MemoryGroup.make(LIMIT_BYTES);
    if (group === undefined) return skip('no control group can be made here');
    onTestFinished(() => group.remove());
    const gateway = group.run('sleep 60');
    onTestFinished(async () => {
      gateway.kill('SIGKILL');
      await once(gateway, 'exit');
    });
    await expect.poll(() => readOomKills(gateway.pid ?? 0, signal).then((seen) => seen?.kills)).toBe(0);
    const before = await readOomKills(gateway.pid ?? 0, signal);
    const hog = group.run(`${process.execPath} -e "Buffer.alloc(${4 * LIMIT_BYTES}, 1)"`);
    expect(await once(hog, 'exit')).toEqual([null, 'SIGKILL']);
    expect(await readOomKills(gateway.pid ?? 0, signal)).toEqual({ group: before?.group, kills: 1 });
  });

  it('are unknown of a process that is gone', async () => {
    expect(await readOomKills(2 ** 30, signal)).toBeUndefined();
  });
});
