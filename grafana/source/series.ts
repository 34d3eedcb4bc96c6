import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard';
import type { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { NEUTRAL, SERIES, STATE, type State } from './colours.ts';

/** What tells curves apart besides their colours. */
const STYLES = {
  dashed: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } }],
  dotted: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [2, 4] } }],
  thin: [{ id: 'custom.lineWidth', value: 1 }],
} satisfies Record<string, DynamicConfigValue[]>;

/** How one series differs from the others. */
export interface SeriesLook {
  /** Its name, as the legend shows it; or how the names of several end. */
  readonly name: string | { readonly ending: string };
  /** The state it stands for. */
  readonly state?: State;
  readonly style?: keyof typeof STYLES;
  /** The area down to the series of that name is filled. */
  readonly fillTo?: string;
  readonly hideLine?: boolean;
}

/**
 * Colours series that stand for no state: those of fixed names one by one; those named by a label, which are not known
 * here, by their first letter, and in shades where several begin alike. `names` are the legends of its queries.
 */
export function colourSeries(panel: TimeSeries, names: readonly string[]): void {
  if (names.every((name) => !name.includes('{{'))) {
    if (names.length === 1) return;
    for (const [index, name] of names.entries()) {
      panel.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor: hue(index) } }]);
    }
    return;
  }
  for (const [index, letters] of LETTERS.entries()) {
    const color = { mode: 'shades', fixedColor: hue(index) };
    panel.overrideByRegexp(`/^[${letters}]/i`, [{ id: 'color', value: color }]);
  }
}

/** First letters that share a colour: neighbours in the alphabet never do. */
const LETTERS = SERIES.map((_, index) =>
  [...'abcdefghijklmnopqrstuvwxyz'].filter((_letter, place) => place % SERIES.length === index).join(''),
);

function hue(index: number): string {
  return SERIES[index % SERIES.length] ?? NEUTRAL.strong;
}

/** Gives one series what sets it apart; what is set later wins. */
export function tellApart(panel: TimeSeries, series: SeriesLook): void {
  const properties = seriesProperties(series);
  if (typeof series.name === 'string') panel.overrideByName(series.name, properties);
  else panel.overrideByRegexp(`/ ${series.name.ending}$/`, properties);
}

function seriesProperties({ state, style, fillTo, hideLine }: SeriesLook): DynamicConfigValue[] {
  const list: DynamicConfigValue[] = [];
  if (state !== undefined) list.push({ id: 'color', value: { mode: 'fixed', fixedColor: STATE[state] } });
  if (style !== undefined) list.push(...STYLES[style]);
  if (fillTo !== undefined) {
    list.push({ id: 'custom.fillBelowTo', value: fillTo }, { id: 'custom.fillOpacity', value: 20 });
  }
  if (hideLine === true) {
    list.push({ id: 'custom.lineWidth', value: 0 }, { id: 'custom.showPoints', value: 'never' });
  }
  return list;
}
