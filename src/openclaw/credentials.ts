import { basename, dirname, join, resolve } from 'node:path';
import { abbreviateHome } from '../lib/paths.ts';
import { redact } from '../lib/redact.ts';
import type { Secret } from '../lib/secret.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { GatewayAddress, GatewayEndpoint } from './address.ts';
import type { OpenClawConfig } from './config.ts';
import { findPlaceholder, isPlaceholderRefused, type PlaceholderKind } from './placeholders.ts';
import { credentialOf, type Env, resolveSecret, type SecretOutcome, type SecretSources } from './secrets.ts';
import type { ServiceFiles } from './service/files.ts';
import { setting } from './variables.ts';

/**
 * Where a credential was found; the label values of `openclaw_gateway_token_present`. `other` is the file
 * that the exporter's own configuration names.
 */
export const CREDENTIAL_PLACES = [
  'config',
  'env',
  'dotenv',
  'service',
  'process',
  'remote',
  'other',
] as const;
/** One of {@link CREDENTIAL_PLACES}. */
export type CredentialPlace = (typeof CREDENTIAL_PLACES)[number];

/** How the gateway authenticates clients. */
export type AuthMode = 'token' | 'password' | 'none' | 'trusted-proxy';

/**
 * What a client shows in a mode; with `trusted-proxy` that is for clients on the gateway's own machine alone.
 */
export type CredentialKind = 'token' | 'password';

/** The kind of credential that a mode compares; undefined where it compares none. */
export function credentialKind(mode: AuthMode): CredentialKind | undefined {
  if (mode === 'none') return undefined;
  return mode === 'token' ? 'token' : 'password';
}

/** A token or password, and where it was found. */
export interface Credential {
  readonly place: CredentialPlace;
  readonly secret: Secret;
}

/** A place that holds a placeholder where a credential belongs. */
export interface HeldPlaceholder {
  readonly place: CredentialPlace;
  readonly kind: PlaceholderKind;
  /** Whether the gateway's version does not start with it; it is then no credential. */
  readonly isRefused: boolean;
}

const MAX_TOKEN_BYTES = 64 * 1024;

/** The mode that openclaw.json sets, else the one that OpenClaw concludes from what is configured. */
export function authModeOf(config: OpenClawConfig, env: Env): AuthMode {
  const auth = config.gateway?.auth;
  const mode = auth?.mode;
  if (mode === 'token' || mode === 'password' || mode === 'none' || mode === 'trusted-proxy') return mode;
  const password = auth?.password !== undefined || setting(env.OPENCLAW_GATEWAY_PASSWORD) !== undefined;
  return password && auth?.token === undefined ? 'password' : 'token';
}

/** What is known of a gateway that decides on credentials. */
interface Holding {
  readonly sources: SecretSources;
  /** The exporter's own environment, without what `.env` adds. */
  readonly env: Env;
  readonly dotenv: Env;
  readonly service: ServiceFiles | undefined;
  readonly authMode: AuthMode;
  readonly target: GatewayEndpoint;
  readonly address: Pick<GatewayAddress, 'local'>;
  /** The gateway's version, which decides what is a placeholder; undefined where it is unknown. */
  readonly version: string | undefined;
}

/** The credentials of this machine. */
interface Held {
  /** The one to send. */
  readonly credential: Credential | undefined;
  /** Strongest first. */
  readonly all: readonly Credential[];
  readonly unresolved: readonly CredentialPlace[];
  readonly placeholders: readonly HeldPlaceholder[];
  readonly problems: readonly string[];
}

/**
 * Credentials by place, strongest first: what the gateway itself takes first (its configuration),
 * then the environment, then `.env`, then the service file. A URL from elsewhere is never given
 * this machine's own credential.
 */
