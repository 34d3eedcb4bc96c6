/** One series of an exposition: its name with labels, as written, and its value. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/s;
const LABEL = /(?<key>[a-zA-Z_]\w*)="(?<value>(?:[^"\\]|\\.)*)"(?:,|$)/gsy;
const ESCAPES: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** Reads the sample lines of either format. Throws on a line that is neither a comment nor a sample. */
export function parseExposition(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseLine);
}

/** Series that appear more than once, as written. */
export function duplicateSeries(text: string): string[] {
  const names = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
  return names.filter((name, index) => names.indexOf(name) !== index);
}

/**
 * The value of the one series with that name and at least these labels; undefined where
 * there is none. Throws on several.
 */
export function sampleOf(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = matching(series, name, labels);
  if (found.length > 1) throw new Error(`${found.length} series match ${name} ${JSON.stringify(labels)}`);
  return found[0]?.value;
}

/** All series with that name and at least these labels. */
export function matching(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Series[] {
  return series.filter(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  );
}

/** The sum of all series with that name and at least these labels. */
export function totalOf(
  series: readonly Series[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return matching(series, name, labels).reduce((sum, { value }) => sum + value, 0);
}

/** Of a stateset, the value of `label` whose series is 1. Throws unless exactly one is. */
export function stateOf(
  series: readonly Series[],
  name: string,
  label: string,
  labels: Readonly<Record<string, string>> = {},
): string | undefined {
  const all = matching(series, name, labels);
  if (all.length === 0) return undefined;
  const on = all.filter(({ value }) => value === 1);
  if (on.length !== 1) throw new Error(`${name} has ${on.length} states that are 1`);
  return on[0]?.labels[label];
}

function parseLine(line: string): Series {
  const groups = LINE.exec(line)?.groups;
  if (groups === undefined) throw new Error(`not a sample: ${line}`);
  return {
    name: groups.name ?? '',
    labels: parseLabels(groups.labels ?? ''),
    value: parseValue(groups.value ?? ''),
  };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let read = 0;
  for (const match of text.matchAll(LABEL)) {
    const raw = match.groups?.value ?? '';
    labels[match.groups?.key ?? ''] = raw.replaceAll(/\\[n"\\]/g, (escaped) => ESCAPES[escaped] ?? escaped);
    read += match[0].length;
  }
  if (read !== text.length) throw new Error(`not labels: ${text}`);
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return text === 'NaN' ? Number.NaN : Number(text);
}
