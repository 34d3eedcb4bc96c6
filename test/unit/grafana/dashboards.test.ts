import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { documentedMetrics } from '../../../docs/source/metrics-page.ts';
import { PALETTE, SERIES, STATE } from '../../../grafana/source/colours.ts';
import { UID } from '../../../grafana/source/frame.ts';
import { dashboardFiles } from '../../../grafana/source/main.ts';
import { NEXT_STEPS_OF_ALERTS, NEXT_STEPS_OF_FAULTS } from '../../../grafana/source/mappings.ts';
import { lines } from '../../../grafana/source/panels.ts';
import { GATEWAY_STATES } from '../../../prometheus/source/dashboards.ts';
import { alertsOf, ruleGroups } from '../../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../../prometheus/source/thresholds.ts';
import { GATEWAY_STATES as KNOWN_STATES } from '../../../src/lib/vocabulary.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import {
  type GeneratedPanel,
  generatedDashboards,
  placedQueries,
  substituted,
} from '../../support/dashboards.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const groups = ruleGroups(thresholdsSchema.parse({}));
const records = new Set(
  groups.flatMap(({ rules }) => rules.flatMap((rule) => (rule.kind === 'record' ? [rule.record] : []))),
);
const CORE_PANELS = new Set(['row', 'stat', 'table', 'timeseries', 'state-timeline', 'heatmap']);
const PANEL_LABELS = generatedDashboards.flatMap(({ uid, panels }) =>
  panels.filter(({ type }) => type !== 'row').map((panel) => [`${uid} / ${panel.title}`, panel] as const),
);
const DASHBOARDS = generatedDashboards.map((dashboard) => [dashboard.uid, dashboard] as const);
const VALUES = {
  instance: '.*',
  host: '.*',
  job: '.*',
  __rate_interval: '1m',
};

describe('the generated dashboards', () => {
  it.each(dashboardFiles().map(({ path, text }) => [path, text] as const))(
    '%s is up to date',
    (path, text) => {
      expect(readFileSync(join(root, path), 'utf8')).toBe(text);
    },
  );

  it('are all there, and nothing else is', () => {
    const names = Object.values(UID).map((uid) => `${uid}.json`);
    expect(readdirSync(join(root, 'grafana', 'dashboards')).toSorted()).toEqual(names.toSorted());
  });

  it('name no library panel and no data source but the chosen one', () => {
    for (const { text } of dashboardFiles()) {
      expect(text).not.toContain('libraryPanel');
      const sources = [
        ...text.matchAll(/"datasource": (\{[^}]*\})\s*\}/g),
        ...text.matchAll(/"uid": "\$\{[^"]*"/g),
      ];
      expect(sources.length).toBeGreaterThan(0);
      for (const [found] of text.matchAll(/"uid": "[^"]*"/g)) {
        expect(found).toMatch(/^"uid": "(?:\$\{datasource\}|openclaw-[a-z]+)"$/);
      }
    }
  });
});

