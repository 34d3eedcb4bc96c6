import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { PROCESS_STATES } from '../../src/lib/vocabulary.ts';
import { dashboard, UID } from './frame.ts';
import { childPanels, deliveryPanels, diskPanels } from './host.ts';
import { lifePanels, workPanels } from './life.ts';
import { GATEWAY_STATE_WORDS, steps, words, YES_NO } from './mappings.ts';
import { objectivePanels } from './objectives.ts';
import { heatmap, lines, stat, timeline } from './panels.ts';
import { HERE, maxHere } from './queries.ts';

const PING = 'openclaw_gateway_ping_duration_seconds';
const RSS = 'openclaw_gateway_process_resident_memory_bytes';
const GROWTH = `instance:${RSS}:deriv{${HERE}}`;

const PROCESS_STATE = words(
  [1, 'running', 'good'],
  [2, 'sleeping', 'good'],
  [3, 'waiting for disk', 'warn'],
  [4, 'stopped', 'bad'],
  [5, 'zombie', 'bad'],
  [6, 'other', 'unknown'],
);
const DEGRADED = words([0, 'as usual', 'good'], [1, 'degraded', 'warn']);

/** One gateway's process, answers and memory. */
export function gateway(): Dashboard {
  return dashboard({
    uid: UID.gateway,
    title: 'Gateway',
    description: 'One gateway: its process, its answers, its memory, its event loop.',
    several: false,
    sections: [
      { title: 'Now', panels: now() },
      { title: 'States', panels: [states(), checks()] },
      { title: 'Answers', panels: [pingHeatmap(), percentiles(), phases(), pings()] },
      { title: 'Process', panels: [memory(), restarts(), cpu(), files()] },
      { title: 'Boots and versions', panels: lifePanels() },
      { title: 'Channels and model credentials', panels: workPanels() },
      { title: 'Below the gateway', panels: childPanels() },
      { title: 'Disk', panels: diskPanels() },
      { title: 'Messages and devices', panels: deliveryPanels() },
      { title: 'Objectives', panels: objectivePanels() },
      { title: 'Event loop and version', panels: [loopDelay(), loopUse(), degraded(), versions()] },
    ],
    marks: [
      {
        name: 'Restarts',
        state: 'passing',
        expr: `sum by (instance) (increase(openclaw_gateway_process_restarts_total{${HERE}}[1m])) > 0`,
        title: 'Restart',
        text: 'The gateway was restarted',
      },
    ],
  });
}

const small = { width: 4, height: 4 };

function now() {
  return [...state(), ...wear()];
}

function state() {
  return [
    stat(
      {
        ...small,
        title: 'State',
        description: 'What the gateway does now, from unreachable to up.',
        queries: [{ expr: `instance:openclaw_gateway_state:index{${HERE}}` }],
      },
      { mappings: GATEWAY_STATE_WORDS },
    ),
    stat(
      {
        ...small,
        title: 'Last answered',
        description: 'How long ago the gateway last answered; remembered for a day.',
        queries: [
          {
            expr: `time() - max by (instance) (last_over_time(instance:openclaw_gateway_up:timestamp_seconds{${HERE}}[1d]))`,
          },
        ],
      },
      { unit: 's', decimals: 0, states: steps('good', [60, 'warn'], [120, 'bad']) },
    ),
    stat(
      {
        ...small,
        title: 'Running for',
        description:
          'Age of the gateway process. Empty when there is none. A restart inside the process does not change it.',
        queries: [{ expr: `time() - ${maxHere('openclaw_gateway_process_start_time_seconds')}` }],
      },
      { unit: 'dtdurations', decimals: 0 },
    ),
  ];
}

function wear() {
  return [
    stat(
      {
        ...small,
        title: 'Restarts in a day',
        description:
          'Restarts of the gateway in the last 24 hours, those inside its process included. From four in a quarter of an hour on an alert calls it a crash loop.',
        queries: [{ expr: `round(instance:openclaw_gateway_process_restarts:increase{${HERE}})` }],
      },
      { decimals: 0 },
    ),
    stat(
      {
        ...small,
        title: 'Memory full in',
        description:
          'How long until the memory limit is reached if memory goes on growing as in the last six hours. Empty when it does not grow or no limit is known. The alert looks at the form of the growth too.',
        queries: [
          {
            expr: `(${maxHere('openclaw_gateway_process_memory_limit_bytes')} - on (instance) ${maxHere(RSS)}) / on (instance) (${GROWTH} > 0)`,
          },
        ],
      },
      { unit: 's', decimals: 0 },
    ),
    stat(
      {
        ...small,
        title: 'Gateway processes',
        description:
          'Processes alive for this port or state folder: 1 is right; more get in each other’s way, 0 is none.',
        queries: [{ expr: maxHere('openclaw_gateway_processes') }],
      },
      { decimals: 0, states: steps('bad', [1, 'good'], [2, 'warn']) },
    ),
  ];
}

