import { cronGroups } from './alerts/cron.ts';
import { cronJobGroups } from './alerts/cron-jobs.ts';
import { exporterGroups } from './alerts/exporter.ts';
import { gatewayGroups } from './alerts/gateway.ts';
import { gatewayHealthGroups } from './alerts/gateway-health.ts';
import { machineGroups } from './alerts/machine.ts';
import { networkGroups } from './alerts/network.ts';
import { tokenGroups } from './alerts/token.ts';
import { watcherGroups } from './alerts/watchers.ts';
import { workGroups } from './alerts/work.ts';
import { dashboardGroups } from './dashboards.ts';
import { healthGroups } from './health.ts';
import type { AlertRule, RuleGroup } from './rule.ts';
import { suppress } from './signals.ts';
import { sloGroups } from './slo.ts';
import { type Thresholds, widenRanges } from './thresholds.ts';

/** Every group of rules, in the order of evaluation within its file, each alert with what suppresses it. */
export function ruleGroups(thresholds: Thresholds): RuleGroup[] {
  const t = widenRanges(thresholds);
  const groups = [
    gatewayGroups,
    gatewayHealthGroups,
    tokenGroups,
    cronGroups,
    cronJobGroups,
    networkGroups,
    workGroups,
    machineGroups,
    exporterGroups,
    watcherGroups,
    sloGroups,
    healthGroups,
    dashboardGroups,
  ].flatMap((build) => build(t));
  return groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => (rule.kind === 'alert' ? { ...rule, expr: suppress(t, rule) } : rule)),
  }));
}

/** Every alert of every group; a name appears once for each step of its ladder. */
export function alertsOf(groups: readonly RuleGroup[]): AlertRule[] {
  return groups.flatMap(({ rules }) => rules.filter((rule) => rule.kind === 'alert'));
}
