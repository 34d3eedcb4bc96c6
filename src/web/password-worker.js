// Plain JavaScript: a worker's file is named by its path, which is the same in the sources and in dist.
import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

parentPort?.on('message', ({ id, password, hash }) => {
  parentPort?.postMessage({ id, matches: compareSync(password, hash) });
});
