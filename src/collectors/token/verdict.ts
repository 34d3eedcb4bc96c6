import { type AttemptReading, readAttempt } from '../../auth/attempt.ts';
import type { GatewayContext } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { type AuthenticationOutcome, authenticate } from '../../gateway/auth.ts';
import type { Asking, HealthOutcome, Readiness } from '../../gateway/http.ts';
import { ownVersion } from '../../lib/version.ts';
import { gauge, type Sample } from '../../metrics/family.ts';
import { type Credential, credentialKind } from '../../openclaw/credentials.ts';
import type { KnownGateway } from '../../openclaw/install.ts';
import type { TokenObstacle } from './evidence.ts';
import { type CredentialVerdict, TokenProof } from './proof.ts';

const match = gauge(
  'openclaw_gateway_token_match',
  'Whether the gateway accepts the credential; the label names the place whose present value was proved. A suppressed check keeps the verdict while the gateway answers.',
  {
    labels: ['credential', 'host'],
    meaning: {
      absent:
        'unknown, or no longer valid: the gateway is gone, was restarted, or has not answered for an interval',
      zero: 'refused: every client with it fails',
      one: 'accepted',
    },
  },
);
const lastCheck = gauge(
  'openclaw_gateway_token_last_check_timestamp_seconds',
  'Time of the last check in which the gateway accepted or rejected the credential, as Unix time.',
  { meaning: { absent: 'there is no verdict' } },
);
const lockedUntil = gauge(
  'openclaw_gateway_auth_locked_until_timestamp_seconds',
  'End of the lockout during which the gateway rejects every attempt from this address, valid ones included, as Unix time.',
  { meaning: { absent: 'there is no lockout, or it has ended' } },
);

/** What is shown of the proved credential. */
export const VERDICT_FAMILIES = [match, lastCheck, lockedUntil];

/**
 * A gateway delays the answer to a wrong credential by up to 5 s: with less time a
 * refusal would never be seen.
 */
export const MIN_CHECK_MS = 12_000;

/** Results of an attempt that say nothing of the credential, and never will for now. */
const OBSTACLES: Readonly<Partial<Record<AttemptReading['result'], TokenObstacle>>> = {
  rate_limited: 'limited',
  protocol_mismatch: 'protocol',
};

/** The facts that a token check publishes. */
export type TokenFact = 'opening' | 'provedCredential';

/** The verdict of one gateway on the credential, obtained within its limit of failed attempts. */
export class TokenVerdict {
  readonly #context: GatewayContext;
  readonly #publish: Publish<TokenFact>;
  readonly #proof: TokenProof;
  readonly #version = ownVersion();
  #obstacle: TokenObstacle | undefined;

  constructor(context: GatewayContext, publish: Publish<TokenFact>) {
    this.#context = context;
    this.#publish = publish;
    this.#proof = new TokenProof(context.clock);
  }

  /** What the last check, or the one that it waits for, met with. */
  get obstacle(): TokenObstacle | undefined {
    return this.#obstacle;
  }

  /** The newest verdict, which decides what is asked. */
  get current(): CredentialVerdict | undefined {
    return this.#proof.verdict;
  }

  /** The verdict to show: none once the gateway has not answered for a whole interval. */
  get shown(): CredentialVerdict | undefined {
    return this.#proof.isStale ? undefined : this.#proof.verdict;
  }

  /** Takes in what was seen of the gateway, before any attempt. */
  see(
    install: KnownGateway,
    health: Exclude<HealthOutcome['state'], 'blind'>,
    ready: Readiness | undefined,
    places?: readonly Credential[],
  ) {
    this.#proof.see({
      install,
      places,
      health,
      identity: this.#context.facts('process')?.identity,
      uptimeMs: ready?.uptimeMs,
    });
  }

  /**
   * Makes one attempt where one is due; `busy` says why none may be made. Gives the reason why there is no
   * fresh verdict, where there is none. Rejects only when the signal of `asking` fires.
   */
  async ask(
    install: KnownGateway,
    busy: string | undefined,
    asking: () => Asking,
  ): Promise<string | undefined> {
    const { credential, held } = this.#proof;
    const kind = credentialKind(install.authMode);
    // A check that waits keeps what it met with.
    if (busy !== undefined || held === undefined) this.#obstacle = undefined;
    if (credential === undefined || kind === undefined) return undefined;
    if (busy !== undefined) return busy;
    if (held !== undefined) {
      this.#context.gate.suppress(held);
      return held;
    }
    const entry = this.#context.gate.enter(install.address);
    if (entry.state === 'closed') {
      this.#obstacle = entry.limited ? 'limited' : undefined;
      return entry.reason;
    }
    const startedAt = this.#context.clock.monotonic();
    const outcome = await authenticate({
      ...asking(),
      credential: credential.secret,
      kind,
      version: this.#version,
    });
    this.#report(outcome, startedAt);
    const reading = readAttempt(outcome);
    this.#obstacle = OBSTACLES[reading.result];
    this.#learn(credential, reading, outcome, entry.attempt);
    return reading.match === undefined ? reading.text : undefined;
  }

  /** Withdraws what is no longer true. */
  publish(): void {
    if (this.#proof.verdict?.match !== true) this.#publish('provedCredential', undefined);
  }

  /** The series of {@link VERDICT_FAMILIES}. */
  samples(): Sample[] {
    const verdict = this.shown;
    const lock = this.#context.gate.lockOut;
    const ofVerdict =
      verdict === undefined
        ? []
        : [
            match.sample(verdict.match ? 1 : 0, { credential: verdict.credential.place, host: '' }),
            lastCheck.sample(verdict.atMs / 1000, {}),
          ];
    return [...ofVerdict, ...(lock === undefined ? [] : [lockedUntil.sample(lock.untilMs / 1000, {})])];
  }

  #learn(
    credential: Credential,
    reading: AttemptReading,
    { end }: AuthenticationOutcome,
    attempt: number,
  ): void {
    this.#context.gate.count(reading.result);
    this.#context.gate.leave(attempt, reading.charge);
    this.#proof.learn(credential, reading);
    if (reading.match !== undefined) this.#context.gate.settle(reading.match);
    if (reading.result === 'rate_limited') {
      const retryAfterMs = end.state === 'rejected' ? end.retryAfterMs : undefined;
      this.#proof.holdFor(this.#context.gate.startLockOut(retryAfterMs), reading.text);
    }
    if (end.state === 'accepted') {
      const { version, protocol } = end;
      const identity = this.#context.facts('process')?.identity;
      const greeting = { version, protocol };
      this.#publish('provedCredential', { accepted: credential, identity, greeting });
    }
  }

  #report({ challengeSeconds, end }: AuthenticationOutcome, atMs: number): void {
    const failed = 'reason' in end ? end.reason : end.state;
    const outcome =
      challengeSeconds === undefined
        ? ({ state: 'failed', reason: failed } as const)
        : ({ state: 'challenged', seconds: challengeSeconds } as const);
    this.#publish('opening', { atMs, outcome });
  }
}

/**
 * Why no credential is shown now: a handshake during start or stop has no sensible end, and one
 * without an end uses the limit up.
 */
export function busyWith(ready: Readiness | undefined): string | undefined {
  if (ready?.failing?.includes('startup-sidecars')) return 'the gateway is still starting';
  return ready?.failing?.includes('gateway-draining') ? 'the gateway is about to stop' : undefined;
}
