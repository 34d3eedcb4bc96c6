import { AuthGate } from '../../auth/gate.ts';
import { createCollectors, findPredecessors } from '../../collectors/index.ts';
import { surroundings } from '../../collectors/surroundings.ts';
import type { FileConfig } from '../../config/schema.ts';
import type { Collector } from '../../core/collector.ts';
import type { TargetState } from '../../core/collector-loop.ts';
import type { CollectorContext } from '../../core/context.ts';
import { FactBoard } from '../../core/facts.ts';
import { Scheduler } from '../../core/scheduler.ts';
import { MachineReader } from '../../diagnosis/machine.ts';
import { authority } from '../../lib/authority.ts';
import type { Clock } from '../../lib/clock.ts';
import { unlessAborted } from '../../lib/deadline.ts';
import type { Logger } from '../../lib/logger.ts';
import { Metrics } from '../../metrics/metrics.ts';
import { StateCopy } from '../../state/copy.ts';
import { CheckProgress } from './progress.ts';
import { renderReport } from './render.ts';
import { type CheckResult, createReport, type ExitCode, type FailOn, type Report } from './report.ts';
import { writeTextfile } from './textfile.ts';

/** What one `check` collects, and where it prints. */
export interface CheckOptions {
  readonly config: FileConfig;
  readonly storagePath: string;
  readonly json: boolean;
  /** Repeat instead of running once. */
  readonly watch: boolean;
  readonly failOn: FailOn;
  /** Where the gauges go in place of the report. */
  readonly textfile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fires when the user ends it. */
  readonly signal: AbortSignal;
  readonly out: CheckOutput;
  readonly progress: CheckOutput;
}

/** Where text goes. */
export interface CheckOutput {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
}

const WATCH_MS = 5_000;
const STOP_MS = 1_500;
const CLEAR_SCREEN = '\u001b[H\u001b[2J\u001b[3J';

/**
 * Runs every collector, prints the diagnosis, and returns the exit code. Changes
 * nothing of a running exporter.
 */
export async function check(options: CheckOptions): Promise<ExitCode> {
  const examination = new Examination(options);
  try {
    return options.watch ? await watch(options, examination) : await once(options, examination);
  } finally {
    await examination.end();
  }
}

async function once(options: CheckOptions, examination: Examination): Promise<ExitCode> {
  const result = await unlessAborted(examination.run(), options.signal);
  if (result === undefined) return 2;
  if (options.textfile !== undefined) return examination.writeTextfile(options.textfile, result);
  return print(options, createReport(result, options.failOn));
}

async function watch(options: CheckOptions, examination: Examination): Promise<ExitCode> {
  const { signal, clock } = options;
  examination.start();
  let code: ExitCode = 2;
  while (!signal.aborted) {
    const result = await unlessAborted(examination.read(), signal);
    if (result !== undefined) code = print(options, createReport(result, options.failOn));
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
  readonly #progress: CheckProgress;
  readonly #machine: MachineReader;

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
    this.#machine = new MachineReader({ ...this.#context, metrics });
    this.#scheduler = new Scheduler({ metrics, clock, random: Math.random, logger });
    this.#progress = new CheckProgress(progress.isTerminal ? progress.write : undefined);
  }

  /** Runs every collector once, each as soon as those that refine it are done. */
  async run(): Promise<CheckResult> {
    const startedAt = this.#options.clock.monotonic();
    const done = new Map<string, Promise<void>>();
    for (const collector of this.#inOrder()) {
      const before = findPredecessors(collector.name).map((name) => done.get(name));
      done.set(collector.name, this.#runCollector(collector, before));
    }
    await Promise.all(done.values());
    return this.#result(startedAt);
  }

  /** Runs the collectors in the background, as the exporter does. */
  start(): void {
    this.#scheduler.start(this.#collectors);
  }

  /** What the collectors in the background have collected, once all have run. */
  async read(): Promise<CheckResult> {
    const { clock, signal } = this.#options;
    const startedAt = clock.monotonic();
    while (!this.#scheduler.ready && !signal.aborted) await pause(100, clock, signal);
    return this.#result(startedAt);
  }

  /** Writes the gauges of the last run; the exit code is the report's, or 2 where the file cannot be written. */
  async writeTextfile(path: string, result: CheckResult): Promise<ExitCode> {
    const { failOn, progress } = this.#options;
    const outcome = await writeTextfile(path, this.#metrics);
    if (outcome.state === 'written') return createReport(result, failOn).exitCode;
    progress.write(`${outcome.reason}\n`);
    return 2;
  }

  async end(): Promise<void> {
    await this.#scheduler.stop(STOP_MS);
  }

  #inOrder(): Collector[] {
    const count = ({ name }: Collector) => findPredecessors(name).length;
    return this.#collectors.toSorted((a, b) => count(a) - count(b));
  }

  async #runCollector(collector: Collector, before: readonly (Promise<void> | undefined)[]): Promise<void> {
    await Promise.all(before);
    if (this.#options.signal.aborted) return;
    this.#progress.begin(collector.name);
    await this.#scheduler.runOnce([collector]);
    this.#progress.end(collector.name);
  }

  async #result(startedAt: number): Promise<CheckResult> {
    const { clock, signal } = this.#options;
    return {
      states: this.#states(),
      address: authority(this.#context.install().address),
      machine: await this.#machine.read(signal),
      atMs: clock.now(),
      tookMs: clock.monotonic() - startedAt,
    };
  }

  /** In the order of the collectors, with one that failed as a whole. */
  #states(): TargetState[] {
    const all = this.#scheduler.states();
    const failed = findValues(this.#metrics, 'exporter', 'openclaw_exporter_collector_up');
    return this.#collectors.flatMap(({ name }) => {
      const its = all.filter(({ collector }) => collector === name);
      const isLost = its.length === 0 && failed.some(([labels, up]) => labels.collector === name && up === 0);
      if (!isLost) return its;
      return [{ collector: name, target: name, atMs: 0, evidence: [], blind: 'it failed as a whole' }];
    });
  }
}

function findValues(metrics: Metrics, collector: string, name: string) {
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
