import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cause } from '../../src/core/collector.ts';
import { CAUSE_WORDS } from '../../src/diagnosis/words.ts';
import type { Child } from './child.ts';
import { SqliteStore } from './cron-store.ts';
import { Exporter } from './exporter.ts';
import { parseExposition } from './exposition.ts';
import { newToken } from './openclaw.ts';
import { closeListener, startProxyToNothing, startStandIn, startStranger } from './stand-in.ts';
import { StandInPlace } from './status-world.ts';
import { until } from './until.ts';

const CAUSES = [
  'network',
  'process',
  'authentication',
  'partial-failure',
  'cron',
] as const satisfies readonly Cause[];
const JOB = 'backup';
const RUN_MS = 60_000;
/** Of these, only whether they are there: how much depends on the machine and the moment. */
const VARYING =
  /(?:_seconds|_bytes|_ratio|_fds|_files|_threads)(?:_total|_sum|_bucket|_count)?$|^openclaw_(?:gateway|exporter)_.*_total$/;
/** The system's scheduler decides between these two from moment to moment. */
const RESTLESS = /^openclaw_gateway_process_state\{state="(?:running|sleeping)"\}/;
/** Long enough that no collector is late on a busy machine. */
const INTERVAL = { interval: '3s' };

/**
 * A stand-in gateway with one cron job, and an exporter beside it that sees nothing
 * of the machine's own services.
 */
export class GoldenWorld {
  readonly #place: StandInPlace;
  readonly #store: SqliteStore;
  readonly #exporter: Exporter;
  /** An empty search path: no systemctl, tailscale or timedatectl whose answers belong to this machine. */
  readonly #bin: string;
  #gateway: Child;

  private constructor(
    place: StandInPlace,
    store: SqliteStore,
    exporter: Exporter,
    gateway: Child,
    bin: string,
  ) {
    this.#place = place;
    this.#store = store;
    this.#exporter = exporter;
    this.#gateway = gateway;
    this.#bin = bin;
  }

  static async start(): Promise<GoldenWorld> {
    const place = await StandInPlace.create();
    place.configure(newToken());
    const store = new SqliteStore(place.stateDir);
    const gateway = await place.startReady();
    const bin = mkdtempSync(join(tmpdir(), 'openclaw-exporter-bin-'));
    const exporter = await Exporter.start({
      env: { ...place.env, PATH: bin },
      config: {
        cron: { publish_delay: '0s' },
        collectors: {
          process: INTERVAL,
          disk: INTERVAL,
          devices: INTERVAL,
          deliveries: INTERVAL,
          ping: INTERVAL,
          token: INTERVAL,
          api: INTERVAL,
          boots: INTERVAL,
          channels: INTERVAL,
          credentials: INTERVAL,
          versions: INTERVAL,
          cron: INTERVAL,
          maintenance: INTERVAL,
          clock: { enabled: false },
          tailscale: { enabled: false },
        },
      },
    });
    const world = new GoldenWorld(place, store, exporter, gateway, bin);
    world.#putRun('ok');
    return world;
  }

  get stateDir(): string {
    return this.#place.stateDir;
  }

  get storagePath(): string {
    return this.#exporter.storagePath;
  }

  async kill(): Promise<void> {
    await this.#gateway.end('SIGKILL');
  }

  hang(): void {
    this.#gateway.signal('SIGSTOP');
  }

  /** The exporter has seen the gateway up before, or silence would be its start. */
  async loseListener(): Promise<void> {
    await this.kill();
    await this.settledLines(/state\{state="refused"\} 1/);
    this.#gateway = await startStandIn('2026.9.6', this.#place.port, this.#place.env);
    await this.settledLines(/state\{state="up"\} 1/);
    await closeListener(this.#gateway);
  }

  /** A proxy takes the gateway's port, and what it passes requests on to does not answer. */
  async letProxyIn(): Promise<void> {
    await this.kill();
    this.#gateway = await startProxyToNothing(this.#place.port);
  }

  async letStrangerIn(): Promise<void> {
    await this.kill();
    this.#gateway = await startStranger(this.#place.port);
  }

  async changeToken(): Promise<void> {
    await this.kill();
    this.#gateway = await this.#place.startReady(newToken());
  }

  failJob(): void {
    this.#putRun('error');
  }

  damageStore(): void {
    this.#store.stop();
    writeFileSync(this.#store.path, 'this is no database');
  }

  /**
   * The sample lines of `openclaw_*`, sorted, without what varies, once `sign` is there, every collector
   * completed and nothing changes any more from one run of all to the next.
   */
  async settledLines(sign = /openclaw_cron_runs_total\{.*status="ok"\} 1/): Promise<readonly string[]> {
    let last = '';
    await until(
      async () => {
        const lines = normalize(await this.#exporter.scrape(), this.#place.port).join('\n');
        const isSame = lines === last && sign.test(lines) && !/_collector_up\{.*\} 0$/m.test(lines);
        last = lines;
        return isSame;
      },
      { what: `an exposition that settled with ${sign}`, timeoutMs: 60_000, everyMs: 8_000 },
    );
    return last.split('\n');
  }

  /** What the status page makes of it: its verdict and, where something is wrong, the likeliest cause by name. */
  async verdict(): Promise<string> {
    const page = await (await fetch(this.#exporter.url('/'))).text();
    const headline = /data-headline="(?<text>[^"]*)"/.exec(page)?.groups?.text ?? '';
    const words = headline.replaceAll('’', "'").replaceAll('&#39;', "'");
    const cause = CAUSES.find((name) => words.endsWith(CAUSE_WORDS[name]));
    const verdict = words.startsWith('Broken') ? 'bad' : words.startsWith('Works') ? 'warning' : 'ok';
    return cause === undefined ? verdict : `${verdict} ${cause}`;
  }

  async remove(): Promise<void> {
    await this.#exporter.stop();
    this.#exporter.remove();
    await this.#gateway.end('SIGKILL');
    this.#store.stop();
    this.#place.remove();
    rmSync(this.#bin, { recursive: true, force: true });
  }

  #putRun(status: 'ok' | 'error'): void {
    const finishedAtMs = Date.now();
    const runAtMs = finishedAtMs - 1_000;
    const job = { schedule: { kind: 'every', everyMs: 10 * RUN_MS, anchorMs: runAtMs } };
    const state = {
      lastRunAtMs: runAtMs,
      lastRunStatus: status,
      lastStatus: status,
      nextRunAtMs: runAtMs + 10 * RUN_MS,
    };
    this.#store.putJob(JOB, JOB, { job, state });
    this.#store.addRun({ jobId: JOB, runAtMs, finishedAtMs, status });
  }
}

/**
 * One line a series: name, labels and value, where the value says something to a
 * reviewer; `~` where it varies.
 */
function normalize(text: string, port: number): string[] {
  return parseExposition(text)
    .filter(({ name }) => name.startsWith('openclaw_'))
    .map(({ name, labels, value }) => {
      const shown = Object.entries(labels)
        .map(
          ([label, one]) =>
            `${label}="${/version$/.test(label) ? '~' : one.replaceAll(String(port), 'PORT')}"`,
        )
        .join(',');
      const series = `${name}${shown === '' ? '' : `{${shown}}`}`;
      return `${series} ${VARYING.test(name) || RESTLESS.test(series) ? '~' : value}`;
    })
    .toSorted();
}
