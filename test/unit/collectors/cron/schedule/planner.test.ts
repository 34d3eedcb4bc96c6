import { Cron } from 'croner';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logInterval } from '../../../../../src/collectors/cron/schedule/log-interval.ts';
import { expectedInterval } from '../../../../../src/collectors/cron/schedule/planner.ts';
import { cronSlots, staggerOffsets } from '../../../../../src/collectors/cron/schedule/slots.ts';
import type { CronSchedule } from '../../../../../src/collectors/cron/source/records.ts';
import { instantsByTheWall } from '../../../../support/cron-gateway-model.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NEW_YEAR = Date.UTC(2026, 0, 1);
/** Days around which the zone's clock is changed. */
const CHANGES = [
  ['Europe/Berlin', Date.UTC(2026, 2, 29)],
  ['Europe/Berlin', Date.UTC(2026, 9, 25)],
  ['America/New_York', Date.UTC(2026, 2, 8)],
  ['America/New_York', Date.UTC(2026, 10, 1)],
  ['Australia/Lord_Howe', Date.UTC(2026, 9, 4)],
  ['Asia/Kolkata', Date.UTC(2026, 5, 1)],
] as const;

function follow(next: (ms: number) => number | undefined, fromMs: number, toMs: number): number[] {
  const found: number[] = [];
  for (let ms = next(fromMs - 1); ms !== undefined && ms < toMs; ms = next(ms)) found.push(ms);
  return found;
}

function utc(text: string): number {
  return Date.parse(`${text}Z`);
}

const field = (max: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: 2, max: 6 }).map((step) => `*/${step}`),
    fc
      .uniqueArray(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 3 })
      .map((values) => values.join(',')),
  );
const expressions = fc
  .tuple(fc.constantFrom('0', '30', '15,45', '*/15'), field(23), fc.constantFrom('*', '*', '1-5', '0,6'))
  .map(([minute, hour, weekday]) => `${minute} ${hour} * * ${weekday}`);

describe('the instants of an expression', () => {
  it.each(CHANGES)('in %s are those at which the wall clock first shows the time', (timeZone, changeMs) => {
    fc.assert(
      fc.property(expressions, (expr) => {
        const [fromMs, toMs] = [changeMs - 3 * DAY, changeMs + 3 * DAY];
        const slots = cronSlots(expr, timeZone);
        expect(follow((ms) => slots?.next(ms), fromMs, toMs)).toEqual(
          instantsByTheWall(expr, timeZone, fromMs, toMs),
        );
      }),
      { numRuns: 15 },
    );
  });

  it.each(CHANGES)(
    'in %s are among those of the library where the wall clock shows them',
    (timeZone, changeMs) => {
      fc.assert(
        fc.property(expressions, (expr) => {
          const [fromMs, toMs] = [changeMs - DAY, changeMs + 2 * DAY];
          const slots = cronSlots(expr, timeZone);
          const cron = new Cron(expr, { timezone: timeZone });
          const theirs = follow((ms) => cron.nextRun(new Date(ms))?.getTime(), fromMs, toMs);
          const shown = theirs.filter((ms) => cron.match(new Date(ms)));
          expect(follow((ms) => slots?.next(ms), fromMs, toMs)).toEqual(shown);
        }),
        { numRuns: 5 },
      );
    },
  );

  it('leave out a time that the clock skips, and one that it shows twice where gateways take different ones', () => {
    const spring = cronSlots('30 2 * * *', 'Europe/Berlin');
    expect(spring?.next(utc('2026-03-28T01:30'))).toBe(utc('2026-03-30T00:30'));
    const autumn = cronSlots('45 1 * * *', 'Australia/Lord_Howe');
    expect(autumn?.next(utc('2026-04-03T14:45'))).toBe(utc('2026-04-05T15:15'));
  });

  it('end where none follows, and there are none of what is no expression or no zone', () => {
    expect(cronSlots('0 0 30 2 *', 'UTC')?.next(NEW_YEAR)).toBeUndefined();
    expect(cronSlots('never', 'UTC')).toBeUndefined();
    expect(cronSlots('* * * * *', 'Nowhere/Land')).toBeUndefined();
  });
});

