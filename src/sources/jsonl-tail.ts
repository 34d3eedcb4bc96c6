import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const CHUNK = 256 * 1024;
/** A longer line is skipped, whatever it holds. */
const MAX_LINE = 4 * 1024 * 1024;
/** Read at most this much in one look; gateways keep these files below 2 MB. */
const MAX_READ = 64 * 1024 * 1024;
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

export interface TailLine {
  readonly text: string;
  /** It follows the last line read before; not known of lines when that one is gone. */
  readonly appended: boolean;
}

export interface TailReading {
  readonly lines: readonly TailLine[];
  readonly position: TailPosition;
  /** Lines left out for their length. */
  readonly oversized: number;
}

/**
 * The complete lines since `position`. When the last line read before no longer stands where it stood (the file shrank,
 * was replaced, was restored), the whole file is read and that line searched in it: what follows it is new, and when it
 * is gone nothing is known of any line's age. A last line without its newline is left for the next time.
 */
export async function readTail(
  path: string,
  position: TailPosition | undefined,
  signal: AbortSignal,
): Promise<TailReading> {
  const file = await open(path, 'r');
  try {
    if (position !== undefined && (await standsThere(file, position))) {
      const read = await readLines(file, position, signal);
      return { ...read, lines: read.lines.map((line) => ({ text: line.toString('utf8'), appended: true })) };
    }
    const { size } = await file.stat();
    const start = { offset: Math.max(size - MAX_READ, 0), lastBytes: 0, last: '' };
    const read = await readLines(file, start, signal);
    const known = position === undefined ? -1 : read.lines.findLastIndex((line) => isLine(line, position));
    const lines = read.lines.map((line, index) => ({
      text: line.toString('utf8'),
      appended: known >= 0 && index > known,
    }));
    return { ...read, lines };
  } finally {
    await file.close();
  }
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
  const lines: Buffer[] = [];
  let position = from;
  let oversized = 0;
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes of an oversized line that were dropped already. */
  let dropped = 0;
  for (;;) {
    signal.throwIfAborted();
    const chunk = Buffer.alloc(CHUNK);
    const at = position.offset + dropped + rest.length;
    const { bytesRead } = await file.read(chunk, 0, CHUNK, at);
    if (bytesRead === 0 || position.offset - from.offset >= MAX_READ) return { lines, position, oversized };
    let data = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
      const line = data.subarray(0, end + 1);
      const offset = position.offset + dropped + line.length;
      // Of an oversized line only its end serves to know the place again.
      position = { offset, lastBytes: line.length, last: digest(line) };
      if (dropped > 0) oversized += 1;
      else lines.push(line);
      dropped = 0;
      data = data.subarray(end + 1);
    }
    if (data.length > MAX_LINE) {
      dropped += data.length;
      data = Buffer.alloc(0);
    }
    rest = data;
  }
}

function digest(line: Buffer): string {
  return createHash('sha256').update(line).digest('hex').slice(0, 16);
}
