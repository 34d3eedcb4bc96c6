import type { Clock } from '../lib/clock.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { RunResult } from '../lib/vocabulary.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { PreparedSnapshot } from '../metrics/snapshot.ts';
import type { Collector, Evidence, Observation, Target } from './collector.ts';
import type { CollectorMetrics } from './collector-metrics.ts';
import { datesOf, type LayerTimes } from './verdict-times.ts';

/** What a collector's runs need from outside. */
export interface LoopOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** The outcome of a target's last collection, for the status page. */
export interface TargetState {
  readonly collector: string;
  readonly target: string;
  /** Time of the last collection, successful or not; wall time, milliseconds since the epoch. */
  readonly atMs: number;
  readonly evidence: readonly Evidence[];
  /** Since when each verdict of `evidence` holds, in its order; wall time, milliseconds since the epoch. */
  readonly sinceMs?: readonly number[];
  /** Why the collection failed, if it did. */
  readonly blind?: string;
}

/** Jitter as a share of the interval, so that collectors do not run in lockstep. */
const JITTER = 0.1;
/** Concurrent targets of one collector: a dead host delays only its own place in the queue. */
const CONCURRENCY = 32;

/**
 * The runs of one collector; each collects every target once. A target is cancelled at its own timeout; one
 * that ignores cancellation is skipped until its previous run settles.
 */
export class CollectorLoop {
  /** Rounds that have ended. */
  rounds = 0;
  readonly #collector: Collector;
  readonly #options: LoopOptions;
  readonly #own: CollectorMetrics;
  readonly #layerTimes: LayerTimes;
  readonly #stopping = new AbortController();
  readonly #states = new Map<string, TargetState>();
  /** Collections that have not settled, by target: such a target is skipped. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  /** Targets whose turn did not come in the last round, the one that waits longest first. */
  readonly #unasked = new Set<string>();
  #cancelTimer: () => void = () => undefined;

  constructor(collector: Collector, options: LoopOptions, own: CollectorMetrics, layerTimes: LayerTimes) {
    this.#collector = collector;
    this.#options = options;
    this.#own = own;
    this.#layerTimes = layerTimes;
  }

  /** Declares the collector's metrics and starts it; before the first run. */
  open(): void {
    this.#options.metrics.declare(this.#collector.metrics);
    this.#own.known(this.#collector);
    this.#collector.start?.();
  }

  /** Starts the first run at once, and each following one an interval after the previous, until `close`. */
  start(): void {
    void this.#roundThenWait();
  }

  /** The last outcome of each target. */
  states(): readonly TargetState[] {
    return [...this.#states.values()];
  }

  /**
   * Cancels what is running, removes this collector's series at once, and waits until everything has settled.
   */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('the collector stops'));
    this.#cancelTimer();
    this.#forgetOthers([]);
    this.#own.forget(this.#collector);
    await Promise.allSettled(this.#underWay.values());
    await this.#collector.close?.();
  }

  async #roundThenWait(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { clock, random } = this.#options;
    const startedAt = clock.monotonic();
    await this.round();
    const spread = (random() - 0.5) * 2 * JITTER;
    const next = this.#collector.intervalMs * (1 + spread) - (clock.monotonic() - startedAt);
    if (!this.#stopping.signal.aborted)
      this.#cancelTimer = clock.after(Math.max(next, 0), () => void this.#roundThenWait());
  }

