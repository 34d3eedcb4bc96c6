import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type Clock, systemClock } from '../lib/clock.ts';
import { unlessLate } from '../lib/deadline.ts';
import { codeOf, messageOf, sqliteCodeOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import type { Logger } from '../lib/logger.ts';
import { ensurePrivateFile, explainFileError, readRegularSync } from '../lib/regular-file.ts';
import { replaceFile, type SyncFile } from './atomic-file.ts';
import { jsonPieces } from './json-parts.ts';

const VERSION = 1;
/** A state larger than this is a defect of ours, not something to keep writing and reading. */
const MAX_BYTES = 16 * 1024 * 1024;
/**
 * A disk that needs longer goes on alone: nobody's look is cut for it. Shorter than any
 * collector's timeout by default.
 */
const MAX_WAIT_MS = 2_000;
/** SQLite's primary result codes. */
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

const newer = z.object({ version: z.int().gt(VERSION) });
const envelope = z.object({ version: z.literal(VERSION), sections: z.record(z.string(), z.unknown()) });

/** Whether what was committed is on disk; reasons are words without paths. */
export type CommitOutcome =
  | { readonly state: 'saved' }
  | { readonly state: 'not_saved'; readonly reason: string }
  /** The disk has not confirmed it in time, and may still do so: the file is ours as before. */
  | { readonly state: 'unconfirmed'; readonly reason: string };

/** How well the state is kept, for the exporter's own metrics. */
export interface StateHealth {
  /** Whether the last attempt to use the state file succeeded. */
  readonly saved: boolean;
  /** How often a file or section that could not be understood was set aside since start. */
  readonly corruptions: number;
}

const SAVED: CommitOutcome = { state: 'saved' };
const UNCONFIRMED: CommitOutcome = {
  state: 'unconfirmed',
  reason: `the disk has not confirmed the state file within ${MAX_WAIT_MS / 1000} s`,
};

/** For tests: the time, and how long a disk takes. */
export interface StateFileOptions {
  readonly clock?: Clock;
  readonly sync?: SyncFile;
}

/** What a collector may do with saved state. */
export type StateStore = Pick<StateFile, 'open' | 'read' | 'commit'>;

/**
 * Totals and cursors that survive the exporter, in one small file under the storage path. A section
 * belongs to one collector. What it returns as committed is on disk (written, synced, renamed), so a
 * scraped total never goes down. One process owns the file at a time, by a lock that the operating system
 * releases even after `kill -9`.
 */
export class StateFile {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #observe: (health: StateHealth) => void;
  readonly #clock: Clock;
  readonly #sync: SyncFile | undefined;
  /** Each section as pieces of JSON, as it is on disk. */
  #sections: Sections = new Map();
  /** Sections of the file that nobody has read: to overwrite one would lose its totals. */
  readonly #unread = new Set<string>();
  #lock: DatabaseSync | undefined;
  /** What stands in the way of saving: at most one reason a step. */
  readonly #failures = new Map<'open' | 'write', string>();
  #corruptions = 0;
  /** Writes follow each other; this is the last of them. */
  #writing: Promise<CommitOutcome> = Promise.resolve(SAVED);
  /** A write is under way for longer than anybody waits. */
  #hanging = false;

  constructor(
    folder: string,
    logger: Logger,
    observe: (health: StateHealth) => void = () => undefined,
    { clock = systemClock, sync }: StateFileOptions = {},
  ) {
    this.#folder = folder;
    this.#logger = logger;
    this.#observe = observe;
    this.#clock = clock;
    this.#sync = sync;
  }

  /** How often a file or section that could not be understood was set aside since start. */
  get corruptions(): number {
    return this.#corruptions;
  }

  /**
   * Takes the file over, unless it is taken; `not_saved` says why it cannot be used now. Worth asking again.
   */
  open(): CommitOutcome {
    return this.#report('open', this.#own());
  }

  /**
   * A section as it was last committed; undefined when there is none, it does not
   * fit `schema`, or `open` fails.
   */
  read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    if (this.open().state !== 'saved') return undefined;
    this.#unread.delete(name);
    const pieces = this.#sections.get(name);
    if (pieces === undefined) return undefined;
    const parsed = schema.safeParse(JSON.parse(pieces.join('')));
    if (parsed.success) return parsed.data;
    this.#setSectionAside(name);
    return undefined;
  }

  /**
   * Puts a section on disk. Until this says `saved`, nothing that depends on it may be exposed. Refused while
   * the file holds that section and it has not been read, as when another exporter owned the file at our
   * start. Nothing in `value` may be changed afterwards, only replaced: the text of a part that was there
   * before is not made again. Never rejects, and gives its answer within two seconds, whatever the disk does.
   */
  async commit(name: string, value: unknown): Promise<CommitOutcome> {
    const opened = this.open();
    if (opened.state !== 'saved') return opened;
    if (this.#hanging) return this.#report('write', UNCONFIRMED);
    const pieces = jsonPieces(value);
    this.#writing = this.#writing.then(() => this.#write(name, pieces));
    return this.#report('write', await this.#inTime(this.#writing));
  }

  /**
   * Releases the file for another process, once what is being written is there; where
   * the disk hangs it stays ours.
   */
  async close(): Promise<void> {
    const last = await this.#inTime(this.#writing);
    if (last.state !== 'unconfirmed') this.#release();
  }

  #release(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  async #inTime(written: Promise<CommitOutcome>): Promise<CommitOutcome> {
    const outcome = await unlessLate(written, MAX_WAIT_MS, this.#clock);
    if (outcome !== undefined) return outcome;
    this.#hanging = true;
    void written.then(() => {
      this.#hanging = false;
    });
    return UNCONFIRMED;
  }

  get #path(): string {
    return statePath(this.#folder);
  }

  get #setAsidePath(): string {
    return `${this.#path}.corrupt`;
  }

  async #write(name: string, pieces: readonly string[]): Promise<CommitOutcome> {
    if (this.#unread.has(name))
      return notSaved('the section saved by a previous exporter has not been read yet');
    try {
      if (isSameText(pieces, this.#sections.get(name))) return SAVED;
      const sections = new Map(this.#sections).set(name, pieces);
      await replaceFile(this.#path, envelopeOf(sections), MAX_BYTES, this.#sync);
      // On top of what is there by now: a section may have been set aside meanwhile.
      this.#sections = new Map(this.#sections).set(name, pieces);
      return SAVED;
    } catch (error) {
      // Somebody removed the folder, and our lock with it: it is made anew at the next attempt.
      if (codeOf(error) === 'ENOENT') this.#release();
      return notSaved(`the state file cannot be written (${codeOf(error) ?? messageOf(error)})`);
    }
  }

  #own(): CommitOutcome {
    if (this.#lock !== undefined) return SAVED;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      const lock = takeLock(join(this.#folder, 'state.lock'));
      if (lock === undefined) return notSaved('another exporter uses the same storage path');
      return this.#load(lock);
    } catch (error) {
      return notSaved(`the storage path cannot be used (${reasonOf(error)})`);
    }
  }

  #load(lock: DatabaseSync): CommitOutcome {
    try {
      const sections = this.#readFile();
      if (sections !== undefined) {
        this.#sections = sections;
        for (const name of sections.keys()) this.#unread.add(name);
      }
    } catch (error) {
      lock.close();
      return notSaved(`the state file cannot be read (${explainFileError(error)})`);
    }
    this.#lock = lock;
    return SAVED;
  }

  /** The file's sections, or undefined where there is no file or none that can be understood. */
  #readFile(): Sections | undefined {
    const content = readSections(this.#path);
    if (content.state === 'absent') return undefined;
    if (content.state === 'read') {
      return new Map([...content.sections].map(([name, value]) => [name, jsonPieces(value)]));
    }
    // Under a name of its own: what a newer exporter counted is worth more than a
    // damaged file, and none replaces it.
    const kept = content.state === 'newer' ? `${this.#path}.version-${content.version}` : this.#setAsidePath;
    this.#setAside('totals restart from zero', kept, renameSync);
    return undefined;
  }

  #setSectionAside(name: string): void {
    const sections = new Map(this.#sections);
    sections.delete(name);
    this.#sections = sections;
    this.#setAside(`totals of ${name} restart from zero`, this.#setAsidePath, copyFileSync);
  }

  #setAside(consequence: string, path: string, keep: (from: string, to: string) => void): void {
    this.#corruptions += 1;
    try {
      keep(this.#path, path);
      this.#logger.error('corrupt state file moved aside', {
        consequence,
        kept: basename(path),
      });
    } catch (error) {
      this.#logger.error('corrupt state file could not be moved aside', {
        consequence,
        error: reasonOf(error),
      });
    }
  }

  #report(step: 'open' | 'write', outcome: CommitOutcome): CommitOutcome {
    const before = this.#failures.get(step);
    if (outcome.state === 'saved') this.#failures.delete(step);
    else this.#failures.set(step, outcome.reason);
    const now = this.#failures.get(step);
    if (now !== undefined && now !== before) this.#logger.error('failed to save state', { reason: now });
    if (now === undefined && before !== undefined) this.#logger.info('state is saved again');
    this.#observe({ saved: this.#failures.size === 0, corruptions: this.#corruptions });
    return outcome;
  }
}

