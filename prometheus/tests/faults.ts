import type { Scenario } from './scenario.ts';
import { growing, type Timeline, type Value, waves } from './timeline.ts';
import { exporterGone } from './watcher.ts';
import { all, JOBS, job, killed, sshDown, states, TOKEN_VERDICTS, type World } from './world.ts';

const FROM = 20;
const UNTIL = 70;

/** A gauge that turns bad and recovers, and the one alert it must raise. */
interface Turn {
  readonly ids: readonly string[];
  readonly name: string;
  readonly series: string;
  readonly good: Value;
  readonly bad: Value;
  readonly alert: string;
  /** Minutes from the fault to the alert. */
  readonly after: number;
}

function turn({ ids, name, series, good, bad, alert, after }: Turn): Scenario {
  return {
    ids,
    name,
    minutes: 120,
    world: {
      [series]: [
        [0, good],
        [FROM, bad],
        [UNTIL, good],
      ],
    },
    firing: {
      [FROM - 1]: [],
      ...(after > 1 ? { [FROM + after - 1]: [] } : {}),
      [FROM + after + 1]: [alert],
      [UNTIL - 1]: [alert],
      120: [],
    },
    never: 'critical',
  };
}

const anyJob = job('daily-memory');

/** Faults that one gauge tells, each against the nearest healthy value. */
const turns: readonly Scenario[] = [
  turn({
    ids: ['G17'],
    name: 'listens on an address that is not configured',
    series: 'openclaw_gateway_listen_info{address="127.0.0.1:18790", configured="false"}',
    good: 'gone',
    bad: 1,
    alert: 'OpenClawAddressDrift/1',
    after: 10,
  }),
  turn({
    ids: ['G21'],
    name: 'live, but the proxy is not trusted',
    series: 'openclaw_gateway_proxy_refusing',
    good: 0,
    bad: 1,
    alert: 'OpenClawProxyRefusing/1',
    after: 10,
  }),
  turn({
    ids: ['G22'],
    name: 'the crash-loop breaker started it without channels',
    series: 'openclaw_gateway_safe_mode',
    good: 0,
    bad: 1,
    alert: 'OpenClawGatewaySafeMode/1',
    after: 10,
  }),
  turn({
    ids: ['G25'],
    name: 'the installed version is another than the running one',
    series: 'openclaw_gateway_version_skew',
    good: 0,
    bad: 1,
    alert: 'OpenClawVersionSkew/1',
    after: 30,
  }),
  turn({
    ids: ['G26'],
    name: 'child processes pile up',
    series: 'openclaw_gateway_children{kind="mcp"}',
    good: 20,
    bad: 80,
    alert: 'OpenClawChildrenPileUp/1',
    after: 15,
  }),
  turn({
    ids: ['H1'],
    name: 'a channel account is disconnected',
    series: 'openclaw_channel_up{channel="telegram", account="main"}',
    good: 1,
    bad: 0,
    alert: 'OpenClawChannelDown/1',
    after: 12,
  }),
  turn({
    ids: ['H1'],
    name: 'a message waits for more than an hour',
    series: 'openclaw_delivery_queue_oldest_seconds{status="pending", channel="telegram"}',
    good: 600,
    bad: 4000,
    alert: 'OpenClawDeliveryQueueStuck/1',
    after: 5,
  }),
  turn({
    ids: ['H1'],
    name: 'a message that came in is not handled and holds up others',
    series: 'openclaw_ingress_pressured_lanes{channel="telegram"}',
    good: 0,
    bad: 1,
    alert: 'OpenClawIngressStuck/1',
    after: 10,
  }),
  turn({
    ids: ['C17'],
    name: 'a credential expires within a day',
    series: 'openclaw_provider_credential_expiry_timestamp_seconds{provider="anthropic", kind="token"}',
    good: 900_000,
    bad: 86_400,
    alert: 'OpenClawProviderCredentialExpiring/2',
    after: 5,
  }),
  turn({
    ids: ['C17'],
    name: 'a login cannot be refreshed any more',
    series: 'openclaw_provider_credential_refresh_failed{provider="anthropic"}',
    good: 0,
    bad: 1,
    alert: 'OpenClawProviderLoginLost/2',
    after: 5,
  }),
  turn({
    ids: ['G25'],
    name: 'an older version is installed than the one that wrote the configuration',
    series: 'openclaw_gateway_config_newer',
    good: 0,
    bad: 1,
    alert: 'OpenClawConfigNewer/1',
    after: 10,
  }),
  turn({
    ids: ['C17'],
    name: 'a credential is in cooldown',
    series: 'openclaw_provider_credential_cooldown{provider="anthropic", kind="api_key"}',
    good: 0,
    bad: 1,
    alert: 'OpenClawProviderCredentialCooldown/2',
    after: 35,
  }),
  turn({
    ids: ['C12'],
    name: 'cron is switched off on purpose',
    series: 'openclaw_cron_scheduler_enabled',
    good: 1,
    bad: 0,
    alert: 'OpenClawCronDisabled/1',
    after: 15,
  }),
  turn({
    ids: ['C13'],
    name: 'planned later than the schedule says',
    series: `openclaw_cron_next_run_beyond_schedule{${anyJob}}`,
    good: 0,
    bad: 1,
    alert: 'OpenClawCronPlanBeyondSchedule/1@daily-memory',
    after: 15,
  }),
  turn({
    ids: ['C13'],
    name: 'the last run of several jobs lies in the future',
    series: 'openclaw_cron_last_run_in_future',
    good: 0,
    bad: 3,
    alert: 'OpenClawCronLastRunInFuture/1',
    after: 15,
  }),
  turn({
    ids: ['C13'],
    name: 'a run mark that is never cleared',
    series: `openclaw_cron_run_in_progress_seconds{${anyJob}}`,
    good: 1500,
    bad: 2000,
    alert: 'OpenClawCronRunStuck/1@daily-memory',
    after: 15,
  }),
  turn({
    ids: ['C14'],
    name: 'three jobs disappear',
    series: 'openclaw_cron_jobs_disappeared',
    good: 0,
    bad: 3,
    alert: 'OpenClawCronJobsDisappeared/1',
    after: 0,
  }),
  turn({
    ids: ['C14'],
    name: 'an old file beside the database',
    series: 'openclaw_cron_unmigrated_jobs',
    good: 0,
    bad: 2,
    alert: 'OpenClawCronJobsUnmigrated/1',
    after: 0,
  }),
  turn({
    ids: ['C15'],
    name: 'skipped every time',
    series: `openclaw_cron_consecutive_skips{${anyJob}}`,
    good: 4,
    bad: 6,
    alert: 'OpenClawCronJobSkipped/1@daily-memory',
    after: 0,
  }),
  turn({
    ids: ['C7'],
    name: 'a log that never matches',
    series: `openclaw_cron_log_lines_unmatched{${anyJob}}`,
    good: 0,
    bad: 1,
    alert: 'OpenClawCronLogUnmatched/1@daily-memory',
    after: 15,
  }),
];

