import { describe, expect, it } from 'vitest';
import type { CommandOutcome } from '../../../src/lib/run-command.ts';
import { type CommandProbe, commandArguments, probeCommand } from '../../../src/ssh/command.ts';
import type { SshRoute } from '../../../src/ssh/config.ts';
import { explainFailure, explainTimeout } from '../../../src/ssh/messages.ts';
import { explainRefusal } from '../../../src/ssh/refusals.ts';
import { sshEnvironment } from '../../../src/ssh/ssh.ts';

const CHANGED = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r
Someone could be eavesdropping on you right now (man-in-the-middle attack)!\r
It is also possible that a host key has just been changed.\r
The fingerprint for the ED25519 key sent by the remote host is
SHA256:vRxao2MRGb21kzRarmIgd6neuAmaXALuIH6JzgK33Yo.\r
Please contact your system administrator.\r
Add correct host key in /home/me/.ssh/known_hosts to get rid of this message.\r
Offending ED25519 key in /home/me/.ssh/known_hosts:1\r
  remove with:\r
  ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[127.0.0.1]:22901"\r
`;
const STRICT = `Host key for [127.0.0.1]:22901 has changed and you have requested strict checking.\r
Host key verification failed.\r
`;
const LENIENT = `Password authentication is disabled to avoid man-in-the-middle attacks.\r
Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.\r
`;

/** What Tailscale SSH prints in its check mode, as users reported it. */
const TAILSCALE_CHECK =
  '# Tailscale SSH requires an additional check.\r\n# To authenticate, visit: https://login.tailscale.com/a/0123456789\r\n';

/** Recorded with OpenSSH 9.2 on Linux unless said otherwise; `LC_ALL=C`, `BatchMode=yes`, exit status 255. */
const DIRECT: readonly (readonly [string, string, string])[] = [
  ['a closed port', 'ssh: connect to host 127.0.0.1 port 22999: Connection refused\r\n', 'refused'],
  [
    'a port that resets at once',
    'ssh: connect to host 10.203.1.2 port 2201: Connection reset by peer\r\n',
    'refused',
  ],
  [
    'a swallowed connection',
    'ssh: connect to host 127.0.0.1 port 37043: Connection timed out\r\n',
    'timeout',
  ],
  [
    'the same on macOS (from its documentation)',
    'ssh: connect to host mac port 22: Operation timed out\r\n',
    'timeout',
  ],
  ['no route', 'ssh: connect to host 198.51.100.3 port 22: No route to host\r\n', 'unreachable'],
  ['a route that swallows', 'ssh: connect to host 198.51.100.1 port 22: Invalid argument\r\n', 'unreachable'],
  [
    'a route that prohibits, which is no denied login',
    'ssh: connect to host 198.51.100.2 port 22: Permission denied\r\n',
    'unreachable',
  ],
  ['no network', 'ssh: connect to host 198.51.100.2 port 22: Network is unreachable\r\n', 'unreachable'],
  [
    'an unknown name',
    'ssh: Could not resolve hostname nosuch.invalid: Name or service not known\r\n',
    'resolve_failed',
  ],
  [
    'a resolver that is away',
    'ssh: Could not resolve hostname x: Temporary failure in name resolution\r\n',
    'resolve_failed',
  ],
  [
    'silence after accepting',
    'Connection timed out during banner exchange\r\nConnection to 127.0.0.1 port 22903 timed out\r\n',
    'no_banner',
  ],
  [
    'closing before the banner',
    'kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 22905\r\n',
    'no_banner',
  ],
  [
    'a reset before the banner',
    'kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 127.0.0.1 port 22906\r\n',
    'no_banner',
  ],
  [
    'closing before the banner, in the words of OpenSSH 7',
    'ssh_exchange_identification: Connection closed by remote host\r\n',
    'no_banner',
  ],
  ['a refused key', 'root@127.0.0.1: Permission denied (publickey).\r\n', 'auth_denied'],
  [
    'too many keys',
    'Received disconnect from 127.0.0.1 port 22901:2: Too many authentication failures\r\nDisconnected from 127.0.0.1 port 22901\r\n',
    'auth_denied',
  ],
  ['another host key', CHANGED + STRICT, 'host_key_changed'],
  ['a host key never seen before', 'Host key verification failed.\r\n', 'other'],
  [
    'a configuration with a mistake',
    'badcfg: line 1: Bad configuration option: bogus\r\nbadcfg: terminating, 1 bad configuration options\r\n',
    'other',
  ],
  ['a host that dies while logging in', 'Connection to 127.0.0.1 port 22901 timed out\r\n', 'timeout'],
  [
    'a host at its MaxStartups',
    'debug1: Local version string SSH-2.0-OpenSSH_9.2p1\r\ndebug1: kex_exchange_identification: banner line 0: Exceeded MaxStartups\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 22991\r\n',
    'throttled',
  ],
  [
    'a host that punishes this address (from sshd 9.8 and later)',
    'debug1: kex_exchange_identification: banner line 0: Not allowed at this time\r\nkex_exchange_identification: Connection closed by remote host\r\n',
    'throttled',
  ],
  [
    'a Tailscale check that ended with its time',
    `${TAILSCALE_CHECK}Connection to 127.0.0.1 port 22991 timed out\r\n`,
    'check_pending',
  ],
  [
    'a Tailscale check that the host gave up',
    `${TAILSCALE_CHECK}Connection closed by 100.64.0.1 port 22\r\n`,
    'check_pending',
  ],
  [
    'a denial of a host whose greeting names an address to authenticate at',
    `# To authenticate, visit: https://wiki.example/ssh\r\nme@host: Permission denied (publickey).\r\n`,
    'auth_denied',
  ],
  [
    'a policy of the tailnet (from its tests)',
    'tailscale: tailnet policy does not permit you to SSH to this node\r\nConnection closed by 100.64.0.1 port 22\r\n',
    'auth_denied',
  ],
  [
    'a host that starts up (from pam_nologin)',
    'System is booting up. Unprivileged users are not permitted to log in yet. Please come back later.\r\nConnection closed by 10.0.0.1 port 22\r\n',
    'other',
  ],
  ['nothing at all', '', 'other'],
];