/** Where the state lies below the storage path. */
export function statePath(folder: string): string {
  return join(folder, 'state.json');
}

/** The sections of a state file. Throws a system error where the file cannot be read. */
export function readSections(path: string): SectionsOutcome {
  let text: string;
  try {
    text = readRegularSync(path, MAX_BYTES);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { state: 'absent' };
    if (codeOf(error) === 'EFBIG') return { state: 'not_understood' };
    throw error;
  }
  const value = parseJson(text);
  const parsed = envelope.safeParse(value);
  if (!parsed.success) {
    const written = newer.safeParse(value).data;
    return written === undefined ? { state: 'not_understood' } : { state: 'newer', version: written.version };
  }
  return { state: 'read', sections: new Map(Object.entries(parsed.data.sections)) };
}

type SectionsOutcome =
  | { readonly state: 'absent' }
  | { readonly state: 'not_understood' }
  /** Written by an exporter that came later than this one. */
  | { readonly state: 'newer'; readonly version: number }
  | { readonly state: 'read'; readonly sections: ReadonlyMap<string, unknown> };

/** Each section's JSON in pieces. */
type Sections = ReadonlyMap<string, readonly string[]>;

function isSameText(pieces: readonly string[], before: readonly string[] | undefined): boolean {
  return pieces.length === before?.length && pieces.every((piece, index) => piece === before[index]);
}

