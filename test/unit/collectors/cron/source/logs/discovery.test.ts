import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogDiscovery } from '../../../../../../src/collectors/cron/source/logs/discovery.ts';
import type { CronLogRule } from '../../../../../../src/collectors/cron/source/logs/settings.ts';
import { FakeClock } from '../../../../../support/fake-clock.ts';
import { LogReader, logSource } from '../../../../../support/log-source.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';

/** Time passes only while lines are judged. */
class WorkingClock extends FakeClock {
  #workedMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override monotonic(): number {
    return super.monotonic() + this.#workedMs;
  }
}

/** A pattern each line of which takes `ms` of the clock. */
function costly(clock: WorkingClock, ms: number): RegExp {
  const pattern = /SUCCESS/;
  return Object.assign(/SUCCESS/, {
    test: (line: string) => {
      clock.work(ms);
      return pattern.test(line);
    },
  });
}

describe('a folder that is listed', () => {
  const CHANGED = Date.UTC(2026, 0, 5, 8);

  async function namesAfterAnUnseenChange(clock: FakeClock): Promise<number> {
    const folder = tempFolder();
    const pretend = () => utimesSync(folder, CHANGED / 1000, CHANGED / 1000);
    writeFileSync(join(folder, 'a.log'), '');
    pretend();
    const discovery = new LogDiscovery(100, clock);
    const { signal } = new AbortController();
    await discovery.discover([`${folder}/*.log`], signal);
    writeFileSync(join(folder, 'b.log'), '');
    pretend();
    return (await discovery.discover([`${folder}/*.log`], signal)).logs.length;
  }

  it('within two seconds of its last change is listed again: it may change within the same tick', async () => {
    expect(await namesAfterAnUnseenChange(new FakeClock(CHANGED + 1900))).toBe(2);
  });

  it('later is listed again only when its time changes', async () => {
    expect(await namesAfterAnUnseenChange(new FakeClock(CHANGED + 2100))).toBe(1);
  });
});

describe('a look whose time is up', () => {
  it('leaves the other logs to the next one, and loses nothing', async () => {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'workspace', 'w');
    mkdirSync(folder, { recursive: true });
    const logs = ['a', 'b', 'c'].map((name) => join(folder, `cron-${name}.log`));
    for (const log of logs) writeFileSync(log, '');
    const clock = new WorkingClock(Date.now());
    const rule = { success: costly(clock, 60), error: /ERROR/, path: '~/workspace/*/cron-*.log' };
    const reader = new LogReader(logSource(stateDir, { clock, logs: [rule], limits: { roundMs: 100 } }));
    await reader.commit();
    for (const log of logs) appendFileSync(log, 'SUCCESS\nSUCCESS\n');
    const counts: number[] = [];
    for (let rounds = 0; rounds < 4; rounds += 1) counts.push((await reader.commit()).runs.length);
    expect(counts).toEqual([2, 2, 2, 0]);
  });
});

