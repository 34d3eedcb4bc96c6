import { describeRestart } from '../../../src/diagnosis/repair.ts';
import {
  formatSeconds,
  formatSpan,
  ignoreLabels,
  JOB_LABELS,
  joinLines,
  keepLast,
  renderQuery,
  takeGroup,
  takeLast,
  takeMax,
  takeMin,
  takeSum,
} from '../promql.ts';
import { type AlertRule, ladder, type RecordRule, type RuleGroup, record } from '../rule.ts';
import { exporterNow } from '../signals.ts';
import { unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

const CHANNEL_LABELS = ['channel', 'account'] as const;
const PROVIDER_LABELS = ['provider', 'kind'] as const;
const QUEUE_LABELS = ['status', 'channel'] as const;
/** Present where channels are known and none is configured. */
const NO_CHANNEL = 'instance:openclaw_channels:unconfigured';

/** What the gateway works with: channels, messages, credentials of providers, paired devices. */
export function workGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-work',
      file: 'work',
      rules: [
        noChannelRecord(t),
        ...deliveries(t),
        ...channels(t),
        ...queue(t),
        ...ingress(t),
        ...credentials(t),
        ...pairing(t),
      ],
    },
  ];
}

/** Every known account is not configured, or a collector of channels runs and reports none. */
function noChannelRecord(t: Thresholds): RecordRule {
  const inStates = (states: string) =>
    takeGroup(
      [...CHANNEL_LABELS, 'state'],
      `${takeLast(t, `openclaw_channel_state{state=~"${states}"}`)} == 1`,
    );
  const collector = takeGroup(
    ['collector'],
    `${takeLast(t, 'openclaw_exporter_collector_up{collector=~"channels?"}')} == 1`,
  );
  const anyState = takeGroup([...CHANNEL_LABELS, 'state'], takeLast(t, 'openclaw_channel_state'));
  return record(
    NO_CHANNEL,
    joinLines(
      `(${inStates('not_configured')}`,
      `or (${collector} unless ${anyState}))`,
      `unless ${inStates('ready|starting|blocked|recovering|missing|disabled|other')}`,
    ),
  );
}

function deliveries(t: Thresholds): AlertRule[] {
  const range = formatSpan(t.delivery_range);
  const failed = `increase(openclaw_cron_delivery_failures_total[${range}])`;
  return [
    ...ladder(
      {
        alert: 'OpenClawCronDeliveryFailed',
        incident: 'delivery',
        about: JOB_LABELS,
        expr: joinLines(`${takeSum([], failed)} > 0`, `unless ${ignoreLabels(...JOB_LABELS)} ${NO_CHANNEL}`),
        summary:
          'Cron job {{ $labels.cron_job }} of {{ $labels.instance }} ran, but its message was not delivered',
        description: `About {{ $value | printf "%.0f" }} message(s) were not delivered in the last ${range}.`,
        catalogue: ['C6'],
      },
      [
        {
          phase: 1,
          severity: 'warning',
          forMs: 0,
          next: 'openclaw channels status; then openclaw cron list: where is the message of this job sent to',
        },
      ],
    ),
    ...ladder(
      {
        alert: 'OpenClawDeliveryUnconfigured',
        incident: 'delivery-unconfigured',
        expr: joinLines(`(${takeSum(JOB_LABELS, failed)} > 0)`, `and ${NO_CHANNEL}`),
        keepMs: t.verdict_memory,
        summary: 'Cron jobs of {{ $labels.instance }} have messages to deliver and no channel is configured',
        description:
          'Their default delivery has no channel, so every message counts as not delivered. This is configuration, not a fault; it is reported once a week.',
        catalogue: ['C6'],
      },
      [
        {
          phase: 1,
          severity: 'info',
          forMs: 0,
          next: 'configure a channel, or remove the delivery from these jobs: openclaw cron edit',
        },
      ],
    ),
  ];
}

function channels(t: Thresholds): AlertRule[] {
  const off = `openclaw_channel_state{state=~"disabled|not_configured"}`;
  const state = renderQuery(t, 'openclaw_channel_state{@} == 1', CHANNEL_LABELS);
  return ladder(
    {
      alert: 'OpenClawChannelDown',
      incident: 'channel-down',
      about: CHANNEL_LABELS,
      expr: unlessSuppressed(
        t,
        'channel-down',
        joinLines(
          `${takeMax([], `max_over_time(openclaw_channel_up[${formatSpan(t.lookback)}])`)} == 0`,
          `unless ${takeMax(['state'], keepLast(t, off, [...CHANNEL_LABELS, 'state']))} == 1`,
        ),
        { own: CHANNEL_LABELS },
      ),
      keepMs: t.settle,
      summary: 'Channel {{ $labels.channel }} of OpenClaw gateway {{ $labels.instance }} is down',
      description: `The gateway is healthy and the account {{ $labels.account }} is not connected (state {{ with ${state} }}{{ (. | first).Labels.state }}{{ else }}unknown{{ end }}): messages neither come in nor go out.`,
      catalogue: ['H1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.channel_down_for,
        next: 'openclaw channels status: blocked needs a new token, missing a plugin, starting a network, recovering the end of a second poller',
      },
    ],
  );
}

