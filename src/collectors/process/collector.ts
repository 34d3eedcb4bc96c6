import { stat } from 'node:fs/promises';
import type { Evidence, Observation, Target } from '../../core/collector.ts';
import { type CollectorContext, defineCollector } from '../../core/context.ts';
import type { Holder, Publish, ServiceRunSeen } from '../../core/facts.ts';
import { askHealth } from '../../gateway/http.ts';
import { authority } from '../../lib/authority.ts';
import { unlessLate } from '../../lib/deadline.ts';
import { followLinks } from '../../lib/paths.ts';
import { addressOfUrl, type GatewayAddress } from '../../openclaw/address.ts';
import { groupChildren } from '../../openclaw/children.ts';
import { type OpenClawInstall, tempFolders } from '../../openclaw/install.ts';
import { type LiveGateway, preferredSocket } from '../../openclaw/locate.ts';
import { gatewayLocks } from '../../openclaw/lock.ts';
import type { ServiceState } from '../../openclaw/service/manager.ts';
import { LinuxProcesses } from '../../os/linux.ts';
import { MacProcesses } from '../../os/macos.ts';
import type { ListeningAddress, Processes, ProcessRow } from '../../os/processes.ts';
import { childrenEvidence } from './children.ts';
import {
  elsewhereEvidence,
  findObstacle,
  type Obstacle,
  processEvidence,
  serviceEvidence,
  words,
} from './evidence.ts';
import { type Finding, type FoundGateway, findGateway, type Search, type Unclear } from './find.ts';
import { HolderJudge } from './holder.ts';
import { ListenerMemory, ListeningPort } from './listening.ts';
import {
  holderSamples,
  PROCESS_FAMILIES,
  processSamples,
  serviceSamples,
  unclearSamples,
} from './metrics.ts';
import { RestartCounter, type SeenProcess } from './restarts.ts';
import { SameGateway } from './same-gateway.ts';
import { ServiceRun } from './service.ts';

/** Share of the collector's time after which one look is cut. */
const SHARE_OF_TIMEOUT = 0.8;
/** For `/healthz` of this machine, each for the connection and for the answer. */
const CALL_MS = 1_500;
/** How long the service's evidence waits for what was found of the process. */
const OBSTACLE_MS = 5_000;

/** Is the gateway's process alive, what does it use, was it restarted, and does its service manager agree? */
export const processCollector = defineCollector({
  name: 'process',
  layer: 'process',
  defaults: { intervalMs: 15_000, timeoutMs: 10_000 },
  after: [],
  publishes: ['process', 'holder', 'stranger', 'serviceRun'],
  metrics: PROCESS_FAMILIES,
  create(context, { timeoutMs }, publish) {
    const watch = new ProcessWatch(context, publish);
    return { targets: () => watch.targets(timeoutMs * SHARE_OF_TIMEOUT) };
  },
});

type ProcessFact = 'process' | 'holder' | 'stranger' | 'serviceRun';

/** One run: what it looks for, and what its targets tell each other. */
interface Run {
  readonly install: OpenClawInstall;
  readonly service: ServiceRun;
  /** What keeps the port from the service, once the process was looked for. */
  readonly obstacle: PromiseWithResolvers<Obstacle | undefined>;
}

/** What was found of the gateway's process in one run. */
interface Found {
  readonly search: Search;
  readonly finding: Finding;
  readonly holder: Holder;
  readonly live: LiveGateway | undefined;
  readonly service: ServiceState | undefined;
}

class ProcessWatch {
  readonly #context: CollectorContext;
  readonly #processes: Processes | undefined;
  readonly #restarts: RestartCounter;
  readonly #publish: Publish<ProcessFact>;
  readonly #listening: ListeningPort | undefined;
  readonly #judge = new HolderJudge();
  readonly #same = new SameGateway();
  readonly #listeners = new ListenerMemory();

