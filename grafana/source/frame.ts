import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { STATE, type State } from './colours.ts';
import { SOURCE } from './panels.ts';

/** Each dashboard's name at the end of its address; addresses never change. */
export const UID = {
  overview: 'openclaw-overview',
  fleet: 'openclaw-fleet',
  gateway: 'openclaw-gateway',
  access: 'openclaw-access',
  cron: 'openclaw-cron',
  network: 'openclaw-network',
  exporter: 'openclaw-exporter',
} as const;

const TAG = 'openclaw';
const INSTANCES = '{__name__=~"openclaw_gateway_up|openclaw_exporter_build_info"}';

/** What All stands for: alerts about Prometheus itself, or about no gateway in particular, are in it too. */
const EVERY = '.*';

/** A heading with the panels below it. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
  /** Shown once for each value of this variable. */
  readonly repeat?: string;
}

/** A choice at the top of a dashboard, beside data source and instance. */
export interface Choice {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** As `label_values(…)` takes it. */
  readonly from: string;
  readonly of: string;
}

/** Something that happened, marked in every panel. */
export interface Mark {
  readonly name: string;
  readonly state: State;
  readonly expr: string;
  readonly title: string;
  readonly text: string;
}

export interface Frame {
  readonly uid: (typeof UID)[keyof typeof UID];
  readonly title: string;
  readonly description: string;
  /** Whether several gateways are looked at together. */
  readonly several: boolean;
  readonly sections: readonly Section[];
  readonly choices?: readonly Choice[];
  readonly marks?: readonly Mark[];
  /** Default: the last six hours. */
  readonly from?: string;
}

/** Alerts that fire, as marks: whoever looks at a curve sees what was told about it. */
const ALERTS: readonly Mark[] = [
  alertMark('Critical alerts', 'bad', 'critical'),
  alertMark('Warnings', 'warn', 'warning'),
];

function alertMark(name: string, state: State, severity: string): Mark {
  return {
    name,
    state,
    expr: `ALERTS{alertname=~"OpenClaw.*", alertstate="firing", severity="${severity}", instance=~"$instance"}`,
    title: '{{alertname}}',
    text: 'repair phase {{repair_phase}} {{host}}{{cron_job}}',
  };
}

/** A dashboard with what all of them share: variables, links to the others, alerts as marks. */
export function dashboard(frame: Frame): Dashboard {
  const { uid, title, description, several, sections, choices = [], marks = [], from = 'now-6h' } = frame;
  const builder = new DashboardBuilder(`OpenClaw / ${title}`)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh('30s')
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(sourceVariable())
    .withVariable(instanceVariable(several))
    .annotations([...ALERTS, ...marks].map(annotation))
    .link(otherDashboards());
  for (const choice of choices) builder.withVariable(choiceVariable(choice));
  for (const { title: heading, panels, repeat } of sections) {
    const row = new RowBuilder(heading);
    builder.withRow(repeat === undefined ? row : row.repeat(repeat));
    for (const panel of panels) builder.withPanel(panel);
  }
  return finished(builder.build());
}

/**
 * Panels by their place, so that links to one of them stay good while its dashboard does not change. Links
 * and marks stand beside the variables, not in a menu, which is what the builders say unless told otherwise.
 */
function finished(built: Dashboard): Dashboard {
  const { panels = [], links = [], annotations, ...rest } = built;
  const shown = <T extends { placement?: unknown }>({ placement: _, ...others }: T) => others;
  return {
    ...rest,
    annotations: { list: (annotations.list ?? []).map(shown) },
    links: links.map(shown),
    panels: panels.map((panel, index) => ({ ...panel, id: index + 1 })),
  };
}

function sourceVariable() {
  return new DatasourceVariableBuilder('datasource')
    .label('Prometheus')
    .description('The Prometheus that scrapes the exporters and evaluates the bundled rules.')
    .type('prometheus');
}

function instanceVariable(several: boolean) {
  const variable = new QueryVariableBuilder('instance')
    .label(several ? 'Gateways' : 'Gateway')
    .description('A gateway by its label `instance`.')
    .datasource(SOURCE)
    .query({ qryType: 1, refId: 'instances', query: `label_values(${INSTANCES}, instance)` })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(several)
    .includeAll(several);
  return several ? variable.allValue(EVERY).current({ text: ['All'], value: ['$__all'] }) : variable;
}

function choiceVariable({ name, label, description, from, of }: Choice) {
  return new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(SOURCE)
    .query({ qryType: 1, refId: name, query: `label_values(${from}, ${of})` })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalCaseInsensitiveAsc)
    .multi(true)
    .includeAll(true)
    .allValue(EVERY)
    .current({ text: ['All'], value: ['$__all'] });
}

function annotation({ name, state, expr, title, text }: Mark): Builder<AnnotationQuery> {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(SOURCE)
    .enable(true)
    .iconColor(STATE[state])
    .expr(expr)
    .step('60s')
    .titleFormat(title)
    .textFormat(text);
}

function otherDashboards() {
  return new DashboardLinkBuilder('OpenClaw')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .includeVars(true)
    .keepTime(true)
    .tooltip('The other dashboards, for the same gateway and time');
}

/** The address of another dashboard for the gateway in the column of that name, at the same time. */
export function linkTo(uid: Frame['uid'], field = 'Gateway'): string {
  return `/d/${uid}?var-instance=\${__data.fields["${field}"]:percentencode}&\${datasource:queryparam}&\${__url_time_range}`;
}
