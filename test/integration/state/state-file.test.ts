import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { ExporterMetrics } from '../../../src/core/exporter-metrics.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { StateFile, type StateFileOptions } from '../../../src/state/state-file.ts';
import { Child } from '../../support/child.ts';
import { parseExposition, sampleOf } from '../../support/exposition.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLogger } from '../../support/logger.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const WRITER = fileURLToPath(new URL('../../support/state-writer.ts', import.meta.url));
const section = z.object({ total: z.int() });

/** A state file in a folder, with what it logs and what its metrics say. */
function openState(folder: string, options: StateFileOptions = {}) {
  const logger = recordingLogger();
  const metrics = new Metrics();
  const own = new ExporterMetrics(metrics, '');
  own.start();
  const state = new StateFile(folder, logger, own.recordState, options);
  onTestFinished(() => state.close());
  const read = async (name: string) => sampleOf(parseExposition(await metrics.expose('text')), name);
  return {
    state,
    logger,
    saved: () => read('openclaw_exporter_state_saved'),
    corruptions: () => read('openclaw_exporter_state_corruptions_total'),
  };
}

/** A folder whose state file holds `total` in section `a`. */
async function folderWith(total: number): Promise<string> {
  const folder = tempFolder();
  const { state } = openState(folder);
  expect(await state.commit('a', { total })).toEqual({ state: 'saved' });
  await state.close();
  return folder;
}

function writer(folder: string, mode: 'loop' | 'once'): Child {
  const child = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', WRITER, folder, mode]);
  onTestFinished(() => child.end());
  return child;
}

const linesOf = (child: Child) => child.output.split('\n').slice(0, -1);

describe('a state that cannot be saved', () => {
  it('says so where the folder cannot be made', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');
    const { state, logger, saved } = openState(join(file, 'storage'));
    expect(state.open()).toEqual({ state: 'not_saved', reason: 'the storage path cannot be used (ENOTDIR)' });
    expect((await state.commit('a', { total: 1 })).state).toBe('not_saved');
    expect(state.read('a', section)).toBeUndefined();
    expect(await saved()).toBe(0);
    expect(logger.lines.filter(({ level }) => level === 'error').length).toBe(1);
  });

  it('says so on a full disk, keeps the last good state and works again when there is room', async () => {
    const folder = await folderWith(1);
    symlinkSync('/dev/full', join(folder, 'state.json.new'));
    const { state, saved } = openState(folder);
    expect(state.read('a', section)).toEqual({ total: 1 });
    expect(await state.commit('a', { total: 2 })).toEqual({
      state: 'not_saved',
      reason: 'the state file cannot be written (ENOSPC)',
    });
    expect(state.read('a', section)).toEqual({ total: 1 });
    expect(await saved()).toBe(0);

    rmSync(join(folder, 'state.json.new'));
    expect(await state.commit('a', { total: 2 })).toEqual({ state: 'saved' });
    expect(await saved()).toBe(1);
  });

  it.skipIf(process.getuid?.() === 0)('says so in a folder without write permission', async () => {
    const folder = await folderWith(1);
    chmodSync(folder, 0o500);
    expect(openState(folder).state.open().state).toBe('not_saved');
    chmodSync(folder, 0o700);
  });

  it('is not saved in part when it is too large to be read again', async () => {
    const { state } = openState(await folderWith(1));
    expect((await state.commit('b', 'x'.repeat(17 * 1024 * 1024))).state).toBe('not_saved');
    expect(state.read('a', section)).toEqual({ total: 1 });
    expect(await state.commit('a', { total: 2 })).toEqual({ state: 'saved' });
  });

  it('keeps a section that never was saved out of what is read', async () => {
    const folder = tempFolder();
    symlinkSync('/dev/full', join(folder, 'state.json.new'));
    const { state } = openState(folder);
    expect((await state.commit('a', { total: 1 })).state).toBe('not_saved');
    expect(state.read('a', section)).toBeUndefined();
    expect(state.corruptions).toBe(0);
  });
});

