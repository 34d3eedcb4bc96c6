import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { CRON_JOB } from '../../prometheus/source/promql.ts';
import { dashboard, UID } from './frame.ts';
import { PLAIN_YES_NO, RUN_COLOURS, RUN_WORDS, steps, YES_NO } from './mappings.ts';
import { lines, stat, table, timeline } from './panels.ts';
import { HERE, milliseconds } from './queries.ts';

const JOB = `${HERE}, cron_job=~"$job"`;
const BY = CRON_JOB.join(', ');
const max = (metric: string) => `max by (${BY}) (${metric}{${JOB}})`;
const recorded = (metric: string, operation: string) => `instance_cron_job:${metric}:${operation}{${JOB}}`;
const DURATION = 'openclaw_cron_last_run_duration_seconds';

/** The jobs of one gateway: do they run, and succeed? */
export function cron(): Dashboard {
  return dashboard({
    uid: UID.cron,
    title: 'Cron',
    description:
      'The cron jobs of one gateway: when they ran, how it ended, what was missed, how long it took.',
    several: false,
    from: 'now-24h',
    choices: [
      {
        name: 'job',
        label: 'Jobs',
        description: 'Cron jobs by name.',
        from: `openclaw_cron_job_enabled{${HERE}}`,
        of: 'cron_job',
      },
    ],
    sections: [
      { title: 'Now', panels: [...now(), jobs()] },
      { title: 'Runs', panels: [runTimeline(), runs(), missed()] },
      { title: 'Durations', panels: [againstHistory(), durations()] },
      { title: 'Delays, messages and sources', panels: [overdue(), deliveries(), sources()] },
    ],
    marks: [
      {
        name: 'Missed runs',
        state: 'warn',
        expr: `sum by (instance, cron_job) (increase(openclaw_cron_missed_runs_total{${JOB}}[1m])) > 0`,
        title: 'Missed: {{cron_job}}',
        text: 'It was due and did not run within the grace period.',
      },
    ],
  });
}

function now() {
  const small = { width: 6, height: 4 };
  return [
    stat(
      {
        ...small,
        title: 'Enabled jobs',
        description: 'Jobs that are enabled. Empty when no source of jobs can be read.',
        queries: [{ expr: `max by (instance) (openclaw_cron_jobs{enabled="true", ${HERE}})` }],
      },
      { decimals: 0 },
    ),
    stat(
      {
        ...small,
        title: 'Jobs that fail',
        description: 'Jobs whose last run failed. From three failures in a row on, an alert is raised.',
        queries: [
          {
            expr: `count by (instance) (${max('openclaw_cron_consecutive_errors')} > 0) or 0 * count by (instance) (${max('openclaw_cron_consecutive_errors')})`,
          },
        ],
      },
      { decimals: 0, states: steps('good', [1, 'warn']) },
    ),
    stat(
      {
        ...small,
        title: 'Longest delay',
        description: 'For how long the job that is latest has been due. A few seconds are usual.',
        queries: [{ expr: `max by (instance) (openclaw_cron_job_overdue_seconds{${JOB}})` }],
      },
      { unit: 's', decimals: 0, states: steps('good', [600, 'warn'], [900, 'bad']) },
    ),
    stat(
      {
        ...small,
        title: 'Missed in 7 days',
        description:
          'Times at which a job was due and did not run within the grace period, in the last seven days.',
        queries: [
          { expr: `round(sum by (instance) (${recorded('openclaw_cron_missed_runs', 'increase')}))` },
        ],
      },
      { decimals: 0, states: steps('good', [1, 'warn']) },
    ),
  ];
}

function jobs() {
  return table(
    {
      title: 'Jobs',
      description:
        'Each job: whether it is enabled, how and when its last run was, when the next is due, failures in a row, share of good runs and missed ones in seven days (interrupted counts as failed, skipped not at all), how long the last run took and usually takes.',
      height: 11,
      queries: [
        { expr: max('openclaw_cron_job_enabled') },
        { expr: recorded('openclaw_cron_last_run_status', 'index') },
        { expr: milliseconds(max('openclaw_cron_last_run_timestamp_seconds')) },
        { expr: milliseconds(max('openclaw_cron_next_run_timestamp_seconds')) },
        { expr: max('openclaw_cron_consecutive_errors') },
        { expr: recorded('openclaw_cron_runs_success', 'ratio') },
        { expr: `round(${recorded('openclaw_cron_missed_runs', 'increase')})` },
        { expr: max(DURATION) },
        { expr: recorded(DURATION, 'median') },
        { expr: max('openclaw_cron_expected_interval_seconds') },
      ],
    },
    {
      columns: [
        { field: 'cron_job', name: 'Job', filterable: true },
        { field: 'Value #A', name: 'Enabled', mappings: PLAIN_YES_NO, width: 75 },
        { field: 'Value #B', name: 'Last', mappings: RUN_WORDS, width: 90 },
        { field: 'Value #C', name: 'Began', unit: 'dateTimeFromNow', width: 145 },
        { field: 'Value #D', name: 'Next', unit: 'dateTimeFromNow', width: 145 },
        {
          field: 'Value #E',
          name: 'Streak',
          decimals: 0,
          states: steps('good', [1, 'warn'], [3, 'bad']),
          width: 75,
        },
        {
          field: 'Value #F',
          name: 'Good, 7 d',
          unit: 'percentunit',
          decimals: 1,
          states: steps('bad', [0.5, 'warn'], [0.95, 'good']),
          width: 90,
        },
        {
          field: 'Value #G',
          name: 'Missed, 7 d',
          decimals: 0,
          states: steps('good', [1, 'warn']),
          width: 100,
        },
        { field: 'Value #H', name: 'Took', unit: 's', width: 80 },
        { field: 'Value #I', name: 'Usually', unit: 's', width: 80 },
        { field: 'Value #J', name: 'Every', unit: 's', width: 80 },
        { field: 'cron_job_id', name: 'Id', width: 100 },
      ],
      sort: { by: 'Streak', largestFirst: true },
    },
  );
}

