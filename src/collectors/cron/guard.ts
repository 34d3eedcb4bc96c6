import type { CollectorContext } from '../../core/context.ts';
import { unlessLate } from '../../lib/deadline.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { CronSource, SourceReading } from './source/cron-source.ts';

/**
 * A source that never throws, never takes longer than its deadline, and is not
 * asked again before it has let go.
 */
export class GuardedSource {
  readonly #source: CronSource;
  readonly #timeoutMs: number;
  readonly #clock: CollectorContext['clock'];
  #underWay = false;

  constructor(source: CronSource, timeoutMs: number, clock: CollectorContext['clock']) {
    this.#source = source;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  async read(cursor: unknown, sinceMs: number, outer: AbortSignal): Promise<SourceReading> {
    if (this.#underWay) return { state: 'unreadable', reason: 'the look before has not ended yet' };
    const cut = new AbortController();
    const signal = AbortSignal.any([outer, cut.signal]);
    const reading = await unlessLate(this.#readOnce(cursor, sinceMs, signal), this.#timeoutMs, this.#clock);
    if (reading !== undefined) return reading;
    const reason = `no answer in ${this.#timeoutMs} ms`;
    cut.abort(new Error(reason));
    return { state: 'unreadable', reason };
  }

  async close(): Promise<void> {
    await this.#source.close?.();
  }

  async #readOnce(cursor: unknown, sinceMs: number, signal: AbortSignal): Promise<SourceReading> {
    this.#underWay = true;
    try {
      return await this.#source.read(cursor, sinceMs, signal);
    } catch (error) {
      // The message of a system error holds the path.
      return { state: 'unreadable', reason: codeOf(error) ?? messageOf(error) };
    } finally {
      this.#underWay = false;
    }
  }
}
