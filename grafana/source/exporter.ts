import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, UID } from './frame.ts';
import { steps, words } from './mappings.ts';
import { lines, stat, table, timeline } from './panels.ts';
import { HERE } from './queries.ts';

const LOOKED = words([1, 'could look', 'good'], [0, 'could not', 'bad']);
const SAVED = words([1, 'saved', 'good'], [0, 'not saved', 'bad']);
const LOADED = words([1, 'in force', 'good'], [0, 'refused', 'warn']);
const SCRAPED = words([1, 'scraped', 'good'], [0, 'away', 'bad']);
/** Of all processes that Prometheus scrapes only the exporters. */
const exporterOnly = (expression: string) =>
  `${expression} and on (instance, job) openclaw_exporter_build_info{${HERE}}`;

/** The exporter itself: who watches the watcher. */
export function exporter(): Dashboard {
  return dashboard({
    uid: UID.exporter,
    title: 'Exporter',
    description: 'The exporter beside one gateway: whether it can look, how long it takes, what it costs.',
    several: false,
    sections: [
      { title: 'Now', panels: now() },
      { title: 'Collectors', panels: [collectors(), looks(), age(), durations(), runs()] },
      { title: 'Scrapes and questions', panels: [scraped(), scrapes(), probes()] },
      { title: 'Its own process', panels: [memory(), cpu(), delay()] },
    ],
  });
}

function now() {
  const small = { width: 6, height: 4 };
  return [
    stat(
      {
        ...small,
        title: 'Exporter',
        description: 'Version of the exporter, and of the Node it runs on.',
        queries: [
          { expr: `max by (instance, version, node_version) (openclaw_exporter_build_info{${HERE}})` },
        ],
      },
      { field: 'version' },
    ),
    stat(
      {
        ...small,
        title: 'Collectors that cannot look',
        description:
          'Collectors whose last run could not look at every target. Their verdicts are missing, not good.',
        queries: [
          {
            expr: `count by (instance) (openclaw_exporter_collector_up{${HERE}} == 0) or 0 * count by (instance) (openclaw_exporter_collector_up{${HERE}})`,
          },
        ],
      },
      { decimals: 0, states: steps('good', [1, 'bad']) },
    ),
    stat(
      {
        ...small,
        title: 'Counts',
        description:
          'Whether totals that must survive a restart can be kept. If not, counters of cron runs and restarts stand still: disk full, rights, or a second exporter.',
        queries: [{ expr: `min by (instance) (openclaw_exporter_state_saved{${HERE}})` }],
      },
      { mappings: SAVED },
    ),
    stat(
      {
        ...small,
        title: 'Configuration',
        description:
          'Whether the last attempt to load the configuration succeeded. If not, the one before goes on, and the exporter will not start again with the file as it is.',
        queries: [{ expr: `min by (instance) (openclaw_exporter_config_last_reload_successful{${HERE}})` }],
      },
      { mappings: LOADED },
    ),
  ];
}

function collectors() {
  const by = (operation: string, metric: string) =>
    `${operation} by (instance, collector) (openclaw_exporter_collector_${metric}{${HERE}})`;
  return table(
    {
      title: 'Collectors',
      description:
        'Each question the exporter asks: whether it could look at every target, when it last could, how long the last run took and how often it is made.',
      width: 12,
      height: 10,
      queries: [
        { expr: by('min', 'up') },
        { expr: `time() - ${by('max', 'last_success_timestamp_seconds')}` },
        { expr: by('max', 'duration_seconds') },
        { expr: by('max', 'interval_seconds') },
      ],
    },
    {
      columns: [
        { field: 'collector', name: 'Collector' },
        { field: 'Value #A', name: 'Last run', mappings: LOOKED },
        { field: 'Value #B', name: 'Last good look', unit: 's', decimals: 0 },
        { field: 'Value #C', name: 'Took', unit: 's', decimals: 2 },
        { field: 'Value #D', name: 'Every', unit: 's', decimals: 0 },
      ],
      sort: { by: 'Collector' },
    },
  );
}

function looks() {
  return timeline(
    {
      title: 'Could look',
      description:
        'Whether each collector could look at every target. What it saw there is not judged here: a gateway that is down was seen.',
      width: 12,
      height: 10,
      queries: [
        {
          expr: `min by (instance, collector) (openclaw_exporter_collector_up{${HERE}})`,
          legend: '{{collector}}',
        },
      ],
    },
    LOOKED,
  );
}

