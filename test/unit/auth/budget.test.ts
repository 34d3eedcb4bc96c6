import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AuthBudget, budgetKey, MAX_FAILURES, WINDOW_MS } from '../../../src/auth/budget.ts';
import type { BootClock } from '../../../src/lib/boot-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const ADDRESS = 'loopback:18789';

class FakeBoot implements BootClock {
  real = 10 * WINDOW_MS;
  bootedAt = 0;
  id = 'boot-0';
  boot(): string {
    return this.id;
  }
  uptimeMs(): number {
    return this.real - this.bootedAt;
  }
  reboot(): void {
    this.bootedAt = this.real;
    this.id = `boot-${this.real}`;
  }
}

function budget(folder: string, bootClock: BootClock) {
  return new AuthBudget({ folder, bootClock });
}

/** A file whose inner table is none: SQLite tells that by an extended code of SQLITE_CORRUPT. */
function damageSequence(path: string): void {
  budget(dirname(path), new FakeBoot()).charge(ADDRESS);
  const database = new DatabaseSync(path);
  database.enableDefensive(false);
  database.exec('PRAGMA writable_schema = ON');
  database.exec(
    "UPDATE sqlite_master SET sql = 'CREATE TABLE sqlite_sequence(name)' WHERE name = 'sqlite_sequence'",
  );
  database.close();
}

describe('the limit of failed attempts', () => {
  it('refuses a fourth failure in the window and allows one when the first is old enough', () => {
    const folder = tempFolder();
    const clock = new FakeBoot();
    const one = budget(folder, clock);
    for (let attempt = 0; attempt < MAX_FAILURES; attempt += 1) {
      expect(one.charge(ADDRESS).state).toBe('charged');
      clock.real += 1000;
    }
    expect(one.charge(ADDRESS)).toEqual({ state: 'spent', waitMs: WINDOW_MS - MAX_FAILURES * 1000 });
    clock.real += WINDOW_MS - MAX_FAILURES * 1000;
    expect(one.charge(ADDRESS).state).toBe('charged');
    expect(one.charge(ADDRESS).state).toBe('spent');
  });

  it('counts an attempt whose process died in the middle', () => {
    const folder = tempFolder();
    const clock = new FakeBoot();
    for (let process = 0; process < MAX_FAILURES; process += 1) budget(folder, clock).charge(ADDRESS);
    expect(budget(folder, clock).charge(ADDRESS).state).toBe('spent');
  });

  it('gives back what did not fail, and keeps addresses apart', () => {
    const folder = tempFolder();
    const one = budget(folder, new FakeBoot());
    for (let round = 0; round < 10; round += 1) {
      const charged = one.charge(ADDRESS);
      if (charged.state !== 'charged') throw new Error(charged.state);
      one.refund(charged.attempt);
    }
    for (let attempt = 0; attempt < MAX_FAILURES; attempt += 1) one.charge(ADDRESS);
    expect(one.charge(ADDRESS).state).toBe('spent');
    expect(one.charge('studio:443').state).toBe('charged');
  });

  it('allows nothing where its file cannot be kept', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'in-the-way'), '');
    const outcome = new AuthBudget({ folder: join(folder, 'in-the-way', 'below') }).charge(ADDRESS);
    expect(outcome.state).toBe('unusable');
    if (outcome.state === 'unusable') expect(outcome.reason).not.toContain(folder);
  });

  it.each([
    ['as a whole', (path: string) => writeFileSync(path, 'x'.repeat(4096))],
    ['in one of its tables', damageSequence],
  ])('allows nothing for a whole window after its file was damaged %s', (_, damage) => {
    const folder = tempFolder();
    const clock = new FakeBoot();
    damage(join(folder, 'auth-budget.sqlite'));
    const one = budget(folder, clock);
    expect(one.charge(ADDRESS).state).toBe('spent');
    expect(one.charge('studio:443').state).toBe('spent');
    clock.real += WINDOW_MS;
    expect(one.charge(ADDRESS).state).toBe('charged');
  });

  it('is readable by its owner only and holds nothing but addresses and times', () => {
    const folder = tempFolder();
    budget(folder, new FakeBoot()).charge(ADDRESS);
    const path = join(folder, 'auth-budget.sqlite');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'latin1')).toContain(ADDRESS);
  });

  it('takes every name of this machine for one address', () => {
    const names = ['127.0.0.1', 'localhost', '::1'].map((host) => budgetKey({ host, port: 1, local: true }));
    expect(new Set(names).size).toBe(1);
    expect(budgetKey({ host: 'Studio', port: 1, local: false })).toBe('studio:1');
  });

  it('never lets more than three failures into any window, whatever two exporters, reboots and time do', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const folder = mkdtempSync(join(tmpdir(), 'openclaw-exporter-test-'));
        try {
          expect(mostInAnyWindow(failuresOf(steps, folder))).toBeLessThanOrEqual(MAX_FAILURES);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

type Step =
  | { readonly kind: 'fail' | 'succeed' | 'die'; readonly who: 0 | 1 }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reboot' };

const who = fc.constantFrom<0 | 1>(0, 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('fail' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('succeed' as const, 'die' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(WINDOW_MS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reboot' as const) }) },
);

/**
 * Plays the steps with two exporters on one folder; gives the true times of all
 * attempts that failed or were cut.
 */
function failuresOf(steps: readonly Step[], folder: string): number[] {
  const clock = new FakeBoot();
  const exporters = [budget(folder, clock), budget(folder, clock)] as const;
  return steps.flatMap((one) => {
    if (one.kind === 'wait') clock.real += one.ms;
    if (one.kind === 'reboot') clock.reboot();
    if (one.kind === 'wait' || one.kind === 'reboot') return [];
    const charged = exporters[one.who].charge(ADDRESS);
    if (charged.state !== 'charged') return [];
    if (one.kind === 'succeed') exporters[one.who].refund(charged.attempt);
    return one.kind === 'succeed' ? [] : [clock.real];
  });
}

function mostInAnyWindow(times: readonly number[]): number {
  const within = (end: number) => times.filter((at) => at <= end && at > end - WINDOW_MS).length;
  return Math.max(0, ...times.map(within));
}
