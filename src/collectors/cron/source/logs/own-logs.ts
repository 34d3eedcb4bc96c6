import type { Stats } from 'node:fs';
import type { LogCursor } from './cursor.ts';
import type { FoundLog } from './discovery.ts';
import { archiveOf } from './names.ts';

/** A log that is there. */
export interface LogAtHand {
  readonly log: FoundLog;
  readonly stat: Stats;
}

const PARALLEL = 32;

/**
 * The files that are logs of their own, neither a second name of one nor the archive of one; by path.
 * Rejects only when `signal` aborts.
 */
export async function ownLogs(
  found: readonly FoundLog[],
  cursor: LogCursor,
  statOf: (path: string) => Promise<Stats | undefined>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LogAtHand>> {
  const paths = new Set(found.map(({ path }) => path));
  const own = found.filter(({ path }) => !isArchive(path, paths, cursor));
  const byFile = new Map<string, LogAtHand>();
  for (let index = 0; index < own.length; index += PARALLEL) {
    signal.throwIfAborted();
    const group = own.slice(index, index + PARALLEL);
    const stats = await Promise.all(group.map(({ path }) => statOf(path)));
    for (const [at, log] of group.entries()) {
      const stat = stats[at];
      if (stat !== undefined) keepBest(byFile, { log, stat }, cursor);
    }
  }
  return new Map([...byFile.values()].map((at) => [at.log.path, at]));
}

function isArchive(path: string, paths: ReadonlySet<string>, cursor: LogCursor): boolean {
  const log = archiveOf(path);
  return log !== undefined && (paths.has(log) || cursor.files[log] !== undefined);
}

/** Of several names of one file: the one that is known, then the one that is no link, then the first. */
function keepBest(byFile: Map<string, LogAtHand>, at: LogAtHand, cursor: LogCursor): void {
  const key = `${at.stat.dev}:${at.stat.ino}`;
  const other = byFile.get(key);
  if (other === undefined || rank(at.log, cursor) < rank(other.log, cursor)) byFile.set(key, at);
}

function rank({ path, symlink }: FoundLog, cursor: LogCursor): number {
  return (cursor.files[path] === undefined ? 2 : 0) + (symlink ? 1 : 0);
}
