import type { SshProblem } from './ssh.ts';

/** A text that gives a problem away. */
export type Sign = readonly [RegExp, SshProblem];

/** A step with which a person sees what the host wants. */
export const NEXT_LOGIN = 'ssh TARGET, by hand in a terminal';

/**
 * A host that turns connections away for a while. Sources: sshd(8) (`Exceeded MaxStartups` since OpenSSH 8.5,
 * `Not allowed at this time` for PerSourcePenalties since 9.8); the last is what other servers write.
 */
const THROTTLE_SIGN =
  /Exceeded MaxStartups|Not allowed at this time|\btoo many (?:connections|sessions|users)\b/i;
const THROTTLED: SshProblem = {
  result: 'throttled',
  text: 'the host turns connections away for now (MaxStartups or PerSourcePenalties of its sshd)',
  repair:
    'wait some minutes; if it stays: on the host look at journalctl -u ssh, and raise MaxStartups or exempt this machine (PerSourcePenaltyExemptList)',
};

/**
 * A login that waits for a person. Sources: Tailscale SSH's check mode, cloudflared's `access ssh`, duo_unix,
 * ssh(1) with a security key, and proxies that open a browser (Teleport, Vault, Google Cloud, step).
 */
const CHECK_SIGN = new RegExp(
  [
    'requires an additional check',
    '^\\W{0,8}To authenticate, visit',
    '^A browser window should have opened',
    '^If browser window does not open automatically',
    'browser has been opened to visit',
    'Launching browser to',
    '^Autopushing login request',
    '^Confirm user presence for key',
  ].join('|'),
  'gm',
);
/** A proxy whose own login has ended. Sources: AWS CLI, Google Cloud CLI, Teleport, cloudflared. */
const PROXY_LOGIN_SIGN =
  /\bSSO Token\b|\bToken has expired\b|\bplease (?:re-?)?(?:log ?in|authenticate)\b|\bnot logged in\b|\bgcloud auth login\b/i;
/** What ssh reports once the host went on: a greeting that every login shows is then no check. */
const PROGRESS_SIGN =
  /^(?:debug1: (?:Remote protocol version|Authentications that can continue|Authentication succeeded)|Authenticated to )/gm;
const CHECK_PENDING: SshProblem = {
  result: 'check_pending',
  text: 'the host waits for a person to confirm this login (a Tailscale SSH check or the like)',
  repair: `${NEXT_LOGIN}, and confirm at the address it prints; for good: let the tailnet's policy accept this machine instead of checking it`,
};

const HOST_KEY_SIGNS: readonly Sign[] = [
  [
    /^@ +WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! +@/m,
    { result: 'host_key_changed', text: 'the host shows another key than the one on record' },
  ],
  [
    /^@ +WARNING: REVOKED HOST KEY DETECTED! +@/m,
    { result: 'host_key_changed', text: 'the host shows a key that was revoked' },
  ],
];

/** What follows `connect to host … port …:`, by the C libraries of Linux, macOS and the BSDs. */
const CONNECT_SIGNS: readonly Sign[] = [
  [
    /refused|reset/,
    { result: 'refused', text: 'the host refuses the connection: nothing listens on that port' },
  ],
  [/timed out/, { result: 'timeout', text: 'connecting got no answer' }],
  [
    /assign requested address/,
    {
      result: 'other',
      text: "ssh's BindAddress is no address of this machine",
      repair: 'on this machine: ssh -G TARGET shows its bindaddress; ip address shows those that exist',
    },
  ],
  [
    /Operation not permitted/,
    { result: 'unreachable', text: 'a firewall on this machine forbids the connection' },
  ],
  [/.*/, { result: 'unreachable', text: 'there is no route to the host' }],
];

/** Why a login was denied, where ssh says more than that; only used beside a denial. */
const DENIAL_SIGNS: readonly Sign[] = [
  [
    /tailnet policy does not permit you|^tailscale: access denied/m,
    {
      result: 'auth_denied',
      text: "the tailnet's policy does not permit this login",
      repair: 'let the owner of the tailnet add an ssh rule for this machine to its access controls',
    },
  ],
  [
    /^Authenticated using "[^"]*" with partial success\./m,
    {
      result: 'auth_denied',
      text: 'the host accepts the key and then wants a second factor, which nobody is there to give',
      repair: `on the host: exempt this user from the second factor (AuthenticationMethods in a Match User block)`,
    },
  ],
  [
    /UNPROTECTED PRIVATE KEY FILE|^Load key .*: bad permissions/m,
    {
      result: 'auth_denied',
      text: 'ssh ignores the private key here, because other users may read its file',
      repair: 'on this machine: chmod 600 on the private key, as ssh -v TARGET names it',
    },
  ],
  [
    /signing failed .*agent refused operation|^sign_and_send_pubkey: signing failed/m,
    {
      result: 'auth_denied',
      text: 'the host takes the key, and the agent here refuses to sign with it (locked, or it asks a person)',
      repair: 'on this machine: ssh-add -l, then unlock the agent or add the key again',
    },
  ],
  [
    /no mutual signature (?:algorithm|supported)/,
    {
      result: 'auth_denied',
      text: 'the host accepts no signature that the key here can make',
      repair: 'on this machine: ssh-keygen -t ed25519, then ssh-copy-id TARGET',
    },
  ],
  [
    /^no such identity: |^Load key .*: (?:invalid format|error in libcrypto|No such file)/m,
    {
      result: 'auth_denied',
      text: 'the private key that ssh is to use here is missing or cannot be read',
      repair: 'on this machine: ssh -G TARGET shows its identityfile; put the key there, or correct the path',
    },
  ],
  [
    /^debug1: Server accepts key: .*\n(?:debug1: No more authentication methods|debug1: Trying private key)/m,
    {
      result: 'auth_denied',
      text: 'the host takes the key, which has a passphrase here, and no agent holds it',
      repair: 'on this machine: ssh-add, or a key without a passphrase for the exporter',
    },
  ],
];