function age() {
  return lines(
    {
      title: 'Age of what is shown, in rounds',
      description:
        'How many of its own intervals ago each collector last could look. About 1 is right; above five an alert is raised.',
      width: 8,
      queries: [
        {
          expr: `(time() - max by (instance, collector) (openclaw_exporter_collector_last_success_timestamp_seconds{${HERE}})) / on (instance, collector) max by (instance, collector) (openclaw_exporter_collector_interval_seconds{${HERE}})`,
          legend: '{{collector}}',
        },
      ],
    },
    { unit: 'x', axis: 'intervals', min: 0 },
  );
}

function durations() {
  return lines(
    {
      title: 'Duration of a run',
      description: 'How long the last run of each collector took. A scrape waits for none of them.',
      width: 8,
      queries: [
        {
          expr: `max by (instance, collector) (openclaw_exporter_collector_duration_seconds{${HERE}})`,
          legend: '{{collector}}',
        },
      ],
    },
    { unit: 's', axis: 'duration', logarithmic: true },
  );
}

function runs() {
  return lines(
    {
      title: 'Runs by result',
      description: 'Runs of all collectors a second: ok, error (it could not look), timeout (it was cut).',
      width: 8,
      queries: [
        {
          expr: `sum by (instance, result) (rate(openclaw_exporter_collector_runs_total{${HERE}}[$__rate_interval]))`,
          legend: '{{result}}',
        },
      ],
    },
    {
      unit: 'ops',
      axis: 'runs',
      stacked: true,
      series: [
        { name: 'ok', state: 'good' },
        { name: 'error', state: 'bad' },
        { name: 'timeout', state: 'warn' },
      ],
    },
  );
}

function scraped() {
  return timeline(
    {
      title: 'Scrapes by Prometheus',
      description:
        'Whether Prometheus could scrape each target of this gateway, the views from outside included. Where the exporter is away, nothing else about the gateway is known.',
      width: 8,
      queries: [{ expr: `min by (instance, job) (up{${HERE}})`, legend: '{{job}}' }],
    },
    SCRAPED,
  );
}

function scrapes() {
  return lines(
    {
      title: 'Duration of a scrape',
      description:
        'How long Prometheus waited for each target of this gateway. The exporter answers from memory, so it should be a few milliseconds; a view from outside waits for the gateway.',
      width: 8,
      queries: [{ expr: `max by (instance, job) (scrape_duration_seconds{${HERE}})`, legend: '{{job}}' }],
    },
    { unit: 's', axis: 'duration', logarithmic: true },
  );
}

function probes() {
  return lines(
    {
      title: 'Questions by /probe',
      description:
        'Answers of /probe in the five minutes before each point: success, failure (the target is down), busy (no time was left), blind (the exporter could not look).',
      width: 8,
      queries: [
        {
          expr: `sum by (instance, result) (increase(openclaw_exporter_probes_total{${HERE}}[5m]))`,
          legend: '{{result}}',
        },
      ],
    },
    {
      unit: 'short',
      axis: 'answers in 5 min',
      stacked: true,
      min: 0,
      series: [
        { name: 'success', state: 'good' },
        { name: 'failure', state: 'bad' },
        { name: 'busy', state: 'warn' },
        { name: 'blind', state: 'unknown' },
      ],
    },
  );
}

function memory() {
  return lines(
    {
      title: 'Memory',
      description: 'Memory the exporter holds. It stays level: growth over days is a defect.',
      width: 8,
      queries: [
        { expr: exporterOnly(`process_resident_memory_bytes{${HERE}}`), legend: 'resident' },
        { expr: exporterOnly(`nodejs_heap_size_used_bytes{${HERE}}`), legend: 'heap in use' },
      ],
    },
    { unit: 'bytes', axis: 'memory', min: 0, series: [{ name: 'heap in use', style: 'dotted' }] },
  );
}

function cpu() {
  return lines(
    {
      title: 'Processor',
      description: 'Processor time the exporter uses, its child processes not included; 100 % is one core.',
      width: 8,
      queries: [
        {
          expr: exporterOnly(`rate(process_cpu_seconds_total{${HERE}}[$__rate_interval])`),
          legend: 'processor',
        },
      ],
    },
    { unit: 'percentunit', axis: 'of one core', min: 0 },
  );
}

function delay() {
  return lines(
    {
      title: 'Event loop',
      description:
        'Delay of the exporter’s own event loop, 99th percentile. If it is long, durations measured by it are too.',
      width: 8,
      queries: [{ expr: exporterOnly(`nodejs_eventloop_lag_p99_seconds{${HERE}}`), legend: 'delay p99' }],
    },
    { unit: 's', axis: 'delay', min: 0 },
  );
}
