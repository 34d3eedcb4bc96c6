import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogReader, logSource } from '../../../../../support/log-source.ts';
import { tempFolder } from '../../../../../support/temp-folder.ts';

/** How many random histories are played; OPENCLAW_TEST_RUNS plays more. */
const RUNS = Number(process.env.OPENCLAW_TEST_RUNS ?? 150);

interface Written {
  readonly status: 'ok' | 'error';
  readonly atMs: number;
}

/** A job that writes its log, and everything that may happen to that log. */
class Writer {
  readonly runs: Written[] = [];
  readonly log: string;
  readonly #timed: boolean;
  #clock = Date.now() - 3_600_000;
  #count = 0;
  #rest = '';

  constructor(log: string, timed: boolean) {
    this.log = log;
    this.#timed = timed;
  }

  append(ok: readonly boolean[], chatter: boolean): void {
    for (const good of ok) {
      this.#write(this.#line(good));
      if (chatter) this.#write('nothing of interest\n');
    }
  }

  /** The beginning of a line; the next append completes it. */
  begin(ok: boolean, characters: number): void {
    this.complete();
    const line = this.#line(ok);
    const cut = Math.min(line.length - 1, characters);
    appendFileSync(this.log, line.slice(0, cut));
    this.#rest = line.slice(cut);
  }

  complete(): void {
    const rest = this.#rest;
    this.#rest = '';
    if (rest !== '') appendFileSync(this.log, rest);
  }

  rename(createNew: boolean): void {
    this.complete();
    if (!existsSync(this.log)) return;
    this.#shift();
    renameSync(this.log, `${this.log}.1`);
    if (createNew) writeFileSync(this.log, '');
  }

  copyTruncate(): void {
    this.complete();
    if (!existsSync(this.log)) return;
    this.#shift();
    copyFileSync(this.log, `${this.log}.1`);
    truncateSync(this.log);
  }

  /** `tail -n … > tmp; mv tmp log`. */
  trim(lines: number, inPlace: boolean): void {
    this.complete();
    if (!existsSync(this.log)) return;
    const kept = readFileSync(this.log, 'utf8')
      .split('\n')
      .slice(-lines - 1)
      .join('\n');
    this.#replace(kept, inPlace);
  }

  replaceByCopy(): void {
    this.complete();
    if (existsSync(this.log)) this.#replace(readFileSync(this.log, 'utf8'), false);
  }

  compress(): void {
    for (const name of [`${this.log}.1`, `${this.log}.2`]) {
      if (!existsSync(name)) continue;
      writeFileSync(`${name}.gz`, gzipSync(readFileSync(name)));
      unlinkSync(name);
    }
  }

  #replace(text: string, inPlace: boolean): void {
    if (inPlace) writeFileSync(this.log, text);
    else {
      writeFileSync(`${this.log}.tmp`, text);
      renameSync(`${this.log}.tmp`, this.log);
    }
  }

  #shift(): void {
    for (const generation of [4, 3, 2, 1]) {
      const name = `${this.log}.${generation}`;
      if (existsSync(name)) renameSync(name, `${this.log}.${generation + 1}`);
    }
  }

  #write(text: string): void {
    this.complete();
    appendFileSync(this.log, text);
  }

  #line(ok: boolean): string {
    this.#clock += 1001;
    this.#count += 1;
    this.runs.push({ status: ok ? 'ok' : 'error', atMs: this.#clock });
    const head = this.#timed ? new Date(this.#clock).toISOString() : `run ${this.#count}`;
    return `${head} ${ok ? 'SUCCESS' : 'ERROR'}\n`;
  }
}

type Step =
  | { readonly do: 'append'; readonly ok: readonly boolean[]; readonly chatter: boolean }
  | { readonly do: 'begin'; readonly ok: boolean; readonly characters: number }
  | { readonly do: 'rename'; readonly createNew: boolean }
  | { readonly do: 'trim'; readonly lines: number; readonly inPlace: boolean }
  | { readonly do: 'copyTruncate' | 'replace' | 'compress' | 'commit' | 'look' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      ok: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
      chatter: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('begin' as const),
      ok: fc.boolean(),
      characters: fc.nat({ max: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), createNew: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('trim' as const),
      lines: fc.integer({ min: 20, max: 40 }),
      inPlace: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('copyTruncate', 'replace', 'compress', 'commit', 'commit', 'look', 'restart'),
    }),
  },
) as fc.Arbitrary<Step>;

