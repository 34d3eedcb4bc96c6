import type { AttemptReading } from '../../auth/attempt.ts';
import { SLOW_RECHECK_MS } from '../../auth/attempt.ts';
import type { HealthOutcome } from '../../gateway/http.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Credential } from '../../openclaw/credentials.ts';
import type { KnownGateway } from '../../openclaw/install.ts';

/** A verdict about a process that nobody has seen for this long is dropped. */
const UNSEEN_MS = 5 * 60_000;
/** A gateway that is restarted tells an uptime this much smaller than expected, at least. */
const UPTIME_TOLERANCE_MS = 5_000;

/** What the gateway said of a credential. */
export interface CredentialVerdict {
  readonly match: boolean;
  readonly credential: Credential;
  /** Wall time of the last attempt that said so, milliseconds since the epoch. */
  readonly atMs: number;
}

/** What was seen of the gateway in this round, before any attempt. */
export interface Sighting {
  readonly install: KnownGateway;
  /**
   * The credentials that lie on this machine now, strongest first; undefined where
   * only the install's own is known.
   */
  readonly places?: readonly Credential[] | undefined;
  readonly health: Exclude<HealthOutcome['state'], 'blind'>;
  /** Of the gateway's process, where it is known. */
  readonly identity: string | undefined;
  /** As the gateway tells it, in milliseconds. */
  readonly uptimeMs: number | undefined;
}

interface Uptime {
  readonly uptimeMs: number;
  readonly atMs: number;
}

/**
 * What is known of the credential, and whether it is time to ask. After a clear refusal nothing is asked
 * until the credential, the configuration or the gateway's process changes; the verdict stays meanwhile. It
 * goes with the process it was about.
 */
export class TokenProof {
  readonly #clock: Clock;
  #verdict: CredentialVerdict | undefined;
  #hold: { readonly untilMs: number; readonly text: string } | undefined;
  #install: KnownGateway | undefined;
  #identity: string | undefined;
  #uptime: Uptime | undefined;
  #liveAtMs = Number.NEGATIVE_INFINITY;
  #silentRuns = 0;
  #places: readonly Credential[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest verdict; its credential is named by the place that holds it now. */
  get verdict(): CredentialVerdict | undefined {
    const verdict = this.#verdict;
    return verdict === undefined ? undefined : { ...verdict, credential: this.#locate(verdict.credential) };
  }

  /**
   * Whether the gateway has not answered for a whole interval: what it said is then no longer known to hold.
   */
  get isStale(): boolean {
    return this.#silentRuns > 1;
  }

  /** Why no attempt is made now; undefined when one may be. */
  get held(): string | undefined {
    if (this.#hold === undefined || this.#clock.monotonic() >= this.#hold.untilMs) return undefined;
    return this.#hold.text;
  }

  /**
   * The credential that an attempt would prove: the accepted one as long as its gateway
   * runs, else the configured one.
   */
  get credential(): Credential | undefined {
    return this.#verdict?.match === true ? this.#verdict.credential : this.#install?.credential;
  }

  /** Takes in what was seen of the gateway; drops what is no longer true of it. */
  see(sighting: Sighting): void {
    const restarted = this.#restarted(sighting);
    const before = this.#install;
    this.#install = sighting.install;
    this.#places = sighting.places ?? [];
    if (restarted || !sameGateway(before, sighting.install) || this.#gone(sighting)) this.#forget();
    else if (before !== sighting.install) this.#reconsider(sighting.install);
    this.#identity = sighting.identity ?? this.#identity;
    this.#silentRuns = sighting.health === 'live' ? 0 : this.#silentRuns + 1;
    if (sighting.health === 'live') this.#liveAtMs = this.#clock.monotonic();
  }

  /** Takes in what an attempt with `credential` said. */
  learn(credential: Credential, reading: AttemptReading): void {
    const newer = this.#install?.credential;
    if (reading.match === false && newer !== undefined && !newer.secret.equals(credential.secret)) {
      // The gateway took on a new configuration: the next question is about that one.
      this.#forget();
      return;
    }
    if (reading.match !== undefined) {
      this.#verdict = { match: reading.match, credential, atMs: this.#clock.now() };
    }
    this.#hold = reading.settled
      ? { untilMs: this.#clock.monotonic() + SLOW_RECHECK_MS, text: reading.text }
      : undefined;
  }

  /** The gateway refuses everybody for `ms` milliseconds; that says nothing about the credential. */
  holdFor(ms: number, text: string): void {
    this.#hold = { untilMs: this.#clock.monotonic() + ms, text };
  }

  /** Where no place holds the proved credential any more, only the running gateway itself does. */
  #locate({ place, secret }: Credential): Credential {
    if (this.#places.length === 0) return { place, secret };
    const holder = this.#places.find((one) => one.secret.equals(secret));
    return { place: holder?.place ?? 'process', secret };
  }

  #forget(): void {
    this.#verdict = undefined;
    this.#hold = undefined;
  }

  /**
   * Files changed. An accepted credential stays true of the running gateway, unless
   * it was taken away on purpose.
   */
  #reconsider(install: KnownGateway): void {
    if (this.#verdict?.match !== true) {
      this.#hold = undefined;
      if (!sameSecret(this.#verdict?.credential, install.credential)) this.#verdict = undefined;
    } else if (install.credential === undefined && install.problems.length === 0) this.#forget();
  }

  #restarted({ identity, uptimeMs }: Sighting): boolean {
    const nowMs = this.#clock.monotonic();
    const before = this.#uptime;
    this.#uptime = uptimeMs === undefined ? before : { uptimeMs, atMs: nowMs };
    if (identity !== undefined && this.#identity !== undefined && identity !== this.#identity) return true;
    if (uptimeMs === undefined || before === undefined) return false;
    return uptimeMs < before.uptimeMs + (nowMs - before.atMs) - UPTIME_TOLERANCE_MS;
  }

  #gone({ health, identity }: Sighting): boolean {
    if (health === 'live') return false;
    if (health === 'refused' || health === 'foreign') return true;
    const sameProcess = identity !== undefined && identity === this.#identity;
    return !sameProcess && this.#clock.monotonic() - this.#liveAtMs > UNSEEN_MS;
  }
}

function sameGateway(before: KnownGateway | undefined, after: KnownGateway): boolean {
  if (before === undefined) return true;
  return before.address.url === after.address.url && before.authMode === after.authMode;
}

function sameSecret(one: Credential | undefined, other: Credential | undefined): boolean {
  return one !== undefined && other !== undefined && one.secret.equals(other.secret);
}
