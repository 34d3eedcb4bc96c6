import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { LogReader, logSource } from '../../../../../support/log-source.ts';
import { command as runCommand } from '../../../../../support/run.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';
import { until } from '../../../../../support/until.ts';

let clock = Date.now() - 3_600_000;

/** A line with a time of its own, to the millisecond. */
function line(word: string): string {
  clock += 7;
  return `${new Date(clock).toISOString()} ${word}\n`;
}

function setup(content = '') {
  const stateDir = tempFolder();
  const folder = join(stateDir, 'workspace', 'daily');
  mkdirSync(folder, { recursive: true });
  const log = join(folder, 'cron-digest.log');
  writeFileSync(log, content);
  const reader = new LogReader(logSource(stateDir));
  return { stateDir, folder, log, reader };
}

/** As {@link setup}, with the first look done. */
async function started(content = line('SUCCESS')) {
  const all = setup(content);
  await all.reader.commit();
  return all;
}

describe('the first look', () => {
  test('takes what is there as history: the last run is told, nothing is counted', async () => {
    const { reader } = setup(line('SUCCESS') + line('ERROR one') + line('ERROR two'));
    const { jobs, runs, lastSuccesses } = await reader.commit();
    expect(runs).toEqual([]);
    expect(jobs).toMatchObject([
      {
        id: 'log:daily/digest',
        name: 'digest',
        lastRunStatus: 'error',
        consecutiveErrors: 2,
        lastRunAtMs: clock,
      },
    ]);
    expect(lastSuccesses.get('log:daily/digest')).toBe(clock - 14);
  });

  test('reads only the end of a log of several gigabytes, and what is new in it afterwards', async () => {
    const { reader, log } = setup();
    const file = openSync(log, 'w');
    ftruncateSync(file, 3 * 1024 ** 3);
    writeSync(file, `\n${line('ERROR')}`, 3 * 1024 ** 3);
    closeSync(file);
    expect((await reader.commit()).jobs).toMatchObject([{ lastRunStatus: 'error', consecutiveErrors: 1 }]);
    appendFileSync(log, line('SUCCESS'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok']);
  });

  test('is made again when the cursor is not usable, and counts nothing', async () => {
    const { reader, log } = await started();
    for (const foreign of [
      null,
      7,
      'x',
      [],
      { version: 2 },
      { version: 1, sinceMs: 1, globs: [], files: { a: 1 } },
    ]) {
      appendFileSync(log, line('SUCCESS'));
      reader.cursor = foreign;
      await reader.commit();
    }
    expect(reader.runs).toEqual([]);
  });

  test('that runs out of time notes the rest as history, unread, and follows it from there', async () => {
    const { stateDir, log } = setup(line('ERROR'));
    const reader = new LogReader(logSource(stateDir, { limits: { roundMs: -1 } }));
    expect((await reader.commit()).jobs).toMatchObject([{ lastRunStatus: undefined }]);
    appendFileSync(log, line('SUCCESS'));
    reader.source = logSource(stateDir);
    expect((await reader.commit()).jobs).toMatchObject([{ lastRunStatus: 'ok' }]);
    expect(reader.statuses()).toEqual(['ok']);
  });

  test('has no job and no count where there is no log, and counts the first one that appears', async () => {
    const { reader, log, folder } = setup();
    unlinkSync(log);
    const absent = await reader.source.read(undefined, AbortSignal.timeout(5000));
    if (absent.state !== 'absent') throw new Error('expected absent');
    reader.cursor = JSON.parse(JSON.stringify(absent.cursor));
    writeFileSync(join(folder, 'cron-new.log'), line('SUCCESS') + line('ERROR'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'error']);
  });

  test('of a glob that was added to the configuration is history too', async () => {
    const { reader, stateDir, log } = await started();
    mkdirSync(join(stateDir, 'other'));
    writeFileSync(join(stateDir, 'other', 'backup.log'), line('SUCCESS'));
    const rule = { success: /SUCCESS/, error: /ERROR/ };
    reader.source = logSource(stateDir, {
      logs: [
        { ...rule, path: join(stateDir, 'workspace/*/cron-*.log') },
        { ...rule, path: '~/other/*.log' },
      ],
    });
    appendFileSync(log, line('ERROR'));
    const { jobs } = await reader.commit();
    expect(jobs.map(({ id }) => id)).toEqual(['log:daily/digest', 'log:other/backup']);
    expect(reader.statuses()).toEqual(['error']);
  });
});

describe('following a log', () => {
  test('tells the same runs again as long as the cursor is the old one', async () => {
    const { reader, log } = await started();
    appendFileSync(log, `${line('SUCCESS')}SUCCESS\nERROR\n`);
    const first = await reader.look();
    appendFileSync(log, 'SUCCESS\n');
    const second = await reader.look();
    expect(first.runs).toHaveLength(3);
    expect(second.runs.slice(0, 3)).toEqual(first.runs);
    expect(second.runs).toHaveLength(4);
  });

  test('leaves an unfinished last line until its newline', async () => {
    const { reader, log } = await started();
    appendFileSync(log, line('SUCCESS').slice(0, -4));
    await reader.commit();
    expect(reader.runs).toEqual([]);
    appendFileSync(log, 'ESS\n');
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok']);
  });

  test('gives runs of the same time identities of their own', async () => {
    const { reader, log } = await started();
    const same = line('SUCCESS');
    appendFileSync(log, same.repeat(5));
    appendFileSync(log, 'SUCCESS\n'.repeat(5));
    await reader.commit();
    expect(reader.runs).toHaveLength(10);
    expect(new Set(reader.runs.map(({ runAtMs }) => runAtMs)).size).toBe(10);
  });

  test('judges a line of any length by its beginning, once', async () => {
    const { reader, log } = await started();
    appendFileSync(log, `SUCCESS ${'x'.repeat(5_000_000)}`);
    await reader.commit();
    appendFileSync(log, `${'ERROR'.repeat(300_000)}\n${line('ERROR')}`);
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'error']);
  });

  test('reads on around bytes that are no UTF-8', async () => {
    const { reader, log } = await started();
    appendFileSync(
      log,
      Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0xc3]), Buffer.from(`SUCCESS\n\xff`, 'latin1')]),
    );
    appendFileSync(log, `\n${line('ERROR')}`);
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'error']);
  });

  test('gives the same cursor object as long as nothing changed', async () => {
    const { reader, log } = await started();
    const first = await reader.source.read(reader.cursor, AbortSignal.timeout(5000));
    if (first.state !== 'read') throw new Error('expected read');
    const second = await reader.source.read(first.cursor, AbortSignal.timeout(5000));
    expect(second).toMatchObject({ state: 'read', runs: [] });
    expect(second.state === 'read' && second.cursor === first.cursor).toBe(true);
    appendFileSync(log, line('SUCCESS'));
    const third = await reader.source.read(first.cursor, AbortSignal.timeout(5000));
    expect(third.state === 'read' && third.cursor !== first.cursor).toBe(true);
  });

  test('catches up in several rounds where there is much to read, in order and once', async () => {
    const { reader, log, stateDir } = await started();
    reader.source = logSource(stateDir, { limits: { roundBytes: 200_000, roundRuns: 1000 } });
    const words = Array.from({ length: 5000 }, (_, index) => (index % 3 === 0 ? 'ERROR' : 'SUCCESS'));
    appendFileSync(log, words.map(line).join(''));
    await until(async () => (await reader.commit()).runs.length === 0);
    expect(reader.statuses()).toEqual(words.map((word) => (word === 'ERROR' ? 'error' : 'ok')));
  });
});

