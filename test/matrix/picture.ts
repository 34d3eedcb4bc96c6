import { type Series, totalOf } from '../support/exposition.ts';

/** What the exporter says of the world at one moment: each verdict's series, as written, and its value. */
export type Picture = Readonly<Record<string, string>>;

/**
 * Verdicts: what a fault may change, and what an unrelated one must leave alone.
 * Times, sizes and counts are none.
 */
const VERDICTS =
  /^openclaw_(?:gateway_(?:up|ready|ready_failing|processes|process_up|listener_up|token_match|token_present|token_in_sync|token_variants|function_up|maintenance)|cron_(?:source_up|job_enabled|consecutive_errors)|ssh_(?:up|phase_up|host_always_on)|exporter_(?:collector_up|state_saved|config_last_reload_successful))$/;
const STATE = 'openclaw_gateway_state';
const PROCESS_STATE = 'openclaw_gateway_process_state';
const OVERDUE = 'openclaw_cron_job_overdue_seconds';
/** A job that begins somewhat later than planned is no news. */
const LATE_SECONDS = 10;
/** A process that works changes between these all the time. */
const WORKING = new Set(['running', 'sleeping', 'disk']);
/** The same job has another id in each run. */
const HIDDEN_LABELS = new Set(['cron_job_id']);

/** The verdicts in one scrape. Names come without `openclaw_`; a stateset is one entry. */
export function pictureOf(series: readonly Series[]): Picture {
  const picture: Record<string, string> = {};
  for (const { name, labels, value } of series) {
    if (VERDICTS.test(name)) picture[`${name}${labelText(labels)}`.replace('openclaw_', '')] = String(value);
    else if (name === OVERDUE) picture[`cron_late${labelText(labels)}`] = value > LATE_SECONDS ? 'yes' : 'no';
    else if (name === STATE && value === 1) picture.gateway_state = labels.state ?? '';
    else if (name === PROCESS_STATE && value === 1)
      picture.gateway_process_state = processState(labels.state);
  }
  return picture;
}

/** What differs from `before`, `absent` for what is gone; written as `expected` of a scenario is. */
export function changesBetween(before: Picture, now: Picture): Record<string, string> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].toSorted();
  return Object.fromEntries(
    names.filter((name) => before[name] !== now[name]).map((name) => [name, now[name] ?? 'absent'] as const),
  );
}

/** The sum of every series of that counter with at least these labels, written as in an exposition. */
export function countOf(series: readonly Series[], counter: string): number {
  const [, name = '', inside = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(counter) ?? [];
  const labels = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]);
  return totalOf(series, name, Object.fromEntries(labels));
}

function processState(state = ''): string {
  return WORKING.has(state) ? 'working' : state;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).filter(([label, value]) => !HIDDEN_LABELS.has(label) && value !== '');
  return shown.length === 0 ? '' : `{${shown.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}