/**
 * Denials that a person would each do something else about; recorded with OpenSSH 9.2 at
 * DEBUG1 unless said otherwise.
 */
const DENIALS: readonly (readonly [string, string, string])[] = [
  [
    'a second factor that is wanted',
    'Authenticated using "publickey" with partial success.\r\ndebug1: No more authentication methods to try.\r\nme@host: Permission denied (password).\r\n',
    'second factor',
  ],
  [
    'a key file that others may read',
    'Load key "client": bad permissions\r\nme@host: Permission denied (publickey).\r\n',
    'other users may read its file',
  ],
  [
    'a key with a passphrase and no agent',
    'debug1: Server accepts key: enc ED25519 SHA256:x explicit\r\ndebug1: No more authentication methods to try.\r\nme@host: Permission denied (publickey).\r\n',
    'passphrase',
  ],
  [
    'an agent that does not sign (from ssh(1))',
    'sign_and_send_pubkey: signing failed for ED25519 "me" from agent: agent refused operation\r\nme@host: Permission denied (publickey).\r\n',
    'agent here refuses',
  ],
  ['a key that is not known there', 'me@host: Permission denied (publickey).\r\n', 'none of the keys'],
];

const PROXIED: readonly (readonly [string, string, string])[] = [
  [
    'a host at its MaxStartups behind the proxy',
    'debug1: kex_exchange_identification: banner line 0: Exceeded MaxStartups\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'throttled',
  ],
  [
    'a proxy that waits for a person to log in with a browser (from cloudflared)',
    'A browser window should have opened at the following URL:\n\nhttps://example.cloudflareaccess.com/x\n\nConnection timed out during banner exchange\r\nConnection to UNKNOWN port 65535 timed out\r\n',
    'check_pending',
  ],
  [
    'a jump host that refuses',
    'ssh: connect to host 127.0.0.1 port 22999: Connection refused\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'proxy_failed',
  ],
  [
    'a jump host that cannot reach the host',
    'channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'proxy_failed',
  ],
  [
    'a jump host that denies the login',
    'me@jump: Permission denied (publickey).\r\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'proxy_failed',
  ],
  [
    'a proxy command that does not exist',
    '/bin/sh: 1: exec: nc.sh: not found\nkex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n',
    'proxy_failed',
  ],
  [
    'a proxy that says nothing',
    'Connection timed out during banner exchange\r\nConnection to UNKNOWN port 65535 timed out\r\n',
    'timeout',
  ],
  ['a refused key behind the proxy', 'me@behind: Permission denied (publickey).\r\n', 'auth_denied'],
  [
    'another host key on the jump host',
    `${CHANGED}${STRICT}kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n`,
    'host_key_changed',
  ],
];

const route: SshRoute = {
  hostname: '127.0.0.1',
  port: 22,
  family: 0,
  bindAddress: undefined,
  proxied: false,
  knownOptions: new Set(['hostname', 'sessiontype']),
};
const destination = { target: 'me@host', port: 2200, configFile: undefined };

function probing(outcome: CommandOutcome): Promise<CommandProbe> {
  const signal = new AbortController().signal;
  return probeCommand(destination, route, { run: async () => outcome, env: {}, signal, deadlineMs: 10_000 });
}

