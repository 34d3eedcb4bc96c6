import type { GeneratedDashboard, GeneratedPanel } from '../../../test/support/dashboards.ts';

/** One series of an answer of Prometheus: several points of a range query, one of an instant query. */
export interface RecordedSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, and the value as Prometheus writes it. */
  readonly points: readonly (readonly [number, string])[];
}

/** A panel with variables filled in and the answers to its queries, by their letter. */
export interface RecordedPanel {
  readonly panel: GeneratedPanel;
  readonly answers: Readonly<Record<string, readonly RecordedSeries[]>>;
}

export interface RecordedDashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly RecordedPanel[];
}

/** What the page draws: every dashboard, and the stretch of Unix seconds it shows. */
export interface Recording {
  readonly from: number;
  readonly to: number;
  readonly dashboards: readonly RecordedDashboard[];
}

/** What holds when a recording is made: all is well, the gateway is gone, it is back with another token. */
export type Moment = 'well' | 'gone' | 'mismatch';

export type Recordings = Readonly<Record<Moment, Recording>>;

/** Names of the variables that rows and panels are repeated for, with their values. */
export type Repeats = Readonly<Record<string, readonly string[]>>;

/** A panel at its place with the values of the variables it is repeated for. */
export interface PlacedPanel {
  readonly panel: GeneratedPanel;
  readonly values: Readonly<Record<string, string>>;
}

/** A dashboard's panels with repeated rows and panels written out, one below the other, as Grafana does. */
export function repeated({ panels }: GeneratedDashboard, repeats: Repeats): PlacedPanel[] {
  const placed: PlacedPanel[] = [];
  let down = 0;
  for (const group of groups(panels)) {
    const [first] = group;
    const name = first?.repeat;
    const values = name === undefined ? [undefined] : (repeats[name] ?? []);
    const height = bottom(group) - (first?.gridPos.y ?? 0);
    for (const [index, value] of values.entries()) {
      const chosen: Record<string, string> =
        name === undefined || value === undefined ? {} : { [name]: value };
      const y = down + index * height;
      placed.push(...group.map((panel) => ({ panel: lowered(panel, y), values: chosen })));
    }
    down += (values.length - 1) * height;
  }
  return placed;
}

/** A repeated row with all that stands below it, or a panel alone. */
function groups(panels: readonly GeneratedPanel[]): GeneratedPanel[][] {
  const list: GeneratedPanel[][] = [];
  for (const panel of panels) {
    const last = list.at(-1);
    if (panel.type !== 'row' && last?.[0]?.type === 'row' && last[0].repeat !== undefined) last.push(panel);
    else list.push([panel]);
  }
  return list;
}

const bottom = (panels: readonly GeneratedPanel[]) =>
  Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));

function lowered(panel: GeneratedPanel, by: number): GeneratedPanel {
  return { ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + by } };
}
