import { alwaysOnHostGone, hostFlapping, hostGone, recentResult } from './conditions.ts';
import { HOST, lines, maxBy, onHost, PEER, span } from './promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

/** Can the remote machines be reached? */
export function networkGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-network',
      file: 'network',
      rules: [
        ...networkRecords(t),
        ...hostDown(t),
        ...login(t),
        ...flapping(t),
        ...clocks(t),
        ...tailscale(t),
      ],
    },
  ];
}

function networkRecords(t: Thresholds): RecordRule[] {
  return [
    record(
      'instance_host_result:openclaw_ssh_probes:rate',
      `sum by (instance, host, result) (rate(openclaw_ssh_probes_total[${span(t.ssh_flapping_range)}]))`,
    ),
  ];
}

const REASON = `{{ with printf "topk(1, increase(openclaw_ssh_probes_total{instance='%s', host='%s', result!='ok'}[5m])) > 0" $labels.instance $labels.host | query }} Last result: {{ (. | first).Labels.result }}.{{ end }}`;

function hostDown(t: Thresholds): AlertRule[] {
  const allowed = span(t.ssh_sleep_allowed);
  const before = `count_over_time(openclaw_ssh_up[${span(t.ssh_result_range)}] offset ${allowed})`;
  return [
    ...ladder(
      {
        alert: 'OpenClawSshHostDown',
        incident: 'ssh-down',
        expr: alwaysOnHostGone(t),
        keepMs: t.settle,
        summary: '{{ $labels.host }} cannot be reached over SSH from {{ $labels.instance }}',
        description: `Not one login or look at its SSH port has worked for ${span(t.ssh_down_range)} or longer, and it is meant to be always on.${REASON}`,
        catalogue: ['N1', 'N2', 'N3', 'N7', 'G1+N1', 'N2+X2'],
      },
      [
        {
          phase: 1,
          severity: 'critical',
          forMs: t.ssh_down_for,
          next: "ssh -v HOST true and tailscale ping HOST, from the exporter's machine, as its user: name, route, firewall, keys",
        },
        {
          phase: 2,
          severity: 'critical',
          forMs: t.ssh_down_for + t.climb_to_2,
          next: 'refused or no_banner: at its console sudo systemctl restart ssh (Fedora, Arch: sshd; macOS: sudo launchctl kickstart -k system/com.openssh.sshd); else its network and Tailscale',
        },
        { phase: 3, severity: 'critical', forMs: t.ssh_down_for + t.climb_to_3, next: 'restart the host' },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawSshHostAsleepTooLong',
        incident: 'ssh-asleep',
        expr: lines(
          `${maxBy(HOST, `max_over_time(openclaw_ssh_up[${allowed}])`)} == 0`,
          `and ${onHost} ${maxBy(HOST, before)} > 0`,
          `and ${onHost} (${hostGone(t)})`,
          `and ${onHost} ${maxBy(HOST, 'openclaw_ssh_host_always_on')} == 0`,
        ),
        summary: `{{ $labels.host }} has not been reachable from {{ $labels.instance }} for ${allowed}`,
        description: `A machine that may sleep has not been seen once in ${allowed}.${REASON}`,
        catalogue: ['N1', 'N10'],
      },
      [{ phase: 1, severity: 'warning', forMs: 0, next: 'wake it, or take it out of the configuration' }],
    ),
  ];
}

function login(t: Thresholds): AlertRule[] {
  return [
    ...ladder(
      {
        alert: 'OpenClawSshAuthDenied',
        incident: 'ssh-auth',
        expr: recentResult(t, 'auth_denied'),
        keepMs: t.settle,
        summary: '{{ $labels.host }} refuses the SSH login from {{ $labels.instance }}',
        description:
          'The host is there and its SSH answers, but it no longer accepts the key of the user this exporter runs as.',
        catalogue: ['N4'],
      },
      [
        {
          phase: 2,
          severity: 'warning',
          forMs: t.ssh_auth_for,
          next: 'put the public key back: ssh-copy-id, as the status page of the exporter prints it',
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawSshHostKeyChanged',
        incident: 'security',
        expr: recentResult(t, 'host_key_changed'),
        keepMs: t.settle,
        summary: 'The SSH host key of {{ $labels.host }} is not the one {{ $labels.instance }} knows',
        description:
          'The machine was set up anew, or something else answers in its place. Nothing is sent to it until somebody has compared the key. It pages for sleeping hosts too: a stranger does not wait for office hours.',
        catalogue: ['N5'],
      },
      [
        {
          phase: 2,
          severity: 'critical',
          forMs: 0,
          next: "compare the key's fingerprint on the host itself; only then, as the exporter's user: ssh-keygen -R HOST",
        },
      ],
    ),
  ];
}

function flapping(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawSshFlapping',
      incident: 'flapping',
      expr: hostFlapping(t),
      keepMs: t.ssh_flapping_hold,
      summary: 'The SSH path from {{ $labels.instance }} to {{ $labels.host }} comes and goes',
      description: `It changed {{ $value | printf "%.0f" }} times in ${span(t.ssh_flapping_range)}.${REASON}`,
      catalogue: ['N6', 'T1+N6'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'look at the network between them: tailscale status, tailscale ping, Wi-Fi, MaxStartups of its sshd',
      },
    ],
  );
}

