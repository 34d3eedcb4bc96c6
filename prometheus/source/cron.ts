import { PLAIN_ID } from '../../src/collectors/cron/repair.ts';
import { cronStopped } from './conditions.ts';
import { FULL } from './gateway.ts';
import { CRON_JOB, GATEWAY, lines, maxBy, minBy, NOT_ANSWERING, onGateway, seconds, span } from './promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

const onJob = 'on (instance, cron_job_id)';
const RUNS = ofJob('openclaw cron runs --id {{ $labels.cron_job_id }}');

/**
 * A step whose command names the job. Its id is somebody's text: only a harmless one may stand in a command that a
 * person will paste, and `log:<workspace>/<name>` and `_other` are no ids that OpenClaw knows.
 */
function ofJob(step: string): string {
  const otherwise =
    "openclaw cron list; log:... is a job of the system's crontab: read its log, start it from there";
  return `{{ if match "${PLAIN_ID.source}" $labels.cron_job_id }}${step}{{ else }}${otherwise}{{ end }}`;
}

/** Do cron jobs run, and succeed? */
export function cronGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-cron',
      file: 'cron',
      rules: [...cronRecords(t), ...failing(t), ...late(t), ...stopped(t), ...deliveries(t), ...sources(t)],
    },
  ];
}

function cronRecords(t: Thresholds): RecordRule[] {
  return [
    record(
      'instance_status:openclaw_cron_runs:increase',
      `sum by (instance, status) (increase(openclaw_cron_runs_total[${span(t.cron_missed_range)}]))`,
    ),
  ];
}

function failing(t: Thresholds): AlertRule[] {
  const errors = maxBy(CRON_JOB, 'openclaw_cron_consecutive_errors');
  const often = lines(
    `${errors} >= ${t.cron_consecutive_errors}`,
    // A job somebody switched off keeps its count; one the gateway switched off has reached ten.
    `unless ${onJob} (${errors} < 10 and ${onJob} ${maxBy(CRON_JOB, 'openclaw_cron_job_enabled')} == 0)`,
  );
  const failed = `increase(openclaw_cron_runs_total{status=~"error|interrupted"}[${span(t.cron_error_shown_for)}])`;
  const pushed =
    'Each further one pushes its next run out, up to an hour; after ten OpenClaw 2026.9 switches the job off.';
  const repaired = ofJob(
    'openclaw cron runs --id {{ $labels.cron_job_id }}, repair it, then: openclaw cron run {{ $labels.cron_job_id }}',
  );
  return ladder(
    {
      alert: 'OpenClawCronJobFailing',
      incident: 'cron-failing',
      expr: often,
      summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} fails',
      description: `{{ $value | printf "%.0f" }} failures in a row. ${pushed}`,
      catalogue: ['C1', 'C2'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: 0,
        expr: `sum by (${CRON_JOB.join(', ')}) (${failed}) > 0`,
        description: `{{ $value | printf "%.0f" }} failure(s) in the last ${span(t.cron_error_shown_for)}. ${pushed}`,
        next: RUNS,
      },
      {
        phase: 2,
        severity: 'warning',
        forMs: 0,
        next: repaired,
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: 0,
        expr: lines(
          `(${often})`,
          `and ${onJob} ${maxBy(CRON_JOB, `openclaw_cron_consecutive_errors{cron_job=~"${t.cron_important_jobs}"}`)}`,
        ),
        next: repaired,
      },
    ],
  );
}

function late(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawCronRunMissed',
        incident: 'missed',
        expr: `sum by (${CRON_JOB.join(', ')}) (increase(openclaw_cron_missed_runs_total[${span(t.cron_missed_range)}])) > 0`,
        summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} missed a run',
        description: `About {{ $value | printf "%.0f" }} due time(s) passed without a run in the last ${span(t.cron_missed_range)}. The gateway does not tell anybody about this.`,
        catalogue: ['C3', 'C4', 'G2+C3'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: ofJob('openclaw cron run {{ $labels.cron_job_id }}, if the run matters'),
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawCronJobOverdue',
        incident: 'overdue',
        expr: lines(
          `${maxBy(CRON_JOB, 'openclaw_cron_job_overdue_seconds')} > ${seconds(t.cron_overdue)}`,
          `unless ${onGateway} ${NOT_ANSWERING}`,
        ),
        summary: 'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} is overdue',
        description:
          'It was due {{ $value | humanizeDuration }} ago and has not begun, though the gateway answers.',
        catalogue: ['C3', 'C5'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.cron_overdue_for,
          next: ofJob('openclaw cron list, then openclaw cron run {{ $labels.cron_job_id }}'),
        },
      ],
    ),
  ];
}

function stopped(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronStopped',
      incident: 'cron-stopped',
      expr: cronStopped(t),
      keepMs: t.settle,
      summary: 'Cron on the OpenClaw gateway of {{ $labels.instance }} has stopped',
      description:
        'The gateway answers, {{ $value }} job(s) are overdue and no job at all has begun since the first of them was due.',
      catalogue: ['C5', 'C5+G9'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: t.cron_stopped_for,
        next: 'openclaw cron status, then openclaw gateway restart',
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

function deliveries(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronDeliveryFailed',
      incident: 'delivery',
      expr: `sum by (${CRON_JOB.join(', ')}) (increase(openclaw_cron_delivery_failures_total[${span(t.delivery_range)}])) > 0`,
      summary:
        'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} ran, but its message did not arrive',
      description: `About {{ $value | printf "%.0f" }} message(s) were not delivered in the last ${span(t.delivery_range)}.`,
      catalogue: ['C6'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: ofJob('openclaw cron runs --id {{ $labels.cron_job_id }}, openclaw channels status'),
      },
    ],
  );
}

function sources(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawCronSourceLost',
      incident: 'source-lost',
      expr: `${minBy([...GATEWAY, 'source'], 'openclaw_cron_source_up')} == 0`,
      keepMs: t.settle,
      summary: 'The history of cron jobs of {{ $labels.instance }} cannot be read from {{ $labels.source }}',
      description: `Runs recorded only there are not counted until it can be read again.{{ with printf "openclaw_cron_source_up{instance='%s'} == 1" $labels.instance | query }} Still read: {{ range . }}{{ .Labels.source }} {{ end }}{{ else }} No other source is readable: the cron layer is blind.{{ end }}`,
      catalogue: ['C7', 'C7+T1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.cron_source_for,
        next: "the status page of the exporter says why; mostly rights: run it as the gateway's user; source api: mostly the CLI's device is not paired, see the runbook",
      },
    ],
  );
}
