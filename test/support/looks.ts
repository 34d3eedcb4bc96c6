import { defaultConfig } from '../../src/config/load.ts';
import type { Collector, Observation } from '../../src/core/collector.ts';
import type { CollectorContext } from '../../src/core/context.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../../src/lib/run-command.ts';
import { Secret } from '../../src/lib/secret.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { OpenClawInstall } from '../../src/openclaw/install.ts';
import { StateFile } from '../../src/state/state-file.ts';
import { parseExposition, type Series } from './exposition.ts';
import { localAddress } from './hostile.ts';
import { recordingLogger } from './logger.ts';
import { tempFolder } from './temp-folder.ts';

/** What the exporter would find for a gateway on `port` with this token in openclaw.json. */
export function installOf(port: number, token: string | undefined): OpenClawInstall {
  const credential =
    token === undefined ? undefined : { place: 'config' as const, secret: new Secret(token) };
  return {
    address: localAddress(port),
    stateDir: '/nowhere',
    configPath: '/nowhere/openclaw.json',
    authMode: 'token',
    credential,
    credentials: credential === undefined ? [] : [credential],
    unresolved: [],
    problems: [],
  };
}

export interface TestContext extends CollectorContext {
  /** What `install()` gives from now on. */
  found: OpenClawInstall;
}

/** A collector's surroundings with a board, metrics and folder of their own. */
export function testContext(found: OpenClawInstall, changes: Partial<CollectorContext> = {}): TestContext {
  const logger = recordingLogger();
  const storagePath = changes.storagePath ?? tempFolder();
  const context: TestContext = {
    found,
    config: defaultConfig(),
    env: {},
    platform: process.platform,
    clock: systemClock,
    logger,
    metrics: new Metrics(),
    state: new StateFile(storagePath, logger),
    storagePath,
    run: runCommand,
    board: { process: undefined },
    install: () => context.found,
    ...changes,
  };
  return context;
}

export interface Look {
  readonly observation: Observation;
  readonly series: readonly Series[];
  /** All evidence as one text. */
  readonly words: string;
}

/** One look at every target of a collector, exposed as a scrape would see it. */
export async function lookOnce(context: CollectorContext, collector: Collector): Promise<Look> {
  const [target] = collector.targets();
  if (target === undefined) throw new Error('the collector has no target');
  context.metrics.declare(collector.families);
  const observation = await target.collect(new AbortController().signal);
  const key = { collector: collector.name, target: target.name };
  if (observation.kind === 'seen') context.metrics.put(key, observation.samples);
  else context.metrics.drop(key);
  return {
    observation,
    series: parseExposition(await context.metrics.expose('text')),
    words: observation.evidence.map(({ verdict, text }) => `${verdict}: ${text}`).join('\n'),
  };
}