describe('the stagger offset', () => {
  it('is below the window, the same for the same job, and 0 without a window', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: HOUR }), (id, windowMs) => {
        const [offset = -1, ...others] = staggerOffsets(id, '0 * * * *', windowMs);
        expect(others).toEqual([]);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset).toBeLessThan(Math.max(windowMs, 1));
        expect(staggerOffsets(id, '0 * * * *', windowMs)).toEqual([offset]);
      }),
    );
  });

  it('is one for each rule where versions differ in what they stagger', () => {
    expect(staggerOffsets('job', '0 3 * * *', undefined)).toEqual([0]);
    expect(staggerOffsets('job', '0 * * * *', undefined)).toEqual(staggerOffsets('job', '', 5 * MINUTE));
    expect(staggerOffsets('job', '0 0 */2 * * *', undefined)).toEqual(staggerOffsets('job', '', 5 * MINUTE));
    expect(staggerOffsets('job', '0 1-*/2 * * *', undefined)).toHaveLength(2);
  });
});

describe('the expected interval', () => {
  const cron = (expr: string): CronSchedule => ({ kind: 'cron', expr, tz: 'Europe/Berlin', staggerMs: 0 });
  it.each<[string, CronSchedule, number | undefined]>([
    ['of a fixed interval is that', { kind: 'every', everyMs: 90_000, anchorMs: undefined }, 90_000],
    ['of an hourly job is an hour', cron('0 * * * *'), HOUR],
    ['of a weekday job is the weekend', cron('0 9 * * 1-5'), 3 * DAY],
    ['of a job in office hours is the weekend', cron('*/10 9-17 * * 1-5'), 3 * DAY - 8 * HOUR - 50 * MINUTE],
    ['of a yearly job is a leap year', cron('0 0 1 1 *'), 366 * DAY],
    ['of a job without any time is unknown', cron('0 0 30 2 *'), undefined],
    ['of a job that runs once is unknown', { kind: 'at', atMs: NEW_YEAR }, undefined],
    ['of a job that events start is unknown', { kind: 'event' }, undefined],
  ])('%s', (_, schedule, expectedMs) => {
    expect(expectedInterval({ schedule })).toBe(expectedMs === undefined ? undefined : expectedMs / 1000);
  });
});

describe('the interval of a job that only its log tells', () => {
  const starts = (...gaps: number[]) => {
    const made = [NEW_YEAR];
    for (const gap of gaps) made.push((made.at(-1) ?? 0) + gap);
    return made;
  };
  const daily = (days: number) =>
    starts(...Array.from({ length: days }, (_, day) => DAY + (day % 3) * MINUTE));

  it('is the configured one, whatever the history says', () => {
    expect(logInterval(HOUR, daily(9))).toEqual({ intervalMs: HOUR, source: 'configured', steady: true });
  });

  it('is learnt from six starts on, and steady after a week', () => {
    expect(logInterval(undefined, daily(4))).toBeUndefined();
    expect(logInterval(undefined, daily(5))).toEqual({
      intervalMs: DAY + MINUTE,
      source: 'learnt',
      steady: false,
    });
    expect(logInterval(undefined, daily(7))?.steady).toBe(true);
  });

  it('is not learnt from runs without a rhythm, such as those of weekdays', () => {
    const weekdays = starts(...Array.from({ length: 20 }, (_, day) => (day % 5 === 4 ? 3 * DAY : DAY)));
    expect(logInterval(undefined, weekdays)).toBeUndefined();
    expect(logInterval(undefined, starts(HOUR, DAY, MINUTE, HOUR, 2 * DAY, MINUTE))).toBeUndefined();
  });

  it('stands an outage now and then, and starts in any order or told twice', () => {
    const once = starts(...Array.from({ length: 12 }, (_, hour) => (hour === 6 ? 9 * HOUR : HOUR)));
    expect(logInterval(undefined, [...once, ...once].reverse())?.intervalMs).toBe(HOUR);
  });
});
