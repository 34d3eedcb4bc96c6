import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type MissCursor,
  missCursorSchema,
  overdueSeconds,
} from '../../../../../src/collectors/cron/schedule/due.ts';
import { advance, type MissOptions } from '../../../../../src/collectors/cron/schedule/misses.ts';
import { MAX_OCCURRENCES } from '../../../../../src/collectors/cron/schedule/planner.ts';
import type { RunSeen } from '../../../../../src/collectors/cron/schedule/runs.ts';
import type { CronJob, CronSchedule } from '../../../../../src/collectors/cron/source/records.ts';
import { cronJob, liveGateway, type Outage, randomFrom } from '../../../../support/cron-gateway-model.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday, 10:00 UTC. */
const TEN = Date.UTC(2026, 5, 1, 10);
const OPTIONS: MissOptions = { graceMs: 10 * MINUTE, timeZone: 'UTC' };
const HOURLY: CronSchedule = { kind: 'cron', expr: '0 * * * *', tz: 'UTC', staggerMs: 0 };
const MINUTELY: CronSchedule = { kind: 'cron', expr: '* * * * *', tz: 'UTC', staggerMs: 0 };
const every = (everyMs: number): CronSchedule => ({ kind: 'every', everyMs, anchorMs: TEN - DAY });

interface Look {
  readonly atMs: number;
  readonly job?: Partial<CronJob>;
  readonly runs?: readonly RunSeen[];
  readonly options?: Partial<MissOptions>;
}

function ok(runAtMs: number, tookMs = 5 * SECOND): RunSeen {
  return { runAtMs, finishedAtMs: runAtMs + tookMs, status: 'ok' };
}

function failed(runAtMs: number, tookMs = 5 * SECOND): RunSeen {
  return { runAtMs, finishedAtMs: runAtMs + tookMs, status: 'error' };
}

/** Looks at a job one after another; the cursor goes through JSON each time, as through the state file. */
function look(base: Partial<CronJob> & Pick<CronJob, 'schedule'>, looks: readonly Look[]) {
  let cursor: MissCursor | undefined;
  let known: Partial<CronJob> = {};
  const missed: number[] = [];
  let count = 0;
  let duplicates = 0;
  let isBeyondSchedule: boolean | undefined;
  let job = cronJob(base);
  for (const { atMs, job: change, runs = [], options } of looks) {
    known = { ...known, ...change };
    job = cronJob({ ...base, ...known });
    const found = advance(cursor, job, runs, atMs, { ...OPTIONS, ...options });
    cursor = missCursorSchema.parse(JSON.parse(JSON.stringify(found.cursor)));
    missed.push(...found.missedAtMs);
    count += found.missed;
    duplicates += found.duplicates;
    ({ isBeyondSchedule } = found);
  }
  const lastMs = looks.at(-1)?.atMs ?? 0;
  const overdue = overdueSeconds(job, cursor, lastMs, isBeyondSchedule);
  return { missed, count, duplicates, isBeyondSchedule, cursor, overdue };
}

/** What is missed after the first look at 9:59, when the next run is planned for 10:00. */
function missedBy(schedule: CronSchedule, looks: readonly Look[], job: Partial<CronJob> = {}) {
  const first = { atMs: TEN - MINUTE, job: { nextRunAtMs: TEN, lastRunAtMs: TEN - HOUR, ...job } };
  return look({ schedule }, [first, ...looks]).missed;
}

