import { z } from 'zod';
import { StateFile } from '../../src/state/state-file.ts';
import { recordingLogger } from './logger.ts';

/**
 * A program for tests: owns the state file in the folder of its first argument and commits a rising number as
 * fast as it can, telling each number once it is saved. `once`: only one commit, and then it lives on.
 */
const [folder = '', mode = 'loop'] = process.argv.slice(2);
const state = new StateFile(folder, recordingLogger());
let count = state.read('count', z.object({ count: z.int(), padding: z.string() }))?.count ?? 0;

async function commit(): Promise<void> {
  count += 1;
  const outcome = await state.commit('count', { count, padding: 'x'.repeat(50_000) });
  process.stdout.write(outcome.state === 'saved' ? `${count}\n` : `${outcome.reason}\n`);
  if (mode === 'loop') setImmediate(() => void commit());
}

setInterval(() => undefined, 60_000);
void commit();
