import { describe, expect, it } from 'vitest';
import type { Evidence, Verdict } from '../../../src/core/collector.ts';
import { type DatedEvidence, datesOf, LayerTimes } from '../../../src/core/verdict-times.ts';
import type { Layer } from '../../../src/lib/vocabulary.ts';

function seen(verdict: Verdict, text = 'words', more: Partial<Evidence> = {}): Evidence {
  return { layer: 'process', subject: 'gateway', verdict, text, ...more };
}

/** What a target says at 1 s, 2 s, 3 s …; gives the dates after the last. */
function after(...says: readonly (readonly Evidence[])[]): readonly number[] {
  let known: DatedEvidence | undefined;
  for (const [index, evidence] of says.entries()) {
    known = { evidence, sinceMs: datesOf(known, evidence, (index + 1) * 1000) };
  }
  return known?.sinceMs ?? [];
}

describe('the first moment of a verdict', () => {
  it('is that of its first sight, and stays while the verdict does', () => {
    expect(after([seen('bad')])).toEqual([1000]);
    expect(after([seen('ok')], [seen('bad')], [seen('bad')])).toEqual([2000]);
  });

  it('stays when only words or figures change', () => {
    expect(after([seen('ok', '5 ms')], [seen('ok', '17 ms')])).toEqual([1000]);
    expect(after([seen('bad', 'no answer')], [seen('bad', 'half an answer')])).toEqual([1000]);
  });

  it('begins anew after the verdict was another one', () => {
    expect(after([seen('bad')], [seen('ok')], [seen('bad')])).toEqual([3000]);
  });

  it('begins anew after nothing was seen for a while', () => {
    expect(after([seen('bad')], [], [seen('bad')])).toEqual([3000]);
  });

  it('is another one for another subject or layer', () => {
    expect(after([seen('bad')], [seen('bad', 'words', { subject: 'other' })])).toEqual([2000]);
    expect(after([seen('bad')], [seen('bad', 'words', { layer: 'cron' })])).toEqual([2000]);
  });

  it('belongs to the complaint that stays when one of two goes', () => {
    const first = seen('bad', 'no process');
    const second = seen('bad', 'no listener');
    expect(after([first], [first, second], [second])).toEqual([2000]);
  });
});

describe('the first moment of a layer', () => {
  function layerAfter(layer: Layer, steps: readonly (readonly [before: Evidence[], after: Evidence[]])[]) {
    const times = new LayerTimes();
    for (const [index, [before, now]] of steps.entries()) times.replace(before, now, (index + 1) * 1000);
    return times.since(layer);
  }
  const bad = seen('bad');
  const ok = seen('ok');

  it('is not made well by what says nothing of it', () => {
    const unknown = seen('unknown');
    const disk = seen('ok', '71 GiB left', { subject: 'state folder', incidental: true });
    expect(
      layerAfter('process', [
        [[], [unknown]],
        [[], [disk]],
      ]),
    ).toBe(1000);
    expect(layerAfter('process', [[[], [disk]]])).toBeUndefined();
  });

  it('is not moved by what people planned', () => {
    const planned = seen('warning', 'planned', { subject: 'maintenance', planned: true });
    expect(layerAfter('process', [[[], [planned]]])).toBeUndefined();
    const steps = [
      [[], [ok]],
      [[], [planned]],
      [[planned], []],
    ] as const;
    expect(
      layerAfter(
        'process',
        steps.map(([before, now]) => [[...before], [...now]] as const),
      ),
    ).toBe(1000);
  });

  it('is unknown before anything is known', () => {
    expect(layerAfter('process', [])).toBeUndefined();
    expect(layerAfter('cron', [[[], [bad]]])).toBeUndefined();
    expect(
      layerAfter('process', [
        [[], [bad]],
        [[bad], []],
      ]),
    ).toBeUndefined();
  });

  it('goes on when one fault takes over from another', () => {
    const steps = [
      [[], [ok]],
      [[], [bad]],
      [[ok], [bad]],
      [[bad], [ok]],
    ] as const;
    expect(
      layerAfter(
        'process',
        steps.map(([a, b]) => [[...a], [...b]]),
      ),
    ).toBe(2000);
  });

  it('begins anew with the last fault gone', () => {
    expect(
      layerAfter('process', [
        [[], [bad]],
        [[bad], [ok]],
      ]),
    ).toBe(2000);
  });
});
