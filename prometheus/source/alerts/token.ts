import { SHOW_TOKEN, THEN_EQUAL } from '../../../src/collectors/token/evidence.ts';
import { describeFirstSteps, describeRestart } from '../../../src/diagnosis/repair.ts';
import { partialFailure, tokenMismatch } from '../conditions.ts';
import {
  afterLookback,
  CREDENTIAL_LABELS,
  formatSpan,
  ignoreLabels,
  joinLines,
  keepLast,
  renderQuery,
  selectFiring,
  takeLast,
  takeMax,
  takeMin,
} from '../promql.ts';
import { type AlertRule, ladder, type RuleGroup } from '../rule.ts';
import { exporterNow, NOT_ANSWERING, UP } from '../signals.ts';
import { FULL } from '../steps.ts';
import { unlessSuppressed } from '../suppressors.ts';
import type { Thresholds } from '../thresholds.ts';

/** Does the token still match, and does what needs it work? */
export function tokenGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-token',
      file: 'token',
      rules: [
        ...mismatch(t),
        ...drift(t),
        ...missing(t),
        ...lockOut(t),
        ...protocol(t),
        ...unknown(t),
        ...functions(t),
      ],
    },
  ];
}

/** 2026.5 has no command that shows the token. */
const SHOW = `${SHOW_TOKEN} on the gateway (older: it is in openclaw.json)`;
const WHERE = '{{ with $labels.host }} on {{ . }}{{ end }}';
const MATCH = 'openclaw_gateway_token_match';

function mismatch(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTokenMismatch',
      incident: 'token-mismatch',
      about: CREDENTIAL_LABELS,
      expr: tokenMismatch(t),
      keepMs: t.token_settle,
      summary: `OpenClaw gateway {{ $labels.instance }} rejects the token${WHERE}`,
      description: `The credential "{{ $labels.credential }}"${WHERE} is not the one that the running gateway accepts: "gateway token mismatch". Clients that use it fail; cron jobs still run. {{ with ${renderQuery(t, 'openclaw_gateway_token_variants{@}')} }}{{ (. | first).Value }} different value(s) are configured.{{ end }}`,
      catalogue: ['T1', 'T11', 'C11', 'T1+N6', 'N8+T1', 'C7+T1', 'G5+T2'],
    },
    [
      {
        phase: 2,
        severity: 'critical',
        forMs: t.token_mismatch_for,
        next: `${SHOW}: ${THEN_EQUAL}, ${describeRestart()}`,
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: t.token_climb_to_3,
        next: `with a service: openclaw gateway install --force; then ${FULL}`,
      },
    ],
  );
}

function drift(t: Thresholds): AlertRule[] {
  const any = ignoreLabels(...CREDENTIAL_LABELS);
  const inSync = keepLast(t, 'openclaw_gateway_token_in_sync', CREDENTIAL_LABELS);
  return ladder(
    {
      alert: 'OpenClawTokenDrift',
      incident: 'token-drift',
      about: CREDENTIAL_LABELS,
      expr: unlessSuppressed(
        t,
        'token-drift',
        joinLines(
          `(${takeMin([], inSync)} == 0`,
          `or ${any} ${takeMax([], keepLast(t, 'openclaw_gateway_token_variants'))} > 1)`,
        ),
        { own: CREDENTIAL_LABELS },
      ),
      keepMs: t.token_drift_for,
      summary: 'The token of OpenClaw gateway {{ $labels.instance }} differs between the places that hold it',
      description: `{{ with $labels.credential }}The copy in "{{ . }}" is not the accepted one${WHERE}.{{ else }}{{ $value }} different values are configured.{{ end }} Nothing fails yet; the next restart or the next client will.`,
      catalogue: ['T2', 'T3', 'T10', 'G5+T2'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: t.token_drift_for,
        next: `${SHOW}: decide, make the copies equal before any restart; a service file: openclaw gateway install --force`,
      },
    ],
  );
}

function missing(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTokenMissing',
      incident: 'token-missing',
      expr: joinLines(
        `${takeMax(CREDENTIAL_LABELS, keepLast(t, 'openclaw_gateway_token_present', CREDENTIAL_LABELS))} == 0`,
        `unless ${takeMax(CREDENTIAL_LABELS, keepLast(t, MATCH, CREDENTIAL_LABELS))}`,
      ),
      summary: 'No token is configured for OpenClaw gateway {{ $labels.instance }}',
      description:
        'No place that this exporter can read holds a token, so whether clients can log in is unknown. A gateway without one generates its own at each start.',
      catalogue: ['T5'],
    },
    [
      {
        phase: 2,
        severity: 'info',
        forMs: t.token_missing_for,
        next: `openclaw doctor --generate-gateway-token, then, ${describeRestart()}`,
      },
    ],
  );
}

