import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../lib/logger.ts';
import { LAYERS } from '../lib/vocabulary.ts';
import type { DatabaseThread } from './database-thread.ts';
import type { ResultRows, Statement } from './database-worker.ts';

const FILE = 'journal.sqlite';
/** With its write-ahead log the journal stays below 32 MiB. */
const MAX_BYTES = 30 * 1024 * 1024;
/** For so long an entry is kept, milliseconds. */
export const JOURNAL_KEPT_MS = 30 * 86_400_000;
/** Most entries of each ring; none evicts an entry of another. */
const RING_ROWS = { events: 10_000, layerChanges: 10_000, subjectChanges: 10_000, runs: 400_000 };
/** Most characters of a text, and of a subject or name. */
const MAX_TEXT = 200;
const MAX_SUBJECT = 100;

const SCHEMA = `
  CREATE TABLE spans (id INTEGER PRIMARY KEY, began_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, version TEXT NOT NULL) STRICT;
  CREATE TABLE events (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, began_ms INTEGER NOT NULL, ended_ms INTEGER,
    severity TEXT, cause TEXT, layer TEXT, subject TEXT, text TEXT NOT NULL, detail TEXT, times INTEGER NOT NULL,
    unseen INTEGER NOT NULL, runs_before INTEGER, runs INTEGER) STRICT;
  CREATE TABLE changes (id INTEGER PRIMARY KEY, layer TEXT NOT NULL, subject TEXT NOT NULL, before TEXT, after TEXT NOT NULL,
    began_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, count INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE jobs (id INTEGER PRIMARY KEY, job TEXT NOT NULL UNIQUE, name TEXT NOT NULL, failed INTEGER NOT NULL,
    missed INTEGER NOT NULL, error TEXT) STRICT;
  CREATE TABLE runs (hour INTEGER NOT NULL, job INTEGER NOT NULL, failed INTEGER NOT NULL, missed INTEGER NOT NULL,
    PRIMARY KEY (hour, job)) STRICT, WITHOUT ROWID;
  CREATE TABLE seen (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`;

const verdict = z.enum(['ok', 'warning', 'bad', 'unknown']);
const ms = z.number();

/** A time in which the exporter ran and judged. Times are wall times, milliseconds since the epoch, in all of these. */
const spanRow = z.object({ id: z.int(), began_ms: ms, ended_ms: ms, version: z.string() });
const eventRow = z.object({
  id: z.int(),
  kind: z.enum(['incident', 'restart', 'version']),
  began_ms: ms,
  /** Null while an incident lasts. */
  ended_ms: ms.nullable(),
  severity: z.enum(['warning', 'critical']).nullable(),
  cause: z.enum(['network', 'process', 'authentication', 'partial-failure', 'cron']).nullable(),
  layer: z.enum(LAYERS).nullable(),
  subject: z.string().nullable(),
  text: z.string(),
  /** What the other side reported, redacted. */
  detail: z.string().nullable(),
  /** How often it began again soon after it had ended. */
  times: z.int(),
  /** 1: it ended while the exporter did not run, at the latest at `ended_ms`. */
  unseen: z.int(),
  /** All runs of jobs counted when it began, and how many ended meanwhile; null where that is not known. */
  runs_before: z.int().nullable(),
  runs: z.int().nullable(),
});
const changeRow = z.object({
  id: z.int(),
  layer: z.enum(LAYERS),
  /** Empty: the layer as a whole. */
  subject: z.string(),
  before: verdict.nullable(),
  after: verdict,
  began_ms: ms,
  /** After `began_ms` where many changes are one entry. */
  ended_ms: ms,
  count: z.int(),
  text: z.string(),
});
const jobRow = z.object({
  id: z.int(),
  job: z.string(),
  name: z.string(),
  failed: z.int(),
  missed: z.int(),
  error: z.string().nullable(),
});

/** When the exporter ran. */
export type SpanRow = z.output<typeof spanRow>;
/** An incident, a restart of the gateway, or a change of its version. */
export type EventRow = z.output<typeof eventRow>;
/** A change of verdict, or many of them that followed each other closely. */
export type ChangeRow = z.output<typeof changeRow>;
/** A job whose failed or missed runs are kept, with the totals that are accounted for. */
export type JobRow = z.output<typeof jobRow>;

/** What the recorder goes on from after a restart. */
export interface JournalTail {
  /** The last one; undefined in an empty journal. */
  readonly span: SpanRow | undefined;
  /** Those that last, and those that ended after a given time. */
  readonly events: readonly EventRow[];
  readonly lastEventId: number;
  /** The last one of each subject, and those that ended after a given time; oldest first. */
  readonly changes: readonly ChangeRow[];
  readonly lastChangeId: number;
  readonly jobs: readonly JobRow[];
  readonly seen: ReadonlyMap<string, string>;
}

/** Where the journal lies below the storage path. */
export function journalPath(folder: string): string {
  return join(folder, FILE);
}

