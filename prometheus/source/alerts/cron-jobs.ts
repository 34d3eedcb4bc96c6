import { PLAIN_ID } from '../../../src/collectors/cron/repair.ts';
import { describeRestart } from '../../../src/diagnosis/repair.ts';
import {
  formatSeconds,
  formatSpan,
  ignoreLabels,
  JOB_LABELS,
  joinLines,
  keepLast,
  selectFiring,
  takeMax,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { NOT_ANSWERING } from '../signals.ts';
import { SHARED_CAUSE, schedulerDisabled, unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

/** A one-shot that failed for good: the gateway disabled it as it failed, and it has no next run. */
const ONE_SHOT_FAILED = 'instance_cron_job:openclaw_cron_one_shot:failed';
/** Failed runs in a day, and their share, of jobs with enough of them. */
const UNRELIABLE = 'instance_cron_job:openclaw_cron_runs_failed:ratio_day';

const ANY_JOB = ignoreLabels(...JOB_LABELS);
const RUNS = describeJobStep('openclaw cron runs --id {{ $labels.cron_job_id }}');

/**
 * A step whose command names the job. Job ids are untrusted: only a harmless one may stand in a command that
 * a person will paste, and `log:<workspace>/<name>` and `_other` are no ids that OpenClaw knows.
 */
function describeJobStep(step: string): string {
  const otherwise =
    "openclaw cron list; log:... is a job of the system's crontab: read its log, start it from there";
  return `{{ if match "${PLAIN_ID.source}" $labels.cron_job_id }}${step}{{ else }}${otherwise}{{ end }}`;
}

/** Single jobs: do they run, succeed, and deliver? */
export function cronJobGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-cron-jobs',
      file: 'cron',
      rules: [oneShotRecord(t), ...failing(t), ...unreliable(t), ...late(t), ...skipped(t), ...marks(t)],
    },
    {
      name: 'openclaw-cron-jobs-day',
      file: 'cron',
      intervalMs: t.history_interval,
      rules: [unreliableRecord(t)],
    },
  ];
}

const errorsNow = (t: Thresholds) => takeMax([], keepLast(t, 'openclaw_cron_consecutive_errors', JOB_LABELS));
const enabledNow = (t: Thresholds) => takeMax([], keepLast(t, 'openclaw_cron_job_enabled', JOB_LABELS));
const intervalNow = (t: Thresholds) =>
  takeMax([], keepLast(t, 'openclaw_cron_expected_interval_seconds', JOB_LABELS));

/**
 * Failed and disabled within moments of each other: a permanent error. A recurring job that a person disables
 * has an interval, so it is none.
 */
function oneShotRecord(t: Thresholds): RecordRule {
  const range = formatSpan(t.ssh_down_range);
  const over = (operation: string, series: string) => takeMax([], `${operation}(${series}[${range}])`);
  const failedAndDisabled = `(${errorsNow(t)} >= 1 and ${enabledNow(t)} == 0)`;
  return record(
    ONE_SHOT_FAILED,
    joinLines(
      `((${failedAndDisabled}`,
      `and ${over('max_over_time', 'openclaw_cron_job_enabled')} == 1`,
      `and ${over('min_over_time', 'openclaw_cron_consecutive_errors')} == 0)`,
      `or (last_over_time(${ONE_SHOT_FAILED}[${formatSpan(t.exporter_absent_range)}]) and ${failedAndDisabled}))`,
      `unless ${intervalNow(t)}`,
    ),
  );
}

/** Jobs that fail in a way that matters: often, or rarely run, or disabled for it. */
function failsSeriously(t: Thresholds): string {
  const errors = errorsNow(t);
  const disabledBy = (by: string) =>
    takeMax(['by'], keepLast(t, `openclaw_cron_job_disabled_info{by=~"${by}"}`, [...JOB_LABELS, 'by']));
  return joinLines(
    `((${errors} >= ${t.cron_consecutive_errors}`,
    `or (${errors} >= 1 and ${intervalNow(t)} >= ${formatSeconds(t.cron_rare_interval)}))`,
    // A job that a person disabled keeps its count; one that the gateway disabled has reached ten.
    `unless (${errors} < 10 and ${enabledNow(t)} == 0))`,
    `or (${errors} >= 1 and ${disabledBy('errors|schedule')} == 1)`,
    `or ${ONE_SHOT_FAILED}`,
  );
}

