import { describe, expect, it, vi } from 'vitest';
import { openClawInstall } from '../../src/sources/openclaw-install.ts';

vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  homedir: () => {
    throw Object.assign(new Error('no such user'), { code: 'ERR_SYSTEM_ERROR' });
  },
}));

describe('a user whom the system does not know, without HOME', () => {
  it('finds what the variables name', () => {
    const env = { OPENCLAW_STATE_DIR: '/nowhere/state', OPENCLAW_GATEWAY_TOKEN: 'from-env' };
    const { stateDir, credential } = openClawInstall({ env, gateway: {} });
    expect(stateDir).toBe('/nowhere/state');
    expect(credential?.secret.reveal()).toBe('from-env');
  });
});