function states() {
  const parts = PROCESS_STATES.map(
    (state, index) =>
      `${index === 0 ? '' : 'or '}${index + 1} * (openclaw_gateway_process_state{state="${state}", ${HERE}} == 1)`,
  );
  const panel = timeline(
    {
      title: 'State of the gateway and of its process',
      description:
        'Gateway: what its address does, from unreachable to up. Process: what the operating system says. Hung with a stopped process, or refused with a running one, tell at once where to look.',
      height: 6,
      queries: [
        { expr: `instance:openclaw_gateway_state:index{${HERE}}`, legend: 'Gateway' },
        { expr: `max by (instance) (\n${parts.join('\n')}\n)`, legend: 'Process' },
      ],
    },
    GATEWAY_STATE_WORDS,
  );
  return panel.overrideByName('Process', [{ id: 'mappings', value: PROCESS_STATE }]);
}

function checks() {
  return timeline(
    {
      title: 'What holds',
      description:
        'Process: alive. Listener: it holds the port. Answers: /healthz in time. Ready: /readyz. Service: the service manager considers it running; absent without one. Each is measured apart from the others.',
      height: 8,
      queries: [
        { expr: maxHere('openclaw_gateway_process_up'), legend: 'Process' },
        { expr: maxHere('openclaw_gateway_listener_up'), legend: 'Listener' },
        { expr: maxHere('openclaw_gateway_up'), legend: 'Answers' },
        { expr: maxHere('openclaw_gateway_ready'), legend: 'Ready' },
        {
          expr: `max by (instance, manager) (openclaw_gateway_service_active{${HERE}})`,
          legend: 'Service ({{manager}})',
        },
      ],
    },
    YES_NO,
  );
}

function pingHeatmap() {
  return heatmap(
    {
      title: 'Answers of /healthz by their duration',
      description:
        'How many answers took how long. Two bands mean two kinds of answers, as with a busy event loop. Answers that never came are not in it: see the results below.',
      width: 12,
      height: 9,
      queries: [
        {
          expr: `sum by (le) (increase(${PING}_bucket{phase="http", ${HERE}}[$__rate_interval]))`,
          legend: '{{le}}',
        },
      ],
    },
    's',
  );
}

function percentiles() {
  const quantile = (q: number) =>
    `histogram_quantile(${q}, sum by (le) (rate(${PING}_bucket{phase="http", ${HERE}}[$__rate_interval])))`;
  return lines(
    {
      title: 'Percentiles of /healthz',
      description:
        'Half, 19 of 20 and 99 of 100 answers were at least this fast. The dashed line is what is usual for the 95th in a day; it begins after an hour.',
      width: 12,
      height: 9,
      queries: [
        { expr: quantile(0.5), legend: 'p50' },
        { expr: quantile(0.95), legend: 'p95' },
        { expr: quantile(0.99), legend: 'p99' },
        { expr: `instance_phase:${PING}:p95_median{phase="http", ${HERE}}`, legend: 'usual p95' },
      ],
    },
    {
      unit: 's',
      axis: 'duration',
      logarithmic: true,
      series: [
        { name: 'p50', style: 'dotted' },
        { name: 'p99', style: 'thin' },
        { name: 'usual p95', style: 'dashed' },
      ],
    },
  );
}

function phases() {
  return lines(
    {
      title: '95th percentile by phase',
      description:
        'connect: TCP. http: /healthz. handshake: WebSocket up to the challenge, without a credential. Only completed phases count.',
      width: 12,
      queries: [{ expr: `instance_phase:${PING}:p95{${HERE}}`, legend: '{{phase}}' }],
    },
    {
      unit: 's',
      axis: 'duration',
      logarithmic: true,
      series: [
        { name: 'connect', style: 'dotted' },
        { name: 'handshake', style: 'dashed' },
      ],
    },
  );
}

function pings() {
  return lines(
    {
      title: 'Pings by result',
      description: 'Pings a second by how they ended; all but ok are failures of some kind.',
      width: 12,
      queries: [{ expr: `instance_result:openclaw_gateway_pings:rate{${HERE}}`, legend: '{{result}}' }],
    },
    {
      unit: 'ops',
      axis: 'pings',
      stacked: true,
      series: [
        { name: 'ok', state: 'good' },
        { name: 'timeout', state: 'bad' },
        { name: 'refused', state: 'bad' },
        { name: 'unreachable', state: 'bad' },
        { name: 'foreign', state: 'bad' },
        { name: 'other', state: 'unknown' },
      ],
    },
  );
}

