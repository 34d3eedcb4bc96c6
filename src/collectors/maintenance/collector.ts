import type { Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import { gauge } from '../../metrics/family.ts';
import { readMaintenance } from '../../state/maintenance.ts';

const maintenance = gauge(
  'openclaw_gateway_maintenance',
  'Whether planned maintenance is declared (`maintenance start 30m`); while it is 1, alerts of this gateway do not page.',
  {
    meaning: {
      absent: 'the declaration under the storage path cannot be read',
      zero: 'none is declared, or it has ended',
      one: 'maintenance is in progress',
    },
  },
);

/** Is planned maintenance declared? */
export const maintenanceCollector = defineCollector({
  name: 'maintenance',
  layer: 'process',
  defaults: { intervalMs: 5_000, timeoutMs: 1_000 },
  after: [],
  publishes: [],
  metrics: [maintenance],
  create: (context, { timeoutMs }) => ({
    targets: () => [{ name: 'declaration', timeoutMs, collect: async () => look(context) }],
  }),
});

function look({ storagePath, clock }: CollectorContext): Observation {
  const found = readMaintenance(storagePath, clock.now());
  if (found.state === 'unreadable') return { kind: 'blind', reason: found.reason, evidence: [] };
  if (found.state === 'none') return { kind: 'seen', samples: [maintenance.sample(0, {})], evidence: [] };
  const text = `planned until ${new Date(found.untilMs).toISOString()}; nobody is paged`;
  return {
    kind: 'seen',
    samples: [maintenance.sample(1, {})],
    evidence: [{ layer: 'process', subject: 'maintenance', verdict: 'warning', text, planned: true }],
  };
}
