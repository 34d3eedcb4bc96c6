import { describe, expect, it } from 'vitest';
import { CollectorMetrics, selectCollectors } from '../../../src/core/collector-metrics.ts';
import { ExporterMetrics } from '../../../src/core/exporter-metrics.ts';
import { eventCounter, gauge } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { parseExposition } from '../../support/exposition.ts';

const never = { meaning: { absent: 'never' } };
const up = gauge('openclaw_ping_up', 'A verdict.', never);
const pings = eventCounter('openclaw_pings_total', 'Events.', never);
const jobs = gauge('openclaw_cron_jobs', 'Jobs.', never);
const attempts = eventCounter('openclaw_attempts_total', 'Events of two collectors.', never);

function collector(name: string, metrics: readonly (typeof up | typeof pings)[]) {
  const unused = { targets: () => [], start: () => undefined, close: async () => undefined };
  return { name, metrics, intervalMs: 1_000, timeoutMs: 500, ...unused };
}

const ping = collector('ping', [up, pings, attempts]);
const cron = collector('cron', [jobs, attempts]);

function exposition(): Metrics {
  const metrics = new Metrics();
  new ExporterMetrics(metrics, '1.2.3').start(undefined);
  const own = new CollectorMetrics(metrics);
  for (const one of [ping, cron]) {
    metrics.declare(one.metrics);
    own.known(one);
    own.ran(one, 'ok', 0.1, 1);
  }
  metrics.put({ collector: 'ping', target: 'gateway' }, [up.sample(1, {})]);
  metrics.put({ collector: 'cron', target: 'gateway' }, [jobs.sample(3, {})]);
  metrics.increment(pings, {});
  metrics.increment(attempts, {});
  return metrics;
}

async function namesShown(metrics: Metrics, collectors: Parameters<typeof selectCollectors>[0]) {
  const chunks = await metrics.selectedChunks('text', selectCollectors(collectors));
  const series = parseExposition(Buffer.concat(chunks).toString());
  return {
    names: series.map(({ name }) => name).filter((name) => !name.startsWith('openclaw_exporter_')),
    runs: new Set(series.flatMap(({ labels }) => labels.collector ?? [])),
    own: series.filter(({ name, labels }) => name.startsWith('openclaw_exporter_') && !labels.collector),
  };
}

describe('a selection of collectors', () => {
  it('shows their series, their counters and how their runs went, and nothing else', async () => {
    const metrics = exposition();
    expect(await namesShown(metrics, [ping])).toEqual({
      names: ['openclaw_ping_up', 'openclaw_pings_total', 'openclaw_attempts_total'],
      runs: new Set(['ping']),
      own: [],
    });
    expect(await namesShown(metrics, [cron])).toEqual({
      names: ['openclaw_cron_jobs', 'openclaw_attempts_total'],
      runs: new Set(['cron']),
      own: [],
    });
  });

  it('of all collectors is the exposition without the exporter as a whole', async () => {
    const metrics = exposition();
    const chunks = await metrics.selectedChunks('text', selectCollectors([ping, cron]));
    const whole = await metrics.expose('text');
    const lines = Buffer.concat(chunks).toString().split('\n');
    const left = whole.split('\n').filter((line) => !lines.includes(line) && !line.startsWith('#'));
    expect(left.map((line) => line.replace(/[ {].*/, ''))).toEqual(
      expect.arrayContaining(['openclaw_exporter_build_info', 'openclaw_exporter_probes_total']),
    );
    expect(left.join()).not.toMatch(/openclaw_exporter_collector|openclaw_(?:ping|cron|attempts)/);
  });

  it('ends as OpenMetrics wants it', async () => {
    const chunks = await exposition().selectedChunks('openmetrics', selectCollectors([cron]));
    expect(Buffer.concat(chunks).toString()).toMatch(/\n# EOF\n$/);
  });
});
