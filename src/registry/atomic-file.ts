import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const BUFFER_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Replaces a file by text that is handed in as pieces: written beside it, synced, renamed. Whoever reads sees the former
 * content or the new one, also after a power failure. Throws a system error, or one that says that the text is longer
 * than `maxBytes`; the former content then stays.
 */
export function replaceFile(path: string, pieces: Iterable<string>, maxBytes: number): void {
  const fresh = `${path}.new`;
  const written = withFile(fresh, 'w', (file) => {
    const bytes = writePieces(file, pieces, maxBytes);
    fsyncSync(file);
    return bytes;
  });
  if (written > maxBytes) {
    rmSync(fresh, { force: true });
    throw new Error(`larger than ${maxBytes} bytes`);
  }
  renameSync(fresh, path);
  withFile(dirname(path), 'r', fsyncSync);
}

/** Gives the bytes written; stops soon beyond `maxBytes`. */
function writePieces(file: number, pieces: Iterable<string>, maxBytes: number): number {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let used = 0;
  let bytes = 0;
  const flush = () => {
    for (let from = 0; from < used; ) from += writeSync(file, buffer, from, used - from);
    bytes += used;
    used = 0;
  };
  for (const piece of pieces) {
    for (let rest = piece; rest !== ''; ) {
      const step = encoder.encodeInto(rest, buffer.subarray(used));
      used += step.written;
      rest = rest.slice(step.read);
      if (rest !== '') flush();
      if (bytes > maxBytes) return bytes;
    }
  }
  flush();
  return bytes;
}

function withFile<T>(path: string, flags: string, use: (file: number) => T): T {
  const file = openSync(path, flags, 0o600);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