describe('a rule whose patterns take too long', () => {
  const LINES = 600;
  /** A line of which some hundred are judged at once. */
  const long = (word: string) => `${word} ${'x'.repeat(1000)}\n`;

  function place(before: string, others: readonly CronLogRule[] = []) {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'workspace', 'w');
    mkdirSync(folder, { recursive: true });
    const [log = '', other = ''] = ['slow', 'other'].map((name) => join(folder, `cron-${name}.log`));
    for (const path of [log, other]) writeFileSync(path, before);
    const clock = new WorkingClock(Date.now());
    const slow = { success: costly(clock, 10), error: /^E+R+OR/, path: '~/workspace/*/cron-slow.log' };
    const limits = { roundMs: 3_600_000, ruleMs: 1000 };
    return {
      log,
      other,
      reader: new LogReader(logSource(stateDir, { clock, logs: [slow, ...others], limits })),
    };
  }

  it('is not asked any more in this look: its lines wait, and each of them is counted once', async () => {
    const { log, reader } = place('');
    await reader.commit();
    appendFileSync(log, long('SUCCESS').repeat(LINES));
    const counts: number[] = [];
    for (let looks = 0; looks < 10; looks += 1) {
      const { runs, problems } = await reader.commit();
      counts.push(runs.length);
      const late = reader.runs.length < LINES;
      expect(problems.join().includes('not read to its end in this look')).toBe(late);
    }
    expect(counts.slice(0, 2).every((count) => count > 0 && count < LINES / 2)).toBe(true);
    expect(reader.runs).toHaveLength(LINES);
    expect(new Set(reader.runs.map(({ runAtMs }) => runAtMs)).size).toBe(LINES);
  });

  it('tells nothing of a history that takes too long, and counts none of it', async () => {
    const { log, reader } = place(long('SUCCESS').repeat(LINES));
    const { jobs, problems } = await reader.commit();
    expect(jobs).toMatchObject([{ id: 'log:w/slow', lastRunStatus: undefined }]);
    expect(problems.join()).toContain('not read to its end in this look');
    appendFileSync(log, long('ERROR'));
    for (let looks = 0; looks < 3; looks += 1) await reader.commit();
    expect(reader.statuses()).toEqual(['error']);
  });

  it.each([
    ['vanishes', rmSync, 'vanished before it was read to its end'],
    ['is emptied', truncateSync, 'its earlier content is not found'],
  ] as const)('says so where a log %s before all of it was judged', async (_, happens, problem) => {
    const { log, reader } = place('');
    await reader.commit();
    appendFileSync(log, long('SUCCESS').repeat(LINES));
    await reader.commit();
    happens(log);
    expect((await reader.commit()).problems.join()).toContain(problem);
  });

  it('says so where a rotated log is taken away before all of it was judged', async () => {
    const { log, reader } = place('');
    await reader.commit();
    appendFileSync(log, long('SUCCESS').repeat(LINES));
    await reader.commit();
    renameSync(log, `${log}.1`);
    writeFileSync(log, '');
    await reader.commit();
    rmSync(`${log}.1`);
    expect((await reader.commit()).problems.join()).toContain('lost a rotated file before it was read');
  });

  it('delays no log of another rule', async () => {
    const words = { success: /SUCCESS/, error: /ERROR/, path: '~/workspace/*/cron-other.log' };
    const { log, other, reader } = place('', [words]);
    await reader.commit();
    for (const path of [log, other]) appendFileSync(path, long('SUCCESS').repeat(LINES));
    const { runs } = await reader.commit();
    expect(runs.filter(({ jobName }) => jobName === 'other')).toHaveLength(LINES);
  });
});

describe('a pattern of the catastrophic kind', () => {
  it('costs the lines it is slow on, and loses no other one', async () => {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'workspace', 'w');
    mkdirSync(folder, { recursive: true });
    const log = join(folder, 'cron-a.log');
    writeFileSync(log, '');
    const rule = { success: /^(a+)+$/, error: /ERROR/, path: '~/workspace/*/cron-*.log' };
    const reader = new LogReader(logSource(stateDir, { logs: [rule], limits: { ruleMs: 100 } }));
    await reader.commit();
    appendFileSync(log, `${'a'.repeat(40)}!\naaa\nERROR\n`.repeat(10));
    for (let looks = 0; looks < 20; looks += 1) await reader.commit();
    expect(reader.statuses()).toEqual(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? 'ok' : 'error')));
    const cut = reader.problems.flatMap((problem) => /too long on (\d+) lines/.exec(problem)?.[1] ?? []);
    expect(cut.reduce((sum, count) => sum + Number(count), 0)).toBe(10);
    expect(reader.problems.join()).toContain('not read to its end in this look');
  });
});

describe('logs that are rotated within one look', () => {
  it('are looked for in a listing that is no older than the question', async () => {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'workspace', 'w');
    mkdirSync(folder, { recursive: true });
    const [first = '', second = ''] = ['a', 'b'].map((name) => join(folder, `cron-${name}.log`));
    for (const log of [first, second]) writeFileSync(log, 'SUCCESS begins\n');
    const clock = new WorkingClock(Date.now());
    let rotate: () => void = () => undefined;
    const success = Object.assign(/SUCCESS/, {
      test: (line: string) => {
        clock.work(1);
        if (line.startsWith('SUCCESS a')) rotate();
        return line.startsWith('SUCCESS');
      },
    });
    const rule = { success, error: /ERROR/, path: '~/workspace/*/cron-*.log' };
    const reader = new LogReader(logSource(stateDir, { clock, logs: [rule] }));
    await reader.commit();
    appendFileSync(first, 'SUCCESS a\n');
    appendFileSync(second, 'SUCCESS b, much longer than the other\n');
    renameSync(first, `${first}.1`);
    writeFileSync(first, '');
    rotate = () => {
      rotate = () => undefined;
      renameSync(second, `${second}.1`);
      writeFileSync(second, '');
    };
    const { problems } = await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'ok']);
    expect(problems).toEqual([]);
    expect(statSync(`${second}.1`).size).toBeGreaterThan(0);
  });
});
