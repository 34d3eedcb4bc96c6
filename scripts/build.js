// Builds `dist`. With --if-possible, as npm runs it after `npm install` in a clone, what is missing or fails only means
// that `npm start` runs the sources.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HASH_FILE, hashSources } from '../src/source-hash.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
/** Never half a `dist`: it is built here and then put in its place. */
const fresh = join(root, `dist.${process.pid}`);
const compiler = join(root, 'node_modules', '.bin', 'tsc');

/** @returns {string | undefined} why there is no `dist` of these sources */
function build() {
  if (!existsSync(compiler)) return 'TypeScript is not installed';
  const hash = hashSources(root);
  const { status, error } = spawnSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', fresh], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) return error?.message ?? 'the sources do not compile';
  // Whatever the compiler does not emit: style sheets, scripts for browsers and for other machines.
  const isAsset = (from, to) => statSync(from).isDirectory() || !(extname(from) === '.ts' || existsSync(to));
  cpSync(join(root, 'src'), fresh, { recursive: true, filter: isAsset });
  writeFileSync(join(fresh, HASH_FILE), `${hash}\n`);
  rmSync(dist, { recursive: true, force: true });
  renameSync(fresh, dist);
  return undefined;
}

const problem = build();
rmSync(fresh, { recursive: true, force: true });
if (problem !== undefined) {
  process.stderr.write(`dist is not built: ${problem}\n`);
  process.exitCode = process.argv.includes('--if-possible') ? 0 : 1;
}
