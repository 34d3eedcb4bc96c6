/** How the time of one look at the gateway is spent, in milliseconds. */
export interface Deadlines {
  /** After this the scheduler cuts the look; never reached by a look that keeps the rest. */
  readonly targetMs: number;
  /** For the whole look, a verdict included. */
  readonly totalMs: number;
  readonly connectMs: number;
  /** From the connection to the whole answer; connect and answer together fit into the total. */
  readonly answerMs: number;
}

const MAX_MARGIN_MS = 500;

/** Splits a collector's timeout so that silence is a verdict well before anybody cuts the look. */
export function deadlines(timeoutMs: number): Deadlines {
  const margin = Math.min(MAX_MARGIN_MS, timeoutMs * 0.2);
  const totalMs = timeoutMs - margin;
  return { targetMs: timeoutMs - margin / 4, totalMs, connectMs: totalMs * 0.4, answerMs: totalMs * 0.6 };
}
