import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { History } from '../../../../src/diagnosis/journal/history.ts';
import { listSegments, listSteps, type SegmentState } from '../../../../src/diagnosis/journal/segments.ts';
import { historyUntil, layerChange } from '../../../support/histories.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 8, 20, 12);
const DAY = { fromMs: NOW - 24 * HOUR, toMs: NOW };
const ago = (hours: number) => NOW - hours * HOUR;
const gap = (from: number, to: number) => ({
  from: new Date(ago(from)).toISOString(),
  to: new Date(ago(to)).toISOString(),
});

/** State and hours of each segment of the last day, as `ok 20`. */
function day(given: Partial<History>): string[] {
  return listSegments(historyUntil(NOW, given), 'token', DAY).map(
    ({ fromMs, toMs, state }) => `${state} ${(toMs - fromMs) / HOUR}`,
  );
}

describe('the segments of a layer', () => {
  it('are one unknown time where nothing was ever recorded', () => {
    expect(day({})).toEqual(['unknown 24']);
  });

  it('begin with what held before the time', () => {
    expect(day({ changes: [layerChange('token', ago(40), 'ok')] })).toEqual(['ok 24']);
  });

  it('follow the changes of this layer alone', () => {
    const changes = [
      layerChange('token', ago(30), 'ok'),
      layerChange('cron', ago(20), 'bad'),
      layerChange('token', ago(10), 'bad'),
      { ...layerChange('token', ago(9), 'ok'), subject: 'gateway' },
      layerChange('token', ago(6), 'ok'),
    ];
    expect(day({ changes })).toEqual(['ok 14', 'bad 4', 'ok 6']);
  });

  it('are unknown while the exporter did not run, never as good as before', () => {
    const changes = [layerChange('token', ago(30), 'ok')];
    expect(day({ changes, gaps: [gap(30, 22), gap(5, 3)] })).toEqual([
      'unknown 2',
      'ok 17',
      'unknown 2',
      'ok 3',
    ]);
  });

  it('say where a verdict changed too often to be kept one by one', () => {
    const changes = [
      layerChange('token', ago(30), 'ok'),
      layerChange('token', ago(8), 'ok', { toMs: ago(7), count: 12, before: 'ok' }),
    ];
    expect(day({ changes })).toEqual(['ok 16', 'changing 1', 'ok 7']);
  });

  it('cover the whole time without holes or overlaps, whatever happened', () => {
    const verdict = fc.constantFrom('ok', 'warning', 'bad', 'unknown');
    const moments = fc.array(fc.tuple(fc.integer({ min: 0, max: 48 }), fc.nat(2), verdict), {
      maxLength: 12,
    });
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 48 }), fc.nat(6)), { maxLength: 4 });
    fc.assert(
      fc.property(moments, gaps, (when, without) => {
        const changes = when
          .toSorted(([a], [b]) => b - a)
          .map(([hours, length, after], index, all) => {
            const next = all[index + 1]?.[0] ?? 0;
            return layerChange('token', ago(hours), after, { toMs: ago(Math.max(next, hours - length)) });
          });
        const history = historyUntil(NOW, {
          changes,
          gaps: without.map(([from, length]) => gap(from, Math.max(0, from - length))),
        });
        const segments = listSegments(history, 'token', DAY);
        expect(segments[0]?.fromMs).toBe(DAY.fromMs);
        expect(segments.at(-1)?.toMs).toBe(DAY.toMs);
        for (const [index, { fromMs }] of segments.entries()) {
          if (index > 0) expect(fromMs).toBe(segments[index - 1]?.toMs);
        }
      }),
    );
  });
});

describe('the steps of a drawing', () => {
  const steps = (...states: readonly (readonly [SegmentState, number, number])[]) =>
    listSteps(
      states.map(([state, from, to]) => ({ state, fromMs: ago(from), toMs: ago(to) })),
      DAY,
      4,
    );

  it('show the worst of each, so that a second of trouble is not lost', () => {
    expect(steps(['ok', 24, 10], ['bad', 10, 9.99], ['ok', 9.99, 0])).toEqual(['ok', 'ok', 'bad', 'ok']);
  });

  it('show a time without a verdict as unknown rather than as good', () => {
    expect(steps(['ok', 24, 7], ['unknown', 7, 6.5], ['ok', 6.5, 0])).toEqual(['ok', 'ok', 'unknown', 'ok']);
  });
});
