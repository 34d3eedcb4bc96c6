import fc from 'fast-check';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/metrics/exposition.ts';
import { counter, eventCounter, gauge, histogram, stateset } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { duplicateSeries, matching, parseExposition, sampleOf } from '../../support/exposition.ts';

const FORMATS: readonly Format[] = ['text', 'openmetrics'];
const meaning = { absent: 'unseen' };
const up = gauge('openclaw_test_up', 'Is it up? A "quoted" word, a \\ and\na second line.', {
  labels: ['host', 'phase'],
  meaning,
});
const runs = counter('openclaw_test_runs_total', 'Runs.', { labels: ['status'], meaning });
const plain = gauge('openclaw_test_plain', 'No labels.', { meaning });

function metricsWith(...samples: Parameters<Metrics['put']>[1]) {
  const metrics = new Metrics();
  metrics.declare([up, runs, plain]);
  metrics.put({ collector: 'test', target: 'a' }, samples);
  return metrics;
}

const lines = (text: string, start: string) => text.split('\n').filter((line) => line.startsWith(start));

describe('a label', () => {
  it.each(FORMATS)('of any text comes back whole from the %s format', async (format) => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme' }),
        async (host, phase) => {
          const text = await metricsWith(up.sample(1, { host, phase })).expose(format);
          expect(parseExposition(text)).toEqual([{ name: up.name, labels: { host, phase }, value: 1 }]);
        },
      ),
    );
  });

  it('with half a surrogate pair is made well-formed', async () => {
    const text = await metricsWith(up.sample(1, { host: 'a\ud800', phase: 'x' })).expose('text');
    expect(parseExposition(text)[0]?.labels.host).toBe('a\ufffd');
  });

  it('stands in the order of its family, whatever the order of the sample', async () => {
    const text = await metricsWith(up.sample(1, { phase: 'p', host: 'h' })).expose('text');
    expect(lines(text, up.name)).toEqual(['openclaw_test_up{host="h",phase="p"} 1']);
  });
});

describe('a value', () => {
  it.each(FORMATS)('of any number comes back the same from the %s format', async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.double(), async (value) => {
        const text = await metricsWith(plain.sample(value, {})).expose(format);
        const seen = sampleOf(parseExposition(text), plain.name);
        expect(seen).toEqual(value === 0 ? 0 : value);
      }),
    );
  });
});