function queue(t: Thresholds): AlertRule[] {
  const oldest = `openclaw_delivery_queue_oldest_seconds{status="pending"}`;
  return ladder(
    {
      alert: 'OpenClawDeliveryQueueStuck',
      incident: 'delivery-queue',
      about: QUEUE_LABELS,
      expr: unlessSuppressed(
        t,
        'delivery-queue',
        `${takeMax([], keepLast(t, oldest, QUEUE_LABELS))} > ${formatSeconds(t.queue_age)}`,
        { own: QUEUE_LABELS },
      ),
      keepMs: t.settle,
      summary: 'Messages wait in the delivery queue of OpenClaw gateway {{ $labels.instance }}',
      description:
        'The oldest message for {{ $labels.channel }} has waited for {{ $value | humanizeDuration }}.',
      catalogue: ['H1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.slow_for,
        next: 'openclaw channels status: the channel it waits for; then openclaw logs',
      },
    ],
  );
}

function ingress(t: Thresholds): AlertRule[] {
  const lanes = takeMax([], keepLast(t, 'openclaw_ingress_pressured_lanes', ['channel']));
  return ladder(
    {
      alert: 'OpenClawIngressStuck',
      incident: 'ingress',
      about: ['channel'],
      expr: unlessSuppressed(t, 'ingress', `${lanes} > 0`, { own: ['channel'] }),
      keepMs: t.settle,
      summary: 'Incoming messages of OpenClaw gateway {{ $labels.instance }} are stuck',
      description:
        '{{ $value | printf "%.0f" }} conversation(s) of {{ $labels.channel }}: a message failed eight times, or its handler has not reported for half an hour. Later messages of it wait.',
      catalogue: ['H1'],
    },
    [
      {
        phase: 1,
        severity: 'warning',
        forMs: t.ingress_for,
        next: `openclaw health --json (ingressPressure); openclaw logs names the error; then, ${describeRestart()}`,
      },
    ],
  );
}

function credentials(t: Thresholds): AlertRule[] {
  const series = keepLast(t, 'openclaw_provider_credential_expiry_timestamp_seconds', PROVIDER_LABELS);
  const expiry = takeMin([], series);
  const now = exporterNow(takeMin(PROVIDER_LABELS, series));
  return [
    ...ladder(
      {
        alert: 'OpenClawProviderCredentialExpiring',
        incident: 'credential-expiry',
        about: PROVIDER_LABELS,
        expr: `${expiry} - ${ignoreLabels(...PROVIDER_LABELS)} group_left () ${now} < ${formatSeconds(t.credential_expiry)}`,
        summary: 'A credential for {{ $labels.provider }} on {{ $labels.instance }} expires',
        description:
          'A {{ $labels.kind }} credential that nothing refreshes has {{ $value | humanizeDuration }} left (negative: expired). Jobs that use it fail afterwards.',
        catalogue: ['C17'],
      },
      [
        {
          phase: 2,
          severity: 'warning',
          forMs: t.slow_for,
          next: 'renew it where it was issued, enter it again, then openclaw doctor',
        },
      ],
    ),
    ...cooldown(t),
    ...loginLost(t),
  ];
}

function loginLost(t: Thresholds): AlertRule[] {
  const series = 'openclaw_provider_credential_refresh_failed';
  return ladder(
    {
      alert: 'OpenClawProviderLoginLost',
      incident: 'credential-refresh',
      about: ['provider'],
      expr: `${takeMax([], keepLast(t, series, ['provider']))} == 1`,
      summary: 'The login for {{ $labels.provider }} on {{ $labels.instance }} cannot be refreshed',
      description:
        'The gateway tried to refresh a stored login and gave it up. Jobs and chats that use it fail until it is entered anew.',
      catalogue: ['C17'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: t.slow_for,
        next: 'openclaw models auth login for that provider, then openclaw doctor',
      },
    ],
  );
}

function cooldown(t: Thresholds): AlertRule[] {
  const series = 'openclaw_provider_credential_cooldown';
  return [
    ...ladder(
      {
        alert: 'OpenClawProviderCredentialCooldown',
        incident: 'credential-cooldown',
        about: PROVIDER_LABELS,
        expr: `${takeMax([], `min_over_time(${series}[${formatSpan(t.slow_range)}])`)} == 1`,
        keepMs: t.cron_error_shown_for,
        summary: 'A credential for {{ $labels.provider }} on {{ $labels.instance }} is in cooldown',
        description:
          'The gateway has suspended it after failures: rejected, unpaid or rate limited. Fallback models may hide this.',
        catalogue: ['C17'],
      },
      [
        {
          phase: 2,
          severity: 'warning',
          forMs: t.credential_cooldown_for,
          next: "openclaw doctor names the credential and its error; the provider's console: balance, limits, key",
        },
      ],
    ),
  ];
}

function pairing(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawPairingWaiting',
      incident: 'pairing',
      about: ['kind'],
      expr: `${takeMax([], keepLast(t, 'openclaw_gateway_pairing_requests', ['kind']))} > 0`,
      summary: 'Pairing requests wait on OpenClaw gateway {{ $labels.instance }}',
      description: '{{ $value | printf "%.0f" }} device(s) wait for approval and cannot connect until then.',
      catalogue: ['T5'],
    },
    [
      {
        phase: 2,
        severity: 'info',
        forMs: t.queue_age,
        next: 'openclaw devices list: approve what is known, reject the rest',
      },
    ],
  );
}
