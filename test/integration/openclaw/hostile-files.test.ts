import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createFilesSource } from '../../../src/collectors/cron/source/files/reader.ts';
import { createSqliteSource } from '../../../src/collectors/cron/source/sqlite/reader.ts';
import { openClawInstall } from '../../../src/openclaw/install.ts';
import { gatewayLocks } from '../../../src/openclaw/lock.ts';
import { readPairedDevice } from '../../../src/openclaw/paired-device.ts';
import { Exporter } from '../../support/exporter.ts';
import { type Series, totalOf } from '../../support/exposition.ts';
import { sparseFile } from '../../support/sparse-file.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const signal = new AbortController().signal;

/** What may stand where a file is expected; each makes it at the given path. */
const IMPOSTORS: readonly (readonly [string, (path: string) => void | Promise<void>])[] = [
  ['a folder', (path) => void mkdirSync(path)],
  ['a pipe that nobody writes to', (path) => void execFileSync('mkfifo', [path])],
  ['a link to itself', (path) => symlinkSync(path, path)],
  ['a link to a device without end', (path) => symlinkSync('/dev/zero', path)],
  ['a link to a terminal', (path) => symlinkSync('/dev/tty', path)],
  ['a socket', listenAt],
  ['a file of 10 GB that holds nothing', sparseFile],
];

async function listenAt(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
}

/** A state folder in which each of `names` is what `make` makes. */
async function folderWith(make: (path: string) => void | Promise<void>, names: readonly string[]) {
  const folder = tempFolder();
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    await make(join(folder, name));
  }
  return folder;
}

function installOf(folder: string) {
  return openClawInstall({ env: { HOME: folder }, gateway: { state_dir: folder }, root: folder });
}

describe.each(IMPOSTORS)('%s', (_, make) => {
  it('in place of the old files of cron is told unreadable', async () => {
    const folder = await folderWith(make, ['cron/jobs.json', 'cron/jobs-state.json']);
    const reading = await createFilesSource({ stateDir: folder }).read(undefined, 0, signal);
    expect(reading.state).toBe('unreadable');
  });

  it('in place of a run file never makes a run', async () => {
    const folder = await folderWith(make, ['cron/runs/one.jsonl']);
    writeFileSync(join(folder, 'cron', 'jobs.json'), '{"jobs":[]}');
    const reading = await createFilesSource({ stateDir: folder }).read(undefined, 0, signal);
    expect(reading.state === 'read' ? reading.runs : []).toEqual([]);
  });

  it('in place of the database, or of what lies beside it, is told unreadable', async () => {
    for (const names of [['state/openclaw.sqlite'], ['state/openclaw.sqlite-wal']]) {
      const folder = await folderWith(make, names);
      if (names[0]?.endsWith('-wal'))
        writeFileSync(join(folder, 'state', 'openclaw.sqlite'), 'SQLite format 3\0');
      const source = createSqliteSource({ stateDir: folder, now: () => Date.now() });
      expect((await source.read(undefined, 0, signal)).state).toBe('unreadable');
    }
  });

  it('in place of the files of the device is no device', async () => {
    const names = ['identity/device.json', 'identity/device-auth.json', 'devices/paired.json'];
    const folder = await folderWith(make, names);
    expect((await readPairedDevice(folder)).state).not.toBe('paired');
  });

  it('in place of a lock, in a folder where anybody may write, is no lock', async () => {
    const folder = await folderWith(make, ['openclaw-1/gateway.one.lock']);
    const query = { stateDir: folder, configPath: join(folder, 'openclaw.json'), tempDirs: [folder] };
    expect(gatewayLocks(query)).toEqual([]);
  });

  it('in place of openclaw.json or .env is a problem and no credential', async () => {
    const install = installOf(await folderWith(make, ['openclaw.json', '.env']));
    expect(install.credential).toBeUndefined();
    expect(install.problems.join()).toContain('openclaw.json');
  });
});

const NESTED = 100_000;

