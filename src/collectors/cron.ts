import type { Sample } from '../registry/family.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import { createFilesSource } from '../sources/cron-files.ts';
import type { CronJob } from '../sources/cron-records.ts';
import type { CronSource, SourceReading } from '../sources/cron-source.ts';
import { createSqliteSource } from '../sources/cron-sqlite.ts';
import type { Evidence, Observation } from './collector.ts';
import type { CollectorContext, CollectorFactory } from './context.ts';
import { cronEvidence } from './cron-evidence.ts';
import { CRON_FAMILIES, counterSamples, jobCountSamples, jobSamples, sourceSample } from './cron-metrics.ts';
import { CronLedger, ledgerSchema } from './cron-totals.ts';

const SECTION = 'cron';
const TARGET = 'jobs';

export type SourceName = 'sqlite' | 'jsonl';
type Readings = Readonly<Record<SourceName, SourceReading>>;
type StoredLedger = ReturnType<CronLedger['stored']>;

/** Cron: which jobs there are, how they ran, and exact counts of their runs, from every source the gateway has. */
export const cronCollector: CollectorFactory = (context, settings) => {
  const watch = new CronWatch(context, settings.timeoutMs * 0.8);
  return {
    name: 'cron',
    ...settings,
    families: CRON_FAMILIES,
    targets: () => [
      { name: TARGET, timeoutMs: settings.timeoutMs * 0.9, collect: (signal) => watch.look(signal) },
    ],
  };
};

/** Looks at all sources, keeps the ledger, and shows of it only what is on disk. */
class CronWatch {
  readonly #context: CollectorContext;
  readonly #sourceTimeoutMs: number;
  #sources: { stateDir: string; sources: Record<SourceName, GuardedSource> } | undefined;
  /** Counts and cursors as they are now; may be ahead of the disk. */
  #ledger: CronLedger;
  /** Whether `#ledger` went on from what the state file held. */
  #loaded = false;
  /** What the state file holds for certain. */
  #saved: StoredLedger | undefined;
  /** Since when held-back entries have been shown, by this process's monotonic clock. */
  readonly #heldSince = new Map<string, number>();

  constructor(context: CollectorContext, sourceTimeoutMs: number) {
    this.#context = context;
    this.#sourceTimeoutMs = sourceTimeoutMs;
    this.#ledger = CronLedger.startingAt(context.clock.now());
  }

  async look(signal: AbortSignal): Promise<Observation> {
    this.#load();
    const readings = await this.#readAll(signal);
    signal.throwIfAborted();
    const nowMs = this.#context.clock.now();
    const jobs = this.#enter(readings, nowMs);
    this.#release();
    const notSaved = this.#save();
    this.#noteHeld();
    return {
      kind: 'seen',
      samples: this.#samples(readings, jobs, nowMs),
      evidence: this.#evidence(readings, jobs, notSaved),
    };
  }

  /** Takes up the state file's ledger as soon as the file is ours; until then counts are kept but not shown. */
  #load(): void {
    if (this.#loaded || this.#context.state.open().state === 'not_saved') return;
    this.#loaded = true;
    const stored = this.#context.state.read(SECTION, ledgerSchema);
    if (stored === undefined) return;
    this.#ledger = CronLedger.from(stored);
    this.#saved = stored;
  }

  async #readAll(signal: AbortSignal): Promise<Readings> {
    const { sqlite, jsonl } = this.#sourcesOf(this.#context.install().stateDir);
    const read = (source: GuardedSource, name: SourceName) =>
      source.read(this.#ledger.cursor(name), this.#ledger.sinceMs, signal);
    const [fromSqlite, fromJsonl] = await Promise.all([read(sqlite, 'sqlite'), read(jsonl, 'jsonl')]);
    return { sqlite: fromSqlite, jsonl: fromJsonl };
  }

  #sourcesOf(stateDir: string): Record<SourceName, GuardedSource> {
    if (this.#sources?.stateDir !== stateDir) {
      const { clock } = this.#context;
      const guard = (source: CronSource) => new GuardedSource(source, this.#sourceTimeoutMs, clock);
      const sqlite = guard(createSqliteSource({ stateDir, now: () => clock.now() }));
      this.#sources = { stateDir, sources: { sqlite, jsonl: guard(createFilesSource({ stateDir })) } };
    }
    return this.#sources.sources;
  }

  /** Enters what was read into the ledger; gives the jobs that exist. */
  #enter(readings: Readings, nowMs: number): CronJob[] {
    const ledger = this.#ledger;
    ledger.assignSlots(this.#context.config.cron.max_jobs, nowMs);
    const jobs = jobsOf(readings);
    for (const job of jobs.values()) {
      ledger.present(job.id, job.name, nowMs);
      if (job.lastRunStatus === 'ok' && job.lastRunAtMs !== undefined)
        ledger.learnSuccess(job.id, job.lastRunAtMs);
    }
    if (isComplete(readings, ledger)) ledger.removeWhere((id) => !jobs.has(id), nowMs);
    for (const [name, reading] of entriesOf(readings)) {
      if (reading.state === 'read') this.#enterReading(name, reading, nowMs);
    }
    // After the import into the database the files are gone for good, not lost.
    if (readings.jsonl.state === 'absent' && readings.sqlite.state === 'read')
      ledger.markSource('jsonl', false);
    return [...jobs.values()];
  }

