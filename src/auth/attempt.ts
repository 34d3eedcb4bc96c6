import type { AuthenticationEnd, AuthenticationOutcome } from '../gateway/auth.ts';
import type { AuthResult } from '../lib/vocabulary.ts';

/**
 * After a clear refusal the same question is asked again this seldom, where nothing seems to have changed.
 */
export const SLOW_RECHECK_MS = 30 * 60_000;

/** What one attempt says. */
export interface AttemptReading {
  readonly result: AuthResult;
  /** Of the credential; undefined where the attempt says nothing about it. */
  readonly match: boolean | undefined;
  /**
   * What becomes of the charge: `refund` where the gateway did not compare a wrong credential, `keep` where
   * it did, `uncertain` where nobody can tell from here.
   */
  readonly charge: 'refund' | 'keep' | 'uncertain';
  /**
   * A clear answer that will stay the same until something changes: asking again at once would only be noise.
   */
  readonly settled: boolean;
  /** In words, for the evidence. */
  readonly text: string;
}

type Rejection = Pick<AttemptReading, 'result' | 'match' | 'charge' | 'text'>;

/**
 * Codes of the gateway's protocol. Source: `ConnectErrorDetailCodes` of
 * @openclaw/gateway-protocol, and measurements.
 */
const REJECTIONS: Readonly<Record<string, Rejection>> = {
  AUTH_TOKEN_MISMATCH: {
    result: 'token_mismatch',
    match: false,
    charge: 'keep',
    text: 'the gateway refuses the token',
  },
  AUTH_PASSWORD_MISMATCH: {
    result: 'token_mismatch',
    match: false,
    charge: 'keep',
    text: 'the gateway refuses the password',
  },
  AUTH_DEVICE_TOKEN_MISMATCH: {
    result: 'device_token_mismatch',
    match: undefined,
    charge: 'keep',
    text: 'the gateway refuses the device token',
  },
  AUTH_SCOPE_MISMATCH: {
    result: 'scope_mismatch',
    match: undefined,
    charge: 'refund',
    text: 'the gateway refuses the scopes',
  },
  PAIRING_REQUIRED: {
    result: 'pairing_required',
    match: undefined,
    charge: 'refund',
    text: 'the gateway wants a paired device',
  },
  DEVICE_IDENTITY_REQUIRED: {
    result: 'pairing_required',
    match: undefined,
    charge: 'refund',
    text: 'the gateway wants a device',
  },
  AUTH_RATE_LIMITED: {
    result: 'rate_limited',
    match: undefined,
    charge: 'refund',
    text: 'the gateway has locked this address out for a while',
  },
};

/** Reads the end of one attempt: match, mismatch and unknown kept apart. */
export function readAttempt({ end, credentialSent }: AuthenticationOutcome): AttemptReading {
  const charge = credentialSent ? 'uncertain' : 'refund';
  switch (end.state) {
    case 'accepted':
      return { result: 'ok', match: true, charge: 'refund', settled: false, text: 'the gateway accepts it' };
    case 'rejected':
      return { ...rejection(end), settled: true };
    case 'silent':
      return { result: 'timeout', match: undefined, charge, settled: false, text: end.reason };
    case 'not_ready':
      return { result: 'other', match: undefined, charge: 'refund', settled: false, text: end.reason };
    case 'closed':
      return { result: 'other', match: undefined, charge, settled: false, text: `closed (code ${end.code})` };
    case 'refused':
      return { result: 'other', match: undefined, charge, settled: false, text: 'nothing listens any more' };
    default:
      return { result: 'other', match: undefined, charge, settled: false, text: end.reason };
  }
}

function rejection({ code, protocolMismatch }: Extract<AuthenticationEnd, { state: 'rejected' }>): Rejection {
  const known = code === undefined ? undefined : REJECTIONS[code];
  if (known !== undefined) return known;
  // The protocol is compared before any credential, so this says nothing about the token.
  if (protocolMismatch) {
    return {
      result: 'protocol_mismatch',
      match: undefined,
      charge: 'refund',
      text: 'the gateway speaks a protocol that this exporter does not know',
    };
  }
  return { result: 'other', match: undefined, charge: 'keep', text: 'the gateway refuses the handshake' };
}
