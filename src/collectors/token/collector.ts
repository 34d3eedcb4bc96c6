import { AUTH_METRICS } from '../../auth/gate.ts';
import { PLACE_FAMILIES, readPlaces } from '../../auth/places.ts';
import type { Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { type Deadlines, deadlines } from '../../gateway/deadlines.ts';
import { type Asking, askHealth, askReady } from '../../gateway/http.ts';
import { authority } from '../../lib/authority.ts';
import { homeFolder } from '../../lib/paths.ts';
import {
  type Credential,
  type CredentialKind,
  type CredentialPlace,
  credentialKind,
  findPlaceholders,
  isRefusedAt,
} from '../../openclaw/credentials.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import { processCredential } from '../../openclaw/process-credential.ts';
import { tokenEvidence } from './evidence.ts';
import { tokenFileEvidence } from './token-files.ts';
import { busyWith, MIN_CHECK_MS, type TokenFact, TokenVerdict, VERDICT_FAMILIES } from './verdict.ts';

/** Share of a look's time for each question before the handshake. */
const SHARES = { health: 0.3, ready: 0.1 } as const;

/** An install, and what the gateway's process holds. */
interface Held {
  readonly base: OpenClawInstall;
  readonly install: OpenClawInstall;
  readonly process: 'seen' | 'unknown';
  /** What the process holds. */
  readonly given: Credential | undefined;
}

/** Does the gateway accept the credential, and do all places agree on it? */
export const tokenCollector = defineCollector({
  name: 'token',
  layer: 'token',
  defaults: { intervalMs: 30_000, timeoutMs: 20_000 },
  minTimeoutMs: MIN_CHECK_MS,
  after: ['process'],
  publishes: ['opening', 'provedCredential'],
  metrics: [...VERDICT_FAMILIES, ...PLACE_FAMILIES, ...AUTH_METRICS],
  create(context, { timeoutMs }, publish) {
    const check = new TokenCheck(context, deadlines(timeoutMs), publish);
    return {
      targets: () => [
        { name: 'gateway', timeoutMs: check.deadlines.targetMs, collect: (signal) => check.look(signal) },
      ],
    };
  },
});

class TokenCheck {
  readonly deadlines: Deadlines;
  readonly #context: CollectorContext;
  readonly #token: TokenVerdict;
  #held: Held | undefined;

  constructor(context: CollectorContext, limits: Deadlines, publish: Publish<TokenFact>) {
    this.deadlines = limits;
    this.#context = context;
    this.#token = new TokenVerdict(context, publish);
  }

  async look(signal: AbortSignal): Promise<Observation> {
    const { clock } = this.#context;
    const { install } = await this.#look();
    const endMs = clock.monotonic() + this.deadlines.totalMs;
    const asking = (share: number): Asking => {
      const ms = (endMs - clock.monotonic()) * share;
      return { address: install.address, clock, connectMs: ms * 0.4, answerMs: ms * 0.6, signal };
    };
    const health = await askHealth(asking(SHARES.health));
    if (health.state === 'blind') return { kind: 'blind', reason: health.reason, evidence: [] };
    const ready = health.state === 'live' ? await askReady(asking(SHARES.ready)) : undefined;
    this.#token.see(install, health.state, ready, install.credentials);
    // No credential goes to a port that has not just answered as an OpenClaw gateway does.
    const busy = health.state === 'live' ? busyWith(ready) : 'the gateway does not answer';
    const note = await this.#token.ask(install, busy, () => asking(1));
    this.#token.publish();
    return this.#observation(install, note);
  }

  /** The install with the process's credential; the same object as long as nothing changed. */
  async #look(): Promise<Held> {
    const base = this.#context.install();
    const row = this.#context.platform === 'linux' ? this.#context.facts('process')?.row : undefined;
    const kind = credentialKind(base.authMode) ?? 'token';
    const found = base.address.local && row !== undefined ? await processCredential(row, kind) : undefined;
    const given = found?.state === 'found' ? { place: 'process' as const, secret: found.secret } : undefined;
    const hidden = found?.state === 'hidden' ? found.reason : undefined;
    const process = found === undefined || hidden !== undefined ? 'unknown' : 'seen';
    const before = this.#held;
    const known = before?.given;
    const same = given === undefined ? known === undefined : known?.secret.equals(given.secret) === true;
    if (before?.base === base && same && before.process === process) return before;
    const places = given === undefined ? base : this.#addPlace(base, given, kind);
    const problem = `the running gateway's environment cannot be read (${hidden})`;
    const problems = hidden === undefined ? base.problems : [...base.problems, problem];
    this.#held = { base, process, given, install: { ...base, ...places, problems } };
    return this.#held;
  }

  #addPlace(base: OpenClawInstall, given: Credential, kind: CredentialKind) {
    const version = this.#context.facts('provedCredential')?.greeting?.version ?? base.version;
    const found = findPlaceholders([given], kind, version);
    return {
      credentials: isRefusedAt(found, given.place) ? base.credentials : [...base.credentials, given],
      placeholders: [...(base.placeholders ?? []), ...found],
    };
  }

  #observation(install: OpenClawInstall, note: string | undefined): Observation {
    const verdict = this.#token.current;
    const proved = verdict?.credential ?? install.credential;
    const remote = [...(this.#context.facts('remoteTokens')?.values() ?? [])];
    const seen: CredentialPlace[] = [];
    if (install.service === true) seen.push('service');
    if (this.#held?.process === 'seen') seen.push('process');
    const places = readPlaces(install, proved?.secret, verdict?.match === true, remote, seen);
    const subject = authority(install.address);
    return {
      kind: 'seen',
      samples: [...this.#token.samples(), ...places.samples],
      evidence: [
        ...tokenEvidence(
          { install, verdict: this.#token.shown, places, note, obstacle: this.#token.obstacle },
          subject,
        ),
        ...tokenFileEvidence(this.#context.config.gateways, homeFolder(this.#context.env)),
      ],
    };
  }
}
