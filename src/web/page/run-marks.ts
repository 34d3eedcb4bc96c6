import type { RunMark } from '../../diagnosis/trends.ts';
import { Html, html } from './html.ts';

/** Each mark has a shape of its own; all in a box of 8 by 16. */
const SHAPES = {
  ok: 'v-5h5v5z',
  bad: 'v-14h6v14zm2-3h2v-8h-2z',
  missed: 'v-14h6v14zm1-1h4v-12h-4z',
  other: 'v-2h6v2z',
} as const;
type Shape = keyof typeof SHAPES;

const SHAPE_BY_MARK: Readonly<Record<string, Shape>> = {
  ok: 'ok',
  error: 'bad',
  interrupted: 'bad',
  missed: 'missed',
};
const STEP = 8;
const BASE = 15;

/** The last runs of a job as marks, oldest first; nothing where none was seen. */
export function runMarks(marks: readonly RunMark[] | undefined): Html | undefined {
  if (marks === undefined || marks.length === 0) return undefined;
  const shapes = marks.map((mark) => SHAPE_BY_MARK[mark] ?? 'other');
  const paths = Object.keys(SHAPES).flatMap((shape) => {
    const starts = shapes.flatMap((one, index) => (one === shape ? [index * STEP + 1] : []));
    if (starts.length === 0) return [];
    const d = starts.map((x) => `M${x} ${BASE}${SHAPES[shape as Shape]}`).join('');
    return [html`<path class="run-${shape}" d="${new Html(d)}"/>`];
  });
  const width = marks.length * STEP;
  return html`<svg class="runs" viewBox="0 0 ${width} 16" width="${width}" height="16" role="img"
 aria-label="${describe(marks)}">${paths}</svg>`;
}

/** Runs of the same end in a row as one: "3 ok, 2 error". */
function describe(marks: readonly RunMark[]): string {
  const groups: { mark: RunMark; count: number }[] = [];
  for (const mark of marks) {
    const last = groups.at(-1);
    if (last?.mark === mark) last.count += 1;
    else groups.push({ mark, count: 1 });
  }
  return `oldest first: ${groups.map(({ mark, count }) => `${count} ${mark}`).join(', ')}`;
}
