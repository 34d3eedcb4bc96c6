import { describe, expect, it, vi } from 'vitest';
import { gauge } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { duplicateSeries, parseExposition } from '../../support/exposition.ts';

const jobs = gauge('openclaw_things', 'Things.', { labels: ['thing'], meaning: { absent: 'never' } });
const ONE = { collector: 'c', target: 'one' };
const TWO = { collector: 'c', target: 'two' };

function shown(text: string): string[] {
  return parseExposition(text)
    .filter(({ name }) => name === jobs.name)
    .map(({ labels, value }) => `${labels.thing} ${value}`)
    .sort();
}

function declared(): Metrics {
  const metrics = new Metrics();
  metrics.declare([jobs]);
  return metrics;
}

describe('a snapshot that is put again', () => {
  it('refuses a series of another snapshot, twice one series, and twice one sample, and stays as it was', async () => {
    const metrics = declared();
    const mine = jobs.sample(1, { thing: 'a' });
    metrics.put(ONE, [mine]);
    metrics.put(TWO, [jobs.sample(2, { thing: 'b' })]);
    const before = await metrics.expose('text');
    const bad = [
      [mine, jobs.sample(3, { thing: 'b' })],
      [mine, jobs.sample(3, { thing: 'a' })],
      [mine, mine],
      [jobs.sample(3, { thing: 'c' }), jobs.sample(4, { thing: 'c' })],
    ];
    for (const samples of bad) expect(() => metrics.put(ONE, samples)).toThrow('repeats a label set');
    expect(await metrics.expose('text')).toBe(before);
  });

  it('keeps unchanged samples, replaces changed ones, and frees the series it no longer shows', async () => {
    const metrics = declared();
    const same = jobs.sample(1, { thing: 'a' });
    metrics.put(ONE, [same, jobs.sample(1, { thing: 'b' }), jobs.sample(1, { thing: 'c' })]);
    metrics.put(ONE, [same, jobs.sample(2, { thing: 'b' })]);
    metrics.put(TWO, [jobs.sample(5, { thing: 'c' })]);
    expect(shown(await metrics.expose('text'))).toEqual(['a 1', 'b 2', 'c 5']);
    metrics.drop(ONE);
    metrics.put(TWO, [same]);
    expect(shown(await metrics.expose('text'))).toEqual(['a 1']);
  });

  it('shows the same whether its samples were prepared or not', async () => {
    const make = () => Array.from({ length: 3_000 }, (_, index) => jobs.sample(index, { thing: `${index}` }));
    const [prepared, plain] = [declared(), declared()];
    const samples = make();
    let turns = 0;
    const other = setImmediate(function count() {
      turns += 1;
      if (turns < 100) setImmediate(count);
    });
    const snapshot = await prepared.prepare(ONE, samples);
    clearImmediate(other);
    expect(turns).toBeGreaterThan(1);
    prepared.swap(snapshot);
    plain.put(ONE, make());
    const text = await prepared.expose('text');
    expect(text).toBe(await plain.expose('text'));
    expect(duplicateSeries(text)).toEqual([]);
  });

  it('replaces what was put while its samples were being prepared', async () => {
    const metrics = declared();
    metrics.put(ONE, [jobs.sample(1, { thing: 'a' }), jobs.sample(1, { thing: 'b' })]);
    const snapshot = await metrics.prepare(ONE, [
      jobs.sample(2, { thing: 'b' }),
      jobs.sample(2, { thing: 'c' }),
    ]);
    metrics.put(ONE, [jobs.sample(3, { thing: 'c' }), jobs.sample(3, { thing: 'd' })]);
    metrics.swap(snapshot);
    const text = await metrics.expose('text');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      `${jobs.name}{thing="b"} 2`,
      `${jobs.name}{thing="c"} 2`,
    ]);
    metrics.put(TWO, [jobs.sample(4, { thing: 'd' })]);
    expect(() => metrics.put(TWO, [jobs.sample(4, { thing: 'c' })])).toThrow('repeats a label set');
  });
});

describe("the exporter's own process", () => {
  it('is asked once for scrapes that come at once, and again for a later one', async () => {
    const metrics = new Metrics();
    metrics.collectOwnProcess();
    const cpuUsage = vi.spyOn(process, 'cpuUsage');
    await Promise.all(Array.from({ length: 100 }, () => metrics.expose('text')));
    const asked = cpuUsage.mock.calls.length;
    expect(asked).toBeLessThan(5);
    await vi.waitUntil(async () => {
      await metrics.expose('text');
      return cpuUsage.mock.calls.length > asked;
    });
  });
});
