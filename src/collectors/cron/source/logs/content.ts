import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { codeOf } from '../../../../lib/errors.ts';
import { openRegular } from '../../../../lib/regular-file.ts';
import type { LogMark } from './cursor.ts';

/** Bytes in one read; a few milliseconds of matching. */
export const CHUNK_BYTES = 128 * 1024;
/** A longer line is judged by its first bytes alone. */
const LINE_BYTES = 64 * 1024;
/** How much of the head, and of what stands before the offset, is remembered as a fingerprint. */
const PRINT_BYTES = 256;
/** How far back a file that was rewritten is searched for the place that was reached in its predecessor. */
const SEARCH_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;

/** An opened log, to be closed by who asked; or the system's code, or words, for why it cannot be opened. */
export type OpenedLog =
  | { readonly state: 'open'; readonly handle: FileHandle; readonly stat: Stats }
  | { readonly state: 'failed'; readonly reason: string };

/** Opens a regular file for reading; never waits for a pipe or a device. */
export async function openLog(path: string): Promise<OpenedLog> {
  try {
    return { state: 'open', ...(await openRegular(path)) };
  } catch (error) {
    const code = codeOf(error) ?? 'unreadable';
    return { state: 'failed', reason: code === 'ENOTREG' ? 'not a regular file' : code };
  }
}

/** Reads until `buffer` is full or the file ends; the number of bytes read. */
async function readAt(handle: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** Length, checksum and hash; the checksum makes a search for the same bytes cheap. */
function printOf(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
  return `${bytes.length}:${crc32(bytes)}:${hash}`;
}

function lengthOf(print: string): number {
  return print === '' ? 0 : Number.parseInt(print, 10) || 0;
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, await readAt(handle, buffer, position));
}

/** The fingerprints of a file that was read up to `offset`, and the text before that offset. */
export async function printsAt(
  handle: FileHandle,
  offset: number,
): Promise<{ head: string; anchor: string; before: string }> {
  const length = Math.min(PRINT_BYTES, offset);
  const head = await bytesAt(handle, 0, length);
  const before = offset === length ? head : await bytesAt(handle, offset - length, length);
  return { head: printOf(head), anchor: printOf(before), before: before.toString('utf8') };
}

/** Whether the file still begins with, and at the offset still is, what was read when the mark was made. */
export async function continues(handle: FileHandle, size: number, mark: LogMark): Promise<boolean> {
  if (size < mark.offset) return false;
  const headLength = lengthOf(mark.head);
  if (headLength > 0 && printOf(await bytesAt(handle, 0, headLength)) !== mark.head) return false;
  const length = lengthOf(mark.anchor);
  if (length === 0) return true;
  return printOf(await bytesAt(handle, mark.offset - length, length)) === mark.anchor;
}

/** As {@link continues}, of the file at a path; false where it cannot be opened. */
export async function fileContinues(path: string, mark: LogMark): Promise<boolean> {
  const opened = await openLog(path);
  if (opened.state !== 'open') return false;
  try {
    return await continues(opened.handle, opened.stat.size, mark);
  } finally {
    await opened.handle.close();
  }
}

/** Whether a file begins with the bytes of a fingerprint. */
export async function hasHead(handle: FileHandle, head: string): Promise<boolean> {
  return printOf(await bytesAt(handle, 0, lengthOf(head))) === head;
}

/**
 * Whether a file may be a copy of an earlier state of a growing one: it has bytes,
 * and the other begins with them.
 */
export async function isEarlierCopy(copy: FileHandle, grown: FileHandle): Promise<boolean> {
  const bytes = await bytesAt(copy, 0, PRINT_BYTES);
  return bytes.length > 0 && bytes.equals(await bytesAt(grown, 0, bytes.length));
}

/**
 * Where a file that was rewritten (trimmed, edited) holds the last lines that were read before; the offset
 * behind them. Only lines with a timestamp are told apart, so without one there is no answer.
 */
