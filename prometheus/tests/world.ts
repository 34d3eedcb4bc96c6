import { PROCESS_STATES, type ProcessState } from '../../src/lib/vocabulary.ts';
import { SSH_RESULTS } from '../../src/ssh/ssh.ts';
import type { Timeline, Value } from './timeline.ts';

/** Series by name and labels, over a time that begins at minute 0. */
export type World = Readonly<Record<string, Timeline>>;

const STATES = ['unreachable', 'refused', 'foreign', 'draining', 'starting', 'hung', 'up'] as const;
export type State = (typeof STATES)[number];

const always = (value: Value): Timeline => [[0, value]];

/** The gateway's state over time: its stateset, and `openclaw_gateway_up` with it. */
export function states(...points: readonly (readonly [number, State])[]): World {
  const all = points.map(([minute, state]) => [minute, state === 'up' ? 1 : 0] as const);
  return {
    ...stateset('openclaw_gateway_state', STATES, points),
    openclaw_gateway_up: all,
  };
}

export function processStates(...points: readonly (readonly [number, ProcessState | 'gone'])[]): World {
  return stateset('openclaw_gateway_process_state', PROCESS_STATES, points);
}

function stateset<S extends string>(
  name: string,
  values: readonly S[],
  points: readonly (readonly [number, S | 'gone'])[],
): World {
  return Object.fromEntries(
    values.map((value) => [
      `${name}{state="${value}"}`,
      points.map(([minute, now]) => [minute, now === 'gone' ? 'gone' : Number(now === value)] as const),
    ]),
  );
}

/** The same timeline for several series. */
export function all(names: readonly string[], ...timeline: Timeline): World {
  return Object.fromEntries(names.map((name) => [name, timeline]));
}

export const TOKEN_VERDICTS = [
  'openclaw_gateway_token_match{credential="config"}',
  'openclaw_gateway_function_up{function="sessions_list"}',
];

/** A gateway that is gone at minute `from` and back at `to`: process, listener, verdicts that need it. */
export function killed(from: number, to = Number.POSITIVE_INFINITY): World {
  const back = to === Number.POSITIVE_INFINITY ? [] : [to];
  const on = (whole: Value, away: Value): Timeline => [
    [0, whole],
    [from, away],
    ...back.map((m) => [m, whole] as const),
  ];
  return {
    ...states([0, 'up'], [from, 'refused'], ...back.map((minute) => [minute, 'up'] as const)),
    ...processStates([0, 'sleeping'], [from, 'gone'], ...back.map((minute) => [minute, 'sleeping'] as const)),
    ...all(
      ['openclaw_gateway_process_up', 'openclaw_gateway_processes', 'openclaw_gateway_listener_up'],
      ...on(1, 0),
    ),
    ...all([...TOKEN_VERDICTS, 'openclaw_gateway_ready'], ...on(1, 'gone')),
    openclaw_gateway_process_resident_memory_bytes: on(8e8, 'gone'),
    openclaw_gateway_process_open_fds: on(100, 'gone'),
    ...(to === Number.POSITIVE_INFINITY
      ? {}
      : {
          openclaw_gateway_process_restarts_total: [
            [0, 2],
            [to, 3],
          ] as Timeline,
        }),
  };
}

const HOSTS = [
  ['studio', 1],
  ['macbook', 0],
] as const;
const SSH_FAILURES = SSH_RESULTS.filter((result) => result !== 'ok');

/** A host's SSH over time: down with `result` from one minute to another. */
export function sshDown(host: string, result: string, from: number, to = Number.POSITIVE_INFINITY): World {
  const back = to === Number.POSITIVE_INFINITY ? [] : [to];
  const failed = (to - from) * 2;
  return {
    [`openclaw_ssh_up{host="${host}"}`]: [[0, 1], [from, 0], ...back.map((minute) => [minute, 1] as const)],
    [`openclaw_ssh_probes_total{host="${host}", result="${result}"}`]: [
      [0, 0],
      [from, { from: 1, perMinute: 2 }],
      ...back.map((minute) => [minute, failed] as const),
    ],
    [`openclaw_ssh_probes_total{host="${host}", result="ok"}`]: [
      [0, { from: 0, perMinute: 2 }],
      [from, from * 2],
      ...back.map((minute) => [minute, { from: from * 2, perMinute: 2 }] as const),
    ],
  };
}

export const JOBS = ['daily-memory', 'gcal-digest', 'roundtable-standup'] as const;
/** A job's labels: its name and its identity. */
export const job = (name: string) => `cron_job="${name}", cron_job_id="id-${name}"`;

function cronJobs(): World {
  return Object.assign(
    {},
    ...JOBS.map((name) => ({
      [`openclaw_cron_runs_total{${job(name)}, status="ok"}`]: always({ from: 0, perMinute: 1 / 15 }),
      ...all(
        ['error', 'skipped', 'interrupted', 'superseded', 'other'].map(
          (status) => `openclaw_cron_runs_total{${job(name)}, status="${status}"}`,
        ),
        [0, 0],
      ),
      ...all(
        [
          `openclaw_cron_missed_runs_total{${job(name)}}`,
          `openclaw_cron_delivery_failures_total{${job(name)}}`,
          `openclaw_cron_consecutive_errors{${job(name)}}`,
          `openclaw_cron_job_overdue_seconds{${job(name)}}`,
        ],
        [0, 0],
      ),
      [`openclaw_cron_job_enabled{${job(name)}}`]: always(1),
      [`openclaw_cron_last_run_status{${job(name)}, status="ok"}`]: always(1),
      [`openclaw_cron_last_run_duration_seconds{${job(name)}}`]: always(4),
      [`openclaw_cron_last_run_timestamp_seconds{${job(name)}}`]: always({ from: 0, perMinute: 60 }),
    })),
  ) as World;
}

