import { allSilent } from '../../prometheus/tests/cron.ts';
import { crashing, listenerClosed, startsInVain, stopped } from '../../prometheus/tests/gateway.ts';
import { type Timeline, waves } from '../../prometheus/tests/timeline.ts';
import { mismatched } from '../../prometheus/tests/token.ts';
import { exporterGone } from '../../prometheus/tests/watcher.ts';
import {
  all,
  endAt,
  JOBS,
  job,
  killed,
  sshDown,
  states,
  TOKEN_VERDICTS,
  type World,
} from '../../prometheus/tests/world.ts';
import { Random } from '../support/random.ts';

/** What happens in a window, by its kind. */
export const KINDS = [
  'outage',
  'provider outage',
  'nightly update',
  'monthly reboot',
  'token rotation',
  'change of clocks',
  'laptop asleep',
  'quiet day',
] as const;
export type Kind = (typeof KINDS)[number];

/** A stretch of the year with one event in it, or none: minutes, and the pages that a person wants of it. */
export interface YearWindow {
  readonly kind: Kind;
  readonly name: string;
  readonly minutes: number;
  readonly world: World;
  readonly pages: 0 | 1;
}

/** Six hours before each event, and at least as long after it. */
const FROM = 360;
const SHORT = 780;
const LONG = 1200;
const DAY = 1440;

/** Series without a part in any event of the year: they would only cost time. */
export const LEFT_OUT = [
  'openclaw_gateway_ping_duration',
  'openclaw_ssh_probes_total',
  'openclaw_clock_offset',
  'openclaw_tailscale',
  'openclaw_exporter_state_corruptions',
] as const;

/** Every window of the year. */
export function yearWindows(): YearWindow[] {
  return [
    ...outages(),
    ...[1, 2].map((n) => providerOutage(n)),
    ...months((month) => nightlyUpdate(month)),
    ...months((month) => monthlyReboot(month)),
    ...[30, 60, 75, 90].map((seconds) => rotation(seconds)),
    clocks('an hour is skipped', -1),
    clocks('an hour comes twice', 1),
    ...months((month) => laptopAsleep(month)),
    ...Array.from({ length: 14 }, (_, index) => quietDay(index + 1)),
  ];
}

/** One window of each kind, and every outage: what an hour of a busy machine allows. */
export function selectShare(windows: readonly YearWindow[]): YearWindow[] {
  const seen = new Set<Kind>();
  return windows.filter(({ kind }) => {
    const isFirst = !seen.has(kind);
    seen.add(kind);
    return isFirst || kind === 'outage' || kind === 'provider outage';
  });
}

function months<T>(make: (month: number) => T): T[] {
  return Array.from({ length: 12 }, (_, index) => make(index + 1));
}

/** Twelve outages that a person has to repair, each of another kind. */
function outages(): YearWindow[] {
  const at = FROM;
  const worlds: readonly (readonly [name: string, world: World])[] = [
    ['the gateway is killed, and back after 40 min', killed(at, at + 40)],
    ['the gateway hangs for half an hour', endAt(stopped(at), at + 30)],
    ['its listener is closed for 40 min', endAt(listenerClosed(at), at + 40)],
    ['another program answers on its port for 20 min', endAt(portForeign(at), at + 20)],
    ['a crash loop of 20 min', endAt(crashing(at, at + 20), at + 40)],
    ['it dies in every start for 40 min', endAt(startsInVain(at, 5, 8), at + 40)],
    ['its token is refused for an hour', endAt(mismatched(at), at + 60)],
    ['an API function fails for half an hour', endAt(functionFails(at), at + 30)],
    ['no job runs for an hour', endAt(allSilent(at), at + 60)],
    ['an always-on host is away for 40 min', endAt(sshDown('studio', 'refused', at), at + 40)],
    ['its exporter is away for half an hour', exporterGone({}, at, at + 30)],
    ['the gateway is killed, and back after 10 min', killed(at, at + 10)],
  ];
  return worlds.map(([name, world]) => ({ kind: 'outage', name, minutes: SHORT, world, pages: 1 }));
}

const portForeign = (at: number): World => ({
  ...states([0, 'up'], [at, 'foreign']),
  ...all([...TOKEN_VERDICTS, 'openclaw_gateway_ready'], [0, 1], [at, 'gone']),
});

const functionFails = (at: number): World => ({
  'openclaw_gateway_function_up{function="sessions_list"}': [
    [0, 1],
    [at, 0],
  ],
});

