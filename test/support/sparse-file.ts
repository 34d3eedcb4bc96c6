import { truncateSync, writeFileSync } from 'node:fs';

const SPARSE_BYTES = 10 * 1024 ** 3;

/** Makes a file of 10 GB that holds nothing and takes no room. */
export function sparseFile(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, SPARSE_BYTES);
}
