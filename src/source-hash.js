// Plain JavaScript: it also runs while `npm install` builds, on a Node that cannot read TypeScript.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Holds the hash of the sources that `dist` was built from. */
export const HASH_FILE = '.source-hash';

/**
 * The hash of everything that `dist` is built from: every file below `src`, the lock file and the compiler's
 * configuration.
 * @param {string} root the repository's folder
 * @returns {string} 64 hexadecimal digits
 */
export function hashSources(root) {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const others = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
    join(root, name),
  );
  for (const file of [...sources.sort(), ...others]) {
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}
