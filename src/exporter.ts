import { AuthGate } from './auth/gate.ts';
import type { Flags } from './cli/flags.ts';
import { COLLECTOR_DEFAULTS, createCollectors } from './collectors/index.ts';
import { surroundings } from './collectors/surroundings.ts';
import { AutoReload } from './config/auto-reload.ts';
import { type ConfigOutcome, defaultConfig, formatProblem, loadConfigFile } from './config/load.ts';
import { type FileConfig, switchCollectors } from './config/schema.ts';
import type { Collector } from './core/collector.ts';
import { selectCollectors } from './core/collector-metrics.ts';
import { ExporterMetrics } from './core/exporter-metrics.ts';
import { FactBoard } from './core/facts.ts';
import { Scheduler } from './core/scheduler.ts';
import { readHistory } from './diagnosis/journal/history.ts';
import { JournalRecorder } from './diagnosis/journal/recorder.ts';
import { MachineReader } from './diagnosis/machine.ts';
import { decidePage } from './diagnosis/paging.ts';
import { TrendRecorder } from './diagnosis/trends.ts';
import { VerdictLog } from './diagnosis/verdict-log.ts';
import { Heartbeat, sendHeartbeat } from './heartbeat/heartbeat.ts';
import { authority } from './lib/authority.ts';
import { systemClock } from './lib/clock.ts';
import { unlessLate } from './lib/deadline.ts';
import { messageOf } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';
import { oneAtATime } from './lib/one-at-a-time.ts';
import { abbreviateHome, expandHome, homeFolder } from './lib/paths.ts';
import { runCommand } from './lib/run-command.ts';
import { Metrics } from './metrics/metrics.ts';
import type { OpenClawInstall } from './openclaw/install.ts';
import { Probes } from './probe/probes.ts';
import { DatabaseThread } from './state/database-thread.ts';
import { Journal } from './state/journal.ts';
import { StateFile } from './state/state-file.ts';
import { createApp, type ReloadOutcome } from './web/app.ts';
import type { SelectOutcome } from './web/metrics.ts';
import { checkWebConfig, type ListenOutcome, serve } from './web/server.ts';
import { readSystemdSockets } from './web/systemd-sockets.ts';
import { WebConfigFile } from './web/web-config.ts';

/** SIGTERM to exit in at most this long, children included. */
const STOP_GRACE_MS = 1_500;

/** A running exporter. */
export interface Exporter {
  /** Reads the configuration again; a bad one changes nothing. Never rejects. */
  reload(): Promise<ReloadOutcome>;
  /**
   * Ends everything that runs and releases the state for another exporter. False where a disk that hangs holds a
   * thread, which `process.exit` would wait for.
   */
  stop(): Promise<boolean>;
}

/**
 * Whether it runs, and under which URLs, one an address; `failed` is to be said to
 * the user, nothing runs then.
 */
export type StartOutcome =
  | { readonly state: 'running'; readonly exporter: Exporter; readonly urls: readonly string[] }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * The configuration file's content, or the defaults where none is named; invalid
 * where the web configuration is.
 */
export function loadConfiguration(flags: Flags): ConfigOutcome {
  const loaded = loadCollected(flags);
  const file = new WebConfigFile(flags.webConfigFile);
  const web = checkWebConfig(file, flags.listen, flags.allowUnauthenticatedRemote);
  if (web.state === 'valid') return loaded;
  const problems = loaded.state === 'invalid' ? loaded.problems : [];
  return { state: 'invalid', problems: [...problems, ...web.problems] };
}

function loadCollected({ configFile, collectorSwitches }: Flags): ConfigOutcome {
  const loaded: ConfigOutcome =
    configFile === undefined
      ? { state: 'valid', config: defaultConfig() }
      : loadConfigFile(configFile, COLLECTOR_DEFAULTS);
  if (loaded.state === 'invalid') return loaded;
  return { state: 'valid', config: switchCollectors(loaded.config, collectorSwitches) };
}

/** Builds everything around one configuration and starts it; the one place where the parts meet. */
export async function startExporter(
  flags: Flags,
  config: FileConfig,
  logger: Logger,
  version: string,
): Promise<StartOutcome> {
  const exporter = new RunningExporter(flags, config, logger, version);
  const listening = await exporter.listen(version);
  if (listening.state === 'failed') return listening;
  exporter.start();
  return { state: 'running', exporter, urls: listening.urls };
}

/** What runs for one configuration. */
interface Parts {
  readonly collectors: readonly Collector[];
  readonly probes: Probes;
  readonly jobGraceMs: number;
  readonly machine: MachineReader;
  readonly install: () => OpenClawInstall;
  readonly heartbeat: HeartbeatSettings | undefined;
}

/** Where the heartbeat goes, and how often. */
interface HeartbeatSettings {
  readonly urlFile: string;
  readonly intervalMs: number;
}

