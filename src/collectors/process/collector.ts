import { realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Observation, Target } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Publish } from '../../core/facts.ts';
import { authority } from '../../lib/authority.ts';
import type { OpenClawInstall } from '../../openclaw/install.ts';
import { gatewayLocks } from '../../openclaw/lock.ts';
import { askServiceManager, type ServiceState } from '../../openclaw/service/manager.ts';
import { LinuxProcesses } from '../../os/linux.ts';
import { MacProcesses } from '../../os/macos.ts';
import type { Processes, ProcessRow } from '../../os/processes.ts';
import { processEvidence, serviceEvidence, words } from './evidence.ts';
import { type FoundGateway, findGateway, type Search, type Unclear } from './find.ts';
import { PROCESS_FAMILIES, processSamples, serviceSamples, unclearSamples } from './metrics.ts';
import { RestartCounter, type SeenProcess } from './restarts.ts';

/** Share of the collector's time after which one look is cut. */
const SHARE_OF_TIMEOUT = 0.8;

/** Is the gateway's process alive, what does it use, was it restarted, and does its service manager agree? */
export const processCollector = defineCollector({
  name: 'process',
  layer: 'process',
  defaults: { intervalMs: 15_000, timeoutMs: 10_000 },
  after: [],
  publishes: ['process'],
  metrics: PROCESS_FAMILIES,
  create(context, { timeoutMs }, publish) {
    const watch = new ProcessWatch(context, publish);
    return { targets: () => watch.targets(timeoutMs * SHARE_OF_TIMEOUT) };
  },
});

class ProcessWatch {
  readonly #context: CollectorContext;
  readonly #processes: Processes | undefined;
  readonly #restarts: RestartCounter;
  readonly #publish: Publish<'process'>;
  #service: ServiceState | undefined;

  constructor(context: CollectorContext, publish: Publish<'process'>) {
    this.#context = context;
    this.#publish = publish;
    this.#processes = processesOf(context);
    this.#restarts = new RestartCounter(context.state);
  }

  targets(timeoutMs: number): Target[] {
    const install = this.#context.install();
    const processes = this.#processes;
    if (!install.address.local) {
      const text = 'the gateway is on another machine; its process cannot be seen from here';
      return [{ name: 'process', timeoutMs, collect: async () => this.#elsewhere(install, text) }];
    }
    if (processes === undefined) {
      const reason = `processes cannot be looked at on ${this.#context.platform}`;
      const evidence = [words(subjectOf(install), 'unknown', reason)];
      return [{ name: 'process', timeoutMs, collect: async () => ({ kind: 'blind', reason, evidence }) }];
    }
    return [
      { name: 'process', timeoutMs, collect: (signal) => this.#lookAtProcess(processes, install, signal) },
      { name: 'service', timeoutMs, collect: (signal) => this.#lookAtService(signal) },
    ];
  }

  #elsewhere(install: OpenClawInstall, text: string): Observation {
    this.#publish('process', undefined);
    return { kind: 'seen', samples: [], evidence: [words(subjectOf(install), 'unknown', text)] };
  }

  async #lookAtProcess(
    processes: Processes,
    install: OpenClawInstall,
    signal: AbortSignal,
  ): Promise<Observation> {
    const { clock, config } = this.#context;
    const stateDirs = [install.stateDir, await realpath(install.stateDir).catch(() => install.stateDir)];
    const gatewayName = stateDirs.at(-1) ?? install.stateDir;
    const search = await this.#search(processes, install, stateDirs, gatewayName, signal);
    const finding = await findGateway(processes, search, signal);
    const subject = subjectOf(install);
    if (finding.unclear !== undefined) return this.#unclear(finding.unclear, gatewayName, subject);
    const alive = finding.gateway?.row.state === 'zombie' ? undefined : finding.gateway;
    const figures = alive && (await processes.figures(alive.row, signal));
    signal.throwIfAborted();
    const restarts = await this.#restarts.observe(gatewayName, alive && seenAs(alive, search.bootId));
    signal.throwIfAborted();
    this.#publishProcess(alive, search.bootId, gatewayName);
    const { port } = install.address;
    const evidence = processEvidence(finding, {
      subject,
      port,
      nowMs: clock.now(),
      startupWindowMs: config.gateway.startup_window,
      service: this.#service,
      restarts,
    });
    const total = restarts.state === 'known' ? restarts.total : undefined;
    return { kind: 'seen', samples: processSamples(finding, figures, total), evidence };
  }

  /** Only a lack of rights is blindness: where everything was seen and does not tell, that is what was seen. */
  async #unclear({ kind, reason }: Unclear, gatewayName: string, subject: string): Promise<Observation> {
    this.#publish('process', undefined);
    const text = `no gateway process is in sight, which proves nothing: ${reason}`;
    const evidence = [words(subject, 'unknown', text)];
    if (kind === 'closed') return { kind: 'blind', reason: text, evidence };
    const restarts = await this.#restarts.observe(gatewayName, undefined);
    const total = restarts.state === 'known' ? restarts.total : undefined;
    return { kind: 'seen', samples: unclearSamples(total), evidence };
  }

  async #search(
    processes: Processes,
    { stateDir, configPath, address }: OpenClawInstall,
    stateDirs: readonly string[],
    gatewayName: string,
    signal: AbortSignal,
  ): Promise<Search> {
    const { env, clock } = this.#context;
    const tempDirs = [env.TMPDIR || '/tmp', tmpdir(), '/tmp'];
    return {
      port: address.port,
      stateDirs,
      ownPid: process.pid,
      nowMs: clock.now(),
      bootId: await processes.bootId(signal),
      locks: await gatewayLocks({ stateDir, configPath, tempDirs }, signal),
      lastSeen: this.#restarts.last(gatewayName),
      servicePid: this.#service?.mainPid,
    };
  }