describe('an occurrence', () => {
  it('that nothing runs is missed once its grace is over, and only once', () => {
    const before = { atMs: TEN + 10 * MINUTE };
    expect(missedBy(HOURLY, [before])).toEqual([]);
    expect(missedBy(HOURLY, [before, { atMs: TEN + 10 * MINUTE + 1 }, { atMs: TEN + 30 * MINUTE }])).toEqual([
      TEN,
    ]);
  });

  it('is missed although the plan moved on as if nothing had happened', () => {
    const movedOn = { atMs: TEN + MINUTE, job: { nextRunAtMs: TEN + HOUR } };
    expect(missedBy(HOURLY, [movedOn, { atMs: TEN + 30 * MINUTE }])).toEqual([TEN]);
    const later = { atMs: TEN + HOUR + MINUTE, runs: [ok(TEN + HOUR)], job: { nextRunAtMs: TEN + 2 * HOUR } };
    expect(missedBy(HOURLY, [movedOn, later])).toEqual([TEN]);
  });

  it('that vanished from a quick job is missed as soon as the next one ran', () => {
    const looks = [
      {
        atMs: TEN + 3 * MINUTE,
        runs: [ok(TEN), ok(TEN + 2 * MINUTE)],
        job: { nextRunAtMs: TEN + 3 * MINUTE },
      },
    ];
    expect(missedBy(MINUTELY, looks)).toEqual([TEN + MINUTE]);
  });

  it('run late within the grace is not missed, run later it is', () => {
    const ran = (runAtMs: number) => [
      { atMs: runAtMs + MINUTE, runs: [ok(runAtMs)], job: { nextRunAtMs: TEN + HOUR } },
    ];
    expect(missedBy(HOURLY, ran(TEN + 10 * MINUTE))).toEqual([]);
    expect(missedBy(HOURLY, ran(TEN + 10 * MINUTE + 1))).toEqual([TEN]);
    expect(missedBy({ kind: 'at', atMs: TEN }, ran(TEN + 11 * MINUTE))).toEqual([TEN]);
  });

  it('of a gateway that was down is counted with all the others, seen as planned or not', () => {
    const back = { atMs: TEN + 5 * HOUR + 10 * MINUTE, job: { nextRunAtMs: TEN + 5 * HOUR + 12 * MINUTE } };
    const hours = [0, 1, 2, 3, 4, 5].map((hour) => TEN + hour * HOUR);
    const runAtMs = TEN + 5 * HOUR + 12 * MINUTE;
    const ran = { atMs: runAtMs + MINUTE, runs: [ok(runAtMs)], job: { nextRunAtMs: TEN + 6 * HOUR } };
    expect(missedBy(HOURLY, [back, ran])).toEqual(hours);
  });

  it('postponed after a start and then run in time is not missed', () => {
    const start = TEN + 4 * MINUTE;
    const postponed = { atMs: start + SECOND, job: { nextRunAtMs: start + 2 * MINUTE } };
    const ran = {
      atMs: start + 3 * MINUTE,
      runs: [ok(start + 2 * MINUTE)],
      job: { nextRunAtMs: TEN + HOUR },
    };
    expect(missedBy(HOURLY, [postponed, ran, { atMs: TEN + 50 * MINUTE }])).toEqual([]);
  });

  it('while the exporter slept is not missed when the history has its run', () => {
    const runs = [0, 1, 2, 3, 4].map((hour) => ok(TEN + hour * HOUR + 300));
    const woken = { atMs: TEN + 4.5 * HOUR, runs, job: { nextRunAtMs: TEN + 5 * HOUR } };
    expect(missedBy(HOURLY, [woken])).toEqual([]);
  });

  it('from a time of which the history was pruned is not judged', () => {
    const runs = [3, 4].map((hour) => ok(TEN + hour * HOUR));
    const options = { historyCompleteSinceMs: TEN + 3 * HOUR };
    const woken = { atMs: TEN + 4.5 * HOUR, runs, job: { nextRunAtMs: TEN + 5 * HOUR }, options };
    expect(missedBy(HOURLY, [woken])).toEqual([]);
    expect(missedBy(HOURLY, [{ ...woken, options: {} }])).toHaveLength(3);
  });

  it('from such a time is missed when the job itself says that it did not run since', () => {
    const options = { historyCompleteSinceMs: TEN + 3 * HOUR };
    expect(missedBy(HOURLY, [{ atMs: TEN + 2.5 * HOUR, options }])).toHaveLength(3);
  });

  it('that falls into a run of the same job is not missed', () => {
    const during = { atMs: TEN + 3 * MINUTE, job: { runningAtMs: TEN } };
    const over = {
      atMs: TEN + 6 * MINUTE,
      runs: [ok(TEN, 5.5 * MINUTE)],
      job: { runningAtMs: undefined, nextRunAtMs: TEN + 6 * MINUTE },
    };
    expect(missedBy(MINUTELY, [during, over])).toEqual([]);
    expect(missedBy(MINUTELY, [over])).toEqual([]);
  });

  it('after a run that was killed with the gateway is missed, though the run is written down as long', () => {
    const runs = [{ runAtMs: TEN, finishedAtMs: TEN + 3.5 * HOUR, status: 'interrupted' as const }];
    const back = { atMs: TEN + 3.6 * HOUR, runs, job: { nextRunAtMs: TEN + 4 * HOUR } };
    const hours = [1, 2, 3].map((hour) => TEN + hour * HOUR);
    expect(
      missedBy(HOURLY, [
        { atMs: TEN + MINUTE, job: { runningAtMs: TEN } },
        { ...back, job: { runningAtMs: undefined, ...back.job } },
      ]),
    ).toEqual(hours);
    expect(missedBy(HOURLY, [back])).toEqual(hours);
  });

  it('during the back-off after failures is not missed', () => {
    const starts = [0, MINUTE, 2 * MINUTE + 5 * SECOND, 7 * MINUTE + 10 * SECOND];
    const lastRunAtMs = TEN + 7 * MINUTE + 10 * SECOND;
    const job = { nextRunAtMs: lastRunAtMs + 5 * SECOND + 15 * MINUTE, consecutiveErrors: 4, lastRunAtMs };
    const back = { atMs: TEN + 22 * MINUTE, runs: starts.map((ms) => failed(TEN + ms)), job };
    expect(missedBy(MINUTELY, [back])).toEqual([]);
  });

  it('that the back-off ends with is missed when nothing runs', () => {
    const job = { nextRunAtMs: TEN + 35 * SECOND, consecutiveErrors: 1 };
    const looks = [
      { atMs: TEN + 6 * SECOND, runs: [failed(TEN)], job },
      { atMs: TEN + 36 * SECOND + 10 * MINUTE },
    ];
    expect(missedBy(every(20 * SECOND), looks)[0]).toBe(TEN + 35 * SECOND);
  });
});

