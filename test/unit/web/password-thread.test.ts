import { hashSync } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { PasswordThread } from '../../../src/web/password-thread.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PASSWORD = 'correct horse';
/** The lowest cost there is. */
const HASH = hashSync(PASSWORD, 4);
const IDLE_MS = 30_000;

describe('the thread that compares passwords', () => {
  it('proves nobody right when it is closed, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const thread = new PasswordThread(clock);
    const turns = Array.from({ length: 3 }, () => thread.compare(PASSWORD, HASH));
    thread.close();
    expect(await Promise.all(turns)).toEqual([false, false, false]);
    expect(clock.pending).toBe(0);
  });

  it('ends when it had nothing to do for a while, and starts again', async () => {
    const clock = new FakeClock();
    const thread = new PasswordThread(clock);
    expect(await Promise.all([thread.compare(PASSWORD, HASH), thread.compare('wrong', HASH)])).toEqual([
      true,
      false,
    ]);
    expect(clock.pending).toBe(1);
    await clock.advance(IDLE_MS);
    expect(clock.pending).toBe(0);
    expect(await thread.compare(PASSWORD, HASH)).toBe(true);
    thread.close();
    expect(clock.pending).toBe(0);
  });
});
