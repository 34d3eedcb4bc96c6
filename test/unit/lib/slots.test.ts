import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/lib/slots.ts';
import { settle } from '../../support/fake-clock.ts';

const forever = new AbortController().signal;

/** Work that ends when told, and is noted when it begins. */
function tasks(slots: Slots) {
  const begun: string[] = [];
  const start = (name: string, signal = forever) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const result = slots.use(signal, () => {
      begun.push(name);
      return promise;
    });
    return { result, finish: () => resolve(name), fail: () => reject(new Error(name)) };
  };
  return { begun, start };
}

describe('slots', () => {
  it('give nothing and do nothing for who gives up waiting, and lose no place by it', async () => {
    const { begun, start } = tasks(new Slots(1));
    const first = start('first');
    const giveUp = new AbortController();
    const second = start('second', giveUp.signal);
    const third = start('third');
    giveUp.abort();
    expect(await second.result).toBeUndefined();
    first.finish();
    third.finish();
    expect(await third.result).toBe('third');
    expect(begun).toEqual(['first', 'third']);
  });

  it('refuse at once who has given up already, unless a place is free', async () => {
    const { start } = tasks(new Slots(1));
    const first = start('first', AbortSignal.abort());
    expect(await start('second', AbortSignal.abort()).result).toBeUndefined();
    first.finish();
    expect(await first.result).toBe('first');
  });

  it('free a place whose work fails', async () => {
    const { start } = tasks(new Slots(1));
    const first = start('first');
    first.fail();
    await expect(first.result).rejects.toThrow('first');
    const second = start('second');
    second.finish();
    expect(await second.result).toBe('second');
  });

  it('are taken by no more than their number at once, in order of arrival', async () => {
    const { begun, start } = tasks(new Slots(2));
    const all = ['a', 'b', 'c', 'd'].map((name) => start(name));
    await settle();
    expect(begun).toEqual(['a', 'b']);
    all[1]?.finish();
    await settle();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const one of all) one.finish();
    await Promise.all(all.map((one) => one.result));
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });
});
