import { describe, expect, it } from 'vitest';
import type { CommandOutcome, RunCommand } from '../../../../src/lib/run-command.ts';
import { SSH_RESULTS } from '../../../../src/ssh/ssh.ts';
import { matching, sampleOf } from '../../../support/exposition.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { sshRounds } from '../../../support/ssh-collector.ts';

const PROXIED = 'hostname behind\nport 22\nproxyjump jump\nsessiontype default\n';
const OK: CommandOutcome = { state: 'exited', code: 0, stdout: '', stderr: '' };
const failing = (stderr: string): CommandOutcome => ({ state: 'exited', code: 255, stdout: '', stderr });
const DENIED = failing('me@behind: Permission denied (publickey).\r\n');
const BROKEN = failing('stdio forwarding failed\r\nConnection closed by UNKNOWN port 65535\r\n');

/** A host behind a proxy, so that everything goes through the ssh that stands in here. */
function proxiedHost() {
  const clock = new FakeClock();
  const asked = { config: 0, command: 0 };
  const now = { config: { ...OK, stdout: PROXIED } as CommandOutcome, command: OK };
  const run: RunCommand = async (_, args) => {
    const kind = args[0] === '-G' ? 'config' : 'command';
    asked[kind] += 1;
    return now[kind];
  };
  const host = { name: 'behind', target: 'behind', command_interval: '5m' };
  return { clock, asked, now, ssh: sshRounds({ ssh: { hosts: [host] }, clock, run, env: {} }) };
}

const host = 'behind';

describe('a host behind a proxy', () => {
  it('has every counter at 0 before it was looked at', async () => {
    const { ssh } = proxiedHost();
    const series = await ssh.expose();
    expect(
      matching(series, 'openclaw_ssh_probes_total', { host }).map(({ labels }) => labels.result),
    ).toEqual([...SSH_RESULTS]);
    expect(sampleOf(series, 'openclaw_ssh_transitions_total', { host })).toBe(0);
  });

  it('has no phases but the command', async () => {
    const { ssh } = proxiedHost();
    const series = await ssh.round();
    expect(await ssh.phases(host)).toBe('command=1');
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(1);
  });

  it('rests between commands, and a rest is no probe', async () => {
    const { ssh, clock, asked } = proxiedHost();
    await ssh.round();
    await clock.advance(30_000);
    const series = await ssh.round();
    expect(asked).toEqual({ config: 1, command: 1 });
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(1);
    expect(await ssh.results(host)).toEqual({ ok: 1 });
    await clock.advance(300_000);
    await ssh.round();
    expect(asked.command).toBe(2);
  });

  it('is known to nobody as up or down once nobody looks at it any more', async () => {
    const { ssh } = proxiedHost();
    await ssh.round();
    expect(ssh.board.read('sshCommands')?.has(host)).toBe(true);
    await ssh.collector.close?.();
    expect(ssh.board.read('sshCommands')).toBeUndefined();
  });

  it('that got no place for a login yet is not called one without ssh', async () => {
    const { clock, now } = proxiedHost();
    const hosts = Array.from({ length: 40 }, (_, index) => ({ name: `h${index}`, target: 'behind' }));
    const run: RunCommand = (_, args, { signal }) =>
      args[0] === '-G'
        ? Promise.resolve(now.config)
        : new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve({ state: 'killed', stderr: '' }));
          });
    const ssh = sshRounds({ ssh: { hosts }, clock, run, env: {} });
    const round = ssh.round();
    await clock.advance(25_000);
    await round;
    const words = hosts.map(({ name }) => ssh.evidence(name)?.text ?? '');
    expect(words.filter((text) => text.includes('there is no ssh'))).toEqual([]);
    expect(words).toContain('no login was tried yet');
  });

  it('is tried in each round while the way is broken', async () => {
    const { ssh, clock, now } = proxiedHost();
    now.command = BROKEN;
    for (let rounds = 0; rounds < 3; rounds += 1) {
      const series = await ssh.round();
      expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(0);
      await clock.advance(30_000);
    }
    expect(await ssh.results(host)).toEqual({ proxy_failed: 3 });
    now.command = OK;
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(1);
  });

  it('is not tried again before its time while logins are denied, lest the address is banned', async () => {
    const { ssh, clock, now, asked } = proxiedHost();
    now.command = DENIED;
    await ssh.round();
    await clock.advance(30_000);
    const series = await ssh.round();
    expect(asked.command).toBe(1);
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(0);
    expect(ssh.evidence(host)).toMatchObject({ verdict: 'warning', repair: 'ssh-copy-id behind' });
  });

  it('counts each change of its verdict, and the first verdict is none', async () => {
    const { ssh, clock, now } = proxiedHost();
    for (const outcome of [BROKEN, OK, BROKEN, BROKEN, OK]) {
      now.command = outcome;
      await ssh.round();
      await clock.advance(300_000);
    }
    expect(sampleOf(await ssh.expose(), 'openclaw_ssh_transitions_total', { host })).toBe(3);
  });

  it('is asked for its way anew within a minute of a failure, else after five', async () => {
    const { ssh, clock, now, asked } = proxiedHost();
    now.command = BROKEN;
    await ssh.round();
    await clock.advance(60_000);
    now.command = OK;
    await ssh.round();
    expect(asked.config).toBe(2);
    await clock.advance(60_000);
    await ssh.round();
    expect(asked.config).toBe(2);
    await clock.advance(300_000);
    await ssh.round();
    expect(asked.config).toBe(3);
  });

  it('is down with a configuration that ssh refuses, and up again after a command', async () => {
    const { ssh, clock, now, asked } = proxiedHost();
    await ssh.round();
    const good = now.config;
    now.config = failing('config: line 1: Bad configuration option: bogus\r\n');
    await clock.advance(300_000);
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(0);
    expect(await ssh.results(host)).toEqual({ ok: 1, other: 1 });
    now.config = good;
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(1);
    expect(asked.command).toBe(2);
  });
});

describe('an exporter that cannot start processes', () => {
  it('is blind instead of calling the host down', async () => {
    const run: RunCommand = async () => ({ state: 'not_started', code: 'EAGAIN' });
    const hosts = [{ name: 'a', target: 'a' }];
    const ssh = sshRounds({ ssh: { hosts }, clock: new FakeClock(), run, env: {} });
    await expect(ssh.round()).rejects.toThrow('EAGAIN');
  });
});
