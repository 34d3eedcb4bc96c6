import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.ts';
import { parseExposition, sampleOf } from '../support/exposition.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, ms, quantile, timed, times } from './bench.ts';
import { ScaleStore } from './cron-scale-store.ts';
import { load } from './load.ts';

const SIZES = [10, 100, 1_000, 10_000] as const;
const SECONDS = 5;
const REST_MS = 10_000;
const MIB = 1024 * 1024;
const SOURCE = fileURLToPath(new URL('../../src/launch.js', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/launch.js', import.meta.url));

/** What a scrape costs, and what the exporter holds, by the number of jobs. */
export const scrapeAtSize: Bench = {
  name: 'scrape at size, and at rest',
  claim: `Ten runs stored of each job, default intervals. Scrapes come one after the other over one connection for ${SECONDS} s; a client that accepts gzip gets the same bytes, since the exporter does not compress: that would cost more than the network it stands beside. At rest: ${REST_MS / 1000} s later, \`VmRSS\`; of it mapped files (Node's own program, shared by every Node) and V8's heap in use.`,
  alternative:
    'for scrapes the floor: a bare Node server that answers as many bytes, of nothing; for memory and start the same exporter run from TypeScript source instead of `dist`',
  async run() {
    if (!existsSync(BUILT)) throw new Error('run `npm run build` first');
    const rows: BenchRow[] = [];
    for (const jobs of SIZES) rows.push(...(await rowsFor(jobs)));
    return [...rows, ...(await floorRows())];
  },
};

type Scrapes = Awaited<ReturnType<typeof load>>;

interface Figures {
  readonly readyMs: number;
  readonly restingBytes: number;
  readonly fileBytes: number;
  readonly heapBytes: number;
  readonly scrapes: Scrapes;
}

async function rowsFor(jobs: number): Promise<BenchRow[]> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
  const store = new ScaleStore(home, { jobs, runs: jobs * 10, logs: 10, bigLogBytes: 0 });
  try {
    const ours = await measure(BUILT, home, jobs);
    const theirs = await measure(SOURCE, home, jobs);
    const of = `${jobs.toLocaleString('en')} jobs`;
    const mib = ({ restingBytes, fileBytes, heapBytes }: Figures) =>
      `${inMib(restingBytes)} MiB (${inMib(fileBytes)} mapped files, ${inMib(heapBytes)} heap)`;
    const { durationsMs, bytes } = ours.scrapes;
    const floor = await bareServer(bytes);
    const against = (p: number) => {
      const [its, least] = [quantile(durationsMs, p), quantile(floor.durationsMs, p)];
      return { ours: ms(its), alternative: ms(least), ratio: times(least, its) };
    };
    return [
      plain(`${of}: body`, `${(bytes / 1024).toFixed(0)} KiB`),
      { what: `${of}: scrape, p50`, ...against(0.5) },
      { what: `${of}: scrape, p99`, ...against(0.99) },
      plain(`${of}: start to first complete scrape`, ms(ours.readyMs), ms(theirs.readyMs)),
      plain(`${of}: resident at rest`, mib(ours), mib(theirs)),
    ];
  } finally {
    store.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

function plain(what: string, ours: string, alternative = ''): BenchRow {
  return { what, ours, alternative, ratio: '' };
}

async function measure(program: string, home: string, jobs: number): Promise<Figures> {
  const port = await freePort();
  const url = (path: string) => `http://127.0.0.1:${port}${path}`;
  const from = performance.now();
  const child = start(program, home, jobs, port);
  try {
    await until(async () => (await fetch(url('/-/ready'))).ok, { timeoutMs: 60_000, what: 'a first round' });
    // Totals are shown a moment after they were saved; a log's job counts as one too.
    await until(async () => shownJobs(await (await fetch(url('/metrics'))).text()) >= jobs, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: 'every job to be shown',
    });
    const readyMs = performance.now() - from;
    const scrapes = await load({ url: url('/metrics'), connections: 1, seconds: SECONDS });
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const [restingBytes, fileBytes] = [statusOf(child.pid, 'VmRSS'), statusOf(child.pid, 'RssFile')];
    const own = parseExposition(await (await fetch(url('/metrics'))).text());
    const heapBytes = sampleOf(own, 'nodejs_heap_size_used_bytes') ?? Number.NaN;
    return { readyMs, scrapes, restingBytes, fileBytes, heapBytes };
  } finally {
    await child.end('SIGTERM');
  }
}

function start(program: string, home: string, jobs: number, port: number): Child {
  const folder = mkdtempSync(join(home, 'exporter-'));
  const env = { HOME: home, OPENCLAW_STATE_DIR: home };
  const script = `printf 'cron: {max_jobs: %s}\\n' ${jobs} >"$1/exporter.yml"
    exec "$2" --disable-warning=ExperimentalWarning "$3" --config.file="$1/exporter.yml" --web.listen-address=127.0.0.1:${port} --storage.path="$1/storage"`;
  return new Child('sh', ['-c', script, 'sh', folder, process.execPath, program], { env });
}

function shownJobs(text: string): number {
  return sampleOf(parseExposition(text), 'openclaw_cron_jobs', { enabled: 'true' }) ?? 0;
}

/** Bytes, from `/proc/PID/status`. */
function statusOf(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) * 1024;
}

const FLOOR_ROUNDS = 2_000;

/**
 * What nothing written in Node can be quicker than: its own server answering one
 * word, and one small file read.
 */
async function floorRows(): Promise<BenchRow[]> {
  const { durationsMs, restingBytes, fileBytes } = await bareServer(2);
  const reads: number[] = [];
  for (let index = 0; index < FLOOR_ROUNDS; index += 1) {
    reads.push(await timed(async () => readFileSync('/proc/self/stat')));
  }
  return [
    plain(
      'floor: one HTTP round trip to a bare Node server, p50 and p99',
      [0.5, 0.99].map((p) => ms(quantile(durationsMs, p))).join(', '),
    ),
    plain('floor: one file read (/proc/self/stat), p50', `${(quantile(reads, 0.5) * 1000).toFixed(0)} µs`),
    plain(
      'floor: a bare Node server, resident',
      `${inMib(restingBytes)} MiB (${inMib(fileBytes)} mapped files)`,
    ),
  ];
}

/** A Node server that answers `bytes` bytes and does nothing else, scraped as the exporter is. */
async function bareServer(
  bytes: number,
): Promise<Pick<Figures, 'restingBytes' | 'fileBytes'> & { readonly durationsMs: readonly number[] }> {
  const port = await freePort();
  const server = `const body = Buffer.alloc(${bytes}, 'x');
    require('node:http').createServer((q, s) => s.end(body)).listen(${port}, '127.0.0.1')`;
  const child = new Child(process.execPath, ['-e', server]);
  try {
    await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok, { what: 'a bare server' });
    const { durationsMs } = await load({ url: `http://127.0.0.1:${port}/`, connections: 1, seconds: 3 });
    return {
      durationsMs,
      restingBytes: statusOf(child.pid, 'VmRSS'),
      fileBytes: statusOf(child.pid, 'RssFile'),
    };
  } finally {
    await child.end('SIGTERM');
  }
}
