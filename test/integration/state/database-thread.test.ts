import { join } from 'node:path';
import { describe, it } from 'vitest';
import { Child } from '../../support/child.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const MODULE = join(import.meta.dirname, '../../../src/state/database-thread.ts');
/** Occupies the thread outside JavaScript, as a call to a disk that hangs does. */
const ENDLESS =
  'INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

describe('the thread of the databases', () => {
  it('is given up when it does not end in time, and says so', async () => {
    const path = join(tempFolder(), 'a.sqlite');
    const program = `
      import { DatabaseThread } from ${JSON.stringify(MODULE)};
      const thread = new DatabaseThread();
      await thread.open(${JSON.stringify(path)}, { schema: 'CREATE TABLE t (x)', version: 1, maxBytes: 1e7 });
      const written = thread.write(${JSON.stringify(path)}, [[${JSON.stringify(ENDLESS)}]]);
      // Nothing else here uses the processor: the thread is within the statement.
      const before = process.cpuUsage().user;
      while (process.cpuUsage().user - before < 500_000) await new Promise((go) => setTimeout(go, 20));
      console.log('ended:', await thread.end(200), (await written).state);`;
    const child = new Child(process.execPath, ['--input-type=module', '--eval', program], { env: {} });
    try {
      await until(() => child.output.includes('ended: false failed'), { timeoutMs: 30_000 });
    } finally {
      await child.end('SIGKILL');
    }
  });
});
