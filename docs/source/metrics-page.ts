import { COLLECTOR_LIST } from '../../src/collectors/index.ts';
import { COLLECTOR_METRICS } from '../../src/core/collector-metrics.ts';
import { EXPORTER_METRICS } from '../../src/core/exporter-metrics.ts';
import { EventHistogram, type Metric } from '../../src/metrics/family.ts';
import { code, table } from './table.ts';

/**
 * Every metric that the exporter may expose, but for prom-client's own; each once, in
 * the order of the collectors.
 */
export function documentedMetrics(): readonly Metric<string>[] {
  const ofCollectors = COLLECTOR_LIST.flatMap(({ metrics }) => metrics);
  return [...new Set([...ofCollectors, ...COLLECTOR_METRICS, ...EXPORTER_METRICS])];
}

/** Of a 0 or 1 that is a value as any other. */
const PLAIN = '–';

/** The page `docs/metrics.md`. */
export function metricsPage(): string {
  const rows = documentedMetrics().map(toRow);
  return `# Metrics

Made by \`npm run docs\` from the code that exposes them. A gauge that is absent was not seen: the exporter itself could not
look (\`openclaw_exporter_collector_up\` is then 0), or what the table says. Down is an answer, and a value of 0.
Statesets (a label that says so below) have exactly one series of 1; – stands where 0 or 1 is a
value as any other. Besides these, \`process_*\` and \`nodejs_*\` describe the exporter's own process.

${table(['metric', 'type', 'labels', 'meaning', 'absent', '0', '1'], rows.sort(byName))}
`;
}

function toRow(metric: Metric<string>): string[] {
  const { name, type, unit, labels, help, meaning } = metric;
  const buckets = metric instanceof EventHistogram ? ` Buckets: ${metric.buckets.join(' ')}.` : '';
  const { absent, zero = PLAIN, one = PLAIN } = meaning;
  const kind = unit === undefined ? type : `${type}, ${unit}`;
  return [code(name), kind, labels.map(code).join(', ') || PLAIN, `${help}${buckets}`, absent, zero, one];
}

function byName([a = '']: readonly string[], [b = '']: readonly string[]): number {
  const [first, second] = [a.replaceAll('`', ''), b.replaceAll('`', '')];
  return first < second ? -1 : Number(first > second);
}
