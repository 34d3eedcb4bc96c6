import { z } from 'zod';

/** An account of a channel by its key in openclaw.json. */
export interface ConfiguredAccount {
  readonly id: string;
  readonly isEnabled: boolean;
}

/** A channel that openclaw.json configures, without anything of its credentials. */
export interface ConfiguredChannel {
  readonly name: string;
  readonly isEnabled: boolean;
  /** Empty where the channel has one account that is configured at the channel itself. */
  readonly accounts: readonly ConfiguredAccount[];
}

/** Keys of `channels` that are no channel. Source: OpenClaw's docs/gateway/config-channels. */
const NO_CHANNEL: ReadonlySet<string> = new Set(['defaults', 'modelByChannel']);

const switchable = z.looseObject({ enabled: z.boolean().optional().catch(undefined) });
const accounts = z.record(z.string(), switchable.or(z.unknown()));
const entry = switchable.extend({ accounts: accounts.optional().catch(undefined) });

/**
 * `channels` of openclaw.json: which are configured and switched on. Tokens and all other values are dropped.
 */
export const configuredChannels = z
  .record(z.string(), z.unknown())
  .transform((all) => Object.entries(all).flatMap(([name, raw]) => toChannel(name, raw)))
  .optional()
  .catch(undefined);

/** A channel with nothing but `enabled: false` is not configured at all. */
function toChannel(name: string, raw: unknown): ConfiguredChannel[] {
  const parsed = entry.safeParse(raw).data;
  if (parsed === undefined || NO_CHANNEL.has(name)) return [];
  const isEnabled = parsed.enabled !== false;
  if (!isEnabled && Object.keys(parsed).length === 1) return [];
  return [{ name, isEnabled, accounts: toAccounts(parsed.accounts ?? {}, isEnabled) }];
}

function toAccounts(all: Readonly<Record<string, unknown>>, isEnabled: boolean): ConfiguredAccount[] {
  return Object.entries(all).map(([id, raw]) => ({
    id,
    isEnabled: isEnabled && switchable.safeParse(raw).data?.enabled !== false,
  }));
}