export function heldCredentials(holding: Holding): Held {
  const { env, dotenv, service, authMode, target } = holding;
  const kind = credentialKind(authMode) ?? 'token';
  const variable = kind === 'password' ? 'OPENCLAW_GATEWAY_PASSWORD' : 'OPENCLAW_GATEWAY_TOKEN';
  const places: readonly (readonly [CredentialPlace, SecretOutcome])[] = [
    ['config', configCredential(holding, kind)],
    ['env', credentialOf(env[variable], variable)],
    ['dotenv', credentialOf(dotenv[variable], `${variable} in .env`)],
    [
      'service',
      credentialOf(
        service?.options.get(kind) ?? service?.environment.get(variable),
        `the ${kind} in the service file`,
      ),
    ],
  ];
  const written = places.flatMap(([place, { state, ...found }]) =>
    state === 'found' && 'secret' in found ? [{ place, secret: found.secret }] : [],
  );
  const placeholders = findPlaceholders(written, kind, holding.version);
  const all = written.filter(({ place }) => !isRefusedAt(placeholders, place));
  const unresolved = places.flatMap(([place, { state }]) => (state === 'unresolved' ? [place] : []));
  const problems = places.flatMap(([, found]) => (found.state === 'unresolved' ? [found.problem] : []));
  const onlyEnv = target.named === 'env' || (target.named === 'exporter' && !holding.address.local);
  const fromEnv = all.find(({ place }) => place === 'env' || place === 'dotenv');
  return { credential: onlyEnv ? fromEnv : all[0], all, unresolved, placeholders, problems };
}

/** The places of `credentials` that hold a placeholder. */
export function findPlaceholders(
  credentials: readonly Credential[],
  kind: CredentialKind,
  version: string | undefined,
): HeldPlaceholder[] {
  return credentials.flatMap(({ place, secret }) => {
    const found = findPlaceholder(secret.reveal(), kind);
    return found === undefined
      ? []
      : [{ place, kind: found, isRefused: isPlaceholderRefused(found, version) }];
  });
}

/** Whether a place holds a placeholder with which the gateway does not start. */
export function isRefusedAt(placeholders: readonly HeldPlaceholder[], place: CredentialPlace): boolean {
  return placeholders.some((one) => one.place === place && one.isRefused);
}

function configCredential({ sources, target }: Holding, kind: CredentialKind): SecretOutcome {
  const gateway = sources.config.gateway;
  const own = resolveSecret(gateway?.auth?.[kind], `openclaw.json: gateway.auth.${kind}`, sources);
  const remote = () =>
    resolveSecret(gateway?.remote?.[kind], `openclaw.json: gateway.remote.${kind}`, sources);
  if (target.named === 'remote') return remote();
  return own.state === 'none' ? remote() : own;
}

/**
 * The path of a token file as it may be shown. A token pasted where the path belongs is no name of a file:
 * what looks like one is left out.
 */
function formatTokenPath(path: string, home: string): string {
  const name = basename(path);
  const shown = name.length < 16 || name.includes('.') ? redact(name, { secrets: [] }) : '…';
  return abbreviateHome(join(dirname(path), shown), home);
}

/**
 * The credential that a file holds alone; undefined, with a problem, where it holds none. `name` is the key
 * of the configuration that names the file, `home` what `~` stands for in a problem.
 */
export function fromTokenFile(
  path: string,
  { name, home }: { readonly name: string; readonly home: string },
  files: NotedFiles,
  problems: string[],
): Credential | undefined {
  const read = files.read(resolve(path), MAX_TOKEN_BYTES);
  const file = `${name} ${formatTokenPath(resolve(path), home)}`;
  if (read.state !== 'read') {
    problems.push(`${file} cannot be read (${read.state === 'absent' ? 'ENOENT' : read.reason})`);
    return undefined;
  }
  const found = credentialOf(read.text, file);
  if (found.state === 'found' && isPlaceholder(found.secret)) {
    problems.push(`${file} holds a placeholder instead of a credential`);
    return undefined;
  }
  if (found.state === 'found') return { place: 'other', secret: found.secret };
  problems.push(found.state === 'unresolved' ? found.problem : `${file} is empty`);
  return undefined;
}

/** A file that the exporter reads alone never needs one, whatever the gateway's version accepts. */
function isPlaceholder(secret: Secret): boolean {
  const text = secret.reveal();
  return [findPlaceholder(text, 'token'), findPlaceholder(text, 'password')].some((one) => one !== undefined);
}
