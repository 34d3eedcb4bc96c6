import {
  MappingType,
  SpecialValueMatch,
  type Threshold,
  type ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { GATEWAY_STATES } from '../../prometheus/source/dashboards.ts';
import type { AlertRule } from '../../prometheus/source/rule.ts';
import { alertsOf, ruleGroups } from '../../prometheus/source/rules.ts';
import { thresholdsSchema } from '../../prometheus/source/thresholds.ts';
import { RUN_STATUSES } from '../../src/collectors/cron/source/records.ts';
import { describeFirstSteps, describeRestart } from '../../src/diagnosis/repair.ts';
import { NEUTRAL, NO_DATA, STATE, type State } from './colours.ts';

/** A value's word and what it means; without a state only the word. */
export type Word = readonly [value: string | number, text: string, state?: State];

/** Words for values; a value that is missing is always told as such. */
export function words(...list: readonly Word[]): ValueMapping[] {
  const options = Object.fromEntries(
    list.map(([value, text, state], index) => [
      String(value),
      { text, index, ...(state === undefined ? {} : { color: STATE[state] }) },
    ]),
  );
  return [{ type: MappingType.ValueToText, options }, missing()];
}

/** Missing values, told as such wherever colour means a state. */
export function missing(): ValueMapping {
  return {
    type: MappingType.SpecialValue,
    options: { match: SpecialValueMatch.NullAndNan, result: { text: NO_DATA, color: STATE.noData } },
  };
}

/** Steps of state from a value on; the first has no value. */
export function steps(first: State, ...later: readonly (readonly [number, State])[]): Threshold[] {
  return [
    { value: null, color: STATE[first] },
    ...later.map(([value, state]) => ({ value, color: STATE[state] })),
  ];
}

/** No states at all. */
export const NO_STEPS: Threshold[] = [{ value: null, color: NEUTRAL.strong }];

export const HEALTH = words([1, 'well', 'good'], [0, 'faulty', 'bad'], [-1, 'unknown', 'unknown']);
export const YES_NO = words([1, 'yes', 'good'], [0, 'no', 'bad']);
/** For what may be so without harm. */
export const PLAIN_YES_NO = words([1, 'yes'], [0, 'no']);

const GATEWAY_STATE: Readonly<Record<(typeof GATEWAY_STATES)[number], State>> = {
  unreachable: 'bad',
  refused: 'bad',
  foreign: 'bad',
  hung: 'bad',
  draining: 'passing',
  starting: 'passing',
  up: 'good',
};
export const GATEWAY_STATE_WORDS = words(
  ...GATEWAY_STATES.map((state, index): Word => [index + 1, state, GATEWAY_STATE[state]]),
);

const RUN_STATE: Readonly<Record<(typeof RUN_STATUSES)[number], State>> = {
  ok: 'good',
  error: 'bad',
  skipped: 'passing',
  interrupted: 'bad',
  superseded: 'passing',
  other: 'unknown',
};
export const RUN_WORDS = words(
  ...RUN_STATUSES.map((status, index): Word => [index + 1, status, RUN_STATE[status]]),
);
/** The state that each status of a run stands for. */
export const RUN_COLOURS: readonly (readonly [string, State])[] = Object.entries(RUN_STATE);

export const CAUSES = words(
  ['none', 'none', 'good'],
  ['maintenance', 'planned maintenance', 'passing'],
  ['exporter', 'exporter is down', 'bad'],
  ['network', 'network', 'bad'],
  ['process', 'process', 'bad'],
  ['authentication', 'authentication', 'bad'],
  ['partial-failure', 'partial failure', 'bad'],
  ['cron', 'cron', 'bad'],
);

/** By their rank, so that the gravest comes first where they are sorted. */
export const SEVERITIES = words(['1', 'critical', 'bad'], ['2', 'warning', 'warn'], ['3', 'info', 'passing']);

const alerts = alertsOf(ruleGroups(thresholdsSchema.parse({})));

/**
 * Grafana makes a table's row as high as its label needs it, not the words in the label's place; so a label
 * that long words stand for is repeated this often, about as long as they are.
 */
export const REPEATED = { alert: 4, fault: 10 } as const;
const repeated = (value: string, of: keyof typeof REPEATED) => Array(REPEATED[of]).fill(value).join(' ');

const WITHOUT_BLOCK = String.raw`((?:(?!\{\{\s*(?:if|with|end)\b).)*?)`;
/** A choice by the result of a query, without another one inside. */
const QUERY_CHOICE = new RegExp(
  String.raw`\{\{\s*with\b(?:(?!\}\}).)*\}\}${WITHOUT_BLOCK}\{\{\s*else\s*\}\}${WITHOUT_BLOCK}\{\{\s*end\s*\}\}`,
  'g',
);

/** The next repair step of each alert's step: the value is `<alert>/<phase>`, repeated. */
export const NEXT_STEPS_OF_ALERTS = words(
  ...alerts.map((rule): Word => [repeated(`${rule.alert}/${rule.phase}`, 'alert'), plain(rule.next)]),
);

/** The first repair step of each fault: the value is its incident, repeated. */
export const NEXT_STEPS_OF_FAULTS = words(
  [repeated('none', 'fault'), 'nothing to do'],
  // A fault without an alert of its own: the gateway is down too, but a restart cannot reach it.
  [
    repeated('unreachable', 'fault'),
    'no packet comes back: ping its host, tailscale status, firewall; then the host itself',
  ],
  // A restart of the gateway on this side of a forwarder would start another one.
  [
    repeated('forwarder-gone', 'fault'),
    'start the tunnel or proxy to the gateway again; the gateway itself may be well',
  ],
  [
    repeated('behind-forwarder', 'fault'),
    'openclaw-gateway-exporter check on the machine behind the forwarder',
  ],
  // Recorded because it explains others; the alert that it explains has another incident.
  [repeated('port-held', 'fault'), describeFirstSteps('port-held')],
  [repeated('process-stopped', 'fault'), describeFirstSteps('process-stopped')],
  [
    repeated('token-placeholder', 'fault'),
    `write a real token where the placeholder stands, such as the output of openssl rand -hex 32; then, ${describeRestart()}`,
  ],
  ...firstSteps(alerts),
);

/** Of an incident the step an operator begins with, the gravest alert first where several share it. */
function firstSteps(rules: readonly AlertRule[]): Word[] {
  const incidents = [...new Set(rules.map(({ incident }) => incident))];
  return incidents.flatMap((incident) => {
    const [first] = rules.filter((rule) => rule.incident === incident).toSorted((a, b) => a.phase - b.phase);
    return first === undefined ? [] : [[repeated(incident, 'fault'), plain(first.next)] as const];
  });
}

/**
 * A step without the placeholders that only Prometheus can fill in. Of a choice by the job's id the first,
 * and of one by a query, whose result is known only when the alert fires, the usual case: the last.
 */
function plain(step: string): string {
  const chosen = step.replaceAll(QUERY_CHOICE, '$2');
  if (chosen !== step) return plain(chosen);
  return step
    .replaceAll(/\{\{\s*if\b.*?\}\}(.*?)\{\{\s*else\s*\}\}.*?\{\{\s*end\s*\}\}/g, '$1')
    .replaceAll(/\{\{\s*\$labels\.cron_job_id\s*\}\}/g, 'JOB_ID')
    .replaceAll(/\{\{.*?\}\}/g, '…');
}
