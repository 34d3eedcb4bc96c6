import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiWorld, ASKED_EVERY_MS, PUBLISH_DELAY_MS } from '../../../support/cron-api-world.ts';
import type { CronLook, Death } from '../../../support/cron-harness.ts';
import type { StoredRun, StoredStatus } from '../../../support/cron-store.ts';

/** Sequences to try for each age of storage; more by hand: OPENCLAW_CRON_API_SEQUENCES=2000. */
const SEQUENCES = Number(process.env.OPENCLAW_CRON_API_SEQUENCES ?? 100);
const AGES = ['sqlite', 'files'] as const;
const STORE = { sqlite: 'sqlite', files: 'jsonl' } as const;
const STATUSES: readonly StoredStatus[] = ['ok', 'error', 'skipped', 'interrupted'];
const JOBS = ['job-0', 'job-1', 'job-2'];
/** More than the exporter remembers of one job by name, less than the gateway tells at once. */
const MANY = 30;
/** How often a job runs that tells how late it is known. */
const EVERY_MS = 60_000;
/** How long a difference between two sources may last before it counts. */
const TOLERANCE_MS = 3 * 60_000;

async function makeWorld(age: (typeof AGES)[number]): Promise<ApiWorld> {
  const world = await ApiWorld.create(age);
  onTestFinished(() => world.close());
  for (const id of JOBS) world.putJob(id);
  await world.askingLook();
  // From a first run on the store's order proves what is new in it.
  const [first] = await runsNow(world, 1, 'skipped');
  if (first !== undefined) world.addRun({ ...first, deliveryFailed: false });
  await world.askingLook();
  return world;
}

/** Runs that finish from now on, one a millisecond. */
async function runsNow(world: ApiWorld, count: number, status: StoredStatus = 'ok'): Promise<StoredRun[]> {
  const firstMs = world.clock.now() + 1;
  await world.clock.advance(count + 1);
  return Array.from({ length: count }, (_, index) => {
    const runAtMs = firstMs + index;
    return { jobId: 'job-0', runAtMs, finishedAtMs: runAtMs, status, deliveryFailed: true };
  });
}

const disagree = (look: CronLook) => look.value('openclaw_cron_sources_disagree');
const failures = (look: CronLook) =>
  look.value('openclaw_cron_delivery_failures_total', { cron_job_id: 'job-0' });

describe.each(AGES)('a run that the gateway and its store (%s) both tell', (age) => {
  it.each([1, MANY])('is counted once where they tell it in the same look (%i runs)', async (count) => {
    const world = await makeWorld(age);
    for (const run of await runsNow(world, count)) world.addRun(run);
    for (let look = 0; look < 3; look += 1) {
      const seen = await world.askingLook();
      expect([seen.runs('job-0', 'ok'), failures(seen)]).toEqual([count, count]);
    }
  });

  it.each([1, MANY])('is counted once where the store is a look ahead (%i runs)', async (count) => {
    const world = await makeWorld(age);
    const runs = await runsNow(world, count);
    for (const run of runs) world.addToStore(run);
    expect((await world.askingLook()).runs('job-0', 'ok')).toBe(count);
    for (const run of runs) world.gateway.addRun(run);
    const look = await world.askingLook();
    expect([look.runs('job-0', 'ok'), failures(look)]).toEqual([count, count]);
  });

  it.each([1, MANY])('is counted once where the gateway is a look ahead (%i runs)', async (count) => {
    const world = await makeWorld(age);
    const runs = await runsNow(world, count, 'interrupted');
    for (const run of runs) world.gateway.addRun(run);
    expect((await world.askingLook()).runs('job-0', 'interrupted')).toBe(count);
    for (const run of runs) world.addToStore(run);
    const look = await world.askingLook();
    expect([look.runs('job-0', 'interrupted'), failures(look)]).toEqual([count, count]);
  });

  it.each([1, MANY])(
    'is counted from the gateway while the store cannot be read, and not again when it can (%i runs)',
    async (count) => {
      const world = await makeWorld(age);
      world.setReadable(false);
      for (const run of await runsNow(world, count)) world.addRun(run);
      const without = await world.askingLook();
      expect(without.source(STORE[age])).toBe(0);
      expect(without.source('api')).toBe(1);
      expect([without.runs('job-0', 'ok'), failures(without)]).toEqual([count, count]);
      world.setReadable(true);
      const again = await world.askingLook();
      expect(again.source(STORE[age])).toBe(1);
      expect([again.runs('job-0', 'ok'), failures(again)]).toEqual([count, count]);
    },
  );

  it.each<Death>(['before commit', 'after commit'])(
    'is counted once where the exporter dies %s of what only one of the two could tell',
    async (death) => {
      const world = await makeWorld(age);
      world.setReadable(false);
      for (const run of await runsNow(world, MANY)) world.addRun(run);
      await world.clock.advance(ASKED_EVERY_MS);
      await world.harness.look(death);
      world.setReadable(true);
      for (let look = 0; look < 2; look += 1) {
        expect((await world.askingLook()).runs('job-0', 'ok')).toBe(MANY);
      }
    },
  );

  it('is told again from the same answer, on no further connection, where it could not be saved', async () => {
    const world = await makeWorld(age);
    world.setReadable(false);
    for (const run of await runsNow(world, 1)) world.addRun(run);
    await world.clock.advance(ASKED_EVERY_MS);
    const { connections } = world.gateway;
    await world.harness.look('commit fails');
    const look = await world.harness.see();
    expect(look.runs('job-0', 'ok')).toBe(1);
    expect(world.gateway.connections).toBe(connections + 1);
  });
});

