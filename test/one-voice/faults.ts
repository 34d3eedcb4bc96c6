import { CRON_FAULTS } from './cron-faults.ts';
import { GATEWAY_FAULTS } from './gateway-faults.ts';
import { HOST_FAULTS } from './host-faults.ts';
import type { VoicedFault } from './stage.ts';
import { TOKEN_FAULTS } from './token-faults.ts';

/** Faults of the catalogue that a stand-in for a gateway can have. */
export const FAULTS: readonly VoicedFault[] = [
  ...GATEWAY_FAULTS,
  ...TOKEN_FAULTS,
  ...CRON_FAULTS,
  ...HOST_FAULTS,
];
