import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBlackHole } from '../support/black-hole.ts';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { parseExposition, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, ms, quantile, timed, times } from './bench.ts';

const SCRAPES = 200;
const ALTERNATIVE_SCRAPES = 10;
const HOSTS = 20;

/** Scrapes while the gateway and every SSH host accept connections and never answer. */
export const scrapeWhileHanging: Bench = {
  name: 'scrape while every probe hangs',
  claim: 'A scrape never waits for a probe, and memory stays flat.',
  alternative:
    "Debian's prometheus-blackbox-exporter probing the same port over HTTP, with a timeout of 1 s: there a scrape is the probe",
  async run() {
    const port = await freePort();
    const hole = await startBlackHole(port);
    const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
    const exporter = await Exporter.start({ env: { HOME: home }, config: hangingConfig(port) });
    try {
      await until(async () => (await fetch(exporter.url('/-/ready'))).ok, {
        timeoutMs: 60_000,
        what: 'a first round',
      });
      const before = await residentBytes(exporter);
      const ours = await measure(SCRAPES, async () => (await fetch(exporter.url('/metrics'))).text());
      const after = await residentBytes(exporter);
      const endMs = await timed(() => exporter.child.end('SIGTERM'));
      const theirs = await measureBlackbox(port);
      return [...rows(ours, theirs, before, after), endRow(endMs)];
    } finally {
      await exporter.stop();
      exporter.remove();
      await hole.end();
      rmSync(home, { recursive: true, force: true });
    }
  },
};

function hangingConfig(port: number) {
  const hosts = Array.from({ length: HOSTS }, (_, index) => ({
    name: `host${index}`,
    target: '127.0.0.1',
    port,
  }));
  return {
    gateway: { url: `ws://127.0.0.1:${port}` },
    ssh: { hosts },
    collectors: {
      process: { interval: '1s' },
      ping: { interval: '1s', timeout: '1s' },
      token: { interval: '1s', timeout: '1s' },
      ssh: { interval: '2s', timeout: '2s' },
    },
  };
}

async function measure(count: number, scrape: () => Promise<unknown>): Promise<number[]> {
  const durations: number[] = [];
  for (let index = 0; index < count; index += 1) durations.push(await timed(scrape));
  return durations;
}

async function measureBlackbox(target: number): Promise<number[]> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'blackbox-'));
  const config = join(folder, 'blackbox.yml');
  writeFileSync(config, 'modules: {http: {prober: http, timeout: 1s}}\n');
  const blackbox = new Child('prometheus-blackbox-exporter', [
    `--config.file=${config}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  try {
    await until(async () => (await fetch(`http://127.0.0.1:${port}/-/healthy`)).ok, {
      what: 'blackbox_exporter',
    });
    const url = `http://127.0.0.1:${port}/probe?module=http&target=127.0.0.1:${target}`;
    return await measure(ALTERNATIVE_SCRAPES, async () => (await fetch(url)).text());
  } finally {
    await blackbox.end('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function residentBytes(exporter: Exporter): Promise<number> {
  return sampleOf(parseExposition(await exporter.scrape()), 'process_resident_memory_bytes') ?? Number.NaN;
}

/** Sockets and children of hanging probes included. */
function endRow(durationMs: number): BenchRow {
  return {
    what: 'from SIGTERM to the end of the exporter',
    ours: ms(durationMs),
    alternative: '',
    ratio: '',
  };
}

function rows(ours: readonly number[], theirs: readonly number[], before: number, after: number): BenchRow[] {
  const row = (p: number): BenchRow => ({
    what: `scrape, p${p * 100} of ${ours.length} (of ${theirs.length})`,
    ours: ms(quantile(ours, p)),
    alternative: ms(quantile(theirs, p)),
    ratio: times(quantile(theirs, p), quantile(ours, p)),
  });
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  return [
    row(0.5),
    row(0.99),
    {
      what: `resident memory before and after ${ours.length} scrapes`,
      ours: `${mib(before)}, ${mib(after)}`,
      alternative: '',
      ratio: '',
    },
  ];
}
