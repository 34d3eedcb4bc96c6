import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  GraphDrawStyle,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellBackgroundDisplayMode,
  TableCellDisplayMode,
  TableCellHeight,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  PanelBuilder as Heatmap,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import {
  type Dataquery,
  DataqueryBuilder,
  PromQueryFormat,
} from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { NEUTRAL, NO_DATA } from './colours.ts';
import { missing, NO_STEPS } from './mappings.ts';
import { colourSeries, type SeriesLook, tellApart } from './series.ts';

/** The data source of every query: the one a reader of the dashboard has chosen. */
export const SOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

/** One query: PromQL, and how its series are called. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** What every panel says of itself. */
export interface About {
  readonly title: string;
  /** For whoever has never seen it: what it shows, what its values mean, what makes it empty. */
  readonly description: string;
  /** Of 24 columns; default 24. A phone shows every panel in full width. */
  readonly width?: number;
  /** Of 30 pixels; default 8. */
  readonly height?: number;
  readonly queries: readonly Query[];
  /** What an empty answer means where it does not mean that nobody looked. */
  readonly empty?: string;
}

const FULL = 24;

type Format = 'series' | 'now' | 'table' | 'heatmap';

const FORMATS: Readonly<Record<Format, (query: DataqueryBuilder) => DataqueryBuilder>> = {
  series: (query) => query.range(),
  now: (query) => query.instant(),
  table: (query) => query.instant().format(PromQueryFormat.Table),
  heatmap: (query) => query.range().format(PromQueryFormat.Heatmap),
};

function targets(queries: readonly Query[], format: Format): Builder<Dataquery>[] {
  return queries.map(({ expr, legend = '' }, index) => {
    const refId = String.fromCharCode('A'.charCodeAt(0) + index);
    return FORMATS[format](
      new DataqueryBuilder().refId(refId).datasource(SOURCE).expr(expr).legendFormat(legend),
    );
  });
}

interface Common<P> {
  title(text: string): P;
  description(text: string): P;
  datasource(source: typeof SOURCE): P;
  span(columns: number): P;
  height(rows: number): P;
  targets(list: Builder<Dataquery>[]): P;
  noValue(text: string): P;
}

function about<P extends Common<P>>(panel: P, format: Format, given: About): P {
  const { title, description, width = FULL, height = 8, queries, empty = NO_DATA } = given;
  return panel
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .span(width)
    .height(height)
    .targets(targets(queries, format))
    .noValue(empty);
}

const thresholds = (list: Threshold[]) =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(list);
const byThreshold = () => new FieldColorBuilder().mode(FieldColorModeId.Thresholds);
/** Values of a timeline take their colour from their word alone: thresholds would take the words away. */
const byWord = () => new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor(NEUTRAL.soft);
const shades = () => new FieldColorBuilder().mode(FieldColorModeId.Shades).fixedColor(NEUTRAL.strong);
const legend = (shown: boolean) =>
  new VizLegendOptionsBuilder()
    .showLegend(shown)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .calcs([]);
const tooltip = () =>
  new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending);

export interface StatLook {
  readonly unit?: string;
  readonly decimals?: number;
  readonly mappings?: ValueMapping[];
  /** States by value; without them the value is no state. */
  readonly states?: Threshold[];
  /** A text column to show in place of a value; the query is then a table. */
  readonly field?: string;
  readonly showNames?: boolean;
  /** Its words are no states. */
  readonly plain?: boolean;
}

