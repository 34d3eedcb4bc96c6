import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RestartCounter, type SeenProcess } from '../../../../src/collectors/process/restarts.ts';
import { StateFile } from '../../../../src/state/state-file.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLogger } from '../../../support/logger.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const GATEWAY = '/home/u/.openclaw';

function counterOn(folder: string, clock = new FakeClock()) {
  const state = new StateFile(folder, recordingLogger());
  return { counter: new RestartCounter(state, clock), state };
}

const seen = (pid: number, generation?: string): SeenProcess => ({
  boot: 'boot',
  pid,
  start: '100',
  ...(generation === undefined ? {} : { generation }),
});

describe('a total that cannot be kept', () => {
  it('is not shown while another exporter holds the storage path', async () => {
    const folder = tempFolder();
    const other = new StateFile(folder, recordingLogger());
    expect((await other.commit('x', 1)).state).toBe('saved');
    const { counter } = counterOn(folder);
    expect(await counter.observe(GATEWAY, seen(1))).toMatchObject({ state: 'unknown' });
    await other.close();
    expect(await counter.observe(GATEWAY, seen(1))).toEqual({ state: 'known', total: 0 });
  });

  it('stays where it was until the disk takes it, and then counts the restart once', async () => {
    const folder = tempFolder();
    const { counter } = counterOn(folder);
    await counter.observe(GATEWAY, seen(1));
    mkdirSync(join(folder, 'state.json.new'));
    expect(await counter.observe(GATEWAY, seen(2))).toEqual({ state: 'known', total: 0 });
    expect(await counter.observe(GATEWAY, seen(2))).toEqual({ state: 'known', total: 0 });
    rmSync(join(folder, 'state.json.new'), { recursive: true });
    expect(await counter.observe(GATEWAY, seen(2))).toEqual({ state: 'known', total: 1 });
    expect(await counter.observe(GATEWAY, seen(2))).toEqual({ state: 'known', total: 1 });
  });
});

describe('when it restarted', () => {
  it('is known of the last eight restarts, over restarts of the exporter too', async () => {
    const folder = tempFolder();
    const clock = new FakeClock(1_000);
    const { counter, state } = counterOn(folder, clock);
    for (let pid = 1; pid <= 11; pid += 1) {
      await counter.observe(GATEWAY, seen(pid));
      await clock.advance(1_000);
    }
    const expected = [4, 5, 6, 7, 8, 9, 10, 11].map((second) => second * 1_000);
    expect(counter.restartedAtMs(GATEWAY)).toEqual(expected);
    await state.close();
    expect(counterOn(folder).counter.restartedAtMs(GATEWAY)).toEqual(expected);
    expect(counter.restartedAtMs('/srv/other')).toEqual([]);
  });
});

describe('what is no restart', () => {
  it('the first sight of a gateway, and none in sight', async () => {
    const { counter } = counterOn(tempFolder());
    expect(await counter.observe(GATEWAY, undefined)).toEqual({ state: 'known', total: 0 });
    expect(await counter.observe(GATEWAY, seen(1))).toEqual({ state: 'known', total: 0 });
    expect(await counter.observe(GATEWAY, undefined)).toEqual({ state: 'known', total: 0 });
    expect(await counter.observe(GATEWAY, seen(1))).toEqual({ state: 'known', total: 0 });
  });

  it('a lock that comes into sight late or is out of sight for a moment', async () => {
    const { counter } = counterOn(tempFolder());
    const looks = [seen(1), seen(1, 'a'), seen(1), seen(1, 'a')];
    for (const look of looks)
      expect(await counter.observe(GATEWAY, look)).toEqual({ state: 'known', total: 0 });
  });

  it('another gateway being watched from now on', async () => {
    const { counter } = counterOn(tempFolder());
    await counter.observe(GATEWAY, seen(1));
    await counter.observe(GATEWAY, seen(2));
    expect(counter.last('/srv/other')).toBeUndefined();
    expect(await counter.observe('/srv/other', seen(3))).toEqual({ state: 'known', total: 1 });
  });
});

/** A gateway and an exporter, told what happens to them; the truth is counted beside. */
interface World {
  boot: number;
  pid: number;
  generation: number;
  alive: boolean;
}

type Event = 'die' | 'start' | 'restart_inside' | 'reboot' | 'exporter_restarts' | 'look';
const EVENTS: readonly Event[] = ['die', 'start', 'restart_inside', 'reboot', 'exporter_restarts', 'look'];

function happen(world: World, event: Event): World {
  const { boot, pid, generation, alive } = world;
  switch (event) {
    case 'die':
      return { ...world, alive: false };
    case 'start':
      return alive ? world : { boot, pid: pid + 1, generation: generation + 1, alive: true };
    case 'restart_inside':
      return alive ? { ...world, generation: generation + 1 } : world;
    case 'reboot':
      return { boot: boot + 1, pid: 1, generation: generation + 1, alive: true };
    default:
      return world;
  }
}

/** The truth: one restart for each look that finds a gateway which is not the one of the look before. */
class Truth {
  #generation: number | undefined;
  #restarts = 0;

  after({ alive, generation }: World): number {
    if (!alive) return this.#restarts;
    if (this.#generation !== undefined && this.#generation !== generation) this.#restarts += 1;
    this.#generation = generation;
    return this.#restarts;
  }
}

it('every restart between two looks counts exactly once, whatever happens to gateway, exporter and machine', async () => {
  const look = ({ alive, boot, pid, generation }: World): SeenProcess | undefined =>
    alive ? { boot: String(boot), pid, start: '7', generation: String(generation) } : undefined;
  const play = async (events: readonly Event[]) => {
    const folder = tempFolder();
    const truth = new Truth();
    let exporter = counterOn(folder);
    let world: World = { boot: 1, pid: 1, generation: 1, alive: true };
    for (const event of events) {
      world = happen(world, event);
      if (event === 'exporter_restarts') {
        await exporter.state.close();
        exporter = counterOn(folder);
      }
      if (event === 'look')
        expect(await exporter.counter.observe(GATEWAY, look(world))).toEqual({
          state: 'known',
          total: truth.after(world),
        });
    }
    await exporter.state.close();
  };
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), play), {
    numRuns: 60,
  });
});

it('the state holds no path of the gateway', async () => {
  const folder = tempFolder();
  const { counter, state } = counterOn(folder);
  await counter.observe(GATEWAY, seen(1, 'a'));
  expect(readFileSync(join(folder, 'state.json'), 'utf8')).not.toContain('.openclaw');
  await state.close();
});