describe('rotation', () => {
  test('by renaming: the old file is read to its end, also what a running job still writes there', async () => {
    const { reader, log } = await started();
    const writer = openSync(log, 'a');
    writeSync(writer, line('ERROR before'));
    renameSync(log, `${log}.1`);
    await reader.commit();
    writeSync(writer, line('SUCCESS in the renamed file'));
    writeFileSync(log, line('ERROR in the new one'));
    await reader.commit();
    renameSync(`${log}.1`, `${log}.2`);
    renameSync(log, `${log}.1`);
    writeSync(writer, line('SUCCESS much later'));
    closeSync(writer);
    const { jobs } = await reader.commit();
    expect(reader.statuses()).toEqual(['error', 'ok', 'error', 'ok']);
    expect(jobs).toHaveLength(1);
    expect(reader.problems).toEqual([]);
  });

  test('by renaming to names that the glob matches makes no jobs of the archives', async () => {
    const { reader, log, folder } = await started();
    appendFileSync(log, line('ERROR'));
    renameSync(log, join(folder, 'cron-digest-20261123.log'));
    writeFileSync(log, line('SUCCESS'));
    const { jobs } = await reader.commit();
    expect(jobs.map(({ id }) => id)).toEqual(['log:daily/digest']);
    expect(reader.statuses()).toEqual(['error', 'ok']);
  });

  test('by copy and truncate: the rest is read from the copy', async () => {
    const { reader, log } = await started();
    appendFileSync(log, line('ERROR'));
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
    await reader.commit();
    appendFileSync(log, line('SUCCESS'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['error', 'ok']);
    expect(reader.problems).toEqual([]);
  });

  test('by copy and truncate is noticed when the log has grown beyond the old place again', async () => {
    const { reader, log } = await started();
    copyFileSync(log, `${log}.1`);
    truncateSync(log);
    appendFileSync(log, line('SUCCESS') + line('ERROR') + line('SUCCESS'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'error', 'ok']);
  });

  test('an older archive of a log without times is not taken for the copy', async () => {
    const { reader, log } = setup('SUCCESS\n'.repeat(5));
    writeFileSync(`${log}.1`, 'SUCCESS\n'.repeat(50));
    await reader.commit();
    await until(() => Date.now() > statSync(`${log}.1`).mtimeMs + 20);
    appendFileSync(log, 'SUCCESS\n');
    await reader.commit();
    truncateSync(log);
    appendFileSync(log, 'ERROR\n');
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'error']);
  });

  test('compressed away: says that runs may be missing, and counts none twice', async () => {
    const { reader, log } = await started();
    appendFileSync(log, line('SUCCESS'));
    await reader.commit();
    appendFileSync(log, line('ERROR never seen'));
    writeFileSync(`${log}.1.gz`, gzipSync(readFileSync(log)));
    unlinkSync(log);
    writeFileSync(log, line('SUCCESS'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['ok', 'ok']);
    expect(reader.problems).toEqual([expect.stringMatching(/^log:daily\/digest .*may be missing/)]);
  });

  test('a log that was trimmed to its last lines goes on behind the lines that are known', async () => {
    const { reader, log } = await started(Array.from({ length: 100 }, () => line('SUCCESS')).join(''));
    appendFileSync(log, line('ERROR'));
    const tail = readFileSync(log, 'utf8').split('\n').slice(-31).join('\n');
    writeFileSync(`${log}.tmp`, tail);
    renameSync(`${log}.tmp`, log);
    await reader.commit();
    writeFileSync(log, readFileSync(log, 'utf8').split('\n').slice(-21).join('\n') + line('SUCCESS'));
    await reader.commit();
    expect(reader.statuses()).toEqual(['error', 'ok']);
  });

  test('a log that was replaced by a copy of itself goes on', async () => {
    const { reader, log } = await started();
    copyFileSync(log, `${log}.tmp`);
    appendFileSync(`${log}.tmp`, line('ERROR'));
    renameSync(`${log}.tmp`, log);
    await reader.commit();
    expect(reader.statuses()).toEqual(['error']);
  });

  test('a log that went away and came back goes on where it was', async () => {
    const { reader, log, folder, stateDir } = await started();
    const away = join(stateDir, 'away');
    renameSync(folder, away);
    expect((await reader.commit()).jobs).toEqual([]);
    appendFileSync(join(away, 'cron-digest.log'), line('ERROR'));
    renameSync(away, folder);
    expect((await reader.commit()).jobs).toHaveLength(1);
    expect(existsSync(log)).toBe(true);
    expect(reader.statuses()).toEqual(['error']);
  });

  test('a log that was renamed to another job is not told again', async () => {
    const { reader, log, folder } = await started();
    appendFileSync(log, line('ERROR'));
    renameSync(log, join(folder, 'cron-report.log'));
    const { jobs } = await reader.commit();
    expect(jobs.map(({ id }) => id)).toEqual(['log:daily/report']);
    expect(reader.runs).toMatchObject([{ jobId: 'log:daily/report', status: 'error' }]);
  });
});

