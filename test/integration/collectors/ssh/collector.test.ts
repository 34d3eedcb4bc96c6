import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/lib/clock.ts';
import { runCommand } from '../../../../src/lib/run-command.ts';
import { Child } from '../../../support/child.ts';
import { sampleOf, stateOf } from '../../../support/exposition.ts';
import { freePort } from '../../../support/ports.ts';
import { processesWith } from '../../../support/processes.ts';
import { sshRounds } from '../../../support/ssh-collector.ts';
import { Sshd } from '../../../support/sshd.ts';
import { SwallowingPort } from '../../../support/swallowing-port.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { until } from '../../../support/until.ts';

const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
/** Long enough for a login on a busy machine. */
const timeoutMs = 25_000;
/** For hosts that hang: phases 0.96 s, command 3.2 s. */
const SHORT = { timeoutMs: 8_000 };

const SRC = new URL('../../../../src/', import.meta.url).href;
/** A process of its own that runs one command probe and is killed meanwhile. */
const PROBE_ONCE = `
import { probeCommand } from '${SRC}ssh/command.ts';
import { runCommand } from '${SRC}lib/run-command.ts';
await probeCommand(
  { target: '127.0.0.1', port: Number(process.env.PROBED_PORT), configFile: '/dev/null' },
  undefined,
  { run: runCommand, env: { PATH: process.env.PATH }, signal: new AbortController().signal, deadlineMs: 5000 },
);
`;

const TAILSCALE_CHECK =
  '# Tailscale SSH requires an additional check.\n# To authenticate, visit: https://login.tailscale.com/a/0123456789\n';
/** A server that takes a key and never decides on it, as one that waits for somebody does. */
const HANGING_LOGIN = [
  'AuthorizedKeysFile none',
  'AuthorizedKeysCommand /usr/bin/sleep 60',
  'AuthorizedKeysCommandUser root',
];

/** A proxy command that relays bytes and says nothing of its own. */
function relay(): string {
  const path = join(tempFolder(), 'relay.cjs');
  const text =
    "const s = require('net').connect(process.argv[3], process.argv[2]); process.stdin.pipe(s).pipe(process.stdout); s.on('error', () => {});";
  writeFileSync(path, text);
  return path;
}

let sshd: Sshd;
beforeAll(async () => {
  sshd = await Sshd.start();
});
afterAll(async () => {
  await sshd.remove();
});
beforeEach(() => sshd.configure());

interface Host {
  readonly target?: string;
  readonly port?: number;
  readonly always_on?: boolean;
  readonly command_interval?: string;
}

/** The collector for one host named `mac`, by default the running sshd. */
function watching(
  host: Host = {},
  options: { readonly path?: string; readonly own?: Sshd; readonly timeoutMs?: number } = {},
) {
  const server = options.own ?? sshd;
  const one = { name: 'mac', target: server.target, port: server.port, ...host };
  return sshRounds({
    ssh: { config_file: server.configFile, hosts: [one] },
    clock: systemClock,
    run: runCommand,
    env: { ...env, PATH: options.path ?? env.PATH },
    timeoutMs: options.timeoutMs ?? timeoutMs,
  });
}

/** An sshd of its own, for a test that breaks it. */
async function ownSshd(): Promise<Sshd> {
  const own = await Sshd.start();
  onTestFinished(() => own.remove());
  return own;
}

