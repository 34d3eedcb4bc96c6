import { type Dir, type Dirent, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../../lib/errors.ts';
import { findPart, type StatePart } from './parts.ts';

/** What one part of the state folder holds. */
export interface PartTotal {
  /** Allocated on the disk, as `du` counts. */
  readonly bytes: number;
  readonly files: number;
}

/** The outcomes of a walk through a state folder. */
export type WalkOutcome =
  | {
      readonly state: 'walked';
      readonly parts: ReadonlyMap<StatePart, PartTotal>;
      /** Parts of which a folder could not be read: their totals are too small. */
      readonly unreadable: ReadonlySet<StatePart>;
    }
  | { readonly state: 'missing' }
  | { readonly state: 'unreadable'; readonly reason: string };

/** How a walk is bounded. */
export interface WalkOptions {
  /** Called after each step; a promise is a rest to be awaited, whose value false ends the walk. */
  readonly pause: () => Promise<boolean> | undefined;
  readonly maxEntries: number;
}

/** Unit of `st_blocks`. Source: stat(2). */
const BLOCK_BYTES = 512;
/** Names that are read from a folder at a time: a folder of a million files is never in memory as a whole. */
const NAMES_AT_A_TIME = 256;

/**
 * Adds up the files of a state folder by part, in slices: a call that waits for another thread costs ten
 * times as much. Follows no symbolic link and enters no other filesystem; a file with several names counts
 * once. Of what disappears meanwhile nothing is counted.
 */
export async function walkStateFolder(root: string, options: WalkOptions): Promise<WalkOutcome> {
  try {
    const { dev } = lstatSync(root);
    return await new Walk(root, dev, options).run();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return code === 'ENOENT' ? { state: 'missing' } : { state: 'unreadable', reason: code };
  }
}

class Walk {
  readonly #root: string;
  readonly #device: number;
  readonly #options: WalkOptions;
  readonly #parts = new Map<StatePart, PartTotal>();
  readonly #unreadable = new Set<StatePart>();
  /** Inodes of files that have several names. */
  readonly #linked = new Set<number>();
  /** Folders to be read, as paths below the root. */
  readonly #folders: (readonly string[])[] = [[]];
  #entries = 0;
  #isStopped = false;

  constructor(root: string, device: number, options: WalkOptions) {
    this.#root = root;
    this.#device = device;
    this.#options = options;
  }

  async run(): Promise<WalkOutcome> {
    for (let folder = this.#folders.pop(); folder !== undefined; folder = this.#folders.pop()) {
      await this.#readFolder(folder);
      if (this.#isStopped) return { state: 'unreadable', reason: 'the walk was ended' };
      if (this.#entries > this.#options.maxEntries)
        return { state: 'unreadable', reason: `more than ${this.#options.maxEntries} files and folders` };
    }
    return { state: 'walked', parts: this.#parts, unreadable: this.#unreadable };
  }

  async #readFolder(path: readonly string[]): Promise<void> {
    let folder: Dir | undefined;
    try {
      folder = opendirSync(join(this.#root, ...path), { bufferSize: NAMES_AT_A_TIME });
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        this.#entries += 1;
        if (this.#entries > this.#options.maxEntries) return;
        this.#take([...path, entry.name], entry);
        const rest = this.#options.pause();
        if (rest === undefined || (await rest)) continue;
        this.#isStopped = true;
        return;
      }
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || (path.length === 0 && code !== 'ENOENT')) throw error;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#unreadable.add(findPart([...path, '']));
    } finally {
      folder?.closeSync();
    }
  }

  #take(path: readonly string[], entry: Dirent): void {
    if (!entry.isDirectory() && !entry.isFile()) return;
    const stat = lstatSync(join(this.#root, ...path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      if (stat.dev === this.#device) this.#folders.push(path);
    } else if (this.#isFirstName(stat)) this.#count(findPart(path), stat);
  }

  #isFirstName({ nlink, ino }: Stats): boolean {
    if (nlink < 2) return true;
    if (this.#linked.has(ino)) return false;
    this.#linked.add(ino);
    return true;
  }

  #count(part: StatePart, { blocks }: Stats): void {
    const { bytes, files } = this.#parts.get(part) ?? { bytes: 0, files: 0 };
    this.#parts.set(part, { bytes: bytes + blocks * BLOCK_BYTES, files: files + 1 });
  }
}
