import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { codeOf } from '../../../../lib/errors.ts';
import { parseJson } from '../../../../lib/json.ts';
import { readRegular } from '../../../../lib/regular-file.ts';
import {
  type CronSource,
  MAX_JOBS_READ,
  type ReadSource,
  type SourceReading,
  type SourceRun,
} from '../cron-source.ts';
import { toFinishedRun } from '../finished-entry.ts';
import type { CronJob } from '../records.ts';
import { toCronJob } from '../stored-job.ts';
import { eachMember } from './json-members.ts';
import { readTail, type TailPosition } from './jsonl-tail.ts';

/** Twenty thousand jobs, with room. */
const MAX_JSON = 16 * 1024 * 1024;
/** Text of run files that is parsed before others have their turn. */
const SLICE_CHARS = 128 * 1024;
/** Of a line that may be read once more to know its place again. */
const MAX_LAST_BYTES = 8 * 1024 * 1024;
const SUFFIX = '.jsonl';
const MIGRATED = 'jobs.json.migrated';

const stateEntry = z.record(z.string(), z.unknown());
const withState = z.object({ state: z.unknown() });
const withId = z.object({ id: z.string().min(1) });
const position = z.object({
  offset: z.int().nonnegative(),
  lastBytes: z.int().min(0).max(MAX_LAST_BYTES),
  last: z.string(),
});
/** Positions by file name: a list, as a name may be any text. */
const cursorSchema = z.array(z.tuple([z.string(), position]));

interface FilesOptions {
  readonly stateDir: string;
}

/**
 * Cron jobs and runs of versions before 2026.6: `cron/jobs.json`, `cron/jobs-state.json` and
 * `cron/runs/*.jsonl`. Absent once the gateway has imported them into its database and renamed them. A look
 * costs one `stat` a file when nothing changed.
 */
export function createFilesSource({ stateDir }: FilesOptions): CronSource {
  const folder = join(stateDir, 'cron');
  let last: { stamps: string; reading: ReadSource } | undefined;
  return {
    async read(cursor, sinceMs, signal) {
      try {
        const names = await listed(folder);
        if (!isHere(names)) return { state: 'absent' };
        const runFiles = (await listed(join(folder, 'runs'))).filter((name) => name.endsWith(SUFFIX)).sort();
        const stamps = await stampsOf(folder, runFiles);
        if (last?.stamps === stamps && last.reading.cursor === cursor) return last.reading;
        const reading = await look({ folder, runFiles, cursor, sinceMs, signal });
        last =
          reading.state === 'read'
            ? { stamps, reading: { ...reading, runs: [], lastSuccesses: new Map() } }
            : undefined;
        return reading;
      } catch (error) {
        if (codeOf(error) === undefined || signal.aborted) throw error;
        return { state: 'unreadable', reason: `the files of cron cannot be read (${codeOf(error)})` };
      }
    },
  };
}

/** A name in the folder, before or after the import; runs without jobs are those of removed ones. */
function isHere(names: readonly string[]): boolean {
  if (names.includes('jobs.json')) return true;
  return !names.includes(MIGRATED) && names.includes('runs');
}