function failing(t: Thresholds): AlertRule[] {
  const failed = `increase(openclaw_cron_runs_total{status=~"error|interrupted"}[${formatSpan(t.cron_error_shown_for)}])`;
  const named = `openclaw_cron_consecutive_errors{cron_job=~"${t.cron_important_jobs}"}`;
  const important = takeMax([], keepLast(t, named, JOB_LABELS));
  const serious = failsSeriously(t);
  const alone = (condition: string) => unlessSuppressed(t, 'cron-failing', condition, { own: JOB_LABELS });
  const unreliableAlready = `unless ${selectFiring('cron-unreliable', 'warning')}`;
  const postponed =
    'Each further one postpones its next run, up to an hour; after ten OpenClaw 2026.9 disables the job.';
  const repaired = describeJobStep(
    'openclaw cron runs --id {{ $labels.cron_job_id }}, repair it, then: openclaw cron run {{ $labels.cron_job_id }}',
  );
  return ladder(
    {
      alert: 'OpenClawCronJobFailing',
      incident: 'cron-failing',
      about: JOB_LABELS,
      expr: joinLines(alone(`(${serious})`), unreliableAlready),
      summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} fails',
      description: `{{ $value | printf "%.0f" }} failure(s) in a row. ${postponed}`,
      catalogue: ['C1', 'C2', 'C16'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: 0,
        keepMs: t.cron_error_hold,
        expr: joinLines(alone(`${takeSum(['status'], failed)} > 0`), unreliableAlready),
        description: `It failed at least once within a day. ${postponed}`,
        next: RUNS,
      },
      { phase: 2, severity: 'warning', forMs: 0, next: repaired },
      {
        phase: 3,
        severity: 'critical',
        forMs: 0,
        expr: joinLines(
          alone(joinLines(`(${serious})`, `and ${important}`)),
          `unless ${ANY_JOB} ${NOT_ANSWERING}`,
        ),
        next: repaired,
      },
    ],
  );
}

function unreliableRecord(t: Thresholds): RecordRule {
  const day = formatSpan(t.history_day);
  const runs = (statuses: string) =>
    takeSum(['status'], `increase(openclaw_cron_runs_total{status=~"${statuses}"}[${day}])`);
  const failed = runs('error|interrupted');
  return record(
    UNRELIABLE,
    `(${failed} > ${t.cron_unreliable_errors - 0.5}) / ${runs('ok|error|interrupted')}`,
  );
}

/** A job that fails now and then all day: one message, not one an episode. */
function unreliable(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronJobUnreliable',
      incident: 'cron-unreliable',
      about: JOB_LABELS,
      keepMs: t.cron_unreliable_hold,
      expr: joinLines(
        `last_over_time(${UNRELIABLE}[${formatSpan(3 * t.history_interval)}]) > ${t.cron_unreliable_ratio}`,
        `unless ${selectFiring('cron-failing', 'warning')}`,
        `unless ${ANY_JOB} ${SHARED_CAUSE}`,
      ),
      summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} fails now and then',
      description: '{{ $value | humanizePercentage }} of its runs in the last day failed.',
      catalogue: ['C2'],
    },
    [{ phase: 1, severity: 'warning', forMs: 0, next: RUNS }],
  );
}

function late(t: Thresholds): AlertRule[] {
  return [...missed(t), ...overdue(t)];
}

function unlessDisabled(t: Thresholds): string {
  return `unless ${ANY_JOB} (${schedulerDisabled(t)})`;
}

function missed(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.cron_missed_range);
  return [
    ...ladder(
      {
        alert: 'OpenClawCronRunMissed',
        incident: 'missed',
        about: JOB_LABELS,
        expr: joinLines(
          `${takeSum([], `increase(openclaw_cron_missed_runs_total[${range}])`)} > 0`,
          unlessDisabled(t),
        ),
        summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} missed a run',
        description: `About {{ $value | printf "%.0f" }} scheduled run(s) did not start in the last ${range}. The gateway itself reports this nowhere.`,
        catalogue: ['C3', 'C4', 'G2+C3'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: describeJobStep('openclaw cron run {{ $labels.cron_job_id }}, if the run matters'),
        },
      ],
    ),
  ];
}

