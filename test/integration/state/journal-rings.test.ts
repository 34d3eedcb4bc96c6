import { describe, expect, it, onTestFinished } from 'vitest';
import { DatabaseThread } from '../../../src/state/database-thread.ts';
import type { Statement } from '../../../src/state/database-worker.ts';
import { Journal, pruneJournal } from '../../../src/state/journal.ts';
import { recordingLogger } from '../../support/logger.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const NOW = Date.UTC(2026, 8, 20);
/** Entries beyond which each ring loses its oldest ones, as docs/history.md has it. */
const EVENTS = 10_000;
const CHANGES = 10_000;
const RUNS = 400_000;

/** As many rows as there are numbers from 1 to `count`, from the columns of `n`. */
const fill = (table: string, columns: string, values: string, count: number): Statement => [
  `INSERT INTO ${table} (${columns}) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?)
   SELECT ${values} FROM c`,
  count,
];
const events = (count: number) =>
  fill(
    'events',
    'kind, began_ms, ended_ms, text, times, unseen',
    `'restart', ${NOW} + n, ${NOW} + n, 'e' || n, 1, 0`,
    count,
  );
const changes = (subject: string, count: number) =>
  fill(
    'changes',
    'layer, subject, after, began_ms, ended_ms, count, text',
    `'token', '${subject}', 'bad', ${NOW} + n, ${NOW} + n, 1, 'c' || n`,
    count,
  );
const runs = (count: number) =>
  fill('runs', 'hour, job, failed, missed', `${NOW / 3_600_000} + n / 1000, n % 1000, 1, 0`, count);

/** How many entries each ring holds once `statements` were written and the journal was pruned. */
async function keep(statements: readonly Statement[]) {
  const thread = new DatabaseThread();
  onTestFinished(() => void thread.end());
  const journal = new Journal(tempFolder(), thread, recordingLogger());
  await journal.open(0);
  const one = [events(1), changes('', 1), changes('host', 1), runs(1)];
  expect(await journal.write(one)).toBe(true);
  expect(await journal.write(statements)).toBe(true);
  expect(await journal.write(pruneJournal(NOW))).toBe(true);
  const counted = await journal.read([
    ['SELECT count(*) AS n FROM events'],
    ["SELECT count(*) AS n FROM changes WHERE subject = ''"],
    ["SELECT count(*) AS n FROM changes WHERE subject <> ''"],
    ['SELECT count(*) AS n FROM runs'],
  ]);
  return counted?.map(([row]) => row?.n);
}

describe('the rings of the journal', () => {
  it.each([
    ['incidents and restarts', events(2 * EVENTS), [EVENTS, 1, 1, 1]],
    ['changes of layers', changes('', 2 * CHANGES), [1, CHANGES, 1, 1]],
    ['changes of subjects', changes('host', 2 * CHANGES), [1, 1, CHANGES, 1]],
    ['failed and missed runs', runs(RUNS + 50_000), [1, 1, 1, RUNS]],
  ])('never lose an entry to another one: with too many %s', async (_what, statement, kept) => {
    // The first run of the first job is in the statement too.
    const statements: Statement[] = kept[3] === RUNS ? [['DELETE FROM runs'], statement] : [statement];
    expect(await keep(statements)).toEqual(kept);
  });

  it('keep an incident that lasts, however many ended after it', async () => {
    const lasting: Statement = [
      "INSERT INTO events (kind, began_ms, text, times, unseen) VALUES ('incident', ?, 'it lasts', 1, 0)",
      NOW - 20 * 86_400_000,
    ];
    expect(await keep([lasting, events(2 * EVENTS)])).toEqual([EVENTS + 1, 1, 1, 1]);
  });
});
