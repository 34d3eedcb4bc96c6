import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import type { SqliteStore } from './cron-store.ts';
import { Exporter } from './exporter.ts';
import { newToken } from './openclaw.ts';
import { freePort } from './ports.ts';
import { Sshd } from './sshd.ts';
import { startStranger } from './stand-in.ts';
import { until } from './until.ts';

/** Where a gateway lives; a real one or a stand-in. */
export interface GatewayPlace {
  readonly stateDir: string;
  readonly port: number;
  readonly env: Record<string, string>;
  configure(token: string): void;
  /** Starts the gateway, with another token than the configured one where one is given. */
  startReady(token?: string): Promise<Child>;
  remove(): void;
}

const INTERVAL = { interval: '1s' };
/** So many restarts of the gateway one exporter sees. */
const MAX_HEALS = 3;
const PROGRAM = join(import.meta.dirname, 'stand-in-gateway.ts');

/** The home of a stand-in for a gateway. */
export class StandInPlace implements GatewayPlace {
  readonly port: number;
  readonly #root = mkdtempSync(join(tmpdir(), 'openclaw-exporter-status-'));
  readonly stateDir = join(this.#root, '.openclaw');
  #token = '';

  private constructor(port: number) {
    this.port = port;
    mkdirSync(this.stateDir);
  }

  static async create(): Promise<StandInPlace> {
    return new StandInPlace(await freePort());
  }

  get env(): Record<string, string> {
    return { HOME: this.#root };
  }

  configure(token: string): void {
    this.#token = token;
    const gateway = {
      mode: 'local',
      port: this.port,
      bind: 'loopback',
      auth: { mode: 'token', token },
    };
    writeFileSync(join(this.stateDir, 'openclaw.json'), JSON.stringify({ gateway }), { mode: 0o600 });
  }

  async startReady(token = this.#token): Promise<Child> {
    const env = { ...this.env, STAND_IN_PORT: String(this.port), STAND_IN_TOKEN: token };
    const child = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], { env });
    await until(
      () => {
        if (child.ended !== undefined) throw new Error(`the stand-in ended: ${child.output}`);
        return child.output.includes('listening');
      },
      { what: 'the stand-in gateway', timeoutMs: 60_000 },
    );
    return child;
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One cron job as the page is to show it. */
export interface ShownJob {
  readonly name: string;
  readonly errors?: number;
  readonly enabled?: boolean;
}

interface Started {
  readonly gateway: Child;
  readonly sshd: Sshd;
  readonly exporter: Exporter;
  readonly startExporter: () => Promise<Exporter>;
}

/** An exporter beside a gateway with cron jobs and an SSH host, and everything that can be done to them. */
export class StatusWorld {
  readonly sshd: Sshd;
  readonly place: GatewayPlace;
  /** What everybody is configured with. */
  readonly token: string;
  readonly #startExporter: () => Promise<Exporter>;
  #exporter: Exporter;
  #gateway: Child;
  #stranger: Child | undefined;
  #hasOtherToken = false;
  #heals = 0;

  private constructor(
    place: GatewayPlace,
    token: string,
    { gateway, sshd, exporter, startExporter }: Started,
  ) {
    this.place = place;
    this.token = token;
    this.#gateway = gateway;
    this.sshd = sshd;
    this.#exporter = exporter;
    this.#startExporter = startExporter;
  }

  static async start(place: GatewayPlace): Promise<StatusWorld> {
    const token = newToken();
    place.configure(token);
    const gateway = await place.startReady();
    const sshd = await Sshd.start();
    const hosts = [
      { name: 'macbook', target: sshd.target, port: sshd.port, always_on: true },
      { name: 'laptop-asleep', target: '127.0.0.1', port: await freePort(), always_on: false },
    ];
    const startExporter = () =>
      Exporter.start({
        env: { ...place.env, HOME: place.env.HOME ?? '' },
        config: {
          ssh: { hosts, config_file: sshd.configFile },
          collectors: {
            process: INTERVAL,
            ping: INTERVAL,
            token: INTERVAL,
            api: INTERVAL,
            cron: INTERVAL,
            clock: INTERVAL,
            ssh: { interval: '10s', timeout: '9s' },
            tailscale: { enabled: false },
          },
        },
      });
    const exporter = await startExporter();
    return new StatusWorld(place, token, { gateway, sshd, exporter, startExporter });
  }

  get exporter(): Exporter {
    return this.#exporter;
  }

  url(): string {
    return this.exporter.url('/');
  }

  hang(): void {
    this.#gateway.signal('SIGSTOP');
  }

  async kill(): Promise<void> {
    await this.#gateway.end('SIGKILL');
  }

  /** Another program takes the gateway's port. */
  async letAStrangerIn(): Promise<void> {
    await this.kill();
    this.#stranger = await startStranger(this.place.port);
  }

  /** The gateway is started anew with another token than everybody is configured with. */
  async changeToken(): Promise<void> {
    await this.kill();
    this.#hasOtherToken = true;
    this.#gateway = await this.place.startReady(newToken());
  }

  /** Takes back whatever was done to the gateway. */
  async heal(): Promise<void> {
    await this.#stranger?.end('SIGKILL');
    this.#stranger = undefined;
    await this.kill();
    this.#gateway = await this.place.startReady();
    await this.sshd.stop();
    await this.sshd.resume();
    this.#heals += 1;
    if (this.#hasOtherToken || this.#heals === MAX_HEALS) await this.#renewExporter();
  }

  /**
   * The gateway that refused attempts is gone; the exporter would wait for minutes until it tries again. And a
   * fourth restart would be a crash loop.
   */
  async #renewExporter(): Promise<void> {
    this.#hasOtherToken = false;
    this.#heals = 0;
    await this.exporter.stop();
    this.exporter.remove();
    this.#exporter = await this.#startExporter();
  }

  async remove(): Promise<void> {
    await this.exporter.stop();
    this.exporter.remove();
    await this.#stranger?.end('SIGKILL');
    await this.#gateway.end('SIGKILL');
    await this.sshd.remove();
    this.place.remove();
  }
}

/** Writes cron jobs as a gateway has them in its database. */
export function writeJobs(store: SqliteStore, jobs: readonly ShownJob[]): void {
  const now = Date.now();
  for (const [index, { name, errors = 0, enabled = true }] of jobs.entries()) {
    store.putJob(`job-${index}`, name, {
      enabled,
      job: { schedule: { kind: 'every', everyMs: 3_600_000, anchorMs: now } },
      state: {
        lastRunAtMs: now - 600_000,
        lastRunStatus: errors > 0 ? 'error' : 'ok',
        lastStatus: errors > 0 ? 'error' : 'ok',
        lastDurationMs: 4_000,
        consecutiveErrors: errors,
        ...(enabled ? { nextRunAtMs: now + 3_000_000 } : {}),
      },
    });
  }
}
