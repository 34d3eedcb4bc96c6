/**
 * Every limit below is what an idle machine needs with room to spare; a busy one is waited for this many
 * times longer. It costs nothing where the condition comes true.
 */
const PATIENCE = 4;

/** Thrown by a condition that can never come true any more: the wait ends at once. */
export class NeverAnyMore extends Error {}

export interface UntilOptions {
  /** Milliseconds before the wait fails on an idle machine. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
  /** What is waited for, for the failure's message. */
  readonly what?: string;
}

/**
 * Waits until `condition` gives something truthy and returns it. A throw inside counts as "not yet"; the last
 * one is the cause of the failure when time runs out.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20, what = 'the condition' }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const limitMs = timeoutMs * PATIENCE;
  const end = performance.now() + limitMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      if (error instanceof NeverAnyMore) throw error;
      cause = error;
    }
    if (performance.now() >= end) throw new Error(`${what} did not come true in ${limitMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
