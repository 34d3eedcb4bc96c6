import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Sample } from './family.ts';

/** The text format 0.0.4, or OpenMetrics 1.0. */
export type Format = 'text' | 'openmetrics';

/** The `Content-Type` of each format. */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * Sample lines are the same text in both formats; only the metadata differs. That is what lets a snapshot
 * be rendered once and served in either format. Labels stand in the family's order. Throws when they are not the
 * family's: one label set would then be two series, or one the reference does not know.
 * Source: Prometheus text format 0.0.4 and OpenMetrics 1.0.
 */
export function renderSample({ family, labels, value }: Sample): string {
  const { name, labels: names } = family;
  let text = '';
  for (const label of names) {
    const labelValue = labels[label];
    if (labelValue === undefined) throw otherLabels(family);
    text += `${text === '' ? '' : ','}${label}="${escapeLabel(labelValue)}"`;
  }
  if (Object.keys(labels).length !== names.length) throw otherLabels(family);
  return text === '' ? `${name} ${renderValue(value)}\n` : `${name}{${text}} ${renderValue(value)}\n`;
}

function otherLabels({ name, labels }: Sample['family']): Error {
  return new Error(`metric ${name} has the labels ${labels.join(', ')} and no others`);
}

/** The `# HELP` and `# TYPE` lines of one family. */
export function renderHeader(name: string, type: string, help: string, format: Format): string {
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${family} ${escapeHelp(help, format)}\n# TYPE ${family} ${type}\n`;
}

/** A prom-client metric, as its `getMetricsAsJSON` gives it, in either format. */
export function renderPromClientMetric(
  metric: MetricObjectWithValues<MetricValue<string>>,
  format: Format,
): string {
  const lines = metric.values.map((entry) => {
    const name =
      'metricName' in entry && typeof entry.metricName === 'string' ? entry.metricName : metric.name;
    return renderLine(name, Object.entries(entry.labels), entry.value);
  });
  return renderHeader(metric.name, String(metric.type), metric.help, format) + lines.join('');
}

function renderLine(
  name: string,
  labels: readonly (readonly [string, string | number | undefined])[],
  value: number,
): string {
  let text = '';
  for (const [label, labelValue] of labels) {
    if (labelValue !== undefined)
      text += `${text === '' ? '' : ','}${label}="${escapeLabel(String(labelValue))}"`;
  }
  return text === '' ? `${name} ${renderValue(value)}\n` : `${name}{${text}} ${renderValue(value)}\n`;
}

function renderValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** What must not stand in a label as it is; halves of surrogate pairs are only suspects. */
const SUSPECT = /[\\\n"\uD800-\uDFFF]/;

function escapeLabel(value: string): string {
  if (!SUSPECT.test(value)) return value;
  return value.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(help: string, format: Format): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped;
}