describe('files and folders', () => {
  test('names with blanks, quotes and newlines are ordinary names', async () => {
    const { reader, stateDir, folder } = await started();
    const names = [`cron-a b.log`, `cron-"q'uote".log`, 'cron-new\nline.log', 'cron-\\.log', 'cron-$(x).log'];
    for (const name of names) writeFileSync(join(folder, name), line('SUCCESS'));
    await reader.commit();
    expect(reader.runs.map(({ jobName }) => jobName).sort()).toEqual(
      names.map((name) => name.slice(5, -4)).sort(),
    );
    expect(reader.runs).toHaveLength(names.length);
    reader.source = logSource(stateDir);
    for (const name of names) appendFileSync(join(folder, name), line('ERROR'));
    await reader.commit();
    expect(reader.runs).toHaveLength(2 * names.length);
  });

  test('loops of links end, and a second name of a log is no second job', async () => {
    const { reader, stateDir, folder, log } = setup();
    symlinkSync('self', join(stateDir, 'workspace', 'self'));
    symlinkSync('..', join(stateDir, 'workspace', 'loop'));
    symlinkSync('.', join(folder, 'again'));
    symlinkSync(folder, join(stateDir, 'workspace', 'alias'));
    symlinkSync('cron-digest.log', join(folder, 'cron-latest.log'));
    symlinkSync('cron-nothing.log', join(folder, 'cron-dangling.log'));
    linkSync(log, join(folder, 'cron-hard.log'));
    const rule = {
      success: /SUCCESS/,
      error: /ERROR/,
      path: join(stateDir, 'workspace', '**', 'cron-*.log'),
    };
    for (const logs of [undefined, [rule]]) {
      reader.cursor = undefined;
      reader.source = logSource(stateDir, { logs });
      expect((await reader.commit()).jobs.map(({ id }) => id)).toEqual(['log:daily/digest']);
    }
  });

  test('pipes and folders that are named like logs are passed over', async () => {
    const { reader, folder } = await started();
    mkdirSync(join(folder, 'cron-folder.log'));
    await runCommand('mkfifo', [join(folder, 'cron-pipe.log')]);
    expect((await reader.commit()).jobs).toHaveLength(1);
  });

  test('files that appear and vanish cost nobody else anything', async () => {
    const { reader, log, folder } = await started();
    writeFileSync(join(folder, 'cron-short.log'), line('SUCCESS'));
    await reader.commit();
    unlinkSync(join(folder, 'cron-short.log'));
    appendFileSync(log, line('ERROR'));
    const { jobs } = await reader.commit();
    expect(jobs.map(({ name }) => name)).toEqual(['digest']);
    expect(reader.statuses()).toEqual(['ok', 'error']);
  });

  test('logs of one name in folders of one name are jobs of their own, and keep their ids', async () => {
    const { reader, stateDir } = await started();
    const other = join(stateDir, 'elsewhere', 'daily');
    mkdirSync(other, { recursive: true });
    const rule = { success: /SUCCESS/, error: /ERROR/ };
    const logs = [
      { ...rule, path: join(stateDir, 'elsewhere/*/cron-*.log') },
      { ...rule, path: join(stateDir, 'workspace/*/cron-*.log') },
    ];
    writeFileSync(join(other, 'cron-digest.log'), line('SUCCESS'));
    reader.source = logSource(stateDir, { logs });
    const ids = (await reader.commit()).jobs.map(({ id }) => id).sort();
    expect(ids).toEqual(['log:daily/digest', expect.stringMatching(/^log:daily\/digest#[0-9a-f]{6}$/)]);
    appendFileSync(join(other, 'cron-digest.log'), line('ERROR'));
    await reader.commit();
    expect(reader.runs).toMatchObject([{ jobId: ids[1], status: 'error' }]);
  });

  test('more files than the limit are told, and the first ones still read', async () => {
    const { stateDir, folder } = setup();
    for (let index = 0; index < 20; index += 1)
      writeFileSync(join(folder, `cron-${index}.log`), line('SUCCESS'));
    const reader = new LogReader(logSource(stateDir, { limits: { files: 10 } }));
    const { jobs, problems } = await reader.commit();
    expect(jobs).toHaveLength(10);
    expect(problems).toEqual([expect.stringContaining('more than 10 log files')]);
  });

  test('more files than the limit do not make a quiet round read anything again', async () => {
    const { stateDir, folder } = setup();
    for (let index = 0; index < 20; index += 1)
      writeFileSync(join(folder, `cron-${index}.log`), line('SUCCESS'));
    const source = logSource(stateDir, { limits: { files: 10, watchFrom: 1 } });
    const signal = new AbortController().signal;
    let before = await source.read(undefined, signal);
    await until(async () => {
      const earlier = before;
      before = await source.read(earlier.state === 'read' ? earlier.cursor : undefined, signal);
      return before === earlier;
    });
    expect(before).toMatchObject({ problems: [expect.stringContaining('more than 10 log files')] });
    await source.close();
  });

  test('thousands of files are followed, and quiet ones are not opened', async () => {
    const { stateDir, folder } = setup();
    const names = Array.from({ length: 2000 }, (_, index) => join(folder, `cron-${index}.log`));
    for (const name of names) writeFileSync(name, line('SUCCESS'));
    const reader = new LogReader(logSource(stateDir));
    expect((await reader.commit()).jobs).toHaveLength(2001);
    for (const name of names.slice(0, 50)) appendFileSync(name, line('ERROR'));
    await until(async () => {
      await reader.commit();
      return reader.runs.length >= 50;
    });
    expect(reader.runs).toHaveLength(50);
  });

  test('nothing is left open and nothing is changed in the folder', async () => {
    const { reader, log, folder } = await started();
    appendFileSync(log, line('ERROR'));
    const shape = () => readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mtimeMs]);
    const before = shape();
    await reader.commit();
    const open = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), statSync(`/proc/self/fd/${fd}`).ino];
      } catch {
        return [];
      }
    });
    expect(open).not.toContain(statSync(log).ino);
    expect(shape()).toEqual(before);
  });

  test('an abort ends a look at once, and nothing of it counts', async () => {
    const { reader, log } = await started();
    appendFileSync(log, line('SUCCESS').repeat(200_000));
    const abort = new AbortController();
    const reading = reader.source.read(reader.cursor, abort.signal);
    setImmediate(() => abort.abort(new Error('enough')));
    await expect(reading).rejects.toThrow('enough');
    const { runs } = await reader.look();
    expect(runs.length).toBeGreaterThan(0);
    rmSync(log);
  });
});