/** Everything well: one gateway, three jobs, an always-on host and a laptop. */
export function healthy(): World {
  return {
    'up{job="openclaw"}': always(1),
    ...states([0, 'up']),
    ...processStates([0, 'sleeping']),
    ...all(
      [
        'openclaw_gateway_ready',
        'openclaw_gateway_processes',
        'openclaw_gateway_process_up',
        'openclaw_gateway_listener_up',
        'openclaw_gateway_service_active{manager="systemd"}',
        ...TOKEN_VERDICTS,
        'openclaw_gateway_token_present{credential="config"}',
        'openclaw_gateway_token_present{credential="service"}',
        'openclaw_gateway_token_in_sync{credential="config"}',
        'openclaw_gateway_token_in_sync{credential="service"}',
        'openclaw_gateway_token_variants',
        'openclaw_cron_source_up{source="sqlite"}',
        'openclaw_cron_source_up{source="logs"}',
        'openclaw_tailscale_up',
        'openclaw_tailscale_peer_online{peer="macbook"}',
        'openclaw_tailscale_peer_direct{peer="macbook"}',
        'openclaw_exporter_config_last_reload_successful',
        'openclaw_exporter_state_saved',
        ...['process', 'ping', 'token', 'cron', 'ssh'].map(
          (name) => `openclaw_exporter_collector_up{collector="${name}"}`,
        ),
        ...HOSTS.map(([host]) => `openclaw_ssh_up{host="${host}"}`),
      ],
      [0, 1],
    ),
    ...all(
      [
        'openclaw_gateway_maintenance',
        'openclaw_gateway_ready_failing{subsystem="telegram"}',
        'openclaw_gateway_process_start_time_seconds',
        'openclaw_exporter_state_corruptions_total',
        'openclaw_gateway_auth_attempts_total{result="rate_limited"}',
        'openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}',
        'openclaw_gateway_auth_attempts_total{result="token_mismatch"}',
        ...HOSTS.map(([host]) => `openclaw_ssh_transitions_total{host="${host}"}`),
        ...HOSTS.flatMap(([host]) =>
          SSH_FAILURES.map((result) => `openclaw_ssh_probes_total{host="${host}", result="${result}"}`),
        ),
      ],
      [0, 0],
    ),
    'openclaw_gateway_pings_total{result="ok"}': always({ from: 0, perMinute: 4 }),
    openclaw_gateway_process_restarts_total: always(2),
    openclaw_gateway_process_resident_memory_bytes: always(8e8),
    openclaw_gateway_process_memory_limit_bytes: always(4e9),
    openclaw_gateway_process_open_fds: always(100),
    openclaw_gateway_process_max_fds: always(1000),
    ...pings(0),
    ...cronJobs(),
    ...Object.fromEntries(
      HOSTS.map(([host, on]) => [`openclaw_ssh_host_always_on{host="${host}"}`, always(on)]),
    ),
    ...Object.fromEntries(
      HOSTS.map(([host]) => [
        `openclaw_ssh_probes_total{host="${host}", result="ok"}`,
        always({ from: 0, perMinute: 2 }),
      ]),
    ),
    ...all(
      HOSTS.map(([host]) => `openclaw_clock_offset_seconds{host="${host}"}`),
      [0, 0.2],
    ),
    ...all(
      HOSTS.map(([host]) => `openclaw_clock_offset_uncertainty_seconds{host="${host}"}`),
      [0, 0.1],
    ),
  };
}

/** A world that is healthy again from minute `to` on; counters stay where they are. */
export function endAt(world: World, to: number): World {
  const well = healthy();
  return Object.fromEntries(
    Object.entries(world).map(([series, timeline]): [string, Timeline] => {
      const before = timeline.filter(([minute]) => minute < to);
      return [series, [...before, [to, valueAfter(series, well[series] ?? timeline, before.at(-1), to)]]];
    }),
  );
}

function valueAfter(
  series: string,
  well: Timeline | undefined,
  last: readonly [number, Value] | undefined,
  to: number,
): Value {
  const value = last?.[1] ?? 'gone';
  if (series.includes('_total{') || series.endsWith('_total')) {
    const reached =
      typeof value === 'object' ? value.from + value.perMinute * (to - Math.max(last?.[0] ?? 0, 0)) : value;
    const grows = well?.[0]?.[1];
    return typeof grows === 'object' && typeof reached === 'number'
      ? { from: reached, perMinute: grows.perMinute }
      : reached;
  }
  const usual = well?.[0]?.[1] ?? 'gone';
  return typeof usual === 'object' ? { ...usual, from: usual.from + usual.perMinute * to } : usual;
}

/** Pings of 2 ms, and from minute `slowFrom` on half of them of 2 s; 0 for never. */
export function pings(slowFrom: number): World {
  const bucket = (le: string) => `openclaw_gateway_ping_duration_seconds_bucket{phase="http", le="${le}"}`;
  const whole: Timeline = [[0, { from: 0, perMinute: 4 }]];
  const fast: Timeline =
    slowFrom === 0 ? whole : [...whole, [slowFrom, { from: slowFrom * 4, perMinute: 2 }]];
  return {
    ...all([bucket('0.0025'), bucket('0.25'), bucket('1')], ...fast),
    ...all([bucket('2.5'), bucket('+Inf')], ...whole),
  };
}
