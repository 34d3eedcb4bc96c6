import type { TargetState } from '../../core/collector-loop.ts';
import type { Sample } from '../../metrics/family.ts';
import { type Html, html } from './html.ts';
import { byText, firstOf, inTurns, type Rows } from './rows.ts';
import { distance } from './times.ts';
import { badge, type PageState } from './verdicts.ts';

/** The way to a host, in the order in which it is gone. */
const PHASES = ['resolve', 'connect', 'banner', 'command'] as const;
const STOPS: Readonly<Record<(typeof PHASES)[number], string>> = {
  resolve: 'its name does not resolve',
  connect: 'no connection',
  banner: 'connects, no SSH banner',
  command: 'SSH answers, no command runs',
};

/** One SSH host as its gauges tell it. */
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

/** The SSH hosts, those in trouble first, then by name; also those that could not be looked at. */
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
  return { rows: firstOf(rows.values(), troubleFirst), total: rows.size };
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

function troubleFirst(a: HostRow, b: HostRow): number {
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
  const count = left > 0 ? `${rows.length} of ${total}, ${left} are left out here` : `${total}`;
  return html`<table role="table" id="hosts"><caption>SSH hosts <span class="meta">${count}</span></caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Host</th><th scope="col" role="columnheader">State</th><th scope="col" role="columnheader">How far</th><th scope="col" role="columnheader">Command tried</th><th scope="col" role="columnheader" class="number">Connects in</th><th scope="col" role="columnheader" class="number">Clock off by</th></tr></thead>
<tbody role="rowgroup">
${rows.map((row) => hostRow(row, nowMs))}
</tbody></table>`;
}

function hostRow(row: Readonly<HostRow>, nowMs: number): Html {
  const [state, word] = stateOf(row);
  const { connectSeconds: connect, commandSeconds: command, offsetSeconds: offset } = row;
  const ran = command === undefined ? html`none yet` : distance(command * 1000, nowMs);
  const connects = connect === undefined ? '–' : `${(connect * 1000).toFixed(1)} ms`;
  const off = offset === undefined ? '–' : `${offset.toFixed(1)} s`;
  return html`<tr role="row"><th scope="row" role="rowheader"><bdi>${row.name}</bdi></th><td role="cell" data-label="State">${badge(state, word)}</td><td role="cell" data-label="How far" class="long">${howFar(row)}</td><td role="cell" data-label="Command tried">${ran}</td><td role="cell" data-label="Connects in" class="number">${connects}</td><td role="cell" data-label="Clock off by" class="number">${off}</td></tr>`;
}

function howFar({ phases, up }: HostRow): string {
  const stop = PHASES.find((phase) => phases.get(phase) === false);
  if (stop !== undefined) return STOPS[stop];
  if (up === true) return 'a command ran';
  return phases.size === 0 ? 'not known' : 'SSH answers';
}

function stateOf({ up, alwaysOn }: HostRow): [PageState, string] {
  if (up === undefined) return ['unknown', 'Unknown'];
  if (up) return ['ok', 'Reachable'];
  return alwaysOn ? ['bad', 'Not reachable'] : ['unseen', 'Away'];
}
