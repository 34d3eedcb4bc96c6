import { REMOTE_PLACE_FAMILIES, remoteSamples } from '../../auth/places.ts';
import type { SshHostConfig } from '../../config/schema.ts';
import type { CollectorRunner, Evidence, Observation } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { withDeadline } from '../../lib/deadline.ts';
import type { Secret } from '../../lib/secret.ts';
import { Slots } from '../../lib/slots.ts';
import type { CredentialKind } from '../../openclaw/credentials.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import { holds, type Nonce, newNonce, type TokenDigest } from '../../openclaw/token-digest.ts';
import { configFilePath, resolveRoute } from '../../ssh/config.ts';
import { sshEnvironment } from '../../ssh/ssh.ts';
import { askRemoteClient, type RemoteClient } from './client.ts';

const AT_ONCE = 4;
const MAX_ROUTE_MS = 3_000;
const MAX_ASK_MS = 15_000;
/** Logging in and starting Node.js are not worth trying with less. */
const LEAST_ASK_MS = 1_000;
/** A question that failed is asked again after this long, where the interval is longer. */
const RETRY_MS = 60_000;
/**
 * An answer counts until the one after the next should have come: a path that fails now and then is no drift.
 */
const ANSWER_LASTS = 2;

/**
 * Do the OpenClaw clients on other hosts hold the gateway's credential? Asked by keyed
 * digest; no credential travels.
 */
export const remoteCollector = defineCollector({
  name: 'remote',
  layer: 'token',
  defaults: { intervalMs: 30_000, timeoutMs: 25_000 },
  after: ['token', 'ssh'],
  publishes: ['remoteTokens'],
  metrics: REMOTE_PLACE_FAMILIES,
  create: (context, { timeoutMs }, publish) => createHosts(context, timeoutMs, publish),
});

function createHosts(
  context: CollectorContext,
  timeoutMs: number,
  publish: Publish<'remoteTokens'>,
): CollectorRunner {
  const slots = new Slots(AT_ONCE);
  const digests = new Map<string, TokenDigest>();
  const limits = {
    routeMs: Math.min(MAX_ROUTE_MS, timeoutMs * 0.2),
    askMs: Math.min(MAX_ASK_MS, timeoutMs * 0.6),
  };
  const hosts = context.config.ssh.hosts
    .filter(({ token }) => token)
    .map((host) => new RemoteHost(host, { context, slots, digests, timeoutMs, ...limits }));
  return {
    targets() {
      publish('remoteTokens', digests);
      // The same for all who are asked in this round, so that their answers can be compared with each other.
      const nonce = newNonce();
      return hosts.map((host) => ({
        name: host.name,
        timeoutMs: timeoutMs * 0.98,
        collect: (signal) => host.look(nonce, signal),
      }));
    },
  };
}

interface RemoteTools {
  readonly context: CollectorContext;
  readonly slots: Slots;
  /** What is known of every host, for the others to see. */
  readonly digests: Map<string, TokenDigest>;
  readonly timeoutMs: number;
  readonly routeMs: number;
  readonly askMs: number;
}

interface Answer {
  readonly client: RemoteClient;
  readonly kind: CredentialKind;
  /** Monotonic milliseconds. */
  readonly at: number;
}

class RemoteHost {
  readonly name: string;
  readonly #config: SshHostConfig;
  readonly #tools: RemoteTools;
  readonly #env: Readonly<Record<string, string>>;
  /** The last time anything was asked, whatever came of it. */
  #asked: { readonly at: number; readonly kind: CredentialKind; readonly answered: boolean } | undefined;
  /** The last answer of the host itself; undefined when none is young enough. */
  #answer: Answer | undefined;
  #trouble = 'it was not asked yet';

  constructor(config: SshHostConfig, tools: RemoteTools) {
    this.name = config.name;
    this.#config = config;
    this.#tools = tools;
    this.#env = sshEnvironment(tools.context.env);
  }

