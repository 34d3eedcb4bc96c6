import { lines } from './panels.ts';
import { HERE } from './queries.ts';

const max = (metric: string, ...labels: readonly string[]) =>
  `max by (${['instance', ...labels].join(', ')}) (${metric}{${HERE}})`;

/** What runs below the gateway, and what it holds. */
export function childPanels() {
  return [
    lines(
      {
        title: 'Processes below the gateway',
        description:
          'By kind: MCP servers, browsers, commands of jobs and agents, agent CLIs; other are the gateway’s own helpers. A number that only grows is a leak.',
        width: 12,
        queries: [{ expr: max('openclaw_gateway_children', 'kind'), legend: '{{kind}}' }],
      },
      { unit: 'short', axis: 'processes', stepped: true, min: 0 },
    ),
    lines(
      {
        title: 'Memory of the processes below',
        description:
          'Resident memory of these processes, without the gateway’s own. Pages that several of them share are counted for each.',
        width: 12,
        queries: [
          { expr: max('openclaw_gateway_children_resident_memory_bytes', 'kind'), legend: '{{kind}}' },
        ],
      },
      { unit: 'bytes', axis: 'memory', min: 0 },
    ),
  ];
}
