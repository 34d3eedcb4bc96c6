import { appendFileSync, mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogDiscovery } from '../../src/sources/log-discovery.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LogReader, logSource } from '../support/log-source.ts';
import { tempFolder } from '../support/temp-folder.ts';

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