  /** The identity also changes when the gateway restarts inside its process; a lock out of sight for a moment changes nothing. */
  #publishProcess(alive: FoundGateway | undefined, bootId: string, gatewayName: string): void {
    const generation = this.#restarts.last(gatewayName)?.generation ?? alive?.lock?.generation ?? '';
    const known = alive && {
      identity: [bootId, alive.row.pid, alive.row.start, generation].join(':'),
      startedAtMs: Math.max(alive.row.startedAtMs, alive.lock?.createdAtMs ?? 0),
      row: alive.row,
    };
    this.#publish('process', known);
  }

  async #lookAtService(signal: AbortSignal): Promise<Observation> {
    const { env, platform, run } = this.#context;
    const outcome = await askServiceManager(platform, { env, run }, signal);
    this.#service = outcome.state === 'found' ? outcome.service : undefined;
    if (outcome.state === 'found') {
      const { service } = outcome;
      return { kind: 'seen', samples: serviceSamples(service), evidence: serviceEvidence(service) };
    }
    const text =
      outcome.state === 'no_service'
        ? 'no service is installed for the gateway; nothing starts it again when it ends'
        : 'there is no service manager to ask';
    return { kind: 'seen', samples: [], evidence: [words('service', 'unknown', text)] };
  }
}

/** A gateway takes and leaves locks while it starts; only that of a gateway that listens tells one start from another. */
function seenAs({ row, lock, by }: FoundGateway, boot: string): SeenProcess {
  const { pid, start }: ProcessRow = row;
  const started = by === 'listener' && lock !== undefined;
  return { boot, pid, start, ...(started ? { generation: lock.generation } : {}) };
}

function processesOf({ platform, clock, run }: CollectorContext): Processes | undefined {
  if (platform === 'linux') return new LinuxProcesses(clock);
  return platform === 'darwin' ? new MacProcesses(run, process.getuid?.() ?? 0) : undefined;
}

function subjectOf({ address }: OpenClawInstall): string {
  return `gateway ${authority(address)}`;
}