describe('what ssh says of a failure', () => {
  it.each(DIRECT)('is understood for %s', (_, stderr, result) => {
    expect(explainFailure(stderr, false).result).toBe(result);
  });

  it.each(PROXIED)('is understood through a proxy for %s', (_, stderr, result) => {
    expect(explainFailure(stderr, true).result).toBe(result);
  });

  it('never reaches the evidence as it stands, lest paths and what a proxy prints come with it', () => {
    for (const [, stderr] of [...DIRECT, ...PROXIED]) {
      for (const proxied of [false, true])
        expect(explainFailure(stderr, proxied).text).not.toMatch(/[/@\r\n]|SHA256/);
    }
  });

  it.each(DENIALS)('names %s, which is a denial of its own', (_, stderr, text) => {
    const problem = explainFailure(stderr, false);
    expect(problem).toMatchObject({ result: 'auth_denied', text: expect.stringContaining(text) });
  });

  it('tells a host key never seen before in words of its own', () => {
    expect(explainFailure('Host key verification failed.\r\n', false).text).toContain('not on record');
  });
});

/** What a person would each do something else about; from OpenSSH's and the proxies' sources. */
const TOLD: readonly (readonly [stderr: string, proxied: boolean, result: string, text: string])[] = [
  [
    'Certificate invalid: expired\nHost key verification failed.\n',
    false,
    'other',
    'certificate is not valid',
  ],
  ['exec request failed on channel 0\n', false, 'other', 'starts no session'],
  ['Connection to 10.0.0.1 closed by remote host.\n', false, 'other', 'after the login'],
  ['Protocol major versions differ: 2 vs. 1\n', false, 'no_banner', 'not SSH 2'],
  [
    'debug1: kex_exchange_identification: banner line 0: HTTP/1.1 400 Bad Request\nkex_exchange_identification: Connection closed by remote host\n',
    false,
    'no_banner',
    'HTTP server',
  ],
  ["ssh: connect to host h port 22: Can't assign requested address\n", false, 'other', 'BindAddress'],
  [
    'ssh: connect to host h port 22: Operation not permitted\n',
    false,
    'unreachable',
    'firewall on this machine',
  ],
  [
    'debug1: send_pubkey_test: no mutual signature algorithm\nme@h: Permission denied (publickey).\n',
    false,
    'auth_denied',
    'no signature',
  ],
  [
    'no such identity: /home/me/.ssh/x: No such file or directory\nme@h: Permission denied (publickey).\n',
    false,
    'auth_denied',
    'missing or cannot be read',
  ],
  [
    'Error when retrieving token from sso: Token has expired and refresh failed\nConnection closed by UNKNOWN port 65535\n',
    true,
    'proxy_failed',
    'wants a new login',
  ],
  [
    'ERROR: Please log in: tsh login\nConnection closed by UNKNOWN port 65535\n',
    true,
    'proxy_failed',
    'wants a new login',
  ],
  [
    'Your default web browser has been opened to visit:\nhttps://x\nConnection to UNKNOWN port 65535 timed out\n',
    true,
    'check_pending',
    'waits for a person',
  ],
];

describe('what ssh says of a failure that is not the usual one', () => {
  it.each(TOLD)('of %j (proxied: %s) is %s: %s', (stderr, proxied, result, text) => {
    const problem = explainFailure(stderr, proxied);
    expect(problem).toMatchObject({ result, text: expect.stringContaining(text) });
    expect(problem.text).not.toMatch(/[/@\r\n]/);
  });
});

