import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { HOST } from '../../prometheus/source/promql.ts';
import { SSH_RESULTS, type SshResult } from '../../src/ssh/ssh.ts';
import type { State } from './colours.ts';
import { dashboard, UID } from './frame.ts';
import { PLAIN_YES_NO, steps, words, YES_NO } from './mappings.ts';
import { lines, stat, table, timeline } from './panels.ts';
import { HERE, milliseconds } from './queries.ts';

const AT = `${HERE}, host=~"$host"`;
const BY = HOST.join(', ');
const max = (metric: string) => `max by (${BY}) (${metric}{${AT}})`;
const REACHED = words([1, 'up', 'good'], [0, 'down', 'bad']);
const SYNCHRONIZED = words([1, 'in step', 'good'], [0, 'not in step', 'warn']);
const ONLINE = words([1, 'online', 'good'], [0, 'offline', 'passing']);
const DIRECT = words([1, 'direct', 'good'], [0, 'relayed', 'warn']);
/** Results that want somebody's attention, and are no outage of the host. */
const WARNING_RESULTS: ReadonlySet<SshResult> = new Set([
  'auth_denied',
  'check_pending',
  'throttled',
  'program_missing',
  'program_forbidden',
]);

function stateOfResult(result: SshResult): State {
  if (result === 'ok') return 'good';
  if (WARNING_RESULTS.has(result)) return 'warn';
  return result === 'other' ? 'unknown' : 'bad';
}

const OFFSET = 'openclaw_clock_offset_seconds';
const UNCERTAINTY = 'openclaw_clock_offset_uncertainty_seconds';

/** The other machines: SSH, clocks, Tailscale. */
export function network(): Dashboard {
  return dashboard({
    uid: UID.network,
    title: 'Network',
    description: 'The machines a gateway works with: SSH by host and phase, clocks, Tailscale.',
    several: false,
    choices: [
      {
        name: 'host',
        label: 'Hosts',
        description: 'Hosts by their name in the exporter’s configuration.',
        from: `openclaw_ssh_host_always_on{${HERE}}`,
        of: 'host',
      },
    ],
    sections: [
      { title: 'SSH', panels: [hosts(), reached(), phases(), durations(), results(), flapping()] },
      { title: 'Clocks', panels: [synchronized(), offsets()] },
      { title: 'Tailscale', panels: [tailscale(), peers()] },
    ],
  });
}

function hosts() {
  return table(
    {
      title: 'Hosts',
      description:
        'Each host: whether a command can be run there, whether it is meant to be on at all times (one that may sleep is no outage), share of good probes in half an hour, changes between up and down, when a command was last tried.',
      height: 7,
      queries: [
        { expr: max('openclaw_ssh_up') },
        { expr: max('openclaw_ssh_host_always_on') },
        {
          expr: `sum by (${BY}) (instance_host_result:openclaw_ssh_probes:rate{result="ok", ${AT}}) / (sum by (${BY}) (instance_host_result:openclaw_ssh_probes:rate{${AT}}) > 0)`,
        },
        { expr: `round(instance_host:openclaw_ssh_transitions:increase{${AT}})` },
        { expr: milliseconds(max('openclaw_ssh_last_command_timestamp_seconds')) },
      ],
    },
    {
      columns: [
        { field: 'host', name: 'Host' },
        { field: 'Value #A', name: 'SSH', mappings: REACHED },
        { field: 'Value #B', name: 'Always on', mappings: PLAIN_YES_NO },
        { field: 'Value #C', name: 'Good probes', unit: 'percentunit', decimals: 0 },
        {
          field: 'Value #D',
          name: 'Changes in 30 min',
          decimals: 0,
          states: steps('good', [2, 'warn'], [6, 'bad']),
        },
        { field: 'Value #E', name: 'Last command', unit: 'dateTimeFromNow' },
      ],
      sort: { by: 'Host' },
    },
  );
}

function reached() {
  return timeline(
    {
      title: 'Reached over SSH',
      description:
        'Up only after a command ran there, down as soon as the port or a login fails. A laptop that sleeps is down here and no outage.',
      width: 12,
      queries: [{ expr: `min by (${BY}) (openclaw_ssh_up{${AT}})`, legend: '{{host}}' }],
    },
    REACHED,
    20,
  );
}

function phases() {
  return timeline(
    {
      title: 'How far the way goes',
      description:
        'Name resolved, TCP connected, banner read, command run: the first faulty phase is where the way ends. With a jump host or proxy only the command is seen.',
      width: 12,
      queries: [
        { expr: `min by (${BY}, phase) (openclaw_ssh_phase_up{${AT}})`, legend: '{{host}} {{phase}}' },
      ],
    },
    REACHED,
    20,
  );
}