/** The whole file's text. */
function* envelopeOf(sections: Sections): Generator<string> {
  yield `{"version":${VERSION},"sections":{`;
  let before = '';
  for (const [name, pieces] of sections) {
    yield `${before}${JSON.stringify(name)}:`;
    yield* pieces;
    before = ',';
  }
  yield '}}';
}

function notSaved(reason: string): CommitOutcome {
  return { state: 'not_saved', reason };
}

/**
 * Holds SQLite's exclusive lock until the database is closed or the process dies; undefined when another
 * one holds it. The lock file's content is worth nothing: one that is no database is replaced. Throws
 * when it cannot be used at all.
 */
function takeLock(path: string): DatabaseSync | undefined {
  // SQLite would make it readable by everybody, so that any local user could hold the lock; and it would open
  // a file that it may not write read-only, and "lock" it beside another process.
  ensurePrivateFile(path);
  try {
    return lockedDatabase(path);
  } catch (error) {
    if (sqliteCodeOf(error) === SQLITE_BUSY) return undefined;
    if (sqliteCodeOf(error) !== SQLITE_NOTADB) throw error;
    rmSync(path);
    ensurePrivateFile(path);
    return lockedDatabase(path);
  }
}

function lockedDatabase(path: string): DatabaseSync {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

function reasonOf(error: unknown): string {
  return sqliteCodeOf(error) === undefined && codeOf(error) !== undefined
    ? explainFileError(error)
    : messageOf(error);
}
