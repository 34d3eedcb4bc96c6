import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createFilesSource } from '../../src/collectors/cron/source/files/reader.ts';
import { openClawInstall } from '../../src/openclaw/install.ts';
import { readPairedDevice } from '../../src/openclaw/paired-device.ts';
import { describePlay, PHASES, type Phase } from '../support/hostile-answers.ts';
import { askHostile } from '../support/hostile-cases.ts';
import { HostileGateway } from '../support/hostile-gateway.ts';
import { PARSERS, type Parser } from '../support/parsers.ts';
import { Random } from '../support/random.ts';
import { sparseFile } from '../support/sparse-file.ts';
import { LoopWatch } from './loop-watch.ts';
import { type Result, record } from './report.ts';

/**
 * A long campaign of hostile answers: `npm run fuzz -- SECONDS SEED`. Every case has a seed of its
 * own that follows from SEED, so a failure can be played again. Results go into docs/fuzz.md. Ends
 * with 1 where anything failed.
 */
const [seconds = 60, seed = 1] = process.argv.slice(2).map(Number);
const ANSWER_MS = 150;
const WARM_UP_CASES = 50;
const MEBIBYTE = 1024 * 1024;

interface Surface {
  readonly name: string;
  /** Plays one case; gives what is wrong. */
  readonly play: (caseSeed: number) => Promise<string[]>;
}

const WORDS: Readonly<Record<Phase, string>> = {
  http: 'HTTP answers',
  opening: 'WebSocket opening',
  credential: 'answer to the credential',
  question: 'answer to cron questions',
  banner: 'SSH banner',
};

function overNetwork(phase: Phase, gateway: HostileGateway): Surface {
  return {
    name: WORDS[phase],
    async play(caseSeed) {
      await gateway.play(phase, caseSeed);
      const believed = await askHostile(phase, gateway.port, ANSWER_MS);
      return believed.map((what) => `${describePlay(phase, caseSeed)}: ${what}`);
    },
  };
}

/** A valid text with some of its pieces repeated, replaced, cut or turned into bytes that are no text. */
function mutated(valid: string, random: Random): string {
  const at = random.below(valid.length + 1);
  const length = random.below(10);
  const repeated = valid.slice(at, at + length).repeat(random.below(random.pick([3, 100, 5_000])));
  const piece = random.pick([
    repeated,
    random.bytes(random.below(30)).toString('latin1'),
    '',
    '\0',
    '[',
    '{"a":',
  ]);
  return valid.slice(0, at) + piece + (random.below(5) === 0 ? '' : valid.slice(at + length));
}

/** What whoever runs the exporter writes himself; all else is written by others. */
const OWN = ['exporter.yml', 'web configuration', 'flags'];

function parsers(surface: string, played: readonly Parser[]): Surface {
  return {
    name: surface,
    async play(caseSeed) {
      const random = new Random(caseSeed);
      const wrong: string[] = [];
      for (const { name, valid, read } of played) {
        await nextTurn();
        try {
          read(mutated(valid[random.below(valid.length)] ?? '', random));
        } catch (error) {
          wrong.push(`${name} throws ${String(error)}`);
        }
      }
      return wrong;
    },
  };
}

const FILES = {
  'openclaw.json':
    '{"gateway":{"port":1,"auth":{"mode":"token","token":"${A}"}},"secrets":{"providers":{"a":{"path":"b"}}}}',
  'cron/jobs.json': '{"jobs":[{"id":"a","name":"b","schedule":{"kind":"every","everyMs":1000}}]}',
  'cron/jobs-state.json': '{"jobs":{"a":{"state":{"nextRunAtMs":1}}}}',
  'cron/runs/a.jsonl': '{"ts":2,"jobId":"a","action":"finished","status":"ok","runAtMs":1,"durationMs":1}\n',
  'identity/device.json': '{"deviceId":"a","publicKeyPem":"b","privateKeyPem":"c"}',
  'state/openclaw.sqlite': 'SQLite format 3\0',
};

