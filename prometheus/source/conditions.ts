import type { Fault } from '../../src/lib/faults.ts';
import {
  CREDENTIAL_LABELS,
  formatSeconds,
  formatSpan,
  HOST_LABELS,
  JOB_LABELS,
  joinLines,
  keepLast,
  neverGood,
  selectFired,
  selectFiring,
  takeCount,
  takeMax,
  takeMin,
} from './promql.ts';
import { type RecordRule, record } from './rule.ts';
import {
  exporterNow,
  inState,
  LAST_UP,
  MAINTENANCE,
  NOT_ANSWERING,
  PROCESS,
  START,
  STATE,
} from './signals.ts';
import { CRASH_LOOP, unlessSuppressed } from './suppressors.ts';
import type { Thresholds } from './thresholds.ts';

/**
 * The faults that both an alert and the record of the likeliest cause speak of. Together the first five cover
 * every gateway that does not answer, and no two of them hold at once.
 */

/** How often the gateway's process was restarted when a page of it was last open. */
const PAGED_RESTARTS = 'instance:openclaw_gateway_process_restarts:paged';
const RESTARTS = 'openclaw_gateway_process_restarts_total';
const STARTING = `${STATE}{state="starting"}`;
const takeState = (expression: string) => `max without (state) (${expression})`;

/**
 * Was starting a while ago, is past its window and has not answered since this process began. Without the
 * process' start time it is assumed that it has not.
 */
function lateStart(t: Thresholds): string {
  const grace = formatSpan(t.late_start_grace);
  const memory = formatSpan(t.late_start_grace * 2);
  return joinLines(
    `${takeState(`max_over_time(${STARTING}[${grace}])`)} == 1`,
    `and ${takeState(STARTING)} == 0`,
    `and ${NOT_ANSWERING}`,
    `and ${PROCESS} == 1`,
    `unless (last_over_time(${LAST_UP}[${memory}]) >= ${START})`,
  );
}

/** Starting for longer than its window, whatever the exporter calls that state by then. */
export function startOverdue(t: Thresholds): string {
  const window = formatSpan(t.start_overdue_after);
  return joinLines(
    `(${takeState(`min_over_time(${STARTING}[${window}])`)} == 1`,
    `and ${takeState(`${STARTING} offset ${window}`)} == 1)`,
    `or (${lateStart(t)})`,
  );
}

/** Process alive, connection refused: its listener is gone. */
function refusedAlive(t: Thresholds): string {
  return joinLines(
    `${PROCESS} == 1`,
    `and ${inState('refused')}`,
    `unless ${takeMax([], keepLast(t, 'openclaw_gateway_listener_up'))} == 1`,
  );
}

/**
 * A process that was another one, or none, a while ago and has not answered yet: real gateways open their
 * port last. Compared with its own past, since the clocks of Prometheus and the exporter may be apart.
 */
function youngStart(t: Thresholds): string {
  const window = formatSpan(t.start_overdue_after);
  return joinLines(
    `${START} unless (${START} == ${START} offset ${window})`,
    `unless (last_over_time(${LAST_UP}[${window}]) >= ${START})`,
  );
}

export function listenerGone(t: Thresholds): string {
  return joinLines(refusedAlive(t), `unless (${youngStart(t)})`, `unless (${lateStart(t)})`);
}

export function hung(t: Thresholds): string {
  return joinLines(inState('hung'), `unless (${lateStart(t)})`);
}

export function foreign(): string {
  return inState('foreign');
}

/** Does not answer, and none of the other four explains why. */
export function down(t: Thresholds): string {
  return joinLines(
    NOT_ANSWERING,
    `unless ${inState('foreign|draining|starting|hung')}`,
    `unless (${refusedAlive(t)})`,
  );
}

/** No packet comes back from the gateway's address. */
export function unreachable(): string {
  return inState('unreachable');
}

/**
 * One outage is one page, though its state may change on the way: a page that is open stays until the gateway
 * answers and keeps others from opening.
 */
