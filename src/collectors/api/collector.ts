import { z } from 'zod';
import type { AttemptReading } from '../../auth/attempt.ts';
import { SLOW_RECHECK_MS } from '../../auth/attempt.ts';
import { AUTH_METRICS } from '../../auth/gate.ts';
import type { Evidence, Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { ProvedCredential } from '../../core/facts.ts';
import { type Deadlines, deadlines } from '../../gateway/deadlines.ts';
import { type Asking, askHealth, callGateway, type HttpOutcome, jsonOf } from '../../gateway/http.ts';
import type { AuthResult } from '../../lib/vocabulary.ts';
import { gauge } from '../../metrics/family.ts';
import type { AuthMode, CredentialPlace } from '../../openclaw/credentials.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import { isVersionBefore } from '../../openclaw/versions.ts';

const FUNCTION = 'sessions_list';
/** One session of the answer; its size is bounded by what a session's record holds. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Share of a look's time for the question whether a gateway answers at all. */
const HEALTH_SHARE = 0.3;
const FIRST_VERDICT_MS = 2_000;
/** The first call after a gateway's start takes most of a second on older versions. */
const MIN_TIMEOUT_MS = 5_000;

const WANTS_CREDENTIAL =
  'not called: openclaw.json says auth mode none, and the running gateway wants a credential';

const NEVER_WORKED_OPEN =
  'no verdict: in auth mode none older gateways refuse this function, and this one has not answered it yet';

const up = gauge(
  'openclaw_gateway_function_up',
  "Whether a call of this function over the gateway's HTTP API succeeds; 0 while openclaw_gateway_up is 1 is a partial failure.",
  {
    labels: ['function'],
    meaning: {
      absent:
        'the gateway does not answer, tool policy hides the function, this gateway has no such API, or a credential is required and none is known to be valid',
      zero: 'it failed or did not answer in time',
      one: 'it answered',
    },
  },
);
const duration = gauge(
  'openclaw_gateway_function_duration_seconds',
  'Duration of the last call of the function that was answered.',
  { labels: ['function'], meaning: { absent: 'it did not answer' } },
);

/**
 * Does one function of the gateway's API work? Its answer is checked and thrown away: it holds session keys.
 */
export const apiCollector = defineCollector({
  name: 'api',
  layer: 'answers',
  defaults: { intervalMs: 60_000, timeoutMs: 20_000 },
  minTimeoutMs: MIN_TIMEOUT_MS,
  after: ['token'],
  publishes: [],
  metrics: [up, duration, ...AUTH_METRICS],
  create(context, { timeoutMs }) {
    const api = new FunctionCheck(context, deadlines(timeoutMs));
    return {
      targets: () => [
        { name: FUNCTION, timeoutMs: api.deadlines.targetMs, collect: (signal) => api.look(signal) },
      ],
    };
  },
});

/** What one call says: of the function, of the credential, and of the attempt's charge. */
export interface CallReading {
  /** Undefined where the call says nothing about the function. */
  readonly works: boolean | undefined;
  readonly result: AuthResult;
  readonly charge: AttemptReading['charge'];
  readonly text: string;
}

const success = z.looseObject({ ok: z.literal(true) });
const hidden = z.looseObject({
  ok: z.literal(false),
  error: z.looseObject({ type: z.literal('not_found') }),
});

/**
 * Reads the answer of `POST /tools/invoke`. The credential is checked before body and tool,
 * so any other answer proves it.
 */
function readCall(outcome: HttpOutcome): CallReading {
  if (outcome.state !== 'answered') return unanswered(outcome);
  const { status } = outcome;
  const body = jsonOf(outcome);
  if (status === 401) return reading(undefined, 'token_mismatch', 'keep', 'the gateway refuses the token');
  if (status === 429)
    return reading(undefined, 'rate_limited', 'refund', 'the gateway has locked this address out');
  if (status === 404) {
    const text = hidden.safeParse(body).success
      ? 'tool policy hides the function'
      : 'this gateway has no such API';
    return reading(undefined, 'ok', 'refund', text);
  }
  if (status === 200 && success.safeParse(body).success) return reading(true, 'ok', 'refund', 'works');
  if (status < 500 && !outcome.isJson)
    return reading(undefined, 'other', 'refund', 'this gateway has no such API');
  if (status === 403) return reading(undefined, 'other', 'refund', 'the call is forbidden (HTTP 403)');
  return reading(false, status < 500 ? 'ok' : 'other', 'refund', `fails (HTTP ${status})`);
}

function unanswered(outcome: Exclude<HttpOutcome, { state: 'answered' }>): CallReading {
  switch (outcome.state) {
    case 'silent':
      return reading(false, 'timeout', 'uncertain', `does not answer in time: ${outcome.reason}`);
    case 'dropped':
      return reading(false, 'other', 'uncertain', `fails: ${outcome.reason}`);
    case 'foreign':
      return reading(false, 'other', 'uncertain', `answers something else: ${outcome.reason}`);
    case 'refused':
      return reading(undefined, 'other', 'refund', 'nothing listens on the port');
    default:
      return reading(undefined, 'other', 'refund', outcome.reason);
  }
}

function reading(
  works: boolean | undefined,
  result: AuthResult,
  charge: CallReading['charge'],
  text: string,
): CallReading {
  return { works, result, charge, text };
}

class FunctionCheck {
  readonly deadlines: Deadlines;
  readonly #context: CollectorContext;
  #waited = false;
  #hasWorkedOpen = false;
  #wantsCredentialUntilMs = Number.NEGATIVE_INFINITY;
  #refused: { readonly known: ProvedCredential; readonly untilMs: number } | undefined;

  constructor(context: CollectorContext, limits: Deadlines) {
    this.deadlines = limits;
    this.#context = context;
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { clock } = this.#context;
    const install = this.#context.install();
    const isOpen = install.authMode === 'none';
    if (install.credential === undefined && !isOpen) return uncalled(install.authMode);
    const endMs = clock.monotonic() + this.deadlines.totalMs;
    const asking = (share: number): Asking => {
      const ms = (endMs - clock.monotonic()) * share;
      return { address: install.address, clock, connectMs: ms * 0.2, answerMs: ms * 0.8, signal };
    };
    // No credential goes to a port that has not just answered as an OpenClaw gateway does.
    const health = await askHealth(asking(HEALTH_SHARE));
    if (health.state !== 'live') return observed('unknown', 'not called: the gateway does not answer');
    if (isOpen) return this.#callOpen(asking(1));
    if (!this.#waited) await this.#firstVerdict(signal);
    const known = this.#known();
    if (known === undefined) return observed('unknown', 'not called: no credential is known to be valid');
    return this.#call(install, known, asking(1));
  }

  /** In auth mode none: nothing is sent that could be refused, so nothing is charged. */
  async #callOpen(asking: Asking): Promise<Observation> {
    const nowMs = this.#context.clock.monotonic();
    if (nowMs < this.#wantsCredentialUntilMs) return observed('unknown', WANTS_CREDENTIAL);
    const outcome = await callGateway(functionCall(asking));
    if (outcome.state === 'answered' && outcome.status === 401) {
      this.#wantsCredentialUntilMs = nowMs + SLOW_RECHECK_MS;
      return observed('unknown', WANTS_CREDENTIAL);
    }
    const call = readCall(outcome);
    if (call.works === true) this.#hasWorkedOpen = true;
    // Measured: 2026.5.7 always answers 500 in this mode, as its own call to itself lacks a device.
    if (call.works === false && !this.#hasWorkedOpen && outcome.state === 'answered')
      return observed('unknown', NEVER_WORKED_OPEN);
    return this.#judge(call, outcome);
  }

  /** The accepted credential, unless something speaks against it since. */
  #known(): ProvedCredential | undefined {
    const { facts, gate, clock } = this.#context;
    const known = facts('provedCredential');
    if (known === undefined || gate.isDoubted) return undefined;
    const current = facts('process')?.identity;
    if (current !== undefined && known.identity !== undefined && current !== known.identity) return undefined;
    const refused = this.#refused;
    const same =
      refused !== undefined &&
      refused.known.identity === known.identity &&
      refused.known.accepted.secret.equals(known.accepted.secret);
    return same && clock.monotonic() < refused.untilMs ? undefined : known;
  }

  /** At start the token's verdict is only moments away, the next round of this question much farther. */
  async #firstVerdict(signal: AbortSignal): Promise<void> {
    this.#waited = true;
    const { facts, clock } = this.#context;
    const end = clock.monotonic() + FIRST_VERDICT_MS;
    while (facts('opening') === undefined && clock.monotonic() < end) {
      await new Promise<void>((resolve) => clock.after(FIRST_VERDICT_MS / 50, resolve));
      signal.throwIfAborted();
    }
  }

  async #call(install: OpenClawInstall, known: ProvedCredential, asking: Asking): Promise<Observation> {
    const { gate } = this.#context;
    const entry = gate.enter(install.address);
    if (entry.state === 'closed') return observed('unknown', `not called: ${entry.reason}`);
    const outcome = await callGateway({ ...functionCall(asking), credential: known.accepted.secret });
    const call = readCall(outcome);
    gate.count(call.result);
    gate.leave(entry.attempt, call.charge);
    if (call.result === 'token_mismatch') {
      gate.doubt();
      // Refused here and accepted by the handshake: a proxy between, say. Asking again
      // would only use the limit up.
      this.#refused = { known, untilMs: this.#context.clock.monotonic() + SLOW_RECHECK_MS };
    }
    if (outcome.state === 'answered' && call.result === 'rate_limited') {
      const { retryAfterSeconds } = outcome;
      gate.startLockOut(retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000);
    }
    const shadow = call.works === false ? findShadow(install, known) : undefined;
    return shadow === undefined ? this.#judge(call, outcome) : shadowed(call.text, shadow);
  }

  #judge(call: CallReading, outcome: HttpOutcome): Observation {
    const isServerError = outcome.state === 'answered' && outcome.status >= 500;
    return isServerError && this.#callsItselfInVain() ? deafToItself(call.text) : judge(call, outcome);
  }

  /** Whether the gateway of this machine listens at none of the addresses at which it calls itself. */
  #callsItselfInVain(): boolean {
    const { address } = this.#context.install();
    const all = this.#context.facts('process')?.live?.listens ?? [];
    const listens = all.filter(({ port }) => port === address.port);
    return address.local && listens.length > 0 && !listens.some(isReachedByItself);
  }
}