const clockApart: Timeline = [
  [0, growing(60)],
  [FROM, growing(60, FROM * 60 - 600)],
];

/** Faults of several series. */
const others: readonly Scenario[] = [
  {
    ids: ['G25'],
    name: 'an update that never ends',
    minutes: 120,
    world: {
      openclaw_gateway_update_running: [
        [0, 0],
        [FROM, 1],
        [100, 0],
      ],
    },
    firing: { 79: [], 81: ['OpenClawUpdateStuck/1'], 110: [] },
    never: 'critical',
  },
  {
    ids: ['G25'],
    name: 'an update fails: one message, which ends after a day',
    minutes: 60,
    world: {
      'openclaw_gateway_last_update_status{status="failed"}': [
        [0, 0],
        [FROM, 1],
      ],
      openclaw_gateway_last_update_timestamp_seconds: [
        [0, 'gone'],
        [FROM, FROM * 60],
        [50, FROM * 60 - 86_400],
      ],
    },
    firing: { 19: [], 21: ['OpenClawUpdateFailed/1'], 49: ['OpenClawUpdateFailed/1'], 52: [] },
    never: 'critical',
  },
  {
    ids: ['G25'],
    name: 'the gateway is away for ten minutes while an update runs: no news',
    minutes: 60,
    world: {
      ...killed(FROM, FROM + 10),
      openclaw_gateway_update_running: [
        [0, 0],
        [FROM - 1, 1],
        [FROM + 11, 0],
      ],
    },
    firing: { 24: [], 29: [], 50: [] },
    never: 'warning|critical',
  },
  {
    ids: ['G25'],
    name: 'an update was killed and left the gateway down: a page once its budget is over',
    minutes: 60,
    world: {
      ...killed(FROM),
      openclaw_gateway_update_running: [
        [0, 0],
        [FROM, 1],
      ],
    },
    firing: { 34: [], 40: ['OpenClawGatewayDown/1'] },
  },
  {
    ids: ['G25'],
    name: 'the versions differ while an update runs: no news',
    minutes: 60,
    world: {
      openclaw_gateway_update_running: [[0, 1]],
      openclaw_gateway_version_skew: [[0, 1]],
    },
    firing: { 50: [] },
  },
  {
    ids: ['G26'],
    name: 'the kernel kills a process of its group',
    minutes: 120,
    world: {
      openclaw_gateway_oom_kills_total: [
        [0, 0],
        [FROM, 1],
      ],
    },
    firing: { 19: [], 22: ['OpenClawOomKilled/1'], 90: [] },
    never: 'critical',
  },
  {
    ids: ['T5'],
    name: 'a device waits for approval',
    minutes: 120,
    world: {
      'openclaw_gateway_pairing_requests{kind="device"}': [
        [0, 0],
        [FROM, 1],
        [100, 0],
      ],
    },
    firing: { 79: [], 81: ['OpenClawPairingWaiting/2'], 110: [] },
    never: 'warning|critical',
  },
  {
    ids: ['C15'],
    name: 'one slot, two runs',
    minutes: 120,
    world: {
      [`openclaw_cron_duplicate_runs_total{${anyJob}}`]: [
        [0, 0],
        [FROM, 1],
      ],
    },
    firing: { 19: [], 22: ['OpenClawCronJobDuplicateRuns/1@daily-memory'], 90: [] },
    never: 'critical',
  },
  {
    ids: ['C6'],
    name: 'deliveries without any channel are configuration, once',
    minutes: 60,
    world: {
      'openclaw_channel_state{state="not_configured", channel="telegram", account="main"}': [[0, 1]],
      [`openclaw_cron_delivery_failures_total{${anyJob}}`]: [
        [0, 0],
        [FROM, 1],
      ],
    },
    firing: { 19: [], 22: ['OpenClawDeliveryUnconfigured/1'], 59: ['OpenClawDeliveryUnconfigured/1'] },
    never: 'warning|critical',
  },
  {
    ids: ['C17'],
    name: 'the provider rejects all jobs: one page, and no message a job',
    minutes: 60,
    world: {
      ...all(
        JOBS.map((name) => `openclaw_cron_consecutive_errors{${job(name)}}`),
        [0, 0],
        [FROM, 4],
      ),
      ...all(
        JOBS.map((name) => `openclaw_cron_last_error_info{${job(name)}, reason="billing"}`),
        [0, 'gone'],
        [FROM, 1],
      ),
      ...all(
        JOBS.map((name) => `openclaw_cron_runs_total{${job(name)}, status="error"}`),
        [0, 0],
        [FROM, 4],
      ),
    },
    firing: { 19: [], 24: [], 26: ['OpenClawModelAccess/2'], 59: ['OpenClawModelAccess/2'] },
    never: 'info|warning',
  },
  {
    ids: ['C17'],
    name: 'most jobs fail and nothing says why',
    minutes: 60,
    world: all(
      Array.from({ length: 6 }, (_, index) => `openclaw_cron_consecutive_errors{${job(`extra-${index}`)}}`),
      [0, 0],
      [FROM, 1],
    ),
    firing: { 24: [], 26: ['OpenClawCronManyFailing/1'] },
    never: 'info|warning',
  },
  {
    ids: ['C16'],
    name: 'a weekly job fails once and warns until it succeeds',
    minutes: 90,
    world: {
      [`openclaw_cron_consecutive_errors{${anyJob}}`]: [
        [0, 0],
        [FROM, 1],
        [UNTIL, 0],
      ],
      [`openclaw_cron_expected_interval_seconds{${anyJob}}`]: [[0, 604_800]],
    },
    firing: {
      19: [],
      21: ['OpenClawCronJobFailing/2@daily-memory'],
      69: ['OpenClawCronJobFailing/2@daily-memory'],
      75: [],
    },
    never: 'critical',
  },
  {
    ids: ['C18'],
    name: 'one long run, two jobs wait behind it',
    minutes: 90,
    world: Object.assign(
      {
        [`openclaw_cron_next_run_timestamp_seconds{${job('gcal-digest')}}`]: [[0, 600]],
        [`openclaw_cron_run_in_progress_seconds{${job('gcal-digest')}}`]: [
          [0, 0],
          [10, growing(60)],
          [80, 0],
        ],
        [`openclaw_cron_last_run_timestamp_seconds{${job('gcal-digest')}}`]: [[0, 0]],
        [`openclaw_cron_expected_interval_seconds{${job('gcal-digest')}}`]: [[0, 86_400]],
      },
      ...['daily-memory', 'roundtable-standup'].map((name) => ({
        [`openclaw_cron_job_overdue_seconds{${job(name)}}`]: [
          [0, 0],
          [FROM, growing(60)],
          [80, 0],
        ],
        [`openclaw_cron_last_run_timestamp_seconds{${job(name)}}`]: [[0, 600]],
      })),
    ) as World,
    firing: { 50: ['OpenClawCronJobOverdue/1@daily-memory', 'OpenClawCronJobOverdue/1@roundtable-standup'] },
    never: 'critical',
  },
  ...(['check_pending', 'throttled'] as const).map(
    (result): Scenario => ({
      ids: [result === 'throttled' ? 'N12' : 'N11'],
      name: `${result}: the host is there and does not page`,
      minutes: 90,
      world: sshDown('studio', result, FROM, UNTIL),
      firing: {
        28: [],
        33: [result === 'throttled' ? 'OpenClawSshThrottled/1@studio' : 'OpenClawSshCheckPending/1@studio'],
        80: [],
      },
      never: 'critical',
    }),
  ),
  {
    ids: ['N4'],
    name: 'through /probe a banner without a command is a refused login, and no page',
    minutes: 60,
    world: {
      'openclaw_ssh_up{host="studio"}': [
        [0, 1],
        [FROM, 0],
      ],
      'openclaw_ssh_phase_up{host="studio", phase="banner"}': [[0, 1]],
      'openclaw_ssh_phase_up{host="studio", phase="command"}': [
        [0, 1],
        [FROM, 0],
      ],
    },
    without: ['openclaw_ssh_probes_total'],
    firing: { 21: [], 23: ['OpenClawSshAuthDenied/1@studio'], 59: ['OpenClawSshAuthDenied/1@studio'] },
    never: 'critical',
  },
  {
    ids: ['N11'],
    name: 'the last result alone tells that a check is pending',
    minutes: 60,
    world: {
      'openclaw_ssh_up{host="studio"}': [
        [0, 1],
        [FROM, 0],
      ],
      'openclaw_ssh_result{host="studio", result="check_pending"}': [
        [0, 0],
        [FROM, 1],
      ],
    },
    firing: { 28: [], 31: ['OpenClawSshCheckPending/1@studio'] },
    never: 'critical',
  },
  {
    ids: ['C2'],
    name: 'a job that the gateway disabled for its errors warns',
    minutes: 60,
    world: {
      [`openclaw_cron_consecutive_errors{${anyJob}}`]: [[0, 2]],
      [`openclaw_cron_job_enabled{${anyJob}}`]: [
        [0, 1],
        [FROM, 0],
      ],
      [`openclaw_cron_expected_interval_seconds{${anyJob}}`]: [[0, 3600]],
      [`openclaw_cron_job_disabled_info{${anyJob}, by="errors"}`]: [
        [0, 'gone'],
        [FROM, 1],
      ],
    },
    firing: { 19: [], 21: ['OpenClawCronJobFailing/2@daily-memory'] },
    never: 'critical',
  },
  {
    ids: ['T11'],
    name: 'a token rotated on both sides 90 s apart is silent',
    minutes: 60,
    world: {
      'openclaw_gateway_token_match{credential="config"}': [
        [0, 1],
        [FROM, 0],
        [FROM + 1.5, 1],
      ],
    },
    firing: { 23: [], 40: [] },
    never: 'info|warning|critical',
  },
  {
    ids: ['T12'],
    name: 'a token and no verdict',
    minutes: 90,
    world: all(TOKEN_VERDICTS, [0, 1], [FROM, 'gone'], [80, 1]),
    firing: { 49: [], 59: ['OpenClawTokenUnknown/2'], 89: [] },
    never: 'critical',
  },
  {
    ids: ['G19'],
    name: 'the process is no longer reported',
    minutes: 90,
    world: {
      openclaw_gateway_process_up: [
        [0, 1],
        [FROM, 'gone'],
        [80, 1],
      ],
    },
    firing: { 38: [], 46: ['OpenClawVerdictLost/1'], 85: [] },
    never: 'critical',
  },
  {
    ids: ['G19'],
    name: 'whether the gateway answers is no longer reported: a page',
    minutes: 60,
    world: all(['openclaw_gateway_up', ...Object.keys(states([0, 'up']))], [0, 1], [FROM, 'gone']),
    without: ['openclaw_gateway_state'],
    firing: { 38: [], 46: ['OpenClawVerdictLost/2'] },
  },
  {
    ids: ['G24'],
    name: 'an API function that fails now and then',
    minutes: 120,
    world: {
      'openclaw_gateway_function_up{function="sessions_list"}': waves([FROM, 70], [1, 1.5], [0, 1.5]),
    },
    firing: { 21: [], 45: ['OpenClawVerdictFlapping/1'] },
    never: 'critical',
  },
  {
    ids: ['G24'],
    name: 'scrapes that fail now and then',
    minutes: 120,
    world: { 'up{job="openclaw"}': waves([FROM, 50], [1, 0.5], [0, 0.5]) },
    firing: { 21: [], 35: ['OpenClawScrapePatchy/1'] },
    never: 'critical',
  },
  {
    ids: ['N8'],
    name: 'Prometheus is ten minutes ahead: one warning, for that',
    minutes: 60,
    world: all(
      ['ping', 'cron', 'ssh'].map(
        (name) => `openclaw_exporter_collector_last_success_timestamp_seconds{collector="${name}"}`,
      ),
      ...clockApart,
    ),
    firing: { 28: [], 34: ['OpenClawPrometheusClock/1'] },
    never: 'critical',
  },
  {
    ids: ['X5'],
    name: 'a target leaves service discovery',
    minutes: 60,
    world: Object.fromEntries(
      Object.entries(exporterGone({}, FROM)).map(([series, timeline]) => [
        series,
        series.startsWith('up{')
          ? [
              [0, 1],
              [FROM, 'gone'],
            ]
          : timeline,
      ]),
    ) as World,
    firing: { 30: [], 37: ['OpenClawTargetVanished/1'] },
    never: 'critical',
  },
  {
    ids: ['X1'],
    name: 'an exporter that is dead while a second machine proves the gateway well only warns',
    minutes: 60,
    world: {
      ...exporterGone({}, 30),
      'probe_success{job="openclaw-probe"}': [[0, 1]],
      'up{job="openclaw-probe"}': [[0, 1]],
    },
    firing: { 32: [], 34: ['OpenClawExporterDownGatewayUp/1'] },
    never: 'critical',
  },
  {
    ids: ['X1', 'G1+N1'],
    name: 'exporter, gateway and SSH of one machine gone: one page without a gateway step',
    minutes: 90,
    world: {
      ...exporterGone({}, 30),
      'probe_success{job="openclaw-probe"}': [
        [0, 1],
        [30, 0],
      ],
      'up{job="openclaw-probe"}': [[0, 1]],
    },
    firing: {
      32.5: [],
      34: ['OpenClawHostUnreachable/1'],
      76: ['OpenClawHostUnreachable/1', 'OpenClawHostUnreachable/3'],
    },
  },
  {
    ids: ['X5', 'OpenClawWatcherLost'],
    name: 'the watcher lost its own network',
    minutes: 60,
    world: Object.assign(
      {},
      ...Array.from({ length: 8 }, (_, index) => {
        const target = `{instance="gateway-${index}", job="openclaw-probe", watcher="attic"}`;
        return {
          [`probe_success${target}`]: [
            [0, 1],
            [FROM, 0],
            [40, 1],
          ],
          [`up${target}`]: [[0, 1]],
        };
      }),
    ) as World,
    firing: { 21: [], 23: ['OpenClawWatcherLost/1'], 36: ['OpenClawWatcherLost/1'], 45: [] },
  },
  {
    ids: ['G22'],
    name: 'a unit that is restarted for ever beside a running gateway',
    minutes: 90,
    world: {
      'openclaw_gateway_service_restarts{manager="systemd"}': [
        [0, 2],
        [FROM, growing(1, 2)],
        [40, 22],
      ],
    },
    firing: { 20: [], 30: ['OpenClawServiceRestartLoop/1'], 80: [] },
    never: 'critical',
  },
  {
    ids: ['G23'],
    name: 'dies in every start before it answers',
    minutes: 90,
    world: {
      ...killed(FROM),
      ...Object.fromEntries(
        Object.entries(states([0, 'up'], [FROM, 'starting'])).map(([series, timeline]) => {
          const flips = /"(?:starting|refused)"/.test(series);
          const refused = series.includes('"refused"');
          return [series, flips ? waves([FROM, 90], [refused ? 1 : 0, 1], [refused ? 0 : 1, 4]) : timeline];
        }),
      ),
    } as World,
    firing: {
      39: [],
      42: ['OpenClawGatewayNotAnswering/1'],
      70: ['OpenClawGatewayNotAnswering/1', 'OpenClawGatewayNotAnswering/3'],
    },
  },
];

