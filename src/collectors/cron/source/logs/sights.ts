import type { Stats } from 'node:fs';

/** So many files are remembered, and of each so many sights. */
const MAX_FILES = 20_000;
const MAX_SIGHTS = 32;

/**
 * When each part of a growing file was first seen: the time of lines that tell none,
 * stable when they are read again.
 */
export class SightLog {
  readonly #sights = new Map<number, { size: number; mtimeMs: number }[]>();

  /**
   * Notes how far a file reaches now, and tells when the byte before an offset
   * had been written at the latest.
   */
  note(stat: Stats, readUpTo: number): (end: number) => number {
    if (this.#sights.size > MAX_FILES) this.#sights.clear();
    const before = (this.#sights.get(stat.ino) ?? []).filter(
      ({ size }) => size > readUpTo && size <= stat.size,
    );
    const known = before.at(-1)?.size === stat.size;
    const sights = known
      ? before
      : [...before.slice(1 - MAX_SIGHTS), { size: stat.size, mtimeMs: stat.mtimeMs }];
    this.#sights.set(stat.ino, sights);
    return (end) => sights.find(({ size }) => size >= end)?.mtimeMs ?? stat.mtimeMs;
  }

  /** The file has other content now. */
  forget(ino: number): void {
    this.#sights.delete(ino);
  }
}
