import type { Cause, Evidence } from '../core/collector.ts';
import type { TargetState } from '../core/collector-loop.ts';
import { decides } from '../core/verdict.ts';
import type { Fault } from '../lib/faults.ts';
import type { Layer } from '../lib/vocabulary.ts';
import { diagnose } from './cause.ts';
import { CAUSES, statesFact } from './causes.ts';

/** A fault that the bundled rules page for. */
export interface PagingFault {
  readonly fault: Fault;
  /** The critical alert. */
  readonly alert: string;
  /** How long the fault must hold, milliseconds: the alert's `for`, and the range before it where it has one. */
  readonly afterMs: number;
}

const MINUTE_MS = 60_000;

/**
 * What the bundled rules call critical at their default thresholds, by the fault that evidence states, for
 * those who are paged without Prometheus. Where several faults lead to one alert, each has its row.
 */
export const PAGING: readonly PagingFault[] = [
  { fault: 'gateway-down', alert: 'OpenClawGatewayDown', afterMs: 3 * MINUTE_MS },
  { fault: 'service-down', alert: 'OpenClawGatewayDown', afterMs: 3 * MINUTE_MS },
  { fault: 'port-held', alert: 'OpenClawGatewayDown', afterMs: 3 * MINUTE_MS },
  { fault: 'gateway-hung', alert: 'OpenClawGatewayHung', afterMs: 3 * MINUTE_MS },
  { fault: 'process-stopped', alert: 'OpenClawGatewayHung', afterMs: 3 * MINUTE_MS },
  { fault: 'listener-gone', alert: 'OpenClawGatewayListenerGone', afterMs: 6 * MINUTE_MS },
  { fault: 'port-foreign', alert: 'OpenClawGatewayPortForeign', afterMs: MINUTE_MS },
  { fault: 'draining', alert: 'OpenClawGatewayDraining', afterMs: 6 * MINUTE_MS },
  { fault: 'forwarder-gone', alert: 'OpenClawGatewayNotAnswering', afterMs: 15 * MINUTE_MS },
  { fault: 'behind-forwarder', alert: 'OpenClawGatewayNotAnswering', afterMs: 15 * MINUTE_MS },
  { fault: 'unreachable', alert: 'OpenClawGatewayNotAnswering', afterMs: 15 * MINUTE_MS },
  { fault: 'start-overdue', alert: 'OpenClawGatewayNotAnswering', afterMs: 15 * MINUTE_MS },
  { fault: 'crash-loop', alert: 'OpenClawGatewayCrashLoop', afterMs: 0 },
  { fault: 'service-loop', alert: 'OpenClawGatewayCrashLoop', afterMs: 0 },
  { fault: 'disk', alert: 'OpenClawDiskFilling', afterMs: 30 * MINUTE_MS },
  { fault: 'token-mismatch', alert: 'OpenClawTokenMismatch', afterMs: 3 * MINUTE_MS },
  { fault: 'partial-failure', alert: 'OpenClawPartialFailure', afterMs: MINUTE_MS },
  { fault: 'cron-stopped', alert: 'OpenClawCronStopped', afterMs: 5 * MINUTE_MS },
  { fault: 'ssh-down', alert: 'OpenClawSshHostDown', afterMs: 7 * MINUTE_MS },
  { fault: 'security', alert: 'OpenClawSshHostKeyChanged', afterMs: 0 },
];

/** After this long without any verdict about the gateway's answers the watch itself has failed. */
export const UNOBSERVED_MS = 20 * MINUTE_MS;

const AFTER_MS: ReadonlyMap<Fault, number> = new Map(PAGING.map(({ fault, afterMs }) => [fault, afterMs]));

/** Why a person has to be woken. Holds no name of a host, a job or a gateway. */
export interface Page {
  readonly cause: Cause;
  readonly layer: Layer;
  /** The fact, in a sentence. */
  readonly fact: string;
}

/** What a decision about paging is made from. */
export interface PagingInput {
  readonly states: readonly TargetState[];
  /** Since when the layer `answers` has its verdict; wall time, milliseconds. */
  readonly answersSinceMs: number | undefined;
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * The likeliest cause of what has been bad for long enough to page; undefined where
 * nothing has, and during declared maintenance.
 */
export function decidePage({ states, answersSinceMs, nowMs }: PagingInput): Page | undefined {
  if (states.some(({ evidence }) => evidence.some(({ planned }) => planned === true))) return undefined;
  if (isDue(states, nowMs)) {
    const { likeliest } = diagnose(states);
    if (likeliest !== undefined) {
      const { cause, evidence } = likeliest;
      return { cause, layer: evidence.layer, fact: describe(evidence) };
    }
  }
  const isUnobserved = diagnose(states).layers.get('answers') === 'unknown';
  if (!isUnobserved || answersSinceMs === undefined || nowMs - answersSinceMs < UNOBSERVED_MS)
    return undefined;
  return { cause: 'process', layer: 'answers', fact: 'The gateway cannot be observed.' };
}

function isDue(states: readonly TargetState[], nowMs: number): boolean {
  return states.some(({ evidence, sinceMs }) =>
    evidence.some((one, index) => {
      if (one.verdict !== 'bad' || !decides(one)) return false;
      const afterMs = findDelay(one);
      return afterMs !== undefined && nowMs - (sinceMs?.[index] ?? nowMs) >= afterMs;
    }),
  );
}

/** Evidence that names no fault is that of the row that reads it as one. */
function findDelay(evidence: Evidence): number | undefined {
  if (evidence.fault !== undefined) return AFTER_MS.get(evidence.fault);
  const row = CAUSES.find((one) => statesFact(one, evidence));
  return row === undefined ? undefined : AFTER_MS.get(row.fault);
}

function describe(evidence: Evidence): string {
  return CAUSES.find((row) => statesFact(row, evidence))?.fact ?? 'The layer is bad.';
}
