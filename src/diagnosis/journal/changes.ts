import type { Verdict } from '../../core/collector.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { Statement } from '../../state/database-worker.ts';
import { type ChangeRow, dropChange, putRow, shorten, shortenSubject } from '../../state/journal.ts';

/** More changes of one subject than this within {@link FLAPPING_MS} are one entry. */
export const FLAPPING_CHANGES = 6;
/** Milliseconds. */
export const FLAPPING_MS = 30 * 60_000;

/** A verdict as it is now; an empty `subject` stands for the layer as a whole. */
export interface CurrentVerdict {
  readonly layer: Layer;
  readonly subject: string;
  readonly verdict: Verdict;
  /** Since when it holds; wall time, milliseconds. */
  readonly sinceMs: number;
  readonly text: string;
}

interface Known {
  readonly verdict: Verdict;
  /** Its entries of the last half hour, oldest first. */
  readonly recent: readonly ChangeRow[];
}

/** Each change of a verdict, of every layer and of every subject outside cron, whose runs are counted instead. */
export class ChangeLog {
  readonly #known = new Map<string, Known>();
  #lastId: number;

  /** Goes on from the rows of a journal, oldest first. */
  constructor(rows: readonly ChangeRow[], lastId: number) {
    for (const row of rows) {
      const recent = this.#known.get(keyFor(row))?.recent ?? [];
      this.#known.set(keyFor(row), { verdict: row.after, recent: [...recent, row] });
    }
    this.#lastId = lastId;
  }

  /** What has to be written about the verdicts of this moment. */
  advance(
    verdicts: readonly CurrentVerdict[],
    isUnknown: (layer: Layer) => boolean,
    nowMs: number,
  ): Statement[] {
    const now = new Set(verdicts.map(keyFor));
    const changed = verdicts.flatMap((one) => this.#note(one, nowMs));
    const gone = [...this.#known.keys()].filter((key) => !now.has(key)).map(splitKey);
    return [...changed, ...gone.flatMap((one) => this.#note(vanished(one, isUnknown, nowMs), nowMs))];
  }

  #note(current: CurrentVerdict, nowMs: number): Statement[] {
    const key = keyFor(current);
    const known = this.#known.get(key);
    if (known?.verdict === current.verdict) return [];
    if (known === undefined && !isNews(current)) {
      this.#known.set(key, { verdict: current.verdict, recent: [] });
      return [];
    }
    const recent = (known?.recent ?? []).filter(({ ended_ms }) => nowMs - ended_ms < FLAPPING_MS);
    const { rows, statements } = this.#add(recent, current, known?.verdict ?? null, nowMs);
    this.#known.set(key, { verdict: current.verdict, recent: rows });
    return statements;
  }

  #add(
    recent: readonly ChangeRow[],
    current: CurrentVerdict,
    before: Verdict | null,
    nowMs: number,
  ): { rows: readonly ChangeRow[]; statements: Statement[] } {
    const { layer, subject, verdict: after, text } = current;
    const atMs = Math.min(nowMs, current.sinceMs);
    const last = recent.at(-1);
    if (last !== undefined && last.count > 1) {
      const row = { ...last, after, ended_ms: atMs, count: last.count + 1, text: shorten(text) };
      return { rows: [row], statements: [putRow('changes', row)] };
    }
    this.#lastId += 1;
    const common = { id: this.#lastId, layer, subject, after, ended_ms: atMs, text: shorten(text) };
    const first = recent[0];
    if (first !== undefined && recent.length >= FLAPPING_CHANGES) {
      const row = { ...common, before: first.before, began_ms: first.began_ms, count: recent.length + 1 };
      return { rows: [row], statements: [...recent.map(({ id }) => dropChange(id)), putRow('changes', row)] };
    }
    const row = { ...common, before, began_ms: atMs, count: 1 };
    return { rows: [...recent, row], statements: [putRow('changes', row)] };
  }
}

/** Whether what is seen for the first time is an entry: every verdict of a layer, and what is wrong with a subject. */
function isNews({ subject, verdict }: CurrentVerdict): boolean {
  return verdict !== 'unknown' && (subject === '' || verdict !== 'ok');
}

/** What is not stated any more holds no longer where its layer is seen, and is unknown where it is not. */
function vanished(
  { layer, subject }: Pick<CurrentVerdict, 'layer' | 'subject'>,
  isUnknown: (layer: Layer) => boolean,
  nowMs: number,
): CurrentVerdict {
  const verdict = subject === '' || isUnknown(layer) ? 'unknown' : 'ok';
  return {
    layer,
    subject,
    verdict,
    sinceMs: nowMs,
    text: verdict === 'ok' ? 'no longer reported' : 'not seen',
  };
}

function keyFor({ layer, subject }: Pick<CurrentVerdict, 'layer' | 'subject'>): string {
  return `${layer} ${shortenSubject(subject)}`;
}

function splitKey(key: string): Pick<CurrentVerdict, 'layer' | 'subject'> {
  const [layer = '', ...rest] = key.split(' ');
  return { layer: layer as Layer, subject: rest.join(' ') };
}