describe('the two sources', () => {
  it.each([
    ['minute', 0],
    ['hour', 3_600_000],
  ])('do not disagree while one tells the run of each %s a moment before the other', async (_, betweenMs) => {
    const world = await makeWorld('sqlite');
    for (let turn = 0; turn < 6; turn += 1) {
      await world.clock.advance(betweenMs);
      const [run] = await runsNow(world, 1);
      if (run === undefined) throw new Error('no run');
      const isAhead = turn % 2 === 0;
      if (isAhead) world.gateway.addRun(run);
      else world.addToStore(run);
      expect(disagree(await world.askingLook())).toBe(0);
      if (isAhead) world.addToStore(run);
      else world.gateway.addRun(run);
      expect(disagree(await world.askingLook())).toBe(0);
    }
  });

  it('disagree when the store stands still while the gateway runs its jobs, until it follows', async () => {
    const world = await makeWorld('sqlite');
    const runs = await runsNow(world, 1);
    for (const run of runs) world.gateway.addRun(run);
    expect(disagree(await world.askingLook())).toBe(0);
    await world.clock.advance(TOLERANCE_MS);
    const looks = [await world.askingLook(), await world.askingLook()];
    expect(looks.map(disagree)).toContain(1);
    const lasting = await world.askingLook();
    expect(disagree(lasting)).toBe(1);
    expect(lasting.evidence).toContain('tell these jobs differently: job-0');
    expect(lasting.runs('job-0', 'ok')).toBe(1);
    for (const run of runs) world.addToStore(run);
    expect(disagree(await world.askingLook())).toBe(0);
  });

  it('disagree about a job that only one of them has, and not at its first look', async () => {
    const world = await makeWorld('files');
    world.gateway.putJob('elsewhere', 'elsewhere');
    expect(disagree(await world.askingLook())).toBe(0);
    // Between two answers of the gateway there is nothing new to judge.
    expect(disagree(await world.harness.see())).toBe(0);
    expect(disagree(await world.askingLook())).toBe(1);
    world.store.putJob('elsewhere', 'elsewhere');
    expect(disagree(await world.askingLook())).toBe(0);
  });

  it('have nothing to disagree about while one of them cannot be read', async () => {
    const world = await makeWorld('files');
    world.gateway.putJob('elsewhere', 'elsewhere');
    await world.askingLook();
    expect(disagree(await world.askingLook())).toBe(1);
    world.setReadable(false);
    expect(disagree(await world.askingLook())).toBeUndefined();
  });
});

describe('a job that only the gateway tells', () => {
  it('misses nothing while it runs in time, however short the grace, although it is asked once a minute', async () => {
    const world = await ApiWorld.create('files', 'grace: 20s');
    onTestFinished(() => world.close());
    world.setReadable(false);
    let dueMs = world.clock.now() + EVERY_MS;
    const schedule = { kind: 'every', everyMs: EVERY_MS, anchorMs: dueMs - EVERY_MS };
    let look = await world.harness.see();
    for (let turn = 0; turn < 200; turn += 1) {
      world.gateway.putJob(
        'job-0',
        'a',
        { createdAtMs: schedule.anchorMs, schedule },
        { nextRunAtMs: dueMs },
      );
      look = await world.harness.see();
      await world.clock.advance(7_000);
      for (; dueMs <= world.clock.now(); dueMs += EVERY_MS) {
        world.gateway.addRun({ jobId: 'job-0', runAtMs: dueMs, finishedAtMs: dueMs, status: 'ok' });
      }
    }
    expect(look.runs('job-0', 'ok')).toBeGreaterThan(5);
    expect(look.value('openclaw_cron_missed_runs_total', { cron_job_id: 'job-0' })).toBe(0);
  });
});

type Side = 'store' | 'api';
type Event =
  | { readonly kind: 'runs'; readonly job: number; readonly status: number; readonly count: number }
  | { readonly kind: 'falls behind' | 'catches up'; readonly side: Side }
  | { readonly kind: 'look'; readonly later: number }
  | { readonly kind: 'die'; readonly death: Death; readonly later: number }
  | { readonly kind: 'kill' | 'hide store' | 'show store' | 'close api' | 'open api' | 'doubt' | 'prove' };

