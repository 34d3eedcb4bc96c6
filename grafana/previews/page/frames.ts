import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  type DataFrame,
  type DataTransformerConfig,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  type Field,
  FieldConfigOptionsRegistry,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  FieldType,
  type GrafanaTheme2,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  toDataFrame,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import type { RecordedPanel, RecordedSeries, Recording } from '../source/recording.ts';

type Stretch = Pick<Recording, 'from' | 'to'>;
type Target = NonNullable<RecordedPanel['panel']['targets']>[number];

/**
 * What a curve looks like where its panel says nothing: Grafana's panel fills this in, its components do not.
 */
const CURVE = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  barAlignment: 0,
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  spanNulls: false,
  insertNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisBorderShow: false,
  axisCenteredZero: false,
  scaleDistribution: { type: 'linear' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  thresholdsStyle: { mode: 'off' },
};

standardTransformersRegistry.setInit(() =>
  [
    standardTransformers.mergeTransformer,
    standardTransformers.filterFieldsByNameTransformer,
    standardTransformers.organizeFieldsTransformer,
  ].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: async () => transformation,
    imageDark: '',
    imageLight: '',
    editor: () => null,
  })),
);

/**
 * The answers to a panel's queries as its visualization gets them: transformed, with
 * units, words, colours and links.
 */
export async function framesOf(
  { panel, answers }: RecordedPanel,
  theme: GrafanaTheme2,
  stretch: Stretch,
): Promise<DataFrame[]> {
  const several = (panel.targets ?? []).length > 1;
  const raw = (panel.targets ?? []).flatMap((target) => {
    const series = answers[target.refId] ?? [];
    if (target.format === 'table') return [tableFrame(target.refId, series, several)];
    return series.map((one) => seriesFrame(target, one, stretch));
  });
  const filled = raw.filter(({ length }) => length > 0);
  const transformations = (panel.transformations ?? []) as DataTransformerConfig[];
  const transformed = await firstValueFrom(transformDataFrame(transformations, filled));
  const fieldConfig = configOf(panel);
  const finished = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registryOf(fieldConfig),
  });
  // As Grafana's panels do: its components show a field by the name kept there.
  cacheFieldDisplayNames(finished);
  return finished;
}

export function configOf({ fieldConfig, type }: RecordedPanel['panel']): FieldConfigSource {
  const { defaults = {}, overrides = [] } = fieldConfig ?? {};
  const custom = {
    ...(type === 'timeseries' ? CURVE : {}),
    ...((defaults.custom as object | undefined) ?? {}),
  };
  return {
    defaults: { ...defaults, custom },
    overrides: overrides.map((one) => ({ ...one })),
  } as FieldConfigSource;
}

/**
 * A point for each second: Grafana's panels draw what is missing, or no number, as a gap
 * before its component sees it.
 */
function seriesFrame(target: Target, { metric, points }: RecordedSeries, { from, to }: Stretch): DataFrame {
  const { refId, instant, legendFormat = '' } = target;
  const { __name__: _, ...labels } = metric;
  const name = legendFormat.replaceAll(
    /\{\{\s*(\w+)\s*\}\}/g,
    (_whole, label: string) => metric[label] ?? '',
  );
  const known = new Map(points.map(([time, value]) => [time, Number(value)]));
  const first = Math.floor(from);
  const times = instant
    ? [...known.keys()]
    : Array.from({ length: to - first + 1 }, (_none, index) => first + index);
  return toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: times.map((time) => time * 1000) },
      {
        name: 'Value',
        type: FieldType.number,
        values: times.map((time) => finite(known.get(time))),
        labels,
        config: name === '' ? {} : { displayNameFromDS: name },
      },
    ],
  });
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** A row for each series: its time, a column for each label, its value. */
function tableFrame(refId: string, series: readonly RecordedSeries[], several: boolean): DataFrame {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const last = series.map(({ points }) => points.at(-1) ?? ([0, 'NaN'] as const));
  return toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: last.map(([time]) => time * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: series.map(({ metric }) => metric[label] ?? ''),
      })),
      {
        name: several ? `Value #${refId}` : 'Value',
        type: FieldType.number,
        values: last.map(([, value]) => Number(value)),
      },
    ],
  });
}

const STANDARD: readonly (readonly [string, FieldConfigPropertyItem['process']])[] = [
  ['displayName', displayNameOverrideProcessor],
  ['unit', unitOverrideProcessor],
  ['min', numberOverrideProcessor],
  ['max', numberOverrideProcessor],
  ['decimals', numberOverrideProcessor],
  ['noValue', stringOverrideProcessor],
  ['color', identityOverrideProcessor],
  ['thresholds', thresholdsOverrideProcessor],
  ['mappings', valueMappingsOverrideProcessor],
  ['links', dataLinksOverrideProcessor],
] as never;

/**
 * The settings a field may have. Which of them a panel brings itself is registered by Grafana's
 * panels, so here from its JSON.
 */
function registryOf({ defaults, overrides }: FieldConfigSource): FieldConfigOptionsRegistry {
  const own = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...overrides.flatMap(({ properties }) =>
      properties.flatMap(({ id }) => (id.startsWith('custom.') ? [id.slice('custom.'.length)] : [])),
    ),
  ]);
  const item = (id: string, path: string, isCustom: boolean, process: FieldConfigPropertyItem['process']) =>
    ({
      id,
      path,
      name: id,
      isCustom,
      process,
      // As Grafana's panel has it: a curve's settings are not those of its time axis.
      shouldApply: (field: Field) => !isCustom || field.type !== FieldType.time,
      override: () => null,
      editor: () => null,
      settings: {},
    }) as unknown as FieldConfigPropertyItem;
  return new FieldConfigOptionsRegistry(() => [
    ...STANDARD.map(([id, process]) => item(id, id, false, process)),
    ...[...own].map((path) => item(`custom.${path}`, path, true, identityOverrideProcessor)),
  ]);
}
