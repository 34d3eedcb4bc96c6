import { createHash } from 'node:crypto';
import type { ChannelStatus } from '../../gateway/channel-status.ts';
import type { Readiness } from '../../gateway/http.ts';
import type { ChannelState } from '../../lib/vocabulary.ts';
import type { ConfiguredChannel } from '../../openclaw/channels.ts';

/**
 * What is known of one account of a channel, or of a whole channel. Times in milliseconds since the epoch.
 */
export interface ChannelVerdict {
  readonly channel: string;
  /** Label value: empty where only the channel as a whole is known. */
  readonly account: string;
  readonly state: ChannelState;
  /** Undefined where the gateway does not tell. */
  readonly isUp: boolean | undefined;
  readonly lastInboundMs?: number | undefined;
  readonly lastOutboundMs?: number | undefined;
}

/** OpenClaw's name for the account of a channel that has only one. */
const DEFAULT_ACCOUNT = 'default';
/** Longer runs of digits may be a telephone number or an account's number. */
const PLAIN_ACCOUNT = /^(?!.*\d{5})[A-Za-z][\w-]{0,31}$/;

/**
 * The label value of an account: its key in the configuration, hashed where that looks
 * like a number or an address.
 */
export function labelAccount(id: string): string {
  if (PLAIN_ACCOUNT.test(id)) return id;
  return `hash-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`;
}

/**
 * The verdict by the gateway's own report, one for each account; what is configured and not in it is missing.
 */
export function judgeByStatus(
  configured: readonly ConfiguredChannel[],
  status: ChannelStatus,
): ChannelVerdict[] {
  const known = [...status].flatMap(([channel, accounts]) =>
    accounts.map(({ id, state, lastInboundMs, lastOutboundMs }): ChannelVerdict => {
      const account = labelAccount(id);
      return { channel, account, state, isUp: state === 'ready', lastInboundMs, lastOutboundMs };
    }),
  );
  const missing = configured.flatMap(({ name, isEnabled, accounts }) => {
    const reported = new Set(status.get(name)?.map(({ id }) => id));
    const wanted = accounts.length > 0 ? accounts : [{ id: DEFAULT_ACCOUNT, isEnabled }];
    // An account at the channel itself may have another key in the report.
    if (accounts.length === 0 && reported.size > 0) return [];
    return wanted
      .filter(({ id }) => !reported.has(id))
      .map(({ id, ...one }): ChannelVerdict => {
        const state = one.isEnabled ? 'missing' : 'disabled';
        return { channel: name, account: labelAccount(id), state, isUp: false };
      });
  });
  // What is neither configured nor running is no channel of this gateway.
  return [...known.filter(({ state }) => state !== 'not_configured'), ...missing];
}

/**
 * The verdict by `/readyz`, one for each channel: it names a broken one after some minutes, and no account.
 */
export function judgeByReadiness(
  configured: readonly ConfiguredChannel[],
  readiness: Readiness | undefined,
): ChannelVerdict[] {
  const failing = readiness?.failing ?? (readiness?.ready === true ? [] : undefined);
  return configured.map(({ name, isEnabled, accounts }): ChannelVerdict => {
    const isOn = isEnabled && (accounts.length === 0 || accounts.some((one) => one.isEnabled));
    const channel = { channel: name, account: '' };
    if (!isOn) return { ...channel, state: 'disabled', isUp: false };
    if (failing === undefined) return { ...channel, state: 'other', isUp: undefined };
    const isFailing = failing.includes(name);
    return { ...channel, state: isFailing ? 'other' : 'ready', isUp: !isFailing };
  });
}
