import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/lib/slots.ts';
import { SharedLooks } from '../../../src/probe/shared-looks.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const MOST_MS = 4_000;

/** Looks that end when the test says so, at one target with places for `places` of them. */
function looks({ places = 8, atOnce = 3 } = {}) {
  const clock = new FakeClock();
  const closing = new AbortController();
  const slots = new Slots(places);
  const begun: { readonly ms: number; readonly end: (verdict: string) => void }[] = [];
  const shared = new SharedLooks<string>({
    clock,
    slots: () => slots,
    mostMs: MOST_MS,
    atOnce,
    signal: closing.signal,
    look: (ms) => new Promise((end) => begun.push({ ms, end })),
  });
  /** A look's verdict, or the state that says why there is none. */
  const get = async (budgetMs: number): Promise<string> => {
    const look = await shared.get({ budgetMs, deadlineMs: clock.monotonic() + budgetMs });
    return look.state === 'seen' ? look.verdict : look.state;
  };
  return { clock, closing, slots, begun, get };
}

describe('looks at one target', () => {
  it('are shared by callers of the same patience', async () => {
    const { begun, get } = looks();
    const callers = [get(9_500), get(9_500), get(9_500)];
    await settle();
    expect(begun).toHaveLength(1);
    begun[0]?.end('up');
    expect(await Promise.all(callers)).toEqual(['up', 'up', 'up']);
  });

  it('are shared by callers who have more time than any look takes, whatever their time', async () => {
    const { begun, get } = looks();
    const callers: Promise<string>[] = [];
    for (const budgetMs of [20_000, 9_500, 6_000]) {
      callers.push(get(budgetMs));
      await settle();
    }
    expect(begun.map(({ ms }) => ms)).toEqual([MOST_MS]);
    begun[0]?.end('up');
    expect(await Promise.all(callers)).toEqual(['up', 'up', 'up']);
  });

  it('begin anew once the last has ended', async () => {
    const { begun, get } = looks();
    const first = get(9_500);
    await settle();
    begun[0]?.end('up');
    expect(await first).toBe('up');
    const second = get(9_500);
    await settle();
    begun[1]?.end('down');
    expect(await second).toBe('down');
  });

  it('give an impatient caller one of its own, and a patient one not the verdict of the impatient', async () => {
    const { begun, get } = looks();
    const patient = get(9_500);
    await settle();
    const impatient = get(500);
    await settle();
    expect(begun.map(({ ms }) => ms)).toEqual([MOST_MS, 450]);
    begun[1]?.end('hung');
    expect(await impatient).toBe('hung');
    const another = get(9_500);
    begun[0]?.end('slow but up');
    expect(await Promise.all([patient, another])).toEqual(['slow but up', 'slow but up']);
    expect(begun).toHaveLength(2);
  });

  it('are no more than allowed at once: a caller beyond waits its own time for what there is', async () => {
    const { clock, begun, get } = looks({ atOnce: 1 });
    const patient = get(9_500);
    await settle();
    const impatient = get(500);
    await clock.advance(500);
    expect(await impatient).toBe('no_turn');
    expect(begun).toHaveLength(1);
    begun[0]?.end('up');
    expect(await patient).toBe('up');
  });

  it('end without a verdict where no place comes free, while there would be time for an honest one', async () => {
    const { clock, slots, begun, get } = looks({ places: 1 });
    let leave: () => void = () => undefined;
    void slots.use(new AbortController().signal, () => new Promise<void>((resolve) => (leave = resolve)));
    const late = get(5_000);
    await clock.advance(2_999);
    leave();
    await settle();
    // What is left is less than its due, but enough.
    expect(begun.map(({ ms }) => ms)).toEqual([2_001]);
    begun[0]?.end('up');
    expect(await late).toBe('up');

    void slots.use(new AbortController().signal, () => new Promise<void>((resolve) => (leave = resolve)));
    const never = get(5_000);
    await clock.advance(3_001);
    expect(await never).toBe('no_turn');
    leave();
    await settle();
    expect(begun).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('that last longer than they may are told apart from those that get no turn', async () => {
    const { clock, begun, get } = looks({ places: 1 });
    const first = get(4_500);
    await settle();
    const joined = get(4_500);
    await clock.advance(4_500);
    expect(await Promise.all([first, joined])).toEqual(['overran', 'overran']);
    expect(begun).toHaveLength(1);
    begun[0]?.end('up, too late');
  });

  it('take their turns in the order of asking', async () => {
    const clock = new FakeClock();
    const slots = new Slots(1);
    const order: string[] = [];
    const targets = ['a', 'b', 'c'].map(
      (name) =>
        new SharedLooks({
          clock,
          slots: () => slots,
          mostMs: MOST_MS,
          atOnce: 1,
          signal: new AbortController().signal,
          look: async () => void order.push(name),
        }),
    );
    await Promise.all([...targets, ...targets].map((one) => one.get({ budgetMs: 9_500, deadlineMs: 9_500 })));
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('are cut when nothing may go on, and their callers are told', async () => {
    const { closing, get } = looks();
    const caller = get(9_500);
    const told = expect(caller).rejects.toThrow('closing');
    await settle();
    closing.abort(new Error('closing'));
    // The look itself, which has the signal too, is not waited for.
    await told;
    await expect(get(9_500)).rejects.toThrow('closing');
  });
});
