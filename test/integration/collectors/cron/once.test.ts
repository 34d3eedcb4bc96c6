import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CronHarness, type CronLook, type Death } from '../../../support/cron-harness.ts';
import {
  FilesStore,
  RunLogStore,
  SqliteStore,
  type StoredRun,
  type StoredStatus,
} from '../../../support/cron-store.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

/** Sequences to try; more by hand: OPENCLAW_CRON_SEQUENCES=5000. */
const SEQUENCES = Number(process.env.OPENCLAW_CRON_SEQUENCES ?? 300);
const PUBLISH_DELAY_MS = 1_000;
const CONFIG = 'cron: { publish_delay: 1s, max_jobs: 3 }';
const STATUSES: readonly StoredStatus[] = ['ok', 'error', 'skipped', 'interrupted'];

/** Where a gateway keeps its runs; an upgrade leads to a later one. */
const AGES = ['files', 'run logs', 'sqlite'] as const;
type Age = (typeof AGES)[number];

type Event =
  | {
      readonly kind: 'runs';
      readonly job: number;
      readonly status: number;
      readonly count: number;
      readonly lost: boolean;
    }
  | { readonly kind: 'begin' | 'end' | 'rename' | 'remove' | 'recreate'; readonly job: number }
  | { readonly kind: 'prune'; readonly keep: number }
  | { readonly kind: 'look'; readonly times: number }
  | { readonly kind: 'die'; readonly death: Death }
  | {
      readonly kind:
        | 'kill'
        | 'upgrade'
        | 'upgrade far'
        | 'vanish'
        | 'return'
        | 'gateway stops'
        | 'gateway starts'
        | 'clock back';
    };

const job = fc.nat(4);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('runs' as const),
      job,
      status: fc.nat(STATUSES.length - 1),
      count: fc.oneof(
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 3 }) },
        { weight: 2, arbitrary: fc.constant(30) },
      ),
      lost: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'begin' as const,
        'end' as const,
        'rename' as const,
        'remove' as const,
        'recreate' as const,
      ),
      job,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('prune' as const), keep: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('look' as const), times: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      death: fc.constantFrom<Death>('before commit', 'after commit', 'commit fails', 'disk hangs'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'kill' as const,
        'upgrade' as const,
        'upgrade far' as const,
        'vanish' as const,
        'return' as const,
        'gateway stops' as const,
        'gateway starts' as const,
        'clock back' as const,
      ),
    }),
  },
);

/** A gateway's storage as it really is, the exporter beside it, and what the exporter ought to know. */
class World {
  readonly root = mkdtempSync(join(tmpdir(), 'openclaw-cron-once-'));
  readonly stateDir = join(this.root, 'state-dir');
  readonly clock = new FakeClock();
  readonly harness: CronHarness;
  /** Finished runs by job and status since the exporter's first look. */
  readonly expected = new Map<string, number>();
  readonly #deliveries = new Map<string, number>();
  readonly #shown = new Map<string, number>();
  readonly #names = new Map<string, string>();
  /** Ids of the jobs in use; a job that is made again gets another id. */
  readonly #ids: string[] = [0, 1, 2, 3, 4].map((index) => `job-${index}`);
  readonly #running = new Map<string, { readonly receipt: string | undefined; readonly runAtMs: number }>();
  readonly #history: StoredRun[] = [];
  #files: FilesStore | undefined;
  #logs: RunLogStore | undefined;
  #sqlite: SqliteStore | undefined;
  #away = false;
  #unseen = true;
  /** Nobody has looked at the database since the upgrade made it. */
  #isNewStore = false;
  #latestMs = 0;
  #wentBack = false;
  #renames = 0;