function functionCall(asking: Asking) {
  const body = { tool: FUNCTION, args: { limit: 1 } };
  return { ...asking, path: '/tools/invoke', body, maxBytes: MAX_ANSWER_BYTES };
}

function judge({ works, text }: CallReading, outcome: HttpOutcome): Observation {
  if (works === undefined) return observed('unknown', text);
  return works && outcome.state === 'answered' ? worked(outcome.httpSeconds) : failed(text);
}

/**
 * A place whose credential an older gateway uses for calls to itself in place of the one
 * that clients show. Measured:
 * 2026.5.7 answers 500 with another token in `.env`; 2026.9.6 does not care.
 */
function findShadow(install: OpenClawInstall, { accepted, greeting }: ProvedCredential): Shadow | undefined {
  const version = greeting?.version ?? install.writtenBy;
  if (version !== undefined && !isVersionBefore(version, SHADOWLESS_SINCE)) return undefined;
  const differing = install.credentials.filter(({ secret }) => !secret.equals(accepted.secret));
  return SHADOWS.find(({ place }) => differing.some((one) => one.place === place));
}

interface Shadow {
  readonly place: CredentialPlace;
  readonly text: string;
  readonly repair: string;
}

/** Year and month of the first version whose own calls use the configured token. */
const SHADOWLESS_SINCE = [2026, 9];
const SHADOWS: readonly Shadow[] = [
  {
    place: 'dotenv',
    text: '.env in the state folder holds another token, which this version of the gateway uses for calls to itself',
    repair:
      'make OPENCLAW_GATEWAY_TOKEN in .env equal to gateway.auth.token of openclaw.json, or remove the line; then end the gateway and start it again',
  },
  {
    place: 'service',
    text: 'the service file holds another token, which this version of the gateway uses for calls to itself',
    repair: 'openclaw gateway install --force',
  },
];