describe('a job', () => {
  it('that is disabled is never due, and enabled again only from then on', () => {
    const disabled = { atMs: TEN + MINUTE, job: { enabled: false, nextRunAtMs: undefined } };
    const enabled = { atMs: TEN + 5.5 * HOUR, job: { enabled: true, nextRunAtMs: TEN + 6 * HOUR } };
    expect(missedBy(HOURLY, [disabled, { atMs: TEN + 5 * HOUR }, enabled])).toEqual([]);
    expect(missedBy(HOURLY, [disabled, enabled, { atMs: TEN + 6 * HOUR + 11 * MINUTE }])).toEqual([
      TEN + 6 * HOUR,
    ]);
  });

  it('enabled again is not due for the past, even before the gateway has planned its next run', () => {
    const disabled = { atMs: TEN + MINUTE, job: { enabled: false, nextRunAtMs: undefined } };
    const enabled = { atMs: TEN + 5.5 * HOUR, job: { enabled: true } };
    const looks = [disabled, enabled, { atMs: TEN + 5.9 * HOUR }, { atMs: TEN + 6.5 * HOUR }];
    expect(missedBy(HOURLY, looks)).toEqual([TEN + 6 * HOUR]);
  });

  it('whose schedule was edited starts anew', () => {
    const edited = { atMs: TEN + 5 * MINUTE, job: { schedule: MINUTELY, nextRunAtMs: TEN + 6 * MINUTE } };
    expect(missedBy(HOURLY, [edited, { atMs: TEN + 15 * MINUTE }])).toEqual([]);
    expect(missedBy(HOURLY, [edited, { atMs: TEN + 16 * MINUTE + 1 }])).toEqual([TEN + 6 * MINUTE]);
  });

  it('first seen long after it was due is not judged for that, seen within the grace it is', () => {
    const job = { nextRunAtMs: TEN };
    expect(
      look({ schedule: HOURLY }, [{ atMs: TEN + 30 * MINUTE, job }, { atMs: TEN + 40 * MINUTE }]).missed,
    ).toEqual([]);
    expect(
      look({ schedule: HOURLY }, [{ atMs: TEN + MINUTE, job }, { atMs: TEN + 11 * MINUTE }]).missed,
    ).toEqual([TEN]);
  });

  it('that events start is never due', () => {
    expect(missedBy({ kind: 'event' }, [{ atMs: TEN + DAY }])).toEqual([]);
    expect(
      overdueSeconds(cronJob({ schedule: { kind: 'event' }, nextRunAtMs: TEN }), undefined, TEN + DAY),
    ).toBeUndefined();
  });

  it.each<[string, Partial<CronJob>]>([
    ['of unknown schedule', { schedule: { kind: 'unknown' } }],
    [
      'without a zone that is known',
      { schedule: { kind: 'cron', expr: '0 * * * *', tz: undefined, staggerMs: 0 } },
    ],
    [
      'with an expression that is not valid',
      { schedule: { kind: 'cron', expr: 'never', tz: 'UTC', staggerMs: 0 } },
    ],
    ['that sets its own pace', { schedule: HOURLY, selfPaced: true }],
  ])('%s is judged by the stored plan alone', (_, known) => {
    const options = { timeZone: undefined };
    const base = cronJob({ schedule: HOURLY, ...known });
    const planned = { atMs: TEN - MINUTE, job: { nextRunAtMs: TEN }, options };
    const movedOn = { atMs: TEN + MINUTE, job: { nextRunAtMs: TEN + 3 * HOUR }, options };
    const gone = { atMs: TEN + 2 * HOUR, options };
    expect(look(base, [planned, movedOn, gone]).missed).toEqual([TEN]);
    expect(
      look(base, [planned, { ...gone, atMs: TEN + 9 * HOUR }, { ...gone, atMs: TEN + 9.5 * HOUR }]).missed,
    ).toEqual([TEN]);
    expect(look(base, [planned, { ...movedOn, runs: [ok(TEN + SECOND)] }, gone]).missed).toEqual([]);
  });

  it('that runs every 10 s misses one run for each whole interval of an outage but the one run late', () => {
    const schedule = every(10 * SECOND);
    const runs = [ok(TEN + HOUR, 10)];
    const back = { atMs: TEN + HOUR + SECOND, runs, job: { nextRunAtMs: TEN + HOUR + 10 * SECOND } };
    const asOne = look({ schedule }, [{ atMs: TEN - 5 * SECOND, job: { nextRunAtMs: TEN } }, back]);
    const during = Array.from({ length: 59 }, (_, minute) => ({ atMs: TEN + minute * MINUTE }));
    const watched = look({ schedule }, [
      { atMs: TEN - 5 * SECOND, job: { nextRunAtMs: TEN } },
      ...during,
      back,
    ]);
    expect(asOne.count).toBe(360);
    expect(watched.count).toBe(360);
  });

  it('that only its log tells is missed after its interval, counted from its last run', () => {
    const base = {
      id: 'log:ws/backup',
      schedule: { kind: 'every', everyMs: HOUR, anchorMs: undefined } as const,
    };
    const looks = [
      { atMs: TEN + MINUTE, job: { lastRunAtMs: TEN }, runs: [ok(TEN)] },
      {
        atMs: TEN + HOUR + 5 * MINUTE,
        runs: [ok(TEN + HOUR + 4 * MINUTE)],
        job: { lastRunAtMs: TEN + HOUR + 4 * MINUTE },
      },
      { atMs: TEN + 3 * HOUR },
    ];
    const { missed, overdue } = look(base, looks);
    expect(missed).toEqual([TEN + 2 * HOUR + 4 * MINUTE]);
    expect(overdue).toBe((56 * MINUTE) / SECOND);
  });

  it('keeps its place when the estimate of its interval moves a little', () => {
    const at = (everyMs: number) => ({ kind: 'every', everyMs, anchorMs: undefined }) as const;
    const base = { id: 'log:ws/backup', origin: 'log' as const, schedule: at(HOUR) };
    const looks = [
      { atMs: TEN + MINUTE, job: { lastRunAtMs: TEN } },
      { atMs: TEN + HOUR, job: { schedule: at(HOUR + 7) } },
      { atMs: TEN + HOUR + 11 * MINUTE },
    ];
    expect(look(base, looks).count).toBe(1);
  });

  it('of one second, away for a month, is judged in bounded work', () => {
    const schedule: CronSchedule = { kind: 'cron', expr: '* * * * * *', tz: 'UTC', staggerMs: 0 };
    const { count } = look({ schedule }, [
      { atMs: TEN, job: { nextRunAtMs: TEN + SECOND } },
      { atMs: TEN + 30 * DAY },
    ]);
    expect(count).toBe(MAX_OCCURRENCES);
  });
});

