import { SHOW_TOKEN, THEN_EQUAL } from '../../src/collectors/token/evidence.ts';
import { partialFailure, tokenMismatch } from './conditions.ts';
import { FULL } from './gateway.ts';
import {
  CREDENTIAL,
  GATEWAY,
  HOST,
  lines,
  maxBy,
  minBy,
  NOT_ANSWERING,
  onGateway,
  onHost,
  span,
} from './promql.ts';
import { type AlertRule, ladder, type RuleGroup } from './rule.ts';
import type { Thresholds } from './thresholds.ts';

/** Does the token still match, and does what needs it work? */
export function tokenGroups(t: Thresholds): RuleGroup[] {
  return [
    {
      name: 'openclaw-token',
      file: 'token',
      rules: [...mismatch(t), ...drift(t), ...missing(t), ...lockOut(t), ...protocol(t), ...functions(t)],
    },
  ];
}

/** 2026.5 has no command that shows the token. */
const SHOW = `${SHOW_TOKEN} on the gateway (older: it stands in openclaw.json)`;
const WHERE = '{{ with $labels.host }} on {{ . }}{{ end }}';

function mismatch(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTokenMismatch',
      incident: 'token-mismatch',
      expr: tokenMismatch(),
      keepMs: t.token_mismatch_for,
      summary: `The OpenClaw gateway of {{ $labels.instance }} refuses the token${WHERE}`,
      description: `The credential "{{ $labels.credential }}"${WHERE} is not the one the running gateway accepts: "gateway token mismatch". Clients with it fail; cron goes on. {{ with printf "openclaw_gateway_token_variants{instance='%s'}" $labels.instance | query }}{{ (. | first).Value }} different value(s) are configured.{{ end }}`,
      catalogue: ['T1', 'C11', 'T1+N6', 'N8+T1', 'C7+T1', 'G5+T2'],
    },
    [
      {
        phase: 2,
        severity: 'critical',
        forMs: t.token_mismatch_for,
        next: `${SHOW}: ${THEN_EQUAL}`,
      },
      {
        phase: 3,
        severity: 'critical',
        forMs: t.token_climb_to_3,
        next: `openclaw gateway install --force, then ${FULL}`,
      },
    ],
  );
}

function drift(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawTokenDrift',
      incident: 'token-drift',
      expr: lines(
        `(${minBy(CREDENTIAL, 'openclaw_gateway_token_in_sync')} == 0`,
        `or ${onGateway} ${maxBy(GATEWAY, 'openclaw_gateway_token_variants')} > 1)`,
        `unless ${onGateway} ${minBy(GATEWAY, 'openclaw_gateway_token_match')} == 0`,
        `unless ${onHost} ${maxBy(HOST, 'openclaw_ssh_up')} == 0`,
      ),
      keepMs: t.token_drift_for,
      summary:
        'The token of the OpenClaw gateway of {{ $labels.instance }} differs between the places that hold it',
      description: `{{ with $labels.credential }}The copy in "{{ . }}" is not the accepted one${WHERE}.{{ else }}{{ $value }} different values are configured.{{ end }} Nobody fails yet; the next restart or the next client will.`,
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
      expr: lines(
        `${maxBy(GATEWAY, 'openclaw_gateway_token_present')} == 0`,
        `unless ${onGateway} ${maxBy(GATEWAY, 'openclaw_gateway_token_match')}`,
      ),
      summary: 'No token is configured for the OpenClaw gateway of {{ $labels.instance }}',
      description:
        'No place this exporter can see holds a token, so whether clients can log in is not known. A gateway without one makes its own at each start.',
      catalogue: ['T5'],
    },
    [
      {
        phase: 2,
        severity: 'info',
        forMs: t.token_missing_for,
        next: 'openclaw doctor --generate-gateway-token, then openclaw gateway restart',
      },
    ],
  );
}

function lockOut(t: Thresholds): AlertRule[] {
  const refused = `increase(openclaw_gateway_auth_attempts_total{result="rate_limited"}[${span(t.lockout_range)}])`;
  return ladder(
    {
      alert: 'OpenClawAuthLockout',
      incident: 'lock-out',
      expr: lines(
        `(${maxBy(GATEWAY, 'openclaw_gateway_auth_locked_until_timestamp_seconds')} - time() > 0`,
        `or ${onGateway} ${maxBy(GATEWAY, refused)} > 0)`,
        `unless ${onGateway} ${NOT_ANSWERING}`,
      ),
      keepMs: t.settle,
      summary: 'The OpenClaw gateway of {{ $labels.instance }} has locked this address out',
      description:
        'After too many failed attempts it refuses every client behind this address, those with the right token too. The lock ends by itself, usually within 5 minutes, if nobody goes on trying.',
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

function protocol(t: Thresholds): AlertRule[] {
  const refused = `increase(openclaw_gateway_auth_attempts_total{result="protocol_mismatch"}[${span(t.protocol_range)}])`;
  return ladder(
    {
      alert: 'OpenClawProtocolMismatch',
      incident: 'protocol',
      expr: lines(
        `${maxBy(GATEWAY, refused)} > 0`,
        `unless ${onGateway} ${maxBy(GATEWAY, 'openclaw_gateway_token_match')}`,
      ),
      summary: 'The OpenClaw gateway of {{ $labels.instance }} speaks a protocol this exporter does not',
      description:
        'It refuses the handshake before it looks at any token. Whether the token matches is not known; everything else is still measured.',
      catalogue: ['T7'],
    },
    [
      {
        phase: 2,
        severity: 'warning',
        forMs: 0,
        next: 'update openclaw-gateway-exporter to a version that knows this gateway',
      },
    ],
  );
}

function functions(t: Thresholds): AlertRule[] {
  return ladder(
    {
      alert: 'OpenClawPartialFailure',
      incident: 'partial-failure',
      expr: partialFailure(),
      keepMs: t.settle,
      summary:
        'The OpenClaw gateway of {{ $labels.instance }} answers, but {{ $labels.function }} does not work',
      description:
        'Pings are fine and the token is accepted, yet the API function {{ $labels.function }} fails or times out: a part of the gateway has failed.',
      catalogue: ['T8', 'T9'],
    },
    [
      { phase: 1, severity: 'critical', forMs: t.function_down_for, next: 'openclaw gateway restart' },
      {
        phase: 2,
        severity: 'critical',
        forMs: t.climb_to_2,
        next: 'openclaw doctor, openclaw gateway status --deep: credentials and configuration',
      },
      { phase: 3, severity: 'critical', forMs: t.climb_to_3, next: FULL },
    ],
  );
}
