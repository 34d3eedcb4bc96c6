import { codeOf } from '../../lib/errors.ts';
import { replaceFileSync } from '../../lib/regular-file.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Selection } from '../../metrics/selection.ts';

/** node_exporter runs as another user. */
const READABLE_BY_ALL = 0o644;

/** Whether the file was written, and why not. */
export type TextfileOutcome =
  | { readonly state: 'written' }
  | { readonly state: 'failed'; readonly reason: string };

/** Counters of a process that runs once tell nothing, and those that survive are the exporter's. */
const GAUGES: Selection = {
  includesSamples: ({ type }) => type === 'gauge',
  includesSeries: () => false,
};

/**
 * Replaces `path` at once by the gauges in the text format 0.0.4, for node_exporter's textfile collector.
 * Never throws.
 */
export async function writeTextfile(path: string, metrics: Metrics): Promise<TextfileOutcome> {
  const text = Buffer.concat(await metrics.selectedChunks('text', GAUGES)).toString();
  try {
    replaceFileSync(path, text, READABLE_BY_ALL);
    return { state: 'written' };
  } catch (error) {
    return { state: 'failed', reason: `--textfile: cannot be written (${codeOf(error) ?? 'unknown error'})` };
  }
}
