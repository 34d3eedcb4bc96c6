import { z } from 'zod';

/** Kinds of credentials in OpenClaw's store. Source: its docs/auth-credential-semantics.md. */
export const CREDENTIAL_KINDS = ['api_key', 'token', 'oauth', 'other'] as const;
/** One of {@link CREDENTIAL_KINDS}. */
export type ProfileKind = (typeof CREDENTIAL_KINDS)[number];

/** Why OpenClaw suspends a credential. Source: failureCounts of 2026.5.7 to 2026.9.6. */
const SUSPENSION_REASONS = [
  'auth',
  'auth_permanent',
  'billing',
  'rate_limit',
  'overloaded',
  'server_error',
  'timeout',
  'format',
  'model_not_found',
  'session_expired',
  'unknown',
] as const;

const moment = z.number().nonnegative().optional().catch(undefined);
const reason = z
  .enum([...SUSPENSION_REASONS, 'other'])
  .optional()
  .catch('other');
const flag = z.union([z.boolean(), z.literal(0), z.literal(1)]).catch(false);

/** A stored credential without anything secret; times in milliseconds since the epoch. */
export const profileSchema = z
  .object({
    provider: z.string().nullish().catch(undefined),
    kind: z.enum(CREDENTIAL_KINDS).catch('other'),
    expiresMs: z.number().positive().nullish().catch(undefined),
    isRefreshable: flag,
  })
  .transform(({ provider, kind, expiresMs, isRefreshable }) => ({
    provider: provider ?? undefined,
    kind,
    expiresMs: expiresMs ?? undefined,
    isRefreshable: Boolean(isRefreshable),
  }));

/** How a credential fared; entries stay after their time is over. */
export const usageSchema = z.object({
  cooldownUntil: moment,
  cooldownReason: reason,
  disabledUntil: moment,
  disabledReason: reason,
});
type Usage = z.output<typeof usageSchema>;

/**
 * What one place holds: credentials and their use, by the profile's key, which may
 * hold an address of a person.
 */
export interface ProfileStore {
  readonly profiles: ReadonlyMap<string, z.output<typeof profileSchema>>;
  readonly usage: ReadonlyMap<string, Usage>;
}

/**
 * A credential for a model provider, as far as it may leave the store. Times in milliseconds since the epoch.
 */
export interface ProviderCredential {
  readonly provider: string;
  readonly kind: ProfileKind;
  /** When it ends, where nothing renews it; undefined where it does not end or the gateway refreshes it. */
  readonly expiresMs: number | undefined;
  /** The gateway tried to refresh it and gave up: it has to be entered anew. */
  readonly isRefreshLost: boolean;
  /** Until when the gateway does not use it; may be over. */
  readonly suspended: { readonly untilMs: number; readonly reason: string } | undefined;
}

/** What OpenClaw writes as expiry of a login whose refresh failed: no time, but that it is over. */
const REFRESH_FAILED = 1;

/**
 * Joins credentials with their use. An agent uses those of its own store and, for what it lacks, the shared
 * ones; what one place says of the use of a credential holds for it wherever it is stored.
 */
export function joinStores(stores: readonly ProfileStore[]): ProviderCredential[] {
  return stores.flatMap(({ profiles, usage }) =>
    [...profiles].map(([key, profile]) => {
      const { kind, expiresMs, isRefreshable } = profile;
      const isRefreshLost = kind === 'oauth' && expiresMs === REFRESH_FAILED;
      const isRefreshed = kind === 'oauth' && isRefreshable;
      const all = [usage, ...stores.map((other) => other.usage)].flatMap((one) => one.get(key) ?? []);
      return {
        // The key is `provider:name`, and the name may be an address of a person.
        provider: profile.provider ?? key.slice(0, Math.max(0, key.indexOf(':'))),
        kind,
        expiresMs: isRefreshed || isRefreshLost ? undefined : expiresMs,
        isRefreshLost,
        suspended: latestSuspension(all),
      };
    }),
  );
}

function latestSuspension(all: readonly Usage[]): ProviderCredential['suspended'] {
  const ends = all.flatMap(({ cooldownUntil, cooldownReason, disabledUntil, disabledReason }) => [
    { untilMs: cooldownUntil ?? 0, reason: cooldownReason ?? 'unknown' },
    { untilMs: disabledUntil ?? 0, reason: disabledReason ?? 'unknown' },
  ]);
  const latest = ends.reduce((a, b) => (b.untilMs > a.untilMs ? b : a), { untilMs: 0, reason: 'unknown' });
  return latest.untilMs === 0 ? undefined : latest;
}
