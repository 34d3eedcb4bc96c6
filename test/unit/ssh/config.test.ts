import { describe, expect, it } from 'vitest';
import type { CommandOutcome } from '../../../src/lib/run-command.ts';
import { resolveRoute } from '../../../src/ssh/config.ts';

const destination = { target: 'me@host', port: undefined, configFile: undefined };
const resolving = (outcome: CommandOutcome) =>
  resolveRoute(destination, { run: async () => outcome, env: {}, signal: new AbortController().signal });
const START = 'OpenSSH_9.2p1, OpenSSL 3.0.22\r\ndebug1: Reading configuration data /home/me/.ssh/config\r\n';

describe('an ssh that does not finish reading its configuration', () => {
  it.each([
    ['had not begun', '', 'this machine is busy'],
    ['runs a command for a Match line', `${START}debug1: Executing command: 'nc -z a 1'\r\n`, 'a Match exec'],
    ['waits for a file', START, 'still reading a configuration file'],
    ['is behind all its files', `${START}debug1: auto-mux: Trying existing master\r\n`, 'still evaluating'],
  ])('says so truly where it %s', async (_, stderr, reason) => {
    await expect(resolving({ state: 'killed', stderr })).rejects.toThrow(reason);
  });

  it('names no path of its configuration', async () => {
    await expect(resolving({ state: 'killed', stderr: START })).rejects.toThrow(/^[^/]*$/);
  });
});

describe('a machine that cannot run ssh', () => {
  it.each([
    ['ENOENT', 'program_missing'],
    ['EACCES', 'program_forbidden'],
  ])('takes the target as it is written (%s)', async (code, result) => {
    const outcome = await resolving({ state: 'not_started', code });
    expect(outcome).toMatchObject({
      state: 'no_ssh',
      route: { hostname: 'host', port: 22 },
      problem: { result },
    });
  });

  it('has no verdict where it lacks the means to start anything', async () => {
    await expect(resolving({ state: 'not_started', code: 'EAGAIN' })).rejects.toThrow('EAGAIN');
  });
});
