import { describe, expect, it } from 'vitest';
import type { JobTotals, ReadFact } from '../../../src/core/facts.ts';
import { MAX_MARKS, SAMPLE_MS, TrendRecorder } from '../../../src/diagnosis/trends.ts';
import { gauge } from '../../../src/metrics/family.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ping = gauge('openclaw_gateway_last_ping_duration_seconds', 'Ping.', {
  labels: ['phase'],
  meaning: { absent: 'none' },
});
const memory = gauge('openclaw_gateway_process_resident_memory_bytes', 'Memory.', {
  meaning: { absent: 'none' },
});
const DAY_MS = 86_400_000;

class World {
  readonly clock = new FakeClock();
  readonly metrics = new Metrics();
  totals: readonly JobTotals[] | undefined;
  readonly recorder: TrendRecorder;

  constructor() {
    this.metrics.declare([ping, memory]);
    const facts = ((name: string) => (name === 'jobTotals' ? this.totals : undefined)) as ReadFact;
    this.recorder = new TrendRecorder({ clock: this.clock, metrics: this.metrics, facts });
  }

  answer(seconds: number | undefined): void {
    const key = { collector: 'ping', target: 'gateway' };
    const samples =
      seconds === undefined
        ? []
        : [ping.sample(9, { phase: 'connect' }), ping.sample(seconds, { phase: 'http' })];
    this.metrics.put(key, samples);
  }
}

const job = (runs: Record<string, number>, missed: number, status?: string, id = 'a'): JobTotals => ({
  id,
  name: id,
  counts: { runs: { error: 0, ...runs }, missed },
  last: status === undefined ? undefined : { atMs: 0, status },
});

describe('samples of the gateway', () => {
  it('are taken of pings over HTTP and of memory, and are absent where the gauge is', async () => {
    const world = new World();
    world.answer(0.002);
    world.recorder.start();
    world.metrics.put({ collector: 'process', target: 'gateway' }, [memory.sample(1024, {})]);
    world.answer(undefined);
    await world.clock.advance(SAMPLE_MS);
    const trends = world.recorder.read();
    expect(trends.ping.map(({ value }) => value)).toEqual([0.002, undefined]);
    expect(trends.memory.map(({ value }) => value)).toEqual([undefined, 1024]);
    world.recorder.stop();
    await world.clock.advance(SAMPLE_MS);
    expect(world.recorder.read().ping).toHaveLength(2);
  });

  it('are kept for a day, and no longer', () => {
    const world = new World();
    for (let taken = 0; taken < DAY_MS / SAMPLE_MS + 10; taken += 1) world.recorder.sample();
    expect(world.recorder.read().ping).toHaveLength(DAY_MS / SAMPLE_MS);
  });
});

describe('the last runs of a job', () => {
  it('begin with the one before the start and follow what is counted, the last run last', () => {
    const world = new World();
    world.totals = [job({ ok: 5 }, 0, 'ok')];
    world.recorder.sample();
    world.totals = [job({ ok: 6, error: 1 }, 1, 'ok')];
    world.recorder.sample();
    world.recorder.sample();
    expect(world.recorder.read().runs.get('a')).toEqual(['ok', 'missed', 'error', 'ok']);
  });

  it('are bounded, and go with their job', () => {
    const world = new World();
    world.totals = [job({ ok: 1 }, 0, 'ok')];
    world.recorder.sample();
    world.totals = [job({ ok: 5_000 }, 0, 'ok')];
    world.recorder.sample();
    expect(world.recorder.read().runs.get('a')).toHaveLength(MAX_MARKS);
    world.totals = [job({ ok: 1 }, 0, 'ok', 'b')];
    world.recorder.sample();
    expect([...world.recorder.read().runs.keys()]).toEqual(['b']);
  });

  it('are none of a job that never ran', () => {
    const world = new World();
    world.totals = [job({}, 0)];
    world.recorder.sample();
    expect(world.recorder.read().runs.size).toBe(0);
  });
});
