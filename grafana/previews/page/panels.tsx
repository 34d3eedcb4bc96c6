import {
  type DataFrame,
  dateTime,
  type FieldDisplay,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type ReduceDataOptions,
  type TimeRange,
  VizOrientation,
} from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import {
  BigValue,
  type BigValueColorMode,
  type BigValueGraphMode,
  type BigValueJustifyMode,
  type BigValueTextMode,
  TimeSeries,
  useTheme2,
  VizRepeater,
} from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import type { RecordedPanel, Recording } from '../source/recording.ts';
import { configOf } from './frames.ts';

export interface ContentProps {
  readonly panel: RecordedPanel['panel'];
  readonly frames: DataFrame[];
  readonly stretch: Pick<Recording, 'from' | 'to'>;
  readonly width: number;
  readonly height: number;
}

/** What fills a panel: Grafana's published component for it, or a word that there is none. */
export function Content(props: ContentProps) {
  const { panel, frames } = props;
  if (panel.type === 'state-timeline' || panel.type === 'heatmap') return <NotPublished type={panel.type} />;
  if (panel.type === 'stat') return <StatContent {...props} />;
  if (frames.every(({ length }) => length === 0)) return <Middle>{noValue(panel)}</Middle>;
  if (panel.type === 'table') return <TableContent {...props} />;
  if (panel.type === 'timeseries') return <CurveContent {...props} />;
  throw new Error(`no component for a panel of type ${panel.type}`);
}

function noValue(panel: RecordedPanel['panel']): string {
  return configOf(panel).defaults.noValue ?? 'No data';
}

function Middle({ children }: { readonly children: React.ReactNode }) {
  const { colors } = useTheme2();
  return (
    <div className="middle" style={{ color: colors.text?.secondary }}>
      {children}
    </div>
  );
}

function NotPublished({ type }: { readonly type: string }) {
  const { colors } = useTheme2();
  return (
    <div
      className="middle placeholder"
      style={{ color: colors.text?.secondary, borderColor: colors.border?.medium }}
    >
      Grafana publishes no component for this panel ({type})
    </div>
  );
}

interface StatOptions {
  readonly colorMode: BigValueColorMode;
  readonly graphMode: BigValueGraphMode;
  readonly justifyMode: BigValueJustifyMode;
  readonly textMode: BigValueTextMode;
  readonly orientation: VizOrientation;
  readonly reduceOptions: ReduceDataOptions;
}

function StatContent({ panel, frames, width, height }: ContentProps) {
  const theme = useTheme2();
  const options = panel.options as unknown as StatOptions;
  const values = (): FieldDisplay[] =>
    getFieldDisplayValues({
      fieldConfig: configOf(panel),
      reduceOptions: options.reduceOptions,
      replaceVariables: (text) => text,
      theme,
      data: frames,
      sparkline: false,
      percentChange: false,
      timeZone: 'utc',
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, count, ...size }) => (
        <BigValue
          value={value.display}
          count={count}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          alignmentFactors={alignmentFactors}
          theme={theme}
          width={size.width}
          height={size.height}
        />
      )}
      width={width}
      height={height}
      source={frames}
      itemSpacing={3}
      renderCounter={0}
      autoGrid={true}
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}

interface TableOptions {
  readonly showHeader: boolean;
  readonly cellHeight: never;
  readonly sortBy?: { displayName: string; desc?: boolean }[];
}

function TableContent({ panel, frames, stretch, width, height }: ContentProps) {
  const [frame] = frames;
  const options = panel.options as unknown as TableOptions;
  if (frame === undefined) return null;
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={false}
      resizable={false}
      cellHeight={options.cellHeight}
      noValue={noValue(panel)}
      timeRange={rangeOf(stretch)}
      fieldConfig={configOf(panel)}
      enableVirtualization={false}
      structureRev={1}
      {...(options.sortBy === undefined ? {} : { sortBy: options.sortBy })}
    />
  );
}

function CurveContent({ panel, frames, stretch, width, height }: ContentProps) {
  const { legend } = panel.options as unknown as { legend: VizLegendOptions };
  return (
    <TimeSeries
      frames={frames}
      structureRev={1}
      width={width}
      height={height}
      timeRange={rangeOf(stretch)}
      timeZone="utc"
      legend={legend}
    />
  );
}

function rangeOf({ from, to }: Pick<Recording, 'from' | 'to'>): TimeRange {
  const [first, last] = [dateTime(from * 1000), dateTime(to * 1000)];
  return { from: first, to: last, raw: { from: first, to: last } };
}
