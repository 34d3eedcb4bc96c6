import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OomLedger, type OomSights } from '../../../../src/collectors/oom/ledger.ts';
import { parseOomKills } from '../../../../src/os/oom.ts';
import { StateFile } from '../../../../src/state/state-file.ts';
import { recordingLogger } from '../../../support/logger.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const MINUTE_MS = 60_000;

/** A unit under systemd as the exporter sees it, and what really happened. */
class Unit {
  kills = 0;
  #generation = 0;
  #inGroup = 0;
  #result = 'success';
  #nowMs = 0;

  /** A process below the gateway is killed. */
  killChild(): void {
    this.kills += 1;
    this.#inGroup += 1;
  }

  /** The gateway itself is killed and the unit fails: its control group is removed. */
  killMain(): void {
    this.kills += 1;
    this.#result = 'oom-kill';
  }

  start(): void {
    this.#generation += 1;
    this.#inGroup = 0;
    this.#result = 'success';
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }

  see(): OomSights {
    const isUp = this.#result === 'success';
    return {
      group: isUp ? { group: `1:${this.#generation}`, kills: this.#inGroup } : undefined,
      run: { invocation: `run-${this.#generation}`, result: this.#result },
      nowMs: this.#nowMs,
    };
  }
}

function openLedger(folder = tempFolder()) {
  const state = new StateFile(folder, recordingLogger());
  const ledger = new OomLedger(state);
  return {
    close: () => state.close(),
    total: async (sights: OomSights) => {
      const total = await ledger.enter('/state', sights);
      if (total.state !== 'known') throw new Error(total.reason);
      return total.total;
    },
  };
}

describe('out-of-memory kills', () => {
  it('before the first look are history', async () => {
    const unit = new Unit();
    unit.killChild();
    expect(await openLedger().total(unit.see())).toBe(0);
    unit.killMain();
    expect(await openLedger().total(unit.see())).toBe(0);
  });

  it('of a child are counted by the growth of the living group', async () => {
    const [unit, ledger] = [new Unit(), openLedger()];
    await ledger.total(unit.see());
    unit.killChild();
    unit.killChild();
    expect(await ledger.total(unit.see())).toBe(2);
  });

  it('of the gateway itself are counted by how its run ended, once for each run', async () => {
    const [unit, ledger] = [new Unit(), openLedger()];
    await ledger.total(unit.see());
    unit.killMain();
    expect(await ledger.total(unit.see())).toBe(1);
    expect(await ledger.total(unit.see())).toBe(1);
    unit.start();
    expect(await ledger.total(unit.see())).toBe(1);
    unit.killMain();
    expect(await ledger.total(unit.see())).toBe(2);
  });

  it('are one where the group shows a kill and systemd reports the same after the stop', async () => {
    const [unit, ledger] = [new Unit(), openLedger()];
    await ledger.total(unit.see());
    unit.killChild();
    expect(await ledger.total(unit.see())).toBe(1);
    unit.pass(5 * MINUTE_MS);
    const { run, nowMs } = unit.see();
    const ended = { group: undefined, run: run && { ...run, result: 'oom-kill' }, nowMs };
    expect(await ledger.total(ended)).toBe(1);
  });

  it('are counted once each, over restarts of the gateway and of the exporter', async () => {
    const play = {
      child: (unit: Unit) => unit.killChild(),
      main: (unit: Unit) => unit.killMain(),
      nothing: () => undefined,
    };
    const step = fc.constantFrom('child', 'main', 'nothing');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const [unit, folder] = [new Unit(), tempFolder()];
        let ledger = openLedger(folder);
        await ledger.total(unit.see());
        for (const one of steps) {
          unit.pass(30 * MINUTE_MS);
          play[one](unit);
          expect(await ledger.total(unit.see())).toBe(unit.kills);
          unit.start();
          await ledger.close();
          ledger = openLedger(folder);
        }
        await ledger.close();
      }),
      { numRuns: 25 },
    );
  });
});

describe('the count of a control group', () => {
  it('is that of the kernel, in the words of either version', () => {
    expect(parseOomKills('low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n')).toBe(2);
    expect(parseOomKills('oom_kill_disable 0\nunder_oom 0\noom_kill 1\n')).toBe(1);
    expect(parseOomKills('oom_kill_disable 0\nunder_oom 0\n')).toBeUndefined();
  });
});
