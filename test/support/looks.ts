import { AuthGate } from '../../src/auth/gate.ts';
import { defaultConfig } from '../../src/config/load.ts';
import type { CollectorSettings } from '../../src/config/schema.ts';
import type { Collector, Observation } from '../../src/core/collector.ts';
import { type CollectorContext, type CollectorDescriptor, createCollector } from '../../src/core/context.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../../src/lib/run-command.ts';
import { Secret } from '../../src/lib/secret.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { OpenClawInstall } from '../../src/openclaw/install.ts';
import { StateFile } from '../../src/state/state-file.ts';
import { parseExposition, type Series } from './exposition.ts';
import { TestFacts } from './facts.ts';
import { localAddress } from './hostile.ts';
import { recordingLogger } from './logger.ts';
import { tempFolder } from './temp-folder.ts';

/** What the exporter would find for a gateway on `port` with this token in openclaw.json. */
export function installOf(port: number, token: string | undefined): OpenClawInstall {
  const credential =
    token === undefined ? undefined : { place: 'config' as const, secret: new Secret(token) };
  const address = localAddress(port);
  return {
    address,
    stateDir: '/nowhere',
    configPath: '/nowhere/openclaw.json',
    profile: undefined,
    location: {
      target: { url: new URL(address.url), named: 'local' },
      by: 'default',
      configured: undefined,
      unknown: undefined,
    },
    serviceIsOthers: false,
    servicePort: undefined,
    authMode: 'token',
    credential,
    credentials: credential === undefined ? [] : [credential],
    unresolved: [],
    problems: [],
  };
}

export interface TestContext extends CollectorContext {
  readonly metrics: Metrics;
  readonly board: TestFacts;
  /** What `install()` gives from now on. */
  found: OpenClawInstall;
}

/** A collector's surroundings with a board, metrics and folder of their own. */
export function testContext(
  found: OpenClawInstall,
  changes: Partial<Omit<CollectorContext, 'metrics' | 'facts'>> = {},
): TestContext {
  const [metrics, board, clock] = [new Metrics(), new TestFacts(), changes.clock ?? systemClock];
  const logger = recordingLogger();
  const storagePath = changes.storagePath ?? tempFolder();
  const context: TestContext = {
    found,
    config: defaultConfig(),
    env: {},
    platform: process.platform,
    clock,
    logger,
    metrics,
    state: new StateFile(storagePath, logger),
    storagePath,
    run: runCommand,
    board,
    facts: board.read,
    gate: new AuthGate({ clock, metrics, storagePath }),
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

/** The collector of a descriptor in such surroundings, ready for its first run. */
export function startCollector(
  descriptor: CollectorDescriptor,
  context: TestContext,
  settings: CollectorSettings,
): Collector {
  const collector = createCollector(descriptor, context, context.board, settings);
  context.metrics.declare(collector.metrics);
  collector.start?.();
  return collector;
}

/** One look at a collector's target, exposed as a scrape would see it. */
export async function lookOnce(context: TestContext, collector: Collector): Promise<Look> {
  const [target] = collector.targets();
  if (target === undefined) throw new Error('the collector has no target');
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
