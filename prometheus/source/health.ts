import {
  alwaysOnHostGone,
  crashLoop,
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
import { GATEWAY, lines, maxBy, minBy, onGateway, seconds } from './promql.ts';
import { type RecordRule, type RuleGroup, record } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

const HEALTH = 'instance_layer:openclaw_health:min';
/** 1 where that fault holds; absent otherwise. */
const FAULT = 'instance_incident:openclaw_fault:max';
const CAUSE = 'instance_cause:openclaw_incident:max';

/** Health per layer and the likeliest cause, for dashboards and the fleet's overview. */
export function healthGroups(t: Thresholds): RuleGroup[] {
  return [
    { name: 'openclaw-health', file: 'health', rules: [...layers(t), layerStates(t), ...faults(t), cause()] },
  ];
}

/** 1 well, 0 not; absent where nothing is known of that layer. */
function layers(t: Thresholds): RecordRule[] {
  return [
    record(HEALTH, minBy(GATEWAY, 'openclaw_gateway_process_up'), { layer: 'process' }),
    record(HEALTH, minBy(GATEWAY, 'openclaw_gateway_up'), { layer: 'answers' }),
    record(
      HEALTH,
      lines(
        minBy(
          GATEWAY,
          lines(
            '',
            `  label_replace(${minBy(GATEWAY, 'openclaw_gateway_token_match')}, "of", "token", "", "")`,
            `  or label_replace(${minBy(GATEWAY, 'openclaw_gateway_function_up')}, "of", "function", "", "")`,
            '',
          ),
        ),
      ),
      { layer: 'token' },
    ),
    record(
      HEALTH,
      minBy(
        GATEWAY,
        lines(
          '',
          `  label_replace(${maxBy(GATEWAY, 'openclaw_cron_consecutive_errors')} < bool ${t.cron_consecutive_errors}, "of", "errors", "", "")`,
          `  or label_replace(${maxBy(GATEWAY, 'openclaw_cron_job_overdue_seconds')} <= bool ${seconds(t.cron_overdue)}, "of", "overdue", "", "")`,
          `  or label_replace(${minBy(GATEWAY, 'openclaw_cron_source_up')}, "of", "source", "", "")`,
          '',
        ),
      ),
      { layer: 'cron' },
    ),
    record(
      HEALTH,
      minBy(GATEWAY, `openclaw_ssh_up unless on (instance, host) openclaw_ssh_host_always_on == 0`),
      { layer: 'network' },
    ),
  ];
}

/** The layers, in the order of a dashboard. */
export const LAYERS = ['process', 'answers', 'token', 'cron', 'network'] as const;

/** The same for people: besides 1 and 0, -1 where an exporter is scraped and says nothing of that layer. */
function layerStates(t: Thresholds): RecordRule {
  const watched = `up{job=~"${t.exporter_jobs}"} == 1`;
  const unknown = LAYERS.map((layer) => `label_replace(${watched}, "layer", "${layer}", "", "")`);
  return record(
    'instance_layer:openclaw_health:state',
    lines(
      HEALTH,
      `or on (instance, layer) -1 * group by (instance, layer) (`,
      `  ${unknown.join('\n  or ')}`,
      ')',
    ),
  );
}

/** One fault and whether it holds now, before any `for`: what the likeliest cause is chosen from. */
function faults(t: Thresholds): RecordRule[] {
  const conditions: readonly (readonly [string, string])[] = [
    ['exporter-down', `up{job=~"${t.exporter_jobs}", job!~"${t.outside_jobs}"} == 0`],
    ['unreachable', unreachable()],
    ['crash-loop', crashLoop(t)],
    ['port-foreign', foreign()],
    ['gateway-hung', hung(t)],
    ['listener-gone', listenerGone(t)],
    ['start-overdue', startOverdue(t)],
    ['gateway-down', down()],
    ['ssh-down', alwaysOnHostGone(t)],
    ['token-mismatch', tokenMismatch()],
    ['partial-failure', partialFailure()],
    ['cron-stopped', cronStopped(t)],
    ['flapping', hostFlapping(t)],
  ];
  return conditions.map(([incident, condition]) =>
    record(FAULT, `group by (instance) (${lines('', condition, '')})`, { incident }),
  );
}

/**
 * The one likeliest cause, in the article's order (network, authentication, partial failure), as far as a later one
 * can be explained by an earlier one. An address that refuses or hangs was reached, so its own process is to blame
 * and not the network; a remote host that is away comes next, because tokens and work on it fail with it; a path that
 * merely flaps explains nothing that is proved otherwise and comes last.
 */
function cause(): RecordRule {
  const order: readonly (readonly [string, string])[] = [
    ['exporter', 'exporter-down'],
    ['network', 'unreachable'],
    ['process', 'crash-loop|port-foreign|gateway-hung|listener-gone|start-overdue|gateway-down'],
    ['network', 'ssh-down'],
    ['authentication', 'token-mismatch'],
    ['partial-failure', 'partial-failure'],
    ['cron', 'cron-stopped'],
    ['network', 'flapping'],
  ];
  const parts = order.map(([name, incidents], index) => {
    const found = maxBy(GATEWAY, `${FAULT}{incident=~"${incidents}"}`);
    return `${index === 0 ? '' : `or ${onGateway} `}label_replace(${found}, "cause", "${name}", "", "")`;
  });
  return record(CAUSE, lines(...parts));
}
