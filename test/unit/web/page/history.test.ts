import { describe, expect, it } from 'vitest';
import { CRON_FAMILIES } from '../../../../src/collectors/cron/metrics.ts';
import type { History } from '../../../../src/diagnosis/journal/history.ts';
import type { Trends } from '../../../../src/diagnosis/trends.ts';
import { LAYERS } from '../../../../src/lib/vocabulary.ts';
import { Metrics } from '../../../../src/metrics/metrics.ts';
import type { StatusPageInput } from '../../../../src/web/page/page.ts';
import { historyUntil, layerChange } from '../../../support/histories.ts';
import { textOfPage } from '../../../support/page-text.ts';
import { renderPage } from '../../../support/render-page.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 8, 20, 12);
const ago = (hours: number) => NOW - hours * HOUR;
const iso = (hours: number) => new Date(ago(hours)).toISOString();
const TRENDS: Trends = { sinceMs: ago(2), ping: [], memory: [], runs: new Map() };

const page = (input: Partial<StatusPageInput>) => renderPage(NOW, { trends: TRENDS, ...input });

/** Texts for screen readers of everything that is drawn. */
async function labels(history: History): Promise<string[]> {
  const html = await page({ history });
  return [...html.matchAll(/role="img"\s+aria-label="(.*?)"/gs)].map(([, label = '']) => label);
}

const jobSample = (name: string, index: number, metric = 'openclaw_cron_job_enabled') => {
  const family = CRON_FAMILIES.find((one) => one.name === metric);
  if (family === undefined) throw new Error(`no metric ${metric}`);
  return family.sample(1, { cron_job: name, cron_job_id: `id-${index}` });
};

function metricsWithJobs(names: readonly string[]): Metrics {
  const samples = names.map((name, index) => jobSample(name, index));
  const metrics = new Metrics();
  metrics.declare([...new Set(samples.map(({ family }) => family))]);
  metrics.put({ collector: 'cron', target: 'all' }, samples);
  return metrics;
}

describe('the timeline', () => {
  it('has a row for each layer over a day and over a week, each told in words too', async () => {
    const changes = LAYERS.map((layer) => layerChange(layer, ago(200), 'ok'));
    const told = await labels(historyUntil(NOW, { changes }));
    expect(told).toHaveLength(2 * LAYERS.length);
    expect(told).toContain('Token, last 24 hours: ok 24 h');
    expect(told).toContain('Network, last 7 days: ok 7 d');
  });

  it('tells how long a layer was broken, and when it was last', async () => {
    const changes = [
      layerChange('token', ago(200), 'ok'),
      layerChange('token', ago(3), 'bad'),
      layerChange('token', ago(2), 'ok'),
    ];
    const told = await labels(historyUntil(NOW, { changes }));
    expect(told).toContain(
      'Token, last 24 hours: broken 60 min, ok 23 h; last broken 2026-09-20 09:00 to 2026-09-20 10:00, UTC',
    );
  });

  it('shows times in which the exporter did not run as unknown', async () => {
    const changes = [layerChange('cron', ago(200), 'ok')];
    const told = await labels(historyUntil(NOW, { changes, gaps: [{ from: iso(9), to: iso(5) }] }));
    expect(told).toContain('Cron, last 24 hours: unknown 4 h, ok 20 h');
    expect(told).toContain('Answers, last 24 hours: unknown 24 h');
  });

  it('marks restarts and changes of version in the row of the process', async () => {
    const events: History['events'] = [
      { at: iso(100), kind: 'restart', text: 'the gateway started anew' },
      { at: iso(5), kind: 'restart', text: 'the gateway started anew' },
      { at: iso(5), kind: 'version', text: 'OpenClaw 2026.9.1 to 2026.9.6' },
    ];
    const told = await labels(historyUntil(NOW, { events }));
    expect(told).toContain('Process, last 24 hours: unknown 24 h; 1 restart; 1 change of version');
    expect(told).toContain('Process, last 7 days: unknown 7 d; 2 restarts; 1 change of version');
    expect(told.filter((label) => label.includes('restart'))).toHaveLength(2);
  });

  it('gives each state a pattern besides its colour, and explains them', async () => {
    const changes = [
      layerChange('process', ago(20), 'warning'),
      layerChange('process', ago(10), 'bad'),
      layerChange('answers', ago(9), 'ok', { toMs: ago(8.8), count: 8 }),
    ];
    const html = await page({ history: historyUntil(NOW, { changes }) });
    for (const state of ['bad', 'warning', 'unknown', 'changing', 'ok']) {
      expect(html).toContain(`<rect class="${state}"`);
      if (state !== 'ok') expect(html).toContain(`id="pattern-${state}"`);
    }
    expect(textOfPage(html)).toMatch(/Broken +Changing often +Warning +Unknown \(also: .*\) +OK/);
  });

  it('has no place where the journal cannot be read', async () => {
    expect(await page({})).not.toContain('id="timeline"');
  });

  it('lists incidents of the last day alone', async () => {
    const incident = {
      severity: 'critical',
      cause: 'process',
      layer: 'process',
      subject: 'gateway',
      times: 1,
      endNotSeen: false,
      runsMeanwhile: null,
    } as const;
    const incidents: History['incidents'] = [
      { ...incident, from: iso(90), to: iso(80), text: 'long ago' },
      { ...incident, from: iso(90), to: null, text: 'it lasts' },
      { ...incident, from: iso(3), to: iso(2), text: 'this morning' },
    ];
    const text = textOfPage(await page({ history: historyUntil(NOW, { incidents }) }));
    expect(text).not.toContain('long ago');
    expect(text).toContain('it lasts');
    expect(text).toContain('this morning');
  });
});