describe('rights', () => {
  const asNobody = process.getuid?.() === 0 ? test : test.skip;

  asNobody(
    'one log that cannot be read is told and costs no other; its history is not counted later',
    async () => {
      const { stateDir, log, folder } = setup(line('SUCCESS'));
      const secret = join(folder, 'cron-secret.log');
      writeFileSync(secret, line('SUCCESS'));
      chmodSync(secret, 0);
      for (const path of [stateDir, join(stateDir, 'workspace'), folder]) chmodSync(path, 0o755);
      const reader = new LogReader(logSource(stateDir));
      const commit = () => withoutRights(() => reader.commit());
      expect((await commit()).problems).toEqual(['log:daily/secret cannot be read (EACCES)']);
      chmodSync(secret, 0o644);
      appendFileSync(secret, line('ERROR'));
      appendFileSync(log, line('ERROR'));
      await commit();
      expect(reader.runs.map(({ jobId }) => jobId).sort()).toEqual(['log:daily/digest', 'log:daily/secret']);
    },
  );

  asNobody('a folder that cannot be listed makes the source unreadable, not empty', async () => {
    const { stateDir, reader } = setup();
    chmodSync(stateDir, 0o755);
    chmodSync(join(stateDir, 'workspace'), 0);
    const reading = await withoutRights(() => reader.source.read(undefined, AbortSignal.timeout(5000)));
    expect(reading).toEqual({ state: 'unreadable', reason: 'EACCES' });
  });

  test('a state folder that is gone after there were logs is unreadable, not absent', async () => {
    const { stateDir, reader } = await started();
    renameSync(stateDir, `${stateDir}-away`);
    const reading = await reader.source.read(reader.cursor, AbortSignal.timeout(5000));
    renameSync(`${stateDir}-away`, stateDir);
    expect(reading.state).toBe('unreadable');
  });
});

/** Runs work as a user who owns nothing; reading rights of root would hide what is tested. */
async function withoutRights<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
