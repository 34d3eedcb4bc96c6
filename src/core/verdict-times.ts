import type { Layer } from '../lib/vocabulary.ts';
import type { Evidence, Verdict } from './collector.ts';
import { countsForLayer, overallVerdict } from './verdict.ts';

/** What was seen of one target, with the moment each verdict began, in the order of the evidence. */
export interface DatedEvidence {
  readonly evidence: readonly Evidence[];
  /** Wall time, milliseconds since the epoch. */
  readonly sinceMs: readonly number[];
}

/**
 * Since when each verdict of `evidence` holds. A verdict goes on while the same subject has it,
 * whatever its words: the same words (figures aside) are looked for first, so that of two complaints
 * the one that stays keeps its own time.
 */
export function datesOf(before: DatedEvidence | undefined, evidence: readonly Evidence[], nowMs: number) {
  const open = new Map((before?.evidence ?? []).entries());
  const take = (fits: (candidate: Evidence) => boolean): number | undefined => {
    for (const [index, candidate] of open) {
      if (!fits(candidate)) continue;
      open.delete(index);
      return before?.sinceMs[index];
    }
    return undefined;
  };
  const exact = evidence.map((one) => take((other) => same(one, other) && words(one) === words(other)));
  return evidence.map((one, index) => exact[index] ?? take((other) => same(one, other)) ?? nowMs);
}

function same(a: Evidence, b: Evidence): boolean {
  return a.layer === b.layer && a.subject === b.subject && a.verdict === b.verdict;
}

function words({ text }: Evidence): string {
  return text.replace(/\d+/g, '#');
}

interface LayerRecord {
  readonly counts: Map<Verdict, number>;
  verdict: Verdict | undefined;
  sinceMs: number;
}

/** Since when each layer as a whole has the verdict that it has; told of every change of every target. */
export class LayerTimes {
  readonly #layers = new Map<Layer, LayerRecord>();

  /** A target's evidence is replaced. */
  replace(replaced: readonly Evidence[], by: readonly Evidence[], nowMs: number): void {
    const [before, after] = [replaced.filter(countsForLayer), by.filter(countsForLayer)];
    for (const { layer, verdict } of before) this.#count(layer, verdict, -1);
    for (const { layer, verdict } of after) this.#count(layer, verdict, 1);
    for (const layer of new Set([...before, ...after].map((one) => one.layer))) this.#judge(layer, nowMs);
  }

  /** Wall time, milliseconds since the epoch; undefined where nothing is known of the layer. */
  since(layer: Layer): number | undefined {
    const record = this.#layers.get(layer);
    return record?.verdict === undefined ? undefined : record.sinceMs;
  }

  #count(layer: Layer, verdict: Verdict, by: number): void {
    const record = this.#layers.get(layer) ?? { counts: new Map(), verdict: undefined, sinceMs: 0 };
    this.#layers.set(layer, record);
    const count = (record.counts.get(verdict) ?? 0) + by;
    if (count > 0) record.counts.set(verdict, count);
    else record.counts.delete(verdict);
  }

  #judge(layer: Layer, nowMs: number): void {
    const record = this.#layers.get(layer);
    if (record === undefined) return;
    const verdict = record.counts.size === 0 ? undefined : overallVerdict(record.counts.keys());
    if (verdict === record.verdict) return;
    record.verdict = verdict;
    record.sinceMs = nowMs;
  }
}
