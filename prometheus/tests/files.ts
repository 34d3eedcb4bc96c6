import type { GeneratedFile } from '../source/render.ts';
import { cronScenarios } from './cron.ts';
import { gatewayScenarios, slowScenarios } from './gateway.ts';
import { networkScenarios } from './network.ts';
import { pairScenarios } from './pairs.ts';
import { type Scenario, testFile } from './scenario.ts';
import { tokenScenarios } from './token.ts';
import { watcherScenarios } from './watcher.ts';

/** Every scenario that is tested against the rules. */
export const SCENARIOS: readonly Scenario[] = [
  ...gatewayScenarios,
  ...slowScenarios,
  ...tokenScenarios,
  ...cronScenarios,
  ...networkScenarios,
  ...watcherScenarios,
  ...pairScenarios,
];

/** The rule tests as files for promtool. */
export function ruleTestFiles(): GeneratedFile[] {
  return [
    testFile('gateway', gatewayScenarios),
    testFile('days', slowScenarios, '10m'),
    testFile('token', tokenScenarios),
    testFile('cron', cronScenarios),
    testFile('network', networkScenarios),
    testFile('watcher', watcherScenarios),
    testFile('pairs', pairScenarios),
  ];
}
