/** `work` that never overlaps itself: calls during a run share the one run that follows it. */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let queued: Promise<T> | undefined;
  const next = () => {
    queued = undefined;
    const run = work();
    running = run.catch(() => undefined);
    return run;
  };
  return () => {
    queued ??= running.then(next);
    return queued;
  };
}
