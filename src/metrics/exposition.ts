import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Sample } from './family.ts';

/** The text format 0.0.4, or OpenMetrics 1.0. */
export type Format = 'text' | 'openmetrics';

/**
 * The `Content-Type` of each format. Names need no escaping, which OpenMetrics readers of
 * Prometheus 3 want to be told.
 */
export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
};

/**
 * Sample lines are the same text in both formats; only the metadata differs. That is what lets a snapshot be
 * rendered once and served in either format. Labels stand in the family's order. Throws when they are not the
 * family's: one label set would then be two series, or one the reference does not know. Source: Prometheus
 * text format 0.0.4 and OpenMetrics 1.0.
 */
export function renderSample({ family, labels, value }: Sample): string {
  const { name, labels: names } = family;
  let text = '';
  for (const label of names) {
    const labelValue = labels[label];
    if (labelValue === undefined) throw otherLabels(family);
    text = appendLabel(text, label, labelValue);
  }
  if (Object.keys(labels).length !== names.length) throw otherLabels(family);
  return renderLine(name, text, value);
}

function otherLabels({ name, labels }: Sample['family']): Error {
  return new Error(`metric ${name} has the labels ${labels.join(', ')} and no others`);
}

/** The `# HELP` and `# TYPE` lines of one family. */
export function renderHeader(name: string, type: string, help: string, format: Format): string {
  const family = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
  return `# HELP ${family} ${escapeHelp(help, format)}\n# TYPE ${family} ${type}\n`;
}

/** The sample lines of a prom-client metric, as its `get` returns them; the same in both formats. */
export function renderPromClientSeries(metric: MetricObjectWithValues<MetricValue<string>>): string {
  return metric.values
    .map((entry) => {
      const name =
        'metricName' in entry && typeof entry.metricName === 'string' ? entry.metricName : metric.name;
      let text = '';
      for (const [label, value] of Object.entries(entry.labels)) {
        if (value !== undefined) text = appendLabel(text, label, String(value));
      }
      return renderLine(name, text, entry.value);
    })
    .join('');
}

function appendLabel(text: string, label: string, value: string): string {
  return `${text}${text === '' ? '' : ','}${label}="${escapeLabel(value)}"`;
}

function renderLine(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${renderValue(value)}\n` : `${name}{${labels}} ${renderValue(value)}\n`;
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
