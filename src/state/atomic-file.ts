import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const BUFFER_BYTES = 64 * 1024;
/** A pipe that has the name is an error (ENXIO), not something to wait for. */
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;
const encoder = new TextEncoder();

/** Waits until what was written to a file is on the disk. */
export type SyncFile = (file: FileHandle) => Promise<void>;

/**
 * Replaces a file by text that is handed in as pieces: written beside it, synced, renamed. Whoever reads sees
 * the former content or the new one, also after a power failure. A disk may take seconds for that, during
 * which nothing else waits. Rejects with a system error, or one that says that the text is longer than
 * `maxBytes`; the former content then stays.
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<string>,
  maxBytes: number,
  sync: SyncFile = (file) => file.sync(),
): Promise<void> {
  const fresh = `${path}.new`;
  const written = await withFile(fresh, WRITE, async (file) => {
    const bytes = await writePieces(file, pieces, maxBytes);
    await sync(file);
    return bytes;
  });
  if (written > maxBytes) {
    await rm(fresh, { force: true });
    throw new Error(`larger than ${maxBytes} bytes`);
  }
  await rename(fresh, path);
  await withFile(dirname(path), constants.O_RDONLY, sync);
}

/** Gives the bytes written; stops soon beyond `maxBytes`. */
async function writePieces(file: FileHandle, pieces: Iterable<string>, maxBytes: number): Promise<number> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let used = 0;
  let bytes = 0;
  const flush = async () => {
    for (let from = 0; from < used; ) from += (await file.write(buffer, from, used - from)).bytesWritten;
    bytes += used;
    used = 0;
  };
  for (const piece of pieces) {
    for (let rest = piece; rest !== ''; ) {
      const step = encoder.encodeInto(rest, buffer.subarray(used));
      used += step.written;
      rest = rest.slice(step.read);
      if (rest !== '') await flush();
      if (bytes > maxBytes) return bytes;
    }
  }
  await flush();
  return bytes;
}

async function withFile<T>(path: string, flags: number, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, flags, 0o600);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
