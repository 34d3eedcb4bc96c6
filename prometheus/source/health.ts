import { LAYERS } from '../../src/lib/vocabulary.ts';
import { causeExpression, plainFacts } from './causes.ts';
import {
  alwaysOnHostGone,
  cronStopped,
  down,
  foreign,
  hostFlapping,
  hung,
  listenerGone,
  partialFailure,
  startOverdue,
  tokenMismatch,
  unreachable,
} from './conditions.ts';
import {
  CREDENTIAL_LABELS,
  formatSeconds,
  HOST_LABELS,
  ignoreLabels,
  JOB_LABELS,
  joinLines,
  keepLast,
  selectExporters,
  takeGroup,
  takeMax,
  takeMin,
} from './promql.ts';
import { type RecordRule, type RuleGroup, record } from './rule.ts';
import { PROCESS, UP } from './signals.ts';
import { CRASH_LOOP } from './suppressors.ts';
import type { Thresholds } from './thresholds.ts';

const HEALTH = 'instance_layer:openclaw_health:min';
/** 1 where that fault holds; absent otherwise. */
const FAULT = 'instance_incident:openclaw_fault:max';
const CAUSE = 'instance_cause:openclaw_incident:max';

/** Health per layer and the likeliest cause, for dashboards and the fleet's overview. */
export function healthGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-health',
      file: 'health',
      rules: [...layers(t), layerStates(t), ...faultRecords(t), cause(t)],
    },
  ];
}

/** The smallest of several verdicts, by the labels of the target. */
function takeLeast(own: readonly string[], parts: readonly string[]): string {
  const named = parts.map((part, index) => `label_replace(${part}, "part", "${index}", "", "")`);
  return takeMin([...own, 'part'], joinLines('', `  ${named.join('\n  or ')}`, ''));
}

/** 1 well, 0 not; absent where nothing is known of that layer. */
function layers(t: Thresholds): RecordRule[] {
  const last = (series: string, own: readonly string[] = []) => keepLast(t, series, own);
  // A disabled job is not due, and its failures are history.
  const disabled = `(${takeMax([], last('openclaw_cron_job_enabled', JOB_LABELS))} == 0)`;
  const ofJobs = (series: string, test: string) =>
    `(${takeMax([], last(series, JOB_LABELS))} ${test} unless ${disabled})`;
  const alwaysOff = `${takeMax([], last('openclaw_ssh_host_always_on', HOST_LABELS))} == 0`;
  return [
    record(HEALTH, PROCESS, { layer: 'process' }),
    record(HEALTH, UP, { layer: 'answers' }),
    record(
      HEALTH,
      takeLeast(
        [...CREDENTIAL_LABELS, 'function'],
        [
          last('openclaw_gateway_token_match', CREDENTIAL_LABELS),
          last('openclaw_gateway_function_up', ['function']),
        ],
      ),
      { layer: 'token' },
    ),
    record(
      HEALTH,
      takeLeast(
        [...JOB_LABELS, 'source'],
        [
          ofJobs('openclaw_cron_consecutive_errors', `< bool ${t.cron_consecutive_errors}`),
          ofJobs('openclaw_cron_job_overdue_seconds', `<= bool ${formatSeconds(t.cron_overdue)}`),
          last('openclaw_cron_source_up', ['source']),
        ],
      ),
      { layer: 'cron' },
    ),
    record(
      HEALTH,
      takeMin(HOST_LABELS, `(${takeMin([], last('openclaw_ssh_up', HOST_LABELS))} unless ${alwaysOff})`),
      { layer: 'network' },
    ),
  ];
}

/** The same for people: besides 1 and 0, -1 where an exporter is scraped and says nothing of that layer. */
function layerStates(t: Thresholds): RecordRule {
  const watched = `${takeMax([], `up{job=~"${t.exporter_jobs}"}`)} == 1`;
  const unknown = LAYERS.map((layer) => `label_replace(${watched}, "layer", "${layer}", "", "")`);
  return record(
    'instance_layer:openclaw_health:state',
    joinLines(HEALTH, `or -1 * (`, `  ${unknown.join('\n  or ')}`, ')'),
  );
}

/** An incident, its expression, and the labels of that besides the target's. */
type Condition = readonly [incident: string, expression: string, own?: readonly string[]];

/** Faults whose conditions are those of their alerts, before any `for`. */
function conditions(t: Thresholds): readonly Condition[] {
  return [
    ['exporter-down', `up{${selectExporters(t)}} == 0`],
    ['unreachable', unreachable()],
    ['crash-loop', CRASH_LOOP],
    ['port-foreign', foreign()],
    ['gateway-hung', hung(t)],
    ['listener-gone', listenerGone(t)],
    ['start-overdue', startOverdue(t)],
    ['gateway-down', down(t)],
    ['ssh-down', alwaysOnHostGone(t), HOST_LABELS],
    ['token-mismatch', tokenMismatch(t), CREDENTIAL_LABELS],
    ['partial-failure', partialFailure(t, 'now'), ['function']],
    ['cron-stopped', cronStopped(t)],
    ['flapping', hostFlapping(t), HOST_LABELS],
  ];
}

/** One fault each and whether it holds now: what the likeliest cause is chosen from. */
function faults(t: Thresholds): readonly Condition[] {
  const own = conditions(t);
  const plain = plainFacts(new Set(own.map(([incident]) => incident)));
  return [...own, ...plain.map(({ fault, promql, labels = [] }): Condition => [fault, promql, labels])];
}

function faultRecords(t: Thresholds): RecordRule[] {
  return faults(t).map(([incident, condition, own = []]) =>
    record(FAULT, takeGroup(own, joinLines('', condition, '')), { incident }),
  );
}

/** The one likeliest cause, by the table that the status page and `check` use (docs/causes.md). */
function cause(t: Thresholds): RecordRule {
  const expression = causeExpression({
    recorded: new Set(faults(t).map(([incident]) => incident)),
    select: (incidents) => `max without (incident) (${FAULT}{incident=~"${incidents}"})`,
    or: `or ${ignoreLabels('cause')}`,
  });
  return record(CAUSE, expression);
}
