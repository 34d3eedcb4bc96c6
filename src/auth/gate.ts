import type { Clock } from '../lib/clock.ts';
import { AUTH_RESULTS, type AuthResult } from '../lib/vocabulary.ts';
import { eventCounter } from '../metrics/family.ts';
import type { Instruments } from '../metrics/instruments.ts';
import type { GatewayAddress } from '../openclaw/address.ts';
import type { AttemptReading } from './attempt.ts';
import { AuthBudget, budgetKey } from './budget.ts';

/** How long a gateway locks an address out where it does not say. Source: its default `lockoutMs`. */
const DEFAULT_LOCK_OUT_MS = 5 * 60_000;
const MAX_LOCK_OUT_MS = 60 * 60_000;
/** More than the budget can hold are never outstanding. */
const MAX_UNCERTAIN = 16;

const attempts = eventCounter(
  'openclaw_gateway_auth_attempts_total',
  'Authentication attempts against the gateway by result; timeout and other say nothing about the credential.',
  {
    labels: ['result'],
    initial: AUTH_RESULTS.map((result) => ({ result })),
    meaning: { absent: 'the token and api collectors are disabled', zero: 'no attempt has ended like this' },
  },
);
const suppressed = eventCounter(
  'openclaw_gateway_auth_suppressed_total',
  "Credential checks that were skipped to stay below the gateway's limit of failed attempts.",
  {
    initial: [{}],
    meaning: { absent: 'the token and api collectors are disabled', zero: 'every check was made' },
  },
);

/** What is counted of authenticated attempts, whichever collector makes them. */
export const AUTH_METRICS = [attempts, suppressed];

/** Whether an authenticated request may be sent now; `attempt` is the charge to settle. */
export type Entry =
  | { readonly state: 'open'; readonly attempt: number }
  /** `limited` where failed attempts are the reason. */
  | { readonly state: 'closed'; readonly reason: string; readonly limited: boolean };

/** A time during which the gateway said it refuses every attempt. */
export interface LockOut {
  /** Wall time, milliseconds since the epoch. */
  readonly untilMs: number;
  /** The same moment by the monotonic clock, which nobody sets; milliseconds. */
  readonly untilMonotonicMs: number;
}

/** What the gate of one gateway needs. */
export interface AuthGateOptions {
  readonly clock: Clock;
  readonly metrics: Instruments;
  /** The folder of the budget's file. */
  readonly storagePath: string;
}

/**
 * The one way to a request that sends a credential to a gateway: the gateway's lock-out, then the limit of
 * failed attempts. One instance a gateway, shared by all who would send its credential.
 */
export class AuthGate {
  readonly #clock: Clock;
  readonly #metrics: Instruments;
  readonly #budget: AuthBudget;
  #lockOut: LockOut | undefined;
  /** Charged attempts whose end was never seen; the next accepted handshake shows that they did not fail. */
  #uncertain: readonly number[] = [];
  #isDoubted = false;

  constructor({ clock, metrics, storagePath }: AuthGateOptions) {
    this.#clock = clock;
    this.#metrics = metrics;
    this.#budget = new AuthBudget({ folder: storagePath });
  }

  /** The gateway's lock-out while it lasts. */
  get lockOut(): LockOut | undefined {
    const lock = this.#lockOut;
    return lock !== undefined && this.#clock.monotonic() < lock.untilMonotonicMs ? lock : undefined;
  }

  /** Whether a request with the accepted credential was refused since the gateway last judged it. */
  get isDoubted(): boolean {
    return this.#isDoubted;
  }

  /** Requests one attempt. Whoever gets in must call {@link leave}; one that never does stays charged. */
  enter(address: GatewayAddress): Entry {
    const lock = this.lockOut;
    if (lock !== undefined) {
      const seconds = Math.ceil((lock.untilMonotonicMs - this.#clock.monotonic()) / 1000);
      const reason = `the gateway refuses every attempt from this address for ${seconds} s more`;
      return this.suppress(reason, true);
    }
    const charged = this.#budget.charge(budgetKey(address));
    if (charged.state === 'charged') return { state: 'open', attempt: charged.attempt };
    return charged.state === 'spent'
      ? this.suppress('the limit of 3 failed attempts in 5 minutes is reached', true)
      : this.suppress(charged.reason);
  }

  /** Counts a check that is not made. */
  suppress(reason: string, limited = false): Entry {
    this.#metrics.increment(suppressed, {});
    return { state: 'closed', reason, limited };
  }

  /** Settles an attempt's charge. */
  leave(attempt: number, charge: AttemptReading['charge']): void {
    if (charge === 'refund') this.#budget.refund(attempt);
    if (charge === 'uncertain') this.#uncertain = [...this.#uncertain, attempt].slice(-MAX_UNCERTAIN);
  }

  /**
   * The gateway judged the credential: where it accepts it, attempts with an unknown end did not fail either.
   */
  settle(isAccepted: boolean): void {
    if (isAccepted) for (const attempt of this.#uncertain) this.#budget.refund(attempt);
    this.keepUncertain();
    this.#isDoubted = false;
  }

  /** Attempts with an unknown end stay charged, as when another credential is proved from now on. */
  keepUncertain(): void {
    this.#uncertain = [];
  }

  /** A request with the accepted credential was refused: it is to be proved anew. */
  doubt(): void {
    this.#isDoubted = true;
  }

  /** Counts how an attempt ended. */
  count(result: AuthResult): void {
    this.#metrics.increment(attempts, { result });
  }

  /** Records the gateway's lock-out; returns its length in milliseconds. */
  startLockOut(retryAfterMs: number | undefined): number {
    const ms = Math.min(Math.max(retryAfterMs ?? DEFAULT_LOCK_OUT_MS, 1_000), MAX_LOCK_OUT_MS);
    this.#lockOut = { untilMs: this.#clock.now() + ms, untilMonotonicMs: this.#clock.monotonic() + ms };
    return ms;
  }
}
