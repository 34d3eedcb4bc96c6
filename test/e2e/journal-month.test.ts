import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { Child } from '../support/child.ts';
import { JournalWorld } from '../support/journal-world.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const WRITER = fileURLToPath(new URL('../support/journal-writer.ts', import.meta.url));
const MINUTES = 30 * 24 * 60 - 120;
const STEP = 30;
const JOBS = 500;
const MAX_BYTES = 32 * 1024 * 1024;
const KILLS = 50;

const shown = z.object({ minute: z.int(), failed: z.int(), incidents: z.int() });
type Shown = z.output<typeof shown>;

function start(folder: string, fromMinute: number): Child {
  const args = [
    '--disable-warning=ExperimentalWarning',
    WRITER,
    folder,
    ...[fromMinute, MINUTES, STEP].map(String),
  ];
  const child = new Child(process.execPath, args);
  onTestFinished(() => child.end());
  return child;
}

const linesOf = (child: Child): Shown[] =>
  child.output
    .split('\n')
    .slice(0, -1)
    .map((line) => shown.parse(JSON.parse(line)));

it('a month of 500 jobs that fail each minute still shows the incident of its first day, through 50 kills', async () => {
  const folder = tempFolder();
  let last: Shown = { minute: 0, failed: 0, incidents: 0 };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = start(folder, last.minute);
    const enough = 1 + Math.floor(Math.random() * 4);
    await until(() => linesOf(child).length >= enough || child.ended !== undefined, {
      what: 'some days',
      everyMs: 5,
      timeoutMs: 120_000,
    });
    await child.end('SIGKILL');
    const lines = linesOf(child);
    expect(child.output.includes('Error')).toBe(false);
    for (const line of lines) {
      expect(line.failed).toBeGreaterThanOrEqual(last.failed);
      expect(line.incidents).toBeGreaterThanOrEqual(last.incidents);
      last = line;
    }
    if (last.minute + 4 * 360 > MINUTES) last = { ...last, minute: MINUTES - 8 * 360 };
  }
  const child = start(folder, last.minute);
  expect(await child.exited).toBe(0);

  const world = new JournalWorld(folder);
  onTestFinished(() => world.kill());
  await world.clock.advance(MINUTES * 60_000);
  await world.record();
  const { incidents, jobs } = await world.history();
  expect(incidents).toMatchObject([{ cause: 'authentication', text: 'token of openclaw.json refused' }]);
  expect(jobs.length).toBe(JOBS);
  // Each failed run is there once, whenever it was killed.
  expect(new Set(jobs.map(({ failed }) => failed))).toEqual(new Set([MINUTES - (MINUTES % STEP)]));
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
  expect(bytes).toBeLessThan(MAX_BYTES);
}, 900_000);