function lockOut(t: Thresholds): AlertRule[] {
  const refused = `increase(openclaw_gateway_auth_attempts_total{result="rate_limited"}[${formatSpan(t.lockout_range)}])`;
  const until = takeMax([], keepLast(t, 'openclaw_gateway_auth_locked_until_timestamp_seconds'));
  return ladder(
    {
      alert: 'OpenClawAuthLockout',
      incident: 'lock-out',
      expr: unlessSuppressed(
        t,
        'lock-out',
        joinLines(`(${until} - ${exporterNow(until)} > 0`, `or ${takeMax(['result'], refused)} > 0)`),
      ),
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} has locked out the address of its exporter',
      description:
        'After too many failed attempts it rejects every client behind this address, those with the right token too. The lock-out ends by itself, usually within 5 minutes, once no client retries.',
      catalogue: ['T6', 'T6+G6'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: 0,
        next: 'find the client that retries with a wrong token and stop it; then wait',
      },
    ],
  );
}

/** Holds until a verdict is back: after one refusal the exporter does not ask again. */
function protocol(t: Thresholds): AlertRule[] {
  const refused = `increase(openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}[${formatSpan(t.protocol_range)}])`;
  return ladder(
    {
      alert: 'OpenClawProtocolMismatch',
      incident: 'protocol',
      expr: joinLines(
        `(${takeMax(['result'], refused)} > 0 or ${selectFiring('protocol', 'warning')})`,
        `unless ${takeMax(CREDENTIAL_LABELS, keepLast(t, MATCH, CREDENTIAL_LABELS))}`,
        `unless ${NOT_ANSWERING}`,
      ),
      summary: 'OpenClaw gateway {{ $labels.instance }} speaks a protocol that this exporter does not',
      description:
        'It rejects the handshake before it checks any token. Whether the token matches is unknown; everything else is still measured.',
      catalogue: ['T7'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: 0,
        next: 'update openclaw-gateway-exporter to a version that supports this gateway',
      },
    ],
  );
}

function unknown(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTokenUnknown',
      incident: 'token-unknown',
      expr: joinLines(
        `${takeMax(CREDENTIAL_LABELS, keepLast(t, 'openclaw_gateway_token_present', CREDENTIAL_LABELS))} == 1`,
        `and ${UP} == 1`,
        `unless ${takeMax(CREDENTIAL_LABELS, takeLast(t, MATCH))}`,
        `unless ${selectFiring('protocol', 'warning')}`,
        `unless ${selectFiring('lock-out', 'warning')}`,
      ),
      keepMs: t.settle,
      summary: 'Whether the token of OpenClaw gateway {{ $labels.instance }} matches is unknown',
      description: `A token is present and the gateway answers, but there has been no verdict for ${formatSpan(t.token_unknown_for)}: a new protocol, a proxy that answers 403, or attempts that are suppressed.`,
      catalogue: ['T12'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: t.token_unknown_for,
        next: 'the status page of the exporter shows why; then openclaw gateway status --deep',
      },
    ],
  );
}

function functions(t: Thresholds): AlertRule[] {
  const next = 'openclaw doctor, openclaw gateway status --deep: credentials and configuration';
  return ladder(
    {
      alert: 'OpenClawPartialFailure',
      incident: 'partial-failure',
      about: ['function'],
      expr: partialFailure(t, 'lately'),
      keepMs: t.settle,
      summary: 'OpenClaw gateway {{ $labels.instance }} answers, but {{ $labels.function }} fails',
      description:
        'Pings succeed and the token is accepted, yet the API function {{ $labels.function }} fails or times out: a part of the gateway has failed.',
      catalogue: ['T8', 'T9'],
    },
    [
      {
        phase: 1,
        severity: 'critical',
        forMs: afterLookback(t, t.function_down_for),
        next: describeFirstSteps('partial-failure'),
      },
      { phase: 2, severity: 'critical', forMs: afterLookback(t, t.climb_to_2), next },
      { phase: 3, severity: 'critical', forMs: afterLookback(t, t.climb_to_3), next: FULL },
    ],
  );
}
