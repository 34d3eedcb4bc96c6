import type { Secret } from '../lib/secret.ts';
import { gauge, type Sample } from '../metrics/family.ts';
import type { Credential, CredentialPlace, HeldPlaceholder } from '../openclaw/credentials.ts';
import type { OpenClawInstall } from '../openclaw/install.ts';
import { holds, type TokenDigest } from '../openclaw/token-digest.ts';

const labels = ['credential', 'host'] as const;

const present = gauge(
  'openclaw_gateway_token_present',
  "Whether a credential of the gateway is stored in this place: config (openclaw.json), env (the exporter's own environment), dotenv (.env in the state folder), service (systemd unit with drop-ins and environment files, or launchd property list), process (environment of the running gateway), remote (another host), other (the exporter's token_file).",
  {
    labels,
    meaning: {
      absent:
        'the place cannot be read; for a remote host: no `token: true`, no OpenClaw there, or no answer for two command intervals',
      zero: 'none is stored there',
      one: 'one is stored there',
    },
  },
);
const inSync = gauge(
  'openclaw_gateway_token_in_sync',
  'Whether the credential stored in this place equals the one checked against the gateway; values are compared as OpenClaw reads them, after quotes and variables are resolved.',
  {
    labels,
    meaning: {
      absent: 'none is stored there, or only OpenClaw itself can read it',
      zero: 'it differs (drift): clients that use it will fail',
      one: 'the same',
    },
  },
);
const variants = gauge(
  'openclaw_gateway_token_variants',
  'Number of distinct credentials over all places, including the one the gateway accepts. Above 1 is drift, visible before a client fails.',
  { meaning: { absent: 'no readable credential is stored, or the gateway uses none' } },
);

const placeholder = gauge(
  'openclaw_gateway_token_placeholder',
  'Whether this place holds a placeholder instead of a credential: the word undefined or null, a published example, or a redacted value. Gateways from 2026.9.6 on do not start with any of them, older ones accept all but the examples.',
  {
    labels: ['credential'],
    meaning: {
      absent: 'none is stored there, or only OpenClaw itself can read it',
      zero: 'a credential',
      one: 'a placeholder; where the gateway accepts it, anyone can guess it',
    },
  },
);

/** What is shown of the places that hold a credential. */
export const PLACE_FAMILIES = [present, inSync, variants, placeholder];
/** Those of which other hosts have series too. */
export const REMOTE_PLACE_FAMILIES = [present, inSync];

/** The places that are always looked at; others appear where there is something to look at. */
const ALWAYS: readonly CredentialPlace[] = ['config', 'env', 'dotenv'];

/** What the places hold, and whether it agrees. */
export interface PlacesReading {
  readonly samples: readonly Sample[];
  /** Places whose value differs from the proved one. */
  readonly differing: readonly CredentialPlace[];
  readonly variants: number;
}

/** Samples of what the client on another host holds. */
export function remoteSamples(host: string, there: boolean, same: boolean | undefined): Sample[] {
  const where = { credential: 'remote', host } as const;
  return [
    present.sample(there ? 1 : 0, where),
    ...(same === undefined ? [] : [inSync.sample(same ? 1 : 0, where)]),
  ];
}

/**
 * Compares all places with `proved`, the credential that is (to be) proved; `accepted` where the gateway took
 * it; `seen` were looked at beside those that always are.
 */
export function readPlaces(
  install: Pick<OpenClawInstall, 'credentials' | 'unresolved' | 'unreadable' | 'placeholders'>,
  proved: Secret | undefined,
  accepted: boolean,
  remote: readonly TokenDigest[] = [],
  seen: readonly CredentialPlace[] = [],
): PlacesReading {
  const held = install.credentials;
  const places = new Set<CredentialPlace>([
    ...ALWAYS,
    ...seen,
    ...held.map(({ place }) => place),
    ...install.unresolved,
  ]);
  const isReadable = (place: CredentialPlace) => install.unreadable?.includes(place) !== true;
  const inGateway = accepted && proved !== undefined ? [proved] : [];
  const known = distinct([...held.map(({ secret }) => secret), ...inGateway]);
  const count = known.length + strangers(remote, known);
  const compared = proved === undefined ? [] : held.map((credential) => compare(credential, proved));
  const samples = [
    ...[...places].filter(isReadable).map((place) => {
      const there =
        held.some((credential) => credential.place === place) || install.unresolved.includes(place);
      return present.sample(there ? 1 : 0, { credential: place, host: '' });
    }),
    ...compared.map(({ place, same }) => inSync.sample(same ? 1 : 0, { credential: place, host: '' })),
    ...(count === 0 ? [] : [variants.sample(count, {})]),
    ...placeholderSamples(held, install.placeholders ?? []),
  ];
  return {
    samples,
    differing: compared.filter(({ same }) => !same).map(({ place }) => place),
    variants: count,
  };
}

function placeholderSamples(held: readonly Credential[], found: readonly HeldPlaceholder[]): Sample[] {
  const places = new Set([...held, ...found].map(({ place }) => place));
  return [...places].map((place) =>
    placeholder.sample(found.some((one) => one.place === place) ? 1 : 0, { credential: place }),
  );
}

function compare({ place, secret }: Credential, proved: Secret) {
  return { place, same: secret.equals(proved) };
}

function distinct(secrets: readonly Secret[]): readonly Secret[] {
  return secrets.filter((one, index) => secrets.findIndex((other) => other.equals(one)) === index);
}

/**
 * How many different credentials other hosts hold that are none of `known`, as far as digests can tell: two
 * are only comparable under the same nonce, so the largest group counts.
 */
function strangers(remote: readonly TokenDigest[], known: readonly Secret[]): number {
  const groups = new Map<string, Set<string>>();
  for (const one of remote) {
    if (known.some((secret) => holds(one, secret))) continue;
    const group = groups.get(one.nonce.hex) ?? new Set<string>();
    groups.set(one.nonce.hex, group.add(one.digest.toString('hex')));
  }
  return Math.max(0, ...[...groups.values()].map(({ size }) => size));
}