describe('a wall clock', () => {
  it('set back makes nothing missed, and nothing missed twice', () => {
    const runs = [ok(TEN), ok(TEN + HOUR), ok(TEN + 2 * HOUR)];
    const before = { atMs: TEN + 2.5 * HOUR, runs, job: { nextRunAtMs: TEN + 3 * HOUR } };
    const hours = [0, 1, 2].map((hour) => ({ atMs: TEN + hour * HOUR + 20 * MINUTE }));
    expect(missedBy(HOURLY, [before, ...hours])).toEqual([]);
  });

  it('set back by a day does not hide what is missed from then on', () => {
    const ran = { atMs: TEN + 5 * MINUTE, runs: [ok(TEN)], job: { nextRunAtMs: TEN + HOUR } };
    const back = { atMs: TEN - DAY, job: { nextRunAtMs: TEN - DAY + HOUR, lastRunAtMs: TEN } };
    expect(missedBy(HOURLY, [ran, back, { atMs: TEN - DAY + 1.5 * HOUR }])).toEqual([TEN - DAY + HOUR]);
  });

  it('set back leaves nothing missed and no plan beyond the schedule while the gateway waits for its former plan', () => {
    const before = {
      atMs: TEN + MINUTE,
      runs: [ok(TEN)],
      job: { nextRunAtMs: TEN + HOUR, lastRunAtMs: TEN },
    };
    const after = [0, 1, 2, 3].map((hour) => ({ atMs: TEN - 3 * HOUR + (hour + 0.3) * HOUR }));
    const { missed, isBeyondSchedule } = look({ schedule: HOURLY }, [before, ...after]);
    expect(missed).toEqual([]);
    expect(isBeyondSchedule).toBe(false);
  });

  it('stepped forward makes nothing missed of what lies between', () => {
    const steppedToMs = TEN + 2 * HOUR + 30 * SECOND;
    const { missed } = look({ schedule: MINUTELY }, [
      { atMs: TEN + 30 * SECOND, runs: [ok(TEN)], job: { nextRunAtMs: TEN + MINUTE, lastRunAtMs: TEN } },
      { atMs: steppedToMs, options: { steppedToMs } },
      {
        atMs: steppedToMs + 15 * SECOND,
        runs: [ok(steppedToMs + SECOND)],
        job: { nextRunAtMs: TEN + 2 * HOUR + MINUTE, lastRunAtMs: steppedToMs + SECOND },
      },
    ]);
    expect(missed).toEqual([]);
  });

  it('stepped forward hides nothing that is missed from then on', () => {
    const steppedToMs = TEN + 2 * HOUR + 30 * SECOND;
    const { missed } = look({ schedule: HOURLY }, [
      { atMs: TEN + 30 * SECOND, runs: [ok(TEN)], job: { nextRunAtMs: TEN + HOUR, lastRunAtMs: TEN } },
      { atMs: steppedToMs, options: { steppedToMs } },
      { atMs: TEN + 3 * HOUR + 11 * MINUTE },
    ]);
    expect(missed).toEqual([TEN + 3 * HOUR]);
  });

  it('set forward by years starts anew', () => {
    const job = { nextRunAtMs: TEN + 20 * 365 * DAY + HOUR };
    expect(missedBy(HOURLY, [{ atMs: TEN + 20 * 365 * DAY, job }])).toEqual([]);
  });
});

