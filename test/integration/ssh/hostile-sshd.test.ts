import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { runCommand } from '../../../src/lib/run-command.ts';
import { sampleOf } from '../../support/exposition.ts';
import { processesWith } from '../../support/processes.ts';
import { sshRounds } from '../../support/ssh-collector.ts';
import { Sshd } from '../../support/sshd.ts';
import { until } from '../../support/until.ts';

const host = 'hostile';
const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
const ESCAPE = '\u001b';
const PRIVATE = 'hunter2-private';
/** Commands for the host's shell that never come to their end. */
const ENDLESS = ['cat /dev/zero', 'yes', 'cat /dev/zero >&2', 'exec sleep 60', `yes ''`];

/** A real sshd that runs `command` whatever is asked of it, and a collector that watches it. */
async function forcing(command: string) {
  const sshd = await Sshd.start({ lines: () => [`ForceCommand ${command}`] });
  onTestFinished(() => sshd.remove());
  const ssh = sshRounds({
    ssh: {
      config_file: sshd.configFile,
      hosts: [{ name: host, target: sshd.target, port: sshd.port }],
    },
    clock: systemClock,
    run: runCommand,
    env,
    timeoutMs: 8_000,
  });
  return { ssh, sshd };
}

describe('a host whose command', () => {
  it.each(ENDLESS)('is %s is down after its time, and leaves no ssh behind', async (command) => {
    const { ssh, sshd } = await forcing(command);
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(0);
    await until(() => processesWith(sshd.configFile).length === 0, { what: 'ssh to be gone' });
  });

  it('prints control characters and secrets shows none of them', async () => {
    const text = `printf '\\033[2J${PRIVATE}\\007\\000'; printf '\\033]0;${PRIVATE}\\007' >&2`;
    const { ssh } = await forcing(`${text}; exit 7`);
    await ssh.round();
    const shown = JSON.stringify([ssh.evidence(host), await ssh.expose()]);
    expect(shown).not.toContain(PRIVATE);
    expect(shown).not.toContain(ESCAPE);
    expect(shown).not.toContain('\\u001b');
  });

  it('ends itself by a signal is down', async () => {
    const { ssh } = await forcing('kill -9 $$');
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(0);
  });
});
