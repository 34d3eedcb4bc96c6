import type { ReadFact, WebSocketOpening } from '../../core/facts.ts';
import type { DialOptions } from '../../gateway/socket.ts';
import { openToChallenge } from '../../gateway/websocket.ts';
import type { Clock } from '../../lib/clock.ts';

/** Between two openings of our own, where no authenticated check opens the WebSocket anyway. */
const OPENING_INTERVAL_MS = 10 * 60_000;
/** The same after one that failed. */
const RETRY_INTERVAL_MS = 60_000;
/** How long a check with a credential gets to come first: two of its default intervals. */
const GRACE_MS = 60_000;

/**
 * Watches the WebSocket's opening up to the gateway's challenge. Measured on 2026.9.6 and 2026.5.7: a
 * connection that is opened and closed again leaves one warning in the gateway's log whatever its close code,
 * while an authenticated handshake that succeeds leaves nothing. At an interval of 15 s the former would be
 * 5,760 warnings a day. So the openings of the token checks are used, which time the challenge before they
 * answer it; this exporter opens one itself only rarely, where there are none.
 */
export class Openings {
  readonly #facts: ReadFact;
  readonly #clock: Clock;
  #last: WebSocketOpening | undefined;
  #upSinceMs: number | undefined;
  /** Openings before this moment were of a gateway that has been down since. */
  #validFromMs = Number.NEGATIVE_INFINITY;

  constructor(facts: ReadFact, clock: Clock) {
    this.#facts = facts;
    this.#clock = clock;
  }

  /** The last opening since the gateway came up. */
  get last(): WebSocketOpening | undefined {
    return this.#last;
  }

  /** The gateway is down: what its WebSocket did before says nothing any more. */
  forget(): void {
    this.#last = undefined;
    this.#upSinceMs = undefined;
    this.#validFromMs = this.#clock.monotonic();
  }

  /**
   * Called in each round that finds the gateway up. Gives an opening that is new since the last
   * call. `expectsCheck` says whether there is a credential, so that a token check will
   * probably open the WebSocket soon.
   */
  async next(expectsCheck: boolean, dialing: DialOptions): Promise<WebSocketOpening | undefined> {
    const now = this.#clock.monotonic();
    this.#upSinceMs ??= now;
    const reported = this.#facts('opening');
    if (reported !== undefined && reported.atMs > (this.#last?.atMs ?? this.#validFromMs)) {
      this.#last = reported;
      return reported;
    }
    if (now < this.#dueAtMs(this.#upSinceMs, expectsCheck)) return undefined;
    const opened = await openToChallenge(dialing);
    const outcome =
      opened.state === 'challenged'
        ? opened
        : { state: 'failed' as const, reason: 'reason' in opened ? opened.reason : opened.state };
    this.#last = { atMs: now, outcome };
    return this.#last;
  }

  #dueAtMs(upSinceMs: number, expectsCheck: boolean): number {
    if (this.#last === undefined) return upSinceMs + (expectsCheck ? GRACE_MS : 0);
    return (
      this.#last.atMs + (this.#last.outcome.state === 'failed' ? RETRY_INTERVAL_MS : OPENING_INTERVAL_MS)
    );
  }
}
