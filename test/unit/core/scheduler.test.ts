import { describe, expect, it } from 'vitest';
import type { Collector, Observation, Target } from '../../../src/core/collector.ts';
import { Scheduler } from '../../../src/core/scheduler.ts';
import { gauge } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { parseExposition, sampleOf } from '../../support/exposition.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { type LogLine, recordingLogger } from '../../support/logger.ts';

const verdict = gauge('openclaw_test_up', 'A verdict.', {
  labels: ['target'],
  meaning: { absent: 'unseen' },
});

const seen = (target: string, value: number): Observation => ({
  kind: 'seen',
  samples: [verdict.sample(value, { target })],
  evidence: [],
});

const never = () => new Promise<Observation>(() => undefined);

const reasonsLogged = (lines: readonly LogLine[]) =>
  lines.filter(({ msg }) => msg === 'collection failed').map(({ fields }) => fields.reason);

interface Setup {
  readonly targets: () => readonly Target[];
  readonly random?: () => number;
  readonly close?: () => Promise<void>;
}

function setup({ targets, random = () => 0.5, close }: Setup) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const logger = recordingLogger();
  const scheduler = new Scheduler({ metrics, clock, random, logger });
  const collector: Collector = {
    name: 'test',
    intervalMs: 1000,
    timeoutMs: 500,
    metrics: [verdict],
    targets,
    ...(close === undefined ? {} : { close }),
  };
  const read = async () => parseExposition(await metrics.expose('text'));
  return { clock, logger, scheduler, collector, read };
}

/** A collector that names one target, as long as its list is not broken, after its first round. */
async function startWithList(list: { broken: boolean }) {
  const targets = () => {
    if (list.broken) throw new Error('no list');
    return [{ name: 'a', timeoutMs: 100, collect: async () => seen('a', 1) }];
  };
  const parts = setup({ targets });
  parts.scheduler.start([parts.collector]);
  await settle();
  return { list, ...parts };
}

describe('a target that cannot be looked at', () => {
  it('loses its own series and leaves those of others', async () => {
    let broken = false;
    const targets = () => [
      {
        name: 'a',
        timeoutMs: 100,
        collect: async () => (broken ? Promise.reject(new Error('no rights')) : seen('a', 1)),
      },
      { name: 'b', timeoutMs: 100, collect: async () => seen('b', 1) },
    ];
    const { clock, scheduler, collector, read } = setup({ targets });
    scheduler.start([collector]);
    await settle();
    expect(sampleOf(await read(), 'openclaw_test_up', { target: 'a' })).toBe(1);

    broken = true;
    await clock.advance(collector.intervalMs);
    const series = await read();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'a' })).toBeUndefined();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'b' })).toBe(1);
    expect(sampleOf(series, 'openclaw_exporter_collector_up', { collector: 'test' })).toBe(0);
    expect(sampleOf(series, 'openclaw_exporter_collector_runs_total', { result: 'error' })).toBe(1);
  });

  it('is logged once for one reason, not at each run', async () => {
    const targets = () => [
      { name: 'a', timeoutMs: 100, collect: () => Promise.reject(new Error('no rights')) },
    ];
    const { clock, scheduler, collector, logger } = setup({ targets });
    scheduler.start([collector]);
    await clock.advance(collector.intervalMs * 5);
    expect(reasonsLogged(logger.lines)).toEqual(['no rights']);
  });

  it('is blind when its samples are wrong, and the exposition stays whole', async () => {
    const twice = async (): Promise<Observation> => ({
      kind: 'seen',
      samples: [verdict.sample(1, { target: 'a' }), verdict.sample(0, { target: 'a' })],
      evidence: [],
    });
    const { scheduler, collector, read } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect: twice }],
    });
    scheduler.start([collector]);
    await settle();
    const series = await read();
    expect(sampleOf(series, 'openclaw_test_up')).toBeUndefined();
    expect(sampleOf(series, 'openclaw_exporter_collector_up')).toBe(0);
  });

  it('is gone with its series when the naming of targets throws: they may be true no more', async () => {
    const { list, clock, collector, read } = await startWithList({ broken: false });
    const before = await read();
    list.broken = true;
    await clock.advance(collector.intervalMs);
    const after = new Set((await read()).map(({ name, labels }) => `${name}${JSON.stringify(labels)}`));
    const gone = before.filter(({ name, labels }) => !after.has(`${name}${JSON.stringify(labels)}`));
    expect(gone).toHaveLength(1);
  });

  it('costs only a round when even the naming of targets throws', async () => {
    const { list, clock, collector, read } = await startWithList({ broken: true });
    expect(sampleOf(await read(), 'openclaw_exporter_collector_up')).toBe(0);
    list.broken = false;
    await clock.advance(collector.intervalMs);
    expect(sampleOf(await read(), 'openclaw_exporter_collector_up')).toBe(1);
  });
});