/** One or a few present values in large type. The background is a state, or there is none. */
export function stat(given: About, look: StatLook = {}): Stat {
  const coloured = look.plain !== true && (look.mappings !== undefined || look.states !== undefined);
  const panel = about(new Stat(), look.field === undefined ? 'now' : 'table', given)
    .unit(look.unit ?? 'none')
    .thresholds(thresholds(look.states ?? NO_STEPS))
    .colorScheme(byThreshold())
    .mappings(mappingsOf(look))
    .colorMode(coloured ? BigValueColorMode.BackgroundSolid : BigValueColorMode.None)
    .graphMode(BigValueGraphMode.None)
    .justifyMode(BigValueJustifyMode.Center)
    .textMode(look.showNames === true ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .orientation(VizOrientation.Auto)
    .reduceOptions(reduced(look.field));
  return look.decimals === undefined ? panel : panel.decimals(look.decimals);
}

/** A word without a state has no background: grey would say that nobody looked. */
function mappingsOf({ mappings, states, plain }: StatLook): ValueMapping[] {
  if (mappings === undefined) return states === undefined ? [] : [missing()];
  if (plain === true) return mappings;
  return mappings.map((mapping) =>
    mapping.type === 'value'
      ? { ...mapping, options: mapValues(mapping.options, (word) => ({ color: 'transparent', ...word })) }
      : mapping,
  );
}

function mapValues<T>(options: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, change(value)]));
}

function reduced(field: string | undefined) {
  const options = new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(field !== undefined);
  return options.fields(field === undefined ? '' : `/^${field}$/`);
}

/** Which state held when, a row for each series. Gaps stay gaps: nobody looked then. */
export function timeline(given: About, mappings: ValueMapping[], perPage?: number): StateTimeline {
  const panel = about(new StateTimeline(), 'series', given)
    .unit('none')
    .mappings(mappings)
    .thresholds(thresholds(NO_STEPS))
    .colorScheme(byWord())
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.85)
    .lineWidth(0)
    .fillOpacity(85)
    .spanNulls(false)
    .legend(legend(false))
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Single).sort(SortOrder.None));
  return perPage === undefined ? panel : panel.perPage(perPage);
}

export interface LinesLook {
  readonly unit: string;
  readonly axis?: string;
  readonly series?: readonly SeriesLook[];
  readonly logarithmic?: boolean;
  readonly stacked?: boolean;
  /** For values that hold until the next one. */
  readonly stepped?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly centred?: boolean;
}

/** Values over time; red, amber and green only for a series that stands for a state. */
export function lines(given: About, look: LinesLook): TimeSeries {
  const panel = about(new TimeSeries(), 'series', given)
    .unit(look.unit)
    .thresholds(thresholds(NO_STEPS))
    .colorScheme(shades())
    .lineWidth(2)
    .fillOpacity(look.stacked === true ? 70 : 0)
    .drawStyle(look.stacked === true ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .lineInterpolation(look.stepped === true ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .showPoints(VisibilityMode.Auto)
    .spanNulls(false)
    .axisPlacement(AxisPlacement.Auto)
    .axisLabel(look.axis ?? '')
    .axisCenteredZero(look.centred ?? false)
    .stacking(
      new StackingConfigBuilder()
        .mode(look.stacked === true ? StackingMode.Normal : StackingMode.None)
        .group('A'),
    )
    .legend(legend(true))
    .tooltip(tooltip());
  if (look.logarithmic === true) {
    const base = look.unit === 'bytes' ? 2 : 10;
    panel.scaleDistribution(new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(base));
  }
  if (look.min !== undefined) panel.min(look.min);
  if (look.max !== undefined) panel.max(look.max);
  colourSeries(
    panel,
    given.queries.map(({ legend }) => legend ?? ''),
  );
  // Later overrides win: a state has its own colour.
  for (const series of look.series ?? []) tellApart(panel, series);
  return panel;
}

/** How often which duration occurred, the darker the more often. */
export function heatmap(given: About, unit: string): Heatmap {
  return about(new Heatmap(), 'heatmap', given)
    .unit('short')
    .colorScheme(shades())
    .exemplarsColor(NEUTRAL.strong)
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Opacity)
        .fill(NEUTRAL.strong)
        .exponent(0.5)
        .steps(64),
    )
    .yAxis(new YAxisConfigBuilder().unit(unit).axisPlacement(AxisPlacement.Left))
    .cellGap(1);
}

