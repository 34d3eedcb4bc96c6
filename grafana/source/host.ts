import { lines } from './panels.ts';
import { maxHere } from './queries.ts';

/** What runs below the gateway, and what it holds. */
export function childPanels() {
  return [
    lines(
      {
        title: 'Processes below the gateway',
        description:
          'By kind: MCP servers, browsers, commands of jobs and agents, agent CLIs; other are the gateway’s own helpers. A number that only grows is a leak.',
        width: 12,
        queries: [{ expr: maxHere('openclaw_gateway_children', 'kind'), legend: '{{kind}}' }],
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
          { expr: maxHere('openclaw_gateway_children_resident_memory_bytes', 'kind'), legend: '{{kind}}' },
        ],
      },
      { unit: 'bytes', axis: 'memory', min: 0 },
    ),
  ];
}

/** What the gateway's data weigh, and the room left. */
export function diskPanels() {
  return [
    lines(
      {
        title: 'Room left on the disks',
        description:
          'Share of the filesystem that holds the state folder, and of the one for temporary files, that is still free. At 0 messages and cron state are lost.',
        width: 12,
        queries: [
          {
            expr: `${maxHere('openclaw_state_filesystem_avail_bytes', 'folder')} / ${maxHere('openclaw_state_filesystem_size_bytes', 'folder')}`,
            legend: '{{folder}}',
          },
        ],
      },
      { unit: 'percentunit', axis: 'free', min: 0, max: 1 },
    ),
    lines(
      {
        title: 'What the state weighs',
        description:
          'By part of the state folder, measured every ten minutes. A wal that grows for hours is kept from being merged by some reader.',
        width: 12,
        queries: [{ expr: maxHere('openclaw_state_bytes', 'part'), legend: '{{part}}' }],
      },
      { unit: 'bytes', axis: 'on disk', logarithmic: true },
    ),
  ];
}

/** Messages that wait or were given up, and devices that are paired or wait. */
export function deliveryPanels() {
  return [
    lines(
      {
        title: 'Messages that wait or were given up',
        description:
          'The delivery queue by status and channel, and incoming messages that wait behind a stuck one. The channel of what was given up is not kept.',
        width: 12,
        queries: [
          {
            expr: maxHere('openclaw_delivery_queue_entries', 'status', 'channel'),
            legend: '{{status}} {{channel}}',
          },
          {
            expr: maxHere('openclaw_ingress_blocked_events', 'channel'),
            legend: 'incoming, blocked {{channel}}',
          },
        ],
      },
      { unit: 'short', axis: 'messages', stepped: true, min: 0 },
    ),
    lines(
      {
        title: 'Devices',
        description: 'Paired devices by role, and pairing requests that wait for approval by kind.',
        width: 12,
        queries: [
          { expr: maxHere('openclaw_gateway_devices', 'role'), legend: '{{role}}' },
          { expr: maxHere('openclaw_gateway_pairing_requests', 'kind'), legend: 'waits: {{kind}}' },
        ],
      },
      { unit: 'short', axis: 'devices', stepped: true, min: 0 },
    ),
  ];
}
