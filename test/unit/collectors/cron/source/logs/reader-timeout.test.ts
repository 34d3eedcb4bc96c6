import { appendFileSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FSWatcher } from 'chokidar';
import { expect, it } from 'vitest';
import { FakeClock } from '../../../../../support/fake-clock.ts';
import { logSource } from '../../../../../support/log-source.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';

/**
 * Aborts, where it is told to, at the moment a look asks for the time: the touched files were taken by then.
 */
class CuttingClock extends FakeClock {
  cut: AbortController | undefined;

  override monotonic(): number {
    this.cut?.abort(new Error('cut'));
    return super.monotonic();
  }
}

it.runIf(process.platform === 'linux')(
  'a log that was touched before a look was cut is read by the next look',
  async () => {
    const stateDir = tempFolder();
    const folder = join(stateDir, 'workspace', 'w');
    const log = join(folder, 'cron-one.log');
    mkdirSync(folder, { recursive: true });
    writeFileSync(log, 'SUCCESS\n');
    // What was changed just now may change again within the same tick of its file system.
    for (const path of [log, folder, join(folder, '..'), stateDir]) utimesSync(path, 1_000_000, 1_000_000);
    const clock = new CuttingClock();
    const watcher = new FSWatcher();
    const source = logSource(stateDir, { clock, limits: { watchFrom: 1 }, watchFolders: () => watcher });
    let cursor: unknown;
    const look = async (signal = new AbortController().signal) => {
      const reading = await source.read(cursor, signal);
      if (reading.state !== 'read') throw new Error(reading.state);
      cursor = reading.cursor;
      return reading;
    };
    await look();
    watcher.emit('ready');
    for (let rounds = 0; rounds < 4; rounds += 1) await look();
    expect(await look()).toBe(await look());

    appendFileSync(log, 'ERROR\n');
    watcher.emit('raw', 'change', 'cron-one.log', { watchedPath: folder });
    clock.cut = new AbortController();
    await expect(look(clock.cut.signal)).rejects.toThrow('cut');
    clock.cut = undefined;
    expect((await look()).runs.map(({ status }) => status)).toEqual(['error']);
  },
);
