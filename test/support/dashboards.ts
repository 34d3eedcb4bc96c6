import { z } from 'zod';
import { dashboardFiles } from '../../grafana/source/main.ts';

const query = z.object({
  refId: z.string(),
  expr: z.string().min(1),
  legendFormat: z.string().optional(),
  instant: z.boolean(),
  range: z.boolean(),
  format: z.string().optional(),
  datasource: z.object({ type: z.string(), uid: z.string() }),
});

const panel = z
  .object({
    id: z.number(),
    type: z.string(),
    title: z.string(),
    description: z.string().optional(),
    gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
    targets: z.array(query).optional(),
    repeat: z.string().optional(),
    libraryPanel: z.unknown().optional(),
    datasource: z.object({ type: z.string(), uid: z.string() }).optional(),
    options: z.record(z.string(), z.unknown()).optional(),
    fieldConfig: z
      .object({
        defaults: z.record(z.string(), z.unknown()),
        overrides: z.array(
          z.object({
            matcher: z.object({ id: z.string(), options: z.unknown() }),
            properties: z.array(z.object({ id: z.string(), value: z.unknown() })),
          }),
        ),
      })
      .optional(),
    transformations: z
      .array(z.object({ id: z.string(), options: z.record(z.string(), z.unknown()) }))
      .optional(),
  })
  .loose();

const dashboard = z
  .object({
    uid: z.string(),
    title: z.string(),
    description: z.string().min(10),
    tags: z.array(z.string()),
    editable: z.boolean(),
    time: z.object({ from: z.string(), to: z.string() }),
    templating: z.object({
      list: z.array(
        z
          .object({
            name: z.string(),
            type: z.string(),
            label: z.string(),
            description: z.string(),
            query: z.union([z.string(), z.object({ query: z.string() }).loose()]),
          })
          .loose(),
      ),
    }),
    annotations: z.object({
      list: z.array(
        z
          .object({ name: z.string(), expr: z.string(), iconColor: z.string(), datasource: z.unknown() })
          .loose(),
      ),
    }),
    links: z.array(
      z.object({ type: z.string(), tags: z.array(z.string()), includeVars: z.boolean() }).loose(),
    ),
    panels: z.array(panel),
  })
  .loose();

/** A generated dashboard, as Grafana reads it. */
export type GeneratedDashboard = z.output<typeof dashboard>;
export type GeneratedPanel = z.output<typeof panel>;

/** Every dashboard, read back from its generated text. */
export const generatedDashboards: readonly GeneratedDashboard[] = dashboardFiles().map(({ text }) =>
  dashboard.parse(JSON.parse(text)),
);

/** A query with the place it stands in. */
export interface PlacedQuery {
  /** `<dashboard> / <panel> / <letter>`, unique over all. */
  readonly place: string;
  readonly kind: 'panel' | 'mark' | 'variable';
  readonly expr: string;
}

/** Every PromQL expression of every dashboard: of panels, of marks, and the selectors of variables. */
export const placedQueries: readonly PlacedQuery[] = generatedDashboards.flatMap((one) => [
  ...one.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({
      place: `${one.uid} / ${title} / ${refId}`,
      kind: 'panel' as const,
      expr,
    })),
  ),
  ...one.annotations.list.map(({ name, expr }) => ({
    place: `${one.uid} / mark / ${name}`,
    kind: 'mark' as const,
    expr,
  })),
  ...one.templating.list.flatMap(({ name, query: asked }) => {
    const selector =
      typeof asked === 'string' ? undefined : /^label_values\((.*), \w+\)$/s.exec(asked.query)?.[1];
    return selector === undefined
      ? []
      : [{ place: `${one.uid} / variable / ${name}`, kind: 'variable' as const, expr: selector }];
  }),
]);

/** A query as Grafana sends it, with a value for each variable. Throws on a variable it does not know. */
export function substituted(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$\{?(\w+)\}?/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for ${whole} in ${expr}`);
    return value;
  });
}
