import fc from 'fast-check';
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/metrics/exposition.ts';
import { eventCounter, gauge, histogram } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';

const LABELS = ['first', 'second'] as const;
const meaning = { absent: 'never' };

const labels = fc.record({ first: fc.string({ unit: 'grapheme' }), second: fc.string() });
/** prom-client writes NaN as `Nan`, which is no number of the format. */
const value = fc.double({ noNaN: true }).map((number) => (Object.is(number, -0) ? 0 : number));
const events = (amount: fc.Arbitrary<number>) =>
  fc.array(fc.record({ labels, amount }), { minLength: 1, maxLength: 5 });
/** Values as a program sets, counts and measures them; a gauge's last value of a label set holds. */
const registry = fc.record({
  // prom-client leaves quotes in a HELP text of OpenMetrics unescaped, against its specification.
  help: fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('"', "'")),
  gauges: fc.uniqueArray(fc.record({ labels, amount: value }), {
    minLength: 1,
    maxLength: 5,
    selector: (one) => JSON.stringify(one.labels),
  }),
  counts: events(fc.integer({ min: 0, max: 1_000 })),
  times: events(fc.double({ min: 0, max: 20, noNaN: true })),
  buckets: fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 6 }),
});
type Values = typeof registry extends fc.Arbitrary<infer T> ? T : never;

function ours({ help, gauges, counts, times, buckets }: Values): Metrics {
  const metrics = new Metrics();
  const level = gauge('test_level', help, { labels: LABELS, meaning });
  const count = eventCounter('test_events_total', help, { labels: LABELS, meaning });
  const time = histogram('test_duration_seconds', help, { labels: LABELS, meaning, buckets });
  metrics.declare([level, count, time]);
  const samples = gauges.map((one) => level.sample(one.amount, one.labels));
  metrics.put({ collector: 'test', target: 'one' }, samples);
  for (const one of counts) metrics.increment(count, one.labels, one.amount);
  for (const one of times) metrics.observe(time, one.labels, one.amount);
  return metrics;
}

function theirs({ help, gauges, counts, times, buckets }: Values, format: Format) {
  const register = new Registry<OpenMetricsContentType>();
  if (format === 'openmetrics') register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const own = { help, labelNames: LABELS, registers: [register] };
  const level = new Gauge({ ...own, name: 'test_level' });
  const count = new Counter({ ...own, name: 'test_events_total' });
  const time = new Histogram({ ...own, name: 'test_duration_seconds', buckets: [...buckets] });
  for (const one of gauges) level.set(one.labels, one.amount);
  for (const one of counts) count.inc(one.labels, one.amount);
  for (const one of times) time.observe(one.labels, one.amount);
  return register.metrics();
}

/** Its lines without the blank ones that prom-client puts between metrics. */
const linesOf = (text: string) => text.split('\n').filter((line) => line !== '');

describe('the text of any registry', () => {
  it.each(['text', 'openmetrics'] as const)('is what prom-client writes as %s', async (format) => {
    await fc.assert(
      fc.asyncProperty(registry, async (values) => {
        const [own, other] = [await ours(values).expose(format), await theirs(values, format)];
        expect(linesOf(own)).toEqual(linesOf(other));
      }),
    );
  });
});

describe('a counter between two scrapes', () => {
  it('is rendered anew exactly when it counted an event', async () => {
    const metrics = new Metrics();
    const count = eventCounter('test_events_total', 'Events.', { initial: [{}], meaning });
    metrics.declare([count]);
    expect(await metrics.expose('text')).toContain('test_events_total 0\n');
    metrics.increment(count, {});
    expect(await metrics.expose('text')).toContain('test_events_total 1\n');
    expect(await metrics.expose('openmetrics')).toContain('test_events_total 1\n');
  });
});