describe('a plan beyond the schedule', () => {
  const ran = { runs: [ok(TEN)], job: { lastRunAtMs: TEN } };

  it('is not believed: every occurrence that passes is missed, and the job is overdue since the first', () => {
    const far = TEN + 20 * MINUTE;
    const first = { atMs: TEN + 30 * SECOND, ...ran, job: { ...ran.job, nextRunAtMs: far } };
    const seen = look({ schedule: MINUTELY }, [first, { atMs: TEN + 13.5 * MINUTE }]);
    expect(seen.isBeyondSchedule).toBe(true);
    expect(seen.missed).toEqual([1, 2, 3].map((slot) => TEN + slot * MINUTE));
    expect(seen.overdue).toBe((12.5 * MINUTE) / SECOND);
  });

  it.each([
    ['every', every(20 * MINUTE), 78 * MINUTE],
    ['a day of', { kind: 'cron', expr: '0 10 * * *', tz: 'UTC', staggerMs: 0 } as const, 3 * DAY],
    ['a minute of', MINUTELY, 30 * MINUTE],
    ['once', { kind: 'at', atMs: TEN + HOUR } as const, 3 * HOUR],
  ])('is told of a job that runs %s its schedule', (_name, schedule, aheadMs) => {
    const first = { atMs: TEN + 30 * SECOND, ...ran, job: { ...ran.job, nextRunAtMs: TEN + aheadMs } };
    expect(look({ schedule }, [first]).isBeyondSchedule).toBe(true);
  });

  it.each([
    ['the wait after a failure', { nextRunAtMs: TEN + 59 * MINUTE, consecutiveErrors: 5 }],
    ['what a gateway owes at its start', { nextRunAtMs: TEN + 3 * MINUTE }],
    ['the active hours of a heartbeat', { nextRunAtMs: TEN + 9 * HOUR, isHeartbeat: true }],
    ['a pace that the job sets itself', { nextRunAtMs: TEN + 9 * HOUR, selfPaced: true }],
    ['a pause', { nextRunAtMs: TEN + 9 * HOUR, enabled: false }],
  ])('is not %s', (_name, job) => {
    const first = { atMs: TEN + 30 * SECOND, ...ran, job: { ...ran.job, ...job } };
    expect(look({ schedule: MINUTELY }, [first]).isBeyondSchedule).not.toBe(true);
  });
});

