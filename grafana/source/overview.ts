import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { LAYERS } from '../../src/lib/vocabulary.ts';
import { dashboard, linkTo, UID } from './frame.ts';
import {
  CAUSES,
  GATEWAY_STATE_WORDS,
  HEALTH,
  NEXT_STEPS_OF_ALERTS,
  NEXT_STEPS_OF_FAULTS,
  SEVERITIES,
  words,
} from './mappings.ts';
import { type Query, stat, table, timeline } from './panels.ts';
import { causeOrNone, faultsWithCause, firingSince, HERE, layerState, maxHere } from './queries.ts';

const MAINTENANCE = words([1, 'declared', 'passing'], [0, 'none']);
const LAYER_NAMES: Readonly<Record<(typeof LAYERS)[number], string>> = {
  process: 'Process',
  answers: 'Answers',
  token: 'Token',
  cron: 'Cron',
  network: 'Network',
};

const layers: Query[] = LAYERS.map((layer) => ({ expr: layerState(layer), legend: LAYER_NAMES[layer] }));

/** What is wrong, in one look. */
export function overview(): Dashboard {
  return dashboard({
    uid: UID.overview,
    title: 'Overview',
    description: 'What is wrong, why, and what to do next.',
    several: true,
    from: 'now-3h',
    sections: [
      { title: 'What is wrong', panels: [causes(), alerts()] },
      {
        title: '$instance',
        repeat: 'instance',
        panels: [
          layersNow(),
          stateNow(),
          maintenance(),
          causeNow(),
          nextStep(),
          layersOverTime(),
          lastNight(),
        ],
      },
    ],
  });
}

function causes() {
  return table(
    {
      title: 'Likeliest cause and next repair step',
      description:
        'Each fault that holds now, before any alert has waited for it, with the one cause that explains the most and the first step of its repair. A gateway without a fault says none; one that nobody watches is not listed.',
      width: 24,
      height: 6,
      queries: [{ expr: faultsWithCause() }],
    },
    {
      columns: [
        {
          field: 'instance',
          name: 'Gateway',
          width: 160,
          link: { title: 'Gateway', url: linkTo(UID.gateway) },
        },
        { field: 'cause', name: 'Cause', width: 160, mappings: CAUSES },
        { field: 'incident', name: 'Fault', width: 150 },
        { field: 'step', name: 'Next step', mappings: NEXT_STEPS_OF_FAULTS, wrap: true },
      ],
      sort: { by: 'Gateway' },
    },
  );
}

function alerts() {
  return table(
    {
      title: 'Firing alerts',
      description:
        'Alerts that fire, of each incident only the highest repair phase, as Alertmanager sends it; the gravest first. Phase 1 is a restart, 2 authentication, 3 the full restart.',
      width: 24,
      height: 8,
      empty: 'no alert fires',
      queries: [{ expr: firingSince(HERE) }],
    },
    {
      columns: [
        { field: 'rank', name: 'Severity', width: 80, mappings: SEVERITIES },
        { field: 'alertname', name: 'Alert', width: 215 },
        {
          field: 'instance',
          name: 'Gateway',
          width: 110,
          link: { title: 'Gateway', url: linkTo(UID.gateway) },
        },
        { field: 'about', name: 'About', width: 130, empty: '–' },
        { field: 'repair_phase', name: 'Phase', width: 60 },
        { field: 'Value', name: 'Since', unit: 'dateTimeFromNow', width: 145 },
        { field: 'step', name: 'Next step', mappings: NEXT_STEPS_OF_ALERTS, wrap: true },
      ],
      sort: { by: 'Severity' },
    },
  );
}

function layersNow() {
  return stat(
    {
      title: 'Layers now',
      description:
        'The five layers, each measured by its own means: is the process alive, does it answer, is the token accepted, do cron jobs run and succeed, can the always-on hosts be reached over SSH. Unknown: its exporter looks and cannot tell. No data: nobody looks.',
      width: 16,
      height: 6,
      queries: layers,
    },
    { mappings: HEALTH, showNames: true },
  );
}

function stateNow() {
  return stat(
    {
      title: 'Gateway',
      description: 'What the gateway does now, as the exporter beside it sees it.',
      width: 5,
      height: 6,
      queries: [{ expr: `instance:openclaw_gateway_state:index{${HERE}}` }],
    },
    { mappings: GATEWAY_STATE_WORDS },
  );
}

function maintenance() {
  return stat(
    {
      title: 'Maintenance',
      description: 'Whether planned maintenance is declared; while it is, this gateway pages nobody.',
      width: 3,
      height: 6,
      queries: [{ expr: maxHere('openclaw_gateway_maintenance') }],
    },
    { mappings: MAINTENANCE },
  );
}

/** The table's answer once more in large type: a wall is read from afar. */
function causeNow() {
  return stat(
    {
      title: 'Likeliest cause',
      description:
        'The one cause that explains the most of what is wrong with this gateway. No data: nobody watches it.',
      width: 6,
      height: 4,
      queries: [{ expr: causeOrNone() }],
    },
    { field: 'cause', mappings: CAUSES },
  );
}

/**
 * And once more in full width, since a phone shows the table's beginning only. A
 * stat would not break the line.
 */
function nextStep() {
  return table(
    {
      title: 'Next step',
      description: 'What to do first, for each fault that holds now, as the alerts have it.',
      width: 18,
      height: 4,
      queries: [{ expr: faultsWithCause() }],
    },
    {
      columns: [{ field: 'step', name: 'Next step', mappings: NEXT_STEPS_OF_FAULTS, wrap: true }],
      header: false,
    },
  );
}

function layersOverTime() {
  return timeline(
    {
      title: 'Layers over time',
      description:
        'The same five layers over time. A gap means that nobody looked: Prometheus or the exporter was away.',
      height: 7,
      queries: layers,
    },
    HEALTH,
  );
}

/** For the morning: what happened while everybody slept, without changing the time at the top. */
function lastNight() {
  return timeline(
    {
      title: 'Last night',
      description:
        'The same five layers over the last 12 hours, whatever time is chosen at the top. A gap means that nobody looked.',
      height: 7,
      queries: layers,
    },
    HEALTH,
  ).timeFrom('12h');
}
