import { z } from 'zod';
import type { ChannelState } from '../lib/vocabulary.ts';
import type { Ask } from './api.ts';

/** A gateway has a handful of accounts; more than this is not looked at. */
const MAX_ACCOUNTS = 1_000;

const text = z.string().optional().catch(undefined);
const bool = z.boolean().optional().catch(undefined);
const moment = z.number().positive().optional().catch(undefined);

/**
 * One account as `channels.status` reports it. `lifecycle` exists from 2026.9 on;
 * `lastError` may quote anything.
 */
const accountSchema = z.object({
  accountId: z.string(),
  enabled: bool,
  configured: bool,
  running: bool,
  connected: bool,
  restartPending: bool,
  lifecycle: z.enum(['ready', 'starting', 'blocked', 'recovering']).optional().catch(undefined),
  stateReason: text,
  healthState: text,
  lastError: text,
  lastInboundAt: moment,
  lastOutboundAt: moment,
});
type RawAccount = z.output<typeof accountSchema>;

const statusSchema = z.object({
  channelOrder: z.array(z.string()),
  channelAccounts: z.record(z.string(), z.array(z.unknown()).catch([])),
});

/** An account of a channel as the gateway reports it. Times in milliseconds since the epoch. */
export interface ChannelAccount {
  readonly id: string;
  readonly state: ChannelState;
  readonly lastInboundMs: number | undefined;
  readonly lastOutboundMs: number | undefined;
}

/**
 * What a gateway reports of its channels: accounts by channel; a channel that it does not know is not in it.
 */
export type ChannelStatus = ReadonlyMap<string, readonly ChannelAccount[]>;

/**
 * Asks `channels.status` on a connection with `operator.read`; undefined for an answer of another
 * form. Rejects as `ask` does.
 */
export async function askChannelStatus(ask: Ask): Promise<ChannelStatus | undefined> {
  return parseChannelStatus(await ask('channels.status', { probe: false }));
}

/** Reads an answer of `channels.status`; undefined where it is none. */
export function parseChannelStatus(raw: unknown): ChannelStatus | undefined {
  const status = statusSchema.safeParse(raw).data;
  if (status === undefined) return undefined;
  const { channelOrder, channelAccounts } = status;
  let left = MAX_ACCOUNTS;
  return new Map(
    [...new Set([...channelOrder, ...Object.keys(channelAccounts)])].map((channel) => {
      const accounts = (channelAccounts[channel] ?? []).slice(0, left);
      left -= accounts.length;
      return [channel, accounts.flatMap(toAccount)];
    }),
  );
}

function toAccount(raw: unknown): ChannelAccount[] {
  const account = accountSchema.safeParse(raw).data;
  if (account === undefined) return [];
  const { accountId, lastInboundAt, lastOutboundAt } = account;
  return [
    {
      id: accountId,
      state: judge(account),
      lastInboundMs: lastInboundAt,
      lastOutboundMs: lastOutboundAt,
    },
  ];
}

/** Before 2026.9 there is no `lifecycle`, and a disabled account says so as its last error. */
function judge(account: RawAccount): ChannelState {
  const { enabled, configured, lifecycle, stateReason, lastError } = account;
  if (enabled === false || stateReason === 'disabled' || lastError === 'disabled') return 'disabled';
  if (configured === false) return 'not_configured';
  return lifecycle ?? judgeByConnection(account);
}

function judgeByConnection({ healthState, connected, restartPending, running }: RawAccount): ChannelState {
  if (healthState === 'terminal-disconnect') return 'blocked';
  if (connected === true) return 'ready';
  if (restartPending === true) return 'recovering';
  if (running !== true) return 'other';
  return connected === undefined ? 'ready' : 'starting';
}
