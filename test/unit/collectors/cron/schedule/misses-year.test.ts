import { Cron } from 'croner';
import { describe, expect, it, vi } from 'vitest';
import type { MissCursor } from '../../../../../src/collectors/cron/schedule/due.ts';
import { advance } from '../../../../../src/collectors/cron/schedule/misses.ts';
import { staggerOffsets } from '../../../../../src/collectors/cron/schedule/slots.ts';
import {
  type GatewayPlan,
  type GatewayStory,
  instantsByTheWall,
  liveGateway,
  nextOf,
  type Outage,
  randomFrom,
} from '../../../../support/cron-gateway-model.ts';

vi.setConfig({ testTimeout: 60_000 });

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FROM = Date.UTC(2026, 0, 1);
const TO = Date.UTC(2027, 0, 1);
const GRACE = 10 * MINUTE;
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'] as const;
const EXPRESSIONS = [
  '0 * * * *',
  '30 2 * * *',
  '0 3 * * 1-5',
  '*/30 8-18 * * *',
  '15 1,13 1,15 * *',
] as const;

/** Times during which something is away, with at least a day between them. */
function spells(random: () => number, everyMs: number, longestMs: number): Outage[] {
  const made: Outage[] = [];
  for (let ms = FROM + DAY; ms < TO - 10 * DAY; ) {
    const fromMs = ms + Math.floor(random() * everyMs);
    const toMs = fromMs + MINUTE + Math.floor(random() ** 3 * longestMs);
    made.push({ fromMs, toMs });
    ms = toMs + DAY;
  }
  return made;
}

/** Looks as the exporter would, with its own times away; gives what it counted and the times it told. */
function watch(story: GatewayStory, random: () => number, away: readonly Outage[], stepMs: number) {
  const timesMs: number[] = [];
  let cursor: MissCursor | undefined;
  let count = 0;
  let told = 0;
  let spell = 0;
  const endMs = story.runs.at(-1)?.finishedAtMs ?? TO;
  for (let ms = FROM; ; ms = Math.min(endMs, ms + 1 + Math.floor(random() * 2 * stepMs))) {
    while ((away[spell]?.toMs ?? Number.POSITIVE_INFINITY) <= ms) spell += 1;
    if (ms < endMs && (away[spell]?.fromMs ?? Number.POSITIVE_INFINITY) <= ms) continue;
    const since = told;
    while ((story.runs[told]?.finishedAtMs ?? Number.POSITIVE_INFINITY) <= ms) told += 1;
    const options = { graceMs: GRACE, timeZone: undefined };
    const step = advance(cursor, story.jobAt(ms), story.runs.slice(since, told), ms, options);
    cursor = step.cursor;
    count += step.missed;
    timesMs.push(...step.missedAtMs);
    if (ms === endMs) return { count, timesMs };
  }
}

function planOf(
  timeZone: string,
  expr: string,
  seed: number,
): Omit<GatewayPlan, 'outages' | 'failing' | 'vanishing' | 'maxRunMs'> {
  const id = `${timeZone} ${expr}`;
  const instants = instantsByTheWall(expr, timeZone, FROM, TO + 2 * DAY);
  const [offsetMs] = staggerOffsets(id, expr, undefined);
  return {
    id,
    schedule: { kind: 'cron', expr, tz: timeZone, staggerMs: undefined },
    natural: nextOf(instants, offsetMs),
    fromMs: FROM,
    toMs: TO,
    graceMs: GRACE,
    random: randomFrom(seed),
    afterOutage: (['run', 'defer', 'skip'] as const)[seed % 3] ?? 'run',
  };
}

describe.each(ZONES)('a year in %s', (timeZone) => {
  it.each(EXPRESSIONS)('of %s with a healthy gateway has no missed run', (expr) => {
    const plan = planOf(timeZone, expr, 1);
    const story = liveGateway({ ...plan, outages: [], failing: 0, vanishing: 0, maxRunMs: 40_000 });
    expect(story.missedAtMs).toEqual([]);
    expect(watch(story, randomFrom(2), [], 90 * MINUTE)).toEqual({ count: 0, timesMs: [] });
  });

  it.each(EXPRESSIONS.map((expr, index) => [expr, index] as const))(
    'of %s with outages, vanished runs, failures and the exporter away at times has exactly its missed runs',
    (expr, index) => {
      const random = randomFrom(100 + index);
      const plan = planOf(timeZone, expr, 7 + index);
      const outages = spells(random, 5 * DAY, 2 * DAY);
      const story = liveGateway({ ...plan, outages, failing: 0.08, vanishing: 0.02, maxRunMs: 40_000 });
      const away = spells(random, 9 * DAY, 4 * DAY);
      expect(story.missedAtMs.length).toBeGreaterThan(0);
      const { missedAtMs } = story;
      const found = watch(story, random, away, 90 * MINUTE);
      expect(found).toEqual({ count: missedAtMs.length, timesMs: missedAtMs });
    },
  );
});

describe('a year of a job that runs every so often', () => {
  const liveEvery = (everyMs: number) => {
    const random = randomFrom(everyMs);
    const story = liveGateway({
      id: 'job',
      schedule: { kind: 'every', everyMs, anchorMs: FROM - 1234 },
      fromMs: FROM,
      toMs: TO,
      graceMs: GRACE,
      random,
      afterOutage: 'defer',
      outages: spells(random, 5 * DAY, 2 * DAY),
      failing: 0.02,
      vanishing: 0,
      maxRunMs: 40_000,
    });
    return { random, story };
  };

  it.each([7, 45, 360, 10_080])('of %i minutes has exactly its missed runs', (minutes) => {
    const { random, story } = liveEvery(minutes * MINUTE);
    const stepMs = Math.max(3, minutes / 5) * MINUTE;
    expect(watch(story, random, [], stepMs).count).toBe(story.missedAtMs.length);
  });

  it.each([7, 45, 360, 10_080])(
    'of %i minutes with the exporter away at times has none too many, and one too few at most for each failure meanwhile',
    (minutes) => {
      const { random, story } = liveEvery(minutes * MINUTE);
      const away = spells(random, 9 * DAY, 4 * DAY);
      const { count } = watch(story, random, away, 90 * MINUTE);
      const failed = story.runs.filter(({ status }) => status !== 'ok').length;
      expect(count).toBeLessThanOrEqual(story.missedAtMs.length);
      expect(count).toBeGreaterThanOrEqual(story.missedAtMs.length - failed);
    },
  );
});

describe('a year with a gateway of 2026.5, which takes the changes of the clock as its library does', () => {
  it.each(ZONES.flatMap((timeZone) => ['30 2 * * *', '45 1 * * *'].map((expr) => [expr, timeZone] as const)))(
    '%s in %s has exactly its missed runs',
    (expr, timeZone) => {
      const cron = new Cron(expr, { timezone: timeZone });
      const instants: number[] = [];
      for (let ms = cron.nextRun(new Date(FROM)); ms !== null && ms.getTime() < TO; ms = cron.nextRun(ms))
        instants.push(ms.getTime());
      const random = randomFrom(3);
      const plan = { ...planOf(timeZone, expr, 3), natural: nextOf(instants), random };
      const outages = spells(random, 20 * DAY, 2 * DAY);
      const story = liveGateway({ ...plan, outages, failing: 0.05, vanishing: 0.02, maxRunMs: 40_000 });
      const { missedAtMs } = story;
      expect(missedAtMs.length).toBeGreaterThan(0);
      const found = watch(story, random, [], 90 * MINUTE);
      expect(found).toEqual({ count: missedAtMs.length, timesMs: missedAtMs });
    },
  );
});