const FAILURE_SIGNS: readonly Sign[] = [
  [
    /^\S+: Permission denied \([^)]*\)\./m,
    { result: 'auth_denied', text: 'the host accepts none of the keys and methods at hand' },
  ],
  [
    /Too many authentication failures/m,
    {
      result: 'auth_denied',
      text: 'the host gave up after too many keys were offered',
      repair: 'name the one key to offer: IdentityFile and IdentitiesOnly yes in ~/.ssh/config',
    },
  ],
  [/^ssh: Could not resolve hostname /m, { result: 'resolve_failed', text: 'the name does not resolve' }],
  [
    /^Certificate invalid: /m,
    {
      result: 'other',
      text: "the host's certificate is not valid, so that its key cannot be trusted",
      repair: 'on the host: renew its certificate; on this machine: compare the clock',
    },
  ],
  [
    /^Host key verification failed\.|^No \S+ host key is known for /m,
    {
      result: 'other',
      text: 'the host key is not on record, and cannot be confirmed non-interactively',
      repair: `${NEXT_LOGIN}, and compare the fingerprint with the host's own before you accept it`,
    },
  ],
  [
    /banner line \d+: HTTP\/\d/,
    { result: 'no_banner', text: 'an HTTP server answers on that port, not SSH' },
  ],
  [
    /^Bad remote protocol version identification|^Protocol major versions differ|^Remote machine has too old/m,
    { result: 'no_banner', text: 'what answers on that port is not SSH 2' },
  ],
  [
    /^Connection timed out during banner exchange/m,
    { result: 'no_banner', text: 'the host accepts and never speaks' },
  ],
  [
    /^(?:banner exchange: )?Connection to \S+ port \d+:? .*timed out|^Timeout, server .* not responding|^Connection to \S+ port \d+ timed out/m,
    { result: 'timeout', text: 'the host stopped answering while logging in' },
  ],
  [
    /^(?:kex_exchange_identification|ssh_exchange_identification|banner exchange):? /m,
    { result: 'no_banner', text: 'the host closes the connection before it names itself' },
  ],
  [
    /^Unable to negotiate with |no matching .* found/m,
    { result: 'other', text: 'client and host share no algorithm' },
  ],
  [
    /Bad configuration option|^Can't open user config file|^Bad owner or permissions on |: line \d+: |^command-line: /m,
    {
      result: 'other',
      text: 'ssh does not accept its own configuration',
      repair: 'on this machine: ssh -G TARGET, which names the line',
    },
  ],
  [
    /^(?:System is booting up|System is going down|"?System.*logins? (?:are|is) (?:disabled|not permitted))|Unprivileged users are not permitted to log in/m,
    { result: 'other', text: 'the host permits no logins now: it is starting or shutting down (nologin)' },
  ],
  [
    /\baccount has expired\b|\baccount is (?:locked|disabled)\b/i,
    {
      result: 'other',
      text: 'the account on the host has expired or is locked',
      repair: 'on the host: sudo chage -l USER, then extend or unlock the account',
    },
  ],
  [
    /^(?:exec|shell|subsystem|PTY allocation) request failed|^channel 0: open failed: /m,
    {
      result: 'other',
      text: 'logged in, but the host starts no session: its limits of sessions, processes or memory',
      repair: 'on the host: look at journalctl -u ssh, free memory and processes',
    },
  ],
  [
    /^Connection to \S+ closed by remote host\./m,
    { result: 'other', text: 'the host closed the connection after the login' },
  ],
  [
    /^Connection (?:closed|reset) by |^client_loop: |^ssh_dispatch_run_fatal: |^Received disconnect from /m,
    { result: 'other', text: 'the host closed the connection while logging in' },
  ],
];

/** The client names no address of a connection that a proxy carries. */
const THROUGH_PROXY = /\bUNKNOWN port 65535\b/m;

/** What ssh is doing when its time is over, the last step first; of its messages at level DEBUG1. */
const STAGES: readonly (readonly [RegExp, string])[] = [
  [
    /^debug1: (?:Authentication succeeded|Sending command:)|^Authenticated to /m,
    'logged in, and the command does not end',
  ],
  [/^debug1: SSH2_MSG_SERVICE_ACCEPT received/m, 'the host stopped answering while logging in'],
  [/^debug1: Remote protocol version/m, 'the host stopped answering during the key exchange'],
  [
    /^debug1: (?:Connection established|Executing proxy command)/m,
    'connected, and the host does not name itself',
  ],
];