async function listening(talk: (server: Server) => void): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()));
  talk(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

const host = 'mac';

describe('an ssh host that cannot be reached', () => {
  it('is refused when sshd is stopped, and up again within a round when it is back', async () => {
    const own = await ownSshd();
    const ssh = watching({}, { own });
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(1);
    await own.stop();
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(0);
    expect(await ssh.phases(host)).toBe('resolve=1 connect=0 banner=0 command=0');
    await own.resume();
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(1);
    expect(await ssh.results(host)).toEqual({ ok: 2, refused: 1 });
    expect(sampleOf(await ssh.expose(), 'openclaw_ssh_transitions_total', { host })).toBe(2);
  });

  it('times out in the phase connect when its packets are swallowed', async () => {
    const port = await SwallowingPort.open();
    onTestFinished(() => port.close());
    const ssh = watching({ port: port.port }, SHORT);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ timeout: 1 });
    expect(await ssh.phases(host)).toBe('resolve=1 connect=0 banner=0 command=0');
  });

  it('gives no banner when its sshd hangs', async () => {
    const own = await ownSshd();
    own.freeze();
    const ssh = watching({}, { own, ...SHORT });
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ no_banner: 1 });
    expect(await ssh.phases(host)).toBe('resolve=1 connect=1 banner=0 command=0');
    expect(ssh.evidence(host)).toMatchObject({
      verdict: 'bad',
      text: expect.stringContaining('never speaks'),
    });
  });

  it('gives no banner when something else speaks there, or hangs up', async () => {
    const http = await listening((server) =>
      server.on('connection', (socket) => socket.end('HTTP/1.1 400\r\n\r\n')),
    );
    const mute = await listening((server) => server.on('connection', (socket) => socket.destroy()));
    for (const port of [http, mute]) {
      const ssh = watching({ port });
      await ssh.round();
      expect(await ssh.results(host)).toEqual({ no_banner: 1 });
    }
  });

  it('is unreachable where no route leads', async () => {
    const ssh = watching({ target: 'me@255.255.255.255' });
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ unreachable: 1 });
    expect(await ssh.phases(host)).toBe('resolve=1 connect=0 banner=0 command=0');
  });

  it('flaps when every third connection breaks, and each change is counted', async () => {
    let connections = 0;
    const port = await listening((server) =>
      server.on('connection', (socket) => {
        connections += 1;
        if (connections % 3 === 0) socket.destroy();
        else socket.pipe(connect(sshd.port, '127.0.0.1').on('error', () => socket.destroy())).pipe(socket);
      }),
    );
    sshd.configure(`Host *\n  HostKeyAlias [127.0.0.1]:${sshd.port}`);
    const ssh = watching({ port });
    const verdicts: unknown[] = [];
    for (let rounds = 0; rounds < 6; rounds += 1) {
      verdicts.push(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host }));
    }
    const changes = verdicts.filter((verdict, index) => index > 0 && verdict !== verdicts[index - 1]).length;
    expect(changes).toBeGreaterThan(1);
    expect(sampleOf(await ssh.expose(), 'openclaw_ssh_transitions_total', { host })).toBe(changes);
    expect(Object.keys(await ssh.results(host)).toSorted()).toEqual(['no_banner', 'ok']);
  });

  it('does not resolve when its name is unknown', async () => {
    const ssh = watching({ target: 'me@nosuch.invalid' });
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ resolve_failed: 1 });
    expect(await ssh.phases(host)).toBe('resolve=0 connect=0 banner=0 command=0');
  });

  it('is no outage when it may sleep', async () => {
    const ssh = watching({ port: await freePort(), always_on: false });
    const series = await ssh.round();
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(0);
    expect(sampleOf(series, 'openclaw_ssh_host_always_on', { host })).toBe(0);
    expect(ssh.evidence(host)?.verdict).toBe('unknown');
  });
});

describe('an ssh host that lets nobody in', () => {
  it('denies when the key is no longer accepted, while its port stays fine', async () => {
    const own = await ownSshd();
    own.refuseKey();
    const ssh = watching({}, { own });
    const series = await ssh.round();
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBe(0);
    expect(await ssh.results(host)).toEqual({ auth_denied: 1 });
    expect(await ssh.phases(host)).toBe('resolve=1 connect=1 banner=1 command=0');
  });

  it('is up again at the next command after the key is accepted', async () => {
    const own = await ownSshd();
    own.refuseKey();
    const ssh = watching({ command_interval: '1s' }, { own });
    await ssh.round();
    own.acceptKey();
    await until(async () => sampleOf(await ssh.round(), 'openclaw_ssh_up', { host }) === 1);
  });

  it('has changed its host key', async () => {
    const own = await ownSshd();
    await own.renewHostKey();
    const ssh = watching({}, { own });
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ host_key_changed: 1 });
    expect(ssh.evidence(host)?.verdict).toBe('bad');
  });

  it('shows a host key never seen before, which is not a changed one', async () => {
    const own = await ownSshd();
    own.forget();
    const ssh = watching({}, { own });
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ other: 1 });
    expect(ssh.evidence(host)?.text).toContain('not on record');
  });
});

