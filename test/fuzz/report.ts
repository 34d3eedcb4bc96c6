interface Used {
  readonly residentMiB: number;
  readonly heapMiB: number;
  readonly descriptors: number;
}

/** How one surface of a campaign went. */
export interface Result {
  readonly surface: string;
  readonly cases: number;
  readonly seed: number;
  readonly failures: number;
  /** The longest that the event loop did not turn, as the wall clock tells. */
  readonly maxDelayMs: number;
  /** The most processor time that this program used in such a time. */
  readonly maxWorkMs: number;
  readonly before: Used;
  readonly after: Used;
}

const HEAD = /\| --- .*\|\n/;

/** The page with these results in its table; those of the same surface and seed are replaced. */
export function record(page: string, results: readonly Result[]): string {
  const head = HEAD.exec(page);
  if (head === null) throw new Error('the page has no table');
  const begin = head.index + head[0].length;
  const rest = page.slice(begin);
  const known = rest.split('\n').filter((line) => line.startsWith('| '));
  const after = rest.slice(known.join('\n').length).replace(/^\n/, '');
  const rows = new Map([...known, ...results.map(rowOf)].map((row) => [keyOf(row), row]));
  return `${page.slice(0, begin)}${[...rows.values()].sort().join('\n')}\n${after}`;
}

function keyOf(row: string): string {
  const [, surface = '', seed = ''] = row.split('|');
  return `${surface.trim()} ${seed.trim()}`;
}

function rowOf({ surface, seed, cases, failures, maxDelayMs, maxWorkMs, before, after }: Result): string {
  const change = (of: (used: Used) => number) => `${of(before).toFixed(0)} → ${of(after).toFixed(0)}`;
  const cells = [
    surface,
    seed,
    cases,
    failures,
    maxWorkMs.toFixed(0),
    maxDelayMs.toFixed(0),
    change(({ heapMiB }) => heapMiB),
    change(({ residentMiB }) => residentMiB),
    change(({ descriptors }) => descriptors),
  ];
  return `| ${cells.join(' | ')} |`;
}
