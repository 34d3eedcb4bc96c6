import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { codeOf } from './errors.ts';
import { stampOf } from './file-stamp.ts';

/** A file's text, or why there is none. */
export type FileText = FileContent<{ readonly text: string }>;
/** A file's bytes, or why there are none. */
export type FileBytes = FileContent<{ readonly bytes: Buffer }>;

type FileContent<T> =
  | ({ readonly state: 'read' } & T)
  | { readonly state: 'absent' }
  /** `reason` is a system error's code or a few words; never the path. */
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Reads small files and remembers what each looked like, so that a later look costs one `stat` a file as long
 * as nothing changed. Never creates or changes anything.
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
    const found = this.readBytes(path, maxBytes);
    if (found.state !== 'read') return found;
    return { state: 'read', text: found.bytes.toString('utf8').replace(/^\uFEFF/, '') };
  }

  /** As {@link read}, for files that are not text. */
  readBytes(path: string, maxBytes: number): FileBytes {
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
      return { state: 'read', bytes: readFileSync(file) };
    } catch (error) {
      return { state: 'failed', reason: codeOf(error) ?? 'unreadable' };
    } finally {
      closeSync(file);
    }
  }

  /**
   * Names in a folder, sorted; none where it cannot be read. A name that comes or goes counts as a change.
   */
  list(path: string): readonly string[] {
    this.#note(path);
    try {
      return readdirSync(path).sort();
    } catch {
      return [];
    }
  }

  /** The path with its symbolic links followed; the path itself where that cannot be done. */
  real(path: string): string {
    this.#note(path);
    try {
      return realpathSync.native(path);
    } catch {
      return path;
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
