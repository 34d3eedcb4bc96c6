import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { digestGateway, Ledger } from '../../../src/state/ledger.ts';
import type { CommitOutcome, StateStore } from '../../../src/state/state-file.ts';

/** A state file in memory whose commits end as told. */
class Memory implements Pick<StateStore, 'read' | 'commit'> {
  outcome: CommitOutcome = { state: 'saved' };
  readonly committed: unknown[] = [];
  #value: unknown;

  read<T>(_name: string, schema: z.ZodType<T>): T | undefined {
    return schema.optional().parse(this.#value);
  }

  async commit(_name: string, value: unknown): Promise<CommitOutcome> {
    this.committed.push(value);
    if (this.outcome.state === 'saved') this.#value = value;
    return this.outcome;
  }

  open(): CommitOutcome {
    return this.outcome;
  }
}

const schema = z.object({ total: z.int() });
const add = (before: z.output<typeof schema> | undefined) => ({ total: (before?.total ?? 0) + 1 });

describe('a ledger', () => {
  it('shows nothing while its first section cannot be saved', async () => {
    const memory = new Memory();
    memory.outcome = { state: 'not_saved', reason: 'the disk is full' };
    const ledger = new Ledger(memory, 'totals', schema);
    expect(await ledger.enter(add)).toEqual({ section: undefined, failure: 'the disk is full' });
  });

  it('shows what is on disk while the next section cannot be saved, and catches up afterwards', async () => {
    const memory = new Memory();
    const ledger = new Ledger(memory, 'totals', schema);
    await ledger.enter(add);
    memory.outcome = { state: 'unconfirmed', reason: 'the disk is slow' };
    expect(await ledger.enter(add)).toEqual({ section: { total: 1 }, failure: 'the disk is slow' });
    memory.outcome = { state: 'saved' };
    expect(await ledger.enter(add)).toEqual({ section: { total: 2 }, failure: undefined });
  });

  it('writes nothing where nothing changed', async () => {
    const memory = new Memory();
    const ledger = new Ledger(memory, 'totals', schema);
    await ledger.enter(add);
    expect(await ledger.enter((before) => before ?? { total: 0 })).toMatchObject({ section: { total: 1 } });
    expect(memory.committed).toHaveLength(1);
  });

  it('goes on from what another one saved', async () => {
    const memory = new Memory();
    await new Ledger(memory, 'totals', schema).enter(add);
    expect(new Ledger(memory, 'totals', schema).read()).toEqual({ total: 1 });
  });
});

describe('the digest of a gateway', () => {
  it('tells state folders apart and holds no path', () => {
    const [one, other] = ['/home/a/.openclaw', '/home/b/.openclaw'].map(digestGateway);
    expect(one).not.toBe(other);
    expect(one).toMatch(/^[0-9a-f]{16}$/);
  });
});
