import { REPEATED } from './mappings.ts';

/** Parts that several dashboards' queries share. `$instance` and the like are the dashboards' variables. */

/** The chosen gateway, or gateways. */
export const HERE = 'instance=~"$instance"';

/** A metric of the chosen gateways: one series a gateway, or one for each of its `labels` too. */
export function maxHere(metric: string, ...labels: readonly string[]): string {
  return `max by (${['instance', ...labels].join(', ')}) (${metric}{${HERE}})`;
}

/** 1 well, 0 faulty, -1 unknown: an exporter looks and says nothing of that layer. Absent: nobody looks. */
export function layerState(layer: string, where = HERE): string {
  return `instance_layer:openclaw_health:state{layer="${layer}", ${where}}`;
}

/** The highest step of each incident that fires, as Alertmanager shows it. */
export function firing(where: string): string {
  const alerts = (phase: string) =>
    `ALERTS{alertname=~"OpenClaw.*", alertname!="OpenClawWatchdog", alertstate="firing", repair_phase=~"${phase}", ${where}}`;
  const below = (phase: string, higher: string) =>
    `(${alerts(phase)} unless on (instance, incident) ${alerts(higher)})`;
  return `(${alerts('3')}\nor ${below('2', '3')}\nor ${below('1', '2|3')})`;
}

/**
 * The same with when it began, in milliseconds; its step as `<alert>/<phase>`, repeated, in the label `step`,
 * what it is about in `about`, and how grave it is in `rank`, 1 to 3.
 */
export function firingSince(where: string): string {
  const since = `1000 * ALERTS_FOR_STATE{alertname=~"OpenClaw.*", ${where}} and ignoring (alertstate) ${firing(where)}`;
  const step = `label_join(${since}, "step", "/", "alertname", "repair_phase")`;
  const joined = `label_join(${repeatedly(step, 'step', 'alert')}, "about", " ", "host", "cron_job", "peer", "function", "collector")`;
  // Spaces alone would be read as the number 0.
  const about = `label_replace(${joined}, "about", "", "about", " *")`;
  return ['critical', 'warning', 'info'].reduce(
    (expr, severity, index) => `label_replace(${expr}, "rank", "${index + 1}", "severity", "${severity}")`,
    about,
  );
}

/**
 * Every fault that holds now, once more, repeated, in the label `step`, with the likeliest cause of
 * all; `none` where there is none.
 */
export function faultsWithCause(where = HERE): string {
  const fault = `instance_incident:openclaw_fault:max{${where}}`;
  const cause = `instance_cause:openclaw_incident:max{${where}}`;
  const watched = `group by (instance) (instance_layer:openclaw_health:state{${where}})`;
  const none = (label: string, of: string) => `label_replace(${of}, "${label}", "none", "", "")`;
  const all = [
    `${fault} * on (instance) group_left (cause) ${cause}`,
    `or on (instance) ${none('cause', none('incident', watched))}`,
  ].join('\n');
  return repeatedly(all, 'incident', 'fault');
}

/** With a label's value in the label `step`, repeated as the words for it expect. */
function repeatedly(expr: string, label: string, of: keyof typeof REPEATED): string {
  const labels = Array(REPEATED[of]).fill(`"${label}"`).join(', ');
  return `label_join(${expr}, "step", " ", ${labels})`;
}

/** The likeliest cause alone, in the label `cause`. */
export function causeOrNone(where = HERE): string {
  const watched = `group by (instance) (instance_layer:openclaw_health:state{${where}})`;
  return `instance_cause:openclaw_incident:max{${where}}\nor on (instance) label_replace(${watched}, "cause", "none", "", "")`;
}

/** A Unix time in seconds as Grafana wants it. */
export function milliseconds(expression: string): string {
  return `1000 * ${expression}`;
}
