import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findDatabases, readQuarantine } from '../../../../src/collectors/disk/source/databases.ts';
import { WalGrowth } from '../../../../src/collectors/disk/wal.ts';
import { longestReadSeconds } from '../../../../src/lib/sqlite-readonly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** A state folder with a database as 2026.9.6 keeps it. */
function stateFolder() {
  const stateDir = tempFolder();
  mkdirSync(join(stateDir, 'state'));
  const path = join(stateDir, 'state', 'openclaw.sqlite');
  const connect = () => {
    const database = new DatabaseSync(path);
    onTestFinished(() => {
      if (database.isOpen) database.close();
    });
    return database;
  };
  const database = connect();
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE filler (content BLOB)');
  const write = (megabytes: number) => {
    for (let count = 0; count < megabytes * 16; count += 1)
      database.prepare('INSERT INTO filler VALUES (zeroblob(65536))').run();
  };
  return { stateDir, path, database, connect, write };
}

async function growthOf(watch: WalGrowth, stateDir: string): Promise<number | undefined> {
  return watch.observe(await findDatabases(stateDir)).get('state');
}

describe('the growth of a write-ahead log', () => {
  it('goes on while a reader keeps its transaction open, and ends with it', async () => {
    const { stateDir, connect, write, database } = stateFolder();
    const watch = new WalGrowth();
    write(1);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const reader = connect();
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM filler').get();
    expect(await growthOf(watch, stateDir)).toBe(0);
    write(20);
    expect(await growthOf(watch, stateDir)).toBeGreaterThan(19 * 1024 ** 2);
    reader.exec('COMMIT');
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    expect(await growthOf(watch, stateDir)).toBe(0);
  });

  it('stays at a few megabytes where nobody reads', async () => {
    const { stateDir, write } = stateFolder();
    const watch = new WalGrowth();
    for (let round = 0; round < 5; round += 1) {
      write(8);
      expect(await growthOf(watch, stateDir)).toBeLessThan(8 * 1024 ** 2);
    }
  });
});

describe('the databases of a state folder', () => {
  it('are none where there is no folder', async () => {
    expect(await findDatabases(join(tempFolder(), 'none'))).toEqual([]);
  });

  it('tell their journal, and an empty one does not', async () => {
    const { stateDir, database } = stateFolder();
    mkdirSync(join(stateDir, 'tasks'));
    const tasks = new DatabaseSync(join(stateDir, 'tasks', 'runs.sqlite'));
    tasks.exec('CREATE TABLE runs (id)');
    tasks.close();
    mkdirSync(join(stateDir, 'agents', 'main', 'agent'), { recursive: true });
    writeFileSync(join(stateDir, 'agents', 'main', 'agent', 'openclaw-agent.sqlite'), '');
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    expect(await findDatabases(stateDir)).toMatchObject([
      { name: 'state', journal: 'wal' },
      { name: 'tasks', journal: 'rollback' },
      { name: 'agents', journal: undefined },
    ]);
  });
});

describe('what the gateway has put aside', () => {
  it('is unknown where this version keeps no record of it', () => {
    expect(readQuarantine(tempFolder())).toEqual({ databases: undefined, cronJobs: undefined });
    expect(readQuarantine(stateFolder().stateDir)).toEqual({ databases: undefined, cronJobs: undefined });
  });

  it('is counted in the tables of 2026.9.6, without reading what is in them', () => {
    const { stateDir, database } = stateFolder();
    database.exec(
      `CREATE TABLE diagnostic_events (scope TEXT NOT NULL, event_key TEXT NOT NULL, payload_json TEXT NOT NULL,
        created_at INTEGER NOT NULL, sequence INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (scope, event_key)) STRICT`,
    );
    const add = database.prepare("INSERT INTO diagnostic_events VALUES (?, ?, '{}', 1, 0)");
    for (const scope of ['cron.quarantine:/s/cron/jobs.json', 'cron.other', 'cron.quarantines'])
      add.run(scope, 'a');
    const store = new DatabaseSync(join(stateDir, 'state', 'openclaw-quarantine.sqlite'));
    store.exec(
      `CREATE TABLE quarantined_databases (path TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL,
        quarantined_at INTEGER NOT NULL, writer_app_version TEXT, verified_generation TEXT) STRICT;
       INSERT INTO quarantined_databases VALUES ('/a', 'agent', 'malformed', 1, NULL, NULL)`,
    );
    store.close();
    expect(readQuarantine(stateDir)).toEqual({ databases: 1, cronJobs: 1 });
    expect(longestReadSeconds()).toBeGreaterThan(0);
  });
});
