import { AuthGate } from '../../auth/gate.ts';
import { createCollectors, findPredecessors } from '../../collectors/index.ts';
import { surroundings } from '../../collectors/surroundings.ts';
import type { FileConfig } from '../../config/schema.ts';
import type { Collector } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import type { CollectorContext } from '../../core/context.ts';
import { FactBoard } from '../../core/facts.ts';
import { Scheduler } from '../../core/scheduler.ts';
import { gatewayService, type Machine } from '../../diagnosis/machine.ts';
import { authority } from '../../lib/authority.ts';
import type { Clock } from '../../lib/clock.ts';
import { unlessAborted } from '../../lib/deadline.ts';
import type { Logger } from '../../lib/logger.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { StateCopy } from '../../state/copy.ts';
import { Progress } from './progress.ts';
import { renderReport } from './render.ts';
import { type ExitCode, type Looked, type Report, reportOf } from './report.ts';

/** What one `check` looks at, and where it says what it saw. */
export interface CheckOptions {
  readonly config: FileConfig;
  readonly storagePath: string;
  readonly json: boolean;
  /** Look again and again instead of once. */
  readonly watch: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fires when the user has had enough. */
  readonly signal: AbortSignal;
  readonly out: CheckOutput;
  readonly progress: CheckOutput;
}

/** Where text goes, and whether a person looks at it. */
export interface CheckOutput {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
}

const WATCH_MS = 5_000;
const STOP_MS = 1_500;
const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

/** Looks at everything, prints what it means, and gives the exit code. Nothing of a running exporter is touched. */
export async function check(options: CheckOptions): Promise<ExitCode> {
  const examination = new Examination(options);
  try {
    return options.watch ? await watch(options, examination) : await once(options, examination);
  } finally {
    await examination.end();
  }
}

async function once(options: CheckOptions, examination: Examination): Promise<ExitCode> {
  const looked = await unlessAborted(examination.look(), options.signal);
  if (looked === undefined) return 2;
  return print(options, reportOf(looked));
}

async function watch(options: CheckOptions, examination: Examination): Promise<ExitCode> {
  const { signal, clock } = options;
  examination.start();
  let code: ExitCode = 2;
  while (!signal.aborted) {
    const looked = await unlessAborted(examination.glance(), signal);
    if (looked !== undefined) code = print(options, reportOf(looked));
    await pause(WATCH_MS, clock, signal);
  }
  return code;
}

function print({ out, json, watch: again, env }: CheckOptions, report: Report): ExitCode {
  if (json) {
    out.write(`${JSON.stringify(report)}\n`);
    return report.exitCode;
  }
  const colours = out.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  if (again && out.isTerminal) out.write(CLEAR_SCREEN);
  out.write(renderReport(report, { colours }));
  return report.exitCode;
}

/** All collectors of a configuration around a memory of their own. */
class Examination {
  readonly #options: CheckOptions;
  readonly #context: CollectorContext;
  readonly #metrics = new Metrics();
  readonly #collectors: readonly Collector[];
  readonly #scheduler: Scheduler;
  readonly #progress: Progress;

  constructor(options: CheckOptions) {
    const { config, storagePath, env, clock, logger, progress } = options;
    const metrics = this.#metrics;
    this.#options = options;
    const state = new StateCopy(storagePath);
    const board = new FactBoard();
    const gate = new AuthGate({ clock, metrics, storagePath });
    const shared = { config, env, clock, logger, metrics, state, storagePath, gate };
    this.#context = surroundings({ ...shared, facts: board.read });
    this.#collectors = createCollectors(this.#context, board);
    this.#scheduler = new Scheduler({ metrics, clock, random: Math.random, logger });
    this.#progress = new Progress(progress.isTerminal ? progress.write : undefined);
  }

  /** One round of every collector, each as soon as what refines it is done. */
  async look(): Promise<Looked> {
    const startedAt = this.#options.clock.monotonic();
    const done = new Map<string, Promise<void>>();
    for (const collector of this.#inOrder()) {
      const before = findPredecessors(collector.name).map((name) => done.get(name));
      done.set(collector.name, this.#round(collector, before));
    }
    await Promise.all(done.values());
    return this.#looked(startedAt);
  }

  /** Runs the collectors in the background, as the exporter does. */
  start(): void {
    this.#scheduler.start(this.#collectors);
  }

  /** What the collectors in the background know by now, once all have looked at least once. */
  async glance(): Promise<Looked> {
    const { clock, signal } = this.#options;
    const startedAt = clock.monotonic();
    while (!this.#scheduler.ready && !signal.aborted) await pause(100, clock, signal);
    return this.#looked(startedAt);
  }

  async end(): Promise<void> {
    await this.#scheduler.stop(STOP_MS);
  }

  #inOrder(): Collector[] {
    const count = ({ name }: Collector) => findPredecessors(name).length;
    return this.#collectors.toSorted((a, b) => count(a) - count(b));
  }

  async #round(collector: Collector, before: readonly (Promise<void> | undefined)[]): Promise<void> {
    await Promise.all(before);
    if (this.#options.signal.aborted) return;
    this.#progress.begin(collector.name);
    await this.#scheduler.runOnce([collector]);
    this.#progress.end(collector.name);
  }

  async #looked(startedAt: number): Promise<Looked> {
    const { env, platform, run, facts } = this.#context;
    const { clock, signal } = this.#options;
    const install = this.#context.install();
    const service = await gatewayService({ env, platform, run, install, clock }, signal);
    const machine: Machine = {
      local: install.address.local,
      platform,
      service,
      version: facts('provedCredential')?.greeting?.version ?? install.writtenBy,
      alive: aliveIn(this.#metrics),
    };
    return {
      states: this.#states(),
      address: authority(install.address),
      machine,
      atMs: clock.now(),
      tookMs: clock.monotonic() - startedAt,
    };
  }

  /** In the order of the collectors; one that failed as a whole is not passed over in silence. */
  #states(): TargetState[] {
    const all = this.#scheduler.states();
    const failed = valuesOf(this.#metrics, 'exporter', 'openclaw_exporter_collector_up');
    return this.#collectors.flatMap(({ name }) => {
      const its = all.filter(({ collector }) => collector === name);
      const isLost = its.length === 0 && failed.some(([labels, up]) => labels.collector === name && up === 0);
      if (!isLost) return its;
      return [{ collector: name, target: name, atMs: 0, evidence: [], blind: 'it failed as a whole' }];
    });
  }
}

function aliveIn(metrics: Metrics): boolean | undefined {
  const [first] = valuesOf(metrics, 'process', 'openclaw_gateway_process_up');
  return first === undefined ? undefined : first[1] === 1;
}

function valuesOf(metrics: Metrics, collector: string, name: string) {
  return metrics
    .samplesOf(collector)
    .flatMap((samples) => [...samples])
    .flatMap(({ family, labels, value }) => (family.name === name ? [[labels, value] as const] : []));
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end);
  });
}