/** What stays through every reload, and the parts of the configuration that holds now. */
class RunningExporter implements Exporter {
  readonly #flags: Flags;
  readonly #logger: Logger;
  readonly #metrics = new Metrics();
  readonly #own: ExporterMetrics;
  readonly #gate: AuthGate;
  readonly #state: StateFile;
  readonly #scheduler: Scheduler;
  readonly #thread = new DatabaseThread();
  readonly #journal: Journal;
  readonly #recorder: JournalRecorder;
  readonly #board = new FactBoard();
  readonly #trends: TrendRecorder;
  readonly #verdicts: VerdictLog;
  readonly #closing = new AbortController();
  #parts: Parts;
  #heartbeat: Heartbeat | undefined;
  #autoReload: AutoReload | undefined;
  #server: Extract<ListenOutcome, { state: 'listening' }>['server'] | undefined;
  /** The first URL that it listens under; empty before it does. */
  #url = '';

  constructor(flags: Flags, config: FileConfig, logger: Logger, version: string) {
    const metrics = this.#metrics;
    this.#flags = flags;
    this.#logger = logger;
    this.#own = new ExporterMetrics(metrics, version);
    this.#gate = new AuthGate({ clock: systemClock, metrics, storagePath: flags.storagePath });
    this.#state = new StateFile(flags.storagePath, logger, this.#own.recordState);
    this.#scheduler = new Scheduler({ metrics, clock: systemClock, random: Math.random, logger });
    this.#journal = new Journal(flags.storagePath, this.#thread, logger);
    this.#recorder = this.#createRecorder(version);
    this.#trends = new TrendRecorder({ clock: systemClock, facts: this.#board.read, metrics });
    this.#verdicts = new VerdictLog({
      clock: systemClock,
      logger,
      states: () => this.#scheduler.states(),
      isReady: () => this.#scheduler.ready,
    });
    this.#parts = this.#partsFor(config);
  }

  async listen(version: string): Promise<ListenOutcome> {
    this.#metrics.collectOwnProcess();
    this.#own.start(this.#flags.externalUrl);
    this.#own.recordReload(true, systemClock.now() / 1000);
    const { listen, webConfigFile: configFile, allowUnauthenticatedRemote } = this.#flags;
    const sockets = this.#flags.systemdSocket ? readSystemdSockets(process.env, process.pid) : undefined;
    if (sockets?.state === 'failed') return sockets;
    const outcome = await serve({
      app: this.#app(version),
      listen,
      ...(sockets === undefined ? {} : { descriptors: sockets.descriptors }),
      configFile,
      allowUnauthenticatedRemote,
      clock: systemClock,
      logger: this.#logger,
    });
    if (outcome.state === 'listening') {
      this.#server = outcome.server;
      this.#url = outcome.urls[0] ?? '';
    }
    return outcome;
  }

  start(): void {
    // Never fatal: what cannot be saved is not shown, and every other layer works. It is
    // said now, not at the first loss.
    this.#state.open();
    this.#scheduler.start(this.#parts.collectors);
    this.#recorder.start();
    this.#trends.start();
    this.#verdicts.start();
    this.#logger.info('watching', describeInstall(this.#parts.install()));
    this.#beat(undefined, this.#parts.heartbeat);
    this.#autoReload = this.#createAutoReload();
    this.#autoReload?.start();
  }

  readonly reload = oneAtATime(async (): Promise<ReloadOutcome> => {
    const prepared = this.#prepare(loadConfiguration(this.#flags));
    this.#own.recordReload(prepared.state === 'reloaded', systemClock.now() / 1000);
    if (prepared.state === 'refused') {
      for (const problem of prepared.problems) this.#logger.error('configuration not reloaded', { problem });
      return prepared;
    }
    this.#parts.probes.close();
    const before = this.#parts.heartbeat;
    this.#parts = prepared.parts;
    this.#server?.refresh();
    await this.#scheduler.replace(prepared.parts.collectors);
    this.#beat(before, prepared.parts.heartbeat);
    this.#logger.info('configuration reloaded');
    return { state: 'reloaded' };
  });

  async stop(): Promise<boolean> {
    this.#closing.abort(new Error('the exporter stops'));
    this.#heartbeat?.stop();
    this.#trends.stop();
    this.#verdicts.stop();
    this.#autoReload?.stop();
    this.#parts.probes.close();
    // What the collectors know is recorded before they forget it.
    await unlessLate(this.#recorder.stop(), STOP_GRACE_MS, systemClock);
    await Promise.all([this.#server?.close(), this.#scheduler.stop(STOP_GRACE_MS)]);
    const [hasEnded] = await Promise.all([this.#thread.end(STOP_GRACE_MS), this.#state.close()]);
    return hasEnded;
  }

  /** The parts of a configuration, all of them made before any that runs is ended. */
  #prepare(loaded: ConfigOutcome): Prepared {
    if (loaded.state === 'invalid') {
      return {
        state: 'refused',
        problems: loaded.problems.map(formatProblem),
      };
    }
    try {
      return { state: 'reloaded', parts: this.#partsFor(loaded.config) };
    } catch (error) {
      return { state: 'refused', problems: [messageOf(error)] };
    }
  }

  #partsFor(config: FileConfig): Parts {
    const { storagePath } = this.#flags;
    const shared = { config, env: process.env, clock: systemClock, storagePath };
    const [logger, metrics, state, gate] = [this.#logger, this.#metrics, this.#state, this.#gate];
    const context = surroundings({ ...shared, logger, metrics, state, gate, facts: this.#board.read });
    return {
      collectors: createCollectors(context, this.#board),
      probes: new Probes({ ...shared, run: runCommand }),
      jobGraceMs: config.cron.grace,
      machine: new MachineReader({ ...context, metrics }),
      install: context.install,
      heartbeat: readHeartbeatSettings(config),
    };
  }

  #createRecorder(version: string): JournalRecorder {
    const scheduler = this.#scheduler;
    return new JournalRecorder({
      journal: this.#journal,
      clock: systemClock,
      version,
      isOwner: () => this.#state.open().state === 'saved',
      states: () => scheduler.states(),
      layerSince: (layer) => scheduler.layerSince(layer),
      isReady: () => scheduler.ready,
      facts: this.#board.read,
      metrics: this.#metrics,
    });
  }

  #createAutoReload(): AutoReload | undefined {
    const { autoReloadMs: intervalMs, configFile, webConfigFile } = this.#flags;
    if (intervalMs === undefined) return undefined;
    const files = [configFile, webConfigFile].filter((file) => file !== undefined);
    return new AutoReload({ files, intervalMs, clock: systemClock, reload: this.reload });
  }

  /** Starts the heartbeat that a configuration asks for, unless it is the one that runs. */
  #beat(before: HeartbeatSettings | undefined, settings: HeartbeatSettings | undefined): void {
    if (before?.urlFile === settings?.urlFile && before?.intervalMs === settings?.intervalMs) return;
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    if (settings === undefined) return;
    const scheduler = this.#scheduler;
    this.#heartbeat = new Heartbeat({
      ...settings,
      clock: systemClock,
      random: Math.random,
      logger: this.#logger,
      isReady: () => scheduler.ready,
      page: () =>
        decidePage({
          states: scheduler.states(),
          answersSinceMs: scheduler.layerSince('answers'),
          nowMs: systemClock.now(),
        }),
      send: sendHeartbeat,
    });
    this.#heartbeat.start();
  }

  #select(names: ReadonlySet<string>): SelectOutcome {
    const { collectors } = this.#parts;
    const selected = collectors.filter(({ name }) => names.has(name));
    if (selected.length === names.size) return { state: 'selected', selection: selectCollectors(selected) };
    return { state: 'unknown', running: collectors.map(({ name }) => name) };
  }

  #app(version: string) {
    const scheduler = this.#scheduler;
    return createApp({
      telemetryPath: this.#flags.telemetryPath,
      routePrefix: this.#flags.routePrefix,
      metrics: this.#metrics,
      logger: this.#logger,
      version,
      now: () => systemClock.now(),
      states: () => scheduler.states(),
      layerSince: (layer) => scheduler.layerSince(layer),
      jobGraceMs: () => this.#parts.jobGraceMs,
      ready: () => scheduler.ready,
      select: (names) => this.#select(names),
      machine: () => this.#parts.machine.read(this.#closing.signal),
      exporterUrl: () => `${this.#url}${this.#flags.routePrefix}`,
      history: (selection) => readHistory(this.#journal, selection),
      trends: () => this.#trends.read(),
      isAuthenticated: () => this.#server?.authenticates === true,
      reload: this.#flags.enableLifecycle ? this.reload : undefined,
      probing: {
        clock: systemClock,
        probes: () => this.#parts.probes,
        count: this.#own.countProbe,
      },
    });
  }
}

/** What is watched and where that is known from; the first line of a log says it. */
function describeInstall({ address, location, stateDir, credential }: OpenClawInstall) {
  return {
    gateway: authority(address),
    address_from: location.by,
    state_folder: abbreviateHome(stateDir, homeFolder(process.env)),
    token_from: credential?.place ?? 'none found',
  };
}

function readHeartbeatSettings(config: FileConfig): HeartbeatSettings | undefined {
  const { heartbeat_url_file: file, heartbeat_interval: intervalMs } = config;
  if (file === undefined) return undefined;
  return { urlFile: expandHome(file, homeFolder(process.env)), intervalMs };
}

type Prepared =
  | { readonly state: 'reloaded'; readonly parts: Parts }
  | { readonly state: 'refused'; readonly problems: readonly string[] };
