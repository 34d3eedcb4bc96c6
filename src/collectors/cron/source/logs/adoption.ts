import type { Stats } from 'node:fs';
import { fileContinues } from './content.ts';
import { BLANK_MARK } from './cursor.ts';
import type { LogEntries } from './entries.ts';
import type { LogAtHand } from './own-logs.ts';

/**
 * Logs under a name that was not known, whose file was: the job was renamed, and nothing of it is
 * told again. `fresh` are the logs at hand that the cursor does not know, `isAtHand` says whether a
 * path is a log of this round.
 */
export async function adoptRenamed(
  entries: LogEntries,
  fresh: readonly LogAtHand[],
  isAtHand: (path: string) => boolean,
): Promise<void> {
  const known = Object.entries(entries.cursor.files);
  if (fresh.length === 0 || known.length === 0) return;
  const owners = new Map<number, string>();
  for (const [path, { mark, rotated }] of known) {
    for (const { ino } of [...rotated, mark]) owners.set(ino, path);
  }
  for (const { log, stat } of fresh) {
    const owner = owners.get(stat.ino);
    if (owner !== undefined) await adopt(entries, log.path, stat, owner, isAtHand(owner));
  }
}

async function adopt(
  entries: LogEntries,
  path: string,
  stat: Stats,
  owner: string,
  ownerIsAtHand: boolean,
): Promise<void> {
  const entry = entries.get(owner);
  if (entry === undefined) return;
  const found = [entry.mark, ...entry.rotated].find(({ ino }) => ino === stat.ino);
  if (found === undefined || found.offset === 0 || !(await fileContinues(path, found))) return;
  const { ino, size, mtimeMs, offset, mid, head, anchor, distinct } = found;
  const mark = { ino, size, mtimeMs, offset, mid, head, anchor, distinct };
  entries.set(path, { mark, rotated: [], facts: entry.facts });
  const isMain = found === entry.mark;
  if (isMain && !ownerIsAtHand) {
    entries.forget(owner);
    return;
  }
  const rotated = entry.rotated.filter((other) => other !== found);
  entries.set(owner, { ...entry, rotated, mark: isMain ? BLANK_MARK : entry.mark });
}
