import { alwaysOnHostGone, hostFlapping, hostGone, recentResult, refusesLogin } from '../conditions.ts';
import {
  formatSpan,
  HOST_LABELS,
  joinLines,
  keepLast,
  matchAcrossJobs,
  PEER_LABELS,
  renderQuery,
  takeMax,
  takeMin,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { HOST_GONE } from '../signals.ts';
import { unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

/** Can the remote machines be reached? */
export function networkGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-network',
      file: 'network',
      rules: [
        ...networkRecords(t),
        ...hostDown(t),
        ...hostAsleep(t),
        ...authDenied(t),
        ...hostKeyChanged(t),
        ...waiting(t),
        ...flapping(t),
        ...clockSkew(t),
        ...tailscale(t),
      ],
    },
  ];
}

function networkRecords(t: Thresholds): RecordRule[] {
  return [
    record(
      'instance_host_result:openclaw_ssh_probes:rate',
      takeSum([], `rate(openclaw_ssh_probes_total[${formatSpan(t.ssh_flapping_range)}])`),
    ),
  ];
}

function lastResult(t: Thresholds): string {
  const failed = `topk(1, increase(openclaw_ssh_probes_total{result!='ok', @}[${formatSpan(t.ssh_down_range)}])) > 0`;
  return `{{ with ${renderQuery(t, failed, HOST_LABELS)} }} Last result: {{ (. | first).Labels.result }}.{{ end }}`;
}

function hostDown(t: Thresholds): AlertRule[] {
  const wholeMachine = `label_replace(${HOST_GONE}, "host", "$1", "instance", "(.+)")`;
  return ladder(
    {
      alert: 'OpenClawSshHostDown',
      incident: 'ssh-down',
      about: HOST_LABELS,
      suppressedBy: ['maintenance', 'watcher', 'host'],
      expr: joinLines(
        unlessSuppressed(t, 'ssh-down', alwaysOnHostGone(t), { own: HOST_LABELS }),
        `unless ${matchAcrossJobs(t, 'host')} ${wholeMachine}`,
      ),
      keepMs: t.settle,
      summary: '{{ $labels.host }} cannot be reached over SSH from {{ $labels.instance }}',
      description: `No login and no connection to its SSH port has succeeded for ${formatSpan(t.ssh_down_range)} or longer, and it is configured as always on.${lastResult(t)}`,
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
        phase: 3,
        severity: 'critical',
        forMs: t.ssh_down_for + t.climb_to_3,
        next: 'refused or no_banner: restart sshd at its console (see the runbook); else its network; last, restart the host',
      },
    ],
  );
}

function hostAsleep(t: Thresholds): AlertRule[] {
  const allowed = formatSpan(t.ssh_sleep_allowed);
  const before = `count_over_time(openclaw_ssh_up[${formatSpan(t.ssh_result_range)}] offset ${allowed})`;
  return ladder(
    {
      alert: 'OpenClawSshHostAsleepTooLong',
      incident: 'ssh-asleep',
      about: HOST_LABELS,
      expr: joinLines(
        `${takeMax([], `max_over_time(openclaw_ssh_up[${allowed}])`)} == 0`,
        `and ${takeMax([], before)} > 0`,
        `and (${hostGone(t)})`,
        `and ${takeMax([], 'openclaw_ssh_host_always_on')} == 0`,
      ),
      summary: `{{ $labels.host }} has not been reachable from {{ $labels.instance }} for ${allowed}`,
      description: `A machine that may sleep has not been reached once in ${allowed}.${lastResult(t)}`,
      catalogue: ['N1', 'N10'],
    },
    [{ phase: 1, severity: 'warning', forMs: 0, next: 'wake it, or remove it from the configuration' }],
  );
}

function authDenied(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawSshAuthDenied',
      incident: 'ssh-auth',
      about: HOST_LABELS,
      expr: joinLines(`${recentResult(t, 'auth_denied')}`, `or ${refusesLogin(t)}`),
      keepMs: t.settle,
      summary: '{{ $labels.host }} rejects the SSH login from {{ $labels.instance }}',
      description:
        'The host is up and its SSH server answers, but it no longer accepts the key of the user this exporter runs as.',
      catalogue: ['N4'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.ssh_auth_for,
        next: 'install the public key again: ssh-copy-id, as the status page of the exporter prints it',
      },
    ],
  );
}

function hostKeyChanged(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawSshHostKeyChanged',
      incident: 'security',
      about: HOST_LABELS,
      suppressedBy: [],
      expr: recentResult(t, 'host_key_changed'),
      keepMs: t.settle,
      summary: 'The SSH host key of {{ $labels.host }} is not the one that {{ $labels.instance }} knows',
      description:
        'The machine was reinstalled, or another one answers in its place. Nothing is sent to it until the key is compared. It pages for sleeping hosts and during maintenance too.',
      catalogue: ['N5'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: 0,
        next: "compare the key's fingerprint on the host itself; only then, as the exporter's user: ssh-keygen -R HOST",
      },
    ],
  );
}