  #enterReading(name: SourceName, reading: Extract<SourceReading, { state: 'read' }>, nowMs: number): void {
    const ledger = this.#ledger;
    for (const run of reading.runs) ledger.countRun(run, nowMs);
    for (const [id, atMs] of reading.lastSuccesses) ledger.learnSuccess(id, atMs);
    if (ledger.cursor(name) !== reading.cursor) ledger.moveCursor(name, reading.cursor);
    ledger.markSource(name, true);
  }

  #release(): void {
    const { clock, config } = this.#context;
    for (const [id, sinceMs] of this.#heldSince) {
      if (clock.monotonic() - sinceMs >= config.cron.publish_delay) this.#ledger.release(id);
    }
  }

  /** Why nothing could be saved, or undefined when all is on disk. */
  #save(): string | undefined {
    if (!this.#ledger.dirty) return undefined;
    const stored = this.#ledger.stored();
    const outcome = this.#context.state.commit(SECTION, stored);
    if (outcome.state === 'not_saved') {
      // What is on disk decides, whoever wrote it: from its cursors everything since is found again.
      this.#loaded = false;
      return outcome.reason;
    }
    this.#saved = stored;
    this.#ledger.dirty = false;
    return undefined;
  }

  /** The delay of a held-back entry runs from when it is first shown. */
  #noteHeld(): void {
    const held = new Set(
      (this.#saved?.jobs ?? []).filter((entry) => entry.held !== undefined).map(({ id }) => id),
    );
    for (const id of this.#heldSince.keys()) if (!held.has(id)) this.#heldSince.delete(id);
    for (const id of held) {
      if (!this.#heldSince.has(id)) this.#heldSince.set(id, this.#context.clock.monotonic());
    }
  }

  #samples(readings: Readings, jobs: readonly CronJob[], nowMs: number): Sample[] {
    const counters =
      this.#saved === undefined ? [] : counterSamples(this.#saved.jobs, this.#saved.other, nowMs);
    const own = jobs.filter(({ id }) => this.#ledger.get(id)?.slot === 'own');
    const anyRead = entriesOf(readings).some(([, { state }]) => state === 'read');
    return [
      ...counters,
      ...own.flatMap((job) => jobSamples(job, this.#ledger.get(job.id))),
      ...(anyRead ? jobCountSamples(jobs) : []),
      ...entriesOf(readings).flatMap(([name, reading]) => this.#sourceSamples(name, reading)),
    ];
  }

  #sourceSamples(name: SourceName, reading: SourceReading): Sample[] {
    if (reading.state === 'absent' && !this.#ledger.hasSeen(name)) return [];
    return [sourceSample(name, reading.state === 'read')];
  }

  #evidence(readings: Readings, jobs: readonly CronJob[], notSaved: string | undefined): Evidence[] {
    const lost = (name: string) => this.#ledger.hasSeen(name);
    return cronEvidence({ readings: entriesOf(readings), lost, jobs, notSaved });
  }
}

/** A source that never throws, never takes longer than its deadline, and is not asked again before it has let go. */
class GuardedSource {
  readonly #source: CronSource;
  readonly #timeoutMs: number;
  readonly #clock: CollectorContext['clock'];
  #underWay = false;

  constructor(source: CronSource, timeoutMs: number, clock: CollectorContext['clock']) {
    this.#source = source;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  async read(cursor: unknown, sinceMs: number, outer: AbortSignal): Promise<SourceReading> {
    if (this.#underWay) return { state: 'unreadable', reason: 'the look before has not ended yet' };
    const cut = new AbortController();
    const signal = AbortSignal.any([outer, cut.signal]);
    let cancel: () => void = () => undefined;
    const late = new Promise<SourceReading>((resolve) => {
      const reason = `no answer in ${this.#timeoutMs} ms`;
      cancel = this.#clock.after(this.#timeoutMs, () => {
        cut.abort(new Error(reason));
        resolve({ state: 'unreadable', reason });
      });
    });
    try {
      return await Promise.race([this.#readOnce(cursor, sinceMs, signal), late]);
    } finally {
      cancel();
    }
  }

  async #readOnce(cursor: unknown, sinceMs: number, signal: AbortSignal): Promise<SourceReading> {
    this.#underWay = true;
    try {
      return await this.#source.read(cursor, sinceMs, signal);
    } catch (error) {
      // The message of a system error holds the path.
      return { state: 'unreadable', reason: codeOf(error) ?? messageOf(error) };
    } finally {
      this.#underWay = false;
    }
  }
}

/** All jobs by id; where two sources tell the same job, the database's word counts. */
function jobsOf(readings: Readings): Map<string, CronJob> {
  const jobs = new Map<string, CronJob>();
  for (const [, reading] of entriesOf(readings)) {
    if (reading.state !== 'read') continue;
    for (const job of reading.jobs) if (!jobs.has(job.id)) jobs.set(job.id, job);
  }
  return jobs;
}

/** Whether a job that no source tells is really gone: every source that ever told of jobs is readable. */
function isComplete(readings: Readings, ledger: CronLedger): boolean {
  const entries = entriesOf(readings);
  const migrated = readings.sqlite.state === 'read' && readings.jsonl.state === 'absent';
  const isLost = ([name, { state }]: [SourceName, SourceReading]) =>
    state === 'unreadable' || (state === 'absent' && ledger.hasSeen(name) && !(name === 'jsonl' && migrated));
  return entries.some(([, { state }]) => state === 'read') && !entries.some(isLost);
}

function entriesOf(readings: Readings): [SourceName, SourceReading][] {
  return [
    ['sqlite', readings.sqlite],
    ['jsonl', readings.jsonl],
  ];
}
