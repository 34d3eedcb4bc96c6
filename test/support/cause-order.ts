import { healthGroups } from '../../prometheus/source/health.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';

/** The names of causes in the order in which the recording rule prefers them. */
export function causeRule(): string[] {
  const rules = healthGroups(thresholdsSchema.parse({})).flatMap((group) => group.rules);
  const rule = rules.find((one) => 'record' in one && one.record === 'instance_cause:openclaw_incident:max');
  return [...(rule?.expr ?? '').matchAll(/"cause", "([^"]+)"/g)].map(([, name = '']) => name);
}
