import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, UID } from './frame.ts';
import { steps, words, YES_NO } from './mappings.ts';
import { lines, stat, table, timeline } from './panels.ts';
import { HERE, maxHere } from './queries.ts';

const MATCH = words([1, 'accepted', 'good'], [0, 'refused', 'bad']);
const SYNC = words([1, 'the same', 'good'], [0, 'differs', 'warn']);
const PRESENT = words([1, 'yes'], [0, 'no']);
const CREDENTIAL = 'instance, credential, host';

/** Whether the token matches, and what needs it. */
export function access(): Dashboard {
  return dashboard({
    uid: UID.access,
    title: 'Access',
    description:
      'One gateway: whether its token matches, where copies of it lie, and whether what needs it works.',
    several: false,
    sections: [
      { title: 'Now', panels: now() },
      { title: 'Token', panels: [verdicts(), places(), variants()] },
      { title: 'Checks', panels: [attempts(), suppressed()] },
      { title: 'Functions of the API', panels: [functions(), durations()] },
    ],
  });
}

function now() {
  const small = { width: 6, height: 4 };
  return [
    stat(
      {
        ...small,
        title: 'Token',
        description:
          'Whether the gateway accepts the credential that clients on its machine would use. No data: never known, or no longer valid because the gateway is gone or was restarted.',
        queries: [{ expr: `min by (instance) (openclaw_gateway_token_match{${HERE}})` }],
      },
      { mappings: MATCH },
    ),
    stat(
      {
        ...small,
        title: 'Different values',
        description:
          'How many different tokens lie in all places together. More than one is drift: the next restart or the next client fails.',
        queries: [{ expr: maxHere('openclaw_gateway_token_variants') }],
      },
      { decimals: 0, states: steps('good', [2, 'warn']) },
    ),
    stat(
      {
        ...small,
        title: 'Last checked',
        description:
          'How long ago the gateway last said whether it accepts the credential. A check that is held back keeps the verdict while nothing has changed.',
        queries: [{ expr: `time() - ${maxHere('openclaw_gateway_token_last_check_timestamp_seconds')}` }],
      },
      { unit: 's', decimals: 0 },
    ),
    stat(
      {
        ...small,
        title: 'Locked out',
        description:
          'How long the gateway goes on refusing every attempt from this address, good ones too. No data: the token was never checked.',
        queries: [
          {
            expr: `clamp_min(${maxHere('openclaw_gateway_auth_locked_until_timestamp_seconds')} - time(), 0) or 0 * ${maxHere('openclaw_gateway_token_last_check_timestamp_seconds')}`,
          },
        ],
      },
      { unit: 's', decimals: 0, mappings: words([0, 'no', 'good']), states: steps('warn') },
    ),
  ];
}

function verdicts() {
  return timeline(
    {
      title: 'Token match by credential',
      description:
        'The one credential that is proved against the gateway, by the place it lies in. It disappears when its verdict is no longer valid.',
      width: 12,
      queries: [
        {
          expr: `min by (${CREDENTIAL}) (openclaw_gateway_token_match{${HERE}})`,
          legend: '{{credential}} {{host}}',
        },
      ],
    },
    MATCH,
  );
}

function places() {
  return table(
    {
      title: 'Places that hold a token',
      description:
        'Every place the exporter can look at: whether it holds a token, and whether that is the proved one. No data in the last column: it holds none, or only OpenClaw itself can read it.',
      width: 12,
      queries: [
        { expr: `max by (${CREDENTIAL}) (openclaw_gateway_token_present{${HERE}})` },
        { expr: `min by (${CREDENTIAL}) (openclaw_gateway_token_in_sync{${HERE}})` },
      ],
    },
    {
      columns: [
        { field: 'credential', name: 'Place' },
        { field: 'host', name: 'Host' },
        { field: 'Value #A', name: 'Holds one', mappings: PRESENT },
        { field: 'Value #B', name: 'Equal to the proved one', mappings: SYNC },
      ],
      sort: { by: 'Place' },
    },
  );
}

function variants() {
  return lines(
    {
      title: 'Different values over time',
      description: 'Different tokens in all places together: 1 is right, more is drift.',
      height: 6,
      queries: [{ expr: maxHere('openclaw_gateway_token_variants'), legend: 'different values' }],
    },
    { unit: 'short', axis: 'values', stepped: true, min: 0 },
  );
}

function attempts() {
  return lines(
    {
      title: 'Attempts by result',
      description:
        'Times a credential was shown to the gateway in the five minutes before each point, by what it said. Timeout and other say nothing about the credential. The exporter makes at most three failed attempts in five minutes.',
      width: 12,
      queries: [
        { expr: `instance_result:openclaw_gateway_auth_attempts:increase{${HERE}}`, legend: '{{result}}' },
      ],
    },
    {
      unit: 'short',
      axis: 'attempts in 5 min',
      stacked: true,
      min: 0,
      series: [
        { name: 'ok', state: 'good' },
        { name: 'token_mismatch', state: 'bad' },
        { name: 'device_token_mismatch', state: 'bad' },
        { name: 'scope_mismatch', state: 'bad' },
        { name: 'pairing_required', state: 'warn' },
        { name: 'rate_limited', state: 'warn' },
        { name: 'protocol_mismatch', state: 'warn' },
        { name: 'timeout', state: 'unknown' },
        { name: 'other', state: 'unknown' },
      ],
    },
  );
}

function suppressed() {
  return lines(
    {
      title: 'Checks held back',
      description:
        'Checks of the credential that were not made in the five minutes before each point, to stay clear of the gateway’s limit of failed attempts. Many of them after a mismatch are right.',
      width: 12,
      queries: [
        {
          expr: `max by (instance) (increase(openclaw_gateway_auth_suppressed_total{${HERE}}[5m]))`,
          legend: 'held back',
        },
      ],
    },
    { unit: 'short', axis: 'checks in 5 min', min: 0 },
  );
}

function functions() {
  return timeline(
    {
      title: 'Functions',
      description:
        'Whether a function of the gateway’s API works when it is called with the token. Faulty while the gateway answers is a partial failure. Absent when tool policy hides it or no valid token is at hand.',
      width: 12,
      height: 6,
      queries: [
        {
          expr: `min by (instance, function) (openclaw_gateway_function_up{${HERE}})`,
          legend: '{{function}}',
        },
      ],
    },
    YES_NO,
  );
}

function durations() {
  return lines(
    {
      title: 'Duration of their calls',
      description: 'How long the last call of each function took, when it answered.',
      width: 12,
      height: 6,
      queries: [
        {
          expr: `max by (instance, function) (openclaw_gateway_function_duration_seconds{${HERE}})`,
          legend: '{{function}}',
        },
      ],
    },
    { unit: 's', axis: 'duration', min: 0 },
  );
}