describe('a run', () => {
  const at = (startMs: number, isManual?: boolean): RunSeen => ({ ...ok(startMs), isManual });
  const duplicatesOf = (schedule: CronSchedule, ...runs: readonly RunSeen[]) =>
    look({ schedule }, [
      { atMs: TEN - MINUTE, job: { nextRunAtMs: TEN, lastRunAtMs: TEN - HOUR } },
      ...runs.map((run) => ({ atMs: run.runAtMs + 10 * SECOND, runs: [run] })),
    ]).duplicates;

  it('that the gateway starts for an occurrence which ran already is a duplicate', () => {
    expect(duplicatesOf(HOURLY, at(TEN, false), at(TEN + 20 * MINUTE, false))).toBe(1);
    expect(duplicatesOf(HOURLY, at(TEN), at(TEN + 5 * SECOND))).toBe(1);
    expect(duplicatesOf(every(HOUR), at(TEN), at(TEN + SECOND))).toBe(1);
  });

  it.each([
    ['a person asked for it', [at(TEN, false), at(TEN + MINUTE, true)]],
    ['a person may have asked for it', [at(TEN), at(TEN + 20 * MINUTE)]],
    ['the one before failed', [failed(TEN), at(TEN + 30 * SECOND, false)]],
    ['it is the next occurrence', [at(TEN + 50 * MINUTE, false), at(TEN + HOUR, false)]],
    [
      'the one before began so late that it all but met the next occurrence',
      [at(TEN + HOUR - SECOND / 2, false), at(TEN + HOUR + 2 * SECOND, false)],
    ],
  ])('is none where %s', (_why, runs) => {
    expect(duplicatesOf(HOURLY, ...runs)).toBe(0);
  });

  /** Minutes after each hour at which its runs began, the first for the occurrence itself. */
  const hours = fc.array(
    fc
      .uniqueArray(fc.integer({ min: 0, max: 55 }), { maxLength: 4 })
      .map((minutes) => minutes.toSorted((a, b) => a - b)),
    { minLength: 1, maxLength: 12 },
  );

  it('is counted once for each run beyond the first of its occurrence, however often the runs are read', () => {
    fc.assert(
      fc.property(hours, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (all, gaps) => {
        const runs = all.flatMap((minutes, hour) =>
          minutes.map((minute) => at(TEN + hour * HOUR + minute * MINUTE, false)),
        );
        const looks: Look[] = [{ atMs: TEN - MINUTE, job: { nextRunAtMs: TEN, lastRunAtMs: TEN - HOUR } }];
        const endMs = TEN + all.length * HOUR;
        for (let ms = TEN, index = 0; ms < endMs; index += 1) {
          ms = Math.min(endMs, ms + (gaps[index % gaps.length] ?? 1) * MINUTE);
          // A source tells the runs that it has told before again.
          looks.push({ atMs: ms, runs: runs.filter(({ finishedAtMs = 0 }) => finishedAtMs <= ms) });
        }
        const more = all.map((minutes) => Math.max(0, minutes.length - 1));
        expect(look({ schedule: HOURLY }, looks).duplicates).toBe(more.reduce((sum, one) => sum + one, 0));
      }),
    );
  });

  it('that a person started is never a duplicate, whenever it began', () => {
    const slots = fc.integer({ min: 1, max: 8 });
    const asked = fc.array(fc.integer({ min: 1, max: 480 }), { maxLength: 8 });
    fc.assert(
      fc.property(slots, asked, (count, minutes) => {
        const scheduled = Array.from({ length: count }, (_, hour) => at(TEN + hour * HOUR, false));
        const manual = minutes
          .filter((minute) => minute % 60 !== 0)
          .map((minute) => at(TEN + minute * MINUTE, true));
        const runs = [...scheduled, ...manual].toSorted((a, b) => a.runAtMs - b.runAtMs);
        expect(duplicatesOf(HOURLY, ...runs)).toBe(0);
      }),
    );
  });

  it('is a duplicate once, also where it was seen while it ran', () => {
    const { duplicates } = look({ schedule: HOURLY }, [
      { atMs: TEN - MINUTE, job: { nextRunAtMs: TEN, lastRunAtMs: TEN - HOUR } },
      { atMs: TEN + 10 * SECOND, runs: [at(TEN, false)] },
      { atMs: TEN + 70 * SECOND, job: { runningAtMs: TEN + MINUTE } },
      { atMs: TEN + 90 * SECOND, runs: [at(TEN + MINUTE, false)], job: { runningAtMs: undefined } },
      { atMs: TEN + 95 * SECOND, runs: [at(TEN + MINUTE, false)] },
    ]);
    expect(duplicates).toBe(1);
  });
});

