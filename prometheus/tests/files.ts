import { cronScenarios } from './cron.ts';
import { faultScenarios, objectiveScenarios, slowFaultScenarios } from './faults.ts';
import { gatewayScenarios, slowScenarios } from './gateway.ts';
import { networkScenarios } from './network.ts';
import { pairScenarios } from './pairs.ts';
import { pairOfGateways, placeScenarios } from './places.ts';
import type { Scenario } from './scenario.ts';
import { tokenScenarios } from './token.ts';
import { watcherScenarios } from './watcher.ts';

/** A set of scenarios that are tested together, and how often the rules are evaluated for it. */
export interface ScenarioSet {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
  readonly evaluation?: string;
  /** Thresholds of the rules it is played on, where they are not the defaults. */
  readonly thresholds?: Readonly<Record<string, string>>;
}

export const SCENARIO_SETS: readonly ScenarioSet[] = [
  { name: 'gateway', scenarios: gatewayScenarios },
  { name: 'days', scenarios: slowScenarios, evaluation: '10m' },
  { name: 'token', scenarios: tokenScenarios },
  { name: 'cron', scenarios: cronScenarios },
  { name: 'network', scenarios: networkScenarios },
  { name: 'watcher', scenarios: watcherScenarios },
  { name: 'pairs', scenarios: pairScenarios },
  { name: 'places', scenarios: placeScenarios },
  { name: 'two-gateways', scenarios: pairOfGateways },
  { name: 'faults', scenarios: faultScenarios },
  { name: 'slow-faults', scenarios: slowFaultScenarios, evaluation: '10m' },
  {
    name: 'objectives',
    scenarios: objectiveScenarios,
    evaluation: '10m',
    thresholds: { scrape_interval: '5m', evaluation_interval: '10m', history_interval: '10m' },
  },
];

/** Every scenario that is tested against the rules. */
export const SCENARIOS: readonly Scenario[] = SCENARIO_SETS.flatMap(({ scenarios }) => scenarios);
