import { gauge, type Sample } from '../registry/family.ts';
import { ownVersion } from '../runtime/version.ts';
import { type AuthenticationOutcome, authenticate } from '../sources/gateway-auth.ts';
import { type Asking, askHealth, askReady, type Readiness } from '../sources/gateway-http.ts';
import type { Credential, OpenClawInstall } from '../sources/openclaw-install.ts';
import { AuthGate } from './auth-gate.ts';
import type { Collector, Observation } from './collector.ts';
import type { CollectorContext, CollectorFactory } from './context.ts';
import { type Deadlines, deadlines } from './probe-deadlines.ts';
import { tokenEvidence } from './token-evidence.ts';
import { PLACE_FAMILIES, readPlaces } from './token-places.ts';
import { TokenProof, type Verdict } from './token-proof.ts';
import { type AttemptReading, readAttempt } from './token-result.ts';

const match = gauge(
  'openclaw_gateway_token_match',
  'Whether the gateway accepts the credential that its clients on this machine would use; the label says where it lies. A check that is held back keeps the verdict.',
  {
    labels: ['credential', 'host'],
    meaning: {
      absent: 'never known, or no longer valid: the gateway is gone, was restarted, or has not said',
      zero: 'refused: every client with it fails',
      one: 'accepted',
    },
  },
);
const lastCheck = gauge(
  'openclaw_gateway_token_last_check_timestamp_seconds',
  'When the gateway last said whether it accepts the credential, as Unix time.',
  { meaning: { absent: 'there is no verdict' } },
);
const lockedUntil = gauge(
  'openclaw_gateway_auth_locked_until_timestamp_seconds',
  'Until when the gateway said it refuses every attempt from this address, good ones too, as Unix time.',
  { meaning: { absent: 'it locked nobody out, or the time is over' } },
);

/** A gateway delays the answer to a wrong credential by up to 5 s: with less time a refusal would never be seen. */
const MIN_TIMEOUT_MS = 12_000;
/** Share of a look's time for each question before the handshake. */
const SHARES = { health: 0.3, ready: 0.1 } as const;

/** Does the gateway accept the credential, and do all places agree on it? */
export const tokenCollector: CollectorFactory = (context, settings): Collector => {
  const timeoutMs = Math.max(settings.timeoutMs, MIN_TIMEOUT_MS);
  const check = new TokenCheck(context, deadlines(timeoutMs));
  return {
    name: 'token',
    intervalMs: settings.intervalMs,
    timeoutMs,
    families: [match, lastCheck, lockedUntil, ...PLACE_FAMILIES],
    targets: () => [
      { name: 'gateway', timeoutMs: check.deadlines.targetMs, collect: (signal) => check.look(signal) },
    ],
    close: async () => check.forget(),
  };
};

class TokenCheck {
  readonly deadlines: Deadlines;
  readonly #context: CollectorContext;
  readonly #gate: AuthGate;
  readonly #proof: TokenProof;
  readonly #version = ownVersion();

  constructor(context: CollectorContext, limits: Deadlines) {
    this.deadlines = limits;
    this.#context = context;
    this.#gate = new AuthGate(context);
    this.#proof = new TokenProof(context.clock);
  }