describe('the curves', () => {
  const samples = (values: readonly (number | undefined)[]) =>
    values.map((value, index) => ({ atMs: ago(2) + index * 15_000, value }));

  it('show pings with median and 95th percentile, and since when', async () => {
    const ping = samples([...Array<number>(95).fill(0.002), ...Array<number>(5).fill(0.25)]);
    const text = textOfPage(await page({ trends: { ...TRENDS, ping } }));
    expect(text).toContain('p50 2 ms, p95 2 ms, now 250 ms');
    expect(text).toContain('the last 2 h, since the exporter started');
  });

  it('are interrupted while there is nothing to show', async () => {
    const html = await page({ trends: { ...TRENDS, ping: samples([0.1, 0.1, undefined, 0.1]) } });
    const [, curve = ''] = /id="ping-trend".*?<path d="(.*?)"/s.exec(html) ?? [];
    expect(curve.match(/M/g)).toHaveLength(2);
  });

  it('reach from the oldest sample to the newest, however many there are', async () => {
    const html = await page({ trends: { ...TRENDS, ping: samples(Array<number>(5_760).fill(0.1)) } });
    const [, curve = '', width = ''] = /<path d="(M[^"…]*L(\d+) \d+)"\/>/.exec(html) ?? [];
    expect(curve.length).toBeGreaterThan(400);
    expect(Number(width)).toBeGreaterThan(280);
  });

  it('show the lowest and the highest memory', async () => {
    const memory = samples([100, 300, 200].map((size) => size * 1024 * 1024));
    const text = textOfPage(await page({ trends: { ...TRENDS, memory } }));
    expect(text).toContain('lowest 100 MiB, highest 300 MiB, now 200 MiB');
  });

  it('have no place before the first sample', async () => {
    expect(await page({})).not.toContain('<figure');
  });
});

describe('the last runs of jobs', () => {
  it('are marks with a shape for each end, told in words too', async () => {
    const runs = new Map([['id-0', ['ok', 'ok', 'error', 'missed', 'skipped']]]);
    const html = await page({ metrics: metricsWithJobs(['a', 'b']), trends: { ...TRENDS, runs } });
    expect(html).toContain('aria-label="oldest first: 2 ok, 1 error, 1 missed, 1 skipped"');
    for (const shape of ['ok', 'bad', 'missed', 'other']) expect(html).toContain(`class="run-${shape}"`);
    expect(textOfPage(html)).toContain('none seen');
  });

  it('link to the metrics of those that are not shown', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `job ${index}`);
    const html = await page({ metrics: metricsWithJobs(names) });
    expect(html).toContain('<a id="to-all-jobs" href="metrics?collect[]=cron">');
  });
});

describe('the size of the page', () => {
  it('stays below 150 KiB with 500 jobs and layers that never rest', async () => {
    const changes = Array.from({ length: 7 * 24 * 60 }, (_, minute) => 7 * 24 * 60 - minute).flatMap(
      (minute) =>
        LAYERS.map((layer) => layerChange(layer, NOW - minute * 60_000, minute % 2 === 0 ? 'ok' : 'bad')),
    );
    const restless = Array.from({ length: 7 * 24 * 2 }, (_, half) => 7 * 24 * 2 - half).flatMap((half) =>
      LAYERS.map((layer) => layerChange(layer, ago(half / 2), half % 2 === 0 ? 'ok' : 'bad')),
    );
    const names = Array.from({ length: 500 }, (_, index) => `the job with number ${index}`);
    const runs = new Map(names.map((_, index) => [`id-${index}`, ['ok', 'error', 'missed', 'ok', 'error']]));
    const ping = Array.from({ length: 5_760 }, (_, index) => ({ atMs: index, value: (index % 97) / 1000 }));
    const trends = { ...TRENDS, ping, memory: ping, runs };
    for (const some of [changes, restless]) {
      const history = historyUntil(NOW, { changes: some });
      const html = await page({ metrics: metricsWithJobs(names), history, trends });
      expect(Buffer.byteLength(html)).toBeLessThan(150 * 1024);
    }
  });
});
