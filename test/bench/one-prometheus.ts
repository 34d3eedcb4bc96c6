import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { parseExposition, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { PrometheusProcess } from '../support/prometheus-process.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, cpuSecondsOf } from './bench.ts';
import { ScaleStore } from './cron-scale-store.ts';

const JOBS = 20;
const TARGETS = [100, 500, 1_000, 2_000] as const;
const INTERVAL_MS = 15_000;
/** Each target is met once in an interval; the first scrape of each creates its series. */
const WARM_UP_MS = INTERVAL_MS;
const SERVER = fileURLToPath(new URL('./exposition-server.ts', import.meta.url));
const MIB = 1024 * 1024;
/** What Prometheus needs for so many gateways. */
export const onePrometheus: Bench = {
  name: 'one Prometheus, many gateways',
  claim: `A real Prometheus scrapes the recorded exposition of an exporter with ${JOBS} cron jobs under as many paths as there are gateways, each ${INTERVAL_MS / 1000} s, without rules. One server stands in for all exporters, on the same two cores.`,
  alternative: 'none',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
    const page = join(folder, 'exposition');
    writeFileSync(page, await recordExposition(folder));
    const port = await freePort();
    const server = new Child(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      SERVER,
      page,
      String(port),
    ]);
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok, {
        what: 'the exporters to stand in',
      });
      const rows: BenchRow[] = [];
      for (const count of TARGETS) rows.push(...(await rowsFor(count, port)));
      return rows;
    } finally {
      await server.end();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function recordExposition(home: string): Promise<string> {
  const store = new ScaleStore(home, { jobs: JOBS, runs: JOBS * 10, logs: 1, bigLogBytes: 0 });
  const exporter = await Exporter.start({
    env: { HOME: home, OPENCLAW_STATE_DIR: home },
    config: { gateway: { url: `ws://127.0.0.1:${await freePort()}` } },
  });
  try {
    await exporter.untilMetrics(
      'all jobs',
      (series) => (sampleOf(series, 'openclaw_cron_jobs', { enabled: 'true' }) ?? 0) >= JOBS,
      60_000,
    );
    return await exporter.scrape();
  } finally {
    await exporter.stop();
    exporter.remove();
    store.close();
  }
}

async function rowsFor(count: number, serverPort: number): Promise<BenchRow[]> {
  const groups = Array.from({ length: count }, (_, index) => ({
    targets: [`127.0.0.1:${serverPort}`],
    labels: { __metrics_path__: `/gateway-${index}`, instance: `gateway-${index}` },
  }));
  const config = {
    global: { scrape_interval: `${INTERVAL_MS / 1000}s` },
    scrape_configs: [{ job_name: 'openclaw', static_configs: groups }],
  };
  // JSON is YAML.
  const prometheus = await PrometheusProcess.start(JSON.stringify(config));
  try {
    await until(async () => (await prometheus.value('sum(up)')) === count, {
      timeoutMs: 120_000,
      everyMs: 500,
      what: `${count} gateways to be scraped`,
    });
    await pause(WARM_UP_MS);
    const before = cpuSecondsOf(prometheus.child.pid);
    await pause(INTERVAL_MS);
    const cpu = ((cpuSecondsOf(prometheus.child.pid) - before) * 1000) / INTERVAL_MS;
    const own = parseExposition(await (await fetch(prometheus.url('/metrics'))).text());
    const value = (name: string) => sampleOf(own, name) ?? Number.NaN;
    const seriesCount = value('prometheus_tsdb_head_series');
    const bytes = value('process_resident_memory_bytes');
    const seconds = await prometheus.value('avg(scrape_duration_seconds)');
    const most = await prometheus.value('quantile(0.99, scrape_duration_seconds)');
    const row = (what: string, ours: string): BenchRow => ({
      what: `${count.toLocaleString('en')} gateways: ${what}`,
      ours,
      alternative: '',
      ratio: '',
    });
    return [
      row(
        'series in the head',
        `${seriesCount.toLocaleString('en')} (${(seriesCount / count).toFixed(0)} a gateway)`,
      ),
      row(
        'resident memory',
        `${(bytes / MIB).toFixed(0)} MiB (${(bytes / seriesCount / 1024).toFixed(1)} KiB a series)`,
      ),
      row('processor, of one core', `${(cpu * 100).toFixed(0)} %`),
      row('scrape, mean and p99', `${(seconds * 1000).toFixed(1)} ms, ${(most * 1000).toFixed(1)} ms`),
    ];
  } finally {
    await prometheus.stop();
  }
}