describe('what would make Prometheus refuse the whole scrape', () => {
  it('is not taken: a label set twice in one snapshot', () => {
    expect(() => metricsWith(plain.sample(1, {}), plain.sample(0, {}))).toThrow('repeats a label set');
  });

  it('is not taken: a series that another snapshot shows, and both snapshots stay as they were', async () => {
    const metrics = metricsWith(runs.sample(1, { status: 'ok' }));
    metrics.put({ collector: 'test', target: 'b' }, [runs.sample(2, { status: 'error' })]);
    const clash = [runs.sample(3, { status: 'error' }), runs.sample(3, { status: 'ok' })];
    expect(() => metrics.put({ collector: 'test', target: 'b' }, clash)).toThrow('repeats a label set');
    const values = matching(parseExposition(await metrics.expose('text')), runs.name).map(
      ({ value }) => value,
    );
    expect(values).toEqual([1, 2]);
  });

  it('is not taken: labels that are missing or not declared', () => {
    const surplus = { host: 'h', phase: 'p', more: 'm' };
    expect(() => metricsWith(up.sample(1, surplus))).toThrow('no others');
    const missing = { host: 'h' } as { host: string; phase: string };
    expect(() => metricsWith(up.sample(1, missing))).toThrow('no others');
  });

  it('is not taken: a metric that was not declared, or is declared twice under one name', () => {
    const metrics = metricsWith();
    const twin = gauge(plain.name, 'Another.', { meaning });
    expect(() => metrics.put({ collector: 'test', target: 'b' }, [twin.sample(1, {})])).toThrow(
      'not declared',
    );
    expect(() => metrics.declare([twin])).toThrow('declared twice');
    expect(() => metrics.declare([eventCounter(runs.name, 'Again.', { meaning })])).toThrow('declared twice');
    metrics.declare([histogram('openclaw_test_seconds', 'Times.', { buckets: [1], meaning })]);
    expect(() => metrics.declare([gauge('openclaw_test_seconds', 'Again.', { meaning })])).toThrow(
      'declared twice',
    );
  });

  it('is not taken: _total on a gauge, or a counter without it', () => {
    const wrong = [
      gauge('openclaw_test_total', 'Wrong.', { meaning }),
      counter('openclaw_test', 'Wrong.', { meaning }),
      eventCounter('openclaw_test', 'Wrong.', { meaning }),
    ];
    for (const metric of wrong) expect(() => new Metrics().declare([metric])).toThrow('_total');
  });

  it("is left out: prom-client's own gauges that end in _total", async () => {
    const metrics = new Metrics();
    metrics.collectOwnProcess();
    const register = new Registry();
    collectDefaultMetrics({ register });
    expect(await register.metrics()).toMatch(/^# TYPE \S+_total gauge$/m);
    for (const format of FORMATS) {
      expect(await metrics.expose(format)).not.toMatch(/^# TYPE \S+_total gauge$/m);
    }
  });
});

describe('metadata', () => {
  const filled = () => {
    const metrics = metricsWith(
      up.sample(1, { host: 'a', phase: 'x' }),
      up.sample(0, { host: 'b', phase: 'x' }),
      runs.sample(3, { status: 'ok' }),
    );
    metrics.put({ collector: 'test', target: 'b' }, [up.sample(1, { host: 'c', phase: 'x' })]);
    const probes = eventCounter('openclaw_test_probes_total', 'Probes.', { meaning });
    const times = histogram('openclaw_test_duration_seconds', 'Times.', { buckets: [0.5, 1], meaning });
    metrics.declare([probes, times]);
    metrics.increment(probes, {}, 2);
    metrics.observe(times, {}, 0.7);
    metrics.collectOwnProcess();
    return metrics;
  };

  it.each(FORMATS)('stands once before its family in the %s format', async (format) => {
    const text = await filled().expose(format);
    const types = lines(text, '# TYPE ');
    expect(new Set(types).size).toBe(types.length);
    expect(lines(text, '# HELP ').length).toBe(types.length);
    for (const type of types) {
      const family = type.split(' ')[2] ?? '';
      const from = text.indexOf(`# HELP ${family} `);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(text.slice(0, from)).not.toMatch(new RegExp(`^${family}[ {]`, 'm'));
    }
  });

  it.each(FORMATS)('leaves the samples of a family together in the %s format', async (format) => {
    const text = await filled().expose(format);
    const names = parseExposition(text)
      .map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, ''))
      .filter((name, index, all) => name !== all[index - 1]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('names a counter without _total in OpenMetrics and with it in text', async () => {
    const metrics = filled();
    for (const base of ['openclaw_test_runs', 'openclaw_test_probes']) {
      expect(await metrics.expose('text')).toContain(`# TYPE ${base}_total counter\n`);
      expect(await metrics.expose('openmetrics')).toContain(`# TYPE ${base} counter\n`);
    }
  });

  it('escapes what would end a HELP line', async () => {
    const metrics = filled();
    expect(lines(await metrics.expose('text'), '# HELP openclaw_test_up ')[0]).toBe(
      '# HELP openclaw_test_up Is it up? A "quoted" word, a \\\\ and\\na second line.',
    );
    expect(lines(await metrics.expose('openmetrics'), '# HELP openclaw_test_up ')[0]).toBe(
      '# HELP openclaw_test_up Is it up? A \\"quoted\\" word, a \\\\ and\\na second line.',
    );
  });

  it('ends with # EOF in OpenMetrics alone', async () => {
    const metrics = filled();
    expect(await metrics.expose('openmetrics')).toMatch(/\n# EOF\n$/);
    expect(await metrics.expose('text')).not.toContain('# EOF');
  });

  it('is all that differs: both formats hold the same samples, none twice', async () => {
    const metrics = filled();
    const [text, openMetrics] = [await metrics.expose('text'), await metrics.expose('openmetrics')];
    const named = (all: string) =>
      parseExposition(all).map(({ name, labels }) => `${name}${JSON.stringify(labels)}`);
    expect(named(openMetrics)).toEqual(named(text));
    expect(duplicateSeries(text)).toEqual([]);
  });
});

describe('a snapshot', () => {
  it('replaces its predecessor whole', async () => {
    const metrics = metricsWith(up.sample(1, { host: 'a', phase: 'x' }), plain.sample(1, {}));
    metrics.put({ collector: 'test', target: 'a' }, [up.sample(0, { host: 'b', phase: 'x' })]);
    expect(parseExposition(await metrics.expose('text'))).toEqual([
      { name: up.name, labels: { host: 'b', phase: 'x' }, value: 0 },
    ]);
  });

  it('takes its series and metadata away when it is dropped, and others may then show them', async () => {
    const metrics = metricsWith(plain.sample(1, {}));
    metrics.drop({ collector: 'test', target: 'a' });
    expect(await metrics.expose('text')).toBe('');
    metrics.put({ collector: 'test', target: 'b' }, [plain.sample(2, {})]);
    expect(sampleOf(parseExposition(await metrics.expose('text')), plain.name)).toBe(2);
  });
});

describe('a stateset', () => {
  it('has exactly one series that is 1', () => {
    const samples = stateset(['ok', 'error', 'other'], 'error', (status, on) => runs.sample(on, { status }));
    expect(samples.map(({ labels, value }) => [labels.status, value])).toEqual([
      ['ok', 0],
      ['error', 1],
      ['other', 0],
    ]);
  });
});

describe('a counter that starts with the exporter', () => {
  it('goes on counting when it is declared again, as after a reload', async () => {
    const metrics = new Metrics();
    const again = eventCounter('openclaw_test_again_total', 'Again.', { meaning });
    for (let reload = 0; reload < 2; reload += 1) {
      metrics.declare([again]);
      metrics.increment(again, {});
    }
    expect(sampleOf(parseExposition(await metrics.expose('text')), again.name)).toBe(2);
  });

  it('is exposed at 0 from its declaration on for the label sets that it names', async () => {
    const metrics = new Metrics();
    const results = eventCounter('openclaw_test_results_total', 'Results.', {
      labels: ['result'],
      initial: [{ result: 'ok' }, { result: 'error' }],
      meaning,
    });
    metrics.declare([results]);
    const series = parseExposition(await metrics.expose('text'));
    expect(series.map(({ labels, value }) => [labels.result, value])).toEqual([
      ['ok', 0],
      ['error', 0],
    ]);
  });

  it('throws when it was not declared', () => {
    const forgotten = eventCounter('openclaw_test_forgotten_total', 'Forgotten.', { meaning });
    expect(() => new Metrics().increment(forgotten, {})).toThrow('not declared');
  });
});
