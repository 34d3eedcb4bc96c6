import type { Observation } from '../../core/collector.ts';
import { defineCollector, type GatewayContext } from '../../core/context.ts';
import type { GatewayAnswers, KnownProcess } from '../../core/facts.ts';
import { type Deadlines, deadlines } from '../../gateway/deadlines.ts';
import { type Asking, askHealth, askReadiness, askStartup } from '../../gateway/http.ts';
import { authority } from '../../lib/authority.ts';
import { PING_RESULTS } from '../../lib/vocabulary.ts';
import { eventCounter, histogram } from '../../metrics/family.ts';
import type { KnownGateway } from '../../openclaw/install.ts';
import { pingEvidence, unknownEvidence } from './evidence.ts';
import { type GatewayInfo, PING_FAMILIES, pingSamples } from './metrics.ts';
import { Openings } from './opening.ts';
import { type Answers, gatewayState, hasStarted, healthBehind, pingResult } from './state.ts';

const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const PHASES = ['connect', 'http', 'handshake'] as const;

const pings = eventCounter(
  'openclaw_gateway_pings_total',
  'Pings of the gateway by result: ok, timeout, refused, unreachable, foreign, other.',
  {
    labels: ['result'],
    initial: PING_RESULTS.map((result) => ({ result })),
    meaning: { absent: 'the ping collector is disabled', zero: 'no ping has ended like this' },
  },
);
const durations = histogram(
  'openclaw_gateway_ping_duration_seconds',
  'Duration of completed ping phases: connect (TCP), http (/healthz), handshake (WebSocket up to the challenge, no credential sent). Failures are in openclaw_gateway_pings_total.',
  {
    labels: ['phase'],
    buckets: BUCKETS,
    initial: PHASES.map((phase) => ({ phase })),
    meaning: { absent: 'the ping collector is disabled', zero: 'the phase was never completed' },
  },
);

/** Does the gateway answer, how fast, and what does it say of itself? No credential is ever sent. */
export const pingCollector = defineCollector({
  name: 'ping',
  layer: 'answers',
  defaults: { intervalMs: 15_000, timeoutMs: 5_000 },
  after: ['process'],
  publishes: ['answers'],
  metrics: [...PING_FAMILIES, pings, durations],
  create(context, { timeoutMs }, publish) {
    const ping = new GatewayPing(context);
    const limits = deadlines(timeoutMs);
    const collect = async (signal: AbortSignal) => {
      const look = await ping.look(signal, limits);
      publish('answers', look.kind === 'seen' ? toFact(look.answers, context.clock.monotonic()) : undefined);
      return look;
    };
    return { targets: () => [{ name: 'gateway', timeoutMs: limits.targetMs, collect }] };
  },
});

function toFact({ ready, startup }: Answers, atMs: number): GatewayAnswers {
  return { atMs, ready, version: startup?.version };
}

/** A look's observation, with what the gateway answered. */
export type PingLook =
  | (Extract<Observation, { kind: 'seen' }> & { readonly answers: Answers })
  | Extract<Observation, { kind: 'blind' }>;

