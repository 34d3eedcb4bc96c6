import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { duration } from '../../src/config/duration.ts';

const COMPOSE = join(import.meta.dirname, '..', '..', 'docker-compose.yml');
const stack = z.object({ services: z.object({ prometheus: z.object({ command: z.array(z.string()) }) }) });
const timer = duration(0);

/** Prometheus' own default of how often a firing alert is sent again. */
const DEFAULT_RESEND = '1m';
const DEFAULT_GRACE = '10m';
const DEFAULT_TOLERANCE = '1h';
const LOOKBACK = '5m';
/** How often Prometheus takes over what its service discovery found; a hidden flag. */
const DISCOVERY_RELOAD = '5s';

/** What docker-compose.yml starts Prometheus with that concerns alerts. */
export function shippedAlertFlags(): string[] {
  const { command } = stack.parse(parse(readFileSync(COMPOSE, 'utf8'), { merge: true })).services.prometheus;
  return command.filter((flag) => flag.startsWith('--rules.alert.'));
}

/** The same flags with Prometheus' own defaults. */
export const DEFAULT_ALERT_FLAGS: readonly string[] = [
  `--rules.alert.resend-delay=${DEFAULT_RESEND}`,
  `--rules.alert.for-grace-period=${DEFAULT_GRACE}`,
  `--rules.alert.for-outage-tolerance=${DEFAULT_TOLERANCE}`,
];

/**
 * Flags for a story's Prometheus: those of `alerting`, and how old a sample may be, all
 * divided by the acceleration.
 */
export function divideFlags(alerting: readonly string[], acceleration: number): string[] {
  const others = [
    `--query.lookback-delta=${LOOKBACK}`,
    `--scrape.discovery-reload-interval=${DISCOVERY_RELOAD}`,
  ];
  return [...alerting, ...others].map((flag) => {
    const [name, value] = flag.split('=');
    return `${name}=${Math.round(timer.parse(value) / acceleration)}ms`;
  });
}
