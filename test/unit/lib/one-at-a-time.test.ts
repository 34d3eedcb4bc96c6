import { describe, expect, it } from 'vitest';
import { oneAtATime } from '../../../src/lib/one-at-a-time.ts';
import { settle } from '../../support/fake-clock.ts';

describe('work that runs one at a time', () => {
  it('never overlaps itself, and calls during a run share the next one', async () => {
    const finish: (() => void)[] = [];
    const work = oneAtATime(
      () => new Promise<number>((resolve) => finish.push(() => resolve(finish.length))),
    );
    const first = work();
    await settle();
    const second = work();
    const third = work();
    await settle();
    expect(finish.length).toBe(1);
    finish[0]?.();
    expect(await first).toBe(1);
    await settle();
    expect(finish.length).toBe(2);
    finish[1]?.();
    expect(await Promise.all([second, third])).toEqual([2, 2]);
  });

  it('goes on after a failure', async () => {
    let runs = 0;
    const work = oneAtATime(async () => {
      runs += 1;
      if (runs === 1) throw new Error('once');
      return runs;
    });
    await expect(work()).rejects.toThrow('once');
    expect(await work()).toBe(2);
  });
});
