import { setImmediate as nextTurn } from 'node:timers/promises';
import { AUTH_METRICS } from '../../auth/gate.ts';
import type { Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { Slices } from '../../lib/slices.ts';
import type { Sample } from '../../metrics/family.ts';
import { agreementEvidence, CrossCheck } from './agreement.ts';
import { cronEvidence } from './evidence.ts';
import { CronLedger, ledgerSchema } from './ledger.ts';
import {
  CRON_FAMILIES,
  counterSamples,
  disagreeSample,
  jobCountSamples,
  jobSamples,
  overdueSamples,
  sourceSample,
  watchingSample,
} from './metrics.ts';
import { overdueEvidence } from './overdue.ts';
import { lateness, Punctuality } from './schedule/punctuality.ts';
import type { SourceReading } from './source/cron-source.ts';
import type { CronJob } from './source/records.ts';
import {
  ageOf,
  type CronSourceName,
  CronSources,
  certaintyOf,
  jobsOf,
  runsOf,
  wasImported,
} from './sources.ts';

const SECTION = 'cron';
const TARGET = 'jobs';
/** However quiet it is, everything is judged anew so often. */
const MAX_QUIET_MS = 5 * 60_000;

type Reading = readonly [name: CronSourceName, reading: SourceReading];
/** For how many seconds the next run of each job has been due; jobs that are never due are not in it. */
type Lateness = ReadonlyMap<CronJob, number>;
type StoredLedger = ReturnType<CronLedger['stored']>;

/** Cron: which jobs there are, how they ran, and exact counts of their runs, from every source the gateway has. */
export const cronCollector = defineCollector({
  name: 'cron',
  layer: 'cron',
  defaults: { intervalMs: 15_000, timeoutMs: 10_000 },
  after: [],
  publishes: [],
  metrics: [...CRON_FAMILIES, ...AUTH_METRICS],
  create(context, { timeoutMs }) {
    const watch = new CronWatch(context, timeoutMs * 0.8);
    return {
      targets: () => [{ name: TARGET, timeoutMs: timeoutMs * 0.9, collect: (signal) => watch.look(signal) }],
      close: () => watch.close(),
    };
  },
});

/** The last look, and until when the next one says the same where every source does. */
interface QuietLook {
  readonly readings: readonly Reading[];
  readonly observation: Observation;
  readonly fromMs: number;
  readonly untilMs: number;
}

function saysTheSame(
  { readings, fromMs, untilMs }: QuietLook,
  now: readonly Reading[],
  nowMs: number,
): boolean {
  if (nowMs < fromMs || nowMs >= untilMs || readings.length !== now.length) return false;
  return now.every(([name, reading], index) => {
    const before = readings[index];
    return before !== undefined && before[0] === name && isSameReading(before[1], reading);
  });
}

/** Sources hand in the same object where nothing changed; of what they cannot read there is none. */
function isSameReading(one: SourceReading, other: SourceReading): boolean {
  if (one === other) return true;
  if (one.state === 'unreadable') return other.state === 'unreadable' && one.reason === other.reason;
  return one.state === 'absent' && other.state === 'absent';
}

/** Looks at all sources, keeps the ledger, and shows of it only what is on disk. */
class CronWatch {
  readonly #context: CollectorContext;
  readonly #sources: CronSources;
  readonly #punctuality: Punctuality;
  readonly #crossCheck = new CrossCheck();
  /** Counts and cursors as they are now; may be ahead of the disk. */
  #ledger: CronLedger;
  /** Whether `#ledger` went on from what the state file held. */
  #loaded = false;
  /** What the state file holds for certain. */
  #saved: StoredLedger | undefined;
  /** Since when held-back entries have been shown, by this process's monotonic clock. */
  readonly #heldSince = new Map<string, number>();
  #quiet: QuietLook | undefined;

  constructor(context: CollectorContext, sourceTimeoutMs: number) {
    this.#context = context;
    this.#sources = new CronSources(context, sourceTimeoutMs);
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    this.#punctuality = new Punctuality({ graceMs: context.config.cron.grace, timeZone });
    this.#ledger = CronLedger.startingAt(context.clock.now());
  }

  async look(signal: AbortSignal): Promise<Observation> {
    this.#load();
    const readings = await this.#readAll(signal);
    signal.throwIfAborted();
    const nowMs = this.#context.clock.now();
    const quiet = this.#quiet;
    if (quiet !== undefined && saysTheSame(quiet, readings, nowMs)) return quiet.observation;
    const jobs = this.#enter(readings, nowMs);
    // Not cut here: what was entered is judged in any case.
    await nextTurn();
    // What ran since the jobs were told is not known yet: it must not count as missed.
    await this.#punctuality.judge(jobs, runsOf(readings), this.#ledger, nowMs - ageOf(readings));
    if (wasImported(readings)) this.#ledger.markSource('jsonl', false);
    this.#release();
    // With thousands of jobs each of these steps takes tens of milliseconds; scrapes are served between them.
    await nextTurn();
    signal.throwIfAborted();
    const changed = this.#ledger.dirty;
    const notSaved = await this.#save();
    this.#noteHeld();
    await nextTurn();
    signal.throwIfAborted();
    const observation = await this.#observe(readings, jobs, notSaved, nowMs);
    const untilMs = changed ? nowMs : this.#quietUntil(readings, jobs, nowMs);
    this.#quiet = { readings, observation, fromMs: nowMs, untilMs };
    return observation;
  }

  /** Until when the same readings would be judged the same; not beyond `nowMs` where time itself changes something. */
  #quietUntil(readings: readonly Reading[], jobs: readonly CronJob[], nowMs: number): number {
    // The gateway's own word is compared with the store over time.
    const hasApi = readings.some(([name, { state }]) => name === 'api' && state !== 'absent');
    if (hasApi || this.#heldSince.size > 0) return nowMs;
    const jobsUntilMs = this.#punctuality.quietUntil(jobs, this.#ledger, nowMs);
    return Math.min(jobsUntilMs, this.#ledger.removedUntil(nowMs), nowMs + MAX_QUIET_MS);
  }

  /** Takes up the state file's ledger as soon as the file is ours; until then counts are kept but not shown. */
  #load(): void {
    if (this.#loaded || this.#context.state.open().state === 'not_saved') return;
    this.#loaded = true;
    this.#quiet = undefined;
    const stored = this.#context.state.read(SECTION, ledgerSchema);
    if (stored === undefined) return;
    this.#ledger = CronLedger.from(stored);
    this.#saved = stored;
  }

  async close(): Promise<void> {
    await this.#sources.close();
  }

  async #readAll(signal: AbortSignal): Promise<Reading[]> {
    const reading = this.#sources.all().map(async ([name, source]): Promise<Reading> => {
      return [name, await source.read(this.#ledger.cursor(name), this.#ledger.sinceMs, signal)];
    });
    return Promise.all(reading);
  }

  /** Enters what was read into the ledger; gives the jobs that exist. */
  #enter(readings: readonly Reading[], nowMs: number): CronJob[] {
    const ledger = this.#ledger;
    ledger.assignSlots(this.#context.config.cron.max_jobs, nowMs);
    const jobs = jobsOf(readings);
    for (const job of jobs.values()) {
      ledger.present(job.id, job.name, nowMs);
      const successMs = job.lastRunStatus === 'ok' ? job.lastRunAtMs : undefined;
      if (successMs !== undefined) ledger.learnSuccess(job.id, successMs);
    }
    const certain = certaintyOf(readings, (name) => ledger.hasSeen(name));
    ledger.removeWhere((id) => !jobs.has(id) && certain(id), nowMs);
    for (const [name, reading] of readings) this.#enterReading(name, reading, nowMs);
    return [...jobs.values()];
  }

  #enterReading(name: CronSourceName, reading: SourceReading, nowMs: number): void {
    const ledger = this.#ledger;
    if (reading.state === 'unreadable') return;
    if (reading.state === 'read') {
      for (const run of reading.runs) ledger.countRun(run, nowMs);
      for (const [id, atMs] of reading.lastSuccesses) ledger.learnSuccess(id, atMs);
      ledger.markSource(name, true);
    }
    if (reading.cursor !== undefined && ledger.cursor(name) !== reading.cursor) {
      ledger.moveCursor(name, reading.cursor);
    }
  }

  #release(): void {
    const { clock, config } = this.#context;
    for (const [id, sinceMs] of this.#heldSince) {
      if (clock.monotonic() - sinceMs >= config.cron.publish_delay) this.#ledger.release(id);
    }
  }

  /** Why nothing could be saved, or undefined when all is on disk. */
  async #save(): Promise<string | undefined> {
    if (!this.#ledger.dirty) return undefined;
    const stored = this.#ledger.stored();
    const outcome = await this.#context.state.commit(SECTION, stored);
    if (outcome.state === 'unconfirmed') return outcome.reason;
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

  /** What is shown of the readings and of what the state file holds; `notSaved` says why it holds no more. */
  async #observe(
    readings: readonly Reading[],
    jobs: readonly CronJob[],
    notSaved: string | undefined,
    nowMs: number,
  ): Promise<Observation> {
    const agreement = this.#crossCheck.judge(readings, nowMs);
    const late = await this.#lateness(jobs, nowMs);
    const samples = await this.#samples(readings, jobs, late, nowMs);
    samples.push(...disagreeSample(agreement?.disagree));
    const due = [...late].map(([job, lateSeconds]) => ({ job, lateSeconds }));
    const lost = (name: string) => this.#ledger.hasSeen(name);
    return {
      kind: 'seen',
      samples,
      evidence: [
        ...cronEvidence({ readings, lost, jobs, notSaved }),
        ...overdueEvidence(due, this.#context.config.cron.grace / 1000),
        ...agreementEvidence(agreement),
      ],
    };
  }

  async #samples(
    readings: readonly Reading[],
    jobs: readonly CronJob[],
    late: Lateness,
    nowMs: number,
  ): Promise<Sample[]> {
    const samples: Sample[] = [];
    const slices = new Slices();
    for (const list of this.#sampleLists(readings, jobs, late, nowMs)) {
      samples.push(...list);
      await slices.pause();
    }
    return samples;
  }

  *#sampleLists(
    readings: readonly Reading[],
    jobs: readonly CronJob[],
    late: Lateness,
    nowMs: number,
  ): Generator<readonly Sample[]> {
    if (this.#saved !== undefined) yield* counterSamples(this.#saved.jobs, this.#saved.other, nowMs);
    for (const job of jobs) {
      const entry = this.#ledger.get(job.id);
      if (entry?.slot !== 'own') continue;
      yield jobSamples(job, entry);
      yield overdueSamples(job, late.get(job));
    }
    if (readings.some(([, { state }]) => state === 'read')) yield jobCountSamples(jobs);
    for (const [name, reading] of readings) yield this.#sourceSamples(name, reading);
  }

  #sourceSamples(name: CronSourceName, reading: SourceReading): Sample[] {
    if (reading.state === 'absent' && !this.#ledger.hasSeen(name)) return [];
    const up = sourceSample(name, reading.state === 'read');
    return reading.state === 'read' ? [up, ...watchingSample(reading.watching)] : [up];
  }

  /** Of all jobs, those beyond the limit of series too: whether cron has stopped is told by all of them together. */
  async #lateness(jobs: readonly CronJob[], nowMs: number): Promise<Lateness> {
    const late = new Map<CronJob, number>();
    const slices = new Slices();
    for (const job of jobs) {
      const lateSeconds = lateness(job, this.#ledger.get(job.id), nowMs);
      if (lateSeconds !== undefined) late.set(job, lateSeconds);
      await slices.pause();
    }
    return late;
  }
}
