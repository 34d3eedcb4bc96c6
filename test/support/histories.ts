import type { History } from '../../src/diagnosis/journal/history.ts';
import type { Layer } from '../../src/lib/vocabulary.ts';

type Change = History['changes'][number];

/** A history of the seven days before `toMs` in which nothing happened but what is given. */
export function historyUntil(toMs: number, given: Partial<History> = {}): History {
  return {
    version: 1,
    from: new Date(toMs - 7 * 86_400_000).toISOString(),
    to: new Date(toMs).toISOString(),
    gaps: [],
    incidents: [],
    events: [],
    changes: [],
    jobs: [],
    runs: [],
    ...given,
  };
}

/** A change of a layer as a whole; one of many changes ends later and counts them. */
export function layerChange(
  layer: Layer,
  fromMs: number,
  after: Change['after'],
  {
    toMs = fromMs,
    count = 1,
    before = null,
  }: { toMs?: number; count?: number; before?: Change['before'] } = {},
): Change {
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  return { from: from ?? '', to: to ?? '', layer, subject: '', before, after, count, text: '' };
}
