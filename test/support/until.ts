export interface UntilOptions {
  /** Milliseconds before the wait fails. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks. */
  readonly everyMs?: number;
  /** What is waited for, for the failure's message. */
  readonly what?: string;
}

/**
 * Waits until `condition` gives something truthy and returns it. A throw inside counts as "not yet"; the last one is
 * the cause of the failure when time runs out.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20, what = 'the condition' }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= end) throw new Error(`${what} did not come true in ${timeoutMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
