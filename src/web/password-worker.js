// Plain JavaScript on purpose: a worker's file is named by its path, which is the same in the sources and in dist.
import { setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** Without V8's optimizing compilers, which launch.js switches off for the whole process, bcrypt takes ten times as long. */
const COMPILERS = ['opt', 'maglev'];

parentPort?.on('message', ({ id, password, hash }) => {
  for (const name of COMPILERS) setFlagsFromString(`--${name}`);
  const matches = compareSync(password, hash);
  for (const name of COMPILERS) setFlagsFromString(`--no-${name}`);
  parentPort?.postMessage({ id, matches });
});
