import type { Clock } from './clock.ts';

/**
 * Does `work` with a signal that fires when `outer` does or `ms` milliseconds have passed, whichever is
 * first. Leaves no timer and no listener behind.
 */
export async function withDeadline<T>(
  { clock, ms, outer }: { readonly clock: Clock; readonly ms: number; readonly outer: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  const controller = new AbortController();
  const cut = () => controller.abort(outer.aborted ? outer.reason : new Error(`nothing within ${ms} ms`));
  const cancel = clock.after(ms, cut);
  outer.addEventListener('abort', cut, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    cancel();
    outer.removeEventListener('abort', cut);
  }
}

/**
 * The promise's value, or undefined as soon as `signal` fires; the promise itself is left to end by itself.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return undefined;
  }
  let stop: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * The promise's value, or undefined once `ms` milliseconds have passed; the promise
 * itself is left to end by itself.
 */
export async function unlessLate<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  let cancel: () => void = () => undefined;
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