/** A column of a table: which of the joined fields it shows and how. */
export interface Column {
  /** A label, or `Value #A` for the value of the first query. */
  readonly field: string;
  readonly name: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly mappings?: ValueMapping[];
  readonly states?: Threshold[];
  readonly width?: number;
  readonly wrap?: boolean;
  /** Whether rows can be filtered by it. */
  readonly filterable?: boolean;
  /** What an empty cell means where it does not mean that nobody looked. */
  readonly empty?: string;
  readonly link?: { readonly title: string; readonly url: string };
}

export interface TableLook {
  readonly columns: readonly Column[];
  /** The column rows are sorted by, and whether the largest comes first. */
  readonly sort?: { readonly by: string; readonly largestFirst?: boolean };
  /** Names of the columns above them; default true. */
  readonly header?: boolean;
}

/**
 * Pixels below which no column shrinks: with Grafana's own 150 the last ones of a
 * half-wide table are out of sight.
 */
const LEAST_WIDTH = 90;
/** The same for text of several lines. */
const WRAPPED_WIDTH = 300;

/** Present values of several queries, a row for each set of labels they share. */
export function table(given: About, look: TableLook): Table {
  const { columns, sort } = look;
  const panel = about(new Table(), 'table', given)
    .unit('none')
    .thresholds(thresholds(NO_STEPS))
    .colorScheme(byThreshold())
    .cellHeight(TableCellHeight.Md)
    .filterable(false)
    .minWidth(LEAST_WIDTH)
    .showHeader(look.header ?? true)
    // Before they are merged: rows that differ in a name of a record would stay apart.
    .withTransformation({
      id: 'filterFieldsByName',
      options: { include: { names: columns.map(({ field }) => field) } },
    })
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(columns.map(({ field }, index) => [field, index])),
        renameByName: Object.fromEntries(columns.map(({ field, name }) => [field, name])),
      },
    });
  if (sort !== undefined) {
    panel.sortBy([{ build: () => ({ displayName: sort.by, desc: sort.largestFirst ?? false }) }]);
  }
  for (const column of columns) panel.overrideByName(column.name, columnProperties(column));
  return panel;
}

function columnProperties(column: Column): DynamicConfigValue[] {
  const { unit, decimals, width, link, filterable, empty } = column;
  const list: DynamicConfigValue[] = [];
  if (unit !== undefined) list.push({ id: 'unit', value: unit });
  if (decimals !== undefined) list.push({ id: 'decimals', value: decimals });
  if (empty !== undefined) list.push({ id: 'noValue', value: empty });
  list.push(...cellProperties(column));
  if (width !== undefined) list.push({ id: 'custom.width', value: width });
  if (filterable === true) list.push({ id: 'custom.filterable', value: true });
  if (link !== undefined) list.push({ id: 'links', value: [link] });
  return list;
}

/** Words and states of a column's cells. */
function cellProperties({ mappings, states, wrap }: Column): DynamicConfigValue[] {
  const list: DynamicConfigValue[] = [];
  if (mappings !== undefined) list.push({ id: 'mappings', value: mappings });
  else if (states !== undefined) list.push({ id: 'mappings', value: [missing()] });
  if (states !== undefined) {
    list.push({ id: 'thresholds', value: { mode: 'absolute', steps: states } });
    list.push({ id: 'color', value: { mode: 'thresholds' } });
  }
  if (states !== undefined || (mappings !== undefined && hasColour(mappings))) {
    list.push({
      id: 'custom.cellOptions',
      value: { type: TableCellDisplayMode.ColorBackground, mode: TableCellBackgroundDisplayMode.Basic },
    });
  } else if (wrap === true) {
    // The first for Grafana before 12.2, the second for those after.
    list.push({ id: 'custom.cellOptions', value: { type: TableCellDisplayMode.Auto, wrapText: true } });
    list.push({ id: 'custom.wrapText', value: true }, { id: 'custom.minWidth', value: WRAPPED_WIDTH });
  }
  return list;
}

/** Whether a word of these stands for a state; that of missing values does not count. */
function hasColour(mappings: readonly ValueMapping[]): boolean {
  return mappings.some(
    (mapping) =>
      mapping.type === 'value' && Object.values(mapping.options).some(({ color }) => color !== undefined),
  );
}
