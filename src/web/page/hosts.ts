import type { TargetState } from '../../core/collector-loop.ts';
import type { Sample } from '../../metrics/family.ts';
import { type Html, html } from './html.ts';
import { byText, firstOf, inTurns, type Rows } from './rows.ts';
import { tableHead, tableRow } from './table.ts';
import { distance } from './times.ts';
import { badge, type PageState } from './verdicts.ts';

/** The phases of a connection, in order. */
const PHASES = ['resolve', 'connect', 'banner', 'command'] as const;
const STOPS: Readonly<Record<(typeof PHASES)[number], string>> = {
  resolve: 'name does not resolve',
  connect: 'connection failed',
  banner: 'connected, no SSH banner',
  command: 'SSH answers, command failed',
};

/** One SSH host, from its gauges. */
interface HostRow {
  readonly name: string;
  up: boolean | undefined;
  alwaysOn: boolean;
  readonly phases: Map<string, boolean>;
  connectSeconds: number | undefined;
  commandSeconds: number | undefined;
  offsetSeconds: number | undefined;
}

/** A table's rows by host. */
export type Hosts = Rows<Readonly<HostRow>>;

type Reader = (row: HostRow, sample: Sample) => void;

/** What the table shows of each gauge. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  [
    'openclaw_ssh_up',
    (row, { value }) => {
      row.up = value === 1;
    },
  ],
  [
    'openclaw_ssh_host_always_on',
    (row, { value }) => {
      row.alwaysOn = value === 1;
    },
  ],
  [
    'openclaw_ssh_phase_up',
    (row, { value, labels }) => {
      row.phases.set(labels.phase ?? '', value === 1);
    },
  ],
  [
    'openclaw_ssh_phase_duration_seconds',
    (row, { value, labels }) => {
      if (labels.phase === 'connect') row.connectSeconds = value;
    },
  ],
  [
    'openclaw_ssh_last_command_timestamp_seconds',
    (row, { value }) => {
      row.commandSeconds = value;
    },
  ],
  [
    'openclaw_clock_offset_seconds',
    (row, { value }) => {
      row.offsetSeconds = value;
    },
  ],
]);

/** Names of the metrics that this table is made of. */
export const HOST_METRICS: readonly string[] = [...READERS.keys()];

/** The SSH hosts, failing ones first, then by name; those that could not be probed are included. */
export async function readHosts(
  states: readonly TargetState[],
  snapshots: readonly (readonly Sample[])[],
): Promise<Hosts> {
  const rows = new Map<string, HostRow>();
  for (const { collector, target } of states) if (collector === 'ssh') rows.set(target, emptyRow(target));
  for await (const slice of inTurns(snapshots)) {
    for (const sample of slice) {
      const row = rows.get(sample.labels.host ?? '');
      if (row !== undefined) READERS.get(sample.family.name)?.(row, sample);
    }
  }
  return { rows: firstOf(rows.values(), compareHosts), total: rows.size };
}

function emptyRow(name: string): HostRow {
  return {
    name,
    up: undefined,
    alwaysOn: false,
    phases: new Map(),
    connectSeconds: undefined,
    commandSeconds: undefined,
    offsetSeconds: undefined,
  };
}

function compareHosts(a: HostRow, b: HostRow): number {
  return rank(a) - rank(b) || byText(a.name, b.name);
}

function rank({ up, alwaysOn }: HostRow): number {
  if (up === false) return alwaysOn ? 0 : 1;
  return up === undefined ? 2 : 3;
}

/** The table of hosts; nothing where none is configured. */
export function hostsTable({ rows, total }: Hosts, nowMs: number): Html | undefined {
  if (rows.length === 0) return undefined;
  const left = total - rows.length;
  const count = left > 0 ? `${rows.length} of ${total}, ${left} not shown` : `${total}`;
  return html`<table role="table" id="hosts">
<caption>SSH hosts <span class="meta">${count}</span></caption>
${tableHead(['Host', 'State', 'Progress', 'Last command', 'Connects in', 'Clock offset'], NUMBERS)}
<tbody role="rowgroup">
${rows.map((row) => hostRow(row, nowMs))}
</tbody></table>`;
}

/** Columns that hold numbers. */
const NUMBERS = ['Connects in', 'Clock offset'];

function hostRow(row: Readonly<HostRow>, nowMs: number): Html {
  const [state, word] = judgeHost(row);
  const { connectSeconds: connect, commandSeconds: command, offsetSeconds: offset } = row;
  return tableRow(row.name, [
    { label: 'State', value: badge(state, word) },
    { label: 'Progress', value: formatProgress(row), className: 'long' },
    { label: 'Last command', value: command === undefined ? 'none yet' : distance(command * 1000, nowMs) },
    {
      label: 'Connects in',
      value: connect === undefined ? '–' : `${(connect * 1000).toFixed(1)} ms`,
      className: 'number',
    },
    {
      label: 'Clock offset',
      value: offset === undefined ? '–' : `${offset.toFixed(1)} s`,
      className: 'number',
    },
  ]);
}

function formatProgress({ phases, up }: HostRow): string {
  const stop = PHASES.find((phase) => phases.get(phase) === false);
  if (stop !== undefined) return STOPS[stop];
  if (up === true) return 'command ran';
  return phases.size === 0 ? 'unknown' : 'SSH answers';
}

function judgeHost({ up, alwaysOn }: HostRow): [PageState, string] {
  if (up === undefined) return ['unknown', 'Unknown'];
  if (up) return ['ok', 'Reachable'];
  return alwaysOn ? ['bad', 'Not reachable'] : ['unseen', 'Away'];
}