describe('an ssh host that works', () => {
  it('has every phase, its durations and the time of the command', async () => {
    const before = Date.now() / 1000;
    const ssh = watching();
    const series = await ssh.round();
    expect(await ssh.phases(host)).toBe('resolve=1 connect=1 banner=1 command=1');
    for (const phase of ['resolve', 'connect', 'banner', 'command']) {
      expect(sampleOf(series, 'openclaw_ssh_phase_duration_seconds', { host, phase })).toBeGreaterThanOrEqual(
        0,
      );
    }
    expect(sampleOf(series, 'openclaw_ssh_last_command_timestamp_seconds', { host })).toBeGreaterThan(before);
  });

  it('is asked for its banner alone until the next command is due', async () => {
    const own = await ownSshd();
    const ssh = watching({}, { own });
    await ssh.round();
    await ssh.round();
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ ok: 3 });
    expect(own.log.match(/Accepted publickey/g)).toHaveLength(1);
  });

  it('sees no broken identification in its log', async () => {
    const own = await ownSshd();
    const ssh = watching({}, { own });
    await ssh.round();
    await ssh.round();
    await until(() => own.log.match(/\[preauth\]/g)?.length === 2, { what: 'both visits in the log' });
    expect(own.log).not.toContain('kex_exchange_identification');
  });

  it('is reached by the name its configuration gives it', async () => {
    sshd.configure(
      `Host alias\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${sshd.target.split('@')[0]}`,
    );
    const ssh = sshRounds({
      ssh: { config_file: sshd.configFile, hosts: [{ name: host, target: 'alias' }] },
      clock: systemClock,
      run: runCommand,
      env,
      timeoutMs,
    });
    await ssh.round();
    expect(await ssh.phases(host)).toBe('resolve=1 connect=1 banner=1 command=1');
  });

  it('still shows its port where there is no ssh, and claims no more', async () => {
    const ssh = watching({}, { path: tempFolder() });
    const series = await ssh.round();
    expect(sampleOf(series, 'openclaw_ssh_up', { host })).toBeUndefined();
    expect(await ssh.phases(host)).toBe('resolve=1 connect=1 banner=1');
    expect(await ssh.results(host)).toEqual({ program_missing: 1 });
    expect(ssh.evidence(host)).toMatchObject({
      verdict: 'warning',
      repair: expect.stringContaining('install'),
    });
  });
});

describe('an ssh host behind a proxy', () => {
  const behind = () => `Host jump\n  HostName 127.0.0.1\n  Port ${sshd.port}\n`;

  it('is up through a jump host, by the command alone', async () => {
    const far = await ownSshd();
    // One client configuration serves both hops.
    far.configure(
      `${behind()}  IdentityFile ${join(sshd.folder, 'client')}\n  UserKnownHostsFile ${join(sshd.folder, 'known_hosts')}\nHost 127.0.0.1\n  ProxyJump jump`,
    );
    const ssh = watching({}, { own: far });
    expect(sampleOf(await ssh.round(), 'openclaw_ssh_up', { host })).toBe(1);
    expect(await ssh.phases(host)).toBe('command=1');
    expect(sshd.log).toContain('Accepted publickey');
  });

  it('has a failed proxy when the jump host refuses', async () => {
    sshd.configure(`Host 127.0.0.1\n  ProxyJump localhost:${await freePort()}`);
    const ssh = watching();
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ proxy_failed: 1 });
  });

  it('has a failed proxy when the jump host cannot reach it', async () => {
    sshd.configure(
      `${behind()}Host 127.0.0.1\n  ProxyCommand ssh -F ${sshd.folder}/jump_config -W %h:%p jump`,
    );
    const config = `${behind()}  IdentityFile ${join(sshd.folder, 'client')}\n  UserKnownHostsFile ${join(sshd.folder, 'known_hosts')}\n`;
    writeFileSync(join(sshd.folder, 'jump_config'), config);
    const works = watching();
    await works.round();
    expect(await works.results(host)).toEqual({ ok: 1 });
    const broken = watching({ port: await freePort() });
    await broken.round();
    expect(await broken.results(host)).toEqual({ proxy_failed: 1 });
    expect(broken.evidence(host)?.text).toContain('jump host cannot reach');
  });

  it('has a failed proxy when the proxy command ends at once', async () => {
    sshd.configure('Host 127.0.0.1\n  ProxyCommand false');
    const ssh = watching();
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ proxy_failed: 1 });
  });
});

