import { stringify } from 'yaml';
import { AuthGate } from '../../src/auth/gate.ts';
import { COLLECTOR_DEFAULTS } from '../../src/collectors/index.ts';
import { sshCollector } from '../../src/collectors/ssh/collector.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Evidence } from '../../src/core/collector.ts';
import { createCollector } from '../../src/core/context.ts';
import { FactBoard } from '../../src/core/facts.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { RunCommand } from '../../src/lib/run-command.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { openClawInstall } from '../../src/openclaw/install.ts';
import { StateFile } from '../../src/state/state-file.ts';
import { parseExposition, sampleOf } from './exposition.ts';
import { recordingLogger } from './logger.ts';
import { tempFolder } from './temp-folder.ts';

export interface SshSetup {
  /** The `ssh` section of the configuration file. */
  readonly ssh: unknown;
  readonly clock: Clock;
  readonly run: RunCommand;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** The ssh collector under its real scheduler, one round at a time, seen through its exposition. */
export function sshRounds({ ssh, clock, run, env, timeoutMs = 25_000 }: SshSetup) {
  const outcome = parseConfig(stringify({ ssh }), COLLECTOR_DEFAULTS);
  if (outcome.state === 'invalid') throw new Error(JSON.stringify(outcome.problems));
  const { config } = outcome;
  const metrics = new Metrics();
  const logger = recordingLogger();
  const storagePath = tempFolder();
  const board = new FactBoard();
  const collector = createCollector(
    sshCollector,
    {
      config,
      env,
      platform: process.platform,
      clock,
      logger,
      metrics,
      state: new StateFile(storagePath, logger),
      storagePath,
      run,
      facts: board.read,
      gate: new AuthGate({ clock, metrics, storagePath }),
      install: () => openClawInstall({ env, gateway: config.gateway }),
    },
    board,
    { enabled: true, intervalMs: 30_000, timeoutMs },
  );
  metrics.declare(collector.metrics);
  collector.start?.();
  const evidence = new Map<string, readonly Evidence[]>();
  const expose = async () => parseExposition(await metrics.expose('text'));
  return {
    collector,
    board,
    /** One look at every host; rejects where one is blind. */
    async round(signal: AbortSignal = new AbortController().signal) {
      const looks = collector.targets().map(async (target) => {
        const observation = await target.collect(signal);
        if (observation.kind === 'blind') throw new Error(observation.reason);
        metrics.put({ collector: 'ssh', target: target.name }, observation.samples);
        evidence.set(target.name, observation.evidence);
      });
      await Promise.all(looks);
      return expose();
    },
    evidence: (host: string) => evidence.get(host)?.[0],
    expose,
    /** A host's phases as `resolve=1 connect=0 …`, in the order of the way. */
    async phases(host: string): Promise<string> {
      const series = await expose();
      return ['resolve', 'connect', 'banner', 'command']
        .map((phase) => [phase, sampleOf(series, 'openclaw_ssh_phase_up', { host, phase })])
        .filter(([, value]) => value !== undefined)
        .map((pair) => pair.join('='))
        .join(' ');
    },
    /** How often each result was counted, those never counted left out. */
    async results(host: string): Promise<Record<string, number>> {
      const series = await expose();
      return Object.fromEntries(
        series
          .filter(
            (one) => one.name === 'openclaw_ssh_probes_total' && one.labels.host === host && one.value > 0,
          )
          .map((one) => [one.labels.result ?? '', one.value]),
      );
    },
  };
}
