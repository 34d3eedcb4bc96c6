import type { Request, RequestHandler } from 'express';
import { CONTENT_TYPES } from '../metrics/exposition.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Selection } from '../metrics/selection.ts';
import { negotiate } from './accept.ts';

/**
 * The part of the exposition that belongs to named collectors; `unknown` where one of them
 * does not run, with all that do.
 */
export type SelectOutcome =
  | { readonly state: 'selected'; readonly selection: Selection }
  | { readonly state: 'unknown'; readonly running: readonly string[] };

/** What `/metrics` needs beside the request. */
export interface MetricsOptions {
  readonly metrics: Metrics;
  /** The part of the exposition that belongs to these collectors. */
  readonly select: (names: ReadonlySet<string>) => SelectOutcome;
}

/** As in node_exporter: repeated, it names the collectors whose series are wanted. */
const COLLECT = 'collect[]';

/** The exposition, whole or of the collectors that `collect[]` names; never waits for a probe. */
export function metricsHandler({ metrics, select }: MetricsOptions): RequestHandler {
  return async (request, response) => {
    const names = collectedNames(request);
    const selected = names === undefined ? undefined : select(names);
    if (selected?.state === 'unknown') {
      const known = selected.running.join(', ');
      response
        .status(400)
        .type('text')
        .send(`${COLLECT} names a collector that is unknown or disabled; enabled: ${known}.\n`);
      return;
    }
    const format = negotiate(request);
    const chunks = await (selected === undefined
      ? metrics.chunks(format)
      : metrics.selectedChunks(format, selected.selection));
    if (response.destroyed) return;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    response.set({ 'Content-Type': CONTENT_TYPES[format], Vary: 'Accept', 'Content-Length': String(length) });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };
}

/** The names a scrape asks for; undefined where it asks for everything. */
function collectedNames(request: Request): ReadonlySet<string> | undefined {
  // A scrape without parameters costs no parsing.
  if (!request.url.includes('?')) return undefined;
  const value = request.query[COLLECT];
  if (value === undefined) return undefined;
  return new Set([value].flat().map(String));
}