  /** What others may rely on goes with this collector. */
  forget(): void {
    this.#context.board.auth = undefined;
    this.#context.board.opening = undefined;
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { clock, board } = this.#context;
    const install = this.#context.install();
    const endMs = clock.monotonic() + this.deadlines.totalMs;
    const asking = (share: number): Asking => {
      const ms = (endMs - clock.monotonic()) * share;
      return { address: install.address, clock, connectMs: ms * 0.4, answerMs: ms * 0.6, signal };
    };
    const health = await askHealth(asking(SHARES.health));
    if (health.state === 'blind') return { kind: 'blind', reason: health.reason, evidence: [] };
    const ready = health.state === 'live' ? await askReady(asking(SHARES.ready)) : undefined;
    this.#proof.see({
      install,
      health: health.state,
      identity: board.process?.identity,
      uptimeMs: ready?.uptimeMs,
    });
    // No credential goes to a port that has not just answered as an OpenClaw gateway does.
    const busy = health.state === 'live' ? busyWith(ready) : 'the gateway does not answer';
    const note = await this.#attemptIfDue(install, busy, asking);
    this.#publish();
    return this.#observation(install, note);
  }

  /** Makes one attempt where one is due. Gives the reason why there is no fresh verdict, where there is none. */
  async #attemptIfDue(
    install: OpenClawInstall,
    busy: string | undefined,
    asking: (share: number) => Asking,
  ): Promise<string | undefined> {
    const { credential, held } = this.#proof;
    if (credential === undefined || install.authMode === 'none' || install.authMode === 'trusted-proxy') {
      return undefined;
    }
    if (busy !== undefined) return busy;
    if (held !== undefined) {
      this.#gate.suppress(held);
      return held;
    }
    const entry = this.#gate.enter(install.address);
    if (entry.state === 'closed') return entry.reason;
    const kind = install.authMode === 'password' ? 'password' : 'token';
    const startedAt = this.#context.clock.monotonic();
    const outcome = await authenticate({
      ...asking(1),
      credential: credential.secret,
      kind,
      version: this.#version,
    });
    this.#report(outcome, startedAt);
    const reading = readAttempt(outcome);
    this.#learn(credential, reading, outcome, entry.attempt);
    return reading.match === undefined ? reading.text : undefined;
  }

  #learn(
    credential: Credential,
    reading: AttemptReading,
    { end }: AuthenticationOutcome,
    attempt: number,
  ): void {
    this.#gate.count(reading.result);
    this.#gate.leave(attempt, reading.charge);
    this.#proof.learn(credential, reading);
    if (reading.match === true) this.#gate.vindicate();
    if (reading.match === false) this.#gate.condemn();
    if (reading.match !== undefined) this.#context.board.authDoubted = false;
    if (reading.result === 'rate_limited') {
      const retryAfterMs = end.state === 'rejected' ? end.retryAfterMs : undefined;
      this.#proof.holdFor(this.#gate.lockOut(retryAfterMs), reading.text);
    }
    if (end.state === 'accepted') {
      const { version, protocol } = end;
      const identity = this.#context.board.process?.identity;
      this.#context.board.auth = { accepted: credential, identity, greeting: { version, protocol } };
    }
  }

  #report({ challengeSeconds, end }: AuthenticationOutcome, atMs: number): void {
    const failed = 'reason' in end ? end.reason : end.state;
    this.#context.board.opening = {
      atMs,
      outcome:
        challengeSeconds === undefined
          ? { state: 'failed', reason: failed }
          : { state: 'challenged', seconds: challengeSeconds },
    };
  }

  #publish(): void {
    const { board, clock } = this.#context;
    if (this.#proof.verdict?.match !== true) board.auth = undefined;
    if (board.lockOut !== undefined && board.lockOut.untilMonotonicMs <= clock.monotonic()) {
      board.lockOut = undefined;
    }
  }

  #observation(install: OpenClawInstall, note: string | undefined): Observation {
    const { verdict } = this.#proof;
    const proved = verdict?.credential ?? install.credential;
    const places = readPlaces(install, proved?.secret, verdict?.match === true);
    const subject = install.address.url.replace(/^wss?:\/\//, '');
    return {
      kind: 'seen',
      samples: [...verdictSamples(verdict), ...this.#lockSamples(), ...places.samples],
      evidence: tokenEvidence({ install, verdict, places, note }, subject),
    };
  }

  #lockSamples(): Sample[] {
    const lock = this.#context.board.lockOut;
    return lock === undefined ? [] : [lockedUntil.sample(lock.untilMs / 1000, {})];
  }
}

/** A handshake during start or stop has no sensible end, and one without an end uses the limit up. */
function busyWith(ready: Readiness | undefined): string | undefined {
  if (ready?.failing?.includes('startup-sidecars')) return 'the gateway is still starting';
  return ready?.failing?.includes('gateway-draining') ? 'the gateway is about to stop' : undefined;
}

function verdictSamples(verdict: Verdict | undefined): Sample[] {
  if (verdict === undefined) return [];
  return [
    match.sample(verdict.match ? 1 : 0, { credential: verdict.credential.place, host: '' }),
    lastCheck.sample(verdict.atMs / 1000, {}),
  ];
}
