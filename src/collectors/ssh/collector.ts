import type { CollectorRunner, Target } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import type { Clock } from '../../lib/clock.ts';
import { Slots } from '../../lib/slots.ts';
import { createNameLookup } from '../../ssh/banner.ts';
import { configFilePath } from '../../ssh/config.ts';
import { sshEnvironment } from '../../ssh/ssh.ts';
import { sshEvidence } from './evidence.ts';
import { type CommandRecord, SshHost, type SshLimits } from './host.ts';
import { SSH_METRICS, SshCounters, sshSamples } from './metrics.ts';

/** Looks the scheduler has under way at once; only used to share out time. */
const AT_ONCE = 32;
const LOGINS_AT_ONCE = 8;
const FAILING_AT_ONCE = 4;
const ROUTES_AT_ONCE = 4;
const MAX_PHASE_MS = 3_000;
const MAX_COMMAND_MS = 10_000;

/**
 * SSH hosts: TCP and banner in each round, a command through the system's ssh when
 * due or when something changed.
 */
export const sshCollector = defineCollector({
  name: 'ssh',
  layer: 'network',
  defaults: { intervalMs: 30_000, timeoutMs: 25_000 },
  after: [],
  publishes: ['sshCommands'],
  metrics: SSH_METRICS,
  create: (context, { timeoutMs }, publish) => new SshRounds(context, timeoutMs, publish),
});

class SshRounds implements CollectorRunner {
  readonly #timeoutMs: number;
  readonly #publish: Publish<'sshCommands'>;
  readonly #context: CollectorContext;
  readonly #hosts: readonly SshHost[];
  readonly #counters: SshCounters;
  /** The last command of every host that is up. */
  readonly #commands = new Map<string, CommandRecord>();
  #round = 0;

  constructor(context: CollectorContext, timeoutMs: number, publish: Publish<'sshCommands'>) {
    this.#context = context;
    this.#timeoutMs = timeoutMs;
    this.#publish = publish;
    this.#hosts = configuredSshHosts(context);
    const names = this.#hosts.map(({ config }) => config.name);
    this.#counters = new SshCounters(context.metrics, names);
  }

  start(): void {
    this.#counters.start();
  }

  targets(): Target[] {
    this.#round += 1;
    const { clock } = this.#context;
    this.#publish('sshCommands', this.#commands);
    const { limits, begin } = shareOut(clock, this.#timeoutMs, this.#hosts.length);
    // Those who came last in one round come first in the next: time that runs
    // short is short for each in turn.
    return rotated(this.#hosts, this.#round * AT_ONCE).map((host) => this.#targetOf(host, limits, begin));
  }

  #targetOf(host: SshHost, limits: SshLimits, begin: () => void): Target {
    const { name } = host.config;
    return {
      name,
      timeoutMs: this.#timeoutMs * 0.98,
      collect: async (signal) => {
        begin();
        const look = await host.look(signal, limits).catch((error: unknown) => {
          this.#commands.delete(name);
          throw error;
        });
        this.#counters.count(name, look);
        if (look.up && look.command !== undefined) this.#commands.set(name, look.command);
        else this.#commands.delete(name);
        return { kind: 'seen', samples: sshSamples(host, look), evidence: [sshEvidence(host, look)] };
      },
    };
  }
}

/** The configured hosts; all of them together log in only a few at a time. */
export function configuredSshHosts({
  config,
  clock,
  run,
  env,
}: Pick<CollectorContext, 'config' | 'clock' | 'run' | 'env'>): SshHost[] {
  const tools = {
    clock,
    run,
    env: sshEnvironment(env),
    lookup: createNameLookup(),
    slots: {
      healthy: new Slots(LOGINS_AT_ONCE),
      failing: new Slots(FAILING_AT_ONCE),
      routes: new Slots(ROUTES_AT_ONCE),
    },
  };
  const configFile = configFilePath(config, env);
  return config.ssh.hosts.map((one, index, all) => new SshHost(one, configFile, tools, index / all.length));
}

/** The parts of one look that has `ms` milliseconds. */
export function sshShares(ms: number): Pick<SshLimits, 'phaseMs' | 'commandMs'> {
  return { phaseMs: Math.min(MAX_PHASE_MS, ms * 0.12), commandMs: Math.min(MAX_COMMAND_MS, ms * 0.4) };
}

/**
 * Shares a round's time among its hosts, so that with any number of them swallowed each still gets a verdict:
 * phases shrink with the number of turns, and a command may use only what the turns to come do not need.
 */
function shareOut(clock: Clock, timeoutMs: number, hosts: number) {
  const endsAt = clock.monotonic() + timeoutMs * 0.94;
  const turns = Math.max(1, Math.ceil(hosts / AT_ONCE));
  const shares = sshShares(timeoutMs);
  const phaseMs = Math.min(shares.phaseMs, (timeoutMs * 0.8) / turns);
  let waiting = hosts;
  const limits: SshLimits = {
    phaseMs,
    commandMs: shares.commandMs,
    spareMs: () => endsAt - clock.monotonic() - Math.ceil(waiting / AT_ONCE) * phaseMs,
  };
  const begin = () => {
    waiting -= 1;
  };
  return { limits, begin };
}

function rotated<T>(all: readonly T[], by: number): T[] {
  const start = all.length > AT_ONCE ? by % all.length : 0;
  return [...all.slice(start), ...all.slice(0, start)];
}
