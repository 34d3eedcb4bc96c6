import { describeRestart } from '../../../src/diagnosis/repair.ts';
import { PROVIDER_REASONS } from '../../../src/lib/vocabulary.ts';
import { cronStopped } from '../conditions.ts';
import {
  afterLookback,
  formatSeconds,
  formatSpan,
  ignoreLabels,
  JOB_LABELS,
  joinLines,
  keepLast,
  neverGood,
  renderQuery,
  takeCount,
  takeMax,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { NOT_ANSWERING } from '../signals.ts';
import { FULL } from '../steps.ts';
import { MANY_FAILING, PROVIDER_FAILING, SHARED_CAUSE, schedulerDisabled } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

/** Failed runs by which a provider of models is recognised. */
const REASONS = PROVIDER_REASONS.join('|');
const ANY_JOB = ignoreLabels(...JOB_LABELS);

/** Do cron jobs run at all, and do they fail together? */
export function cronGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-cron',
      file: 'cron',
      rules: [
        ...cronRecords(t),
        ...stopped(t),
        ...failingTogether(t),
        ...sources(t),
        ...scheduler(t),
        ...store(t),
        ...recorded(t),
      ],
    },
  ];
}

function cronRecords(t: Thresholds): RecordRule[] {
  const errors = keepLast(t, 'openclaw_cron_consecutive_errors', JOB_LABELS);
  const reasons = keepLast(t, `openclaw_cron_last_error_info{reason=~"${REASONS}"}`, [
    ...JOB_LABELS,
    'reason',
  ]);
  const enabled = `${takeMax([], keepLast(t, 'openclaw_cron_job_enabled', JOB_LABELS))} == 0`;
  const known = takeCount(JOB_LABELS, `(${takeMax([], errors)} unless (${enabled}))`);
  const most = (failing: string, least: number) =>
    `(${failing} >= ${least}) and (${failing} > 0.5 * ${known})`;
  const rejected = takeMax(['reason'], `${reasons} == 1`);
  const byProvider = takeCount(JOB_LABELS, rejected);
  // Daily jobs run at all hours: of those that ran lately, most must fail.
  const lastRun = keepLast(t, 'openclaw_cron_last_run_timestamp_seconds', JOB_LABELS);
  const recent = `(${takeMax([], lastRun)} > time() - ${formatSeconds(t.cron_missed_range)})`;
  const recentRejected = takeCount(JOB_LABELS, `(${rejected} and ${recent})`);
  const mostRecent = `(${recentRejected} >= ${t.cron_many_jobs}) and (${recentRejected} > 0.5 * ${takeCount(JOB_LABELS, recent)})`;
  const failing = takeCount(JOB_LABELS, `((${takeMax([], errors)} >= 1) unless (${enabled}))`);
  return [
    record(
      'instance_status:openclaw_cron_runs:increase',
      takeSum(JOB_LABELS, `increase(openclaw_cron_runs_total[${formatSpan(t.cron_missed_range)}])`),
    ),
    record(PROVIDER_FAILING, joinLines(`(${most(byProvider, t.cron_many_jobs)})`, `or (${mostRecent})`)),
    record(MANY_FAILING, `(${most(failing, 2 * t.cron_many_jobs)}) unless ${PROVIDER_FAILING}`),
  ];
}

function stopped(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronStopped',
      incident: 'cron-stopped',
      expr: cronStopped(t),
      keepMs: t.settle,
      summary: 'Cron on OpenClaw gateway {{ $labels.instance }} has stopped',
      description:
        'The gateway answers, {{ $value }} job(s) are overdue and no job at all has started since the first of them was due.',
      catalogue: ['C5', 'C5+G9', 'C18'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.cron_stopped_for,
        next: `openclaw cron status, then, ${describeRestart()}`,
      },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.cron_stopped_for + t.climb_to_2,
        next: 'openclaw doctor: look for a paused scheduler and a damaged store',
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: t.cron_stopped_for + t.climb_to_3,
        next: FULL,
      },
    ],
  );
}

/** One page for a cause that all jobs share, in place of one message a job. */
function failingTogether(t: Thresholds): AlertRule[] {
  const failing = 'openclaw_cron_provider_failing_jobs{@}';
  const first = renderQuery(t, `topk(1, sum by (provider) (${failing}))`);
  const reasons = renderQuery(t, `topk(3, sum by (provider, reason) (${failing}))`);
  return [
    ...ladder(
      {
        alert: 'OpenClawModelAccess',
        incident: 'model-access',
        expr: `${PROVIDER_FAILING} unless ${NOT_ANSWERING}`,
        keepMs: t.cron_error_shown_for,
        summary: `Model provider {{ with ${first} }}{{ (. | first).Labels.provider }} {{ end }}rejects the cron jobs of OpenClaw gateway {{ $labels.instance }}`,
        description: `{{ $value | printf "%.0f" }} jobs fail because of the provider of their model:{{ range ${reasons} }} {{ .Labels.provider }} {{ .Labels.reason }} ({{ .Value | printf "%.0f" }}){{ end }}. The gateway itself is healthy; alerts of single jobs are suppressed.`,
        catalogue: ['C17'],
      },
      [
        {
          phase: 2,
          severity: 'critical',
          forMs: t.cron_many_for,
          next: "auth or billing: renew the credential or pay; rate_limit, overloaded, server_error: the provider's status page, a fallback model; openclaw doctor shows which credential",
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawCronManyFailing',
        incident: 'cron-many-failing',
        expr: `${MANY_FAILING} unless ${NOT_ANSWERING}`,
        keepMs: t.cron_error_shown_for,
        summary: 'Most cron jobs of OpenClaw gateway {{ $labels.instance }} fail',
        description:
          '{{ $value | printf "%.0f" }} jobs failed in their last run, more than half of all. They share a cause: a provider, the network, a tool, a disk. Alerts of single jobs are suppressed.',
        catalogue: ['C17'],
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: t.cron_many_for,
          next: 'openclaw cron list, then the error of any one of them on the status page; openclaw doctor',
        },
      ],
    ),
  ];
}