describe('a disk that hangs', () => {
  const WAIT_MS = 2_000;

  /** A state whose next write is under way until `answer` is called. */
  function openHanging(folder: string) {
    const clock = new FakeClock();
    const disk = Promise.withResolvers<void>();
    const opened = openState(folder, { clock, sync: () => disk.promise });
    opened.state.read('a', section);
    return { ...opened, clock, answer: disk.resolve };
  }

  it('keeps nobody waiting for long, is told, and shows nothing that is not on it', async () => {
    const folder = await folderWith(1);
    const { state, saved, clock, answer } = openHanging(folder);
    const first = state.commit('a', { total: 2 });
    await clock.advance(WAIT_MS);
    const unconfirmed = {
      state: 'unconfirmed',
      reason: 'the disk has not confirmed the state file within 2 s',
    };
    expect(await first).toEqual(unconfirmed);
    expect(await saved()).toBe(0);
    expect(state.read('a', section)).toEqual({ total: 1 });

    // Nobody waits a second time for the same disk.
    expect(await state.commit('a', { total: 3 })).toEqual(unconfirmed);
    answer();
    await until(async () => (await state.commit('a', { total: 3 })).state === 'saved', {
      what: 'it to be saved',
    });
    expect(await saved()).toBe(1);
    expect(readFileSync(join(folder, 'state.json'), 'utf8')).toContain('"a":{"total":3}');
  });

  it('keeps the file from everybody else until it has answered', async () => {
    const folder = await folderWith(1);
    const { state, clock, answer } = openHanging(folder);
    const commit = state.commit('a', { total: 2 });
    await clock.advance(WAIT_MS);
    await commit;
    const closing = state.close();
    await clock.advance(WAIT_MS);
    await closing;
    const other = openState(folder);
    expect(other.state.open().state).toBe('not_saved');

    answer();
    await state.close();
    expect(other.state.read('a', section)).toEqual({ total: 2 });
  });

  it('writes in the order in which it was asked', async () => {
    const folder = await folderWith(1);
    const { state, answer } = openHanging(folder);
    const commits = [2, 3, 4].map((total) => state.commit('a', { total }));
    answer();
    expect(await Promise.all(commits)).toEqual(commits.map(() => ({ state: 'saved' })));
    await state.close();
    expect(openState(folder).state.read('a', section)).toEqual({ total: 4 });
  });
});

describe('a state that cannot be read', () => {
  it('for other reasons than being absent is left alone, not started anew', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'state.json'));
    const { state } = openState(folder);
    expect(await state.commit('a', { total: 1 })).toEqual({
      state: 'not_saved',
      reason: 'the state file cannot be read (not a regular file)',
    });
    expect(state.corruptions).toBe(0);
  });
});

describe('a corrupt state', () => {
  it.each([
    ['empty', ''],
    ['cut off', '{"version":1,"sections":{"a":{"to'],
    ['not JSON', '\0\0\0\0'],
    ['of a version that never was', '{"version":0,"sections":{}}'],
    ['of another shape', '{"version":1,"sections":[1]}'],
    ['absurdly large', ' '.repeat(17 * 1024 * 1024)],
  ])('that is %s is set aside, counted and replaced', async (_what, text) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'state.json'), text);
    const { state, corruptions, saved } = openState(folder);
    expect(state.read('a', section)).toBeUndefined();
    expect(await corruptions()).toBe(1);
    expect(readFileSync(join(folder, 'state.json.corrupt'), 'utf8') === text).toBe(true);
    expect(await state.commit('a', { total: 1 })).toEqual({ state: 'saved' });
    expect(await saved()).toBe(1);
  });

  it('that a newer exporter wrote is kept under a name that nothing replaces, for the way back up', async () => {
    const folder = tempFolder();
    const text = '{"version":99,"sections":{"a":{"total":7}}}';
    writeFileSync(join(folder, 'state.json'), text);
    const older = openState(folder);
    expect(older.state.read('a', section)).toBeUndefined();
    expect(await older.corruptions()).toBe(1);
    expect(older.logger.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        fields: expect.objectContaining({ kept: 'state.json.version-99' }),
      }),
    );
    expect(await older.state.commit('a', { total: 1 })).toEqual({ state: 'saved' });
    await older.state.close();

    writeFileSync(join(folder, 'state.json'), 'damaged');
    expect(openState(folder).state.read('a', section)).toBeUndefined();
    expect(readFileSync(join(folder, 'state.json.version-99'), 'utf8')).toBe(text);
  });

  it('of one section costs the others nothing', async () => {
    const folder = await folderWith(7);
    const first = openState(folder);
    await first.state.commit('b', { total: 'seven' });
    await first.state.close();

    const { state, corruptions } = openState(folder);
    expect(state.read('b', section)).toBeUndefined();
    expect(state.read('a', section)).toEqual({ total: 7 });
    expect(await corruptions()).toBe(1);
    expect(existsSync(join(folder, 'state.json.corrupt'))).toBe(true);
    expect(await state.commit('b', { total: 1 })).toEqual({ state: 'saved' });
  });

  it('of the lock alone is replaced without a word', async () => {
    const folder = await folderWith(7);
    writeFileSync(join(folder, 'state.lock'), 'no database'.repeat(1000));
    const { state } = openState(folder);
    expect(state.open()).toEqual({ state: 'saved' });
    expect(state.read('a', section)).toEqual({ total: 7 });
  });
});