describe('a target that hangs', () => {
  it('is cut at its own timeout and counted as one', async () => {
    let cut: AbortSignal | undefined;
    const collect = (signal: AbortSignal) => {
      cut = signal;
      return never();
    };
    const { clock, scheduler, collector, read } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect }],
    });
    scheduler.start([collector]);
    await clock.advance(99);
    expect(cut?.aborted).toBe(false);
    await clock.advance(1);
    expect(cut?.aborted).toBe(true);
    expect(sampleOf(await read(), 'openclaw_exporter_collector_runs_total', { result: 'timeout' })).toBe(1);
  });

  it('does not delay a target beside it', async () => {
    const targets = () => [
      { name: 'a', timeoutMs: 100, collect: never },
      { name: 'b', timeoutMs: 100, collect: async () => seen('b', 1) },
    ];
    const { scheduler, collector, read } = setup({ targets });
    scheduler.start([collector]);
    await settle();
    expect(sampleOf(await read(), 'openclaw_test_up', { target: 'b' })).toBe(1);
  });

  it('is not asked again until it lets go, and every round without it counts as a timeout', async () => {
    let asked = 0;
    const collect = () => {
      asked += 1;
      return never();
    };
    const { clock, scheduler, collector, read } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect }],
    });
    scheduler.start([collector]);
    await clock.advance(collector.intervalMs * 3 + collector.timeoutMs);
    expect(asked).toBe(1);
    const rounds = sampleOf(await read(), 'openclaw_exporter_collector_runs_total', { result: 'timeout' });
    expect(rounds).toBe(4);
  });

  it('leaves no timer behind once it has been cut', async () => {
    const { clock, scheduler, collector } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect: never }],
    });
    scheduler.start([collector]);
    await clock.advance(collector.intervalMs * 20);
    const timers = clock.pending;
    await clock.advance(collector.intervalMs * 20);
    expect(clock.pending).toBe(timers);
  });
});

describe('a target that goes away', () => {
  it('takes its series with it', async () => {
    let names = ['a', 'b'];
    const targets = () => names.map((name) => ({ name, timeoutMs: 100, collect: async () => seen(name, 1) }));
    const { clock, scheduler, collector, read } = setup({ targets });
    scheduler.start([collector]);
    await settle();
    names = ['b'];
    await clock.advance(collector.intervalMs);
    const series = await read();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'a' })).toBeUndefined();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'b' })).toBe(1);
  });
});

describe('stopping', () => {
  it('cuts what is under way and waits for it to let go', async () => {
    let letGo = false;
    const collect = (signal: AbortSignal) =>
      new Promise<Observation>((_, reject) => {
        signal.addEventListener('abort', () => {
          letGo = true;
          reject(signal.reason);
        });
      });
    const { scheduler, collector } = setup({ targets: () => [{ name: 'a', timeoutMs: 100, collect }] });
    scheduler.start([collector]);
    await settle();
    await scheduler.stop(1000);
    expect(letGo).toBe(true);
  });

  it('does not wait longer than its grace for one that never lets go', async () => {
    const { clock, scheduler, collector } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect: never }],
    });
    scheduler.start([collector]);
    await settle();
    let stopped = false;
    const stopping = scheduler.stop(1000).then(() => {
      stopped = true;
    });
    await clock.advance(999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stopping;
    expect(stopped).toBe(true);
  });

  it('starts no further round', async () => {
    let asked = 0;
    const collect = async () => {
      asked += 1;
      return seen('a', 1);
    };
    const { clock, scheduler, collector } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect }],
    });
    scheduler.start([collector]);
    await settle();
    await scheduler.stop(1000);
    await clock.advance(collector.intervalMs * 3);
    expect(asked).toBe(1);
  });
});