function overdue(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawCronJobOverdue',
        incident: 'overdue',
        about: JOB_LABELS,
        expr: unlessSuppressed(
          t,
          'overdue',
          `${takeMax([], keepLast(t, 'openclaw_cron_job_overdue_seconds', JOB_LABELS))} > ${formatSeconds(t.cron_overdue)}`,
          { own: JOB_LABELS },
        ),
        summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} is overdue',
        description:
          'It was due {{ $value | humanizeDuration }} ago and has not started, though the gateway answers.',
        catalogue: ['C3', 'C5'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.cron_overdue_for,
          next: describeJobStep('openclaw cron list, then openclaw cron run {{ $labels.cron_job_id }}'),
        },
      ],
    ),
  ];
}

function skipped(t: Thresholds): AlertRule[] {
  const skips = `openclaw_cron_consecutive_skips{cron_job!~"${t.cron_heartbeats}"}`;
  return ladder(
    {
      alert: 'OpenClawCronJobSkipped',
      incident: 'cron-skipped',
      about: JOB_LABELS,
      expr: `${takeMax([], keepLast(t, skips, JOB_LABELS))} >= ${t.cron_skips}`,
      summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} is skipped every time',
      description:
        '{{ $value | printf "%.0f" }} runs in a row were skipped: the gateway starts the job and decides not to run it. Nothing fails, and nothing is done.',
      catalogue: ['C15'],
    },
    [{ phase: 1, severity: 'warning', forMs: 0, next: RUNS }],
  );
}

/** The gateway's own record of a job, where it can be seen to be wrong. */
function marks(t: Thresholds): AlertRule[] {
  return [...runStuck(t), ...planWrong(t)];
}

const readGauge = (t: Thresholds, series: string) => takeMax([], keepLast(t, series, JOB_LABELS));
const warnLater = (t: Thresholds, next: string) =>
  [{ phase: 1, severity: 'warning', forMs: t.cron_state_for, next: describeJobStep(next) }] as const;

function runStuck(t: Thresholds): AlertRule[] {
  const progress = readGauge(t, 'openclaw_cron_run_in_progress_seconds');
  return ladder(
    {
      alert: 'OpenClawCronRunStuck',
      incident: 'cron-run-stuck',
      about: JOB_LABELS,
      expr: joinLines(
        `${progress} > ${formatSeconds(t.cron_run_stuck)}`,
        `and (${progress} > 3 * (${intervalNow(t)} or 0 * ${progress}))`,
        `unless ${ANY_JOB} ${NOT_ANSWERING}`,
      ),
      summary: 'A run of cron job {{ $labels.cron_job }} of {{ $labels.instance }} does not end',
      description:
        'It has been in progress for {{ $value | humanizeDuration }}. Either it hangs, or the gateway never cleared its mark; the job does not run again meanwhile.',
      catalogue: ['C13'],
    },
    warnLater(t, `openclaw cron list; when no other work runs, ${describeRestart()}`),
  );
}

function planWrong(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawCronPlanBeyondSchedule',
        incident: 'cron-plan',
        about: JOB_LABELS,
        expr: `${readGauge(t, 'openclaw_cron_next_run_beyond_schedule')} == 1`,
        summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} is planned too late',
        description:
          'The next run that the gateway has stored is later than the schedule says. Until then the job is silent.',
        catalogue: ['C13'],
      },
      warnLater(
        t,
        `openclaw cron edit {{ $labels.cron_job_id }} --enable plans it anew; if not, ${describeRestart()}`,
      ),
    ),
    ...ladder(
      {
        alert: 'OpenClawCronLastRunInFuture',
        incident: 'cron-clock',
        expr: `${takeMax([], keepLast(t, 'openclaw_cron_last_run_in_future'))} > 0`,
        summary: 'Cron jobs of OpenClaw gateway {{ $labels.instance }} have a last run in the future',
        description:
          'The last run of {{ $value | printf "%.0f" }} job(s) is later than the clock of their machine, which was set back. Jobs with a fixed interval are silent until the clock reaches their old next run, restarts included.',
        catalogue: ['C13'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.cron_state_for,
          next: 'timedatectl status; the status page names the jobs: openclaw cron run ID once plans the next run by the present clock',
        },
      ],
    ),
  ];
}
