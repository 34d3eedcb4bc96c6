import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { CronRows } from '../../../../../../src/collectors/cron/source/sqlite/rows.ts';
import { SqliteStore } from '../../../../../support/cron-store.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';

/** Which tables are known in the database of a gateway after `change`. */
function tablesAfter(change: string) {
  const store = new SqliteStore(tempFolder());
  store.exec(change);
  store.stop();
  const database = new DatabaseSync(store.path, { readOnly: true });
  const tables = new CronRows(database).tables();
  database.close();
  return tables;
}

describe('cron tables', () => {
  it('are known in the database of a gateway', () => {
    expect(tablesAfter('')).toMatchObject({ jobs: true, receipts: true, tasks: true });
  });

  it.each(['sort_order', 'updated_at'])('of jobs are not known without %s, which is asked for', (column) => {
    const tables = tablesAfter(`ALTER TABLE cron_jobs DROP COLUMN ${column}`);
    expect(tables).toMatchObject({ jobs: false, receipts: true, tasks: true });
  });

  it('of tasks are not known without a status, which is asked for', () => {
    const tables = tablesAfter(
      'DROP INDEX idx_task_runs_runtime_status; ALTER TABLE task_runs DROP COLUMN status',
    );
    expect(tables).toMatchObject({ jobs: true, receipts: true, tasks: false });
  });
});
