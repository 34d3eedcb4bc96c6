import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A file that is opened for reading and is certainly a regular one; whoever asked closes it. */
export interface RegularFile {
  readonly handle: FileHandle;
  readonly stat: Stats;
}

/**
 * Opens a regular file for reading. Never waits for a pipe or a device: whoever opens a pipe without a writer the
 * ordinary way waits in one of four threads that all files share, and no signal ends that. Throws system errors, and
 * `ENOTREG` for whatever is no regular file.
 */
export async function openRegular(path: string): Promise<RegularFile> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { handle, stat };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
}

/** The text of a regular file. Throws as {@link openRegular} does, and `EFBIG` for more than `maxBytes`. */
export async function readRegular(path: string, maxBytes: number): Promise<string> {
  const { handle, stat } = await openRegular(path);
  try {
    if (stat.size > maxBytes) throw Object.assign(new Error('larger than is read'), { code: 'EFBIG' });
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}
