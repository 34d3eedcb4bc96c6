import { statfs } from 'node:fs/promises';
import { codeOf } from '../../../lib/errors.ts';

/** Folders whose filesystems are measured; the label values of `openclaw_state_filesystem_size_bytes`. */
export const FOLDERS = ['state', 'temp'] as const;
/** A label value of `openclaw_state_filesystem_size_bytes`. */
export type Folder = (typeof FOLDERS)[number];

/** How full a filesystem is; bytes. */
export interface FilesystemSize {
  readonly sizeBytes: number;
  /** What users other than root may still write. */
  readonly availBytes: number;
}

/** The outcomes of measuring a filesystem. */
export type FilesystemOutcome =
  | ({ readonly state: 'measured' } & FilesystemSize)
  | { readonly state: 'missing' }
  | { readonly state: 'unreadable'; readonly reason: string };

/** Measures the filesystem that holds `path`. Source: statfs(2). */
export async function measureFilesystem(path: string): Promise<FilesystemOutcome> {
  try {
    const { bsize, blocks, bavail } = await statfs(path);
    return { state: 'measured', sizeBytes: bsize * blocks, availBytes: bsize * bavail };
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT'
      ? { state: 'missing' }
      : { state: 'unreadable', reason: code ?? 'unknown error' };
  }
}