function clocks(t: Thresholds): AlertRule[] {
  const offset = maxBy(HOST, 'openclaw_clock_offset_seconds');
  const uncertainty = maxBy(HOST, 'openclaw_clock_offset_uncertainty_seconds');
  return ladder(
    {
      alert: 'OpenClawClockSkew',
      incident: 'clock-skew',
      expr: `abs(${offset}) - ${onHost} (${uncertainty} or ${onHost} 0 * ${offset}) > ${t.clock_skew_seconds}`,
      keepMs: t.settle,
      summary: 'The clocks of {{ $labels.host }} and {{ $labels.instance }} are apart',
      description:
        'They differ by at least {{ $value | printf "%.0f" }} s. Tokens that expire, logs and cron times of the two no longer fit together.',
      catalogue: ['N8', 'N8+T1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.clock_skew_for,
        next: 'set its clock: sudo chronyc makestep; macOS: sudo sntp -sS time.apple.com',
      },
    ],
  );
}

function tailscale(t: Thresholds): AlertRule[] {
  return [...tailscaleDown(t), ...tailscalePeerOffline(t), ...tailscalePeerRelayed(t)];
}

function tailscaleDown(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTailscaleDown',
      incident: 'tailscale-down',
      expr: `${maxBy(['instance'], 'openclaw_tailscale_up')} == 0`,
      keepMs: t.settle,
      summary: 'Tailscale does not run on the machine of {{ $labels.instance }}',
      description: 'Machines that are reached over the tailnet cannot be reached, in either direction.',
      catalogue: ['N9'],
    },
    [{ phase: 1, severity: 'warning', forMs: t.tailscale_down_for, next: 'tailscale up' }],
  );
}

function tailscalePeerOffline(t: Thresholds): AlertRule[] {
  const online = maxBy(PEER, 'openclaw_tailscale_peer_online');
  const lastSeen = `{{ with printf "time() - openclaw_tailscale_peer_last_seen_timestamp_seconds{instance='%s', peer='%s'}" $labels.instance $labels.peer | query }} It was seen {{ (. | first).Value | humanizeDuration }} ago.{{ end }}`;
  return ladder(
    {
      alert: 'OpenClawTailscalePeerOffline',
      incident: 'tailscale-offline',
      expr: `${online} == 0`,
      summary: 'The Tailscale peer {{ $labels.peer }} of {{ $labels.instance }} is offline',
      description: `The tailnet does not see it.${lastSeen}`,
      catalogue: ['N9', 'N10'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: t.tailscale_offline_for,
        next: 'nothing, if it may sleep; else wake it',
      },
    ],
  );
}

function tailscalePeerRelayed(t: Thresholds): AlertRule[] {
  const online = maxBy(PEER, 'openclaw_tailscale_peer_online');
  return ladder(
    {
      alert: 'OpenClawTailscalePeerRelayed',
      incident: 'tailscale-relayed',
      expr: lines(
        `${maxBy(PEER, 'openclaw_tailscale_peer_direct')} == 0`,
        `and on (instance, peer) ${online} == 1`,
      ),
      keepMs: t.settle,
      summary:
        'The Tailscale peer {{ $labels.peer }} of {{ $labels.instance }} is reached only through a relay',
      description: 'No direct path was found; the way is slow and shared.',
      catalogue: ['N9'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.tailscale_relayed_for,
        next: 'tailscale netcheck on both: UDP is blocked somewhere',
      },
    ],
  );
}