describe('a command over ssh', () => {
  it('has failed when it is ended for taking too long', async () => {
    expect(await probing({ state: 'killed', stderr: '' })).toMatchObject({ problem: { result: 'timeout' } });
  });

  it('waits for a person where the host has asked for a check before the time was over', async () => {
    const stderr = `debug1: SSH2_MSG_SERVICE_ACCEPT received\r\n${TAILSCALE_CHECK}`;
    expect(await probing({ state: 'killed', stderr })).toMatchObject({
      problem: { result: 'check_pending' },
    });
  });

  it.each([
    ['goes on with the login', 'debug1: Authentications that can continue: publickey'],
    ['has let ssh in', 'Authenticated to host ([127.0.0.1]:22) using "publickey".'],
  ])('waits for nobody where the host greets every login so and then %s', (_, line) => {
    const greeted = `debug1: SSH2_MSG_SERVICE_ACCEPT received\r\n${TAILSCALE_CHECK}${line}\r\n`;
    expect(explainTimeout(greeted).result).toBe('timeout');
    const closed = `${greeted}Connection closed by 10.0.0.1 port 22\r\n`;
    expect(explainFailure(closed, false).result).toBe('other');
  });

  it('waits for a person where the account itself asks for a check after the login (from login_duo)', () => {
    const stderr =
      'Authenticated to host ([127.0.0.1]:22) using "publickey".\r\nAutopushing login request to phone...\r\n';
    expect(explainTimeout(stderr).result).toBe('check_pending');
  });

  it.each([
    ['Authenticated to host ([127.0.0.1]:22) using "publickey".', 'the command does not end'],
    ['debug1: SSH2_MSG_SERVICE_ACCEPT received', 'while logging in'],
    ['debug1: Remote protocol version 2.0, remote software version x', 'during the key exchange'],
    ['debug1: Connection established.', 'does not name itself'],
  ])('says how far it got when its time was over: after %s', (line, text) => {
    expect(explainTimeout(`${line}\r\n`)).toMatchObject({
      result: 'timeout',
      text: expect.stringContaining(text),
    });
  });

  it.each([
    [
      'WARNING: Your password has expired.\nPassword change required but no TTY available.',
      'password has expired',
    ],
    ['This account is currently not available.', 'no shell'],
    [
      'You are required to change your password immediately (administrator enforced).',
      'password has expired',
    ],
    ['This service allows sftp connections only.', 'sftp alone'],
    ['Please login as the user "ubuntu" rather than the user "root".', 'another user'],
    ['bash: fork: retry: Resource temporarily unavailable', 'can start no process'],
    ['/bin/zsh: No such file or directory', 'shell does not exist'],
    ['', 'status 1'],
  ])('says why an account runs no command that prints %j', (output, text) => {
    expect(explainRefusal(1, output)).toMatchObject({ result: 'other', text: expect.stringContaining(text) });
  });

  it('has failed when the account has no shell, although the login worked', async () => {
    const outcome = { state: 'exited', code: 1, stdout: '', stderr: '' } as const;
    expect(await probing(outcome)).toMatchObject({ problem: { result: 'other' } });
  });

  it('has failed when the host key changed, even where the user switched the check off', async () => {
    const outcome = { state: 'exited', code: 0, stdout: '', stderr: CHANGED + LENIENT } as const;
    expect(await probing(outcome)).toMatchObject({ problem: { result: 'host_key_changed' } });
  });

  it('ran when it ended with 0, whatever the host greets with', async () => {
    const stderr = 'Unauthorized access: Permission denied to all others.\n';
    expect(await probing({ state: 'exited', code: 0, stdout: 'hello', stderr })).toEqual({
      state: 'ran',
      stdout: 'hello',
    });
  });

  it.each([
    ['there is no ssh here', 'ENOENT', 'program_missing'],
    ['ssh may not be run', 'EACCES', 'program_forbidden'],
  ])('says nothing of the host where %s', async (_, code, result) => {
    expect(await probing({ state: 'not_started', code })).toMatchObject({ problem: { result } });
  });

  it('is the exporter’s own failure when no process can be started', async () => {
    await expect(probing({ state: 'not_started', code: 'EAGAIN' })).rejects.toThrow('EAGAIN');
  });
});

describe('the command line of ssh', () => {
  const args = commandArguments(destination, route, 10_000, 'true');

  it('names the target behind --, so that it can be no option', () => {
    expect(args.slice(-3)).toEqual(['--', 'me@host', 'true']);
  });

  it('sets no option that this ssh does not know', () => {
    expect(args).toContain('SessionType=default');
    expect(args).not.toContain('ForkAfterAuthentication=no');
  });

  it('keeps ssh’s own time-outs below the deadline, and never at 0, which is none', () => {
    for (const deadlineMs of [10, 1_000, 10_000]) {
      const option = commandArguments(destination, route, deadlineMs, 'true').find((arg) =>
        arg.startsWith('ConnectTimeout='),
      );
      const seconds = Number(option?.split('=')[1]);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds * 1000).toBeLessThanOrEqual(Math.max(1000, deadlineMs));
    }
  });
});

describe('the environment of ssh', () => {
  it('holds the agent and the home folder, and neither the exporter’s own nor a way to ask', () => {
    const env = sshEnvironment({
      HOME: '/home/me',
      SSH_AUTH_SOCK: '/run/agent',
      OPENCLAW_GATEWAY_TOKEN: 'x',
      DISPLAY: ':0',
      SSH_ASKPASS: '/bin/ask',
      LANG: 'de_DE.UTF-8',
    });
    expect(Object.keys(env).toSorted()).toEqual(['HOME', 'LC_ALL', 'PATH', 'SSH_AUTH_SOCK']);
    expect(env.LC_ALL).toBe('C');
  });
});
