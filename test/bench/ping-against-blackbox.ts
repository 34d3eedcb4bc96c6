import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import { parseExposition, type Series, sampleOf } from '../support/exposition.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { type Bench, type BenchRow, cpuSecondsOf, ms, quantile, timed, times } from './bench.ts';
import { load } from './load.ts';

const VERSION = '2026.9.6';
const WARM_UP = 300;
const PROBES = 1_000;
const CONNECTIONS = 8;
const LOAD_SECONDS = 6;
/** What one look of ours asks; blackbox_exporter needs a probe for each. */
const QUESTIONS = ['/healthz', '/readyz', '/startupz'] as const;
const PING_EVERY_MS = 100;
const PINGED_MS = 20_000;

/** What one prober costs. */
interface Prober {
  /** The whole probe as its caller waits for it. */
  readonly waits: readonly number[];
  readonly cpuMs: number;
}

/** The same gateway asked by the exporter and by blackbox_exporter. */
export const pingAgainstBlackbox: Bench = {
  name: 'ping against blackbox_exporter',
  claim: `A real gateway ${VERSION}. One look of ours asks ${QUESTIONS.join(', ')} and checks the bodies; the ping collector does so each interval, \`/probe\` when asked. Latency added is what the caller waits for beyond the questions asked directly, one connection each.`,
  alternative: `Debian's prometheus-blackbox-exporter, module \`http\`: one probe of /healthz, and where it says "same questions" one probe for each of the ${QUESTIONS.length}`,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'openclaw-bench-'));
    const blackboxPort = await freePort();
    const blackbox = startBlackbox(folder, blackboxPort);
    const home = await GatewayHome.create(VERSION);
    home.configure(newToken());
    const gateway = await home.startReady();
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${blackboxPort}/-/healthy`)).ok, {
        what: 'blackbox_exporter (Debian: prometheus-blackbox-exporter)',
      });
      return await compare(home, folder, blackbox, blackboxPort);
    } finally {
      await gateway.end('SIGTERM');
      await blackbox.end('SIGTERM');
      home.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function startBlackbox(folder: string, port: number): Child {
  const config = join(folder, 'blackbox.yml');
  writeFileSync(config, 'modules: {http: {prober: http, timeout: 5s}}\n');
  return new Child('prometheus-blackbox-exporter', [
    `--config.file=${config}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
}

async function compare(
  home: GatewayHome,
  folder: string,
  blackbox: Child,
  blackboxPort: number,
): Promise<BenchRow[]> {
  const gateway = `http://127.0.0.1:${home.port}`;
  const blackboxUrl = (path: string) =>
    `http://127.0.0.1:${blackboxPort}/probe?module=http&target=${encodeURIComponent(gateway + path)}`;
  const off = Object.fromEntries(
    ['process', 'token', 'api', 'cron', 'clock', 'ping'].map((name) => [name, { enabled: false }]),
  );
  const config = { gateways: [{ name: 'one', url: `ws://127.0.0.1:${home.port}` }], collectors: off };
  const exporter = await Exporter.start({ env: { HOME: folder }, config });
  try {
    const { pid } = exporter.child;
    const direct = await probed(process.pid, [`${gateway}/healthz`], DIRECTLY);
    const directAll = await probed(
      process.pid,
      QUESTIONS.map((path) => gateway + path),
      DIRECTLY,
    );
    const ours = await probed(pid, [exporter.url('/probe?target=one')]);
    const theirs = await probed(blackbox.pid, [blackboxUrl('/healthz')]);
    const theirsAll = await probed(blackbox.pid, QUESTIONS.map(blackboxUrl));
    const answers = await reported(exporter, blackboxUrl('/healthz'));
    const served = await load({
      url: exporter.url('/metrics'),
      connections: CONNECTIONS,
      seconds: LOAD_SECONDS,
    });
    const theirServed = await load({
      url: `http://127.0.0.1:${blackboxPort}/metrics`,
      connections: CONNECTIONS,
      seconds: LOAD_SECONDS,
    });
    const added = (one: Prober, floor: Prober) => quantile(one.waits, 0.5) - quantile(floor.waits, 0.5);
    return [
      against(
        'whole probe, p50, one question of theirs',
        quantile(ours.waits, 0.5),
        quantile(theirs.waits, 0.5),
      ),
      against('latency added, p50, one question of theirs', added(ours, directAll), added(theirs, direct)),
      against('latency added, p50, same questions', added(ours, directAll), added(theirsAll, directAll)),
      against('processor time a probe, one question of theirs', ours.cpuMs, theirs.cpuMs),
      against('processor time a probe, same questions', ours.cpuMs, theirsAll.cpuMs),
      against(
        'processor time of a ping by the collector, same questions',
        await cpuOfPing(home, folder),
        theirsAll.cpuMs,
      ),
      against('how long /healthz took, as each reports it, p50', answers.ours, answers.theirs),
      {
        what: `/metrics, ${CONNECTIONS} connections: answers a second`,
        ours: perSecond(served).toFixed(0),
        alternative: perSecond(theirServed).toFixed(0),
        ratio: times(perSecond(served), perSecond(theirServed)),
      },
      floor('asked directly, p50: /healthz; all three', direct, directAll),
    ];
  } finally {
    await exporter.stop();
    exporter.remove();
  }
}

