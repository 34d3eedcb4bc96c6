import { CAUSES, type Suppressor } from '../../src/diagnosis/causes.ts';
import type { Fault } from '../../src/lib/faults.ts';
import {
  CREDENTIAL_LABELS,
  formatSpan,
  HOST_LABELS,
  ignoreLabels,
  joinLines,
  keepLast,
  selectFiring,
  takeMax,
  takeMin,
} from './promql.ts';
import { NOT_ANSWERING, notAnsweringLately, STATE } from './signals.ts';
import type { Thresholds } from './thresholds.ts';

/** Present while a crash loop lasts: once found, until the gateway answers. */
export const CRASH_LOOP = 'instance:openclaw_gateway_crash_loop:active';
/** Jobs whose last run failed for a provider's reason, where most jobs that have one do. */
export const PROVIDER_FAILING = 'instance:openclaw_cron_jobs_failing_by_provider:count';
/** Jobs that fail at the same time, whatever the reason, where most jobs do. */
export const MANY_FAILING = 'instance:openclaw_cron_jobs_failing:count';
/** What explains the failures of single jobs. */
export const SHARED_CAUSE = `(${PROVIDER_FAILING} or ${MANY_FAILING})`;

/** Cron is switched off on purpose: nothing is due. */
export function schedulerDisabled(t: Thresholds): string {
  return `${takeMax([], keepLast(t, 'openclaw_cron_scheduler_enabled'))} == 0`;
}

/** Whether a suppressor counts while it holds, or also when it held at some moment of the lookback window. */
type When = 'now' | 'lately';
/** An expression that is present while a suppressor holds, and its labels besides those of the target. */
interface Condition {
  readonly expr: string;
  readonly labels?: readonly string[];
}

const inStateLately = (t: Thresholds, state: string) =>
  `max without (state) (max_over_time(${STATE}{state="${state}"}[${formatSpan(t.lookback)}])) == 1`;

/** Every suppressor of the table of causes, as Prometheus knows it. */
const CONDITIONS: Readonly<Partial<Record<Suppressor, (t: Thresholds, when: When) => Condition>>> = {
  'not-answering': (t, when) => ({ expr: when === 'now' ? NOT_ANSWERING : notAnsweringLately(t) }),
  'cron-disabled': (t) => ({ expr: `(${schedulerDisabled(t)})` }),
  'shared-cause': () => ({ expr: SHARED_CAUSE }),
  'crash-loop': () => ({ expr: CRASH_LOOP }),
  'gateway-down': () => ({ expr: selectFiring('gateway-down', 'critical') }),
  'ssh-down': (t) => ({
    expr: `${takeMax([], keepLast(t, 'openclaw_ssh_up', HOST_LABELS))} == 0`,
    labels: HOST_LABELS,
  }),
  'token-mismatch': (t) => ({
    expr: `${takeMin(CREDENTIAL_LABELS, keepLast(t, 'openclaw_gateway_token_match', CREDENTIAL_LABELS))} == 0`,
  }),
  starting: (t) => ({ expr: inStateLately(t, 'starting') }),
  draining: (t) => ({ expr: inStateLately(t, 'draining') }),
};

/** How the expression of a fault's alert is matched with its suppressors. */
interface Match {
  /** Labels of the expression besides those of the target. */
  readonly own?: readonly string[];
  readonly when?: When;
}

/**
 * The condition of a fault without what suppresses its alert by the table of causes (docs/causes.md).
 * @throws an Error for a suppressor that Prometheus does not know.
 */
export function unlessSuppressed(
  t: Thresholds,
  fault: Fault,
  condition: string,
  { own = [], when = 'now' }: Match = {},
): string {
  const suppressors = CAUSES.find((row) => row.fault === fault)?.unless ?? [];
  const chain = suppressors.map((suppressor) => {
    const find = CONDITIONS[suppressor];
    if (find === undefined) throw new Error(`no expression for the suppressor ${suppressor} of ${fault}`);
    const { expr, labels = [] } = find(t, when);
    const ignored = ignoreLabels(...own.filter((label) => !labels.includes(label)));
    return ['unless', ignored, expr].filter((part) => part !== '').join(' ');
  });
  return joinLines(condition, ...chain);
}