  async look(nonce: Nonce, signal: AbortSignal): Promise<Observation> {
    const install = this.#tools.context.install();
    if (install.authMode === 'none' || install.authMode === 'trusted-proxy') {
      return this.#unknown('the gateway compares no token');
    }
    const kind = install.authMode === 'password' ? 'password' : 'token';
    if (this.#isDue(kind)) await this.#askInTurn(nonce, kind, signal);
    this.#dropOld(kind);
    return this.#observation(install);
  }

  /**
   * A host that is not up is not asked: its login would fail, and too many of those get an address banned.
   */
  #isDue(kind: CredentialKind): boolean {
    const { facts, clock } = this.#tools.context;
    if (facts('sshCommands')?.has(this.name) === false) {
      if (this.#answer === undefined) this.#trouble = 'it is not up over SSH';
      return false;
    }
    const asked = this.#asked;
    if (asked?.kind !== kind) return true;
    const { command_interval: interval } = this.#config;
    return clock.monotonic() - asked.at >= (asked.answered ? interval : Math.min(interval, RETRY_MS));
  }

  async #askInTurn(nonce: Nonce, kind: CredentialKind, signal: AbortSignal): Promise<void> {
    const { slots, timeoutMs, routeMs, askMs, context } = this.#tools;
    const ms = timeoutMs * 0.9 - routeMs - Math.max(askMs, LEAST_ASK_MS);
    await withDeadline({ clock: context.clock, ms, outer: signal }, (giveUp) =>
      slots.use(giveUp, () => this.#ask(nonce, kind, signal)),
    );
    signal.throwIfAborted();
  }

  async #ask(nonce: Nonce, kind: CredentialKind, signal: AbortSignal): Promise<void> {
    const { routeMs, askMs, context } = this.#tools;
    const { clock, run, config } = context;
    const { target, port } = this.#config;
    const destination = { target, port, configFile: configFilePath(config, context.env) };
    this.#asked = { at: clock.monotonic(), kind, answered: false };
    const tools = { run, env: this.#env };
    const way = await withDeadline({ clock, ms: routeMs, outer: signal }, (cut) =>
      resolveRoute(destination, { ...tools, signal: cut }),
    );
    const client: RemoteClient =
      way.state === 'failed'
        ? way
        : await withDeadline({ clock, ms: askMs, outer: signal }, (cut) =>
            askRemoteClient(destination, way.route, {
              ...tools,
              signal: cut,
              deadlineMs: askMs,
              nonce,
              kind,
            }),
          );
    signal.throwIfAborted();
    this.#take({ client, kind, at: clock.monotonic() });
  }

  #take(answer: Answer): void {
    const { client } = answer;
    if (client.state === 'failed') this.#trouble = client.problem.text;
    else {
      this.#answer = answer;
      this.#asked = { at: answer.at, kind: answer.kind, answered: true };
    }
  }

  #dropOld(kind: CredentialKind): void {
    const answer = this.#answer;
    const age = this.#tools.context.clock.monotonic() - (answer?.at ?? 0);
    if (answer?.kind !== kind || age > this.#config.command_interval * ANSWER_LASTS + this.#tools.timeoutMs) {
      this.#answer = undefined;
    }
    const client = this.#answer?.client;
    if (client?.state === 'held') this.#tools.digests.set(this.name, client.held);
    else this.#tools.digests.delete(this.name);
  }

  #observation(install: OpenClawInstall): Observation {
    const client = this.#answer?.client;
    switch (client?.state) {
      case 'held':
        return this.#compared(client.held, this.#proved(install));
      case 'none':
        return this.#seen(remoteSamples(this.name, false, undefined), {
          verdict: 'unknown',
          text: 'the OpenClaw client there is configured with no credential of its own',
        });
      case 'unknown':
        return this.#unknown(client.reason);
      default:
        return this.#unknown(this.#trouble);
    }
  }

  #compared(held: TokenDigest, proved: Secret | undefined): Observation {
    const same = proved === undefined ? undefined : holds(held, proved);
    const samples = remoteSamples(this.name, true, same);
    if (same === undefined) {
      return this.#seen(samples, { verdict: 'unknown', text: 'there is no credential here to compare with' });
    }
    if (same)
      return this.#seen(samples, { verdict: 'ok', text: 'the client there holds the same credential' });
    return this.#seen(samples, {
      verdict: 'warning',
      text: 'the client there holds another credential than the gateway: it will be refused',
      repair: 'on the host: openclaw configure --section gateway',
    });
  }

  /** The credential that the token collector proves against the gateway, as far as it is known. */
  #proved({ credential }: OpenClawInstall): Secret | undefined {
    return (this.#tools.context.facts('provedCredential')?.accepted ?? credential)?.secret;
  }

  #unknown(text: string): Observation {
    return this.#seen([], { verdict: 'unknown', text });
  }

  #seen(
    samples: ReturnType<typeof remoteSamples>,
    words: Pick<Evidence, 'verdict' | 'text' | 'repair'>,
  ): Observation {
    return { kind: 'seen', samples, evidence: [{ layer: 'token', subject: this.name, ...words }] };
  }
}