function sources(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronSourceLost',
      incident: 'source-lost',
      about: ['source'],
      expr: neverGood(t, 'openclaw_cron_source_up'),
      keepMs: t.settle,
      summary: 'The cron history of {{ $labels.instance }} cannot be read from {{ $labels.source }}',
      description: `Runs recorded only there are not counted until it can be read again.{{ with ${renderQuery(t, 'openclaw_cron_source_up{@} == 1')} }} Still readable: {{ range . }}{{ .Labels.source }} {{ end }}{{ else }} No other source is readable: the state of cron is unknown.{{ end }}`,
      catalogue: ['C7', 'C7+T1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: afterLookback(t, t.cron_source_for),
        next: "the status page of the exporter shows why; mostly permissions: run it as the gateway's user; source api: mostly the CLI's device is not paired, see the runbook",
      },
    ],
  );
}

function scheduler(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronDisabled',
      incident: 'cron-disabled',
      expr: schedulerDisabled(t),
      summary: 'Cron is switched off on OpenClaw gateway {{ $labels.instance }}',
      description:
        'cron.enabled is false, or OPENCLAW_SKIP_CRON is set: jobs stay enabled and none runs. Nothing is counted as missed or overdue meanwhile.',
      catalogue: ['C12'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: t.cron_state_for,
        next: 'none, if it is intended; else openclaw config set cron.enabled true',
      },
    ],
  );
}

interface Warning {
  readonly alert: string;
  readonly incident: string;
  readonly about?: readonly string[];
  readonly expr: string;
  readonly forMs?: number;
  readonly summary: string;
  readonly description: string;
  readonly next: string;
  readonly catalogue: readonly string[];
}

function warn({ next, forMs = 0, ...shared }: Warning): AlertRule[] {
  return ladder(shared, [{ phase: 1, severity: 'warning', forMs, next }]);
}

/** The gateway's list of jobs. */
function store(t: Thresholds): AlertRule[] {
  const count = (series: string) => `${takeMax([], keepLast(t, series))} > 0`;
  return [
    ...warn({
      alert: 'OpenClawCronJobsDisappeared',
      incident: 'cron-jobs-disappeared',
      expr: count('openclaw_cron_jobs_disappeared'),
      summary: 'Cron jobs of OpenClaw gateway {{ $labels.instance }} have disappeared',
      description:
        '{{ $value | printf "%.0f" }} job(s) vanished at once without being removed, as after an upgrade or a restored backup. They do not run.',
      next: 'openclaw cron list, compare it with a backup; after an upgrade: openclaw doctor',
      catalogue: ['C14'],
    }),
    ...warn({
      alert: 'OpenClawCronJobsUnmigrated',
      incident: 'cron-unmigrated',
      expr: count('openclaw_cron_unmigrated_jobs'),
      summary: 'OpenClaw gateway {{ $labels.instance }} has cron jobs that were not migrated',
      description:
        '{{ $value | printf "%.0f" }} job(s) are in an old cron/jobs.json beside the database; the gateway does not run them.',
      next: 'declare maintenance; stop the gateway, as a service: systemctl --user stop openclaw-gateway.service; in a terminal: Ctrl+C where it was started; then openclaw doctor --fix, and start it the same way: systemctl --user start openclaw-gateway.service, or openclaw gateway run',
      catalogue: ['C14'],
    }),
  ];
}

/** What a log that is watched is known by. */
const LOG_LABELS = ['log', 'path', ...JOB_LABELS] as const;

/** What is recorded of runs, where that cannot be right. */
function recorded(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.cron_missed_range);
  return [
    ...warn({
      alert: 'OpenClawCronLogUnmatched',
      incident: 'cron-log-unmatched',
      about: LOG_LABELS,
      expr: `${takeMax([], keepLast(t, 'openclaw_cron_log_lines_unmatched', LOG_LABELS))} == 1`,
      forMs: t.cron_state_for,
      summary: 'A cron log of {{ $labels.instance }} never matches success or error',
      description:
        'No line of this log has ever matched the configured words, so its runs are not counted at all.',
      next: 'set success and error under cron.logs in the configuration to words that the job prints',
      catalogue: ['C7'],
    }),
    ...warn({
      alert: 'OpenClawCronJobDuplicateRuns',
      incident: 'cron-duplicate-runs',
      about: JOB_LABELS,
      expr: joinLines(
        `${takeSum([], `increase(openclaw_cron_duplicate_runs_total[${range}])`)} > 0`,
        `unless ${ANY_JOB} ${SHARED_CAUSE}`,
      ),
      summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} ran more than once for one slot',
      description: `About {{ $value | printf "%.0f" }} extra run(s) in the last ${range}. Its work and its messages are doubled.`,
      next: 'openclaw gateway status --deep: two gateways on one state folder? then openclaw cron list: the same job twice?',
      catalogue: ['C15'],
    }),
  ];
}
