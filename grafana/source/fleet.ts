import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { LAYERS } from '../../src/lib/vocabulary.ts';
import { dashboard, linkTo, UID } from './frame.ts';
import { CAUSES, GATEWAY_STATE_WORDS, HEALTH, steps } from './mappings.ts';
import { type Column, lines, stat, table, timeline } from './panels.ts';
import { causeOrNone, firing, HERE, layerState } from './queries.ts';

const LAYER_COLUMNS: Readonly<
  Record<(typeof LAYERS)[number], { name: string; uid: (typeof UID)[keyof typeof UID] }>
> = {
  process: { name: 'Process', uid: UID.gateway },
  answers: { name: 'Answers', uid: UID.gateway },
  token: { name: 'Token', uid: UID.access },
  cron: { name: 'Cron', uid: UID.cron },
  network: { name: 'Network', uid: UID.network },
};

/** Many gateways in one table. */
export function fleet(): Dashboard {
  return dashboard({
    uid: UID.fleet,
    title: 'Fleet',
    description: 'Every gateway in one line; each cell leads to its details.',
    several: true,
    sections: [
      { title: 'Gateways', panels: [...counts(), everyGateway()] },
      { title: 'Over time', panels: [states(), slowest()] },
    ],
  });
}

function counts() {
  const small = { width: 6, height: 4 };
  const layers = `instance_layer:openclaw_health:state{${HERE}}`;
  const all = `count(group by (instance) (${layers}))`;
  return [
    stat(
      {
        ...small,
        title: 'Gateways watched',
        description: 'Gateways of which an exporter tells something now.',
        queries: [{ expr: all }],
      },
      { decimals: 0 },
    ),
    stat(
      {
        ...small,
        title: 'With a faulty layer',
        description: 'Gateways of which at least one layer is faulty.',
        queries: [{ expr: `count(group by (instance) (${layers} == 0)) or 0 * ${all}` }],
      },
      { decimals: 0, states: steps('good', [1, 'bad']) },
    ),
    stat(
      {
        ...small,
        title: 'Unknown layers',
        description:
          'Layers of which the exporter that is scraped says nothing: it cannot see them, or there is nothing to see, such as no SSH host.',
        queries: [{ expr: `count(${layers} == -1) or 0 * ${all}` }],
      },
      { decimals: 0, states: steps('good', [1, 'unknown']) },
    ),
    stat(
      {
        ...small,
        title: 'Critical alerts',
        description: 'Critical alerts that fire, of each incident only the highest repair phase.',
        queries: [{ expr: `count(${firing(`severity="critical", ${HERE}`)}) or 0 * ${all}` }],
      },
      { decimals: 0, states: steps('good', [1, 'bad']) },
    ),
  ];
}

function everyGateway() {
  const letter = (index: number) => String.fromCharCode('A'.charCodeAt(0) + index);
  const layers: Column[] = LAYERS.map((layer, index) => {
    const { name, uid } = LAYER_COLUMNS[layer];
    return {
      field: `Value #${letter(index)}`,
      name,
      mappings: HEALTH,
      width: 90,
      link: { title: `${name} of this gateway`, url: linkTo(uid) },
    };
  });
  const by = (expression: string) => `max by (instance) (${expression})`;
  const more = LAYERS.length;
  return table(
    {
      title: 'Every gateway',
      description:
        'The five layers of each gateway, the likeliest cause of what is wrong, what it does, the 95th percentile of /healthz, restarts in a day, version. A click on a layer leads to its dashboard. Rows without a fault say none.',
      height: 14,
      queries: [
        ...LAYERS.map((layer) => ({ expr: by(layerState(layer)) })),
        { expr: `instance:openclaw_gateway_state:index{${HERE}}` },
        { expr: by(`instance_phase:openclaw_gateway_ping_duration_seconds:p95{phase="http", ${HERE}}`) },
        { expr: `round(instance:openclaw_gateway_process_restarts:increase{${HERE}})` },
        { expr: `group by (instance, cause) (${causeOrNone()})` },
        { expr: `max by (instance, version) (openclaw_gateway_info{${HERE}})` },
      ],
    },
    {
      columns: [
        {
          field: 'instance',
          name: 'Gateway',
          filterable: true,
          link: { title: 'Overview of this gateway', url: linkTo(UID.overview) },
        },
        ...layers,
        { field: 'cause', name: 'Cause', mappings: CAUSES, width: 150 },
        { field: `Value #${letter(more)}`, name: 'State', mappings: GATEWAY_STATE_WORDS, width: 110 },
        { field: `Value #${letter(more + 1)}`, name: 'p95', unit: 's', width: 90 },
        { field: `Value #${letter(more + 2)}`, name: 'Restarts, 1 d', decimals: 0, width: 110 },
        { field: 'version', name: 'Version', width: 110 },
      ],
      sort: { by: 'Gateway' },
    },
  );
}

function states() {
  return timeline(
    {
      title: 'What each gateway does',
      description:
        'The state of every gateway over time, a row each. Several that change at the same moment share a cause outside of them.',
      height: 10,
      queries: [{ expr: `instance:openclaw_gateway_state:index{${HERE}}`, legend: '{{instance}}' }],
    },
    GATEWAY_STATE_WORDS,
    30,
  );
}

function slowest() {
  return lines(
    {
      title: 'The ten slowest',
      description: '95th percentile of /healthz of the ten gateways that answer slowest.',
      queries: [
        {
          expr: `topk(10, max by (instance) (instance_phase:openclaw_gateway_ping_duration_seconds:p95{phase="http", ${HERE}}))`,
          legend: '{{instance}}',
        },
      ],
    },
    { unit: 's', axis: 'duration', logarithmic: true },
  );
}
