import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { watch } from 'chokidar';
import { describe, expect, test } from 'vitest';
import type { CronLogSourceOptions } from '../../../../../../src/collectors/cron/source/logs/reader.ts';
import { LogReader, logSource } from '../../../../../support/log-source.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';
import { until } from '../../../../../support/until.ts';

const FILES = 60;

function setup(options: Partial<CronLogSourceOptions> = {}) {
  const stateDir = tempFolder();
  const folder = join(stateDir, 'workspace', 'w');
  mkdirSync(folder, { recursive: true });
  const logs = Array.from({ length: FILES }, (_, index) => join(folder, `cron-${index}.log`));
  for (const log of logs) writeFileSync(log, 'SUCCESS\n');
  const source = logSource(stateDir, { limits: { watchFrom: 10 }, sweepMs: 3_600_000, ...options });
  return { folder, logs, reader: new LogReader(source) };
}

describe.runIf(process.platform === 'linux')('watching many logs', () => {
  test('finds what was appended without a look at each file, and files that appear', async () => {
    const { reader, logs, folder } = setup();
    await until(async () => (await reader.commit()).watching === 'inotify');
    for (const log of logs.slice(0, 7)) appendFileSync(log, 'ERROR\n');
    writeFileSync(join(folder, 'cron-new.log'), 'SUCCESS\n');
    await until(async () => {
      await reader.commit();
      return reader.runs.length >= 8;
    });
    expect((await reader.commit()).watching).toBe('inotify');
    expect(reader.runs).toHaveLength(8);
  });

  test('few files are simply looked at', async () => {
    const { reader } = setup({ limits: { watchFrom: FILES + 1 } });
    await reader.commit();
    expect((await reader.commit()).watching).toBe('polling');
  });

  test("where inotify's limit is reached all files are looked at, and it is told", async () => {
    const { reader, logs } = setup({
      // Stands for the system's own limit, which other programs of this machine need.
      watchFolders: (paths, options) => {
        const watcher = watch(paths, options);
        queueMicrotask(() => watcher.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' })));
        return watcher;
      },
    });
    await reader.commit();
    appendFileSync(logs[3] ?? '', 'ERROR\n');
    const { watching, problems } = await reader.commit();
    expect(watching).toBe('polling');
    expect(problems).toEqual([expect.stringContaining('ENOSPC')]);
    expect(reader.statuses()).toEqual(['error']);
  });
});
