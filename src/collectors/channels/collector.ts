import { type Evidence, NOTHING_SEEN, type Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { recentAnswers } from '../../core/facts.ts';
import { deadlines } from '../../gateway/deadlines.ts';
import { askReady } from '../../gateway/http.ts';
import { limitValues } from '../../lib/label-limit.ts';
import { CHANNEL_STATES } from '../../lib/vocabulary.ts';
import { gauge, type Sample, stateset } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import { type ChannelVerdict, judgeByReadiness, judgeByStatus } from './judge.ts';

const LABELS = ['channel', 'account'] as const;
/** A report of the gateway's API counts for three of its intervals. */
const REPORT_MS = 180_000;
const REPAIR = 'openclaw channels status';
const NOT_TOLD =
  'no channel is configured, the gateway is on another machine, or openclaw.json cannot be read';

const up = gauge(
  'openclaw_channel_up',
  'Whether a configured channel account is connected. With cron.api one series an account, from the gateway itself; without it one series a channel with an empty account, from /readyz, which names a broken channel minutes late and not in every case.',
  {
    labels: LABELS,
    meaning: {
      absent: `${NOT_TOLD}; or the gateway does not answer`,
      zero: 'not connected: openclaw_channel_state says why; also of an account that is disabled',
      one: 'connected; without cron.api: the gateway does not report this channel as failing',
    },
  },
);
const state = gauge(
  'openclaw_channel_state',
  'State of a configured channel account; exactly one series is 1. blocked: its token was refused; recovering: a second poller or a restart; missing: configured, and the gateway does not know it (a plugin that is not installed).',
  {
    labels: [...LABELS, 'state'],
    meaning: {
      absent: NOT_TOLD,
      zero: 'not in this state',
      one: 'in this state; other: failing without a reason, or not known while the gateway does not answer',
    },
  },
);
const lastInbound = gauge(
  'openclaw_channel_last_inbound_timestamp_seconds',
  'Time of the last message that came in over this account, as Unix time; a quiet channel is no fault.',
  {
    labels: LABELS,
    meaning: { absent: 'none since the gateway started, or the API is not asked (cron.api)' },
  },
);
const lastOutbound = gauge(
  'openclaw_channel_last_outbound_timestamp_seconds',
  'Time of the last message that went out over this account, as Unix time.',
  {
    labels: LABELS,
    meaning: { absent: 'none since the gateway started, or the API is not asked (cron.api)' },
  },
);

/** Are the channels connected over which messages come and go? */
export const channelsCollector = defineCollector({
  name: 'channels',
  layer: 'answers',
  defaults: { intervalMs: 30_000, timeoutMs: 5_000 },
  after: ['process', 'ping', 'cron'],
  publishes: [],
  metrics: [up, state, lastInbound, lastOutbound],
  create(context, { timeoutMs }) {
    const limits = deadlines(timeoutMs);
    return {
      targets: () => [
        {
          name: 'channels',
          timeoutMs: limits.targetMs,
          collect: (signal) => collectChannels(context, limits, signal),
        },
      ],
    };
  },
});

async function collectChannels(
  context: CollectorContext,
  { connectMs, answerMs }: { readonly connectMs: number; readonly answerMs: number },
  signal: AbortSignal,
): Promise<Observation> {
  const { clock, facts, config } = context;
  const install = context.install();
  if (!isGatewayHere(install)) return NOTHING_SEEN;
  const { address, channels } = install;
  if (channels === undefined) {
    const reason = 'openclaw.json cannot be read, so the configured channels are unknown';
    return { kind: 'blind', reason, evidence: [] };
  }
  if (channels.length === 0) return NOTHING_SEEN;
  const pinged = recentAnswers(facts, clock.monotonic());
  const ready =
    pinged === undefined ? await askReady({ address, clock, connectMs, answerMs, signal }) : pinged.ready;
  const report = facts('channels');
  const isFresh = report !== undefined && clock.monotonic() - report.atMs < REPORT_MS;
  const verdicts =
    isFresh && ready !== undefined
      ? judgeByStatus(channels, report.status)
      : judgeByReadiness(channels, ready);
  const process = facts('process');
  const ageMs = process === undefined ? Infinity : clock.monotonic() - process.startedMonotonicMs;
  return observeChannels(verdicts, ageMs < config.gateway.startup_window);
}

/** Samples and evidence of the verdicts; in a young gateway, channels that still start are no fault. */
export function observeChannels(verdicts: readonly ChannelVerdict[], isYoung: boolean): Observation {
  const limitChannel = limitValues(verdicts.map(({ channel }) => channel));
  const limitAccount = limitValues(verdicts.map(({ account }) => account));
  const labelled = verdicts.map((verdict) => ({
    ...verdict,
    channel: limitChannel(verdict.channel),
    account: verdict.account === '' ? '' : limitAccount(verdict.account),
  }));
  const groups = Map.groupBy(labelled, ({ channel, account }) => `${channel} ${account}`);
  const shown = [...groups.values()].flatMap((group) => group.toSorted(compareVerdicts).slice(0, 1));
  return {
    kind: 'seen',
    samples: shown.flatMap(samplesFor),
    evidence: shown.map((verdict) => evidenceFor(verdict, isYoung)),
  };
}

/** Of several behind one label, the one that needs attention comes first. */
function compareVerdicts(one: ChannelVerdict, other: ChannelVerdict): number {
  return rank(one) - rank(other);
}

function rank(verdict: ChannelVerdict): number {
  if (verdict.state === 'disabled') return 2;
  return verdict.isUp === false ? 0 : 1;
}

function samplesFor(verdict: ChannelVerdict): Sample[] {
  const { channel, account, isUp, lastInboundMs, lastOutboundMs } = verdict;
  const labels = { channel, account };
  return [
    ...(isUp === undefined ? [] : [up.sample(isUp ? 1 : 0, labels)]),
    ...stateset(CHANNEL_STATES, verdict.state, (one, on) => state.sample(on, { ...labels, state: one })),
    ...(lastInboundMs === undefined ? [] : [lastInbound.sample(lastInboundMs / 1000, labels)]),
    ...(lastOutboundMs === undefined ? [] : [lastOutbound.sample(lastOutboundMs / 1000, labels)]),
  ];
}

const WORDS = {
  starting: 'is not connected yet: no network, or it has just started',
  blocked: 'is blocked: its token was refused',
  recovering: 'is recovering: another program may poll with the same token',
  missing: 'is configured, and the gateway does not know it: its plugin is not installed',
  other: 'is not connected',
} as const;

function evidenceFor({ channel, account, state, isUp }: ChannelVerdict, isYoung: boolean): Evidence {
  const subject = account === '' ? channel : `${channel} ${account}`;
  const words = (verdict: Evidence['verdict'], text: string): Evidence => ({
    layer: 'answers',
    subject,
    verdict,
    text,
  });
  if (isUp === undefined) return words('unknown', 'the gateway does not tell how its channels are');
  if (state === 'ready') return words('ok', isUp && account !== '' ? 'connected' : 'not reported as failing');
  // What is switched off says nothing of how the gateway answers.
  if (state === 'disabled' || state === 'not_configured') {
    return { ...words('ok', 'disabled'), incidental: true };
  }
  const text = WORDS[state];
  if (isYoung && (state === 'starting' || state === 'recovering'))
    return { ...words('ok', text), note: true };
  return { ...words('warning', text), repair: REPAIR, fault: 'channel-down' };
}
