import type { Scenario } from '../scenario.ts';
import { CLAIMS } from './claims.ts';
import { CRON } from './cron.ts';
import { EXPORTER } from './exporter.ts';
import { GATEWAY } from './gateway.ts';
import { NETWORK } from './network.ts';
import { PAIRS } from './pairs.ts';
import { PLACES } from './places.ts';
import { TOKEN } from './token.ts';

/** Every scenario, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  ...GATEWAY,
  ...TOKEN,
  ...CRON,
  ...NETWORK,
  ...EXPORTER,
  ...PAIRS,
  ...PLACES,
  ...CLAIMS,
];