/** All jobs fail, each at its own time, for two hours, and succeed once the provider is back. */
function providerOutage(n: number): YearWindow {
  const reason = n === 1 ? 'billing' : 'overloaded';
  const to = FROM + 120;
  const world = Object.assign(
    {},
    ...JOBS.map((name, index) => {
      const from = FROM + index * 4;
      return {
        [`openclaw_cron_consecutive_errors{${job(name)}}`]: [
          [0, 0],
          [from, 1],
          [from + 15, 2],
          [from + 30, 3],
          [to, 0],
        ],
        [`openclaw_cron_last_error_info{${job(name)}, reason="${reason}"}`]: [
          [0, 'gone'],
          [from, 1],
          [to, 'gone'],
        ],
        [`openclaw_cron_runs_total{${job(name)}, status="error"}`]: [
          [0, 0],
          [from, 1],
          [from + 15, 2],
          [from + 30, 3],
        ],
      } satisfies World;
    }),
  ) as World;
  return { kind: 'provider outage', name: `${reason}, two hours`, minutes: LONG, world, pages: 1 };
}

/** Stopped, updated and started again, in up to 165 s. */
function nightlyUpdate(month: number): YearWindow {
  const seconds = 60 + new Random(month).below(106);
  const world = killed(FROM, FROM + seconds / 60);
  return {
    kind: 'nightly update',
    name: `of month ${month}: ${seconds} s without an answer`,
    minutes: SHORT,
    world,
    pages: 0,
  };
}

/** The exporter is away with the machine, and the gateway starts a minute after it. */
function monthlyReboot(month: number): YearWindow {
  const seconds = 60 + new Random(100 + month).below(61);
  const back = FROM + seconds / 60;
  const world = exporterGone(
    {
      openclaw_gateway_process_restarts_total: [[0, 2]],
    },
    FROM,
    back,
  );
  const starting = states([0, 'up'], [FROM, 'starting'], [back + 1, 'up']);
  return {
    kind: 'monthly reboot',
    name: `of month ${month}: exporter away for ${seconds} s, gateway a minute longer`,
    minutes: SHORT,
    world: { ...world, ...Object.fromEntries(Object.entries(starting).map(([s, t]) => [s, away(t, back)])) },
    pages: 0,
  };
}

/** The timeline without samples while the exporter is away. */
function away(timeline: Timeline, back: number): Timeline {
  const value = (minute: number) => timeline.findLast(([from]) => from <= minute)?.[1] ?? 0;
  const after = timeline.filter(([minute]) => minute > back);
  return [...timeline.filter(([minute]) => minute < FROM), [FROM, 'gone'], [back, value(back)], ...after];
}

/** The gateway has the new token first; what logs in to it gets it so much later. */
function rotation(seconds: number): YearWindow {
  return {
    kind: 'token rotation',
    name: `the two sides ${seconds} s apart`,
    minutes: SHORT,
    world: endAt(mismatched(FROM), FROM + seconds / 60),
    pages: 0,
  };
}

/** Jobs planned by local time run an hour later or earlier than the day before; none is missed or late. */
function clocks(name: string, hours: 1 | -1): YearWindow {
  const world = Object.assign(
    {},
    ...JOBS.map((one) => ({
      [`openclaw_cron_next_run_timestamp_seconds{${job(one)}}`]: [
        [0, (FROM + 60) * 60],
        [FROM, (FROM + 60 + hours * 60) * 60],
        [FROM + 120, (FROM + DAY) * 60],
      ],
      [`openclaw_cron_expected_interval_seconds{${job(one)}}`]: [[0, 86_400]],
    })),
  ) as World;
  return { kind: 'change of clocks', name, minutes: SHORT, world, pages: 0 };
}

/** Eight hours of sleep, in which it wakes for a minute each two hours. */
function laptopAsleep(month: number): YearWindow {
  const from = FROM + new Random(200 + month).below(60);
  const naps = [0, 120, 240, 360].flatMap((m) => [[from + m, 0] as const, [from + m + 119, 1] as const]);
  return {
    kind: 'laptop asleep',
    name: `of month ${month}`,
    minutes: LONG,
    world: { 'openclaw_ssh_up{host="macbook"}': [[0, 1], ...naps] },
    pages: 0,
  };
}

/** A day without a fault: memory comes and goes with the work, a laptop sleeps at lunch, one scrape fails. */
function quietDay(day: number): YearWindow {
  const random = new Random(300 + day);
  const [lunch, missed] = [random.below(DAY - 60), random.below(DAY - 60)];
  const world: World = {
    'openclaw_ssh_up{host="macbook"}': [
      [0, 1],
      [lunch, 0],
      [lunch + 40, 1],
    ],
    'up{job="openclaw"}': [
      [0, 1],
      [missed, 0],
      [missed + 1, 1],
    ],
    openclaw_gateway_process_resident_memory_bytes: waves(
      [0, DAY],
      [8e8 + random.below(4) * 1e8, 90],
      [8e8, 30 + random.below(60)],
    ),
  };
  return { kind: 'quiet day', name: `day ${day}`, minutes: DAY, world, pages: 0 };
}
