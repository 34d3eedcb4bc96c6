import { cronGroups } from './cron.ts';
import { dashboardGroups } from './dashboards.ts';
import { gatewayGroups } from './gateway.ts';
import { healthGroups } from './health.ts';
import { networkGroups } from './network.ts';
import type { AlertRule, RuleGroup } from './rule.ts';
import type { Thresholds } from './thresholds.ts';
import { tokenGroups } from './token.ts';
import { watcherGroups } from './watcher.ts';

/** Every group of rules, in the order of evaluation within its file. */
export function ruleGroups(thresholds: Thresholds): RuleGroup[] {
  return [
    gatewayGroups,
    tokenGroups,
    cronGroups,
    networkGroups,
    watcherGroups,
    healthGroups,
    dashboardGroups,
  ].flatMap((groups) => groups(thresholds));
}

/** Every alert of every group; a name appears once for each step of its ladder. */
export function alertsOf(groups: readonly RuleGroup[]): AlertRule[] {
  return groups.flatMap(({ rules }) => rules.filter((rule) => rule.kind === 'alert'));
}
