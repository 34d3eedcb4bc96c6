import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  COLLECTOR_LIST,
  COLLECTORS,
  createCollectors,
  findPredecessors,
} from '../../../src/collectors/index.ts';
import { defaultConfig } from '../../../src/config/load.ts';
import { createCollector, defineCollector } from '../../../src/core/context.ts';
import { FactBoard, type FactName } from '../../../src/core/facts.ts';
import { LAYERS } from '../../../src/lib/vocabulary.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { installOf, testContext } from '../../support/looks.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const SETTINGS = { enabled: true, intervalMs: 1_000, timeoutMs: 500 };
const FOLDER = join(import.meta.dirname, '..', '..', '..', 'src', 'collectors');
const KNOWN = { identity: 'boot 1 1', startedMonotonicMs: 0 };

/** A collector that does nothing but publish. */
function publishing() {
  let publish: (identity: string | undefined) => void = () => undefined;
  const descriptor = defineCollector({
    name: 'test',
    layer: 'process',
    defaults: SETTINGS,
    after: [],
    publishes: ['process'],
    metrics: [],
    create: (_context, _settings, write) => {
      publish = (identity) => write('process', identity === undefined ? undefined : { ...KNOWN, identity });
      return { targets: () => [] };
    },
  });
  return { descriptor, publish: (identity: string | undefined) => publish(identity) };
}

describe('the list of collectors', () => {
  it('names every folder of src/collectors that holds a collector', () => {
    const folders = readdirSync(FOLDER).filter((name) => existsSync(join(FOLDER, name, 'collector.ts')));
    expect(Object.keys(COLLECTORS).toSorted()).toEqual(folders.toSorted());
  });

  it('gives every fact one writer', () => {
    const written = COLLECTOR_LIST.flatMap(({ publishes }) => publishes);
    expect(written).toEqual([...new Set(written)]);
  });

  it('shows the layers in their one order', () => {
    expect([...new Set(COLLECTOR_LIST.map(({ layer }) => layer))]).toEqual([...LAYERS]);
  });

  it('declares no metric under a name that another one has', () => {
    const metrics = [...new Set(COLLECTOR_LIST.flatMap((one) => one.metrics))].map(({ name }) => name);
    expect(metrics).toEqual([...new Set(metrics)]);
  });

  it('puts cron after the proof of the token, without which its API is not asked', () => {
    expect(findPredecessors('cron')).toContain('token');
  });

  it('puts no collector after itself, and none after one that does not exist', () => {
    const names = COLLECTOR_LIST.map(({ name }) => name);
    for (const { name } of COLLECTOR_LIST) {
      expect(findPredecessors(name)).not.toContain(name);
      expect(names).toEqual(expect.arrayContaining([...findPredecessors(name)]));
    }
    expect(findPredecessors('remote')).toEqual(['process', 'token', 'ssh']);
  });

  it('has defaults whose timeout lies within the interval', () => {
    for (const { defaults, minTimeoutMs = 0 } of COLLECTOR_LIST) {
      expect(Math.max(defaults.timeoutMs, minTimeoutMs)).toBeLessThanOrEqual(defaults.intervalMs);
    }
  });
});

describe('creating a collector', () => {
  it('registers no metric, sets no timer and touches no file', async () => {
    const storagePath = join(tempFolder(), 'storage');
    const clock = new FakeClock();
    const context = testContext(installOf(1, 'token'), { storagePath, clock, config: defaultConfig() });
    expect(createCollectors(context, context.board)).toHaveLength(COLLECTOR_LIST.length);
    expect(await context.metrics.expose('text')).toBe('');
    expect(clock.pending).toBe(0);
    expect(existsSync(storagePath)).toBe(false);
  });

  it('raises a timeout that is shorter than the collector can work with', () => {
    const context = testContext(installOf(1, undefined));
    const { timeoutMs } = createCollector(COLLECTORS.token, context, context.board, SETTINGS);
    expect(timeoutMs).toBe(COLLECTORS.token.minTimeoutMs);
  });
});

describe('a published fact', () => {
  const read = (board: FactBoard, fact: FactName = 'process') => board.read(fact);

  it('is there until its collector withdraws it or closes', async () => {
    const context = testContext(installOf(1, undefined));
    const board = new FactBoard();
    const { descriptor, publish } = publishing();
    const collector = createCollector(descriptor, context, board, SETTINGS);
    expect(read(board)).toBeUndefined();
    publish('one');
    expect(read(board)).toEqual({ ...KNOWN, identity: 'one' });
    publish(undefined);
    expect(read(board)).toBeUndefined();
    publish('two');
    await collector.close?.();
    expect(read(board)).toBeUndefined();
  });

  it('of a new collector is neither withdrawn nor overwritten by the one it replaced', async () => {
    const context = testContext(installOf(1, undefined));
    const board = new FactBoard();
    const [old, next] = [publishing(), publishing()];
    const replaced = createCollector(old.descriptor, context, board, SETTINGS);
    createCollector(next.descriptor, context, board, SETTINGS);
    old.publish('old');
    next.publish('new');
    await replaced.close?.();
    old.publish('late');
    expect(read(board)).toEqual({ ...KNOWN, identity: 'new' });
  });
});
