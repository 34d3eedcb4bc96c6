import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { StateWalker } from '../../src/collectors/disk/source/walker.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Bench, ms, times } from './bench.ts';

const SIZES = [10_000, 100_000] as const;
const FILES_A_FOLDER = 200;
const LONGEST_MS = 600_000;

/** What the walk through a large state folder costs, and whether anything waits for it. */
export const stateFolder: Bench = {
  name: 'walk through a state folder',
  claim:
    'The walk takes at most a tenth of a core, once in ten minutes, and holds the event loop for 5 ms at a time, however many files there are. What it costs follows the number of files.',
  alternative: 'the processor time of `du -s`, whole, at once',
  async run() {
    const rows = [];
    for (const files of SIZES) {
      const root = makeFolder(files);
      try {
        const ours = await measureWalk(root);
        const du = measureDu(root);
        rows.push(
          {
            what: `${files} files: processor time of a walk`,
            ours: ms(ours.cpuMs),
            alternative: ms(du),
            ratio: times(du, ours.cpuMs),
          },
          { what: `${files} files: from begin to end`, ours: ms(ours.wallMs), alternative: '', ratio: '' },
          {
            what: `${files} files: delay of the event loop meanwhile, p99 (10 ms are the measurement’s own)`,
            ours: ms(ours.holdMs),
            alternative: '',
            ratio: '',
          },
        );
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    }
    return rows;
  },
};

function makeFolder(files: number): string {
  const root = mkdtempSync(join(tmpdir(), 'openclaw-state-'));
  for (let number = 0; number < files; number += 1) {
    const folder = join(root, 'workspace', String(Math.floor(number / FILES_A_FOLDER)));
    if (number % FILES_A_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, String(number)), '');
  }
  return root;
}

async function measureWalk(root: string) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const walker = new StateWalker(systemClock);
  const [fromMs, cpu] = [performance.now(), process.cpuUsage()];
  delay.enable();
  const reading = await walker.read(root, LONGEST_MS);
  delay.disable();
  if (reading.state !== 'walked') throw new Error(`not walked: ${reading.state}`);
  const { user, system } = process.cpuUsage(cpu);
  await walker.close();
  return {
    wallMs: performance.now() - fromMs,
    cpuMs: (user + system) / 1000,
    holdMs: delay.percentile(99) / 1e6,
  };
}

function measureDu(root: string): number {
  const script = 'times; du -s "$0" > /dev/null; times';
  const text = execFileSync('bash', ['-c', script, root], { encoding: 'utf8' });
  const seconds = [...text.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  return 1000 * ((seconds[6] ?? 0) + (seconds[7] ?? 0));
}
