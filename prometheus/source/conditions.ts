import {
  GATEWAY,
  HOST,
  inState,
  lines,
  maxBy,
  minBy,
  NOT_ANSWERING,
  onGateway,
  onHost,
  seconds,
  span,
} from './promql.ts';
import type { Thresholds } from './thresholds.ts';

/**
 * The faults that both an alert and the record of the likeliest cause speak of. Together the first five cover every
 * gateway that does not answer, and no two of them hold at once.
 */

const processAlive = `${maxBy(GATEWAY, 'openclaw_gateway_process_up')} == 1`;
const STARTING = 'openclaw_gateway_state{state="starting"}';

/** Name of the record that remembers when the gateway last answered. */
export const LAST_UP = 'instance:openclaw_gateway_up:timestamp_seconds';

/**
 * Was starting a while ago, is past its window and has not answered since this process began. Without the process'
 * start time it is assumed that it has not.
 */
function lateStart(t: Thresholds): string {
  const grace = span(t.late_start_grace);
  const memory = span(t.late_start_grace * 2);
  return lines(
    `${maxBy(GATEWAY, `max_over_time(${STARTING}[${grace}])`)} == 1`,
    `and ${onGateway} ${maxBy(GATEWAY, STARTING)} == 0`,
    `and ${onGateway} ${NOT_ANSWERING}`,
    `and ${onGateway} ${processAlive}`,
    `unless ${onGateway} (last_over_time(${LAST_UP}[${memory}])`,
    `  >= ${onGateway} ${maxBy(GATEWAY, 'openclaw_gateway_process_start_time_seconds')})`,
  );
}

/** Starting for longer than its window, whatever the exporter calls that state by then. */
export function startOverdue(t: Thresholds): string {
  const window = span(t.start_overdue_after);
  return lines(
    `(${minBy(GATEWAY, `min_over_time(${STARTING}[${window}])`)} == 1`,
    `and ${onGateway} ${maxBy(GATEWAY, `${STARTING} offset ${window}`)} == 1)`,
    `or ${onGateway} (${lateStart(t)})`,
  );
}

/** Process alive, connection refused: its listener is gone. */
const refusedAlive = lines(
  `${processAlive}`,
  `and ${onGateway} ${inState('refused')}`,
  `unless ${onGateway} ${maxBy(GATEWAY, 'openclaw_gateway_listener_up')} == 1`,
);

/** A process too young to worry about that has not answered yet: real gateways open their port last. */
function youngStart(t: Thresholds): string {
  const began = maxBy(GATEWAY, 'openclaw_gateway_process_start_time_seconds');
  return lines(
    `time() - ${began} < ${seconds(t.start_overdue_after)}`,
    `unless ${onGateway} (last_over_time(${LAST_UP}[${span(t.start_overdue_after)}]) >= ${onGateway} ${began})`,
  );
}

export function listenerGone(t: Thresholds): string {
  return lines(
    refusedAlive,
    `unless ${onGateway} (${youngStart(t)})`,
    `unless ${onGateway} (${lateStart(t)})`,
  );
}

export function hung(t: Thresholds): string {
  return lines(inState('hung'), `unless ${onGateway} (${lateStart(t)})`);
}

export function foreign(): string {
  return inState('foreign');
}

/** Does not answer, and none of the other four explains why. */
export function down(): string {
  return lines(
    NOT_ANSWERING,
    `unless ${onGateway} ${inState('foreign|draining|starting|hung')}`,
    `unless ${onGateway} (${refusedAlive})`,
  );
}

/** No packet comes back from the gateway's address. */
export function unreachable(): string {
  return inState('unreachable');
}

/**
 * Restarted again and again. Once found it lasts until the gateway answers: a supervisor that gives up turns the loop
 * into a plain "down", which is no new incident.
 */