  constructor(context: CollectorContext, publish: Publish<ProcessFact>) {
    this.#context = context;
    this.#publish = publish;
    this.#processes = processesOf(context);
    this.#restarts = new RestartCounter(context.state, context.clock);
    this.#listening =
      this.#processes &&
      new ListeningPort(this.#processes, (address, signal) => this.#callHealth(address, signal));
  }

  targets(timeoutMs: number): Target[] {
    const install = this.#context.install();
    const processes = this.#processes;
    if (!install.address.local) {
      const text = 'the gateway is on another machine; its process cannot be seen from here';
      return [{ name: 'process', timeoutMs, collect: async () => this.#elsewhere(install, text) }];
    }
    if (processes === undefined) {
      const reason = `processes cannot be read on ${this.#context.platform}`;
      const evidence = [words(subjectOf(install), 'unknown', reason)];
      return [{ name: 'process', timeoutMs, collect: async () => ({ kind: 'blind', reason, evidence }) }];
    }
    const run: Run = {
      install,
      service: new ServiceRun(this.#context, install),
      obstacle: Promise.withResolvers(),
    };
    return [
      { name: 'process', timeoutMs, collect: (signal) => this.#collectProcess(processes, run, signal) },
      { name: 'service', timeoutMs, collect: (signal) => this.#collectService(run, signal) },
    ];
  }

  #elsewhere(install: OpenClawInstall, text: string): Observation {
    this.#withdraw();
    return { kind: 'seen', samples: [], evidence: [words(subjectOf(install), 'unknown', text)] };
  }

  #withdraw(): void {
    this.#publish('process', undefined);
    this.#publish('holder', undefined);
    this.#publish('stranger', undefined);
    this.#publish('serviceRun', undefined);
  }

  async #collectProcess(processes: Processes, run: Run, signal: AbortSignal): Promise<Observation> {
    try {
      const found = await this.#find(processes, run, signal);
      const unit = found.finding.gateway && (await processes.unitOf(found.finding.gateway.row.pid, signal));
      run.obstacle.resolve(findObstacle(found.finding, found, unit));
      return await this.#observe(processes, run.install, found, signal);
    } finally {
      run.obstacle.resolve(undefined);
    }
  }

  async #find(processes: Processes, run: Run, signal: AbortSignal): Promise<Found> {
    const { install } = run;
    const service = await run.service.soon(signal);
    const search = await this.#search(processes, install, service?.mainPid, signal);
    const finding = await findGateway(processes, search, signal);
    const alive = livingOf(finding);
    const live = alive && (await this.#listening?.find(alive, install.location.configured?.port, signal));
    const holder = await this.#judgeHolder(install, finding, signal);
    const isHere = await this.#isHere(install, alive, live, holder, signal);
    // A gateway of this machine that is not the one behind the forwarder is another one.
    const own = isHere ? { finding, live } : { finding: { ...finding, gateway: undefined }, live: undefined };
    return { search, holder, service, ...own };
  }

  async #judgeHolder(install: OpenClawInstall, finding: Finding, signal: AbortSignal): Promise<Holder> {
    const { address, location } = install;
    if (address.unknown !== undefined) return { kind: 'unknown', reason: address.unknown };
    return this.#judge.judge(finding, {
      address: authority(address),
      isDeclared: location.target.named !== 'local',
      isRemote: location.by === 'remote',
      call: () => this.#callHealth(address, signal),
    });
  }