describe('a saved state', () => {
  it('is there after a restart, for its owner alone', async () => {
    const folder = await folderWith(42);
    expect(openState(folder).state.read('a', section)).toEqual({ total: 42 });
    expect(statSync(join(folder, 'state.json')).mode & 0o777).toBe(0o600);
  });

  it('is not written again while nothing changed', async () => {
    const folder = await folderWith(42);
    const { state } = openState(folder);
    state.read('a', section);
    const before = statSync(join(folder, 'state.json')).ino;
    expect(await state.commit('a', { total: 42 })).toEqual({ state: 'saved' });
    expect(statSync(join(folder, 'state.json')).ino).toBe(before);
  });

  it('does not follow what its collector does to the value afterwards', async () => {
    const folder = tempFolder();
    const first = openState(folder);
    const value = { total: 1 };
    await first.state.commit('a', value);
    value.total = 2;
    await first.state.commit('b', { total: 0 });
    await first.state.close();
    expect(openState(folder).state.read('a', section)).toEqual({ total: 1 });
  });

  it('outlives the removal of its folder while it is in use', async () => {
    const folder = await folderWith(1);
    const { state } = openState(folder);
    state.read('a', section);
    rmSync(folder, { recursive: true });
    await state.commit('b', { total: 1 });
    expect(await state.commit('b', { total: 1 })).toEqual({ state: 'saved' });
    expect(readFileSync(join(folder, 'state.json'), 'utf8')).toContain('"a":{"total":1}');
  });
});

describe('two exporters with one storage path', () => {
  it('leave it to the first, and the second takes over without losing a total', async () => {
    const folder = tempFolder();
    const first = writer(folder, 'once');
    await until(() => linesOf(first).includes('1'), { what: 'the first to save' });
    const { state, saved } = openState(folder);
    const refused = { state: 'not_saved', reason: 'another exporter uses the same storage path' };
    expect(state.read('count', z.unknown())).toBeUndefined();
    expect(await state.commit('count', { count: 0 })).toEqual(refused);
    expect(await saved()).toBe(0);

    await first.end('SIGKILL');
    expect(await state.commit('count', { count: 0 })).toMatchObject({ state: 'not_saved' });
    expect(state.read('count', z.object({ count: z.int() }))).toEqual({ count: 1 });
    expect(await state.commit('count', { count: 2 })).toEqual({ state: 'saved' });
    expect(await saved()).toBe(1);
  });
});

describe('kill -9 at any moment', () => {
  it('leaves a state that can be read, with everything that was said to be saved', async () => {
    const folder = tempFolder();
    let told = 0;
    for (let round = 0; round < 20; round += 1) {
      const child = writer(folder, 'loop');
      const enough = 1 + Math.floor(Math.random() * 30);
      await until(() => linesOf(child).length >= enough, { what: 'some commits', everyMs: 1 });
      await child.end('SIGKILL');
      const numbers = linesOf(child).map(Number);
      expect(numbers[0]).toBeGreaterThan(told);
      told = numbers.at(-1) ?? Number.NaN;
      const { state } = openState(folder);
      const kept = state.read('count', z.object({ count: z.int() }))?.count ?? Number.NaN;
      expect(kept).toBeGreaterThanOrEqual(told);
      expect(state.corruptions).toBe(0);
      await state.close();
    }
    const known = ['state.json', 'state.json.new', 'state.lock', 'state.lock-journal'];
    expect(readdirSync(folder).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('a state', () => {
  it('lies in files for their owner alone, whatever the folder and the files allowed before', async () => {
    const folder = tempFolder();
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'state.lock'), '', { mode: 0o644 });
    const { state } = openState(folder);
    await state.commit('a', { total: 1 });
    for (const name of ['state.lock', 'state.json']) {
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    await state.close();
  });

  it('is not saved, and nothing waits, where a pipe has the name of one of its files', async () => {
    for (const name of ['state.lock', 'state.json', 'state.json.new']) {
      const folder = tempFolder();
      execFileSync('mkfifo', [join(folder, name)]);
      expect((await openState(folder).state.commit('a', { total: 1 })).state).toBe('not_saved');
    }
  });
});
