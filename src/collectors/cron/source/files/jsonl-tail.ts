import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { openRegular } from '../../../../lib/regular-file.ts';

const CHUNK = 64 * 1024;
/** A longer line is skipped, whatever it holds. */
const MAX_LINE = 512 * 1024;
/** Read at most this much in one look; gateways keep these files below 2 MB. */
const MAX_READ = 16 * 1024 * 1024;
/** Of more lines than this in one look the oldest are left out. */
const MAX_LINES = 50_000;
const NEWLINE = 0x0a;

/** How far a file was read, and by what to know the last line again when the file was written anew. */
export interface TailPosition {
  /** Bytes consumed; the start of a line. */
  readonly offset: number;
  /** Bytes of the last consumed line, newline included. */
  readonly lastBytes: number;
  /** Digest of that line. */
  readonly last: string;
}

/** A complete line. */
export interface TailLine {
  readonly text: string;
  /** It follows the last line read before; not known of lines when that one is gone. */
  readonly appended: boolean;
}

/** What was read, and where the next reading goes on. */
export interface TailReading {
  readonly lines: readonly TailLine[];
  readonly position: TailPosition;
  /** Lines left out for their length. */
  readonly oversized: number;
}

/**
 * The complete lines since `position`. When the last line read before no longer stands where it stood (the
 * file shrank, was replaced, was restored), the whole file is read and that line searched in it: what
 * follows it is new, and when it is gone nothing is known of any line's age. A last line without its
 * newline is left for the next time.
 */
export async function readTail(
  path: string,
  position: TailPosition | undefined,
  signal: AbortSignal,
): Promise<TailReading> {
  const { handle: file, stat } = await openRegular(path);
  try {
    if (position !== undefined && (await standsThere(file, position))) {
      const read = await readLines(file, position, signal);
      return readingOf(read, () => true);
    }
    const start = { offset: Math.max(stat.size - MAX_READ, 0), lastBytes: 0, last: '' };
    const read = await readLines(file, start, signal);
    const known = position === undefined ? -1 : read.lines.findLastIndex((line) => isLine(line, position));
    return readingOf(read, (index) => known >= 0 && index > known);
  } finally {
    await file.close();
  }
}

function readingOf(
  { lines, position, oversized }: Lines,
  isAppended: (index: number) => boolean,
): TailReading {
  const texts = lines.map((line, index) => ({ text: line.toString('utf8'), appended: isAppended(index) }));
  return { lines: texts, position, oversized };
}

async function standsThere(file: FileHandle, { offset, lastBytes, last }: TailPosition): Promise<boolean> {
  if (lastBytes === 0) return offset === 0;
  const line = Buffer.alloc(lastBytes);
  const { bytesRead } = await file.read(line, 0, lastBytes, offset - lastBytes);
  return bytesRead === lastBytes && digest(line) === last;
}

function isLine(line: Buffer, { lastBytes, last }: TailPosition): boolean {
  return line.length === lastBytes && digest(line) === last;
}

async function readLines(file: FileHandle, from: TailPosition, signal: AbortSignal) {
  const taken = new Lines(from);
  const chunk = Buffer.alloc(CHUNK);
  for (;;) {
    signal.throwIfAborted();
    const { reached } = taken;
    const { bytesRead } = await file.read(chunk, 0, CHUNK, reached);
    if (bytesRead === 0 || reached - from.offset >= MAX_READ) return taken;
    taken.add(chunk.subarray(0, bytesRead));
  }
}

/** The complete lines of a file, added up piece by piece. */
class Lines {
  readonly lines: Buffer[] = [];
  position: TailPosition;
  oversized = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of an oversized line that were dropped already. */
  #dropped = 0;

  constructor(from: TailPosition) {
    this.position = from;
  }

  /** Up to where the file was read. */
  get reached(): number {
    return this.position.offset + this.#dropped + this.#rest.length;
  }

  add(piece: Buffer): void {
    const data = Buffer.concat([this.#rest, piece]);
    const consumed = data.lastIndexOf(NEWLINE) + 1;
    if (consumed > 0) this.#take(split(data.subarray(0, consumed)), consumed);
    this.#rest = data.subarray(consumed);
    if (this.#rest.length <= MAX_LINE) return;
    this.#dropped += this.#rest.length;
    this.#rest = Buffer.alloc(0);
  }

  #take(found: readonly Buffer[], bytes: number): void {
    // Of an oversized line its end is enough to know the place again.
    const last = found.at(-1) ?? Buffer.alloc(0);
    const offset = this.position.offset + this.#dropped + bytes;
    this.position = { offset, lastBytes: last.length, last: digest(last) };
    const whole = this.#dropped > 0 ? found.slice(1) : found;
    if (this.#dropped > 0) this.oversized += 1;
    this.#dropped = 0;
    for (const line of whole) if (line.length > 1) this.lines.push(line);
    const many = this.lines.length;
    if (many > MAX_LINES) this.lines.splice(0, many - MAX_LINES / 2);
  }
}

/** Whole lines, newlines included. */
function split(data: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < data.length; ) {
    const end = data.indexOf(NEWLINE, from) + 1;
    lines.push(data.subarray(from, end));
    from = end;
  }
  return lines;
}

function digest(line: Buffer): string {
  return createHash('sha256').update(line).digest('hex').slice(0, 16);
}
