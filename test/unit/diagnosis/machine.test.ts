import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/config/load.ts';
import { findService } from '../../../src/diagnosis/machine.ts';
import type { RunCommand } from '../../../src/lib/run-command.ts';
import { openClawInstall } from '../../../src/openclaw/install.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A search on a Mac, whose manager is asked wherever this test runs. */
function search(run: RunCommand) {
  const env = { HOME: tempFolder() };
  const clock = new FakeClock();
  const install = openClawInstall({ env, gateway: defaultConfig().gateway });
  return { env, platform: 'darwin', run, install, clock } as const;
}

describe('the search for the gateway’s service', () => {
  it('gives up on a service manager that never answers, and ends the command', async () => {
    const cut: AbortSignal[] = [];
    const its = search((_file, _args, { signal }) => {
      cut.push(signal);
      return new Promise(() => undefined);
    });
    const searching = findService(its, new AbortController().signal);
    await its.clock.advance(5_000);
    expect(await searching).toBeUndefined();
    expect(cut.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('leaves no timer behind where the manager answers', async () => {
    const its = search(async () => ({ state: 'exited', code: 0, stdout: '', stderr: '' }));
    const service = await findService(its, new AbortController().signal);
    expect(service).toMatchObject({ manager: 'launchd', name: 'ai.openclaw.gateway' });
    expect(its.clock.pending).toBe(0);
  });

  it('asks no manager once the user has ended it', async () => {
    const its = search(() => Promise.reject(new Error('asked')));
    expect(await findService(its, AbortSignal.abort())).toBeUndefined();
  });
});
