import { createTheme, type DataFrame, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome, PanelContextProvider, PanelContextRoot } from '@grafana/ui';
import { useContext } from 'react';
import { createRoot } from 'react-dom/client';
import type { RecordedDashboard, Recording } from '../source/recording.ts';
import { framesOf } from './frames.ts';
import { Content } from './panels.tsx';

const LABEL = 'Preview: Grafana’s components, not Grafana';
const COLUMNS = 24;
/** Grafana's grid: rows of 30 pixels and gaps of 8; one column on screens narrower than this many pixels. */
const ROW = 30;
const GAP = 8;
const ONE_COLUMN_BELOW = 768;

type Scheme = 'light' | 'dark';
type Ready = RecordedDashboard['panels'][number] & { readonly frames: DataFrame[] };

interface PageProps {
  readonly dashboard: RecordedDashboard;
  readonly panels: readonly Ready[];
  readonly stretch: Pick<Recording, 'from' | 'to'>;
  readonly scheme: Scheme;
  readonly width: number;
}

function Page({ dashboard, panels, stretch, scheme, width }: PageProps) {
  const theme = createTheme({ colors: { mode: scheme } });
  const placed = width < ONE_COLUMN_BELOW ? stacked(panels) : panels;
  const bottom = Math.max(...placed.map(({ panel: { gridPos } }) => gridPos.y + gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div
        className="page"
        style={{ width, background: theme.colors.background?.canvas, color: theme.colors.text?.primary }}
      >
        <header>
          <h1>{dashboard.title}</h1>
          <strong style={{ color: theme.colors.text?.secondary }}>{LABEL}</strong>
        </header>
        <main style={{ height: bottom * (ROW + GAP) }}>
          {placed.map((one) => (
            <Placed
              key={`${one.panel.id} ${one.panel.gridPos.y}`}
              one={one}
              stretch={stretch}
              width={width - 2 * GAP}
            />
          ))}
        </main>
      </div>
    </ThemeContext.Provider>
  );
}

/** One below the other in full width, as Grafana shows them on a phone. */
function stacked(panels: readonly Ready[]): Ready[] {
  let y = 0;
  return panels
    .toSorted((a, b) => a.panel.gridPos.y - b.panel.gridPos.y || a.panel.gridPos.x - b.panel.gridPos.x)
    .map((one) => {
      const { h } = one.panel.gridPos;
      const gridPos = { x: 0, y, w: COLUMNS, h };
      y += h;
      return { ...one, panel: { ...one.panel, gridPos } };
    });
}

function Placed({
  one,
  stretch,
  width,
}: {
  readonly one: Ready;
  readonly stretch: PageProps['stretch'];
  readonly width: number;
}) {
  const context = useContext(PanelContextRoot);
  const { panel, frames } = one;
  const { x, y, w, h } = panel.gridPos;
  const column = (width + GAP) / COLUMNS;
  const place = {
    left: x * column,
    top: y * (ROW + GAP),
    width: w * column - GAP,
    height: h * (ROW + GAP) - GAP,
  };
  if (panel.type === 'row') return <h2 style={place}>{panel.title}</h2>;
  return (
    <section style={place}>
      <PanelContextProvider value={context}>
        <PanelChrome
          title={panel.title}
          description={panel.description ?? ''}
          width={place.width}
          height={place.height}
        >
          {(innerWidth, innerHeight) => (
            <Content
              panel={panel}
              frames={frames}
              stretch={stretch}
              width={innerWidth}
              height={innerHeight}
            />
          )}
        </PanelChrome>
      </PanelContextProvider>
    </section>
  );
}

/** Draws one dashboard of a recording. */
async function show(recording: Recording, uid: string, scheme: Scheme, width: number): Promise<void> {
  const dashboard = recording.dashboards.find((one) => one.uid === uid);
  const place = document.getElementById('root');
  if (dashboard === undefined || place === null) throw new Error(`no dashboard ${uid}`);
  const theme = createTheme({ colors: { mode: scheme } });
  const panels = await Promise.all(
    dashboard.panels.map(async (one) => ({ ...one, frames: await framesOf(one, theme, recording) })),
  );
  const { from, to } = recording;
  createRoot(place).render(
    <Page dashboard={dashboard} panels={panels} stretch={{ from, to }} scheme={scheme} width={width} />,
  );
}

Object.assign(window, { show });