  /**
   * Whether the gateway that answers is the one whose process was found, where something stands in between.
   */
  async #isHere(
    { address }: OpenClawInstall,
    alive: FoundGateway | undefined,
    live: LiveGateway | undefined,
    holder: Holder,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (holder.kind !== 'forwarder' || alive === undefined) return true;
    const socket = preferredSocket(live?.listens ?? []);
    if (socket === undefined) return false;
    const key = [alive.row.pid, alive.row.start, address.url].join(' ');
    return this.#same.isSame(key, this.#asking(signal), address, this.#addressAt(socket));
  }

  #callHealth(address: ListeningAddress, signal: AbortSignal) {
    return askHealth({ ...this.#asking(signal), address: this.#addressAt(address) });
  }

  #asking(signal: AbortSignal) {
    return { clock: this.#context.clock, connectMs: CALL_MS, answerMs: CALL_MS, signal };
  }

  /** Another address of the same gateway, which speaks TLS there too if it does. */
  #addressAt(address: ListeningAddress): GatewayAddress {
    const own = this.#context.install().address;
    const url = new URL(`${own.tls ? 'wss' : 'ws'}://${authority(address)}`);
    return { ...own, ...addressOfUrl(url), local: true, unknown: undefined };
  }

  async #observe(
    processes: Processes,
    install: OpenClawInstall,
    found: Found,
    signal: AbortSignal,
  ): Promise<Observation> {
    const { search, finding, holder, live } = found;
    const { address, location } = install;
    const [subject, port] = [subjectOf(install), address.port];
    const alive = livingOf(finding);
    const elsewhere =
      alive === undefined ? elsewhereEvidence({ holder, location, subject, port }) : undefined;
    const unclear = unclearOf(finding, address.unknown);
    if (elsewhere === undefined && unclear !== undefined)
      return this.#unclear(unclear, holder, search, subject);
    const figures = alive && (await processes.figures(alive.row, signal));
    const children = alive && groupChildren(await processes.descendants(alive.row.pid, signal));
    signal.throwIfAborted();
    const seen = alive && seenAs(alive, holder, search.bootId);
    const restarts = await this.#restarts.observe(nameOf(search), seen);
    signal.throwIfAborted();
    const total = restarts.state === 'known' ? restarts.total : undefined;
    this.#publish('holder', holder);
    this.#publish('stranger', search.lastSeen === undefined ? finding.stranger : undefined);
    await this.#publishProcess(processes, alive, live, search, signal);
    if (elsewhere !== undefined) {
      const samples = [...unclearSamples(total), ...holderSamples(holder)];
      return { kind: 'seen', samples, evidence: [elsewhere] };
    }
    const known = { figures, total, holder, live, location, children };
    return {
      kind: 'seen',
      samples: processSamples(finding, known),
      evidence: [
        ...processEvidence(finding, { ...this.#circumstances(install, found), restarts, figures }),
        ...childrenEvidence(subject, children),
      ],
    };
  }

  #circumstances(install: OpenClawInstall, found: Found) {
    const { clock, config } = this.#context;
    const { location, servicePort, address } = install;
    const { live, holder, service } = found;
    const isListening = holder.kind === 'gateway' || (live?.listens.length ?? 0) > 0;
    return {
      ...{ location, servicePort, live, holder, service },
      restartedAtMs: this.#restarts.restartedAtMs(nameOf(found.search)),
      subject: subjectOf(install),
      port: address.port,
      nowMs: clock.now(),
      startupWindowMs: config.gateway.startup_window,
      hasListened: this.#listeners.see(found.finding.gateway, isListening),
    };
  }

  /**
   * Only a lack of rights is an error: where everything was seen and does not tell, that is the observation.
   */
  async #unclear(
    { kind, reason }: Unclear,
    holder: Holder,
    search: Search,
    subject: string,
  ): Promise<Observation> {
    this.#publish('process', undefined);
    this.#publish('holder', holder);
    this.#publish('stranger', undefined);
    const text = `no gateway process can be seen, which proves nothing: ${reason}`;
    const evidence = [words(subject, 'unknown', text)];
    if (kind === 'closed') return { kind: 'blind', reason: text, evidence };
    const restarts = await this.#restarts.observe(nameOf(search), undefined);
    const total = restarts.state === 'known' ? restarts.total : undefined;
    return { kind: 'seen', samples: unclearSamples(total), evidence };
  }

  async #search(
    processes: Processes,
    { stateDir, configPath, address }: OpenClawInstall,
    servicePid: number | undefined,
    signal: AbortSignal,
  ): Promise<Search> {
    const { env, clock } = this.#context;
    const stateDirs = [stateDir, await followLinks(stateDir)];
    const ownUid = process.getuid?.() ?? 0;
    // A folder that is not there yet would be made by the exporter's own user, unless that
    // sees to other users' gateways.
    const ownerUid = await stat(stateDir).then(
      ({ uid }) => uid,
      () => (ownUid === 0 ? undefined : ownUid),
    );
    return {
      address: address.unknown === undefined ? address : { host: address.host, port: 0 },
      stateDirs,
      ownerUid,
      ownUid,
      ownPid: process.pid,
      nowMs: clock.now(),
      bootId: await processes.bootId(signal),
      locks: gatewayLocks({ stateDir, configPath, tempDirs: tempFolders(env) }),
      lastSeen: this.#restarts.last(nameOf({ stateDirs })),
      servicePid,
    };
  }

  /**
   * The identity also changes when the gateway restarts inside its process; a lock out of sight
   * for a moment changes nothing.
   */
  async #publishProcess(
    processes: Processes,
    alive: FoundGateway | undefined,
    live: LiveGateway | undefined,
    search: Search,
    signal: AbortSignal,
  ): Promise<void> {
    if (alive === undefined) return this.#publish('process', undefined);
    const { clock } = this.#context;
    const lockAgeMs = alive.lock === undefined ? Infinity : clock.now() - alive.lock.createdAtMs;
    const ageMs = Math.min(await processes.ageMs(alive.row, signal), lockAgeMs);
    const generation = this.#restarts.last(nameOf(search))?.generation ?? alive.lock?.generation ?? '';
    this.#publish('process', {
      identity: [search.bootId, alive.row.pid, alive.row.start, generation].join(':'),
      startedMonotonicMs: clock.monotonic() - ageMs,
      startedAtMs: clock.now() - ageMs,
      row: alive.row,
      isStopped: alive.row.state === 'stopped',
      live,
    });
  }

  async #collectService({ install, service, obstacle }: Run, signal: AbortSignal): Promise<Observation> {
    const outcome = await service.ask(signal);
    this.#publish('serviceRun', outcome.state === 'found' ? toServiceRun(outcome.service) : undefined);
    if (outcome.state === 'found') {
      const held = outcome.service.active
        ? undefined
        : await unlessLate(obstacle.promise, OBSTACLE_MS, this.#context.clock);
      const samples = serviceSamples(outcome.service);
      return {
        kind: 'seen',
        samples,
        evidence: serviceEvidence(outcome.service, install.address.port, held),
      };
    }
    if (!install.serviceIsOthers && outcome.state !== 'no_service') {
      const evidence: Evidence = {
        ...words('service', 'unknown', 'there is no service manager'),
        unconfigured: true,
      };
      return { kind: 'seen', samples: [], evidence: [evidence] };
    }
    const text = install.serviceIsOthers
      ? 'the service of that name starts the gateway of another state folder'
      : 'no service is installed for the gateway; it does not start again by itself';
    return { kind: 'seen', samples: [], evidence: [words('service', 'unknown', text)] };
  }
}

