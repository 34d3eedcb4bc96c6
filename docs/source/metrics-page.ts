import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createCollectors } from '../../src/collectors/index.ts';
import { defaultConfig } from '../../src/config/load.ts';
import { ExporterMetrics } from '../../src/core/exporter-metrics.ts';
import { buildMetrics, probeMetrics, reloadMetrics } from '../../src/core/own-metrics.ts';
import { stateMetrics } from '../../src/core/state-metrics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { runCommand } from '../../src/lib/run-command.ts';
import type { Family } from '../../src/metrics/family.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { openClawInstallReader } from '../../src/openclaw/install.ts';
import { PROBE_MODULES } from '../../src/probe/probe.ts';
import { StateFile } from '../../src/state/state-file.ts';
import { code, table } from './table.ts';

const instrumentSchema = z.object({
  name: z.string(),
  help: z.string(),
  type: z.enum(['counter', 'histogram', 'gauge', 'summary']),
  labelNames: z.array(z.string()),
  upperBounds: z.array(z.number()).optional(),
});

/** A counter or histogram that starts at 0 with the exporter. */
export type Instrument = z.output<typeof instrumentSchema>;

/** Every metric that the exporter may show, but for prom-client's own. */
export interface DocumentedMetrics {
  readonly families: readonly Family<string>[];
  readonly instruments: readonly Instrument[];
}

/** Builds all collectors without running any, and collects what they declare. */
export async function documentedMetrics(): Promise<DocumentedMetrics> {
  const metrics = new Metrics();
  const logger = createLogger({
    level: 'error',
    format: 'logfmt',
    clock: systemClock,
    write: () => undefined,
  });
  const config = defaultConfig();
  const env = { HOME: join(tmpdir(), 'no-such-home') };
  const storagePath = join(env.HOME, 'storage');
  const collectors = createCollectors({
    config,
    env,
    platform: process.platform,
    clock: systemClock,
    logger,
    metrics,
    state: new StateFile(storagePath, logger),
    storagePath,
    run: runCommand,
    board: { process: undefined },
    install: openClawInstallReader({ env, gateway: config.gateway }),
  });
  for (const { families } of collectors) metrics.declare(families);
  new ExporterMetrics(metrics);
  reloadMetrics(metrics);
  stateMetrics(metrics);
  buildMetrics(metrics, '');
  probeMetrics(metrics, PROBE_MODULES);
  await Promise.all(collectors.map((collector) => collector.close?.()));
  const instruments = z.array(instrumentSchema).parse(metrics.instruments.getMetricsAsArray());
  return { families: metrics.families(), instruments };
}

/** The page `docs/metrics.md`. */
export async function metricsPage(): Promise<string> {
  const { families, instruments } = await documentedMetrics();
  const rows = [...families.map(familyRow), ...instruments.map(instrumentRow)];
  return `# Metrics

Made by \`npm run docs\` from the code that exposes them. A gauge that is absent was not seen: the exporter itself could not
look (\`openclaw_exporter_collector_up\` is then 0), or what the table says. Down is an answer, and a value of 0.
Statesets (a label that says so below) have exactly one series of 1. Besides these, \`process_*\` and \`nodejs_*\` describe the exporter's own process.

${table(['metric', 'type', 'labels', 'meaning', 'absent', '0', '1'], rows.sort(byName))}
`;
}

function familyRow({ name, type, labels, help, meaning }: Family<string>): string[] {
  return [
    code(name),
    type,
    labels.map(code).join(', '),
    help,
    meaning.absent,
    meaning.zero ?? '',
    meaning.one ?? '',
  ];
}

function instrumentRow({ name, type, labelNames, help, upperBounds }: Instrument): string[] {
  const buckets = upperBounds === undefined ? '' : ` Buckets: ${upperBounds.join(' ')}.`;
  return [code(name), type, labelNames.map(code).join(', '), `${help}${buckets}`, '', '', ''];
}

function byName([a = '']: readonly string[], [b = '']: readonly string[]): number {
  const [first, second] = [a.replaceAll('`', ''), b.replaceAll('`', '')];
  return first < second ? -1 : Number(first > second);
}
