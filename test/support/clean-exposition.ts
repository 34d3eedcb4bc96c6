import { expect } from 'vitest';
import type { Exporter } from './exporter.ts';
import { duplicateSeries, parseExposition, type Series } from './exposition.ts';
import { type Prometheus, promtoolComplaints } from './prometheus.ts';
import { until } from './until.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
const OURS = 'openclaw_';

/**
 * What must hold in every state of the world: an exposition that is not empty, without duplicates,
 * clean to promtool, with the same series in both formats, and scraped by a real Prometheus
 * without a word of complaint.
 */
export async function expectCleanExposition(exporter: Exporter, prometheus: Prometheus): Promise<void> {
  const text = await exporter.scrape();
  expect(parseExposition(text).length).toBeGreaterThan(0);
  expect(duplicateSeries(text)).toEqual([]);
  expect(await promtoolComplaints(text)).toBe('');
  await until(() => sameSeriesInBothFormats(exporter), { what: 'both formats to hold the same series' });
  await until(() => scrapedWhole(exporter, prometheus), { what: 'Prometheus to hold what is exposed' });
  expect(prometheus.complaints()).toEqual([]);
}

async function sameSeriesInBothFormats(exporter: Exporter): Promise<boolean> {
  const text = namesOf(parseExposition(await exporter.scrape()));
  const openMetrics = await exporter.scrape(OPENMETRICS);
  expect(openMetrics.endsWith('# EOF\n')).toBe(true);
  return equalSets(text, namesOf(parseExposition(openMetrics)));
}

async function scrapedWhole(exporter: Exporter, prometheus: Prometheus): Promise<boolean> {
  const [up] = await prometheus.query('up{job="openclaw"}');
  const scraped = await prometheus.query(`{job="openclaw",__name__=~"${OURS}.+"}`);
  const stored = scraped.map(({ metric }): Series => {
    const { __name__: name = '', job: _job, instance: _instance, ...labels } = metric;
    return { name, labels, value: 0 };
  });
  const exposed = parseExposition(await exporter.scrape()).filter(({ name }) => name.startsWith(OURS));
  return up?.value === 1 && equalSets(namesOf(exposed), namesOf(stored));
}

/** Series as `name{label="value",…}` with labels sorted; a label that is empty is as good as absent. */
function namesOf(series: readonly Series[]): Set<string> {
  return new Set(
    series.map(({ name, labels }) => {
      const kept = Object.entries(labels).filter(([, value]) => value !== '');
      return `${name}${JSON.stringify(kept.sort(([a], [b]) => a.localeCompare(b)))}`;
    }),
  );
}

function equalSets(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}