describe('what a real sshd says of itself', () => {
  /** A server of its own with these lines, and the collector for it. */
  async function serving(lines: (folder: string) => readonly string[], timeoutMs = 25_000) {
    const own = await Sshd.start({ lines });
    onTestFinished(() => own.remove());
    return { own, ssh: watching({}, { own, timeoutMs }) };
  }

  /** Connections that say nothing, as a crowd of clients before their logins. */
  async function crowd(port: number, size: number) {
    const sockets = Array.from({ length: size }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => undefined);
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    await Promise.all(sockets.map((socket) => until(() => socket.bytesRead > 0, { what: 'a banner' })));
    return () => sockets.forEach((socket) => void socket.destroy());
  }

  it('is a host that throttles where it is at its MaxStartups, and no outage', async () => {
    const { own, ssh } = await serving(() => ['MaxStartups 3']);
    const disperse = await crowd(own.port, 3);
    const series = await ssh.round();
    expect(await ssh.results(host)).toEqual({ throttled: 1 });
    expect(stateOf(series, 'openclaw_ssh_result', 'result')).toBe('throttled');
    expect(ssh.evidence(host)).toMatchObject({ verdict: 'warning' });
    disperse();
    await until(async () => sampleOf(await ssh.round(), 'openclaw_ssh_up', { host }) === 1, {
      what: 'the host',
    });
  });

  it('is a host that throttles behind a proxy too, which only the client’s debug messages tell', async () => {
    const { own, ssh } = await serving(() => ['MaxStartups 3']);
    own.configure(`Host 127.0.0.1\n  ProxyCommand ${process.execPath} ${relay()} %h %p`);
    await crowd(own.port, 3);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ throttled: 1 });
  });

  // Tailscale answers nothing after such a text until somebody confirms; sshd shows its greeting and goes on.
  it('is a login that hangs, and waits for nobody, where the greeting of every login speaks of a check', async () => {
    const { ssh } = await serving((folder) => {
      writeFileSync(join(folder, 'banner'), TAILSCALE_CHECK);
      return [`Banner ${join(folder, 'banner')}`, ...HANGING_LOGIN];
    }, 8_000);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ timeout: 1 });
    expect(ssh.evidence(host)?.text).toContain('while logging in');
  });

  it('is a login that hangs where nothing asks for a check', async () => {
    const { ssh } = await serving(() => HANGING_LOGIN, 8_000);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ timeout: 1 });
    expect(ssh.evidence(host)?.text).toContain('while logging in');
  });

  it('is a text before its identification, which changes nothing', async () => {
    const relayed = await listening((server) =>
      server.on('connection', (socket) => socket.write('Welcome to the jungle\r\nSSH-2.0-late\r\n')),
    );
    const ssh = watching({ port: relayed }, SHORT);
    await ssh.round();
    expect(await ssh.phases(host)).toContain('banner=1');
  });

  it('is a forced command that refuses, which is no denied login', async () => {
    const { ssh } = await serving(() => [
      'ForceCommand echo "This account is currently not available."; exit 1',
    ]);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ other: 1 });
    expect(ssh.evidence(host)?.text).toContain('no shell');
  });

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'an HTTP server'],
    ['220 mail.example ESMTP\r\n', 'a mail or FTP server'],
    ['Not allowed at this time\r\n', 'PerSourcePenalties'],
  ])('is named where the port says %j', async (text, expected) => {
    const port = await listening((server) => server.on('connection', (socket) => socket.end(text)));
    const ssh = watching({ port }, SHORT);
    await ssh.round();
    expect(ssh.evidence(host)?.text).toContain(expected);
  });
});