/** Results that say the host is there and the next step is a person's. */
function waiting(t: Thresholds): AlertRule[] {
  const shared = { about: HOST_LABELS, keepMs: t.settle } as const;
  return [
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawSshCheckPending',
        incident: 'ssh-check',
        expr: recentResult(t, 'check_pending'),
        summary: '{{ $labels.host }} waits for a person to confirm the SSH login from {{ $labels.instance }}',
        description:
          'Tailscale SSH asks for a check in a browser before it lets the exporter in. The host itself is up.',
        catalogue: ['N11'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.ssh_check_for,
          next: "run ssh HOST true as the exporter's user, open the URL it prints; or change the tailnet's rule from check to accept",
        },
      ],
    ),
    ...ladder(
      {
        ...shared,
        alert: 'OpenClawSshThrottled',
        incident: 'ssh-throttled',
        expr: recentResult(t, 'throttled'),
        summary: '{{ $labels.host }} limits the SSH connections from {{ $labels.instance }}',
        description:
          'Its sshd drops connections because of MaxStartups or penalties, so whether logins work is unknown. The host itself is up.',
        catalogue: ['N12'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: t.ssh_check_for,
          next: 'find the clients that fail to log in there; then raise MaxStartups or exempt this address from penalties',
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
      about: HOST_LABELS,
      expr: hostFlapping(t),
      keepMs: t.ssh_flapping_hold,
      summary: 'The SSH path from {{ $labels.instance }} to {{ $labels.host }} comes and goes',
      description: `It changed {{ $value | printf "%.0f" }} times in ${formatSpan(t.ssh_flapping_range)}.${lastResult(t)}`,
      catalogue: ['N6', 'T1+N6'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: 0,
        next: 'check the network between them: tailscale status, tailscale ping, Wi-Fi, MaxStartups of its sshd',
      },
    ],
  );
}

function clockSkew(t: Thresholds): AlertRule[] {
  const offset = takeMax([], keepLast(t, 'openclaw_clock_offset_seconds', HOST_LABELS));
  const uncertainty = takeMax([], keepLast(t, 'openclaw_clock_offset_uncertainty_seconds', HOST_LABELS));
  return ladder(
    {
      alert: 'OpenClawClockSkew',
      incident: 'clock-skew',
      about: HOST_LABELS,
      expr: `abs(${offset}) - (${uncertainty} or 0 * ${offset}) > ${t.clock_skew_seconds}`,
      keepMs: t.settle,
      summary: 'The clocks of {{ $labels.host }} and {{ $labels.instance }} differ',
      description:
        'They differ by at least {{ $value | printf "%.0f" }} s. Expiring tokens, logs and cron times of the two no longer agree.',
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
  return [...tailscaleDown(t), ...peerOffline(t), ...peerRelayed(t)];
}

function tailscaleDown(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTailscaleDown',
      incident: 'tailscale-down',
      expr: `${takeMax([], keepLast(t, 'openclaw_tailscale_up'))} == 0`,
      keepMs: t.settle,
      summary: 'Tailscale does not run on the machine of {{ $labels.instance }}',
      description: 'Machines on the tailnet cannot be reached, in either direction.',
      catalogue: ['N9'],
    },
    [{ phase: 1, severity: 'warning', forMs: t.tailscale_down_for, next: 'tailscale up' }],
  );
}

function peerOffline(t: Thresholds): AlertRule[] {
  const lastSeen = renderQuery(
    t,
    'time() - openclaw_tailscale_peer_last_seen_timestamp_seconds{@}',
    PEER_LABELS,
  );
  return ladder(
    {
      alert: 'OpenClawTailscalePeerOffline',
      incident: 'tailscale-offline',
      about: PEER_LABELS,
      expr: `${takeMax([], keepLast(t, 'openclaw_tailscale_peer_online', PEER_LABELS))} == 0`,
      summary: 'Tailscale peer {{ $labels.peer }} of {{ $labels.instance }} is offline',
      description: `The tailnet does not see it.{{ with ${lastSeen} }} It was last seen {{ (. | first).Value | humanizeDuration }} ago.{{ end }}`,
      catalogue: ['N9', 'N10'],
    },
    [
      {
        phase: 1,
        severity: 'info',
        forMs: t.tailscale_offline_for,
        next: 'none, if it may sleep; else wake it',
      },
    ],
  );
}

function peerRelayed(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTailscalePeerRelayed',
      incident: 'tailscale-relayed',
      about: PEER_LABELS,
      expr: joinLines(
        `${takeMin([], keepLast(t, 'openclaw_tailscale_peer_direct', PEER_LABELS))} == 0`,
        `and ${takeMax([], keepLast(t, 'openclaw_tailscale_peer_online', PEER_LABELS))} == 1`,
      ),
      keepMs: t.settle,
      summary:
        'Tailscale peer {{ $labels.peer }} of {{ $labels.instance }} is reachable only through a relay',
      description: 'No direct path was found; the relay is slow and shared.',
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