export async function findAnchor(
  handle: FileHandle,
  size: number,
  mark: LogMark,
  signal: AbortSignal,
): Promise<number | undefined> {
  const length = lengthOf(mark.anchor);
  if (mark.distinct !== true || length === 0 || length > PRINT_BYTES) return undefined;
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let position = Math.max(0, size - SEARCH_BYTES);
  while (position + length <= size) {
    signal.throwIfAborted();
    const filled = await readAt(handle, buffer, position);
    const found = anchorIn(buffer.subarray(0, filled), length, mark.anchor);
    if (found !== undefined) return position + found;
    if (filled < buffer.length) return undefined;
    position += filled - length + 1;
  }
  return undefined;
}

function anchorIn(bytes: Buffer, length: number, anchor: string): number | undefined {
  const wanted = Number(anchor.split(':')[1]);
  let end = bytes.indexOf(NEWLINE, length - 1) + 1;
  while (end > 0) {
    const candidate = bytes.subarray(end - length, end);
    if (crc32(candidate) === wanted && printOf(candidate) === anchor) return end;
    end = bytes.indexOf(NEWLINE, end) + 1;
  }
  return undefined;
}

/** Complete lines of a file, with the offset behind each. */
export interface LineBatch {
  readonly lines: readonly string[];
  readonly ends: readonly number[];
}

/** How far a file was read. */
export interface Progress {
  /** Bytes. */
  readonly offset: number;
  /** Whether the offset lies inside a line whose rest is passed over. */
  readonly mid: boolean;
}

/** What the next chunk of a file holds. */
export type NextLines =
  /** `batch` may be empty: the bytes belonged to a line that is passed over. */
  | { readonly state: 'lines'; readonly batch: LineBatch; readonly progress: Progress }
  /** Nothing complete is left; `rest` is the unfinished last line, empty where there is none. */
  | { readonly state: 'end'; readonly rest: string; readonly restEnd: number };

/**
 * The lines of the next chunk. Memory is bounded by `buffer`: a line longer than {@link LINE_BYTES} is handed
 * out cut as soon as so much of it is there, and the rest of it is passed over.
 */
export async function nextLines(
  handle: FileHandle,
  buffer: Buffer,
  { offset, mid }: Progress,
  size: number,
): Promise<NextLines> {
  const room = Math.min(buffer.length, Math.max(0, size - offset));
  const filled = await readAt(handle, buffer.subarray(0, room), offset);
  const bytes = buffer.subarray(0, filled);
  if (filled === 0) return { state: 'end', rest: '', restEnd: offset };
  const begin = mid ? bytes.indexOf(NEWLINE) + 1 : 0;
  if (mid && begin === 0) return lines([], [], offset + filled, true);
  const last = bytes.lastIndexOf(NEWLINE) + 1;
  if (last > begin) return split(bytes, begin, last, offset);
  if (mid) return lines([], [], offset + begin, false);
  if (filled >= LINE_BYTES)
    return lines([textOf(bytes, 0, LINE_BYTES)], [offset + filled], offset + filled, true);
  return { state: 'end', rest: textOf(bytes, 0, filled), restEnd: offset + filled };
}

function lines(texts: string[], ends: number[], offset: number, mid: boolean): NextLines {
  return { state: 'lines', batch: { lines: texts, ends }, progress: { offset, mid } };
}

function split(bytes: Buffer, begin: number, last: number, offset: number): NextLines {
  const texts: string[] = [];
  const ends: number[] = [];
  for (let from = begin; from < last; ) {
    const end = bytes.indexOf(NEWLINE, from);
    texts.push(textOf(bytes, from, end));
    ends.push(offset + end + 1);
    from = end + 1;
  }
  return lines(texts, ends, offset + last, false);
}

/** Invalid UTF-8 becomes replacement characters. */
function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, Math.min(to, from + LINE_BYTES));
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
