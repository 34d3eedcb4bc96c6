import { setImmediate as nextTurn } from 'node:timers/promises';
import { AUTH_METRICS } from '../../auth/gate.ts';
import type { Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { homeFolder } from '../../lib/paths.ts';
import type { KnownSecrets } from '../../lib/redact.ts';
import { Slices } from '../../lib/slices.ts';
import { type CronSwitch, cronSwitch, SkipCronReader } from '../../openclaw/cron-switch.ts';
import { agreementEvidence, CrossCheck } from './agreement.ts';
import { claimEvidence, schedulerEvidence, stepEvidence, unmigratedEvidence } from './claims.ts';
import { disappearedEvidence, disappearedUntil, forgetDisappeared, noteVanished } from './disappeared.ts';
import { cronEvidence } from './evidence.ts';
import type { JobState } from './job-state.ts';
import { CronLedger } from './ledger.ts';
import { CRON_FAMILIES } from './metrics.ts';
import { collectSamples, type Findings, type Reading } from './observe.ts';
import { overdueEvidence } from './overdue.ts';
import { modelAccessEvidence } from './providers.ts';
import { disagreeSample, lastRunOf } from './samples.ts';
import { type ClockStep, ClockSteps } from './schedule/clock-steps.ts';
import { isLastRunInFuture } from './schedule/due.ts';
import { type Moment, Punctuality } from './schedule/punctuality.ts';
import type { SourceReading, SourceRun } from './source/cron-source.ts';
import {
  ageOf,
  type CronSourceName,
  CronSources,
  certaintyOf,
  collectJobs,
  type ExistingJobs,
  runsOf,
  wasImported,
} from './sources.ts';
import { ledgerSchema, type StoredLedger } from './totals.ts';

const SECTION = 'cron';
const TARGET = 'jobs';
/** However quiet it is, everything is judged anew so often. */
const MAX_QUIET_MS = 5 * 60_000;
/** How long a step of the clock is shown. */
const STEP_SHOWN_MS = 3_600_000;

/**
 * Cron: which jobs there are, how they ran, and exact counts of their runs, from
 * every source the gateway has.
 */
export const cronCollector = defineCollector({
  name: 'cron',
  layer: 'cron',
  defaults: { intervalMs: 15_000, timeoutMs: 10_000 },
  // Its API source is asked only once the token is proved.
  after: ['token'],
  publishes: ['channels', 'jobTotals'],
  metrics: [...CRON_FAMILIES, ...AUTH_METRICS],
  create(context, { timeoutMs }, publish) {
    const watch = new CronWatch(context, publish, timeoutMs * 0.8);
    return {
      targets: () => [{ name: TARGET, timeoutMs: timeoutMs * 0.9, collect: (signal) => watch.look(signal) }],
      close: () => watch.close(),
    };
  },
});

/** The last look, and until when the next one says the same where every source does. */
interface QuietLook {
  readonly readings: readonly Reading[];
  readonly scheduler: CronSwitch;
  readonly observation: Observation;
  readonly fromMs: number;
  readonly untilMs: number;
}

function saysTheSame(
  { readings, scheduler, fromMs, untilMs }: QuietLook,
  now: readonly Reading[],
  schedulerNow: CronSwitch,
  nowMs: number,
): boolean {
  if (nowMs < fromMs || nowMs >= untilMs || readings.length !== now.length) return false;
  if (scheduler.state !== schedulerNow.state) return false;
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
  readonly #publish: Publish<'channels' | 'jobTotals'>;
  readonly #sources: CronSources;
  readonly #punctuality: Punctuality;
  readonly #crossCheck = new CrossCheck();
  readonly #clockSteps: ClockSteps;
  /** The last step of the clock, and when it was noticed by the monotonic clock. */
  #step: { readonly step: ClockStep; readonly noticedMs: number } | undefined;
  /** Counts and cursors as they are now; may be ahead of the disk. */
  #ledger: CronLedger;
  /** Whether `#ledger` went on from what the state file held. */
  #loaded = false;
  /** What the state file holds for certain. */
  #saved: StoredLedger | undefined;
  /** Up to when the time is counted for which held-back entries have been shown, by the monotonic clock. */
  readonly #heldSince = new Map<string, number>();
  #quiet: QuietLook | undefined;
  readonly #skip: SkipCronReader;

  constructor(
    context: CollectorContext,
    publish: Publish<'channels' | 'jobTotals'>,
    sourceTimeoutMs: number,
  ) {
    this.#context = context;
    this.#publish = publish;
    this.#sources = new CronSources(context, publish, sourceTimeoutMs);
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    this.#punctuality = new Punctuality({ graceMs: context.config.cron.grace, timeZone });
    this.#clockSteps = new ClockSteps(context.clock);
    this.#skip = new SkipCronReader(() => context.clock.monotonic());
    this.#ledger = CronLedger.startingAt(context.clock.now());
  }

  async look(signal: AbortSignal): Promise<Observation> {
    this.#load();
    const [readings, scheduler] = await Promise.all([this.#readAll(signal), this.#readSwitch()]);
    signal.throwIfAborted();
    const nowMs = this.#context.clock.now();
    const step = this.#takeStep();
    const quiet = this.#quiet;
    if (step === undefined && quiet !== undefined && saysTheSame(quiet, readings, scheduler, nowMs)) {
      this.#ledger.noteSeen(nowMs);
      return quiet.observation;
    }
    const known = this.#enter(readings, nowMs);
    const findings: Findings = { readings, known, scheduler, nowMs };
    // Not cut here: what was entered is judged in any case.
    await nextTurn();
    await this.#judge(findings, step);
    if (wasImported(readings)) this.#ledger.markSource('jsonl', false);
    this.#release();
    // With thousands of jobs each of these steps takes tens of milliseconds; scrapes are served between them.
    await nextTurn();
    signal.throwIfAborted();
    const changed = this.#ledger.dirty;
    const notSaved = await this.#save();
    this.#publish('jobTotals', this.#saved?.jobs);
    this.#noteHeld();
    await nextTurn();
    signal.throwIfAborted();
    const observation = await this.#observe(findings, notSaved);
    const untilMs = changed ? nowMs : this.#quietUntil(findings);
    this.#quiet = { readings, scheduler, observation, fromMs: nowMs, untilMs };
    return observation;
  }

  /**
   * Until when the same readings would be judged the same; not beyond `nowMs` where
   * time itself changes something.
   */
  #quietUntil({ readings, known, nowMs }: Findings): number {
    // The gateway's own word is compared with the store over time.
    const hasApi = readings.some(([name, { state }]) => name === 'api' && state !== 'absent');
    if (hasApi || this.#heldSince.size > 0 || this.#step !== undefined) return nowMs;
    const jobsUntilMs = this.#punctuality.quietUntil([...known.jobs.values()], this.#ledger, nowMs);
    return Math.min(
      jobsUntilMs,
      this.#ledger.removedUntil(nowMs),
      disappearedUntil(this.#ledger.disappeared),
      nowMs + MAX_QUIET_MS,
    );
  }

  /**
   * Takes up the state file's ledger as soon as the file is ours; until then counts are kept but not shown.
   */
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

  async #readSwitch(): Promise<CronSwitch> {
    const { facts, env, install } = this.#context;
    const row = facts('process')?.row;
    const ofProcess = row === undefined ? ({ state: 'hidden' } as const) : await this.#skip.read(row);
    return cronSwitch(install().cron, ofProcess, env.OPENCLAW_SKIP_CRON);
  }

  /** A step of the wall clock since the last run. */
  #takeStep(): ClockStep | undefined {
    const { clock, logger } = this.#context;
    const step = this.#clockSteps.take();
    const noticedMs = clock.monotonic();
    if (step !== undefined) {
      this.#step = { step, noticedMs };
      logger.warn('wall clock was set', { collector: 'cron', seconds: Math.round(step.byMs / 1000) });
    } else if (this.#step !== undefined && noticedMs - this.#step.noticedMs > STEP_SHOWN_MS) {
      this.#step = undefined;
    }
    return step;
  }

  /** Enters what was read into the ledger; gives the jobs that exist. */
  #enter(readings: readonly Reading[], nowMs: number): ExistingJobs {
    const ledger = this.#ledger;
    const version = this.#context.install().writtenBy;
    ledger.assignSlots(this.#context.config.cron.max_jobs, nowMs);
    ledger.noteVersion(version, nowMs);
    const known = collectJobs(readings, version, (name) => ledger.hasSeen(name));
    const { jobs } = known;
    for (const job of jobs.values()) {
      const { id, name, origin, schedule, isSystemOwned } = job;
      ledger.present(
        { id, name, origin, isTransient: schedule.kind === 'at' || isSystemOwned === true },
        nowMs,
      );
      const successMs = job.lastRunStatus === 'ok' ? job.lastRunAtMs : undefined;
      if (successMs !== undefined) ledger.learnSuccess(id, successMs);
    }
    this.#removeGone(readings, known, nowMs);
    for (const [name, reading] of readings) this.#enterReading(name, reading, known, nowMs);
    ledger.noteSeen(nowMs);
    return known;
  }

  #removeGone(readings: readonly Reading[], { jobs, unmigrated }: ExistingJobs, nowMs: number): void {
    const ledger = this.#ledger;
    const certain = certaintyOf(readings, (name) => ledger.hasSeen(name));
    const gone = [...ledger.existing()].filter(({ id, origin }) => !jobs.has(id) && certain(origin));
    const left = new Set(unmigrated.map(({ id }) => id));
    const vanished = gone.filter(({ id }) => !left.has(id));
    const stay = [...jobs.values()].filter(({ origin }) => origin === 'gateway').length;
    if (vanished.length > 0) noteVanished(ledger, { vanished, left: stay, nowMs });
    forgetDisappeared(ledger, (id) => jobs.has(id) || left.has(id), nowMs);
    const ids = new Set(gone.map(({ id }) => id));
    ledger.removeWhere(({ id }) => ids.has(id), nowMs);
  }

  #enterReading(name: CronSourceName, reading: SourceReading, { jobs }: ExistingJobs, nowMs: number): void {
    const ledger = this.#ledger;
    if (reading.state === 'unreadable') return;
    if (reading.state === 'read') {
      const origin = name === 'logs' ? 'log' : 'gateway';
      const toReason = ({ jobId, runAtMs, errorReason }: SourceRun) => {
        // The state of the job tells the reason of its last run alone.
        const job = errorReason === undefined ? jobs.get(jobId) : undefined;
        return errorReason ?? (job?.lastRunAtMs === runAtMs ? job.lastErrorReason : undefined);
      };
      for (const run of reading.runs) ledger.countRun({ ...run, errorReason: toReason(run) }, origin, nowMs);
      for (const [id, atMs] of reading.lastSuccesses) ledger.learnSuccess(id, atMs);
      ledger.markSource(name, true);
    }
    if (reading.cursor !== undefined && ledger.cursor(name) !== reading.cursor) {
      ledger.moveCursor(name, reading.cursor);
    }
  }

  async #judge({ readings, known, scheduler, nowMs }: Findings, step: ClockStep | undefined): Promise<void> {
    const moment: Moment = {
      // What ran since the jobs were told is not known yet: it must not count as missed.
      nowMs: nowMs - ageOf(readings),
      isSchedulerOff: scheduler.state === 'off',
      gatewayStartedAtMs: this.#context.facts('process')?.startedAtMs,
      steppedToMs: step?.atMs,
    };
    await this.#punctuality.judge([...known.jobs.values()], runsOf(readings), this.#ledger, moment);
  }

  #release(): void {
    const { clock, config } = this.#context;
    for (const [id, sinceMs] of this.#heldSince) {
      const nowMs = clock.monotonic();
      this.#ledger.addHeldTime(id, nowMs - sinceMs);
      this.#heldSince.set(id, nowMs);
      const shownMs = this.#ledger.get(id)?.heldForMs ?? 0;
      if (shownMs >= config.cron.publish_delay) this.#ledger.release(id);
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

  /** The delay of a held-back entry runs while it is shown. */
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
  async #observe(findings: Findings, notSaved: string | undefined): Promise<Observation> {
    const { readings, known, scheduler, nowMs } = findings;
    const agreement = this.#crossCheck.judge(readings, nowMs);
    const jobs = await this.#assess(findings);
    const { models } = this.#context.install();
    const samples = await collectSamples({
      findings,
      jobs,
      saved: this.#saved,
      disappeared: this.#ledger.disappeared.length,
      models,
      wasSeen: (name) => this.#ledger.hasSeen(name),
    });
    samples.push(...disagreeSample(agreement?.disagree));
    const due = jobs.flatMap(({ job, standing }) => {
      return standing.lateSeconds === undefined ? [] : [{ job, lateSeconds: standing.lateSeconds }];
    });
    const lost = (name: string) => this.#ledger.hasSeen(name);
    return {
      kind: 'seen',
      samples,
      evidence: [
        ...cronEvidence({ readings, lost, jobs, notSaved, nowMs, known: this.#knownSecrets(), models }),
        ...schedulerEvidence(scheduler),
        ...modelAccessEvidence(jobs, models),
        ...overdueEvidence(due, this.#context.config.cron.grace / 1000),
        ...claimEvidence(jobs, nowMs),
        ...disappearedEvidence(this.#ledger.disappeared),
        ...unmigratedEvidence(known.unmigrated),
        ...stepEvidence(this.#step?.step),
        ...agreementEvidence(agreement),
      ],
    };
  }

  /** What must not be repeated of an error text that the gateway recorded. */
  #knownSecrets(): KnownSecrets {
    const { install, env } = this.#context;
    return { secrets: install().credentials.map(({ secret }) => secret), homes: [homeFolder(env)] };
  }

  /**
   * All jobs, those beyond the limit of series too: whether cron has stopped is told by all of them together.
   */
  async #assess({ known, nowMs }: Findings): Promise<JobState[]> {
    const states: JobState[] = [];
    const slices = new Slices();
    for (const job of known.jobs.values()) {
      const entry = this.#ledger.get(job.id);
      states.push({
        job,
        entry,
        standing: this.#punctuality.standing(job, entry, nowMs),
        last: lastRunOf(job, entry),
        isLastRunInFuture: isLastRunInFuture(job, nowMs),
      });
      await slices.pause();
    }
    return states;
  }
}
