import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf } from './errors.ts';

/** A file that is opened for reading and is certainly a regular one; whoever asked closes it. */
export interface RegularFile {
  readonly handle: FileHandle;
  readonly stat: Stats;
}

/**
 * Opens a regular file for reading. Never waits for a pipe or a device: whoever opens a pipe without a writer
 * the ordinary way waits in one of four threads that all files share, and no signal ends that. Throws system
 * errors, and `ENOTREG` for whatever is no regular file.
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
  throw notRegular();
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

/**
 * As {@link readRegular}, without another thread: for the small files of this program's own that are read at
 * start and on a reload, when there is nothing to hold up but the answer itself.
 */
export function readRegularSync(path: string, maxBytes: number): string {
  const file = openRegularSync(path, constants.O_RDONLY);
  try {
    if (fstatSync(file).size > maxBytes)
      throw Object.assign(new Error('larger than is read'), { code: 'EFBIG' });
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/**
 * Makes sure that a file of this program's own is there, is a regular one, and is readable by its owner
 * alone, whatever the mode of its folder and of the file before. Throws system errors, `ENOTREG` included.
 */
export function ensurePrivateFile(path: string): void {
  const file = openRegularSync(path, constants.O_RDWR | constants.O_CREAT);
  try {
    if ((fstatSync(file).mode & 0o077) !== 0) fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
}

/**
 * Replaces a file at once by a new one with exactly this mode, which nobody else can have put there before.
 * Throws system errors.
 */
export function replaceFileSync(path: string, text: string, mode: number): void {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode, flag: 'wx' });
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}

/** Why a file could not be read or opened: a system error's code, or a few words; never the path. */
export function explainFileError(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOTREG':
    case 'EISDIR':
    case 'ENXIO':
      return 'not a regular file';
    case 'EFBIG':
      return 'too large';
    default:
      return codeOf(error) ?? 'unreadable';
  }
}

function openRegularSync(path: string, flags: number): number {
  const file = openSync(path, flags | constants.O_NONBLOCK, 0o600);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw notRegular();
}

function notRegular(): Error {
  return Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
}