describe('a healthy round', () => {
  it('repeats at the interval, spread by jitter on both sides', async () => {
    const startsWith = async (random: number) => {
      const starts: number[] = [];
      const clockOf = setup({
        random: () => random,
        targets: () => [
          {
            name: 'a',
            timeoutMs: 100,
            collect: async () => {
              starts.push(clockOf.clock.monotonic());
              return seen('a', 1);
            },
          },
        ],
      });
      clockOf.scheduler.start([clockOf.collector]);
      await clockOf.clock.advance(clockOf.collector.intervalMs * 2);
      return starts[1] ?? Number.NaN;
    };
    const early = await startsWith(0);
    const exact = await startsWith(0.5);
    const late = await startsWith(0.999);
    expect(early).toBeLessThan(exact);
    expect(exact).toBe(1000);
    expect(late).toBeGreaterThan(exact);
  });

  it('makes the exporter ready only when every collector has finished one', async () => {
    let finish: (observation: Observation) => void = () => undefined;
    const collect = () => new Promise<Observation>((resolve) => (finish = resolve));
    const { scheduler, collector } = setup({ targets: () => [{ name: 'a', timeoutMs: 100, collect }] });
    scheduler.start([collector]);
    await settle();
    expect(scheduler.ready).toBe(false);
    finish(seen('a', 1));
    await settle();
    expect(scheduler.ready).toBe(true);
  });

  it('exports every result of a collector at 0 before its first run', async () => {
    const { scheduler, collector, read } = setup({
      targets: () => [{ name: 'a', timeoutMs: 100, collect: never }],
    });
    scheduler.start([collector]);
    const series = await read();
    for (const result of ['ok', 'error', 'timeout']) {
      expect(sampleOf(series, 'openclaw_exporter_collector_runs_total', { result })).toBe(0);
    }
  });
});

describe('replacing collectors', () => {
  it('takes away what the new ones do not renew and keeps counts', async () => {
    const of = (name: string) => () => [{ name, timeoutMs: 100, collect: async () => seen(name, 1) }];
    const { scheduler, collector, read } = setup({ targets: of('old') });
    scheduler.start([collector]);
    await settle();
    await scheduler.replace([{ ...collector, targets: of('new') }]);
    await settle();
    const series = await read();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'old' })).toBeUndefined();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'new' })).toBe(1);
    expect(sampleOf(series, 'openclaw_exporter_collector_runs_total', { result: 'ok' })).toBe(2);
  });
});

describe('collectors that do not let go when they are replaced', () => {
  it('delay their successors by a grace and not for ever, and show nothing afterwards', async () => {
    let answer: (observation: Observation) => void = () => undefined;
    const stubborn = () => new Promise<Observation>((resolve) => (answer = resolve));
    const { clock, scheduler, collector, read } = setup({
      targets: () => [{ name: 'old', timeoutMs: 400, collect: stubborn }],
    });
    scheduler.start([collector]);
    await settle();
    const targets = () => [{ name: 'new', timeoutMs: 100, collect: async () => seen('new', 1) }];
    const replacing = scheduler.replace([{ ...collector, targets }]);
    await clock.advance(60_000);
    await replacing;
    answer(seen('old', 1));
    await settle();
    const series = await read();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'old' })).toBeUndefined();
    expect(sampleOf(series, 'openclaw_test_up', { target: 'new' })).toBe(1);
  });

  it('have no successors once the exporter stops', async () => {
    let asked = 0;
    const collect = async () => {
      asked += 1;
      return seen('a', 1);
    };
    const targets = () => [{ name: 'a', timeoutMs: 100, collect }];
    const { clock, scheduler, collector } = setup({ targets });
    const replacing = scheduler.replace([collector]);
    await scheduler.stop(1000);
    await replacing;
    await clock.advance(60_000);
    expect(asked).toBe(0);
  });
});

describe('more hanging targets than fit into a round', () => {
  it('do not hide the one behind them for ever', async () => {
    const hanging = Array.from({ length: 200 }, (_, index) => ({
      name: `hangs${index}`,
      timeoutMs: 400,
      collect: (signal: AbortSignal) =>
        new Promise<Observation>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
        ),
    }));
    const last = { name: 'last', timeoutMs: 100, collect: async () => seen('last', 1) };
    const { clock, scheduler, collector, read } = setup({ targets: () => [...hanging, last] });
    scheduler.start([collector]);
    let found = false;
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(collector.intervalMs);
      found ||= sampleOf(await read(), 'openclaw_test_up', { target: 'last' }) === 1;
    }
    expect(found).toBe(true);
  });
});