export function stayOpen(t: Thresholds, condition: string, incident: Fault, others: string): string {
  const open = joinLines(
    `(${condition}`,
    `or (${selectFiring(incident, 'critical')} and ${NOT_ANSWERING} unless ${inState('foreign')}))`,
    `unless ${selectFiring(others, 'critical')}`,
  );
  return unlessSuppressed(t, incident, open);
}

/** Pages of a gateway that does not answer: whatever it does until it answers again is part of them. */
const OUTAGES = 'gateway-.*|listener-gone|port-foreign|draining';

/**
 * Restarted again and again. Restarts during declared maintenance do not count: for the length of a range
 * after it only a shorter range is read. Restarts while a page of the same gateway is open do not count either:
 * the first page is the only one of an outage. Once found it lasts until the gateway answers: a supervisor that
 * gives up turns the loop into a plain "down", which is no new incident.
 */
export function crashLoopRecords(t: Thresholds): RecordRule[] {
  const fast = formatSpan(t.crash_loop_range);
  const brief = formatSpan(Math.max(t.crash_loop_range / 3, 4 * t.scrape_interval));
  const slow = formatSpan(t.crash_loop_slow_range);
  const total = takeMax([], keepLast(t, RESTARTS));
  const starts = takeMax([], `changes(openclaw_gateway_process_start_time_seconds[${fast}])`);
  const service = takeMax(['manager'], `delta(openclaw_gateway_service_restarts[${fast}])`);
  const least = t.crash_loop_restarts - 0.5;
  const since = (range: string) => `unless max_over_time(${MAINTENANCE}[${range}])`;
  const restarts = (range: string, limit: number) =>
    joinLines(
      `(${takeMax([], `increase(${RESTARTS}[${range}])`)} > ${limit} ${since(range)}`,
      `  unless (${total} - last_over_time(${PAGED_RESTARTS}[${range}]) < ${limit}))`,
    );
  return [
    record(PAGED_RESTARTS, `${total} and ${selectFiring(OUTAGES, 'critical')}`),
    record(
      CRASH_LOOP,
      joinLines(
        restarts(fast, least),
        `or ${restarts(brief, least)}`,
        `or ((${starts} > ${least} or (${service} > ${least} and ${NOT_ANSWERING})) ${since(fast)}`,
        `  unless ${selectFired(OUTAGES, 'critical', fast)})`,
        `or ${restarts(slow, t.crash_loop_slow_restarts - 0.5)}`,
        `or (last_over_time(${CRASH_LOOP}[${formatSpan(t.exporter_absent_range)}]) and ${NOT_ANSWERING})`,
      ),
    ),
  ];
}

/**
 * A host that was not reachable once for a while, other than because it refuses us: a login, a key, a
 * person's check, a limit on connections. Where only gauges tell, a host that sends its banner is there.
 */
export function hostGone(t: Thresholds): string {
  return joinLines(
    `${takeMax([], `max_over_time(openclaw_ssh_up[${formatSpan(t.ssh_down_range)}])`)} == 0`,
    `unless ${recentResult(t, 'auth_denied|host_key_changed|check_pending|throttled')}`,
    `unless ${refusesLogin(t)}`,
  );
}

/** The same, of hosts that are meant to be on at all times. */
export function alwaysOnHostGone(t: Thresholds): string {
  return joinLines(
    hostGone(t),
    `unless ${takeMax([], keepLast(t, 'openclaw_ssh_host_always_on', HOST_LABELS))} == 0`,
  );
}

/** Hosts with such a probe result lately that are still not up. */
export function recentResult(t: Thresholds, results: string): string {
  const counted = `increase(openclaw_ssh_probes_total{result=~"${results}"}[${formatSpan(t.ssh_result_range)}])`;
  const now = keepLast(t, `openclaw_ssh_result{result=~"${results}"}`, ['host', 'result']);
  return joinLines(
    `((${takeMax(['result'], counted)} > 0 or ${takeMax(['result'], now)} == 1)`,
    `  unless ${takeMax([], 'openclaw_ssh_up')} == 1)`,
  );
}

