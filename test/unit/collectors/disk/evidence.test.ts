import { describe, expect, it } from 'vitest';
import {
  databaseEvidence,
  filesystemEvidence,
  formatBytes,
} from '../../../../src/collectors/disk/evidence.ts';
import { Trend } from '../../../../src/collectors/disk/trend.ts';

const GIB = 1024 ** 3;
const HOUR = 3_600_000;
const WELL = { databases: undefined, cronJobs: 0 } as const;
const disk = (availBytes: number, fullInMs?: number) =>
  filesystemEvidence({ folder: 'state', sizeBytes: 100 * GIB, availBytes, fullInMs });

describe('the evidence of a filesystem', () => {
  it('is bad where it is full, or full within a day by its trend', () => {
    expect(disk(1 * GIB)).toMatchObject({ verdict: 'bad', fault: 'disk' });
    expect(disk(40 * GIB, 12 * HOUR)).toMatchObject({ verdict: 'bad', fault: 'disk' });
    expect(disk(40 * GIB, 12 * HOUR).text).toContain('is full in 12 h at this rate');
  });

  it('is a warning where little is left', () => {
    expect(disk(5 * GIB)).toMatchObject({ verdict: 'warning', fault: 'disk' });
  });

  it('is good where there is room, whatever the trend of an empty disk predicts', () => {
    expect(disk(80 * GIB, 12 * HOUR)).toMatchObject({
      verdict: 'ok',
      text: 'its filesystem has 80 GiB left (80 %)',
    });
    expect(disk(40 * GIB, 48 * HOUR)).toMatchObject({ verdict: 'ok' });
  });
});

describe('the trend of free space', () => {
  const fill = (trend: Trend, hours: number, perHour: number) => {
    for (let minute = 0; minute <= hours * 60; minute += 1)
      trend.add(minute * 60_000, 40 * GIB - (minute / 60) * perHour);
  };

  it('predicts when a disk is full that fills steadily', () => {
    const trend = new Trend();
    fill(trend, 6, 2 * GIB);
    expect(trend.predictFull()).toBeCloseTo(14 * HOUR, -4);
  });

  it('predicts nothing before it was seen for hours, nor where space becomes free', () => {
    const [young, growing] = [new Trend(), new Trend()];
    fill(young, 4, 2 * GIB);
    fill(growing, 6, -GIB);
    expect(young.predictFull()).toBeUndefined();
    expect(growing.predictFull()).toBeUndefined();
  });
});

describe('the evidence of the databases', () => {
  it('names a log that a reader keeps from being merged', () => {
    const [said] = databaseEvidence(new Map([['state', 100 * 1024 ** 2]]), WELL);
    expect(said).toMatchObject({ verdict: 'warning', subject: 'database state', fault: 'wal-pinned' });
  });

  it('names what the gateway has put aside', () => {
    const [said] = databaseEvidence(new Map(), { databases: 1, cronJobs: 2 });
    expect(said?.text).toBe(
      'the gateway has put aside 1 database(s) and 2 cron job(s) because they are damaged',
    );
  });

  it('is nothing where they are well', () => {
    expect(databaseEvidence(new Map([['state', 4 * 1024 ** 2]]), WELL)).toEqual([]);
  });
});

describe('bytes for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [64 * GIB, '64 GiB'],
    [2 ** 60, '1024 PiB'],
  ])('%d are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
