import type { Holder } from '../../core/facts.ts';
import type { HealthOutcome, Readiness, Startup } from '../../gateway/http.ts';
import type { GatewayState, PingResult } from '../../lib/vocabulary.ts';

/** What one look at the gateway's HTTP answers gave; times in milliseconds. */
export interface Answers {
  readonly health: Exclude<HealthOutcome, { state: 'blind' }>;
  readonly ready: Readiness | undefined;
  readonly startup: Startup | undefined;
  /**
   * Whether the gateway refuses with 403 what `/healthz` alone is exempt from, as it does
   * to a proxy it does not trust.
   */
  readonly isProxyRefused: boolean;
  /** What holds the port on this machine, where that is known. */
  readonly holder: Holder | undefined;
  /** Where the gateway's process listens, where that is another port than the one that was asked. */
  readonly listensAt: string | undefined;
  /** Age of the gateway's process, where it is known, runs and has never been up. */
  readonly newProcessAgeMs: number | undefined;
  readonly startupWindowMs: number;
}

/**
 * Statuses with which a proxy says that nothing accepts behind it, and that what accepted does not answer.
 */
const REFUSED_BEHIND = [502, 503];
const SILENT_BEHIND = 504;

/** What a ping showed of the gateway itself, where a program in between answered in its place. */
export function healthBehind(health: Answers['health'], holder: Holder | undefined): Answers['health'] {
  if (holder?.kind !== 'forwarder') return health;
  // A tunnel accepts, and closes as soon as the connection at its other end is refused.
  if (health.state === 'dropped') return { state: 'refused' };
  if (health.state !== 'foreign' || health.status === undefined) return health;
  if (REFUSED_BEHIND.includes(health.status)) return { state: 'refused' };
  if (health.status !== SILENT_BEHIND) return health;
  return {
    state: 'silent',
    reason: `no answer from the gateway behind ${holder.name} (HTTP ${SILENT_BEHIND})`,
  };
}

/**
 * The one state that holds. Draining and starting are the gateway's own words, or a
 * young process without answers.
 */
export function gatewayState(answers: Answers): GatewayState {
  const { state } = answers.health;
  if (state === 'unreachable' || state === 'refused' || state === 'foreign') return state;
  if (isDraining(answers)) return 'draining';
  if (state === 'live') return saysStarting(answers) ? 'starting' : 'up';
  return isYoung(answers) ? 'starting' : 'hung';
}

/** Whether the gateway's process has never been up and is young enough to be starting. */
export function isYoung({ newProcessAgeMs, startupWindowMs }: Answers): boolean {
  return newProcessAgeMs !== undefined && newProcessAgeMs < startupWindowMs;
}

/** Whether the gateway has finished its start, so that silence from now on is a hang. */
export function hasStarted({ health, ready, startup }: Answers): boolean {
  return (
    health.state === 'live' && startup?.status !== 'starting' && !ready?.failing?.includes('startup-sidecars')
  );
}

/** The result that is counted for one ping. */
export function pingResult({ state }: Answers['health']): PingResult {
  if (state === 'live') return 'ok';
  if (state === 'silent') return 'timeout';
  return state === 'dropped' ? 'other' : state;
}

const MAX_SUBSYSTEMS = 32;
const MAX_LABEL_LENGTH = 64;

/**
 * What `/readyz` calls failing, as label values: without the name of an instance after a colon (an agent's,
 * say), and bounded, because channels are configured by users.
 */
export function failingSubsystems(ready: Readiness | undefined): string[] {
  const names = (ready?.failing ?? []).map((name) => {
    const kind = name.split(':', 1)[0] ?? '';
    return /^[\w.-]+$/.test(kind) && kind.length <= MAX_LABEL_LENGTH ? kind : 'other';
  });
  const distinct = [...new Set(names)];
  if (distinct.length <= MAX_SUBSYSTEMS) return distinct;
  return [...distinct.filter((name) => name !== 'other').slice(0, MAX_SUBSYSTEMS - 1), 'other'];
}

function isDraining({ health, ready, startup }: Answers): boolean {
  return (
    health.state === 'live' &&
    (startup?.status === 'draining' || ready?.failing?.includes('gateway-draining') === true)
  );
}

function saysStarting({ startup, startupWindowMs }: Answers): boolean {
  return startup?.status === 'starting' && (startup.uptimeMs ?? 0) < startupWindowMs;
}