/** The inode of an emptied archive that was compressed away goes to a copy of the log. */
const REUSED_INODE: Step[] = [
  { do: 'copyTruncate' },
  { do: 'compress' },
  { do: 'rename', createNew: false },
  { do: 'append', ok: [false], chatter: false },
  { do: 'compress' },
  { do: 'copyTruncate' },
  { do: 'copyTruncate' },
  { do: 'copyTruncate' },
  { do: 'begin', ok: false, characters: 0 },
];

class Play {
  readonly writer: Writer;
  readonly reader: LogReader;
  readonly #stateDir: string;
  readonly #timed: boolean;
  /** The log was rewritten since the last look: until the next one, its content is in no other place. */
  #rotations = 0;

  constructor(timed: boolean) {
    this.#timed = timed;
    this.#stateDir = tempFolder();
    const folder = join(this.#stateDir, 'workspace', 'w');
    mkdirSync(folder, { recursive: true });
    this.writer = new Writer(join(folder, 'cron-job.log'), timed);
    this.reader = new LogReader(logSource(this.#stateDir));
  }

  async start(): Promise<void> {
    const first = await this.reader.source.read(undefined, AbortSignal.timeout(10_000));
    if (first.state === 'absent') this.reader.cursor = JSON.parse(JSON.stringify(first.cursor));
  }

  async take(next: Step): Promise<void> {
    const { writer } = this;
    switch (next.do) {
      case 'append':
        return writer.append(next.ok, next.chatter);
      case 'begin':
        return writer.begin(next.ok, next.characters);
      case 'rename':
        return this.#rotate(() => writer.rename(next.createNew));
      case 'copyTruncate':
        return this.#rotate(() => writer.copyTruncate());
      case 'trim':
        // Lines that are not looked at before they are cut off are nowhere; without
        // times the rest is not recognised.
        if (this.#timed && (await this.#caughtUp())) writer.trim(next.lines, next.inPlace);
        return;
      case 'replace':
        if (await this.#caughtUp()) writer.replaceByCopy();
        return;
      case 'compress':
        if (await this.#caughtUp()) writer.compress();
        return;
      default:
        return this.#readerStep(next.do);
    }
  }

  async #readerStep(what: 'commit' | 'look' | 'restart'): Promise<void> {
    if (what === 'restart') {
      await this.reader.source.close();
      this.reader.source = logSource(this.#stateDir);
    } else if (what === 'commit') await this.commit();
    else if (this.reader.cursor !== undefined) await this.#tolerant(() => this.reader.look());
  }

  async commit(): Promise<void> {
    this.#rotations = 0;
    await this.#tolerant(() => this.reader.commit());
  }

  /** More generations between two looks than rotation keeps are lost to everybody. */
  async #rotate(rotate: () => void): Promise<void> {
    if (this.#rotations >= 3) await this.commit();
    this.#rotations += 1;
    rotate();
  }

  async #caughtUp(): Promise<boolean> {
    this.writer.complete();
    await this.commit();
    return true;
  }

  /** Before the first line there is no log. */
  async #tolerant(work: () => Promise<unknown>): Promise<void> {
    if (!existsSync(this.writer.log) && this.writer.runs.length === 0) return;
    await work();
  }
}

test('every run of a random history of writing, rotation and restarts is told exactly once', async () => {
  let total = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 40 }), async (timed, steps) => {
      const play = new Play(timed);
      await play.start();
      play.writer.append([true], false);
      await play.commit();
      for (const next of steps) await play.take(next);
      play.writer.complete();
      await play.commit();
      await play.commit();
      const { runs } = play.reader;
      expect(runs.map(({ status }) => status)).toEqual(play.writer.runs.map(({ status }) => status));
      if (timed) expect(runs.map(({ runAtMs }) => runAtMs)).toEqual(play.writer.runs.map(({ atMs }) => atMs));
      expect(new Set(runs.map(({ runAtMs }) => runAtMs)).size).toBe(runs.length);
      total += runs.length;
    }),
    { numRuns: RUNS, examples: [[false, REUSED_INODE]] },
  );
  expect(total).toBeGreaterThan(RUNS);
}, 600_000);
