import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ruleFiles } from '../../prometheus/source/render.ts';
import { ruleGroups } from '../../prometheus/source/rules.ts';
import type { Thresholds } from '../../prometheus/source/thresholds.ts';
import { Alertmanager } from '../support/alertmanager.ts';
import { Child } from '../support/child.ts';
import { Exporter } from '../support/exporter.ts';
import type { Series } from '../support/exposition.ts';
import { GatewayStore } from '../support/gateway-store.ts';
import { GatewayHome, newToken } from '../support/openclaw.ts';
import { Sshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';
import { countOf, type Picture, pictureOf } from './picture.ts';
import { AlertingPrometheus } from './prometheus.ts';
import { ACCELERATION, type ExporterConfig, exporterConfig, matrixThresholds } from './settings.ts';

const ALERTMANAGER_CONFIG = join(import.meta.dirname, '..', '..', 'prometheus', 'alertmanager.yml');
const FAULTY_GATEWAY = join(import.meta.dirname, 'faulty-gateway.ts');
const VERSION = '2026.9.6';
/** Prometheus' own defaults, to be divided. */
const RESEND_MS = 60_000;
const LOOKBACK_MS = 300_000;

/** What is true of a world that is well, besides its jobs. */
const WELL: readonly (readonly [name: string, value: string])[] = [
  ['gateway_state', 'up'],
  ['gateway_ready', '1'],
  ['gateway_token_match{credential="config"}', '1'],
  ['gateway_function_up{function="sessions_list"}', '1'],
  ['cron_source_up{source="sqlite"}', '1'],
  ['ssh_up{host="studio"}', '1'],
  ['ssh_up{host="laptop"}', '1'],
  ['ssh_phase_up{host="laptop",phase="command"}', '1'],
  ['ssh_phase_up{host="studio",phase="command"}', '1'],
];

/** What a stand-in for a gateway does wrong. */
export type StandInFault = 'function' | 'protocol' | 'locked' | 'ready' | 'draining' | 'half-body';

const added = z.object({ id: z.string().min(1) });

/**
 * A gateway, its exporter, Prometheus, Alertmanager and an SSH server: all of them
 * real, and well at the start.
 */
export class World {
  readonly home: GatewayHome;
  readonly sshd: Sshd;
  readonly prometheus: AlertingPrometheus;
  readonly alertmanager: Alertmanager;
  readonly thresholds: Thresholds;
  /** The configured token; what the gateway accepts unless a scenario says otherwise. */
  readonly token: string;
  readonly config: ExporterConfig;
  readonly store: GatewayStore;
  gateway: Child;
  exporter: Exporter;
  /** Ids of the gateway's cron jobs by name. */
  readonly jobs = new Map<string, string>();
  /** The verdicts while all is well. */
  healthy: Picture = {};
  #instance = 'start';

  private constructor(
    parts: Pick<
      World,
      | 'home'
      | 'sshd'
      | 'prometheus'
      | 'alertmanager'
      | 'thresholds'
      | 'token'
      | 'config'
      | 'gateway'
      | 'exporter'
    >,
  ) {
    this.home = parts.home;
    this.sshd = parts.sshd;
    this.prometheus = parts.prometheus;
    this.alertmanager = parts.alertmanager;
    this.thresholds = parts.thresholds;
    this.token = parts.token;
    this.config = parts.config;
    this.store = new GatewayStore(parts.home.stateDir);
    this.gateway = parts.gateway;
    this.exporter = parts.exporter;
  }

  static async start(): Promise<World> {
    const ends: (() => unknown)[] = [];
    try {
      return await World.#build((end) => ends.unshift(end));
    } catch (error) {
      for (const end of ends) await end();
      throw error;
    }
  }

  /** Starts everything; `ended` is told how each part is ended again. */
  static async #build(ended: (end: () => unknown) => void): Promise<World> {
    const token = newToken();
    const home = await GatewayHome.create(VERSION);
    ended(() => home.remove());
    configureGateway(home, token);
    const beganAt = performance.now();
    const gateway = home.start();
    ended(() => gateway.end('SIGKILL'));
    await home.untilReady(gateway);
    const thresholds = matrixThresholds(performance.now() - beganAt);
    const sshd = await Sshd.start();
    ended(() => sshd.remove());
    const alertmanager = await Alertmanager.start(ALERTMANAGER_CONFIG, { divideTimersBy: ACCELERATION });
    ended(() => alertmanager.stop());
    const config = exporterConfig(sshd);
    const exporter = await Exporter.start({ env: home.env, config });
    ended(() => exporter.stop('SIGKILL'));
    const prometheus = await AlertingPrometheus.start({
      exporterPort: exporter.port,
      ruleFiles: ruleFiles(ruleGroups(thresholds), thresholds).map(({ text }) => text),
      alertmanager: alertmanager.address,
      resendMs: RESEND_MS / ACCELERATION,
      lookbackMs: LOOKBACK_MS / ACCELERATION,
    });
    ended(() => prometheus.stop());
    const world = new World({
      home,
      sshd,
      prometheus,
      alertmanager,
      thresholds,
      token,
      config,
      gateway,
      exporter,
    });
    // One after the other: a second command is refused while the first one holds the state folder.
    for (const job of ['nightly', 'weekly']) await world.addJob(job, ['/bin/true']);
    for (const job of ['backup', 'important-backup'])
      await world.addJob(job, ['/usr/bin/test', '!', '-e', world.#breakerOf(job)]);
    world.healthy = await world.untilWell();
    return world;
  }

  get instance(): string {
    return this.#instance;
  }

  async series(): Promise<Series[]> {
    return this.exporter.series();
  }

  /** Begins a new story: what the rules remember counts for the one before. */
  async rename(instance: string): Promise<void> {
    this.#instance = instance;
    await this.prometheus.rename(instance);
  }

  /** Waits until gateway, token, function, every job and every host are well; the picture then. */
  async untilWell(): Promise<Picture> {
    return until(
      async () => {
        const picture = pictureOf(await this.series());
        const jobs = [...this.jobs.keys()].map(
          (job) => [`cron_job_enabled{cron_job="${job}"}`, '1'] as const,
        );
        const ill = [...WELL, ...jobs].filter(([name, value]) => picture[name] !== value);
        if (ill.length > 0)
          throw new Error(`not well: ${ill.map(([name]) => `${name} is ${picture[name]}`).join(', ')}`);
        return picture;
      },
      { what: 'the world to be well', timeoutMs: 30_000, everyMs: 250 },
    );
  }

  /** Waits until Prometheus has noted that the process which runs now has answered. */
  async untilRecorded(): Promise<void> {
    const of = (name: string) => `max(${name}{instance="${this.#instance}"})`;
    const noted = `${of('instance:openclaw_gateway_up:timestamp_seconds')} > bool ${of('openclaw_gateway_process_start_time_seconds')}`;
    await until(async () => (await this.prometheus.value(noted)) === 1, {
      what: 'the answer to be noted',
      everyMs: 200,
    });
  }

  /** Adds a job that runs a program, each hour unless told otherwise. */
  async addJob(
    name: string,
    argv: readonly string[],
    options: readonly string[] = ['--every', '1h'],
  ): Promise<void> {
    const delivery = options.includes('--announce') ? [] : ['--no-deliver'];
    const args = [
      'cron',
      'add',
      '--name',
      name,
      ...options,
      '--command-argv',
      JSON.stringify(argv),
      ...delivery,
    ];
    const printed = await this.home.cli(this.token, ...args);
    this.jobs.set(name, added.parse(JSON.parse(printed.slice(printed.indexOf('{')))).id);
  }

  async removeJob(name: string): Promise<void> {
    await this.home.cli(this.token, 'cron', 'rm', this.idOf(name));
    this.jobs.delete(name);
    await until(
      async () => pictureOf(await this.series())[`cron_job_enabled{cron_job="${name}"}`] === undefined,
      { what: `job ${name} to be gone`, everyMs: 100 },
    );
  }

  /** Runs a job now, as a person would; `token` where the gateway accepts another than the configured one. */
  async runJob(name: string, token = this.token): Promise<void> {
    // The command's exit code is the run's.
    await this.home.cli(token, 'cron', 'run', this.idOf(name), '--token', token).catch(() => undefined);
  }

  /** Makes a job fail from now on, of those that can. */
  breakJob(name: string): void {
    writeFileSync(this.#breakerOf(name), '');
  }

  healJob(name: string): void {
    rmSync(this.#breakerOf(name), { force: true });
  }

  #breakerOf(name: string): string {
    return join(this.home.root, `${name}.broken`);
  }

  idOf(name: string): string {
    const id = this.jobs.get(name);
    if (id === undefined) throw new Error(`no job ${name}`);
    return id;
  }

  /** Writes the gateway's configuration; it is not read before the gateway's next start. */
  configureGateway(token: string, more: Readonly<Record<string, unknown>> = {}): void {
    configureGateway(this.home, token, more);
  }

  async killGateway(): Promise<void> {
    await this.gateway.end('SIGKILL');
  }

  /** Starts the gateway where none runs; with `token`, one that differs from the configuration's. */
  async startGateway(token?: string): Promise<void> {
    this.gateway = await this.home.startReady(token);
  }

  async restartGateway(token?: string): Promise<void> {
    await this.gateway.end('SIGTERM');
    await this.startGateway(token);
  }

  /** Starts the gateway, where none runs, on another port than its configuration names. */
  async startGatewayOn(port: number): Promise<void> {
    this.gateway = await this.home.startReadyOn(port);
  }

  /** Restarts the gateway without its scheduler, which openclaw.json does not tell afterwards: it is not read again. */
  async restartWithoutScheduler(): Promise<void> {
    this.configureGateway(this.token, { cron: { enabled: false } });
    await this.restartGateway();
    this.configureGateway(this.token);
  }

  /** In place of the gateway, which is killed: a program that looks like one and has that fault. */
  async startStandIn(fault: StandInFault): Promise<void> {
    await this.killGateway();
    const env = {
      ...this.home.env,
      STAND_IN_PORT: String(this.home.port),
      STAND_IN_TOKEN: this.token,
      STAND_IN_FAULT: fault,
    };
    const child = new Child(process.execPath, ['--disable-warning=ExperimentalWarning', FAULTY_GATEWAY], {
      env,
    });
    this.gateway = child;
    await until(() => child.output.includes('listening'), { what: 'the stand-in to listen' });
  }

  /** The real gateway in place of the stand-in. */
  async replaceStandIn(): Promise<void> {
    await this.killGateway();
    await this.startGateway();
  }

  async killExporter(): Promise<void> {
    await this.exporter.stop('SIGKILL');
  }

  /** Starts the exporter again, on the same port and with what it had stored. */
  async startExporter(): Promise<void> {
    const { port, storagePath } = this.exporter;
    const former = this.exporter;
    this.exporter = await Exporter.start({ env: this.home.env, config: this.config, port, storagePath });
    this.#formers.push(former);
  }

  readonly #formers: Exporter[] = [];

  /** Begins a new window of the limit of failed attempts: its five minutes are not accelerated. */
  forgetAttempts(): void {
    for (const end of ['', '-journal'])
      rmSync(join(this.exporter.storagePath, `auth-budget.sqlite${end}`), { force: true });
  }

  /** Moves the time at which a job is due next, in the gateway's own store. */
  planJob(name: string, dueMs: number): void {
    this.store.planJob(this.idOf(name), dueMs);
  }

  /** What the exporter shows of a series, written as in an exposition; the sum where it names several. */
  async shown(series: string): Promise<number> {
    return countOf(await this.series(), series);
  }

  /** Alerts of the present story that fire, the heartbeat left out, as `severity Name`. */
  async firing(instance = this.#instance): Promise<string[]> {
    const alerts = await this.prometheus.alerts();
    const names = alerts
      .filter(({ state, labels }) => state === 'firing' && labels.instance === instance)
      .map(({ labels }) => `${labels.severity} ${labels.alertname}`);
    return [...new Set(names)].toSorted();
  }

  /** Incidents that paged in the present story, one entry for each page. */
  pages(instance = this.#instance): string[] {
    return this.alertmanager.pages(instance).map(({ groupLabels }) => groupLabels.incident ?? '');
  }

  async stop(): Promise<void> {
    await this.exporter.stop();
    await this.prometheus.stop();
    await this.alertmanager.stop();
    this.gateway.signal('SIGCONT');
    await this.gateway.end('SIGKILL');
    await this.sshd.remove();
    for (const exporter of [this.exporter, ...this.#formers]) exporter.remove();
    this.home.remove();
  }
}

function configureGateway(
  home: GatewayHome,
  token: string,
  more: Readonly<Record<string, unknown>> = {},
): void {
  home.configure(token, {
    gateway: {
      mode: 'local',
      port: home.port,
      bind: 'loopback',
      auth: { mode: 'token', token },
      // Otherwise the gateway takes a changed configuration on by itself.
      reload: { mode: 'off' },
    },
    ...more,
  });
}
