import { describe, expect, it, vi } from 'vitest';
import { parseFlags } from '../../../src/cli/flags.ts';
import { serviceCommand } from '../../../src/cli/service/command.ts';
import { COLLECTOR_DEFAULTS } from '../../../src/collectors/index.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { homeFolder } from '../../../src/lib/paths.ts';
import { openClawInstall } from '../../../src/openclaw/install.ts';
import { configFilePath } from '../../../src/ssh/config.ts';

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

  it('has the root for ~ in the configuration', () => {
    const parsed = parseConfig('ssh: { config_file: ~/ssh_config }', COLLECTOR_DEFAULTS);
    if (parsed.state !== 'valid') throw new Error('not valid');
    expect(configFilePath(parsed.config, {})).toBe('/ssh_config');
    expect(configFilePath(parsed.config, { HOME: '/home/u' })).toBe('/home/u/ssh_config');
    expect(homeFolder({ HOME: '' })).toBe('/');
  });

  it('is told that there is no place for a service', async () => {
    const parsed = parseFlags(['install-service', '--storage.path=/data'], {});
    if (parsed.state !== 'service') throw new Error(parsed.state);
    vi.stubEnv('HOME', '');
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const code = await serviceCommand({
        action: 'install',
        system: false,
        yes: false,
        flags: parsed.flags,
      });
      expect(code).toBe(2);
      expect(write).toHaveBeenCalledWith(expect.stringContaining('set HOME'));
    } finally {
      write.mockRestore();
      vi.unstubAllEnvs();
    }
  });
});
