import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

const CONTEXT = 'openclaw-gateway-exporter remote token 1';

/** A question that is asked only once: whoever sees the answer cannot use it again. */
export interface Nonce {
  /** 64 hexadecimal digits. */
  readonly hex: string;
}

/**
 * A token that is only known by its keyed digest under a nonce. Two can be compared
 * where their nonces are the same.
 */
export interface TokenDigest {
  readonly nonce: Nonce;
  readonly digest: Buffer;
}

/** A question that was never asked before. */
export function newNonce(): Nonce {
  return { hex: randomBytes(32).toString('hex') };
}

/** The keyed digest (HMAC-SHA256, the token as key) that a host with the same token gives for that nonce. */
export function digestOf(secret: Secret, { hex }: Nonce): Buffer {
  return createHmac('sha256', secret.reveal()).update(`${CONTEXT}\n${hex}`).digest();
}

/** Whether the host holds `secret`. */
export function holds({ nonce, digest }: TokenDigest, secret: Secret): boolean {
  return timingSafeEqual(digestOf(secret, nonce), digest);
}