export const faultScenarios: readonly Scenario[] = [...turns, ...others];

const hours = 60;

/** Faults of hours and days, with a sample each five minutes. */
export const slowFaultScenarios: readonly Scenario[] = [
  {
    ids: ['G22'],
    name: 'restarts every twelve minutes for hours',
    minutes: 8 * hours,
    step: 300,
    world: {
      openclaw_gateway_process_restarts_total: [
        [0, 2],
        [2 * hours, growing(1 / 12, 2)],
        [6 * hours, 22],
      ],
    },
    firing: { [2 * hours]: [], [5 * hours]: ['OpenClawGatewayCrashLoop/3', 'OpenClawGatewayRestarted/1'] },
  },
  {
    ids: ['maintenance declared + G1'],
    name: 'maintenance that was forgotten: chat after 12 h, and after a day it suppresses nothing',
    minutes: 30 * hours,
    step: 300,
    world: {
      ...killed(4 * hours),
      openclaw_gateway_maintenance: [
        [0, 0],
        [1 * hours, 1],
      ],
    },
    firing: {
      [12 * hours]: ['OpenClawMaintenance/1'],
      [14 * hours]: ['OpenClawMaintenance/1', 'OpenClawMaintenanceForgotten/1'],
      [29 * hours]: [
        'OpenClawMaintenance/1',
        'OpenClawMaintenanceForgotten/1',
        'OpenClawGatewayDown/1',
        'OpenClawGatewayDown/2',
        'OpenClawGatewayDown/3',
      ],
    },
  },
  {
    ids: ['C2'],
    name: 'a job that fails every third time all day is one warning',
    minutes: 36 * hours,
    step: 300,
    world: {
      [`openclaw_cron_runs_total{${anyJob}, status="ok"}`]: [[0, growing(4 / 60)]],
      [`openclaw_cron_runs_total{${anyJob}, status="error"}`]: [
        [0, 0],
        [2 * hours, growing(2 / 60)],
      ],
    },
    firing: {
      [2 * hours]: [],
      [20 * hours]: ['OpenClawCronJobUnreliable/1@daily-memory', 'OpenClawCronJobFailing/1@daily-memory'],
    },
    never: 'critical',
  },
  {
    ids: ['D1'],
    name: 'a disk that will be full within the day pages, one that is merely full at 95 % warns',
    minutes: 24 * hours,
    step: 300,
    world: {
      'openclaw_state_filesystem_size_bytes{folder="state"}': [[0, 100e9]],
      'openclaw_state_filesystem_avail_bytes{folder="state"}': [
        [0, 40e9],
        [4 * hours, growing(-4e7, 40e9)],
        [16 * hours, 12e9],
      ],
      'openclaw_state_filesystem_size_bytes{folder="temp"}': [[0, 10e9]],
      'openclaw_state_filesystem_avail_bytes{folder="temp"}': [
        [0, 4e9],
        [12 * hours, 0.5e9],
      ],
    },
    firing: {
      [4 * hours]: [],
      [14 * hours]: ['OpenClawDiskFilling/1', 'OpenClawDiskFilling/3*2'],
    },
  },
  {
    ids: ['D1'],
    name: 'a write-ahead log that grows without end',
    minutes: 40 * hours,
    step: 300,
    world: {
      'openclaw_state_bytes{part="wal"}': [
        [0, 8e8],
        [4 * hours, growing(2e6, 8e8)],
      ],
    },
    firing: { [20 * hours]: [], [36 * hours]: ['OpenClawStateGrowing/1'] },
    never: 'critical',
  },
];