function memory() {
  return lines(
    {
      title: 'Memory, and where it goes',
      description:
        'What the process holds; what it would hold in a day if it goes on as in the last six hours; the limit at which it is killed, the least of its control groups and the machine.',
      width: 12,
      queries: [
        { expr: maxHere(RSS), legend: 'resident' },
        {
          expr: `${maxHere(RSS)} + on (instance) 86400 * clamp_min(${GROWTH}, 0)`,
          legend: 'in a day, at this rate',
        },
        { expr: maxHere('openclaw_gateway_process_memory_limit_bytes'), legend: 'limit' },
      ],
    },
    {
      unit: 'bytes',
      axis: 'memory',
      logarithmic: true,
      series: [
        { name: 'in a day, at this rate', style: 'dashed' },
        { name: 'limit', state: 'bad', style: 'dashed' },
      ],
    },
  );
}

function restarts() {
  return lines(
    {
      title: 'Restarts',
      description: 'Restarts in the fifteen minutes before each point. Four or more are a crash loop.',
      width: 12,
      queries: [
        {
          expr: `max by (instance) (increase(openclaw_gateway_process_restarts_total{${HERE}}[15m]))`,
          legend: 'restarts',
        },
        {
          expr: `max by (instance, manager) (openclaw_gateway_service_restarts{${HERE}})`,
          legend: 'by {{manager}}, since loaded',
        },
      ],
    },
    { unit: 'short', axis: 'restarts in 15 min', stepped: true, min: 0 },
  );
}

function cpu() {
  return lines(
    {
      title: 'Processor',
      description:
        'Processor time the gateway process uses, user and system; 100 % is one core. A blocked event loop stands at 100 %.',
      width: 12,
      queries: [
        {
          expr: `max by (instance) (rate(openclaw_gateway_process_cpu_seconds_total{${HERE}}[$__rate_interval]))`,
          legend: 'processor',
        },
      ],
    },
    { unit: 'percentunit', axis: 'of one core', min: 0 },
  );
}

function files() {
  return lines(
    {
      title: 'Open files and threads',
      description:
        'Files and sockets the process has open, and how many it may. At the limit it accepts no more connections. Not seen on macOS.',
      width: 12,
      queries: [
        { expr: maxHere('openclaw_gateway_process_open_fds'), legend: 'open files' },
        { expr: maxHere('openclaw_gateway_process_max_fds'), legend: 'limit' },
        { expr: maxHere('openclaw_gateway_process_threads'), legend: 'threads' },
      ],
    },
    {
      unit: 'short',
      axis: 'number',
      logarithmic: true,
      series: [
        { name: 'limit', state: 'bad', style: 'dashed' },
        { name: 'threads', style: 'dotted' },
      ],
    },
  );
}

function loopDelay() {
  return lines(
    {
      title: 'Delay of the event loop',
      description:
        'How long work waits in the gateway, as it reports itself at /readyz. Empty where the gateway does not tell it.',
      width: 12,
      queries: [
        { expr: maxHere('openclaw_gateway_readyz_event_loop_delay_p99_seconds'), legend: 'p99' },
        { expr: maxHere('openclaw_gateway_readyz_event_loop_delay_max_seconds'), legend: 'longest' },
      ],
    },
    { unit: 's', axis: 'delay', series: [{ name: 'longest', style: 'dashed' }] },
  );
}

function loopUse() {
  return lines(
    {
      title: 'Use of the event loop',
      description: 'Share of time in which the event loop was busy; near 100 % it cannot keep up.',
      width: 12,
      queries: [{ expr: maxHere('openclaw_gateway_readyz_event_loop_utilization_ratio'), legend: 'busy' }],
    },
    { unit: 'percentunit', axis: 'busy', min: 0, max: 1 },
  );
}

function degraded() {
  return timeline(
    {
      title: 'The gateway’s own word, and what fails in it',
      description:
        'Whether the gateway calls its event loop degraded, and each subsystem or channel that /readyz names as failing; one that is not named does not appear.',
      width: 12,
      height: 6,
      queries: [
        { expr: maxHere('openclaw_gateway_readyz_event_loop_degraded'), legend: 'event loop' },
        {
          expr: `max by (instance, subsystem) (openclaw_gateway_ready_failing{${HERE}})`,
          legend: '{{subsystem}}',
        },
      ],
    },
    DEGRADED,
  );
}

function versions() {
  return timeline(
    {
      title: 'Versions',
      description:
        'Version and protocol of the gateway over time, a row for each. It tells them only to a client with an accepted token.',
      width: 12,
      height: 6,
      queries: [
        {
          expr: `max by (instance, version, protocol) (openclaw_gateway_info{${HERE}})`,
          legend: '{{version}} (protocol {{protocol}})',
        },
      ],
    },
    words([1, 'in use']),
  );
}
