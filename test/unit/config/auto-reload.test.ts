import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AutoReload } from '../../../src/config/auto-reload.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const INTERVAL_MS = 30_000;

async function setUp() {
  const clock = new FakeClock();
  const folder = tempFolder();
  const files = [join(folder, 'exporter.yml'), join(folder, 'web.yml')];
  for (const file of files) writeFileSync(file, 'a: 1\n');
  const reload = vi.fn(async () => undefined);
  const watch = new AutoReload({ files, intervalMs: INTERVAL_MS, clock, reload });
  onTestFinished(() => watch.stop());
  // The files are read by another thread, which a clock does not move: one timer waits when that is done.
  const isDone = () => vi.waitFor(() => expect(clock.pending).toBe(1));
  const pass = async () => {
    await clock.advance(INTERVAL_MS);
    await isDone();
  };
  watch.start();
  await isDone();
  return { clock, files: files as [string, string], pass, reload, watch };
}

describe('automatic reload', () => {
  it('does nothing while the files hold what they held, though they are written again', async () => {
    const { files, pass, reload } = await setUp();
    await pass();
    writeFileSync(files[0], 'a: 1\n');
    await pass();
    expect(reload).not.toHaveBeenCalled();
  });

  it('reloads once after a change of either file', async () => {
    const { files, pass, reload } = await setUp();
    for (const [index, file] of files.entries()) {
      writeFileSync(file, 'a: 2\n');
      await pass();
      await pass();
      expect(reload).toHaveBeenCalledTimes(index + 1);
    }
  });

  it('waits for a file that is away while it is replaced', async () => {
    const { files, pass, reload } = await setUp();
    rmSync(files[0]);
    await pass();
    expect(reload).not.toHaveBeenCalled();
    writeFileSync(files[0], 'a: 3\n');
    await pass();
    expect(reload).toHaveBeenCalledTimes(1);
  });

  it('ends with the exporter', async () => {
    const { clock, files, reload, watch } = await setUp();
    watch.stop();
    writeFileSync(files[0], 'a: 4\n');
    await clock.advance(10 * INTERVAL_MS);
    expect(reload).not.toHaveBeenCalled();
  });
});