/**
 * `/probe` has gauges only: a banner without a command is a refused login, where no result says otherwise.
 */
export function refusesLogin(t: Thresholds): string {
  const phase = (name: string) =>
    takeMax(['phase'], keepLast(t, `openclaw_ssh_phase_up{phase="${name}"}`, ['host', 'phase']));
  return joinLines(
    `((${phase('banner')} == 1 and ${phase('command')} == 0)`,
    `  unless (${takeMax(['result'], 'openclaw_ssh_probes_total')} or ${takeMax(['result'], 'openclaw_ssh_result')}))`,
  );
}

/** A path that comes and goes. */
export function hostFlapping(t: Thresholds): string {
  const range = formatSpan(t.ssh_flapping_range);
  const least = t.ssh_flapping_changes - 0.5;
  return joinLines(
    `${takeMax([], `increase(openclaw_ssh_transitions_total[${range}])`)} > ${least}`,
    `or ${takeMax([], `changes(openclaw_ssh_up[${range}])`)} > ${least}`,
  );
}

/** A credential the gateway refuses; one on a host that is itself away says nothing. */
export function tokenMismatch(t: Thresholds): string {
  const mismatch = `${takeMin([], keepLast(t, 'openclaw_gateway_token_match', CREDENTIAL_LABELS))} == 0`;
  return unlessSuppressed(t, 'token-mismatch', mismatch, { own: CREDENTIAL_LABELS });
}

/**
 * Answers pings, but one function of its API does not work: at this moment, or not
 * once in the lookback window.
 */
export function partialFailure(t: Thresholds, when: 'now' | 'lately'): string {
  const series = 'openclaw_gateway_function_up';
  const failure =
    when === 'now' ? `${takeMin([], keepLast(t, series, ['function']))} == 0` : neverGood(t, series);
  return unlessSuppressed(t, 'partial-failure', failure, { own: ['function'], when });
}

/** Jobs of the gateway's own scheduler; `log:` jobs belong to the system's crontab. */
const OWN_JOBS = 'cron_job_id!~"log:.*"';

/**
 * Cron as a whole is silent: at least two jobs, or the only one, are late, no job at all has begun since the
 * first of them was due, and no run is under way that they could be waiting for.
 */
export function cronStopped(t: Thresholds): string {
  const overdue = keepLast(t, `openclaw_cron_job_overdue_seconds{${OWN_JOBS}}`, JOB_LABELS);
  const late = `${overdue} > ${formatSeconds(t.cron_stopped_overdue)}`;
  const count = (jobs: string) => takeCount(['cron_job_id'], takeMax(['cron_job'], jobs));
  const lastRun = takeMax(JOB_LABELS, `openclaw_cron_last_run_timestamp_seconds{${OWN_JOBS}}`);
  const latest = takeMax(JOB_LABELS, late);
  const silent = joinLines(
    `(${count(late)} > 1 or (${count(late)} == ${count(overdue)}))`,
    `unless (${lastRun} > (${exporterNow(lastRun)} - ${latest}))`,
    `unless (${runUnderWay(t)})`,
  );
  return unlessSuppressed(t, 'cron-stopped', silent);
}

/** A run that other jobs may be waiting for: known as such, or due in the past and yet not overdue. */
function runUnderWay(t: Thresholds): string {
  const limit = formatSeconds(t.cron_long_run);
  const progress = takeMax(JOB_LABELS, `openclaw_cron_run_in_progress_seconds{${OWN_JOBS}} > 0 <= ${limit}`);
  const next = takeMax(
    JOB_LABELS,
    joinLines(
      `openclaw_cron_next_run_timestamp_seconds{${OWN_JOBS}} > time() - ${limit} < time() - ${formatSeconds(t.lookback)}`,
      `and (openclaw_cron_job_overdue_seconds{${OWN_JOBS}} == 0)`,
    ),
  );
  return joinLines(progress, `or ${next}`);
}
