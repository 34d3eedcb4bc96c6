const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as Prometheus writes a duration, in its largest whole unit. */
export function span(ms: number): string {
  const unit = UNITS.find(([, size]) => ms >= size && ms % size === 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
}

/** Milliseconds as a number of seconds for use inside an expression. */
export function seconds(ms: number): string {
  return String(ms / 1000);
}

/**
 * The largest of an expression by the labels that name what it is about. Labels of Prometheus' own making (`job`) are
 * dropped so that an alert is the same wherever it was seen from.
 */
export function maxBy(labels: readonly string[], expression: string): string {
  return `max by (${labels.join(', ')}) (${expression})`;
}

export function minBy(labels: readonly string[], expression: string): string {
  return `min by (${labels.join(', ')}) (${expression})`;
}

/** Labels that name a gateway, a host, a job of cron. */
export const GATEWAY = ['instance'] as const;
export const HOST = ['instance', 'host'] as const;
export const CREDENTIAL = ['instance', 'credential', 'host'] as const;
export const CRON_JOB = ['instance', 'cron_job', 'cron_job_id'] as const;
export const PEER = ['instance', 'peer'] as const;

export const onGateway = 'on (instance)';
export const onHost = 'on (instance, host)';

/** Joins parts of an expression, one a line. */
export function lines(...parts: readonly string[]): string {
  return parts.join('\n');
}

/** Where the gateway is known not to answer; most symptoms mean nothing then. */
export const NOT_ANSWERING = `${maxBy(GATEWAY, 'openclaw_gateway_up')} == 0`;

/** Where the gateway is in one of these states. */
export function inState(states: string): string {
  return `${maxBy(GATEWAY, `openclaw_gateway_state{state=~"${states}"}`)} == 1`;
}