describe('overdue', () => {
  const job = cronJob({ schedule: HOURLY, nextRunAtMs: TEN });

  it('is the time since the stored plan, 0 before it and during a run, and absent when the job is never due', () => {
    expect(overdueSeconds(job, undefined, TEN - SECOND)).toBe(0);
    expect(overdueSeconds(job, undefined, TEN + 90 * SECOND)).toBe(90);
    expect(overdueSeconds({ ...job, runningAtMs: TEN }, undefined, TEN + HOUR)).toBe(0);
    expect(overdueSeconds({ ...job, enabled: false }, undefined, TEN + HOUR)).toBeUndefined();
    expect(overdueSeconds({ ...job, nextRunAtMs: undefined }, undefined, TEN + HOUR)).toBeUndefined();
  });

  it('counts from the anchor after a failure, as 2026.6 and 2026.7 plan, where no plan is stored', () => {
    const quarter = HOUR / 4;
    const { overdue } = look({ schedule: every(HOUR) }, [
      { atMs: TEN - MINUTE },
      { atMs: TEN + 3 * quarter, runs: [failed(TEN + quarter), ok(TEN + 2 * quarter)] },
      { atMs: TEN + 5 * quarter },
    ]);
    expect(overdue).toBe(quarter / SECOND);
  });

  it('counts on from the first occurrence without a run where no plan is stored', () => {
    const { overdue } = look({ schedule: HOURLY }, [{ atMs: TEN - MINUTE }, { atMs: TEN + 2.5 * HOUR }]);
    expect(overdue).toBe((2.5 * HOUR) / SECOND);
  });
});

