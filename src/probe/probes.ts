import { AuthGate } from '../auth/gate.ts';
import { configuredSshHosts } from '../collectors/ssh/collector.ts';
import { SSH_FAMILIES } from '../collectors/ssh/metrics.ts';
import type { CollectorContext } from '../core/context.ts';
import { FactBoard } from '../core/facts.ts';
import { messageOf } from '../lib/errors.ts';
import { homeFolder } from '../lib/paths.ts';
import { Slots } from '../lib/slots.ts';
import { PROBE_MODULES, type ProbeModuleName } from '../lib/vocabulary.ts';
import { NO_INSTRUMENTS } from '../metrics/instruments.ts';
import { configuredGatewayReader } from '../openclaw/configured-gateway.ts';
import { GATEWAY_PROBE_FAMILIES, GatewayTarget } from './gateway-target.ts';
import type { Patience, ProbeModule, ProbeOutcome, ProbeTarget } from './probe.ts';
import { SshTarget } from './ssh-target.ts';

/** Looks under way at once, over all targets. One that hangs costs a socket and nothing else. */
const LOOKS_AT_ONCE = 64;
const FAILING_LOOKS_AT_ONCE = 128;
const CHECKS_AT_ONCE = 32;

/** What the probes of a configuration need from outside. */
export type ProbesOptions = Pick<CollectorContext, 'config' | 'env' | 'clock' | 'storagePath' | 'run'>;

/** Everything of one configuration that can be probed. */
export class Probes {
  readonly modules: Readonly<Record<ProbeModuleName, ProbeModule>>;
  readonly #closing = new AbortController();
  readonly #discovery = new Map<ProbeModuleName, string>();

  /** Opens nothing and asks nothing until somebody probes. */
  constructor(options: ProbesOptions) {
    this.modules = {
      gateway: { families: GATEWAY_PROBE_FAMILIES, targets: this.#gateways(options) },
      ssh: { families: SSH_FAMILIES, targets: this.#sshHosts(options) },
    };
    for (const name of PROBE_MODULES) this.#discovery.set(name, discovery(name, this.modules[name]));
  }

  /** Probes a target; never rejects, and ends by the deadline. */
  async probe(target: ProbeTarget, patience: Patience): Promise<ProbeOutcome> {
    try {
      return await target.probe(patience);
    } catch (error) {
      const reason = this.#closing.signal.aborted ? 'the configuration was just replaced' : messageOf(error);
      return { state: 'blind', reason };
    }
  }

  /** The targets of a module in the form of Prometheus' `http_sd`. */
  discovery(name: ProbeModuleName): string {
    return this.#discovery.get(name) ?? '[]';
  }

  /** Cuts every look under way. */
  close(): void {
    this.#closing.abort(new Error('the probes stop'));
  }

  #gateways({ config, env, clock, storagePath }: ProbesOptions): Map<string, ProbeTarget> {
    // Counters belong to the exporter's own gateway: /probe exposes gauges only.
    const metrics = NO_INSTRUMENTS;
    const slots = {
      healthy: new Slots(LOOKS_AT_ONCE),
      failing: new Slots(FAILING_LOOKS_AT_ONCE),
      checks: new Slots(CHECKS_AT_ONCE),
    };
    const { signal } = this.#closing;
    return new Map(
      config.gateways.map((one) => {
        const board = new FactBoard();
        const { publish } = board.publisher();
        const context = {
          clock,
          metrics,
          facts: board.read,
          gate: new AuthGate({ clock, metrics, storagePath }),
          config: { gateway: one },
          install: configuredGatewayReader(one, homeFolder(env)),
        };
        return [one.name, new GatewayTarget({ config: one, context, publish, slots, signal })] as const;
      }),
    );
  }

  #sshHosts({ config, env, clock, run }: ProbesOptions): Map<string, ProbeTarget> {
    const slots = new Slots(LOOKS_AT_ONCE);
    const { signal } = this.#closing;
    const hosts = configuredSshHosts({ config, env, clock, run });
    return new Map(
      hosts.map((host) => [host.config.name, new SshTarget({ host, clock, slots, signal })] as const),
    );
  }
}

/** One group a target, as JSON. Source: Prometheus' documentation of HTTP service discovery. */
function discovery(module: ProbeModuleName, { targets }: ProbeModule): string {
  const groups = [...targets].map(([name, { labels }]) => ({
    targets: [name],
    labels: { ...labels, __meta_openclaw_module: module },
  }));
  return JSON.stringify(groups);
}
