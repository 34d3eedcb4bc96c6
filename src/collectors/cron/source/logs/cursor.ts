import type { Stats } from 'node:fs';
import { z } from 'zod';

/** So many earlier files of one log are followed. */
export const MAX_GENERATIONS = 6;

/** How a run that a log tells of can end. */
const logStatus = z.enum(['ok', 'error', 'interrupted']);

const time = z.number().finite();
const count = z.int().nonnegative();
const fingerprint = z.string().max(64);

/** How far one file has been read, and how to recognise it when it was moved, cut or replaced. */
const mark = z.object({
  ino: z.number().nonnegative(),
  /**
   * Size and modification time at the last look; the same again means nothing to read.
   * `offset - 1`: see `isUnread`.
   */
  size: z.int().min(-1),
  mtimeMs: time,
  /** Bytes read; the start of a line unless `mid`. */
  offset: count,
  /** The offset lies inside a line that was too long: the rest of it is passed over. */
  mid: z.literal(true).optional(),
  /** Of the first bytes; empty: nothing to compare with. */
  head: fingerprint,
  /** Of the bytes before the offset; empty: nothing to compare with. */
  anchor: fingerprint,
  /** The anchor holds a timestamp, so the same bytes elsewhere are the same lines. */
  distinct: z.literal(true).optional(),
});

/** What a log has told of its job so far. Times in milliseconds since the epoch. */
const facts = z.object({
  lastRunAtMs: time.optional(),
  lastFinishedAtMs: time.optional(),
  lastStatus: logStatus.optional(),
  lastDurationMs: time.optional(),
  lastSuccessAtMs: time.optional(),
  consecutiveErrors: count,
  /** How many milliseconds run times are put behind what is told, since times came twice. */
  shiftMs: count.optional(),
  /** A start line without its end yet. */
  startedAtMs: time.optional(),
  /** Under the default rule: the last start line without digits. */
  startShape: z.string().max(64).optional(),
  /**
   * Under the default rule: when the last run that had a start ended, or the last line that belongs to it.
   */
  pairEndedAtMs: time.optional(),
  /** Under the default rule: when a run without a start crashed last. */
  crashedAtMs: time.optional(),
});

const entry = z.object({
  mark,
  /** Earlier files of this log that may still grow: their name in the same folder, the oldest first. */
  rotated: z.array(mark.extend({ name: z.string().max(255) })).max(MAX_GENERATIONS),
  facts,
  /** Since when the file has not been there. */
  goneAtMs: time.optional(),
  /** Another log had the plain job id first. */
  suffixed: z.literal(true).optional(),
  /** Its first reading is not finished: old runs in it are still history. */
  fresh: z.literal(true).optional(),
});

const cursor = z.object({
  version: z.literal(1),
  /** When the first look ever was: what happened before is history. */
  sinceMs: time,
  /** The globs whose first look has been. */
  globs: z.array(z.string().max(4096)).max(1000),
  /** By absolute path. */
  files: z.record(z.string().max(4096), entry),
});

/** How a run ended, as far as a log tells. */
export type LogStatus = z.output<typeof logStatus>;
/** How far one file was read. */
export type LogMark = z.output<typeof mark>;
/** How far an earlier file of a log was read; `name` is the one it has in the log's folder. */
export type RotatedMark = LogMark & { name: string };
/** What a log has told of its job so far; times in milliseconds since the epoch. */
export type LogFacts = z.output<typeof facts>;
/** All that is remembered of one log. */
export type LogEntry = z.output<typeof entry>;
/** What is remembered from look to look, in the form in which it is on disk. */
export type LogCursor = z.output<typeof cursor>;

/** Nothing is known of a file yet. */
export const BLANK_MARK: LogMark = { ino: 0, size: 0, mtimeMs: 0, offset: 0, head: '', anchor: '' };

/** Whether a look at the size and times is enough to know that nothing is new. */
export function isQuiet(mark: LogMark, stat: Pick<Stats, 'ino' | 'size' | 'mtimeMs'>): boolean {
  return mark.ino === stat.ino && mark.size === stat.size && mark.mtimeMs === stat.mtimeMs;
}

/** The size that a mark has as long as there are lines to read: none that its file can have. */
export function unreadSize(offset: number): number {
  return offset - 1;
}

/** Whether there were more lines to read when a mark was made. */
export function isUnread({ size, offset }: Pick<LogMark, 'size' | 'offset'>): boolean {
  return size === unreadSize(offset);
}

/** A cursor as it came back from disk; undefined for anything that this version did not write. */
export function parseLogCursor(raw: unknown): LogCursor | undefined {
  return cursor.safeParse(raw).data;
}