/** One gateway's answers over time. */
export class GatewayPing {
  readonly #context: GatewayContext;
  readonly #openings: Openings;
  /** When the gateway was last seen up, in milliseconds of the monotonic clock, whatever process it was. */
  #upAtMs: number | undefined;
  /** The process that was seen up, so that its later silence is a hang and not a start. */
  #startedIdentity: string | undefined;
  #info: GatewayInfo | undefined;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#openings = new Openings(context.facts, context.clock);
  }

  /** Looks once; silence is a verdict within `limits`. Rejects only when `signal` fires. */
  async look(signal: AbortSignal, limits: Omit<Deadlines, 'targetMs'>): Promise<PingLook> {
    const { clock } = this.#context;
    const install = this.#context.install();
    const endMs = clock.monotonic() + limits.totalMs;
    const { connectMs, answerMs } = limits;
    const asking: Asking = { address: install.address, clock, connectMs, answerMs, endsAtMs: endMs, signal };
    const raw = await askHealth(asking);
    if (raw.state === 'blind') return this.#unasked(raw.reason, install);
    const holder = install.address.local ? this.#context.facts('holder') : undefined;
    const health = healthBehind(raw, holder);
    this.#count(health);
    const left = endMs - clock.monotonic();
    // Of a live gateway the other questions may take what they like, together with all
    // that comes before their answer.
    const rest = { ...asking, connectMs: left, answerMs: left };
    const details = health.state === 'live' && endMs > clock.monotonic();
    const [readiness, startup] = details
      ? await Promise.all([askReadiness(rest), askStartup(rest)])
      : [undefined, undefined];
    const isProxyRefused =
      readiness?.isForbidden ?? (health.state === 'foreign' && health.isProxyRefused === true);
    const listensAt = this.#listensElsewhere(install);
    const answers = this.#answers({
      health,
      ready: readiness?.ready,
      isProxyRefused,
      startup,
      holder,
      listensAt,
    });
    if (health.state !== 'live') this.#openings.forget();
    else if (endMs > clock.monotonic()) await this.#open(install, rest);
    return this.#observation(answers, install);
  }

  #observation(answers: Answers, { address }: KnownGateway): PingLook {
    const state = gatewayState(answers);
    // A gateway that hangs is still the version it was; one that is gone may come back as another.
    if (state !== 'hung') this.#info = this.#infoOf(answers);
    const pinged = { answers, state, opening: this.#openings.last, info: this.#info };
    const subject = authority(address);
    return {
      kind: 'seen',
      answers,
      samples: pingSamples(pinged),
      evidence: pingEvidence(pinged, subject, address.port),
    };
  }

  /** Where the exporter itself cannot ask, there is no verdict, and the reason is shown. */
  #unasked(reason: string, { address }: KnownGateway): PingLook {
    const isUnknown = address.unknown !== undefined;
    const evidence = isUnknown ? unknownEvidence(address.unknown, authority(address)) : [];
    return { kind: 'blind', reason, evidence };
  }

  #listensElsewhere({ address }: KnownGateway): string | undefined {
    const listens = address.local ? (this.#context.facts('process')?.live?.listens ?? []) : [];
    const [first] = listens;
    return first === undefined || listens.some(({ port }) => port === address.port)
      ? undefined
      : authority(first);
  }

  #answers(seen: Omit<Answers, 'newProcessAgeMs' | 'startupWindowMs'>): Answers {
    const { facts, clock, config } = this.#context;
    const process = facts('process');
    const answers = {
      ...seen,
      newProcessAgeMs: this.#canStart(process) ? clock.monotonic() - process.startedMonotonicMs : undefined,
      startupWindowMs: config.gateway.startup_window,
    };
    if (hasStarted(answers)) {
      this.#upAtMs = clock.monotonic();
      this.#startedIdentity = process?.identity;
    }
    return answers;
  }

  /**
   * Whether silence may be a start: the process runs, and was not the one that
   * was seen up, known then or not.
   */
  #canStart(process: KnownProcess | undefined): process is KnownProcess {
    if (process === undefined || process.isStopped === true) return false;
    if (process.identity === this.#startedIdentity) return false;
    return this.#upAtMs === undefined || process.startedMonotonicMs > this.#upAtMs;
  }

  #count(health: Answers['health']): void {
    const { metrics } = this.#context;
    metrics.increment(pings, { result: pingResult(health) });
    if ('connectSeconds' in health && health.connectSeconds !== undefined) {
      metrics.observe(durations, { phase: 'connect' }, health.connectSeconds);
    }
    if (health.state === 'live') metrics.observe(durations, { phase: 'http' }, health.httpSeconds);
  }

  async #open(install: KnownGateway, asking: Asking): Promise<void> {
    const fresh = await this.#openings.next(install.credential !== undefined, asking);
    if (fresh?.outcome.state === 'challenged') {
      this.#context.metrics.observe(durations, { phase: 'handshake' }, fresh.outcome.seconds);
    }
  }

  #infoOf({ health, startup }: Answers): GatewayInfo | undefined {
    if (health.state !== 'live') return undefined;
    const greeting = this.#context.facts('provedCredential')?.greeting;
    const version = startup?.version ?? greeting?.version;
    if (version === undefined) return undefined;
    return { version, protocol: greeting?.version === version ? greeting.protocol : undefined };
  }
}