  constructor(age: Age) {
    if (age === 'files') this.#files = new FilesStore(this.stateDir);
    else if (age === 'run logs') this.#logs = new RunLogStore(this.stateDir);
    else this.#sqlite = new SqliteStore(this.stateDir);
    this.harness = new CronHarness({
      stateDir: this.stateDir,
      storagePath: join(this.root, 'storage'),
      clock: this.clock,
      config: CONFIG,
    });
    for (const id of this.#ids) this.#putJob(id, `name of ${id}`);
  }

  get #store(): FilesStore | RunLogStore | SqliteStore {
    const store = this.#files ?? this.#logs ?? this.#sqlite;
    if (store === undefined) throw new Error('no store');
    return store;
  }

  get #database(): RunLogStore | SqliteStore | undefined {
    return this.#logs ?? this.#sqlite;
  }

  close(): void {
    this.#database?.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** A history from before the exporter, which must never be counted. */
  addHistory(): void {
    for (const id of this.#ids) this.#finish(id, 'error', 3, false);
    this.expected.clear();
    this.#deliveries.clear();
  }

  async apply(event: Event): Promise<void> {
    await this.clock.advance(7);
    switch (event.kind) {
      case 'runs':
        return this.#whileHere(() =>
          this.#finish(this.#id(event.job), this.#status(event.status), event.count, event.lost),
        );
      case 'begin':
        return this.#whileHere(() => this.#begin(this.#id(event.job)));
      case 'end':
        return this.#whileHere(() => this.#end(this.#id(event.job)));
      case 'rename':
        this.#renames += 1;
        return this.#whileHere(() => this.#putJob(this.#id(event.job), `renamed ${this.#renames}`, true));
      case 'remove':
        return this.#whileHere(() => this.#remove(this.#id(event.job)));
      case 'recreate':
        return this.#whileHere(() => this.#recreate(event.job));
      case 'prune':
        return this.#prune(event.keep);
      case 'look':
        for (let turn = 0; turn < event.times; turn += 1) await this.#look();
        return;
      case 'die':
        this.#take(await this.harness.look(event.death));
        return event.death === 'commit fails' ? this.harness.kill() : undefined;
      case 'kill':
        return this.harness.kill();
      default:
        return this.#gatewayEvent(event.kind);
    }
  }

  /** Lets everything become visible and compares. */
  async settle(): Promise<void> {
    this.#setAway(false);
    await this.#look();
    await this.clock.advance(PUBLISH_DELAY_MS);
    await this.#look();
    const look = await this.#look();
    const other = sumOf(look, '_other');
    const own = new Map([...this.#known()].map((id) => [id, look.runs(id, 'ok')]));
    let elsewhere = 0;
    for (const id of this.#known()) {
      if (own.get(id) === undefined) {
        elsewhere += this.#total(id);
        continue;
      }
      // A job that moved to a series of its own left what it had in `_other`.
      const total = sumOf(look, id);
      expect(total).toBeLessThanOrEqual(this.#total(id));
      elsewhere += this.#total(id) - total;
      if (elsewhere === 0) this.#expectByStatus(look, id);
    }
    expect(other).toBe(elsewhere);
    expect(errorsByReason(look)).toBe(this.#errors());
  }

  #errors(): number {
    return [...this.expected].reduce((sum, [key, count]) => sum + (key.endsWith(' error') ? count : 0), 0);
  }

  #expectByStatus(look: CronLook, id: string): void {
    for (const status of STATUSES) {
      expect([id, status, look.runs(id, status)]).toEqual([
        id,
        status,
        this.expected.get(`${id} ${status}`) ?? 0,
      ]);
    }
    const failures = look.value('openclaw_cron_delivery_failures_total', { cron_job_id: id });
    expect([id, failures]).toEqual([id, this.#deliveries.get(id) ?? 0]);
  }

  #known(): Set<string> {
    return new Set([...this.#ids, ...[...this.expected.keys()].map((key) => key.split(' ')[0] ?? '')]);
  }

  #total(id: string): number {
    return STATUSES.reduce((sum, status) => sum + (this.expected.get(`${id} ${status}`) ?? 0), 0);
  }

  async #look(): Promise<CronLook> {
    const look = await this.harness.see();
    if (!this.#away) {
      this.#unseen = false;
      this.#isNewStore = false;
    }
    this.#take(look);
    return look;
  }

  /** What was scraped once must never be more than what is scraped later. */
  #take(look: CronLook | undefined): void {
    if (look === undefined) return;
    for (const { name, labels, value } of look.series) {
      if (!name.endsWith('_total')) continue;
      const key = `${name} ${labels.cron_job_id} ${labels.status} ${labels.reason}`;
      expect([key, value >= (this.#shown.get(key) ?? 0), value]).toEqual([key, true, value]);
      this.#shown.set(key, value);
    }
    // What is shown never has a failure without a reason; what a removed job had
    // is no longer shown as its own.
    const errors = look.series.filter(
      ({ name, labels }) => name === 'openclaw_cron_runs_total' && labels.status === 'error',
    );
    expect(errorsByReason(look)).toBeGreaterThanOrEqual(errors.reduce((sum, { value }) => sum + value, 0));
  }

  async #gatewayEvent(
    kind: 'upgrade' | 'upgrade far' | 'vanish' | 'return' | 'gateway stops' | 'gateway starts' | 'clock back',
  ) {
    switch (kind) {
      case 'upgrade':
      case 'upgrade far':
        return this.#upgrade(kind === 'upgrade far');
      case 'vanish':
        return this.#setAway(true);
      case 'return':
        return this.#setAway(false);
      case 'gateway stops':
        return this.#database?.stop();
      case 'gateway starts':
        return this.#away ? undefined : this.#database?.start();
      case 'clock back':
        return this.#setClockBack();
    }
  }

  /**
   * Only from a first look on does a store's order tell what is new, whatever the clock
   * says: that look comes first.
   */
  async #setClockBack(): Promise<void> {
    if (this.#isNewStore) {
      if (this.#away) return;
      await this.#look();
    }
    this.#wentBack = true;
    this.clock.setWall(this.clock.now() - 3_600_000);
  }

  #id(index: number): string {
    return this.#ids[index] ?? '';
  }

  #status(index: number): StoredStatus {
    return STATUSES[index] ?? 'ok';
  }

  /** A gateway writes only where its folder is. */
  #whileHere(act: () => void): void {
    if (this.#away) return;
    this.#database?.start();
    act();
  }

  #putJob(id: string, name: string, onlyIfThere = false): void {
    if (onlyIfThere && !this.#names.has(id)) return;
    this.#names.set(id, name);
    this.#store.putJob(id, name);
  }

  #remove(id: string): void {
    this.#names.delete(id);
    this.#store.removeJob(id);
  }

  #recreate(index: number): void {
    this.#remove(this.#id(index));
    this.#ids[index] = `${this.#id(index)}'`;
    this.#putJob(this.#id(index), `name of job-${index}`);
  }

  #nextMs(): number {
    // Never the same time twice: a job's runs follow each other.
    const now = this.clock.now();
    this.#latestMs = now > this.#latestMs || now < this.#latestMs - 1_000_000 ? now : this.#latestMs + 1;
    return this.#latestMs;
  }

  #finish(jobId: string, status: StoredStatus, count: number, deliveryFailed: boolean): void {
    if (!this.#names.has(jobId) || this.#running.has(jobId)) return;
    for (let index = 0; index < count; index += 1) {
      const runAtMs = this.#nextMs();
      const run = { jobId, runAtMs, finishedAtMs: runAtMs, status, deliveryFailed };
      this.#store.addRun(run);
      this.#finished(run);
    }
  }

  #begin(jobId: string): void {
    if (!this.#names.has(jobId) || this.#running.has(jobId)) return;
    const runAtMs = this.#nextMs();
    this.#running.set(jobId, { receipt: this.#sqlite?.begin(jobId, runAtMs), runAtMs });
  }

  #end(jobId: string): void {
    const running = this.#running.get(jobId);
    if (running === undefined) return;
    this.#running.delete(jobId);
    const run: StoredRun = { jobId, runAtMs: running.runAtMs, finishedAtMs: this.#nextMs(), status: 'ok' };
    if (running.receipt !== undefined) this.#sqlite?.finish(running.receipt, run);
    else this.#store.addRun(run);
    this.#finished(run);
  }

  #finished(run: StoredRun): void {
    this.#unseen = true;
    this.#history.push(run);
    const key = `${run.jobId} ${run.status}`;
    this.expected.set(key, (this.expected.get(key) ?? 0) + 1);
    if (run.deliveryFailed) this.#deliveries.set(run.jobId, (this.#deliveries.get(run.jobId) ?? 0) + 1);
  }

  /** Nobody can count what is gone before the first look at it. */
  async #prune(keep: number): Promise<void> {
    if (this.#away) return;
    if (this.#unseen) await this.#look();
    this.#database?.start();
    this.#logs?.prune(keep);
    this.#sqlite?.pruneReceipts(keep);
    this.#sqlite?.pruneTasks(keep);
    for (const id of this.#ids) this.#files?.shrink(id, keep);
  }

  async #upgrade(far: boolean): Promise<void> {
    if (this.#sqlite !== undefined || this.#away) return;
    // Only a run's place proves that it is new when the clock was set back, and the import has
    // no places: none goes unseen.
    if (this.#wentBack && this.#unseen) await this.#look();
    if (this.#files !== undefined) this.#upgradeFiles(this.#files, far);
    else if (this.#logs !== undefined) this.#upgradeLogs(this.#logs);
    this.#isNewStore = true;
    // The new gateway finds no run under way: what was is lost, as it is in a restart.
    this.#running.clear();
    if (this.#wentBack) await this.#look();
  }

  /** To the next age or, where nobody upgraded for long, over it. */
  #upgradeFiles(files: FilesStore, far: boolean): void {
    const store = far ? new SqliteStore(this.stateDir) : new RunLogStore(this.stateDir);
    for (const [id, { name }] of files.jobs()) store.putJob(id, name);
    for (const [index, run] of this.#history.entries()) {
      if (store instanceof SqliteStore) store.importRun(run, index);
      else store.addRun(run);
    }
    files.migrate();
    this.#files = undefined;
    if (store instanceof SqliteStore) this.#sqlite = store;
    else this.#logs = store;
  }

  #upgradeLogs(logs: RunLogStore): void {
    logs.start();
    this.#logs = undefined;
    this.#sqlite = logs.upgrade(this.#history);
  }

  #setAway(away: boolean): void {
    if (this.#away === away) return;
    this.#database?.stop();
    const from = away ? this.stateDir : `${this.stateDir}.away`;
    if (existsSync(from)) renameSync(from, away ? `${this.stateDir}.away` : this.stateDir);
    this.#away = away;
  }
}

function errorsByReason(look: CronLook): number {
  const errors = look.series.filter(({ name }) => name === 'openclaw_cron_errors_total');
  return errors.reduce((sum, { value }) => sum + value, 0);
}

function sumOf(look: CronLook, id: string): number {
  return STATUSES.reduce((sum, status) => sum + (look.runs(id, status) ?? 0), 0);
}

describe('counting runs once', () => {
  it.each(AGES)(
    'gives the true totals and never lets a scraped value fall, whatever happens to the %s and to the exporter',
    { timeout: 600_000 },
    async (age) => {
      await fc.assert(
        fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 40 }), async (events) => {
          const world = new World(age);
          try {
            world.addHistory();
            await world.clock.advance(5_000);
            await world.harness.see();
            // Clocks are set back by less than the exporter has run: what is older than it
            // is history whatever happens.
            await world.clock.advance(100 * 3_600_000);
            for (const one of events) await world.apply(one);
            await world.settle();
          } finally {
            await world.harness.kill();
            world.close();
          }
        }),
        { numRuns: SEQUENCES },
      );
    },
  );
});