/** Objectives over hours and days; the rules are evaluated each ten minutes. */
export const objectiveScenarios: readonly Scenario[] = [
  {
    ids: ['G9'],
    name: 'a fifth of all pings fails for hours, and afterwards one in a hundred, without an outage of its own',
    minutes: 60 * hours,
    step: 300,
    world: {
      'openclaw_gateway_pings_total{result="ok"}': [
        [0, growing(4)],
        [24 * hours, growing(3.2, 24 * hours * 4)],
        [34 * hours, growing(3.96, 24 * hours * 4 + 10 * hours * 3.2)],
      ],
      'openclaw_gateway_pings_total{result="timeout"}': [
        [0, 0],
        [24 * hours, growing(0.8)],
        [34 * hours, growing(0.04, 10 * hours * 0.8)],
      ],
    },
    firing: {
      [23 * hours]: [],
      [33 * hours]: [
        'OpenClawAvailabilityBudgetBurn/1',
        'OpenClawAvailabilityBudgetBurn/2',
        'OpenClawAvailabilityBudgetBurn/3',
      ],
      [59 * hours]: ['OpenClawAvailabilityBudgetLeak/1'],
    },
  },
  {
    ids: ['C2', 'C3'],
    name: 'a fifth of all cron runs fails, and some do not start',
    minutes: 60 * hours,
    step: 300,
    world: {
      ...all(
        JOBS.map((name) => `openclaw_cron_runs_total{${job(name)}, status="error"}`),
        [0, 0],
        [24 * hours, growing(1 / 40)],
      ),
      ...all(
        JOBS.map((name) => `openclaw_cron_missed_runs_total{${job(name)}}`),
        [0, 0],
        [24 * hours, growing(1 / 120)],
      ),
    },
    firing: {
      [23 * hours]: [],
      [50 * hours]: [
        'OpenClawCronSuccessBudgetBurn/1',
        'OpenClawCronPunctualityBudgetBurn/1',
        ...JOBS.flatMap((name) => [
          `OpenClawCronJobFailing/1@${name}`,
          `OpenClawCronJobUnreliable/1@${name}`,
          `OpenClawCronRunMissed/1@${name}`,
        ]),
      ],
    },
    never: 'critical',
  },
];
