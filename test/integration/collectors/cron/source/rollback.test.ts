import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { CronHarness } from '../../../../support/cron-harness.ts';
import { listing, SqliteStore } from '../../../../support/cron-store.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

it('a database in rollback-journal mode is readable while a writer is at work, and nothing is created', async () => {
  const root = tempFolder();
  const stateDir = join(root, 'openclaw');
  mkdirSync(stateDir);
  const store = new SqliteStore(stateDir);
  store.putJob('job', 'job');
  store.exec('PRAGMA journal_mode = DELETE');
  store.stop();
  const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage') });
  onTestFinished(() => harness.kill());
  const before = listing(stateDir);
  expect((await harness.see()).source('sqlite')).toBe(1);
  expect(listing(stateDir)).toEqual(before);

  const writer = new DatabaseSync(store.path);
  onTestFinished(() => writer.close());
  const ups: (number | undefined)[] = [];
  for (let round = 0; round < 6; round += 1) {
    writer.exec('BEGIN IMMEDIATE; UPDATE cron_jobs SET updated_at = updated_at + 1');
    await harness.clock.advance(15_000);
    ups.push((await harness.see()).source('sqlite'));
    writer.exec('COMMIT');
    await harness.clock.advance(15_000);
    ups.push((await harness.see()).source('sqlite'));
  }
  expect(ups).toEqual(Array.from({ length: 12 }, () => 1));
});

it('a database that a writer has locked for half a second is waited for', async () => {
  const root = tempFolder();
  const stateDir = join(root, 'openclaw');
  mkdirSync(stateDir);
  const store = new SqliteStore(stateDir);
  store.exec('PRAGMA journal_mode = DELETE');
  store.stop();
  const harness = new CronHarness({ stateDir, storagePath: join(root, 'storage') });
  onTestFinished(() => harness.kill());
  const writer = new DatabaseSync(store.path);
  onTestFinished(() => writer.close());
  writer.exec('BEGIN EXCLUSIVE');
  const release = setTimeout(() => writer.exec('COMMIT'), 500);
  onTestFinished(() => clearTimeout(release));
  expect((await harness.see()).source('sqlite')).toBe(1);
});