function perSecond({ durationsMs, seconds }: Awaited<ReturnType<typeof load>>): number {
  return durationsMs.length / seconds;
}

function against(what: string, oursMs: number, theirsMs: number): BenchRow {
  return { what, ours: ms(oursMs), alternative: ms(theirsMs), ratio: times(theirsMs, oursMs) };
}

function floor(what: string, ...asked: readonly Prober[]): BenchRow {
  const alternative = asked.map(({ waits }) => ms(quantile(waits, 0.5))).join('; ');
  return { what, ours: '', alternative, ratio: '' };
}

/** As a prober asks: on a connection of its own. */
const DIRECTLY = { connection: 'close' };

/** Asks for all of `urls` at once, many times over. */
async function probed(
  pid: number,
  urls: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Prober> {
  const once = () => Promise.all(urls.map(async (url) => (await fetch(url, { headers })).text()));
  for (let index = 0; index < WARM_UP; index += 1) await once();
  const before = cpuSecondsOf(pid);
  const waits: number[] = [];
  for (let index = 0; index < PROBES; index += 1) waits.push(await timed(once));
  return { waits, cpuMs: ((cpuSecondsOf(pid) - before) * 1000) / PROBES };
}

/** What each says /healthz took, connection included; the median of many. */
async function reported(exporter: Exporter, blackboxUrl: string): Promise<{ ours: number; theirs: number }> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let index = 0; index < WARM_UP; index += 1) {
    ours.push(
      seconds(
        await textOf(exporter.url('/probe?target=one')),
        'openclaw_gateway_last_ping_duration_seconds',
        ['connect', 'http'],
      ),
    );
    theirs.push(
      seconds(await textOf(blackboxUrl), 'probe_http_duration_seconds', [
        'connect',
        'processing',
        'transfer',
      ]),
    );
  }
  return { ours: quantile(ours, 0.5) * 1000, theirs: quantile(theirs, 0.5) * 1000 };
}

async function textOf(url: string): Promise<readonly Series[]> {
  return parseExposition(await (await fetch(url)).text());
}

function seconds(series: readonly Series[], name: string, phases: readonly string[]): number {
  return phases.reduce((sum, phase) => sum + (sampleOf(series, name, { phase }) ?? Number.NaN), 0);
}

/**
 * Processor milliseconds of one round of the ping collector, at its shortest interval; the
 * exporter's own rest is taken off.
 */
async function cpuOfPing(home: GatewayHome, folder: string): Promise<number> {
  const pinging = await cpuOfStretch(home, folder, { interval: `${PING_EVERY_MS}ms` });
  const resting = await cpuOfStretch(home, folder, { enabled: false });
  return (pinging.cpuMs - resting.cpuMs) / pinging.pings;
}

async function cpuOfStretch(home: GatewayHome, folder: string, ping: unknown) {
  const off = Object.fromEntries(
    ['process', 'token', 'api', 'cron', 'clock'].map((name) => [name, { enabled: false }]),
  );
  const config = { gateway: { url: `ws://127.0.0.1:${home.port}` }, collectors: { ...off, ping } };
  const exporter = await Exporter.start({ env: { HOME: folder }, config });
  try {
    await pause(PINGED_MS / 2);
    const before = { cpu: cpuSecondsOf(exporter.child.pid), pings: await pings(exporter) };
    await pause(PINGED_MS);
    return {
      cpuMs: (cpuSecondsOf(exporter.child.pid) - before.cpu) * 1000,
      pings: (await pings(exporter)) - before.pings,
    };
  } finally {
    await exporter.stop();
    exporter.remove();
  }
}

async function pings(exporter: Exporter): Promise<number> {
  return sampleOf(await exporter.series(), 'openclaw_gateway_pings_total', { result: 'ok' }) ?? 0;
}