function toServiceRun({ invocation, result }: ServiceState): ServiceRunSeen | undefined {
  return invocation === undefined || result === undefined ? undefined : { invocation, result };
}

/** Which gateway the restarts are counted of: the state folder, its symbolic links followed. */
function nameOf({ stateDirs }: Pick<Search, 'stateDirs'>): string {
  return stateDirs.at(-1) ?? '';
}

function livingOf({ gateway }: Finding): FoundGateway | undefined {
  return gateway?.row.state === 'zombie' ? undefined : gateway;
}

/** Where the address is unknown, not to have found a process by it proves nothing. */
function unclearOf({ gateway, unclear }: Finding, unknown: string | undefined): Unclear | undefined {
  if (unclear !== undefined || gateway !== undefined || unknown === undefined) return unclear;
  return { kind: 'closed', reason: unknown };
}

/**
 * A gateway takes and leaves locks while it starts; only that of a gateway that listens
 * tells one start from another.
 */
function seenAs({ row, lock }: FoundGateway, holder: Holder, boot: string): SeenProcess {
  const { pid, start }: ProcessRow = row;
  const started = holder.kind === 'gateway' && lock !== undefined;
  return { boot, pid, start, ...(started ? { generation: lock.generation } : {}) };
}

function processesOf({ platform, clock, run }: CollectorContext): Processes | undefined {
  if (platform === 'linux') return new LinuxProcesses(clock);
  return platform === 'darwin' ? new MacProcesses(run, process.getuid?.() ?? 0) : undefined;
}

function subjectOf({ address }: OpenClawInstall): string {
  return `gateway ${authority(address)}`;
}
