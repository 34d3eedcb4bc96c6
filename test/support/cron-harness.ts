import type { FileHandle } from 'node:fs/promises';
import { AuthGate } from '../../src/auth/gate.ts';
import { cronCollector } from '../../src/collectors/cron/collector.ts';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Collector, Observation } from '../../src/core/collector.ts';
import { type CollectorContext, createCollector } from '../../src/core/context.ts';
import { FactBoard } from '../../src/core/facts.ts';
import { runCommand } from '../../src/lib/run-command.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { openClawInstall } from '../../src/openclaw/install.ts';
import { type CommitOutcome, StateFile } from '../../src/state/state-file.ts';
import { parseExposition, type Series, sampleOf } from './exposition.ts';
import { FakeClock } from './fake-clock.ts';
import { recordingLogger } from './logger.ts';

/**
 * When the exporter dies in the middle of saving, or that nothing can be saved this time: it fails, or the
 * disk hangs, until the next look or for as long as the exporter lives.
 */
export type Death = 'before commit' | 'after commit' | 'commit fails' | 'disk hangs';
class Killed extends Error {}

export interface CronHarnessOptions {
  readonly stateDir: string;
  readonly storagePath: string;
  readonly clock?: FakeClock;
  /** The configuration file's text. */
  readonly config?: string;
  /** What other collectors know; a test may change it between two looks. */
  readonly board?: FactBoard;
  /** The gateway's own; default: one under `storagePath`. */
  readonly gate?: AuthGate;
}

/**
 * The cron collector with a real state file and real metrics, looked at by hand; may
 * be killed and started again.
 */
export class CronHarness {
  readonly clock: FakeClock;
  readonly #options: CronHarnessOptions;
  #running: Running | undefined;

  constructor(options: CronHarnessOptions) {
    this.#options = options;
    this.clock = options.clock ?? new FakeClock();
  }

  /** One look and the scrape after it; undefined when the exporter died meanwhile. */
  async look(death?: Death): Promise<CronLook | undefined> {
    this.#running ??= this.#start();
    const { collector, metrics, dying, disk } = this.#running;
    dying.at = death;
    if (death === 'disk hangs') disk.hang();
    else disk.answer();
    const [target] = collector.targets();
    if (target === undefined) throw new Error('the collector has no target');
    try {
      const looking = target.collect(new AbortController().signal);
      if (death === 'disk hangs') await disk.waitInVain(looking);
      const observation = await looking;
      if (observation.kind === 'seen') metrics.put(KEY, observation.samples);
      dying.at = undefined;
      return new CronLook(observation, parseExposition(await metrics.expose('text')));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      await this.kill();
      return undefined;
    }
  }

  /** Only the look itself, without a scrape. */
  async observe(): Promise<Observation> {
    this.#running ??= this.#start();
    const [target] = this.#running.collector.targets();
    if (target === undefined) throw new Error('the collector has no target');
    return target.collect(new AbortController().signal);
  }

  /**
   * One look that must not end in death; again where what it gave waits for a disk that has just answered.
   */
  async see(): Promise<CronLook> {
    for (;;) {
      const look = await this.look();
      if (look === undefined) throw new Error('the exporter died');
      if (!look.evidence.includes('has not confirmed')) return look;
    }
  }

  /** The process is gone; what was on disk stays. */
  async kill(): Promise<void> {
    await this.#running?.collector.close?.();
    this.#running?.disk.die();
    await this.#running?.state.close();
    this.#running = undefined;
  }

  #start(): Running {
    const { stateDir, storagePath, config = '', board = new FactBoard() } = this.#options;
    const parsed = parseConfig(config, COLLECTOR_DEFAULTS);
    if (parsed.state === 'invalid') throw new Error(JSON.stringify(parsed.problems));
    const metrics = new Metrics();
    const logger = recordingLogger();
    const disk = new Disk();
    const state = new StateFile(storagePath, logger, undefined, disk);
    const dying: Running['dying'] = { at: undefined };
    const mortal = mortalState(state, dying);
    const env = { OPENCLAW_STATE_DIR: stateDir, HOME: stateDir };
    const install = openClawInstall({ env, gateway: parsed.config.gateway });
    const context: CollectorContext = {
      config: parsed.config,
      env,
      platform: process.platform,
      clock: this.clock,
      logger,
      metrics,
      state: mortal,
      storagePath,
      run: runCommand,
      facts: board.read,
      gate: this.#options.gate ?? new AuthGate({ clock: this.clock, metrics, storagePath }),
      install: () => install,
    };
    const settings = { enabled: true, intervalMs: 15_000, timeoutMs: 10_000 };
    const collector = createCollector(cronCollector, context, board, settings);
    metrics.declare(collector.metrics);
    return { collector, metrics, state, dying, disk };
  }
}

/** What one look gave. */
export class CronLook {
  readonly observation: Observation;
  readonly series: readonly Series[];

  constructor(observation: Observation, series: readonly Series[]) {
    this.observation = observation;
    this.series = series;
  }

  runs(id: string, status: string): number | undefined {
    return sampleOf(this.series, 'openclaw_cron_runs_total', { cron_job_id: id, status });
  }

  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return sampleOf(this.series, name, labels);
  }

  source(source: string): number | undefined {
    return sampleOf(this.series, 'openclaw_cron_source_up', { source });
  }

  get evidence(): string {
    return this.observation.evidence.map(({ subject, text }) => `${subject}: ${text}`).join('\n');
  }
}

interface Running {
  readonly collector: Collector;
  readonly metrics: Metrics;
  readonly state: StateFile;
  readonly dying: { at: Death | undefined };
  readonly disk: Disk;
}

/** A disk that may hang; what waits for it has a clock of its own, which moves only while it does. */
class Disk {
  readonly clock = new FakeClock();
  #hanging: PromiseWithResolvers<void> | undefined;

  readonly sync = async (file: FileHandle): Promise<void> => {
    await this.#hanging?.promise;
    await file.sync();
  };

  hang(): void {
    this.#hanging ??= Promise.withResolvers();
  }

  answer(): void {
    this.#hanging?.resolve();
    this.#hanging = undefined;
  }

  /** The process is gone: nothing that waited is done any more. */
  die(): void {
    this.#hanging?.promise.catch(() => undefined);
    this.#hanging?.reject(new Killed());
    this.#hanging = undefined;
  }

  /** Lets time pass for those who wait, until `looking` has ended. */
  async waitInVain(looking: Promise<unknown>): Promise<void> {
    let ended = false;
    const end = () => {
      ended = true;
    };
    looking.then(end, end);
    while (!ended) await this.clock.advance(100);
  }
}

const KEY = { collector: 'cron', target: 'jobs' };

function mortalState(state: StateFile, dying: Running['dying']): StateFile {
  return new Proxy(state, {
    get(target, property) {
      if (property === 'commit') {
        return async (name: string, value: unknown): Promise<CommitOutcome> => {
          if (dying.at === 'before commit') throw new Killed();
          if (dying.at === 'commit fails') return { state: 'not_saved', reason: 'the disk is full' };
          const outcome = await target.commit(name, value);
          if (dying.at === 'after commit') throw new Killed();
          return outcome;
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
