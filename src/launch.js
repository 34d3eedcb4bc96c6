#!/usr/bin/env node
// Plain JavaScript on purpose: it must run on a Node that is too old for the rest, to say so in one line.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NEEDED = [22, 19];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `openclaw-gateway-exporter needs Node >= ${NEEDED.join('.')}, this is ${process.versions.node}; ` +
      'run `npm install` with development dependencies (they bring a Node of their own), then `npm start`\n',
  );
  process.exit(2);
}

// node:sqlite and type stripping announce on every start that they are
// experimental; the log is for the gateway.
const emitWarning = process.emitWarning;
process.emitWarning = (warning, ...rest) => {
  if (rest[0] !== 'ExperimentalWarning') emitWarning.call(process, warning, ...rest);
};

// Rounds of probes leave much short-lived garbage. V8 would answer with a young generation of 100 MB, which
// never shrinks in a program that is never idle; a small one is emptied more often. Waking four threads for a
// megabyte each time would cost more than emptying it.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--no-parallel-scavenge');

const here = dirname(fileURLToPath(import.meta.url));

start().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
});

async function start() {
  // Beside TypeScript: a clone, whose `dist` runs if it was built from just these sources.
  const isClone = existsSync(join(here, 'main.ts'));
  const problem = isClone ? await findBuildProblem() : undefined;
  const program = !isClone ? './main.js' : problem === undefined ? '../dist/main.js' : './main.ts';
  const { main } = await import(program);
  await main(process.argv.slice(2), problem);
}

/** Why `dist` may not run in place of the sources. */
async function findBuildProblem() {
  const { HASH_FILE, hashSources } = await import('./source-hash.js');
  const noted = join(here, '..', 'dist', HASH_FILE);
  if (!existsSync(noted)) return 'dist is not built';
  const isCurrent = readFileSync(noted, 'utf8').trim() === hashSources(join(here, '..'));
  return isCurrent ? undefined : 'dist is older than the sources';
}