describe.each(DASHBOARDS)('%s', (uid, dashboard) => {
  it('has its address from a fixed list', () => {
    expect(Object.values(UID)).toContain(uid);
    expect(generatedDashboards.filter((other) => other.uid === uid)).toHaveLength(1);
  });

  it('has one data source to choose and the instance', () => {
    const variables = dashboard.templating.list;
    expect(variables.filter(({ type }) => type === 'datasource').map(({ name }) => name)).toEqual([
      'datasource',
    ]);
    expect(variables.filter(({ name }) => name === 'instance')).toHaveLength(1);
    for (const { label, description } of variables) {
      expect(label).not.toBe('');
      expect(description.length).toBeGreaterThan(10);
    }
  });

  it('leads to the others, with what is chosen', () => {
    expect(dashboard.links).toEqual([
      expect.objectContaining({ type: 'dashboards', tags: ['openclaw'], includeVars: true, keepTime: true }),
    ]);
    expect(dashboard.tags).toContain('openclaw');
  });

  it('marks the alerts that fire', () => {
    const alerts = dashboard.annotations.list.filter(({ expr }) => expr.startsWith('ALERTS{'));
    expect(alerts.map(({ expr }) => /severity="(\w+)"/.exec(expr)?.[1])).toEqual(['critical', 'warning']);
  });

  it('has panels with numbers and titles of their own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = dashboard.panels.filter(({ type }) => type !== 'row').map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('fills the grid without an overlap', () => {
    const cells = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} at ${x} ${y}`).toBe(false);
          cells.add(`${x} ${y}`);
        }
      }
    }
  });

  it('leads only to dashboards that exist', () => {
    const file = dashboardFiles().find(({ path }) => path.includes(uid))?.text ?? '';
    for (const [, target] of file.matchAll(/\/d\/([\w-]+)/g)) expect(Object.values(UID)).toContain(target);
  });
});

const MISSING = expect.objectContaining({
  type: 'special',
  options: { match: 'null+nan', result: { text: 'no data', color: STATE.noData } },
});

/** Panels whose empty answer does not mean that nobody looked. */
const EMPTY: Readonly<Record<string, string>> = { 'openclaw-overview / Firing alerts': 'no alert fires' };

describe.each(PANEL_LABELS)('%s', (place, panel) => {
  it('is one of Grafana’s own panels', () => {
    expect(CORE_PANELS).toContain(panel.type);
    expect(panel.libraryPanel).toBeUndefined();
  });

  it('says what it shows', () => {
    expect(panel.description?.length ?? 0).toBeGreaterThan(30);
    expect(panel.description).toMatch(/\.$/);
  });

  it('asks the chosen data source about the chosen gateways', () => {
    expect(panel.targets?.length).toBeGreaterThan(0);
    for (const { datasource, expr } of panel.targets ?? []) {
      expect(datasource.uid).toBe('${datasource}');
      expect(expr).toContain('$instance');
    }
  });

  it('has a unit wherever it shows a number', () => {
    expect(panel.fieldConfig?.defaults.unit).toEqual(expect.any(String));
    if (panel.type === 'timeseries') {
      expect(panel.fieldConfig?.defaults.unit).not.toBe('none');
      expect(customOf(panel).axisLabel).toEqual(expect.stringMatching(/\w/));
    }
    if (panel.type === 'heatmap') {
      expect(panel.options?.yAxis).toEqual(expect.objectContaining({ unit: expect.any(String) }));
    }
  });

  it('tells missing data from bad data', () => {
    expect(panel.fieldConfig?.defaults.noValue).toBe(EMPTY[place] ?? 'no data');
    for (const mappings of mappingsOf(panel)) {
      expect(mappings).toContainEqual(
        expect.objectContaining({
          type: 'special',
          options: expect.objectContaining({ result: expect.objectContaining({ text: 'no data' }) }),
        }),
      );
    }
  });

  it('gives missing data no colour of a state', () => {
    const { options, fieldConfig } = panel;
    if (panel.type === 'stat' && /background/.test(String(options?.colorMode))) {
      expect(fieldConfig?.defaults.mappings).toContainEqual(MISSING);
    }
    for (const { properties } of fieldConfig?.overrides ?? []) {
      const value = (id: string) => properties.find((property) => property.id === id)?.value;
      if (value('thresholds') !== undefined) expect(value('mappings')).toContainEqual(MISSING);
    }
  });

  it('merges rows by what it shows alone', () => {
    const ids = panel.transformations?.map(({ id }) => id) ?? [];
    if (ids.includes('merge')) expect(ids.indexOf('filterFieldsByName')).toBeLessThan(ids.indexOf('merge'));
  });

  it('has no colour but those of the states and the greys', () => {
    const { colours, modes } = coloursIn(panel);
    expect(colours.filter((colour) => !PALETTE.includes(colour))).toEqual([]);
    expect(modes.filter((mode) => !['fixed', 'shades', 'thresholds', 'opacity'].includes(mode))).toEqual([]);
  });

  it('keeps thresholds of its own, so that none of Grafana’s green and red slips in', () => {
    expect(panel.fieldConfig?.defaults).toHaveProperty('color');
    if (panel.type !== 'heatmap') expect(panel.fieldConfig?.defaults).toHaveProperty('thresholds');
  });

  it('lets words and not thresholds colour a timeline, which would then show no words', () => {
    if (panel.type !== 'state-timeline') return;
    expect(panel.fieldConfig?.defaults.color).toEqual(expect.objectContaining({ mode: 'fixed' }));
    expect(mappingsOf(panel)).not.toEqual([]);
  });

  it('overrides only what is there', () => {
    const names = shownNames(panel);
    for (const { matcher } of panel.fieldConfig?.overrides ?? []) {
      if (matcher.id === 'byName') expect(names(String(matcher.options)), String(matcher.options)).toBe(true);
      if (matcher.id === 'byFrameRefID') {
        expect(panel.targets?.map(({ refId }) => refId)).toContain(matcher.options);
      }
    }
  });
});

describe.each(placedQueries.map((query) => [query.place, query] as const))('the query of %s', (_, query) => {
  const text = substituted(query.expr, VALUES);

  it('is PromQL', () => {
    expect(nodes(text).filter(({ isError }) => isError)).toEqual([]);
    expect(nodes(text).length).toBeGreaterThan(1);
  });

  it('asks only for metrics and records that exist, by labels they have', async () => {
    const known = await labelsByMetric;
    for (const { name, labels } of selectors(text)) {
      const its = known.get(name);
      expect(its, name).toBeDefined();
      expect(
        labels.filter((label) => its?.has(label) !== true),
        name,
      ).toEqual([]);
    }
  });

  it('looks back no further than an hour, which is what records are for', () => {
    const ranges = [...text.matchAll(/(openclaw_\w+|:\w+)(?:\{[^}]*\})?\[(\d+)([smhdw])\]/g)];
    for (const [, metric, count, unit] of ranges) {
      const isRecord = metric?.startsWith(':') === true;
      const seconds = Number(count) * ({ s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit ?? 's'] ?? 0);
      if (!isRecord) expect(seconds, text).toBeLessThanOrEqual(3600);
    }
  });

  it('counts before it adds', () => {
    expect(text).not.toMatch(/(?:rate|increase|deriv)\(\s*(?:sum|max|min|count)\b/);
  });
});

describe('places of queries', () => {
  it('are told apart by their names', () => {
    const places = placedQueries.map(({ place }) => place);
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('the words for numbers', () => {
  it('know every state of a gateway', () => {
    expect([...GATEWAY_STATES].toSorted()).toEqual([...KNOWN_STATES].toSorted());
  });

  it('know a next step for each alert and each fault', () => {
    const wordsOf = (mappings: readonly { type: string; options: object }[]) =>
      new Set(
        mappings.flatMap(({ type, options }) =>
          type === 'value' ? Object.keys(options).map((key) => key.split(' ')[0]) : [],
        ),
      );
    const alerts = alertsOf(groups);
    const steps = wordsOf(NEXT_STEPS_OF_ALERTS);
    for (const { alert, phase } of alerts) expect(steps).toContain(`${alert}/${phase}`);
    const faults = wordsOf(NEXT_STEPS_OF_FAULTS);
    const health = groups.find(({ name }) => name === 'openclaw-health')?.rules ?? [];
    for (const rule of health) {
      if (rule.kind === 'record' && rule.labels?.incident !== undefined)
        expect(faults).toContain(rule.labels.incident);
    }
    for (const { text } of dashboardFiles()) expect(text).not.toContain('{{ $');
  });

  it('show one branch of a step that Prometheus chooses, without a trace of the others', () => {
    expect(alertsOf(groups).some(({ next }) => /\{\{ with .*\{\{ with /.test(next))).toBe(true);
    expect(JSON.stringify([NEXT_STEPS_OF_ALERTS, NEXT_STEPS_OF_FAULTS])).not.toMatch(
      /…|do not start a gateway/,
    );
  });
});

describe('provisioning', () => {
  const read = (path: string): unknown =>
    parse(readFileSync(join(root, 'grafana', 'provisioning', path), 'utf8'));

  it('names the bundled Prometheus as the data source to begin with', () => {
    const { datasources } = z
      .object({
        datasources: z.array(
          z.object({ type: z.string(), url: z.url(), isDefault: z.boolean(), uid: z.string() }),
        ),
      })
      .parse(read('datasources/prometheus.yml'));
    expect(datasources).toEqual([
      { type: 'prometheus', url: 'http://prometheus:9090', isDefault: true, uid: 'openclaw-prometheus' },
    ]);
  });

  it('reads the dashboards from a folder and lets nobody change them there', () => {
    const { providers } = z
      .object({
        providers: z.array(
          z.object({
            type: z.string(),
            allowUiUpdates: z.boolean(),
            options: z.object({ path: z.string() }).loose(),
          }),
        ),
      })
      .parse(read('dashboards/openclaw.yml'));
    expect(providers).toEqual([
      {
        type: 'file',
        allowUiUpdates: false,
        options: expect.objectContaining({ path: '/var/lib/grafana/dashboards' }),
      },
    ]);
  });
});

const PROMETHEUS_OWN: Readonly<Record<string, readonly string[]>> = {
  up: [],
  scrape_duration_seconds: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'incident', 'repair_phase', 'host', 'cron_job'],
  ALERTS_FOR_STATE: ['alertname', 'severity', 'incident', 'repair_phase', 'host', 'cron_job'],
};
let labelsByMetric: Promise<ReadonlyMap<string, ReadonlySet<string>>>;
beforeAll(() => {
  labelsByMetric = knownLabels();
});

/** What may be asked for, from the code that exposes or records it. */
async function knownLabels(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>();
  const add = (name: string, labels: readonly string[]) =>
    known.set(name, new Set([...labels, 'instance', 'job']));
  for (const { name, labels, type } of documentedMetrics()) {
    if (type === 'histogram')
      for (const part of ['bucket', 'sum', 'count']) add(`${name}_${part}`, [...labels, 'le']);
    else add(name, labels);
  }
  const own = new Metrics();
  own.collectOwnProcess();
  for (const [, name = ''] of (await own.expose('text')).matchAll(/^# TYPE (\S+)/gm)) add(name, []);
  for (const record of records) add(record, labelsOfRecord(record));
  for (const [name, labels] of Object.entries(PROMETHEUS_OWN)) add(name, labels);
  return known;
}

/** The labels that the level of a record names. */
function labelsOfRecord(record: string): string[] {
  const [level = ''] = record.split(':');
  const all = ['layer', 'cause', 'incident', 'host', 'result', 'phase', 'status', 'cron_job', 'slo'];
  return all
    .filter((label) => level.includes(label))
    .concat(level.includes('cron_job') ? ['cron_job_id'] : []);
}

interface Node {
  readonly name: string;
  readonly text: string;
  readonly isError: boolean;
}

function nodes(text: string): Node[] {
  const list: Node[] = [];
  parser.parse(text).iterate({
    enter: ({ name, from, to, type }: SyntaxNodeRef) => {
      list.push({ name, text: text.slice(from, to), isError: type.isError });
    },
  });
  return list;
}

/** Each selector's metrics and the labels it asks by. */
function selectors(text: string): { name: string; labels: string[] }[] {
  return nodes(text)
    .filter(({ name }) => name === 'VectorSelector')
    .flatMap(({ text: selector }) => {
      const inner = nodes(selector);
      const name = inner.find((node) => node.name === 'Identifier')?.text;
      const labels = inner.filter((node) => node.name === 'LabelName').map((node) => node.text);
      const byName = /__name__=~"([^"]+)"/.exec(selector)?.[1]?.split('|') ?? [];
      return (name === undefined ? byName : [name]).map((metric) => ({
        name: metric,
        labels: labels.filter((label) => label !== '__name__'),
      }));
    });
}

function customOf(panel: GeneratedPanel): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(panel.fieldConfig?.defaults.custom);
}

function mappingsOf(panel: GeneratedPanel): unknown[][] {
  const lists = [
    panel.fieldConfig?.defaults.mappings,
    ...(panel.fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'mappings').map(({ value }) => value),
    ),
  ];
  return lists.flatMap((list) => (Array.isArray(list) && list.length > 0 ? [list] : []));
}

describe('series that stand for no state', () => {
  /** Degrees on the colour wheel: red 0, amber 40, green 150. */
  function hueOf(colour: string): number {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
    const [high, low] = [Math.max(r, g, b), Math.min(r, g, b)];
    const part =
      high === r
        ? (g - b) / (high - low)
        : high === g
          ? 2 + (b - r) / (high - low)
          : 4 + (r - g) / (high - low);
    return (part * 60 + 360) % 360;
  }

  it('have colours from cyan to pink, each its own, so that none is taken for red, amber or green', () => {
    const hues = SERIES.map(hueOf);
    for (const hue of hues) expect(hue > 180 && hue < 330).toBe(true);
    expect(new Set(SERIES).size).toBe(SERIES.length);
    for (const colour of SERIES) expect(Object.values(STATE)).not.toContain(colour);
  });

  it('are told apart: whatever letter a label begins with, one colour is for it', () => {
    const panel = lines(
      { title: 'A', description: 'A.', queries: [{ expr: 'up', legend: '{{cron_job}}' }] },
      { unit: 's' },
    );
    const overrides = panel.build().fieldConfig?.overrides ?? [];
    for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
      const matching = overrides.filter(({ matcher }) => {
        const [, pattern = ''] = /^\/(.*)\/i$/.exec(String(matcher.options)) ?? [];
        return new RegExp(pattern, 'i').test(`${letter} job`);
      });
      expect(matching).toHaveLength(1);
    }
  });
});

/** Every colour and every way of colouring anywhere inside. */
function coloursIn(value: unknown): { colours: string[]; modes: string[] } {
  const colours: string[] = [];
  const modes: string[] = [];
  JSON.stringify(value, (key, inner: unknown) => {
    if (/colou?r$|^fill$/i.test(key) && typeof inner === 'string' && !/^(?:dash|solid)$/.test(inner)) {
      colours.push(inner);
    }
    if (/^colou?r$/i.test(key) && inner !== null && typeof inner === 'object' && 'mode' in inner) {
      modes.push(String(inner.mode));
    }
    return inner;
  });
  return { colours, modes };
}

/** Whether a field of that name is among what the panel shows: a column, or a series by its legend. */
function shownNames(panel: GeneratedPanel): (name: string) => boolean {
  const renamed = panel.transformations
    ?.filter(({ id }) => id === 'organize')
    .flatMap(({ options }) => Object.values(z.record(z.string(), z.string()).parse(options.renameByName)));
  if (renamed !== undefined) return (name) => renamed.includes(name);
  const legends = (panel.targets ?? []).map(({ legendFormat = '' }) => legendFormat);
  return (name) =>
    legends.some((legend) => legend === name || /^\{\{(?:result|status|phase)\}\}$/.test(legend));
}
