import type { RequestHandler } from 'express';
import { parseDuration } from '../config/duration.ts';
import type { History, HistorySelection } from '../diagnosis/journal/history.ts';
import { LAYERS } from '../lib/vocabulary.ts';
import { JOURNAL_KEPT_MS } from '../state/journal.ts';

const DEFAULT_SINCE = '1d';

/** Where `/history.json` takes what it serves from. */
interface HistoryOptions {
  readonly history: (selection: HistorySelection) => Promise<History | undefined>;
  /** Whether only authenticated clients are served: they may see what other programs reported. */
  readonly isAuthenticated: () => boolean;
  /** Wall time, milliseconds since the epoch. */
  readonly now: () => number;
}

/** The journal as JSON: `since` is how far back (1d), `layer` what it is about (all). */
export function historyHandler({ history, isAuthenticated, now }: HistoryOptions): RequestHandler {
  return async (request, response) => {
    const { since = DEFAULT_SINCE, layer: wanted } = request.query;
    const durationMs = typeof since === 'string' ? parseDuration(since) : undefined;
    const layer = LAYERS.find((name) => name === wanted);
    if (durationMs === undefined || (wanted !== undefined && layer === undefined)) {
      const text = `since: a duration such as 36h or 7d; layer: ${LAYERS.join(', ')}.\n`;
      response.status(400).type('text').send(text);
      return;
    }
    const toMs = now();
    const fromMs = toMs - Math.min(durationMs, JOURNAL_KEPT_MS);
    const found = await history({ fromMs, toMs, layer, showsDetails: isAuthenticated() });
    response.set('Cache-Control', 'no-store');
    if (found === undefined) response.status(503).type('text').send('The journal cannot be read now.\n');
    else response.json(found);
  };
}