function durations() {
  return lines(
    {
      title: 'Duration of each phase',
      description: 'How long each completed phase took at the last look.',
      width: 12,
      queries: [
        {
          expr: `max by (${BY}, phase) (openclaw_ssh_phase_duration_seconds{${AT}})`,
          legend: '{{host}} {{phase}}',
        },
      ],
    },
    {
      unit: 's',
      axis: 'duration',
      logarithmic: true,
      series: [
        { name: { ending: 'resolve' }, style: 'dotted' },
        { name: { ending: 'connect' }, style: 'dashed' },
        { name: { ending: 'banner' }, style: 'thin' },
      ],
    },
  );
}

function results() {
  return lines(
    {
      title: 'Probes by result',
      description:
        'Probes a second in the half hour before each point, by the verdict at their end; all but ok name what failed.',
      width: 12,
      queries: [
        {
          expr: `sum by (instance, result) (instance_host_result:openclaw_ssh_probes:rate{${AT}}) > 0`,
          legend: '{{result}}',
        },
      ],
    },
    {
      unit: 'ops',
      axis: 'probes',
      stacked: true,
      series: [...SSH_RESULTS.map((name) => ({ name, state: stateOfResult(name) }))],
    },
  );
}

function flapping() {
  return lines(
    {
      title: 'Flapping',
      description:
        'Changes between up and down in the half hour before each point. Six or more are a path that flaps: look at the network between, not at the host.',
      height: 6,
      queries: [{ expr: `instance_host:openclaw_ssh_transitions:increase{${AT}}`, legend: '{{host}}' }],
    },
    { unit: 'short', axis: 'changes in 30 min', min: 0 },
  );
}

function synchronized() {
  return stat(
    {
      title: 'Own clock',
      description:
        'Whether a program of the system keeps the clock of the gateway’s machine in step. If not, the offsets of other hosts may be its own. Absent in containers.',
      width: 4,
      queries: [
        { expr: `max by (instance, source) (openclaw_clock_synchronized{${HERE}})`, legend: '{{source}}' },
      ],
    },
    { mappings: SYNCHRONIZED },
  );
}

function offsets() {
  return lines(
    {
      title: 'Offset of $host',
      description:
        'How far this host’s clock is ahead of the gateway’s machine, and within which bounds it lies: half the time the question took. Apart by more than 30 s beyond doubt raises an alert.',
      width: 20,
      queries: [
        { expr: max(OFFSET), legend: 'offset' },
        { expr: `${max(OFFSET)} + on (${BY}) ${max(UNCERTAINTY)}`, legend: 'at most' },
        { expr: `${max(OFFSET)} - on (${BY}) ${max(UNCERTAINTY)}`, legend: 'at least' },
      ],
    },
    {
      unit: 's',
      axis: 'ahead',
      centred: true,
      series: [
        { name: 'at most', fillTo: 'at least', hideLine: true },
        { name: 'at least', hideLine: true },
      ],
    },
  )
    .repeat('host')
    .repeatDirection('v');
}

function tailscale() {
  return timeline(
    {
      title: 'Tailscale',
      description:
        'Whether Tailscale on the gateway’s machine runs and is connected, and which peers the tailnet sees. Absent where it is not installed.',
      width: 12,
      queries: [
        { expr: `max by (instance) (openclaw_tailscale_up{${HERE}})`, legend: 'this machine' },
        { expr: `max by (instance, peer) (openclaw_tailscale_peer_online{${HERE}})`, legend: '{{peer}}' },
      ],
    },
    YES_NO,
    20,
  ).overrideByQuery('B', [{ id: 'mappings', value: ONLINE }]);
}

function peers() {
  const by = (metric: string) => `max by (instance, peer) (${metric}{${HERE}})`;
  return table(
    {
      title: 'Peers',
      description:
        'Machines of the tailnet: online, reached directly or through a relay (no data: nothing was sent lately), when last seen if offline, when the key expires and it drops out.',
      width: 12,
      queries: [
        { expr: by('openclaw_tailscale_peer_online') },
        { expr: by('openclaw_tailscale_peer_direct') },
        { expr: milliseconds(by('openclaw_tailscale_peer_last_seen_timestamp_seconds')) },
        { expr: milliseconds(by('openclaw_tailscale_key_expiry_timestamp_seconds')) },
      ],
    },
    {
      columns: [
        { field: 'peer', name: 'Peer' },
        { field: 'Value #A', name: 'Online', mappings: ONLINE },
        { field: 'Value #B', name: 'Path', mappings: DIRECT },
        { field: 'Value #C', name: 'Last seen', unit: 'dateTimeFromNow' },
        { field: 'Value #D', name: 'Key expires', unit: 'dateTimeFromNow' },
      ],
      sort: { by: 'Peer' },
    },
  );
}