export function crashLoop(t: Thresholds): string {
  const range = span(t.crash_loop_range);
  const least = t.crash_loop_restarts - 0.5;
  return lines(
    `${maxBy(GATEWAY, `increase(openclaw_gateway_process_restarts_total[${range}])`)} > ${least}`,
    `or ${onGateway} ${maxBy(GATEWAY, `changes(openclaw_gateway_process_start_time_seconds[${range}])`)} > ${least}`,
    `or ${onGateway} (${maxBy(GATEWAY, 'ALERTS{alertname="OpenClawGatewayCrashLoop", alertstate="firing"}')}`,
    `  and ${onGateway} ${NOT_ANSWERING})`,
  );
}

/** A host that was not reachable once for a while, other than by its login or its key being refused. */
export function hostGone(t: Thresholds): string {
  return lines(
    `${maxBy(HOST, `max_over_time(openclaw_ssh_up[${span(t.ssh_down_range)}])`)} == 0`,
    `unless ${onHost} ${recentResult(t, 'auth_denied|host_key_changed')}`,
  );
}

/** The same, of hosts that are meant to be on at all times. */
export function alwaysOnHostGone(t: Thresholds): string {
  return lines(hostGone(t), `unless ${onHost} ${maxBy(HOST, 'openclaw_ssh_host_always_on')} == 0`);
}

/** Hosts with such a probe result lately that are still not up. */
export function recentResult(t: Thresholds, results: string): string {
  const counted = `increase(openclaw_ssh_probes_total{result=~"${results}"}[${span(t.ssh_result_range)}])`;
  return lines(`(${maxBy(HOST, counted)} > 0`, `  unless ${onHost} ${maxBy(HOST, 'openclaw_ssh_up')} == 1)`);
}

/** A path that comes and goes. */
export function hostFlapping(t: Thresholds): string {
  const range = span(t.ssh_flapping_range);
  const least = t.ssh_flapping_changes - 0.5;
  return lines(
    `${maxBy(HOST, `increase(openclaw_ssh_transitions_total[${range}])`)} > ${least}`,
    `or ${onHost} ${maxBy(HOST, `changes(openclaw_ssh_up[${range}])`)} > ${least}`,
  );
}

/** A credential the gateway refuses; one on a host that is itself away says nothing. */
export function tokenMismatch(): string {
  return lines(
    `${minBy(['instance', 'credential', 'host'], 'openclaw_gateway_token_match')} == 0`,
    `unless ${onGateway} ${NOT_ANSWERING}`,
    `unless ${onHost} ${maxBy(HOST, 'openclaw_ssh_up')} == 0`,
  );
}

/** Answers pings, but one function of its API does not work. */
export function partialFailure(): string {
  return lines(
    `${minBy(['instance', 'function'], 'openclaw_gateway_function_up')} == 0`,
    `unless ${onGateway} ${NOT_ANSWERING}`,
    `unless ${onGateway} ${minBy(GATEWAY, 'openclaw_gateway_token_match')} == 0`,
  );
}

/**
 * Cron as a whole is silent: at least two jobs, or the only one, are late, and no job at all has begun since the first
 * of them was due.
 */
export function cronStopped(t: Thresholds): string {
  const late = `openclaw_cron_job_overdue_seconds > ${t.cron_stopped_overdue / 1000}`;
  const lateJobs = `count by (instance) (${maxBy(['instance', 'cron_job_id'], 'openclaw_cron_job_overdue_seconds')} > ${t.cron_stopped_overdue / 1000})`;
  const knownJobs = `count by (instance) (${maxBy(['instance', 'cron_job_id'], 'openclaw_cron_job_overdue_seconds')})`;
  return lines(
    `(${lateJobs} > 1 or ${onGateway} (${lateJobs} == ${onGateway} ${knownJobs}))`,
    `unless ${onGateway} (${maxBy(GATEWAY, 'openclaw_cron_last_run_timestamp_seconds')}`,
    `  > ${onGateway} (time() - ${maxBy(GATEWAY, late)}))`,
    `unless ${onGateway} ${NOT_ANSWERING}`,
  );
}
