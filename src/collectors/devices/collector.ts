import type { Evidence, Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { limitValues } from '../../lib/label-limit.ts';
import { gauge } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import { type Devices, REQUEST_KINDS, readDevices } from './source/read.ts';

/** Roles that every gateway knows: shown at 0 too. */
const ROLES = ['operator', 'node'];
const SUBJECT = 'paired devices';
const MINUTE_MS = 60_000;
const ABSENT = 'the gateway is on another machine, or its record of devices cannot be read';

const devices = gauge('openclaw_gateway_devices', 'Devices that are paired with the gateway, by role.', {
  labels: ['role'],
  meaning: { absent: ABSENT, zero: 'none of this role is paired', one: 'one device is' },
});
const requests = gauge(
  'openclaw_gateway_pairing_requests',
  'Pairing requests that wait for approval, by kind: device, repair (a paired device that asks for more, or lost its token), node. The client reports a token mismatch or PAIRING_REQUIRED until then; a request ends five minutes after it was last repeated.',
  {
    labels: ['kind'],
    meaning: { absent: ABSENT, zero: 'none waits', one: 'one device waits' },
  },
);
const oldest = gauge(
  'openclaw_gateway_pairing_request_oldest_seconds',
  'Age of the oldest pairing request that waits, by kind.',
  { labels: ['kind'], meaning: { absent: 'none of this kind waits' } },
);

/** Which devices are paired, and does one wait for approval? */
export const devicesCollector = defineCollector({
  name: 'devices',
  layer: 'token',
  defaults: { intervalMs: 60_000, timeoutMs: 5_000 },
  after: [],
  publishes: [],
  metrics: [devices, requests, oldest],
  create: (context, { timeoutMs }) => ({
    targets: () =>
      isGatewayHere(context.install())
        ? [{ name: 'devices', timeoutMs: timeoutMs * 0.9, collect: () => collectDevices(context) }]
        : [],
  }),
});

async function collectDevices({ clock, install }: CollectorContext): Promise<Observation> {
  const nowMs = clock.now();
  const reading = await readDevices(install().stateDir, nowMs);
  if (reading.state === 'read') return observeDevices(reading.devices, nowMs);
  const evidence: Evidence = { layer: 'token', subject: SUBJECT, verdict: 'unknown', text: reading.reason };
  // A damaged store is the gateway's fault: cron reports it, and one alert is enough.
  return { kind: 'seen', samples: [], evidence: [evidence] };
}

/** Samples of the devices, and a note where one waits: that is a decision to be made, not a fault. */
export function observeDevices({ paired, waiting }: Devices, nowMs: number): Observation {
  const toLabel = limitValues([...ROLES, ...paired.keys()]);
  const byRole = new Map(ROLES.map((role) => [role, 0]));
  for (const [role, count] of paired) byRole.set(toLabel(role), (byRole.get(toLabel(role)) ?? 0) + count);
  const samples = [
    ...[...byRole].map(([role, count]) => devices.sample(count, { role })),
    ...REQUEST_KINDS.map((kind) => requests.sample(waiting.get(kind)?.count ?? 0, { kind })),
    ...[...waiting].map(([kind, { oldestMs }]) =>
      oldest.sample(Math.max(0, nowMs - oldestMs) / 1000, { kind }),
    ),
  ];
  return { kind: 'seen', samples, evidence: waitingEvidence({ paired, waiting }, nowMs) };
}

function waitingEvidence({ waiting }: Devices, nowMs: number): Evidence[] {
  const all = [...waiting.values()];
  if (all.length === 0) return [];
  const total = all.reduce((sum, { count }) => sum + count, 0);
  const minutes = Math.max(
    0,
    Math.round((nowMs - Math.min(...all.map(({ oldestMs }) => oldestMs))) / MINUTE_MS),
  );
  const text = `${total} pairing request(s) wait for approval, the oldest for ${minutes} min; openclaw devices list shows them`;
  return [{ layer: 'token', subject: SUBJECT, verdict: 'ok', note: true, incidental: true, text }];
}