function runTimeline() {
  return timeline(
    {
      title: 'Last run of each job over time',
      description:
        'How the run that ended last went, for each job. It changes when another run ends; a gap means that no source could be read.',
      height: 10,
      queries: [{ expr: recorded('openclaw_cron_last_run_status', 'index'), legend: '{{cron_job}}' }],
    },
    RUN_WORDS,
    25,
  );
}

function runs() {
  return lines(
    {
      title: 'Runs by status',
      description:
        'Runs of all jobs of the gateway that ended in the hour before each point, by how they ended.',
      width: 12,
      queries: [{ expr: `instance_status:openclaw_cron_runs:increase{${HERE}}`, legend: '{{status}}' }],
    },
    {
      unit: 'short',
      axis: 'runs in an hour',
      stacked: true,
      min: 0,
      series: RUN_COLOURS.map(([name, state]) => ({ name, state })),
    },
  );
}

function missed() {
  return lines(
    {
      title: 'Missed runs',
      description:
        'Times at which a job was due and did not run within its grace period, in the hour before each point. The gateway does not tell anybody about them.',
      width: 12,
      queries: [
        {
          expr: `sum by (${BY}) (increase(openclaw_cron_missed_runs_total{${JOB}}[1h]))`,
          legend: '{{cron_job}}',
        },
      ],
    },
    { unit: 'short', axis: 'missed in an hour', min: 0 },
  );
}

function againstHistory() {
  return lines(
    {
      title: 'Duration against its own history',
      description:
        'How long the last run took, as a multiple of what was usual (the median of seven days). 1 is as always; a job that creeps upwards will one day not be done before it is due again.',
      width: 12,
      queries: [
        {
          expr: `${max(DURATION)} / on (${BY}) (${recorded(DURATION, 'median')} > 0)`,
          legend: '{{cron_job}}',
        },
      ],
    },
    { unit: 'x', axis: 'times the usual', logarithmic: true, stepped: true },
  );
}

function durations() {
  return lines(
    {
      title: 'Duration of the last run',
      description:
        'How long the last run of each job took; dashed what all but one in twenty stayed below in seven days. Choose one job above to read it well.',
      width: 12,
      queries: [
        { expr: max(DURATION), legend: '{{cron_job}}' },
        { expr: recorded(DURATION, 'p95'), legend: '{{cron_job}}, 95 % of 7 d' },
      ],
    },
    { unit: 's', axis: 'duration', logarithmic: true, stepped: true },
  ).overrideByQuery('B', [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } }]);
}

function overdue() {
  return lines(
    {
      title: 'Delays',
      description:
        'For how long the next run of each job has been due; 0 while it runs. All jobs late at once: cron has stopped.',
      width: 8,
      queries: [{ expr: max('openclaw_cron_job_overdue_seconds'), legend: '{{cron_job}}' }],
    },
    { unit: 's', axis: 'late', min: 0 },
  );
}

function deliveries() {
  return lines(
    {
      title: 'Messages that did not arrive',
      description:
        'Runs in the hour before each point whose message did not arrive, whatever the run itself said.',
      width: 8,
      queries: [
        {
          expr: `sum by (${BY}) (increase(openclaw_cron_delivery_failures_total{${JOB}}[1h]))`,
          legend: '{{cron_job}}',
        },
      ],
    },
    { unit: 'short', axis: 'not arrived in an hour', min: 0 },
  );
}

function sources() {
  return timeline(
    {
      title: 'Sources',
      description:
        'Where jobs and runs are read from, and whether each can be read; the others go on without it. A source this gateway never had does not appear.',
      width: 8,
      queries: [
        { expr: `min by (instance, source) (openclaw_cron_source_up{${HERE}})`, legend: '{{source}}' },
      ],
    },
    YES_NO,
  );
}