/** Replaces or adds one row of a table. Column names are this program's own. */
export function putRow(table: 'spans' | 'events' | 'changes' | 'jobs', row: object): Statement {
  const columns = Object.keys(row);
  const values = Object.values(row).map((value) => (typeof value === 'string' ? value : (value as number)));
  const marks = columns.map(() => '?').join(', ');
  return [`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${marks})`, ...values];
}

/** Adds to the runs of a job in an hour; `hour` is hours since the epoch. */
export function addRuns(hour: number, job: number, failed: number, missed: number): Statement {
  const sql = `INSERT INTO runs (hour, job, failed, missed) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, missed = missed + excluded.missed`;
  return [sql, hour, job, failed, missed];
}

/** Notes what was seen last of something, for the comparison after a restart. */
export function putSeen(name: string, value: string): Statement {
  return ['INSERT OR REPLACE INTO seen (name, value) VALUES (?, ?)', name, value];
}

/** Removes one change that is part of another entry now. */
export function dropChange(id: number): Statement {
  return ['DELETE FROM changes WHERE id = ?', id];
}

/** Removes what is too old and what is beyond each ring. */
export function pruneJournal(nowMs: number): Statement[] {
  const oldestMs = nowMs - JOURNAL_KEPT_MS;
  const hour = Math.floor(oldestMs / 3_600_000);
  const beyond = (table: string, where: string, rows: number): Statement => [
    `DELETE FROM ${table} WHERE ${where} AND id <= (SELECT id FROM ${table} WHERE ${where} ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    rows,
  ];
  return [
    ['DELETE FROM spans WHERE ended_ms < ?', oldestMs],
    ['DELETE FROM events WHERE ended_ms < ?', oldestMs],
    // The last change of a subject says what holds since.
    [
      'DELETE FROM changes WHERE ended_ms < ? AND id NOT IN (SELECT max(id) FROM changes GROUP BY layer, subject)',
      oldestMs,
    ],
    ['DELETE FROM runs WHERE hour < ?', hour],
    beyond('spans', 'id > 0', RING_ROWS.events),
    beyond('events', 'ended_ms IS NOT NULL', RING_ROWS.events),
    beyond('changes', "subject = ''", RING_ROWS.layerChanges),
    beyond('changes', "subject <> ''", RING_ROWS.subjectChanges),
    [
      `DELETE FROM runs WHERE (hour, job) <= (SELECT hour, job FROM runs ORDER BY hour DESC, job DESC LIMIT 1 OFFSET ?)`,
      RING_ROWS.runs,
    ],
  ];
}

/** A text as the journal keeps it. */
export function shorten(text: string, limit = MAX_TEXT): string {
  return text.length > limit ? `${text.slice(0, limit - 1).toWellFormed()}…` : text;
}

/** A subject or name as the journal keeps it. */
export function shortenSubject(text: string): string {
  return shorten(text, MAX_SUBJECT);
}

/** The journal's file, opened and written in the thread of the exporter's databases. */
export class Journal {
  readonly #path: string;
  readonly #thread: DatabaseThread;
  readonly #logger: Logger;
  #failure: string | undefined;

  constructor(folder: string, thread: DatabaseThread, logger: Logger) {
    this.#path = journalPath(folder);
    this.#thread = thread;
    this.#logger = logger;
  }

  /** Opens it and reads what to go on from; undefined where that is impossible now. `sinceMs`: how far back. Never rejects. */
  async open(sinceMs: number): Promise<JournalTail | undefined> {
    const opened = await this.#thread.open(this.#path, { schema: SCHEMA, version: 1, maxBytes: MAX_BYTES });
    if (opened.state === 'failed') return this.#fail(opened.reason);
    if (opened.state === 'opened' && opened.setAside !== undefined) {
      const kept = basename(opened.setAside);
      this.#logger.error('journal that cannot be used moved aside; the history starts anew', { kept });
    }
    const rows = await this.#thread.read(this.#path, TAIL(sinceMs));
    return rows === undefined ? this.#fail('it cannot be read') : parseTail(rows);
  }

  /** Whether everything is on the disk. What failed may be in the file or not; `open` reads what is. Never rejects. */
  async write(statements: readonly Statement[]): Promise<boolean> {
    const answer = await this.#thread.write(this.#path, statements);
    if (answer.state === 'failed') {
      this.#fail(answer.reason);
      return false;
    }
    if (this.#failure !== undefined) this.#logger.info('the journal is written again');
    this.#failure = undefined;
    return true;
  }

  /** ResultRows of each statement; undefined where it cannot be read now. Never rejects. */
  read(statements: readonly Statement[]): Promise<readonly ResultRows[] | undefined> {
    return this.#thread.read(this.#path, statements);
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#thread.close(this.#path);
  }

  #fail(reason: string): undefined {
    if (this.#failure !== reason) this.#logger.error('the journal cannot be written', { reason });
    this.#failure = reason;
  }
}

const TAIL = (sinceMs: number): Statement[] => [
  ['SELECT * FROM spans ORDER BY id DESC LIMIT 1'],
  ['SELECT * FROM events WHERE ended_ms IS NULL OR ended_ms >= ? ORDER BY id', sinceMs],
  ['SELECT coalesce(max(id), 0) AS id FROM events'],
  [
    `SELECT * FROM changes WHERE ended_ms >= ? OR id IN (SELECT max(id) FROM changes GROUP BY layer, subject)
     ORDER BY id`,
    sinceMs,
  ],
  ['SELECT coalesce(max(id), 0) AS id FROM changes'],
  ['SELECT * FROM jobs ORDER BY id'],
  ['SELECT * FROM seen'],
];

const idRow = z.object({ id: z.int() });
const seenRow = z.object({ name: z.string(), value: z.string() });

function parseTail(rows: readonly ResultRows[]): JournalTail {
  const [spans = [], events = [], eventIds = [], changes = [], changeIds = [], jobs = [], seen = []] = rows;
  return {
    span: z.array(spanRow).parse(spans)[0],
    events: z.array(eventRow).parse(events),
    lastEventId: z.array(idRow).parse(eventIds)[0]?.id ?? 0,
    changes: z.array(changeRow).parse(changes),
    lastChangeId: z.array(idRow).parse(changeIds)[0]?.id ?? 0,
    jobs: z.array(jobRow).parse(jobs),
    seen: new Map(
      z
        .array(seenRow)
        .parse(seen)
        .map(({ name, value }) => [name, value]),
    ),
  };
}

/** Most entries of one kind in one reading. */
const MAX_READ = 10_000;

const jobRunsRow = z.object({
  job: z.string(),
  name: z.string(),
  error: z.string().nullable(),
  failed: z.int(),
  missed: z.int(),
  first_hour: z.int(),
  last_hour: z.int(),
});
const hourRow = z.object({ hour: z.int(), job: z.string(), failed: z.int(), missed: z.int() });

/** Failed and missed runs of a job in the time that was asked for. */
export type JobRunsRow = z.output<typeof jobRunsRow>;
/** Failed and missed runs of a job in one hour; `hour` is hours since the epoch. */
export type HourRow = z.output<typeof hourRow>;

/** The part of the journal that touches a time. */
export interface JournalExtract {
  readonly spans: readonly SpanRow[];
  readonly events: readonly EventRow[];
  /** Oldest first; with the last one before the time of each layer, which says how it began. */
  readonly changes: readonly ChangeRow[];
  readonly jobs: readonly JobRunsRow[];
  readonly hours: readonly HourRow[];
}

/**
 * What {@link parseExtract} takes the rows of; `fromMs` is when the time begins that is asked for. A brief extract has
 * no runs, and of changes those of the layers.
 */
export function selectExtract(fromMs: number, isBrief = false): Statement[] {
  const hour = Math.floor(fromMs / 3_600_000);
  const statements: Statement[] = [
    ['SELECT * FROM spans WHERE ended_ms >= ? ORDER BY id DESC LIMIT ?', fromMs, MAX_READ],
    [
      'SELECT * FROM events WHERE ended_ms IS NULL OR ended_ms >= ? ORDER BY id DESC LIMIT ?',
      fromMs,
      MAX_READ,
    ],
    [
      `SELECT * FROM changes WHERE (ended_ms >= ? AND (subject = '' OR NOT ?))
       OR id IN (SELECT max(id) FROM changes WHERE ended_ms < ? AND subject = '' GROUP BY layer)
       ORDER BY id DESC LIMIT ?`,
      fromMs,
      isBrief ? 1 : 0,
      fromMs,
      MAX_READ,
    ],
  ];
  if (isBrief) return statements;
  return [
    ...statements,
    [
      `SELECT jobs.job, jobs.name, jobs.error, sum(runs.failed) AS failed, sum(runs.missed) AS missed,
         min(runs.hour) AS first_hour, max(runs.hour) AS last_hour
       FROM runs JOIN jobs ON jobs.id = runs.job WHERE runs.hour >= ? GROUP BY runs.job
       ORDER BY sum(runs.failed) + sum(runs.missed) DESC, jobs.job LIMIT ?`,
      hour,
      MAX_READ,
    ],
    [
      `SELECT runs.hour, jobs.job, runs.failed, runs.missed FROM runs JOIN jobs ON jobs.id = runs.job
       WHERE runs.hour >= ? ORDER BY runs.hour DESC, runs.job DESC LIMIT ?`,
      hour,
      MAX_READ,
    ],
  ];
}

/** What was read with {@link selectExtract}. */
export function parseExtract(rows: readonly ResultRows[]): JournalExtract {
  const [spans = [], events = [], changes = [], jobs = [], hours = []] = rows;
  return {
    spans: z.array(spanRow).parse(spans).reverse(),
    events: z.array(eventRow).parse(events).reverse(),
    changes: z.array(changeRow).parse(changes).reverse(),
    jobs: z.array(jobRunsRow).parse(jobs),
    hours: z.array(hourRow).parse(hours).reverse(),
  };
}