  /** Collects every target once. Never throws. */
  async round(): Promise<void> {
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    const result = await this.#lookAtAll();
    if (this.#stopping.signal.aborted) return;
    this.rounds += 1;
    const seconds = (clock.monotonic() - startedAt) / 1000;
    this.#own.ran(this.#collector, result, seconds, clock.now() / 1000);
  }

  async #lookAtAll(): Promise<RunResult> {
    try {
      const targets = this.#collector.targets();
      this.#forgetOthers(targets);
      return worst(await this.#lookInTurns(targets));
    } catch (error) {
      // Earlier samples may no longer hold, and no new ones can be collected.
      this.#forgetOthers([]);
      this.#options.logger.error('collector failed', {
        collector: this.#collector.name,
        error: messageOf(error),
      });
      return 'error';
    }
  }

  async #lookInTurns(targets: readonly Target[]): Promise<RunResult[]> {
    const results: RunResult[] = [];
    const queue = this.#fairOrder(targets);
    const round = cutAfter(this.#collector.timeoutMs, this.#stopping.signal, this.#options.clock);
    const worker = async () => {
      for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
        results.push(await this.#look(target, round.signal));
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, targets.length) }, worker));
    round.cancel();
    return results;
  }

  /**
   * Targets that were not started in the last run come first, so that many hung ones cannot starve the rest.
   */
  #fairOrder(targets: readonly Target[]): Target[] {
    const byName = new Map(targets.map((target) => [target.name, target]));
    const waiting = [...this.#unasked].flatMap((name) => byName.get(name) ?? []);
    return [...waiting, ...targets.filter(({ name }) => !this.#unasked.has(name))];
  }

  async #look(target: Target, round: AbortSignal): Promise<RunResult> {
    if (round.aborted) {
      this.#unasked.add(target.name);
      return this.#blind(target, 'timeout', 'not started before the collector timed out');
    }
    this.#unasked.delete(target.name);
    if (this.#underWay.has(target.name)) {
      return this.#blind(target, 'timeout', 'the previous run has not settled yet');
    }
    const cut = cutAfter(target.timeoutMs, round, this.#options.clock);
    const looking = startLook(target, cut.signal);
    this.#underWay.set(target.name, looking);
    const letGo = () => this.#underWay.delete(target.name);
    looking.then(letGo, letGo);
    try {
      const observation = await Promise.race([looking, cut.fired]);
      if (observation.kind === 'blind') {
        return this.#blind(target, 'error', observation.reason, observation.evidence);
      }
      const prepared = await this.#options.metrics.prepare(this.#key(target), observation.samples);
      return this.#accept(target, observation, prepared);
    } catch (error) {
      const result = cut.signal.aborted ? 'timeout' : 'error';
      return this.#blind(target, result, messageOf(error));
    } finally {
      cut.cancel();
    }
  }

  #accept(target: Target, { evidence }: Observation, prepared: PreparedSnapshot): RunResult {
    if (this.#stopping.signal.aborted) return 'ok';
    this.#options.metrics.swap(prepared);
    this.#remember(target, { evidence });
    return 'ok';
  }

  #blind(target: Target, result: RunResult, reason: string, evidence: readonly Evidence[] = []): RunResult {
    if (this.#stopping.signal.aborted) return result;
    if (this.#states.get(target.name)?.blind !== reason) {
      this.#options.logger.warn('collection failed', {
        collector: this.#collector.name,
        target: target.name,
        result,
        reason,
      });
    }
    this.#options.metrics.drop(this.#key(target));
    this.#remember(target, { evidence, blind: reason });
    return result;
  }

  #remember(target: Target, state: Pick<TargetState, 'evidence' | 'blind'>): void {
    const atMs = this.#options.clock.now();
    const before = this.#states.get(target.name);
    const dated = { evidence: before?.evidence ?? [], sinceMs: before?.sinceMs ?? [] };
    const sinceMs = datesOf(dated, state.evidence, atMs);
    this.#layerTimes.replace(dated.evidence, state.evidence, atMs);
    this.#states.set(target.name, { ...this.#key(target), atMs, sinceMs, ...state });
  }

  #forgetOthers(targets: readonly Target[]): void {
    const named = new Set(targets.map((target) => target.name));
    for (const name of this.#unasked) if (!named.has(name)) this.#unasked.delete(name);
    for (const [name, { evidence }] of this.#states) {
      if (named.has(name)) continue;
      this.#states.delete(name);
      this.#layerTimes.replace(evidence, [], this.#options.clock.now());
      this.#options.metrics.drop({ collector: this.#collector.name, target: name });
    }
  }

  #key(target: Target) {
    return { collector: this.#collector.name, target: target.name };
  }
}

/** Calls `collect` so that even a synchronous throw arrives as a rejection. */
async function startLook(target: Target, signal: AbortSignal): Promise<Observation> {
  return target.collect(signal);
}

function cutAfter(ms: number, outer: AbortSignal, clock: Clock) {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(new Error(outer.aborted ? 'cancelled by its collector' : `timed out after ${ms} ms`));
  const cancelTimer = clock.after(ms, abort);
  outer.addEventListener('abort', abort, { once: true });
  if (outer.aborted) abort();
  const fired = new Promise<never>((_, reject) => {
    const { signal } = controller;
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
  fired.catch(() => undefined);
  const cancel = () => {
    cancelTimer();
    outer.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, fired, cancel };
}

function worst(results: readonly RunResult[]): RunResult {
  if (results.includes('error')) return 'error';
  return results.includes('timeout') ? 'timeout' : 'ok';
}
