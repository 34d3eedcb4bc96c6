import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Exporter } from '../support/exporter.ts';
import { type Bench, ms, quantile, timed } from './bench.ts';
import { ScaleStore } from './cron-scale-store.ts';

const CLIENTS = 100;
const REQUESTS = 1_500;
const JOBS = 200;
/** While the clients hold their connections, before these are closed for want of progress after 10 s. */
const SECONDS = 8;
const EVERY_MS = 50;
const MIB = 1024 * 1024;

/** What clients that ask and never read cost everybody else. */
export const neverRead: Bench = {
  name: 'clients that never read',
  claim: `The real exporter with ${JOBS} jobs; ${CLIENTS} connections send ${REQUESTS.toLocaleString('en')} requests for /metrics each at once and read nothing. /-/healthy is asked each ${EVERY_MS} ms over a connection of its own for ${SECONDS} s, connection included; \`VmRSS\` is the most that was seen meanwhile.`,
  alternative: 'the same exporter in the same time before those clients came',
  async run() {
    const home = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
    const store = new ScaleStore(home, { jobs: JOBS, runs: JOBS * 10, logs: 0, bigLogBytes: 0 });
    const exporter = await Exporter.start({ env: { HOME: home, OPENCLAW_STATE_DIR: home } });
    try {
      await exporter.untilMetrics('every job', (all) => all.filter(isJob).length >= JOBS);
      const body = (await exporter.scrape()).length;
      const before = await watch(exporter);
      const clients = Array.from({ length: CLIENTS }, () => ask(exporter.port));
      const during = await watch(exporter);
      for (const client of clients) client.destroy();
      return [
        { what: 'body of /metrics', ours: `${(body / 1024).toFixed(0)} KiB`, alternative: '', ratio: '' },
        { what: '/-/healthy, p50', ...compare(before, during, 0.5) },
        { what: '/-/healthy, p99', ...compare(before, during, 0.99) },
        { what: 'resident', ours: mib(during.bytes), alternative: mib(before.bytes), ratio: '' },
      ];
    } finally {
      await exporter.stop();
      exporter.remove();
      store.close();
      rmSync(home, { recursive: true, force: true });
    }
  },
};

interface Watched {
  readonly durationsMs: readonly number[];
  readonly bytes: number;
}

const isJob = ({ name }: { readonly name: string }) => name === 'openclaw_cron_job_enabled';

function ask(port: number): Socket {
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => undefined);
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(REQUESTS));
  return socket;
}

async function watch(exporter: Exporter): Promise<Watched> {
  const durationsMs: number[] = [];
  let bytes = 0;
  const end = performance.now() + SECONDS * 1000;
  while (performance.now() < end) {
    durationsMs.push(await timed(() => askHealthy(exporter)));
    bytes = Math.max(bytes, residentBytes(exporter.child.pid));
    await pause(EVERY_MS);
  }
  return { durationsMs, bytes };
}

async function askHealthy(exporter: Exporter): Promise<void> {
  const response = await fetch(exporter.url('/-/healthy'), { headers: { connection: 'close' } });
  if (!response.ok) throw new Error(`/-/healthy answers ${response.status}`);
  await response.text();
}

function compare(before: Watched, during: Watched, p: number) {
  return {
    ours: ms(quantile(during.durationsMs, p)),
    alternative: ms(quantile(before.durationsMs, p)),
    ratio: '',
  };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
