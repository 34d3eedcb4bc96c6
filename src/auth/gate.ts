import type { Counter } from 'prom-client';
import type { GatewayContext } from '../core/context.ts';
import type { GatewayAddress } from '../openclaw/address.ts';
import { type AttemptReading, AUTH_RESULTS, type AuthResult } from './attempt.ts';
import { AuthBudget, budgetKey } from './budget.ts';

/** How long a gateway locks an address out where it does not say. Source: its default `lockoutMs`. */
const DEFAULT_LOCK_OUT_MS = 5 * 60_000;
const MAX_LOCK_OUT_MS = 60 * 60_000;
/** More than the budget can hold are never outstanding. */
const MAX_UNCERTAIN = 16;

/** Whether a question that sends a credential may be asked now; `attempt` is what it was charged as. */
export type Entry =
  | { readonly state: 'open'; readonly attempt: number }
  /** `limited` where attempts that failed stand in the way. */
  | { readonly state: 'closed'; readonly reason: string; readonly limited: boolean };

/** The one way to a question that sends a credential: the gateway's lock-out, then the limit of failed attempts. */
export class AuthGate {
  readonly #context: GatewayContext;
  readonly #budget: AuthBudget;
  readonly #attempts: Counter<'result'>;
  readonly #suppressed: Counter;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#budget = new AuthBudget({ folder: context.storagePath });
    this.#attempts = context.metrics.counter({
      name: 'openclaw_gateway_auth_attempts_total',
      help: 'Times a credential was shown to the gateway, by what it said; timeout and other say nothing about the credential.',
      labelNames: ['result'],
    });
    this.#suppressed = context.metrics.counter({
      name: 'openclaw_gateway_auth_suppressed_total',
      help: "Checks of the credential that were not made, to stay clear of the gateway's limit of failed attempts.",
    });
    for (const result of AUTH_RESULTS) this.#attempts.inc({ result }, 0);
    this.#suppressed.inc(0);
  }

  /** Asks for one attempt. Whoever gets in must call {@link leave}; one that never does stays charged. */
  enter(address: GatewayAddress): Entry {
    const { board, clock } = this.#context;
    const lock = board.lockOut;
    if (lock !== undefined && clock.monotonic() < lock.untilMonotonicMs) {
      const seconds = Math.ceil((lock.untilMonotonicMs - clock.monotonic()) / 1000);
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
    this.#suppressed.inc();
    return { state: 'closed', reason, limited };
  }

  /** Settles an attempt's charge. A success shows that those before it with an unknown end did not fail either. */
  leave(attempt: number, charge: AttemptReading['charge']): void {
    const { board } = this.#context;
    if (charge === 'refund') this.#budget.refund(attempt);
    if (charge === 'uncertain') {
      board.uncertainAttempts = [...(board.uncertainAttempts ?? []), attempt].slice(-MAX_UNCERTAIN);
    }
  }

  /** The credential was accepted: attempts with it whose end was not seen did not fail. */
  vindicate(): void {
    for (const attempt of this.#context.board.uncertainAttempts ?? []) this.#budget.refund(attempt);
    this.#context.board.uncertainAttempts = [];
  }

  /** The credential was refused or another one is proved: attempts with an unknown end stay charged. */
  condemn(): void {
    this.#context.board.uncertainAttempts = [];
  }

  count(result: AuthResult): void {
    this.#attempts.inc({ result });
  }

  /** Remembers the gateway's lock-out; gives its length in milliseconds. */
  lockOut(retryAfterMs: number | undefined): number {
    const { board, clock } = this.#context;
    const ms = Math.min(Math.max(retryAfterMs ?? DEFAULT_LOCK_OUT_MS, 1_000), MAX_LOCK_OUT_MS);
    board.lockOut = { untilMs: clock.now() + ms, untilMonotonicMs: clock.monotonic() + ms };
    return ms;
  }
}
