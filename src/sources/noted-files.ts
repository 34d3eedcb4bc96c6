import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { codeOf } from '../runtime/errors.ts';

export type FileText =
  | { readonly state: 'read'; readonly text: string }
  | { readonly state: 'absent' }
  /** `reason` is a system error's code or a few words; never the path. */
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Reads small files and remembers what each looked like, so that a later look costs one `stat` a file as long as
 * nothing changed. Never creates or changes anything.
 */
export class NotedFiles {
  readonly #stamps = new Map<string, string>();

  /** Whether a file or folder of that name is there; its appearing or vanishing counts as a change. */
  exists(path: string): boolean {
    const stamp = this.#note(path);
    return stamp !== 'ENOENT' && stamp !== 'ENOTDIR';
  }

  /** The text of a regular file of at most `maxBytes` bytes. Never waits for a pipe or a device. */
  read(path: string, maxBytes: number): FileText {
    this.#note(path);
    let file: number;
    try {
      file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      const code = codeOf(error) ?? 'unreadable';
      return code === 'ENOENT' || code === 'ENOTDIR'
        ? { state: 'absent' }
        : { state: 'failed', reason: code };
    }
    try {
      const stat = fstatSync(file);
      if (!stat.isFile()) return { state: 'failed', reason: 'not a regular file' };
      if (stat.size > maxBytes) return { state: 'failed', reason: `larger than ${maxBytes} bytes` };
      return { state: 'read', text: readFileSync(file, 'utf8').replace(/^\uFEFF/, '') };
    } catch (error) {
      return { state: 'failed', reason: codeOf(error) ?? 'unreadable' };
    } finally {
      closeSync(file);
    }
  }

  /** Whether everything that was looked at still looks the same. */
  unchanged(): boolean {
    for (const [path, stamp] of this.#stamps) if (stampOf(path) !== stamp) return false;
    return true;
  }

  #note(path: string): string {
    const stamp = stampOf(path);
    // The first stamp stays: a change between two reads of one round must show in the next.
    if (!this.#stamps.has(path)) this.#stamps.set(path, stamp);
    return stamp;
  }
}

function stampOf(path: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
    return `${mtimeNs}:${ctimeNs}:${size}:${ino}`;
  } catch (error) {
    return codeOf(error) ?? 'unreadable';
  }
}
