import type { CollectorContext } from './collectors/context.ts';
import { createCollectors } from './collectors/index.ts';
import type { Flags } from './config/flags.ts';
import { type ConfigOutcome, defaultConfig, loadConfigFile } from './config/load.ts';
import type { FileConfig } from './config/schema.ts';
import { gauge } from './registry/family.ts';
import { Metrics } from './registry/metrics.ts';
import { StateFile } from './registry/state-file.ts';
import { systemClock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import { Scheduler } from './runtime/scheduler.ts';
import { runCommand } from './sources/command.ts';
import { openClawInstallReader } from './sources/openclaw-install.ts';
import { createApp, type ReloadOutcome } from './web/app.ts';
import { type ListenOutcome, listen, shut } from './web/server.ts';

/** SIGTERM to exit in at most this long, children included. */
const STOP_GRACE_MS = 1_500;

const buildInfo = gauge(
  'openclaw_exporter_build_info',
  'Version of this exporter and of the Node it runs on; always 1.',
  {
    labels: ['version', 'node_version'],
    meaning: { absent: 'never', one: 'always' },
  },
);
const reloadSuccessful = gauge(
  'openclaw_exporter_config_last_reload_successful',
  'Whether the last attempt to load the configuration succeeded; at 0 the configuration before it goes on.',
  { meaning: { absent: 'never', zero: 'the file has a mistake; see the log', one: 'the file is in force' } },
);

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
  const metrics = ownMetrics(version);
  const state = new StateFile(flags.storagePath, logger);
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
  const reload = async (): Promise<ReloadOutcome> => {
    const loaded = loadConfiguration(flags);
    metrics.put(RELOAD_KEY, [reloadSuccessful.sample(loaded.state === 'valid' ? 1 : 0, {})]);
    if (loaded.state === 'invalid') {
      const problems = loaded.problems.map(({ path, message }) => `${path}: ${message}`);
      for (const problem of problems) logger.error('configuration not reloaded', { problem });
      return { state: 'refused', problems };
    }
    await scheduler.replace(collectorsFor(loaded.config));
    logger.info('configuration reloaded');
    return { state: 'reloaded' };
  };
  const app = createApp({
    metrics,
    logger,
    version,
    now: () => systemClock.now(),
    states: () => scheduler.states(),
    ready: () => scheduler.ready,
    reload: flags.enableLifecycle ? reload : undefined,
  });
  const listening: ListenOutcome = await listen(app, flags.listen);
  if (listening.state === 'failed') return listening;
  scheduler.start(collectorsFor(config));
  const stop = async () => {
    await Promise.all([shut(listening.server), scheduler.stop(STOP_GRACE_MS)]);
    state.close();
  };
  const { host, port } = listening.address;
  return { state: 'running', exporter: { reload, stop }, url: `http://${host}:${port}` };
}

/** The configuration file's content, or the defaults where none is named. */
export function loadConfiguration(flags: Flags): ConfigOutcome {
  return flags.configFile === undefined
    ? { state: 'valid', config: defaultConfig() }
    : loadConfigFile(flags.configFile);
}

const RELOAD_KEY = { collector: 'exporter', target: 'reload' };

function ownMetrics(version: string): Metrics {
  const metrics = new Metrics();
  metrics.declare([buildInfo, reloadSuccessful]);
  metrics.collectOwnProcess();
  metrics.put({ collector: 'exporter', target: 'build' }, [
    buildInfo.sample(1, { version, node_version: process.version }),
  ]);
  metrics.put(RELOAD_KEY, [reloadSuccessful.sample(1, {})]);
  return metrics;
}
