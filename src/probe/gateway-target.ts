import { GatewayPing, type PingLook, pingCollector } from '../collectors/ping/collector.ts';
import { PING_FAMILIES } from '../collectors/ping/metrics.ts';
import { tokenEvidence } from '../collectors/token/evidence.ts';
import {
  busyWith,
  MIN_CHECK_MS,
  type TokenFact,
  TokenVerdict,
  VERDICT_FAMILIES,
} from '../collectors/token/verdict.ts';
import type { RemoteGatewayConfig } from '../config/schema.ts';
import type { Evidence } from '../core/collector.ts';
import type { GatewayContext } from '../core/context.ts';
import type { Publish } from '../core/facts.ts';
import { deadlines } from '../gateway/deadlines.ts';
import { authority } from '../lib/authority.ts';
import { unlessAborted, withDeadline } from '../lib/deadline.ts';
import type { Slots } from '../lib/slots.ts';
import type { Credential } from '../openclaw/credentials.ts';
import type { KnownGateway } from '../openclaw/install.ts';
import type { Patience, ProbeOutcome, ProbeTarget } from './probe.ts';
import { SharedLooks } from './shared-looks.ts';

/** What `/probe?module=gateway` shows. */
export const GATEWAY_PROBE_FAMILIES = [...PING_FAMILIES, ...VERDICT_FAMILIES];

/** As much time as the local gateway gets, where the caller has it. */
const MOST_MS = deadlines(pingCollector.defaults.timeoutMs).totalMs;
/** Looks at one gateway at once, of callers whose patience differs. */
const LOOKS_AT_ONCE = 4;
/**
 * An accepted credential is not proved again sooner, however often and by however many the gateway is probed.
 */
const VERDICT_AGE_MS = 60_000;

/** Why there is no verdict in the caller's time. */
const NO_VERDICT = {
  no_turn: 'too many other probes were under way',
  overran: 'the look at the gateway did not end in its time',
};

/** Places for the looks and the token checks of all gateways. */
export interface GatewaySlots {
  readonly healthy: Slots;
  /**
   * For gateways that failed last time: they take all the time there is, which
   * must not be that of the others.
   */
  readonly failing: Slots;
  readonly checks: Slots;
}

/** A configured gateway and what its probes share with others. */
export interface GatewayTargetOptions {
  readonly config: RemoteGatewayConfig;
  readonly context: GatewayContext;
  readonly publish: Publish<TokenFact>;
  readonly slots: GatewaySlots;
  /** Fires when the target is not probed any more. */
  readonly signal: AbortSignal;
}

/** What one look gave; `checked` ends with the token check that it began or found under way. */
type Look =
  | (Extract<PingLook, { kind: 'seen' }> & {
      readonly known: KnownGateway;
      readonly checked: Promise<string | undefined>;
    })
  | Extract<PingLook, { kind: 'blind' }>;

/**
 * A gateway elsewhere. The look is the caller's to wait for; the check of the token has a time
 * of its own, because one that is cut short was charged for nothing: a caller that cannot wait
 * for it sees the last verdict.
 */
export class GatewayTarget implements ProbeTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly #options: GatewayTargetOptions;
  readonly #ping: GatewayPing;
  #token: TokenVerdict;
  #credential: Credential | undefined;
  readonly #looks: SharedLooks<Look>;
  #failing = false;
  #checking: Promise<string | undefined> | undefined;

  constructor(options: GatewayTargetOptions) {
    const { config, context, publish, slots, signal } = options;
    this.labels = { ...config.labels, __meta_openclaw_url: context.install().address.url };
    this.#options = options;
    this.#ping = new GatewayPing(context);
    this.#token = new TokenVerdict(context, publish);
    this.#looks = new SharedLooks({
      clock: context.clock,
      slots: () => (this.#failing ? slots.failing : slots.healthy),
      mostMs: MOST_MS,
      atOnce: LOOKS_AT_ONCE,
      signal,
      look: (ms) => this.#look(ms),
    });
  }

  async probe(patience: Patience): Promise<ProbeOutcome> {
    const shared = await this.#looks.get(patience);
    if (shared.state !== 'seen') return { state: 'busy', reason: NO_VERDICT[shared.state] };
    const look = shared.verdict;
    if (look.kind === 'blind') return { state: 'blind', reason: look.reason };
    const note = await this.#checkedBy(patience.deadlineMs, look.checked);
    this.#token.publish();
    return {
      state: 'seen',
      success: look.answers.health.state === 'live',
      samples: [...look.samples, ...this.#token.samples()],
      evidence: [...look.evidence, ...this.#tokenWords(look.known, note)],
    };
  }

  async #look(ms: number): Promise<Look> {
    const { context, signal } = this.#options;
    const look = await this.#ping.look(signal, { totalMs: ms, connectMs: ms * 0.4, answerMs: ms * 0.6 });
    if (look.kind === 'blind') return look;
    const { health, ready } = look.answers;
    this.#failing = health.state !== 'live';
    const known = context.install();
    this.#takeUp(known.credential);
    this.#token.see(known, health.state, ready);
    const busy = health.state === 'live' ? busyWith(ready) : 'the gateway does not answer';
    const checked = this.#check(known, busy);
    // Every caller may have left before it ends.
    checked.catch(() => undefined);
    return { ...look, known, checked };
  }

  /** A credential that is new in its file is to be proved itself, whatever was said of the one before. */
  #takeUp(credential: Credential | undefined): void {
    const before = this.#credential;
    this.#credential = credential;
    if (before === undefined || credential?.secret.equals(before.secret)) return;
    const { context, publish } = this.#options;
    this.#token = new TokenVerdict(context, publish);
    this.#checking = undefined;
    // What the new one proves says nothing of attempts with the old one.
    context.gate.keepUncertain();
  }

  #check(known: KnownGateway, busy: string | undefined): Promise<string | undefined> {
    const { current } = this.#token;
    const ageMs = Math.abs(this.#options.context.clock.now() - (current?.atMs ?? 0));
    if (current?.match === true && ageMs < VERDICT_AGE_MS) return Promise.resolve(undefined);
    const ask = () => this.#token.ask(known, busy, () => this.#asking(known));
    if (busy !== undefined) return ask();
    if (this.#checking !== undefined) return this.#checking;
    const { slots, signal } = this.#options;
    const checking = slots.checks.use(signal, ask).finally(() => {
      if (this.#checking === checking) this.#checking = undefined;
    });
    this.#checking = checking;
    return checking;
  }

  #asking({ address }: KnownGateway) {
    const { context, signal } = this.#options;
    const { connectMs, answerMs } = deadlines(MIN_CHECK_MS);
    return { address, clock: context.clock, connectMs, answerMs, signal };
  }

  async #checkedBy(deadlineMs: number, checked: Promise<string | undefined>): Promise<string | undefined> {
    const { context, signal } = this.#options;
    let done = false;
    const noted = checked.then((note) => {
      done = true;
      return note;
    });
    // What is left when a check takes all the time: enough to say so.
    const ms = Math.max(0, (deadlineMs - context.clock.monotonic()) * 0.9);
    const note = await withDeadline({ clock: context.clock, ms, outer: signal }, (cut) =>
      unlessAborted(noted, cut),
    );
    return done ? note : 'the gateway has not said yet';
  }

  #tokenWords(known: KnownGateway, note: string | undefined): Evidence[] {
    const subject = authority(known.address);
    const places = { variants: 0, differing: [] };
    const { shown: verdict, obstacle } = this.#token;
    return tokenEvidence({ install: known, verdict, places, note, obstacle }, subject);
  }
}