const later = fc.constantFrom(0, 15_000, ASKED_EVERY_MS);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('runs' as const),
      job: fc.nat(JOBS.length - 1),
      status: fc.nat(STATUSES.length - 1),
      count: fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) },
        { weight: 2, arbitrary: fc.constant(MANY) },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('falls behind' as const, 'catches up' as const),
      side: fc.constantFrom<Side>('store', 'api'),
    }),
  },
  { weight: 7, arbitrary: fc.record({ kind: fc.constant('look' as const), later }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      death: fc.constantFrom<Death>('before commit', 'after commit', 'commit fails', 'disk hangs'),
      later,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'kill' as const,
        'hide store' as const,
        'show store' as const,
        'close api' as const,
        'open api' as const,
        'doubt' as const,
        'prove' as const,
      ),
    }),
  },
);

/**
 * Both sources, what each of them has yet to tell, and what the exporter ought to have counted in the end.
 */
class Model {
  readonly #world: ApiWorld;
  readonly #expected = new Map<string, number>();
  readonly #shown = new Map<string, number>();
  readonly #untold: Record<Side, StoredRun[] | undefined> = { store: undefined, api: undefined };

  constructor(world: ApiWorld) {
    this.#world = world;
  }

  async apply(event: Event): Promise<void> {
    const { harness, clock } = this.#world;
    switch (event.kind) {
      case 'runs':
        return this.#run(event.job, event.status, event.count);
      case 'falls behind':
        this.#untold[event.side] ??= [];
        return;
      case 'catches up':
        return this.#catchUp(event.side);
      case 'look':
        await clock.advance(event.later);
        return this.#take(await harness.see());
      case 'die':
        await clock.advance(event.later);
        this.#take(await harness.look(event.death));
        return event.death === 'commit fails' ? harness.kill() : undefined;
      case 'kill':
        return harness.kill();
      default:
        return this.#turn(event.kind);
    }
  }

  /** Lets both tell everything and compares. */
  async settle(): Promise<void> {
    this.#catchUp('store');
    this.#catchUp('api');
    for (const kind of ['show store', 'open api', 'prove'] as const) await this.#turn(kind);
    const world = this.#world;
    this.#take(await world.askingLook());
    await world.clock.advance(PUBLISH_DELAY_MS);
    // A difference that was seen before goes with the first answer that agrees.
    const look = await world.askingLook();
    this.#take(look);
    expect([look.source('api'), disagree(look)]).toEqual([1, 0]);
    for (const id of JOBS) {
      for (const status of STATUSES) {
        const key = `${id} ${status}`;
        expect([key, look.runs(id, status)]).toEqual([key, this.#expected.get(key) ?? 0]);
      }
      const failed = look.value('openclaw_cron_delivery_failures_total', { cron_job_id: id });
      expect([id, failed]).toEqual([id, this.#expected.get(id) ?? 0]);
    }
  }

  async #turn(kind: 'hide store' | 'show store' | 'close api' | 'open api' | 'doubt' | 'prove') {
    const { gateway, gate } = this.#world;
    switch (kind) {
      case 'hide store':
      case 'show store':
        return this.#world.setReadable(kind === 'show store');
      case 'close api':
        return gateway.close();
      case 'open api':
        await gateway.close();
        return gateway.listen();
      default:
        if (kind === 'doubt') gate.doubt();
        else gate.settle(true);
    }
  }

  async #run(job: number, statusIndex: number, count: number): Promise<void> {
    const { clock } = this.#world;
    const jobId = JOBS[job] ?? '';
    const status = STATUSES[statusIndex] ?? 'ok';
    for (let index = 0; index < count; index += 1) {
      await clock.advance(1);
      const runAtMs = clock.now();
      const run = { jobId, runAtMs, finishedAtMs: runAtMs, status, deliveryFailed: index % 2 === 0 };
      this.#tell('store', run);
      this.#tell('api', run);
      this.#count(`${jobId} ${status}`);
      if (run.deliveryFailed) this.#count(jobId);
    }
  }

  #count(key: string): void {
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
  }

  #tell(side: Side, run: StoredRun): void {
    const untold = this.#untold[side];
    if (untold !== undefined) untold.push(run);
    else if (side === 'store') this.#world.addToStore(run);
    else this.#world.gateway.addRun(run);
  }

  #catchUp(side: Side): void {
    const untold = this.#untold[side] ?? [];
    this.#untold[side] = undefined;
    for (const run of untold) this.#tell(side, run);
  }

  /** What was scraped once must never be more than what is scraped later. */
  #take(look: CronLook | undefined): void {
    for (const { name, labels, value } of look?.series ?? []) {
      if (!name.endsWith('_total')) continue;
      const key = `${name} ${labels.cron_job_id} ${labels.status} ${labels.reason}`;
      expect([key, value >= (this.#shown.get(key) ?? 0), value]).toEqual([key, true, value]);
      this.#shown.set(key, value);
    }
  }
}

describe.each(AGES)('counting from the gateway and its store (%s)', (age) => {
  it('gives the true totals, whichever of them is ahead, unreadable or back, and whenever the exporter dies', {
    timeout: 900_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 30 }), async (events) => {
        const world = await ApiWorld.create(age);
        try {
          for (const id of JOBS) world.putJob(id);
          await world.askingLook();
          const model = new Model(world);
          for (const one of events) await model.apply(one);
          await model.settle();
        } finally {
          await world.close();
        }
      }),
      { numRuns: SEQUENCES },
    );
  });
});
