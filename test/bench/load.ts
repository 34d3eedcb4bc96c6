import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
const CLIENT = fileURLToPath(new URL('./load-client.ts', import.meta.url));

const result = z.object({
  durationsMs: z.array(z.number()),
  /** Of the last body, as it was sent. */
  bytes: z.number(),
  failures: z.literal(0),
  seconds: z.number(),
});

export interface Load {
  readonly url: string;
  /** Kept alive; each asks again as soon as it was answered. */
  readonly connections: number;
  readonly seconds: number;
}

/** Asks from another process as fast as it is answered. Throws where an answer is not 200. */
export async function load({ url, connections, seconds }: Load) {
  const args = [CLIENT, url, String(connections), String(seconds)];
  const flags = ['--disable-warning=ExperimentalWarning'];
  const { stdout } = await run(process.execPath, [...flags, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return result.parse(JSON.parse(stdout));
}