/** One of the files of a state folder is mutated, or is something else than a file. */
function files(folder: string): Surface {
  return {
    name: 'files of the state folder',
    async play(caseSeed) {
      const random = new Random(caseSeed);
      rmSync(folder, { recursive: true, force: true });
      for (const [name, content] of Object.entries(FILES)) make(join(folder, name), content, random);
      const signal = new AbortController().signal;
      const install = openClawInstall({
        env: { HOME: folder },
        gateway: { state_dir: folder },
        root: folder,
      });
      await createFilesSource({ stateDir: folder }).read(undefined, 0, signal);
      const device = await readPairedDevice(folder);
      return [
        ...(install.problems.join().includes(folder) ? ['a problem holds a path'] : []),
        ...(device.state === 'paired' ? ['a device out of nothing'] : []),
      ];
    },
  };
}

function make(path: string, content: string, random: Random): void {
  mkdirSync(dirname(path), { recursive: true });
  const what = random.below(12);
  if (what === 0) execFileSync('mkfifo', [path]);
  else if (what === 1) symlinkSync(random.pick(['/dev/zero', path, '/proc/self/mem']), path);
  else if (what === 2) sparseFile(path);
  else if (what === 3)
    writeFileSync(path, random.pick(['[', '{"a":', '\n', '[],', '"']).repeat(random.below(200_000)));
  else writeFileSync(path, mutated(content, random), 'latin1');
}

async function campaign(surface: Surface, untilMs: number): Promise<Result> {
  const random = new Random(seed);
  const failures: string[] = [];
  const loop = new LoopWatch();
  let cases = 0;
  let before = used();
  while (performance.now() < untilMs || cases <= WARM_UP_CASES) {
    const caseSeed = random.below(2 ** 31);
    loop.label(caseSeed);
    try {
      failures.push(...(await surface.play(caseSeed)).map((what) => `${caseSeed}: ${what}`));
    } catch (error) {
      failures.push(`${caseSeed}: throws ${String(error)}`);
    }
    cases += 1;
    if (cases === WARM_UP_CASES) {
      before = used();
      loop.reset();
    }
  }
  const { maxDelayMs, maxWorkMs, worst } = loop.stop();
  const after = used();
  for (const failure of failures) process.stdout.write(`  FAILED ${failure}\n`);
  process.stdout.write(`${surface.name}: ${cases} cases, worst case ${worst} (${maxWorkMs.toFixed(0)} ms)\n`);
  return {
    surface: surface.name,
    cases,
    seed,
    failures: failures.length,
    maxDelayMs,
    maxWorkMs,
    before,
    after,
  };
}

/** What this process holds now that garbage is gone. */
function used() {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    residentMiB: rss / MEBIBYTE,
    heapMiB: (heapUsed + external) / MEBIBYTE,
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

process.on('unhandledRejection', (reason) => {
  process.stdout.write(`FAILED: an unhandled rejection: ${String(reason)}\n`);
  process.exit(1);
});
const folder = mkdtempSync(join(tmpdir(), 'openclaw-exporter-fuzz-'));
const gateway = await HostileGateway.start();
const surfaces = [
  ...PHASES.map((phase) => overNetwork(phase, gateway)),
  parsers(
    'texts of others',
    PARSERS.filter(({ name }) => !OWN.includes(name)),
  ),
  parsers(
    'own configuration',
    PARSERS.filter(({ name }) => OWN.includes(name)),
  ),
  files(folder),
];
const page = new URL('../../docs/fuzz.md', import.meta.url);
let failures = 0;
for (const surface of surfaces) {
  const result = await campaign(surface, performance.now() + (seconds * 1000) / surfaces.length);
  writeFileSync(page, record(readFileSync(page, 'utf8'), [result]));
  failures += result.failures;
}
await gateway.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(failures > 0 ? 1 : 0);
