import type { Evidence, Observation } from '../../src/core/collector.ts';
import { defineCollector } from '../../src/core/context.ts';
import { gauge } from '../../src/metrics/family.ts';
import { type GadgetOutcome, readGadget } from './source/read.ts';

const up = gauge('openclaw_gadget_up', 'TODO: what the value means to the person on call.', {
  meaning: {
    absent: 'TODO: what could not be read',
    zero: 'TODO: the fault',
    one: 'TODO: the healthy state',
  },
});

/** TODO: the question that it answers. */
export const gadgetCollector = defineCollector({
  name: 'gadget',
  layer: 'process',
  defaults: { intervalMs: 60_000, timeoutMs: 5_000 },
  after: [],
  publishes: [],
  metrics: [up],
  create: ({ install }, { timeoutMs }) => ({
    targets: () => [
      {
        name: 'gadget',
        timeoutMs: timeoutMs * 0.9,
        collect: async () => observeGadget(await readGadget(install().stateDir)),
      },
    ],
  }),
});

/** Samples and evidence of an outcome. A fault is a successful observation with the value 0. */
export function observeGadget(outcome: GadgetOutcome): Observation {
  switch (outcome.state) {
    case 'present':
      return { kind: 'seen', samples: [up.sample(1, {})], evidence: [evidence('ok', 'TODO: it is there')] };
    case 'missing':
      return {
        kind: 'seen',
        samples: [up.sample(0, {})],
        evidence: [evidence('bad', 'TODO: it is missing')],
      };
    case 'unreadable':
      return { kind: 'blind', reason: outcome.reason, evidence: [] };
  }
}

function evidence(verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'process', subject: 'gadget', verdict, text };
}