describe('the search', () => {
  const spell = fc.record({
    after: fc.integer({ min: 1, max: 400 }),
    minutes: fc.integer({ min: 1, max: 300 }),
  });
  const schedules = fc.constantFrom<CronSchedule>(
    HOURLY,
    MINUTELY,
    every(10 * SECOND),
    every(7 * MINUTE),
    every(HOUR),
  );

  function storyOf(
    schedule: CronSchedule,
    seed: number,
    spells: readonly { after: number; minutes: number }[],
  ) {
    const outages: Outage[] = [];
    for (const { after, minutes } of spells) {
      const fromMs = (outages.at(-1)?.toMs ?? TEN) + (after + 5) * MINUTE;
      outages.push({ fromMs, toMs: fromMs + minutes * MINUTE });
    }
    const cronStepMs = schedule === HOURLY ? HOUR : MINUTE;
    return liveGateway({
      id: 'job',
      schedule,
      natural: (ms) => (Math.floor(ms / cronStepMs) + 1) * cronStepMs,
      fromMs: TEN + SECOND,
      toMs: (outages.at(-1)?.toMs ?? TEN) + 3 * HOUR,
      graceMs: OPTIONS.graceMs,
      outages,
      random: randomFrom(seed),
      failing: 0,
      vanishing: 0.02,
      maxRunMs: 4 * SECOND,
      afterOutage: seed % 2 === 0 ? 'run' : 'defer',
    });
  }

  it('finds the same however often it looks, and asked again with the former cursor answers the same', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        schedules,
        fc.nat(),
        fc.array(spell, { maxLength: 3 }),
        gaps,
        (schedule, seed, spells, minutes) => {
          const story = storyOf(schedule, seed, spells);
          fc.pre(!story.isUndecidable);
          const endMs = story.runs.at(-1)?.finishedAtMs ?? TEN;
          let cursor: MissCursor | undefined;
          let count = 0;
          let told = 0;
          for (let ms = TEN + SECOND, index = 0; ; index += 1) {
            const runs = story.runs.slice(told).filter(({ finishedAtMs }) => finishedAtMs <= ms);
            told += runs.length;
            const job = story.jobAt(ms);
            const found = advance(cursor, job, runs, ms, OPTIONS);
            expect(advance(cursor, job, [...runs, ...runs].reverse(), ms, OPTIONS)).toEqual(found);
            expect(advance(found.cursor, job, runs, ms, OPTIONS)).toEqual({
              cursor: found.cursor,
              missed: 0,
              missedAtMs: [],
              duplicates: 0,
              isBeyondSchedule: found.isBeyondSchedule,
            });
            // A gateway that keeps to its schedule never plans beyond it and runs no occurrence twice.
            expect([found.duplicates, found.isBeyondSchedule]).not.toContain(true);
            expect(found.duplicates).toBe(0);
            cursor = missCursorSchema.parse(JSON.parse(JSON.stringify(found.cursor)));
            count += found.missed;
            if (ms === endMs) break;
            ms = Math.min(endMs, ms + (minutes[index % minutes.length] ?? 1) * MINUTE);
          }
          expect(count).toBe(story.missedAtMs.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('takes whatever a storage may hold, counts within its bound and keeps a small cursor', () => {
    const time = fc.option(
      fc.oneof(
        fc.integer({ min: TEN - DAY, max: TEN + DAY }),
        fc.double({ min: 0, noNaN: true }),
        fc.constant(0),
      ),
      { nil: undefined },
    );
    const schedule = fc.oneof(
      fc.constantFrom<CronSchedule>(HOURLY, MINUTELY, { kind: 'unknown' }, { kind: 'event' }),
      fc.record({
        kind: fc.constant('every' as const),
        everyMs: fc.double({ min: 1e-9, noNaN: true }),
        anchorMs: time,
      }),
      fc.record({ kind: fc.constant('at' as const), atMs: fc.double({ noNaN: true }) }),
      fc.record({
        kind: fc.constant('cron' as const),
        expr: fc.oneof(fc.string(), fc.constantFrom('0 0 30 2 *', '@daily', '* * * * * *', '0 0 L * *')),
        tz: fc.constantFrom(undefined, 'UTC', 'Europe/Berlin', 'no zone'),
        staggerMs: time,
      }),
    );
    const job = fc.record({
      schedule,
      enabled: fc.boolean(),
      nextRunAtMs: time,
      runningAtMs: time,
      lastRunAtMs: time,
      lastDurationMs: time,
      consecutiveErrors: fc.nat(),
    });
    const run = fc.record({
      runAtMs: fc.oneof(time.filter((ms) => ms !== undefined)),
      finishedAtMs: time,
      status: fc.constantFrom('ok' as const, 'error' as const, 'interrupted' as const),
    });
    const looks = fc.array(
      fc.tuple(fc.integer({ min: TEN - HOUR, max: TEN + DAY }), job, fc.array(run, { maxLength: 5 })),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(looks, (all) => {
        let cursor: MissCursor | undefined;
        for (const [atMs, known, runs] of all) {
          const found = advance(cursor, cronJob(known), runs as RunSeen[], atMs, OPTIONS);
          expect(found.missed).toBeGreaterThanOrEqual(0);
          expect(JSON.stringify(found.cursor).length).toBeLessThan(2_000);
          cursor = missCursorSchema.parse(JSON.parse(JSON.stringify(found.cursor)));
        }
      }),
      { numRuns: 150 },
    );
  });
});
