import { unlessLate } from '../lib/deadline.ts';
import type { Layer } from '../lib/vocabulary.ts';
import type { Collector } from './collector.ts';
import { CollectorLoop, type LoopOptions, type TargetState } from './collector-loop.ts';
import { CollectorMetrics } from './collector-metrics.ts';
import { LayerTimes } from './verdict-times.ts';

/** How long replaced collectors may take to settle before their successors start anyway. */
const REPLACE_GRACE_MS = 2_000;

/**
 * Runs collectors in the background, each on its own interval, never overlapping itself. Each target is
 * cancelled at its own timeout; one that ignores cancellation loses only its own snapshot and is skipped
 * until its previous run settles.
 */
export class Scheduler {
  readonly #options: LoopOptions;
  readonly #own: CollectorMetrics;
  readonly #loops: CollectorLoop[] = [];
  readonly #layerTimes = new LayerTimes();
  #stopped = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#own = new CollectorMetrics(options.metrics);
  }

  /**
   * Ends the collectors that run and starts these instead; series that no new collector renews disappear. A
   * run that does not settle delays its successors by a grace period, not for ever.
   */
  async replace(collectors: readonly Collector[]): Promise<void> {
    const old = this.#loops.splice(0);
    const closing = Promise.allSettled(old.map((loop) => loop.close()));
    await unlessLate(closing, REPLACE_GRACE_MS, this.#options.clock);
    this.start(collectors);
  }

  /** Starts the collectors, each at once and then on its interval; none after `stop`. */
  start(collectors: readonly Collector[]): void {
    if (this.#stopped) return;
    for (const collector of collectors) this.#add(collector).start();
  }

  /** Whether every collector has finished its first run: before that a scrape is incomplete. */
  get ready(): boolean {
    return this.#loops.every((loop) => loop.rounds > 0);
  }

  /** The last outcome of every target, in the order of collectors. */
  states(): readonly TargetState[] {
    return this.#loops.flatMap((loop) => loop.states());
  }

  /**
   * Since when a layer as a whole has its verdict (wall time, milliseconds); undefined
   * where nothing is known of it.
   */
  layerSince(layer: Layer): number | undefined {
    return this.#layerTimes.since(layer);
  }

  /** Runs every collector once, at once, and waits; for `check` and tests. */
  async runOnce(collectors: readonly Collector[]): Promise<void> {
    await Promise.all(collectors.map((collector) => this.#add(collector).round()));
  }

  /** Cancels every run and waits until all have settled, at most `graceMs` milliseconds. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    const closing = Promise.allSettled(this.#loops.map((loop) => loop.close()));
    await unlessLate(closing, graceMs, this.#options.clock);
  }

  #add(collector: Collector): CollectorLoop {
    const loop = new CollectorLoop(collector, this.#options, this.#own, this.#layerTimes);
    this.#loops.push(loop);
    loop.open();
    return loop;
  }
}
