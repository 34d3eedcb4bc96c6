import { createHistory, type History } from '../../diagnosis/journal/history.ts';
import { readDatabase } from '../../lib/sqlite-readonly.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import { JOURNAL_KEPT_MS, journalPath, parseExtract, selectExtract } from '../../state/journal.ts';
import { renderHistory } from './render.ts';

/** What `history` shows, and where it prints. */
export interface HistoryOptions {
  readonly storagePath: string;
  readonly sinceMs: number;
  readonly layer: Layer | undefined;
  readonly json: boolean;
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  readonly write: (text: string) => void;
  readonly fail: (text: string) => void;
}

/** Prints the history and returns the exit code: 2 where it cannot be read. Changes no file. */
export function showHistory(options: HistoryOptions): 0 | 2 {
  const { storagePath, nowMs, layer, json, write, fail } = options;
  const fromMs = nowMs - Math.min(options.sinceMs, JOURNAL_KEPT_MS);
  const reading = readDatabase(journalPath(storagePath), (database) =>
    selectExtract(fromMs).map(([sql, ...values]) => database.prepare(sql).all(...values)),
  );
  if (reading.state === 'absent') {
    fail(
      'history: there is no journal yet; it begins with the first start of the exporter (see --storage.path)\n',
    );
    return 2;
  }
  if (reading.state === 'unreadable') {
    fail(`history: the journal cannot be read: ${reading.reason}\n`);
    return 2;
  }
  const selection = { fromMs, toMs: nowMs, layer, showsDetails: true };
  const history: History = createHistory(parseExtract(reading.value), selection);
  write(json ? `${JSON.stringify(history)}\n` : renderHistory(history));
  return 0;
}
