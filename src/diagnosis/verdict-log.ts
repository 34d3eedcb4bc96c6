import type { Verdict } from '../core/collector.ts';
import type { TargetState } from '../core/collector-loop.ts';
import { decides } from '../core/verdict.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { LAYERS, type Layer } from '../lib/vocabulary.ts';
import { diagnose } from './cause.ts';
import { FLAPPING_CHANGES, FLAPPING_MS } from './journal/changes.ts';

/** How often verdicts are compared, milliseconds. */
export const COMPARE_MS = 5_000;
const NOT_CONFIGURED = 'not configured';
type Shown = Verdict | typeof NOT_CONFIGURED;

const LEVELS = {
  ok: 'info',
  [NOT_CONFIGURED]: 'info',
  unknown: 'warn',
  warning: 'warn',
  bad: 'error',
} as const satisfies Record<Shown, keyof Logger>;

/** What is compared, and where changes are logged. */
interface VerdictLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly states: () => readonly TargetState[];
  /** Whether every collector has finished its first run. */
  readonly isReady: () => boolean;
}

/**
 * Logs the verdict of every layer once all collectors have run, and from then on one line a change. A layer that
 * changes more often than the journal keeps one by one says so once.
 */
export class VerdictLog {
  readonly #options: VerdictLogOptions;
  readonly #known = new Map<Layer, Shown>();
  /** When lines of a layer were written, wall time. */
  readonly #lines = new Map<Layer, readonly number[]>();
  #cancel: () => void = () => undefined;

  constructor(options: VerdictLogOptions) {
    this.#options = options;
  }

  /** Compares every {@link COMPARE_MS} until `stop`. */
  start(): void {
    this.compare();
    this.#cancel = this.#options.clock.after(COMPARE_MS, () => this.start());
  }

  /** Logs nothing more. */
  stop(): void {
    this.#cancel();
  }

  /** Logs what has changed since the last time. */
  compare(): void {
    if (!this.#options.isReady()) return;
    const states = this.#options.states();
    const { layers } = diagnose(states);
    for (const layer of LAYERS) this.#note(layer, layers.get(layer) ?? NOT_CONFIGURED, states);
  }

  #note(layer: Layer, verdict: Shown, states: readonly TargetState[]): void {
    const before = this.#known.get(layer);
    if (before === verdict) return;
    this.#known.set(layer, verdict);
    const { logger } = this.#options;
    if (before === undefined) {
      logger[LEVELS[verdict]]('verdict', { layer, verdict, ...findReason(states, layer, verdict) });
      return;
    }
    const remaining = this.#countRemaining(layer);
    if (remaining < 0) return;
    const change = { layer, before, verdict, ...findReason(states, layer, verdict) };
    logger[LEVELS[verdict]]('verdict changed', change);
    if (remaining === 0) logger.warn('verdict changes too often to be logged', { layer, for: '30m' });
  }

  /** Lines that are left after this one; negative where none may be written. */
  #countRemaining(layer: Layer): number {
    const nowMs = this.#options.clock.monotonic();
    const recent = (this.#lines.get(layer) ?? []).filter((atMs) => nowMs - atMs < FLAPPING_MS);
    if (recent.length >= FLAPPING_CHANGES) return -1;
    this.#lines.set(layer, [...recent, nowMs]);
    return FLAPPING_CHANGES - recent.length - 1;
  }
}

/** The evidence that a verdict rests on; nothing for a layer that is well. */
function findReason(states: readonly TargetState[], layer: Layer, verdict: Shown): { reason?: string } {
  if (verdict === 'ok' || verdict === NOT_CONFIGURED) return {};
  const all = states.flatMap(({ evidence }) => evidence);
  const found = all.find((one) => one.layer === layer && one.verdict === verdict && decides(one));
  return found === undefined ? {} : { reason: `${found.subject}: ${found.text}` };
}