async function listed(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** What all files look like; a file changed within the clock's grain is caught by its size. */
async function stampsOf(folder: string, runFiles: readonly string[]): Promise<string> {
  const paths = ['jobs.json', 'jobs-state.json', ...runFiles.map((name) => join('runs', name))];
  const stamps: string[] = [];
  for (const path of paths) stamps.push(stampOf(path, await statOrNot(join(folder, path))));
  return stamps.join('\n');
}

function stampOf(path: string, found: Stats | undefined): string {
  return found === undefined ? path : `${path} ${found.ino}:${found.size}:${found.mtimeMs}:${found.ctimeMs}`;
}

async function statOrNot(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

interface LookOptions {
  readonly folder: string;
  readonly runFiles: readonly string[];
  readonly cursor: unknown;
  readonly sinceMs: number;
  readonly signal: AbortSignal;
}

async function look({ folder, runFiles, cursor, sinceMs, signal }: LookOptions): Promise<SourceReading> {
  const jobs = await readJobs(folder, signal);
  if (jobs === undefined)
    return {
      state: 'unreadable',
      reason:
        'jobs.json is not what a gateway writes, or one job in it is larger than 2 MiB: shorten that job',
    };
  const known = new Map(cursorSchema.safeParse(cursor).data ?? []);
  const runs: SourceRun[] = [];
  const lastSuccesses = new Map<string, number>();
  const positions: [string, TailPosition][] = [];
  let strange = 0;
  for (const name of runFiles) {
    const found = await readRuns(join(folder, 'runs', name), known.get(name), signal);
    if (found === undefined) continue;
    positions.push([name, found.position]);
    strange += found.strange;
    for (const run of found.runs) {
      if (run.appended || run.finishedAtMs > sinceMs) runs.push(run);
      if (run.status === 'ok') lastSuccesses.set(run.jobId, run.runAtMs);
    }
  }
  runs.sort((a, b) => a.runAtMs - b.runAtMs);
  const problems = strange > 0 ? [`${strange} lines of the run files could not be understood`] : [];
  return { state: 'read', jobs, runs, lastSuccesses, cursor: positions, problems };
}

async function readRuns(path: string, from: TailPosition | undefined, signal: AbortSignal) {
  try {
    const { lines, position, oversized } = await readTail(path, from, signal);
    const runs: SourceRun[] = [];
    let strange = oversized;
    let parsed = 0;
    for (const { text, appended } of lines) {
      parsed += text.length;
      if (parsed > SLICE_CHARS) {
        parsed = 0;
        signal.throwIfAborted();
        await nextTurn();
      }
      const raw = parseJson(text);
      const run = toFinishedRun(raw, appended);
      if (run !== undefined) runs.push(run);
      else if (isStrange(raw, text)) strange += 1;
    }
    return { runs, position, strange };
  } catch (error) {
    // Renamed or removed between the listing and now.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Other actions are none of our business; a blank line is nothing. */
function isStrange(raw: unknown, text: string): boolean {
  if (text.trim() === '') return false;
  const action = z.object({ action: z.string() }).safeParse(raw).data?.action;
  return action === undefined || action === 'finished';
}

/** The jobs, with their state from the file beside them; undefined when `jobs.json` holds something else. */
async function readJobs(folder: string, signal: AbortSignal): Promise<CronJob[] | undefined> {
  const text = await textOf(join(folder, 'jobs.json'));
  if (text === undefined) return [];
  const states = await readStates(folder, signal);
  const jobs: CronJob[] = [];
  let members = 0;
  const isRead = await eachMember(text, 'jobs', signal, (member) => {
    members += 1;
    if (members > MAX_JOBS_READ) return true;
    const job = parseJson(member);
    const id = withId.safeParse(job).data?.id;
    if (id !== undefined) jobs.push(toCronJob({ id, job, state: states.get(id) }));
    return job !== undefined;
  });
  return isRead ? jobs : undefined;
}

/** What `jobs-state.json` says, by job; nothing where it holds something else. */
async function readStates(folder: string, signal: AbortSignal): Promise<ReadonlyMap<string, unknown>> {
  const text = (await textOf(join(folder, 'jobs-state.json'))) ?? '';
  const states = new Map<string, unknown>();
  let members = 0;
  const isRead = await eachMember(text, 'jobs', signal, (member) => {
    members += 1;
    if (members > MAX_JOBS_READ) return true;
    const entry = stateEntry.safeParse(parseJson(`{${member}}`)).data;
    for (const [id, value] of Object.entries(entry ?? {})) {
      states.set(id, withState.safeParse(value).data?.state);
    }
    return entry !== undefined;
  });
  return isRead ? states : new Map();
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readRegular(path, MAX_JSON);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
