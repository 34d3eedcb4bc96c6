import type { Collector } from './collectors/collector.ts';
import type { CollectorContext } from './collectors/context.ts';
import { createCollectors } from './collectors/index.ts';
import type { Flags } from './config/flags.ts';
import { type ConfigOutcome, defaultConfig, loadConfigFile } from './config/load.ts';
import type { FileConfig } from './config/schema.ts';
import { PROBE_MODULES } from './probe/probe.ts';
import { Probes } from './probe/probes.ts';
import { Metrics } from './registry/metrics.ts';
import { buildMetrics, probeMetrics, reloadMetrics } from './registry/own-metrics.ts';
import { StateFile } from './registry/state-file.ts';
import { stateMetrics } from './registry/state-metrics.ts';
import { systemClock } from './runtime/clock.ts';
import { messageOf } from './runtime/errors.ts';
import type { Logger } from './runtime/logger.ts';
import { oneAtATime } from './runtime/one-at-a-time.ts';
import { Scheduler } from './runtime/scheduler.ts';
import { runCommand } from './sources/command.ts';
import { openClawInstallReader } from './sources/openclaw-install.ts';
import { createApp, type ReloadOutcome } from './web/app.ts';
import { checkWebConfig, type ListenOutcome, serve } from './web/server.ts';
import { WebConfigFile } from './web/web-config.ts';

/** SIGTERM to exit in at most this long, children included. */
const STOP_GRACE_MS = 1_500;

/** A running exporter. */
export interface Exporter {
  reload(): Promise<ReloadOutcome>;
  stop(): Promise<void>;
}

export type StartOutcome =
  | { readonly state: 'running'; readonly exporter: Exporter; readonly url: string }
  | { readonly state: 'failed'; readonly reason: string };

/** Builds everything around one configuration and starts it; the one place where the parts meet. */
export async function startExporter(
  flags: Flags,
  config: FileConfig,
  logger: Logger,
  version: string,
): Promise<StartOutcome> {
  const metrics = new Metrics();
  buildMetrics(metrics, version);
  metrics.collectOwnProcess();
  const state = new StateFile(flags.storagePath, logger, stateMetrics(metrics));
  const scheduler = new Scheduler({ metrics, clock: systemClock, random: Math.random, logger });
  const board: CollectorContext['board'] = { process: undefined };
  const collectorsFor = (current: FileConfig) =>
    createCollectors({
      config: current,
      env: process.env,
      platform: process.platform,
      clock: systemClock,
      logger,
      metrics,
      state,
      storagePath: flags.storagePath,
      run: runCommand,
      board,
      install: openClawInstallReader({ env: process.env, gateway: current.gateway }),
    });
  const probesFor = (current: FileConfig) =>
    new Probes({
      config: current,
      env: process.env,
      clock: systemClock,
      storagePath: flags.storagePath,
      run: runCommand,
    });
  let probes = probesFor(config);
  let jobGraceMs = config.cron.grace;
  const partsFor = (current: FileConfig): Parts => ({
    collectors: collectorsFor(current),
    probes: probesFor(current),
    jobGraceMs: current.cron.grace,
  });
  const noteReload = reloadMetrics(metrics);
  noteReload(true, systemClock.now() / 1000);
  const reload = oneAtATime(async (): Promise<ReloadOutcome> => {
    const prepared = prepare(loadConfiguration(flags), partsFor);
    noteReload(prepared.state === 'reloaded', systemClock.now() / 1000);
    if (prepared.state === 'refused') {
      for (const problem of prepared.problems) logger.error('configuration not reloaded', { problem });
      return prepared;
    }
    probes.close();
    probes = prepared.parts.probes;
    jobGraceMs = prepared.parts.jobGraceMs;
    if (listening.state === 'listening') listening.server.refresh();
    await scheduler.replace(prepared.parts.collectors);
    logger.info('configuration reloaded');
    return { state: 'reloaded' };
  });
  const app = createApp({
    metrics,
    logger,
    version,
    now: () => systemClock.now(),
    states: () => scheduler.states(),
    layerSince: (layer) => scheduler.layerSince(layer),
    jobGraceMs: () => jobGraceMs,
    ready: () => scheduler.ready,
    reload: flags.enableLifecycle ? reload : undefined,
    probing: { clock: systemClock, probes: () => probes, count: probeMetrics(metrics, PROBE_MODULES) },
  });
  const listening: ListenOutcome = await serve({
    app,
    listen: flags.listen,
    configFile: flags.webConfigFile,
    allowUnauthenticatedRemote: flags.allowUnauthenticatedRemote,
    clock: systemClock,
    logger,
  });
  if (listening.state === 'failed') return listening;
  // Never fatal: what cannot be saved is not shown, and every other layer works. It is said now, not at the first loss.
  state.open();
  scheduler.start(collectorsFor(config));
  const stop = async () => {
    probes.close();
    await Promise.all([listening.server.close(), scheduler.stop(STOP_GRACE_MS)]);
    await state.close();
  };
  return { state: 'running', exporter: { reload, stop }, url: listening.url };
}

/** What runs for one configuration. */
interface Parts {
  readonly collectors: readonly Collector[];
  readonly probes: Probes;
  readonly jobGraceMs: number;
}

type Prepared =
  | { readonly state: 'reloaded'; readonly parts: Parts }
  | { readonly state: 'refused'; readonly problems: readonly string[] };

/** The parts of a configuration, all of them made before any that runs is ended. */
function prepare(loaded: ConfigOutcome, partsFor: (config: FileConfig) => Parts): Prepared {
  if (loaded.state === 'invalid') {
    return { state: 'refused', problems: loaded.problems.map(({ path, message }) => `${path}: ${message}`) };
  }
  try {
    return { state: 'reloaded', parts: partsFor(loaded.config) };
  } catch (error) {
    return { state: 'refused', problems: [messageOf(error)] };
  }
}

/** The configuration file's content, or the defaults where none is named; invalid where the web configuration is. */
export function loadConfiguration(flags: Flags): ConfigOutcome {
  const loaded: ConfigOutcome =
    flags.configFile === undefined
      ? { state: 'valid', config: defaultConfig() }
      : loadConfigFile(flags.configFile);
  const file = new WebConfigFile(flags.webConfigFile);
  const web = checkWebConfig(file, flags.listen, flags.allowUnauthenticatedRemote);
  if (web.state === 'valid') return loaded;
  const problems = loaded.state === 'invalid' ? loaded.problems : [];
  return { state: 'invalid', problems: [...problems, ...web.problems] };
}