/** Whether a host that closed the connection said before that it turns connections away. */
export function throttleProblem(text: string): SshProblem | undefined {
  return THROTTLE_SIGN.test(text) ? THROTTLED : undefined;
}

/** The sign of a changed host key, which ssh goes on after where the user switched the check off. */
export function hostKeyProblem(stderr: string): SshProblem | undefined {
  return match(HOST_KEY_SIGNS, stderr);
}

/**
 * What ssh's standard error says of a failed probe (exit status 255 covers them all). `proxied`: the host is
 * reached through ProxyJump or ProxyCommand, whose own messages stand in the same text. Source: messages of
 * OpenSSH 7 to 10 under `LC_ALL=C` at level DEBUG1.
 */
export function explainFailure(stderr: string, proxied: boolean): SshProblem {
  const text = stderr.replaceAll('\r', '');
  const changed = hostKeyProblem(text);
  if (changed !== undefined) return changed;
  if (hasThrottledBanner(text)) return THROTTLED;
  if (proxied) return explainProxied(text);
  const reason = connectReason(text);
  return reason === undefined ? explainLogin(text) : firstMatch(CONNECT_SIGNS, reason);
}

/** What ssh said before it was ended for taking too long. */
export function explainTimeout(stderr: string): SshProblem {
  const text = stderr.replaceAll('\r', '');
  if (waitsForPerson(text)) return CHECK_PENDING;
  const stage = STAGES.find(([sign]) => sign.test(text))?.[1];
  return { result: 'timeout', text: stage ?? 'the command gave no answer in time' };
}

function explainLogin(text: string): SshProblem {
  const found = firstMatch(FAILURE_SIGNS, text);
  if (found.result === 'auth_denied') return match(DENIAL_SIGNS, text) ?? found;
  // A policy that denies the login closes the connection without the client's own denial.
  const policy = match(DENIAL_SIGNS.slice(0, 1), text);
  if (policy !== undefined) return policy;
  return waitsForPerson(text) ? CHECK_PENDING : found;
}

/** Whether the request to confirm is the last that happened. */
function waitsForPerson(text: string): boolean {
  const asked = [...text.matchAll(CHECK_SIGN)].at(-1)?.index;
  if (asked === undefined) return false;
  const wentOn = [...text.matchAll(PROGRESS_SIGN)].at(-1)?.index ?? -1;
  return asked > wentOn;
}

/** The client shows what the host sent in place of its identification only in its debug messages. */
function hasThrottledBanner(text: string): boolean {
  return [...text.matchAll(/^debug1: (?:kex|ssh)_exchange_identification: .*$/gm)].some(([line]) =>
    THROTTLE_SIGN.test(line),
  );
}

function explainProxied(text: string): SshProblem {
  if (waitsForPerson(text) && !/Permission denied \(/.test(text)) return CHECK_PENDING;
  if (/^Connection timed out during banner exchange|UNKNOWN port 65535:? .*timed out/m.test(text)) {
    return { result: 'timeout', text: 'the way through the proxy gives no answer' };
  }
  if (/^Received disconnect from UNKNOWN .*Too many authentication failures/m.test(text)) {
    return explainLogin(text);
  }
  if (THROUGH_PROXY.test(text) || /stdio forwarding failed/.test(text)) {
    return explainProxy(text);
  }
  return explainLogin(text);
}

function explainProxy(text: string): SshProblem {
  if (PROXY_LOGIN_SIGN.test(text)) {
    return {
      result: 'proxy_failed',
      text: 'the way through the proxy is broken: the proxy wants a new login',
      repair: `${NEXT_LOGIN}, and log in at the proxy`,
    };
  }
  const inner = /open failed: (?:connect failed|administratively prohibited): /.test(text)
    ? 'the jump host cannot reach the host'
    : explainJump(text);
  const broken = 'the way through the proxy is broken';
  return { result: 'proxy_failed', text: inner === undefined ? broken : `${broken}: ${inner}` };
}

function explainJump(text: string): string | undefined {
  const reason = connectReason(text);
  if (reason !== undefined) return `jump host: ${firstMatch(CONNECT_SIGNS, reason).text}`;
  const own = match(FAILURE_SIGNS.slice(0, 4), text);
  return own === undefined ? undefined : `jump host: ${own.text}`;
}

function connectReason(text: string): string | undefined {
  return /^ssh: connect to (?:host|address) .* port \d+: (?<reason>.*)$/m.exec(text)?.groups?.reason;
}

function match(signs: readonly Sign[], text: string): SshProblem | undefined {
  return signs.find(([sign]) => sign.test(text))?.[1];
}

function firstMatch(signs: readonly Sign[], text: string): SshProblem {
  return match(signs, text) ?? { result: 'other', text: 'ssh failed for a reason it did not report' };
}
