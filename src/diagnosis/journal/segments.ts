import type { Verdict } from '../../core/collector.ts';
import type { Layer } from '../../lib/vocabulary.ts';
import type { History } from './history.ts';

/** What held of a layer for a while; `changing`: its verdict changed more often than the journal keeps one by one. */
export type SegmentState = Verdict | 'changing';

/** Every state, the one that a person has to know of last. */
export const SEGMENT_STATES: readonly SegmentState[] = ['ok', 'unknown', 'warning', 'changing', 'bad'];

/** A time in which one state held; wall times, milliseconds since the epoch. */
export interface Segment {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: SegmentState;
}

/** A time without a verdict. */
type Period = Pick<Segment, 'fromMs' | 'toMs'>;

/**
 * What held of a layer in a time, oldest first and without holes. Unknown are the times before its first verdict
 * and those in which the exporter did not run.
 */
export function listSegments(history: History, layer: Layer, { fromMs, toMs }: Period): Segment[] {
  const known: Segment[] = [];
  let state: SegmentState = 'unknown';
  let sinceMs = Math.min(fromMs, Date.parse(history.from));
  for (const change of history.changes) {
    if (change.layer !== layer || change.subject !== '') continue;
    const [beganMs, endedMs] = [Date.parse(change.from), Date.parse(change.to)];
    known.push({ fromMs: sinceMs, toMs: beganMs, state });
    if (endedMs > beganMs) known.push({ fromMs: beganMs, toMs: endedMs, state: 'changing' });
    state = change.after;
    sinceMs = endedMs;
  }
  known.push({ fromMs: sinceMs, toMs, state });
  const gaps = history.gaps.map((gap) => ({ fromMs: Date.parse(gap.from), toMs: Date.parse(gap.to) }));
  const clipped = gaps
    .reduce(cutOut, known)
    .map((one) => ({ ...one, fromMs: Math.max(fromMs, one.fromMs), toMs: Math.min(toMs, one.toMs) }))
    .filter((one) => one.toMs > one.fromMs);
  return merge(clipped);
}

function cutOut(segments: readonly Segment[], gap: Period): Segment[] {
  const outside = segments.flatMap((one) => [
    { ...one, toMs: Math.min(one.toMs, gap.fromMs) },
    { ...one, fromMs: Math.max(one.fromMs, gap.toMs) },
  ]);
  return [...outside, { ...gap, state: 'unknown' as const }]
    .filter(({ fromMs, toMs }) => toMs > fromMs)
    .toSorted((a, b) => a.fromMs - b.fromMs);
}

/** Neighbours of the same state as one. */
function merge(segments: readonly Segment[]): Segment[] {
  const merged: Segment[] = [];
  for (const one of segments) {
    const last = merged.at(-1);
    if (last?.state === one.state) merged[merged.length - 1] = { ...last, toMs: one.toMs };
    else merged.push(one);
  }
  return merged;
}

/** The worst state of each of `count` equal steps of a time; what lasts for a moment is never lost. */
export function listSteps(
  segments: readonly Segment[],
  { fromMs, toMs }: Period,
  count: number,
): SegmentState[] {
  const stepMs = (toMs - fromMs) / count;
  const ranks = new Array<number>(count).fill(0);
  for (const { fromMs: beganMs, toMs: endedMs, state } of segments) {
    const rank = SEGMENT_STATES.indexOf(state);
    const last = Math.min(count, Math.ceil((endedMs - fromMs) / stepMs));
    for (let at = Math.max(0, Math.floor((beganMs - fromMs) / stepMs)); at < last; at += 1) {
      ranks[at] = Math.max(ranks[at] ?? 0, rank);
    }
  }
  return ranks.map((rank) => SEGMENT_STATES[rank] ?? 'unknown');
}
