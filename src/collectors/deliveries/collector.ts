import type { Evidence, Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { limitValues } from '../../lib/label-limit.ts';
import { gauge, type Sample } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import {
  type Deliveries,
  type PressureGroup,
  QUEUE_STATUSES,
  type QueueGroup,
  readDeliveries,
} from './source/queue.ts';

const QUEUE_LABELS = ['status', 'channel'] as const;
const SUBJECT = 'delivery queue';
/** As the alert's `queue_age`. */
const LATE_MS = 3_600_000;
const ABSENT = 'the gateway is on another machine, or its queue cannot be read';
const NO_INGRESS = `${ABSENT}; or this version keeps no queue of incoming messages (2026.5)`;

const entries = gauge(
  'openclaw_delivery_queue_entries',
  'Messages in the delivery queue by status: pending (waits, or is tried again), failed (given up: nobody gets it), other. channel is empty where the gateway does not keep it, as for failed ones.',
  {
    labels: QUEUE_LABELS,
    meaning: {
      absent: `${ABSENT}; of one channel: it has no message of this status`,
      zero: 'none',
      one: 'one message',
    },
  },
);
const oldest = gauge(
  'openclaw_delivery_queue_oldest_seconds',
  'Age of the oldest of these messages: since it was queued; of failed ones, since it was given up.',
  { labels: QUEUE_LABELS, meaning: { absent: 'there is none' } },
);
const lanes = gauge(
  'openclaw_ingress_pressured_lanes',
  'Lanes of incoming messages that are stuck, by channel, by the rule of openclaw health: an event failed eight times, or its handler has not reported for half an hour. Later messages of that lane wait.',
  {
    labels: ['channel'],
    meaning: { absent: NO_INGRESS, zero: 'none is stuck', one: 'one conversation is stuck' },
  },
);
const blocked = gauge(
  'openclaw_ingress_blocked_events',
  'Incoming messages that wait behind the first one of a stuck lane, by channel.',
  { labels: ['channel'], meaning: { absent: NO_INGRESS, zero: 'none waits', one: 'one waits' } },
);
const oldestIngress = gauge(
  'openclaw_ingress_oldest_seconds',
  'Age of the oldest message in a stuck lane, by channel.',
  { labels: ['channel'], meaning: { absent: 'no lane is stuck' } },
);

/** Do messages get out, and are those that came in handled? */
export const deliveriesCollector = defineCollector({
  name: 'deliveries',
  layer: 'answers',
  defaults: { intervalMs: 30_000, timeoutMs: 5_000 },
  after: [],
  publishes: [],
  metrics: [entries, oldest, lanes, blocked, oldestIngress],
  create: (context, { timeoutMs }) => ({
    targets: () =>
      isGatewayHere(context.install())
        ? [
            {
              name: 'queue',
              timeoutMs: timeoutMs * 0.9,
              collect: (signal) => collectDeliveries(context, signal),
            },
          ]
        : [],
  }),
});

async function collectDeliveries(
  { clock, install }: CollectorContext,
  signal: AbortSignal,
): Promise<Observation> {
  const nowMs = clock.now();
  const reading = await readDeliveries(install().stateDir, nowMs, signal);
  if (reading.state === 'read') return observeDeliveries(reading.deliveries, nowMs);
  // A damaged store is the gateway's fault: cron reports it, and one alert is enough.
  return { kind: 'seen', samples: [], evidence: [toEvidence('unknown', reading.reason)] };
}

/** Samples and evidence of the queues. */
export function observeDeliveries({ queue, pressure }: Deliveries, nowMs: number): Observation {
  const toLabel = limitValues([...queue, ...(pressure ?? [])].map(({ channel }) => channel));
  const toChannel = (channel: string) => (channel === '' ? '' : toLabel(channel));
  const outgoing = mergeGroups(queue, ({ status, channel }) => `${status} ${toChannel(channel)}`, [
    ...QUEUE_STATUSES.map((status) => ({ status, channel: '', count: 0, oldestMs: undefined })),
  ]);
  const samples = outgoing.flatMap(({ status, channel, count, oldestMs }): Sample[] => {
    const labels = { status, channel: toChannel(channel) };
    return [
      entries.sample(count, labels),
      ...(oldestMs === undefined ? [] : [oldest.sample(ageOf(oldestMs, nowMs), labels)]),
    ];
  });
  return {
    kind: 'seen',
    samples: [...samples, ...(pressure === undefined ? [] : pressureSamples(pressure, toChannel, nowMs))],
    evidence: [...queueEvidence(queue, nowMs), ...pressureEvidence(pressure ?? [])],
  };
}

/** Adds up groups of one key; `empty` ones are there in any case. */
function mergeGroups(
  groups: readonly QueueGroup[],
  keyOf: (group: QueueGroup) => string,
  empty: readonly QueueGroup[],
): QueueGroup[] {
  const merged = new Map<string, QueueGroup>();
  for (const group of [...empty, ...groups]) {
    const before = merged.get(keyOf(group));
    const times = [before?.oldestMs, group.oldestMs].filter((time) => time !== undefined);
    merged.set(keyOf(group), {
      ...group,
      count: (before?.count ?? 0) + group.count,
      oldestMs: times.length === 0 ? undefined : Math.min(...times),
    });
  }
  return [...merged.values()];
}

/** Without a stuck lane one series of an empty channel says so. */
function pressureSamples(
  pressure: readonly PressureGroup[],
  toChannel: (channel: string) => string,
  nowMs: number,
): Sample[] {
  if (pressure.length === 0) return [lanes.sample(0, { channel: '' }), blocked.sample(0, { channel: '' })];
  const byChannel = Map.groupBy(pressure, ({ channel }) => toChannel(channel));
  return [...byChannel].flatMap(([channel, groups]) => {
    const sum = (pick: (group: PressureGroup) => number) =>
      groups.reduce((total, group) => total + pick(group), 0);
    const times = groups.map(({ oldestMs }) => oldestMs ?? nowMs);
    return [
      lanes.sample(
        sum((group) => group.lanes),
        { channel },
      ),
      blocked.sample(
        sum((group) => group.blocked),
        { channel },
      ),
      oldestIngress.sample(ageOf(Math.min(...times), nowMs), { channel }),
    ];
  });
}

/**
 * A message that was given up is told as a note: it is lost, and the channel's own
 * verdict says whether more will be.
 */
function queueEvidence(queue: readonly QueueGroup[], nowMs: number): Evidence[] {
  const late = queue.filter(
    ({ status, oldestMs }) => status === 'pending' && nowMs - (oldestMs ?? nowMs) > LATE_MS,
  );
  const failed = queue.filter(({ status }) => status === 'failed');
  const lost = failed.reduce((sum, { count }) => sum + count, 0);
  return [
    ...late.map(({ channel, count, oldestMs }) => {
      const minutes = Math.round(ageOf(oldestMs ?? nowMs, nowMs) / 60);
      const where = channel === '' ? '' : ` for ${channel}`;
      const text = `${count} message(s)${where} wait, the oldest for ${minutes} min`;
      return {
        ...toEvidence('warning', text),
        repair: 'openclaw channels status',
        fault: 'delivery-queue' as const,
      };
    }),
    ...(lost === 0
      ? []
      : [{ ...toEvidence('ok', `${lost} message(s) were given up and not delivered`), note: true as const }]),
  ];
}

function pressureEvidence(pressure: readonly PressureGroup[]): Evidence[] {
  return pressure.map(({ channel, lanes: count, blocked: waiting }) => ({
    ...toEvidence(
      'warning',
      `${count} conversation(s) of ${channel} are stuck: a message is not handled, ${waiting} wait behind it`,
    ),
    repair: 'openclaw health --json shows them as ingressPressure; openclaw logs names the error',
    fault: 'ingress' as const,
  }));
}

function toEvidence(verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'answers', subject: SUBJECT, verdict, text };
}

function ageOf(atMs: number, nowMs: number): number {
  return Math.max(0, nowMs - atMs) / 1000;
}
