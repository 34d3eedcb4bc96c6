import { type Asking, askHealth, askReady } from '../sources/gateway-http.ts';
import type { OpenClawInstall } from '../sources/openclaw-install.ts';
import type { Collector, Observation } from './collector.ts';
import type { CollectorContext, CollectorFactory } from './context.ts';
import { type Deadlines, deadlines } from './probe-deadlines.ts';
import { tokenEvidence } from './token-evidence.ts';
import { PLACE_FAMILIES, readPlaces } from './token-places.ts';
import { busyWith, MIN_CHECK_MS, TokenVerdict, VERDICT_FAMILIES } from './token-verdict.ts';

/** Share of a look's time for each question before the handshake. */
const SHARES = { health: 0.3, ready: 0.1 } as const;

/** Does the gateway accept the credential, and do all places agree on it? */
export const tokenCollector: CollectorFactory = (context, settings): Collector => {
  const timeoutMs = Math.max(settings.timeoutMs, MIN_CHECK_MS);
  const check = new TokenCheck(context, deadlines(timeoutMs));
  return {
    name: 'token',
    intervalMs: settings.intervalMs,
    timeoutMs,
    families: [...VERDICT_FAMILIES, ...PLACE_FAMILIES],
    targets: () => [
      { name: 'gateway', timeoutMs: check.deadlines.targetMs, collect: (signal) => check.look(signal) },
    ],
    close: async () => check.forget(),
  };
};

class TokenCheck {
  readonly deadlines: Deadlines;
  readonly #context: CollectorContext;
  readonly #token: TokenVerdict;

  constructor(context: CollectorContext, limits: Deadlines) {
    this.deadlines = limits;
    this.#context = context;
    this.#token = new TokenVerdict(context);
  }

  /** What others may rely on goes with this collector. */
  forget(): void {
    this.#context.board.auth = undefined;
    this.#context.board.opening = undefined;
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { clock } = this.#context;
    const install = this.#context.install();
    const endMs = clock.monotonic() + this.deadlines.totalMs;
    const asking = (share: number): Asking => {
      const ms = (endMs - clock.monotonic()) * share;
      return { address: install.address, clock, connectMs: ms * 0.4, answerMs: ms * 0.6, signal };
    };
    const health = await askHealth(asking(SHARES.health));
    if (health.state === 'blind') return { kind: 'blind', reason: health.reason, evidence: [] };
    const ready = health.state === 'live' ? await askReady(asking(SHARES.ready)) : undefined;
    this.#token.see(install, health.state, ready);
    // No credential goes to a port that has not just answered as an OpenClaw gateway does.
    const busy = health.state === 'live' ? busyWith(ready) : 'the gateway does not answer';
    const note = await this.#token.ask(install, busy, () => asking(1));
    this.#token.publish();
    return this.#observation(install, note);
  }

  #observation(install: OpenClawInstall, note: string | undefined): Observation {
    const verdict = this.#token.current;
    const proved = verdict?.credential ?? install.credential;
    const remote = [...(this.#context.board.remoteTokens?.values() ?? [])];
    const places = readPlaces(install, proved?.secret, verdict?.match === true, remote);
    const subject = install.address.url.replace(/^wss?:\/\//, '');
    return {
      kind: 'seen',
      samples: [...this.#token.samples(), ...places.samples],
      evidence: tokenEvidence({ install, verdict, places, note }, subject),
    };
  }
}