describe('openclaw.json', () => {
  it.each([
    ['lists within lists', '['.repeat(NESTED)],
    ['closed lists within lists', '['.repeat(NESTED) + ']'.repeat(NESTED)],
    ['objects within objects', `${'{"a":'.repeat(NESTED / 2)}1${'}'.repeat(NESTED / 2)}`],
    ['a comment, then lists within lists', `//\n${'['.repeat(NESTED / 2)}${']'.repeat(NESTED / 2)}`],
    ['two megabytes of nothing', ' '.repeat(2 * 1024 * 1024)],
    [
      'one megabyte of keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 90_000 }, (_, i) => [i, i]))),
    ],
    ['UTF-16', Buffer.from('\uFEFF{"gateway":{"port":1}}', 'utf16le')],
    ['NUL', '\0'.repeat(1000)],
    ['bytes that are no text', Buffer.alloc(1000, 0xff)],
    ['thousands of mistakes', mistakes(20_000)],
  ])('of %s is a problem in words', (_, content) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'openclaw.json'), content);
    const { problems, credential } = installOf(folder);
    expect(problems.join()).toContain('openclaw.json');
    expect(problems.length).toBeLessThan(200);
    expect(credential).toBeUndefined();
  });

  it('behind a byte order mark is read', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'openclaw.json'), '\uFEFF{"gateway":{"port":4321}}');
    expect(installOf(folder).address.port).toBe(4321);
  });

  it('whose includes multiply with each level is given up', () => {
    const folder = tempFolder();
    const names = ['openclaw.json', ...Array.from({ length: 9 }, (_, level) => `level-${level}.json`)];
    for (const [level, name] of names.entries()) {
      const next = names[level + 1];
      const include = next === undefined ? {} : { $include: Array.from({ length: 100 }, () => next) };
      writeFileSync(join(folder, name), JSON.stringify(include));
    }
    expect(installOf(folder).problems.join()).toContain('includes more than');
  });

  it('whose variables name each other is no credential', () => {
    const folder = tempFolder();
    const env = { vars: { TOKEN_A: '${TOKEN_B}', TOKEN_B: '${TOKEN_A}' } };
    const config = { gateway: { auth: { mode: 'token', token: '${TOKEN_A}' } }, env };
    writeFileSync(join(folder, 'openclaw.json'), JSON.stringify(config));
    expect(installOf(folder).credential?.secret.reveal() ?? '').not.toContain('TOKEN_A}${');
  });
});

function mistakes(count: number): string {
  const providers = Object.fromEntries(Array.from({ length: count }, (_, index) => [index, 1]));
  return JSON.stringify({ secrets: { providers } });
}

describe('run files', () => {
  it.each([
    ['only line ends', '\n'.repeat(2_000_000)],
    ['lists within lists', `${'['.repeat(NESTED)}\n`],
    ['one line of ten megabytes', 'x'.repeat(10_000_000)],
    ['millions of lines of nothing', '1\n'.repeat(2_000_000)],
  ])('of %s make no run', async (_, content) => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'cron', 'runs'), { recursive: true });
    writeFileSync(join(folder, 'cron', 'jobs.json'), '{"jobs":[]}');
    writeFileSync(join(folder, 'cron', 'runs', 'a.jsonl'), content);
    const reading = await createFilesSource({ stateDir: folder }).read(undefined, 0, signal);
    expect(reading).toMatchObject({ state: 'read', runs: [] });
  });
});

function counted(series: readonly Series[], collector: string): number {
  return totalOf(series, 'openclaw_exporter_collector_runs_total', { collector });
}

const OFTEN = { interval: '8s', timeout: '8s' };
/** Collectors that read files of the gateway. */
const FROM_FILES = ['cron', 'boots', 'channels', 'credentials', 'deliveries', 'devices', 'disk', 'versions'];

describe('an exporter whose whole state folder is made of pipes', () => {
  it('waits for none of them, and goes on when they are gone', { timeout: 120_000 }, async () => {
    const names = ['openclaw.json', '.env', 'cron/jobs.json', 'cron/runs/a.jsonl', 'state/openclaw.sqlite'];
    const more = [
      ...['identity/device.json', 'devices/paired.json', 'tmp/openclaw-1/gateway.a.lock'],
      ...['workspace/jobs/cron-a.log', 'cron/jobs-state.json', 'tasks/runs.sqlite'],
      ...['agents/main/agent/openclaw-agent.sqlite', 'agents/main/agent/auth-profiles.json'],
      ...['state/openclaw-quarantine.sqlite', 'logs/gateway.log', 'delivery-queue/failed/a.json'],
      // More than there are threads for files.
      ...Array.from({ length: 6 }, (_, index) => `delivery-queue/${index}.json`),
    ];
    const folder = await folderWith((path) => void execFileSync('mkfifo', [path]), [...names, ...more]);
    const exporter = await Exporter.start({
      env: { HOME: folder },
      config: {
        gateway: { state_dir: folder },
        collectors: {
          ...Object.fromEntries(FROM_FILES.map((name) => [name, OFTEN])),
          clock: { enabled: false },
        },
      },
    });
    onTestFinished(async () => {
      await exporter.stop();
      exporter.remove();
    });
    const runs = await exporter.untilMetrics('two runs of each collector', (series) =>
      FROM_FILES.every((name) => counted(series, name) >= 2),
    );
    expect(runs.filter(({ labels, value }) => labels.result === 'timeout' && value > 0)).toEqual([]);
    expect((await fetch(exporter.url('/'))).ok).toBe(true);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    const before = counted(await exporter.series(), 'cron');
    await exporter.untilMetrics('further looks', (series) => counted(series, 'cron') > before + 1);
  });
});
