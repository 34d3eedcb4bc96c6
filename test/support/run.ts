import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a command of the system to its end. */
export async function command(file: string, args: readonly string[]): Promise<void> {
  await run(file, [...args]);
}
