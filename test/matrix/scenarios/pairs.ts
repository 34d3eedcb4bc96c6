import { newToken } from '../../support/openclaw.ts';
import type { Scenario } from '../scenario.ts';
import { loseStore, restoreStore, withoutStore } from './cron.ts';
import { GONE } from './gateway.ts';
import { flap, REFUSED } from './network.ts';
import { MISMATCHED, restartWithOwnToken } from './token.ts';

const RESTARTED = 'info OpenClawGatewayRestarted';

const tokenAndFlapping: Scenario = {
  id: 'T1+N6',
  fault: 'gateway restarted with another token while the path to the hosts flaps',
  inject: async (world) => {
    await world.restartGateway(newToken());
    await flap(world);
  },
  metrics: MISMATCHED,
  alerts: ['critical OpenClawTokenMismatch', RESTARTED, 'warning OpenClawSshFlapping'],
  remembered: ['warning OpenClawSshFlapping'],
  pages: ['token-mismatch'],
  repair: restartWithOwnToken,
};

const gatewayAndHost: Scenario = {
  id: 'G1+N1',
  fault: "gateway killed and sshd stopped, as when the gateway's own host fails",
  inject: async (world) => {
    await Promise.all([world.killGateway(), world.sshd.stop()]);
  },
  metrics: { ...GONE, ...REFUSED },
  alerts: ['critical OpenClawGatewayDown', 'critical OpenClawSshHostDown'],
  afterwards: [RESTARTED],
  pages: ['gateway-down'],
  repair: async (world) => {
    await world.sshd.resume();
    await world.startGateway();
  },
};

const storeAndToken: Scenario = {
  id: 'C7+T1',
  fault: 'gateway restarted with another token, then its database put away',
  inject: async (world) => {
    await world.restartGateway(newToken());
    loseStore(world);
  },
  metrics: (healthy) => ({ ...withoutStore(healthy), ...MISMATCHED }),
  alerts: ['critical OpenClawTokenMismatch', RESTARTED, 'warning OpenClawCronSourceLost'],
  pages: ['token-mismatch'],
  repair: async (world) => {
    restoreStore(world);
    await restartWithOwnToken(world);
  },
};

export const PAIRS = [tokenAndFlapping, gatewayAndHost, storeAndToken];
