import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import { readRegularSync, replaceFileSync } from '../../lib/regular-file.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Selection } from '../../metrics/selection.ts';

/** node_exporter runs as another user. */
const READABLE_BY_ALL = 0o644;

/** As node_exporter names what it reads; a file of ours is far smaller than what is read of one. */
const TEXTFILE = '.prom';
const MAX_BYTES = 16 * 1024 * 1024;
const OWN_SERIES = /^openclaw_(?:gateway|exporter)_/m;

/** Whether the file was written; else why not, with the remedy. */
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
 * Refuses beside another such file: of two samples of one series node_exporter 1.5.0 exposes one, and neither
 * its answer nor `node_textfile_scrape_error` shows that the other is missing. Never throws.
 */
export async function writeTextfile(path: string, metrics: Metrics): Promise<TextfileOutcome> {
  const text = Buffer.concat(await metrics.selectedChunks('text', GAUGES)).toString();
  try {
    const other = findOtherTextfile(path);
    if (other !== undefined) return { state: 'failed', reason: explainOther(other) };
    replaceFileSync(path, text, READABLE_BY_ALL);
    return { state: 'written' };
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error';
    const remedy = 'its folder must exist and be writable for this user';
    return { state: 'failed', reason: `--textfile: cannot be written (${code}); ${remedy}` };
  }
}

function findOtherTextfile(path: string): string | undefined {
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((name) => name.endsWith(TEXTFILE) && name !== basename(path))
    .map((name) => join(folder, name))
    .find(holdsOwnSeries);
}

function holdsOwnSeries(path: string): boolean {
  try {
    return OWN_SERIES.test(readRegularSync(path, MAX_BYTES));
  } catch {
    return false;
  }
}

function explainOther(path: string): string {
  return (
    `--textfile: ${path} holds the series of another gateway, and node_exporter would show only one of the two; ` +
    'remove that file where it is left over, else let Prometheus scrape the exporter of one of the gateways'
  );
}