function shadowed(text: string, { text: why, repair }: Shadow): Observation {
  const found = {
    ...words('bad', `${text}: ${why}`),
    repair,
    cause: 'authentication',
    fault: 'token-drift',
  } as const;
  return { kind: 'seen', samples: [up.sample(0, { function: FUNCTION })], evidence: [found] };
}

function worked(seconds: number): Observation {
  const label = { function: FUNCTION };
  return {
    kind: 'seen',
    samples: [up.sample(1, label), duration.sample(seconds, label)],
    evidence: [words('ok', `answers in ${Math.round(seconds * 1000)} ms`)],
  };
}

function failed(text: string): Observation {
  return partialFailure({
    ...words('bad', text),
    repair: 'openclaw gateway restart',
    fault: 'partial-failure',
  });
}

/** The addresses at which a gateway's own calls arrive: they go to 127.0.0.1. */
function isReachedByItself({ host }: { readonly host: string }): boolean {
  return host === '127.0.0.1' || host === '0.0.0.0' || host === '::';
}

/**
 * The gateway's calls to itself reach nobody. Measured: 2026.5.7 with `gateway.bind: custom` listens at
 * `customBindHost` alone, calls itself at 127.0.0.1 and answers 500; 2026.9.6 listens at both. A restart
 * changes nothing, so the evidence bears no fault that has one as its step.
 */
function deafToItself(text: string): Observation {
  return partialFailure({
    ...words('bad', `${text}: the gateway calls itself at 127.0.0.1, where this version does not listen`),
    repair:
      'set gateway.bind to loopback or lan in openclaw.json and restart the gateway, or update OpenClaw: newer versions listen at 127.0.0.1 as well',
  });
}

function partialFailure(evidence: Evidence): Observation {
  return {
    kind: 'seen',
    samples: [up.sample(0, { function: FUNCTION })],
    evidence: [{ ...evidence, cause: 'partial-failure' }],
  };
}

/** Not called, and nothing is wrong with that. */
function uncalled(mode: AuthMode): Observation {
  const text =
    mode === 'trusted-proxy'
      ? 'not called: the proxy authenticates clients (auth mode trusted-proxy), and no local password is configured'
      : 'not called: no credential is configured';
  return { kind: 'seen', samples: [], evidence: [{ ...words('unknown', text), unconfigured: true }] };
}

function observed(verdict: Evidence['verdict'], text: string): Observation {
  return { kind: 'seen', samples: [], evidence: [words(verdict, text)] };
}

function words(verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'answers', subject: FUNCTION, verdict, text };
}
