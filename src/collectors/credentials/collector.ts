import { type Evidence, NOTHING_SEEN, type Observation } from '../../core/collector.ts';
import { defineCollector } from '../../core/context.ts';
import { limitValues } from '../../lib/label-limit.ts';
import { gauge, type Sample } from '../../metrics/family.ts';
import { isGatewayHere } from '../../openclaw/install.ts';
import type { ProviderCredential } from './source/profiles.ts';
import { CredentialStores, type CredentialsOutcome } from './source/stores.ts';

const LABELS = ['provider', 'kind'] as const;
/** How long before its end a credential is reported; as `credential_expiry` of the rules. */
const EXPIRES_SOON_MS = 3 * 24 * 3_600_000;
const REPAIR = 'openclaw doctor';

const expiry = gauge(
  'openclaw_provider_credential_expiry_timestamp_seconds',
  'Earliest expiry of stored credentials for this model provider that nothing refreshes, as Unix time; jobs that use it fail afterwards.',
  {
    labels: LABELS,
    meaning: {
      absent:
        'no stored credential of that provider and kind expires, or the gateway refreshes it; credentials in openclaw.json or the environment do not tell an expiry',
    },
  },
);
const cooldown = gauge(
  'openclaw_provider_credential_cooldown',
  'Whether the gateway has suspended a stored credential for this model provider after failures (rejected, unpaid, rate limited).',
  {
    labels: LABELS,
    meaning: {
      absent:
        'no credential of that provider is in the credential store, or the store cannot be read; the gateway keeps no cooldown for keys in openclaw.json',
      zero: 'every stored credential of that provider and kind may be used',
      one: 'at least one is in cooldown or disabled: fallback models may hide this, jobs without one fail',
    },
  },
);

const refreshLost = gauge(
  'openclaw_provider_credential_refresh_failed',
  'Whether the gateway has given up refreshing a stored login (oauth) for this model provider.',
  {
    labels: ['provider'],
    meaning: {
      absent: 'no login of that provider is in the credential store, or the store cannot be read',
      zero: 'every stored login of that provider is refreshed, or still valid',
      one: 'at least one has to be entered anew: jobs that use it fail',
    },
  },
);

/**
 * Do the credentials for model providers still hold? Nothing secret is read; nothing is sent to a provider.
 */
export const credentialsCollector = defineCollector({
  name: 'credentials',
  layer: 'cron',
  defaults: { intervalMs: 60_000, timeoutMs: 10_000 },
  after: [],
  publishes: [],
  metrics: [expiry, cooldown, refreshLost],
  create({ install, clock }, { timeoutMs }) {
    const stores = new CredentialStores(() => clock.now());
    return {
      targets: () => [
        {
          name: 'credentials',
          timeoutMs: timeoutMs * 0.9,
          collect: async () => {
            const found = install();
            if (!isGatewayHere(found)) return NOTHING_SEEN;
            return observeCredentials(stores.read(found.stateDir), clock.now());
          },
        },
      ],
    };
  },
});

/**
 * Samples and evidence of an outcome at `nowMs`. A damaged store is reported by the cron
 * source of the same database.
 */
export function observeCredentials(outcome: CredentialsOutcome, nowMs: number): Observation {
  switch (outcome.state) {
    case 'absent':
      return NOTHING_SEEN;
    case 'unreadable': {
      const text = `the gateway's credential store cannot be read: ${outcome.reason}`;
      return { kind: 'seen', samples: [], evidence: [evidence('credentials', 'unknown', text)] };
    }
    case 'read': {
      const groups = groupByLabels(outcome.credentials);
      return {
        kind: 'seen',
        samples: groups.flatMap((group) => samplesFor(group, nowMs)),
        evidence: groups.flatMap((group) => evidenceFor(group, nowMs)),
      };
    }
  }
}

/** Credentials that share one series. */
interface Group {
  readonly labels: { readonly provider: string; readonly kind: string };
  readonly all: readonly ProviderCredential[];
}

function groupByLabels(credentials: readonly ProviderCredential[]): Group[] {
  const limit = limitValues(credentials.map(({ provider }) => provider));
  const groups = Map.groupBy(credentials, ({ provider, kind }) => `${limit(provider)} ${kind}`);
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    return first === undefined
      ? []
      : [{ labels: { provider: limit(first.provider), kind: first.kind }, all }];
  });
}

function isSuspended({ suspended }: ProviderCredential, nowMs: number): boolean {
  return suspended !== undefined && suspended.untilMs > nowMs;
}

function hasLostRefresh({ isRefreshLost }: ProviderCredential): boolean {
  return isRefreshLost;
}

function firstExpiry({ all }: Group): number | undefined {
  const ends = all.flatMap(({ expiresMs }) => expiresMs ?? []);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function samplesFor(group: Group, nowMs: number): Sample[] {
  const { labels, all } = group;
  const expiresMs = firstExpiry(group);
  const isAnySuspended = all.some((one) => isSuspended(one, nowMs));
  return [
    cooldown.sample(isAnySuspended ? 1 : 0, labels),
    ...(expiresMs === undefined ? [] : [expiry.sample(expiresMs / 1000, labels)]),
    ...(labels.kind === 'oauth'
      ? [refreshLost.sample(all.some(hasLostRefresh) ? 1 : 0, { provider: labels.provider })]
      : []),
  ];
}

function evidenceFor(group: Group, nowMs: number): Evidence[] {
  const { labels, all } = group;
  const name = `${labels.kind} credential for ${labels.provider}`;
  const subject = `provider ${labels.provider}`;
  const held = all.find((one) => isSuspended(one, nowMs));
  const expiresMs = firstExpiry(group);
  const found: Evidence[] = [];
  if (held?.suspended !== undefined) {
    const { reason, untilMs } = held.suspended;
    const text = `the gateway has suspended its ${name} until ${formatMinute(untilMs)} (${reason})`;
    found.push({ ...evidence(subject, 'warning', text), repair: REPAIR, fault: 'credential-cooldown' });
  }
  if (expiresMs !== undefined && expiresMs - nowMs < EXPIRES_SOON_MS) {
    const text =
      expiresMs <= nowMs
        ? `its ${name} has expired and nothing refreshes it`
        : `its ${name} expires at ${formatMinute(expiresMs)} and nothing refreshes it`;
    found.push({ ...evidence(subject, 'warning', text), repair: REPAIR, fault: 'credential-expiry' });
  }
  if (all.some(hasLostRefresh)) {
    const text = `the gateway could not refresh its ${name} and has given it up: it has to be entered anew`;
    found.push({ ...evidence(subject, 'warning', text), repair: REPAIR, fault: 'credential-refresh' });
  }
  return found.length > 0
    ? found
    : [{ ...evidence(subject, 'ok', `the ${name} may be used`), incidental: true }];
}

function formatMinute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function evidence(subject: string, verdict: Evidence['verdict'], text: string): Evidence {
  return { layer: 'cron', subject, verdict, text };
}