describe('what ssh starts', () => {
  /** A program that ignores being told to stop, named so that it can be found among the processes. */
  function stubbornProgram(): string {
    const path = join(tempFolder(), `stubborn-${process.pid}-${Date.now()}`);
    writeFileSync(path, '#!/bin/sh\ntrap "" HUP TERM\nwhile :; do sleep 1; done\n');
    chmodSync(path, 0o755);
    return path;
  }

  it('is ended with a probe whose proxy hangs and ignores signals', async () => {
    const program = stubbornProgram();
    sshd.configure(`Host 127.0.0.1\n  ProxyCommand ${program}`);
    const ssh = watching({}, SHORT);
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ timeout: 1 });
    await until(() => processesWith(program).length === 0, { what: 'the proxy to end' });
  });

  it('is ended with the signal, in the middle of a probe', async () => {
    const program = stubbornProgram();
    sshd.configure(`Host 127.0.0.1\n  ProxyCommand ${program}`);
    const stop = new AbortController();
    const looking = watching().round(stop.signal);
    looking.catch(() => undefined);
    await until(() => processesWith(program).length > 0, { what: 'the proxy to start' });
    stop.abort(new Error('stopped'));
    await expect(looking).rejects.toThrow('stopped');
    await until(() => processesWith(program).length === 0, { what: 'the proxy to end' });
  });

  it('cannot hang the exporter by a Match exec, which says nothing of the host', async () => {
    const program = stubbornProgram();
    sshd.configure(`Match exec "${program}"`);
    const ssh = watching({}, SHORT);
    await expect(ssh.round()).rejects.toThrow('a Match exec of its configuration hangs');
    expect(await ssh.results(host)).toEqual({});
    await until(() => processesWith(program).length === 0, { what: 'the program to end' });
  });

  it('ends by itself when the exporter is killed in the middle of a login', async () => {
    const silent = await listening((server) => server.on('connection', () => undefined));
    const stuck = await listening((server) =>
      server.on('connection', (socket) => socket.write('SSH-2.0-stuck\r\n')),
    );
    for (const port of [silent, stuck]) {
      const exporter = new Child(process.execPath, ['--input-type=module', '-e', PROBE_ONCE], {
        env: { PROBED_PORT: String(port), ...env },
      });
      await until(() => processesWith(`-p ${port} `).length > 0, { what: 'ssh to start' });
      await exporter.end('SIGKILL');
      await until(() => processesWith(`-p ${port} `).length === 0, { what: 'ssh to end' });
    }
  });

  it('leaves no master connection, no background process and no local command', async () => {
    const folder = tempFolder();
    const touched = join(folder, 'touched');
    sshd.configure(
      [
        'Host 127.0.0.1',
        '  ControlMaster auto',
        '  ControlPersist yes',
        `  ControlPath ${join(folder, 'master')}`,
        '  ForkAfterAuthentication yes',
        '  SessionType none',
        '  RequestTTY force',
        '  RemoteCommand sleep 60',
        '  PermitLocalCommand yes',
        `  LocalCommand touch ${touched}`,
        '  LocalForward 127.0.0.1:1 127.0.0.1:1',
      ].join('\n'),
    );
    const ssh = watching();
    await ssh.round();
    expect(await ssh.results(host)).toEqual({ ok: 1 });
    expect(processesWith(sshd.configFile)).toEqual([]);
    expect([existsSync(touched), existsSync(join(folder, 'master'))]).toEqual([false, false]);
  });
});
