import { X509Certificate } from 'node:crypto';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { expandHome, homeOfUser } from '../runtime/home.ts';
import type { Secret } from '../runtime/secret.ts';
import { NotedFiles } from './noted-files.ts';
import { type OpenClawConfig, readOpenClawConfig } from './openclaw-config.ts';
import {
  credentialOf,
  type Env,
  resolveSecret,
  type SecretOutcome,
  type SecretSources,
  substitute,
} from './openclaw-secret-input.ts';
import { profileOf, setting } from './openclaw-variables.ts';
import { readServiceFiles, type ServiceFiles } from './service-files.ts';

/**
 * Where a credential was found; the label values of `openclaw_gateway_token_present`. `other` is the file that the
 * exporter's own configuration names.
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
export type CredentialPlace = (typeof CREDENTIAL_PLACES)[number];

/** How the gateway authenticates shared credentials; `none` and `trusted-proxy` compare no token at all. */
export type AuthMode = 'token' | 'password' | 'none' | 'trusted-proxy';

export interface Credential {
  readonly place: CredentialPlace;
  readonly secret: Secret;
}

/** The gateway's address as everything else uses it. */
export interface GatewayAddress {
  /** `ws:` or `wss:` URL without path or credentials. */
  readonly url: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whether the host is this machine's loopback, so that its process and files can be looked at. */
  readonly local: boolean;
  /** SHA-256 of the certificate to expect instead of one that an authority has signed; colon form, upper case. */
  readonly fingerprint?: string | undefined;
}

/** What the OpenClaw CLI on this machine would use, found the way it finds it. Read anew by each caller's round. */
export interface OpenClawInstall {
  readonly address: GatewayAddress;
  /** Absolute path; never shown in any output. */
  readonly stateDir: string;
  readonly configPath: string;
  readonly authMode: AuthMode;
  /** The credential to prove against the gateway, by the CLI's own precedence; undefined where none is configured. */
  readonly credential: Credential | undefined;
  /** Places that hold a credential, the proved one included. */
  readonly credentials: readonly Credential[];
  /** Places that hold a credential which only OpenClaw itself can read (a command, its secret store). */
  readonly unresolved: readonly CredentialPlace[];
  /** Whether a service file of this gateway was read; it may hold no credential. */
  readonly service?: boolean;
  /** The version that wrote openclaw.json last, such as `2026.9.6`; what is known of a gateway that says nothing. */
  readonly writtenBy?: string | undefined;
  /** What could not be read or understood, in words without paths or secrets. */
  readonly problems: readonly string[];
}

/** What a question about one gateway needs to know of it. */
export type KnownGateway = Pick<OpenClawInstall, 'address' | 'authMode' | 'credential' | 'problems'>;

export interface InstallOptions {
  readonly env: Env;
  /** The `gateway` section of the exporter's configuration, which overrides what is found. */
  readonly gateway: {
    readonly url?: string | undefined;
    readonly state_dir?: string | undefined;
    readonly token_file?: string | undefined;
  };
  /** In front of the machine's own folders, such as /etc; for tests. */
  readonly root?: string;
}

const DEFAULT_PORT = 18_789;
const MAX_DOTENV_BYTES = 1024 * 1024;
const MAX_TOKEN_BYTES = 64 * 1024;

/**
 * Finds address, state folder and credentials as the OpenClaw CLI does. As long as no file changed, each call costs a
 * few `stat`s and gives the same object. Never throws, never writes.
 */
export function openClawInstallReader(options: InstallOptions): () => OpenClawInstall {
  let last: { readonly files: NotedFiles; readonly install: OpenClawInstall } | undefined;
  return () => {
    if (last?.files.unchanged()) return last.install;
    const files = new NotedFiles();
    last = { files, install: find(options, files) };
    return last.install;
  };
}

/** One reading, without memory of an earlier one. */
export function openClawInstall(options: InstallOptions): OpenClawInstall {
  return find(options, new NotedFiles());
}

function find({ env, gateway, root = '/' }: InstallOptions, files: NotedFiles): OpenClawInstall {
  const problems: string[] = [];
  const home = homeOf(env);
  const places = whereabouts(env, gateway.state_dir, home, files);
  const dotenv = readDotenv(places.dotenvPaths, files, problems);
  const roots = (env.OPENCLAW_INCLUDE_ROOTS ?? '').split(delimiter).filter((root) => root !== '');
  const reading = readOpenClawConfig(
    places.configPath,
    files,
    roots.map((root) => expandHome(root, home)),
  );
  problems.push(...reading.problems);
  const { config } = reading;
  const full = { ...configEnv(config), ...dotenv, ...withoutUndefined(env) };
  const sources: SecretSources = {
    config,
    env: full,
    files,
    expand: (path) => resolve(dirname(places.configPath), expandHome(path, home)),
  };
  const target = targetOf(gateway.url, full, config, problems);
  const authMode = authModeOf(config, full);
  const address = addressOf(target, sources, places.stateDir, problems);
  const service = address.local
    ? readServiceFiles({ env, home, stateDir: places.stateDir, port: address.port, root, files })
    : undefined;
  problems.push(...(service?.problems ?? []));
  // What the gateway is started with counts for a variable that openclaw.json names, where nothing nearer sets it.
  const startedWith = Object.fromEntries(service?.environment ?? []);
  const known = { ...configEnv(config), ...startedWith, ...dotenv, ...withoutUndefined(env) };
  const held = heldCredentials({
    sources: { ...sources, env: known },
    env,
    dotenv,
    service,
    authMode,
    target,
    local: address.local,
  });
  problems.push(...held.problems);
  const credential =
    gateway.token_file === undefined
      ? held.credential
      : fromTokenFile(expandHome(gateway.token_file, home), 'gateway.token_file', files, problems);
  return {
    address,
    stateDir: places.stateDir,
    configPath: places.configPath,
    authMode,
    credential: authMode === 'none' || authMode === 'trusted-proxy' ? undefined : credential,
    credentials: credential?.place === 'other' ? [credential, ...held.all] : held.all,
    unresolved: held.unresolved,
    service: service?.found === true,
    writtenBy: /^\d{4}\.\d+\.\d+/.exec(config.meta?.lastTouchedVersion ?? '')?.[0],
    problems: [...new Set(problems)],
  };
}

/** The folder that OpenClaw takes for home. */
export function homeOf(env: Env): string {
  const osHome = setting(env.HOME) ?? setting(env.USERPROFILE) ?? homeOfUser() ?? '/';
  const own = setting(env.OPENCLAW_HOME);
  return own === undefined ? osHome : resolve(expandHome(own, osHome));
}

interface Whereabouts {
  readonly stateDir: string;
  readonly configPath: string;
  /** Strongest first. */
  readonly dotenvPaths: readonly string[];
}

function whereabouts(env: Env, configured: string | undefined, home: string, files: NotedFiles): Whereabouts {
  const defaults = ['.openclaw', '.clawdbot'].map((name) => join(home, name));
  const named = configured === undefined ? namedStateDir(env, home) : resolve(expandHome(configured, home));
  const stateDir = named ?? defaults.find((folder) => files.exists(folder)) ?? join(home, '.openclaw');
  const namedConfig = setting(env.OPENCLAW_CONFIG_PATH);
  const candidates = [stateDir, ...(named === undefined ? defaults : [])].flatMap((folder) => [
    join(folder, 'openclaw.json'),
    join(folder, 'clawdbot.json'),
  ]);
  const configPath =
    namedConfig === undefined
      ? (candidates.find((path) => files.exists(path)) ?? join(stateDir, 'openclaw.json'))
      : resolve(expandHome(namedConfig, home));
  const dotenvFolder = named === undefined && namedConfig !== undefined ? dirname(configPath) : stateDir;
  const isDefault = stateDir === join(home, '.openclaw');
  return {
    stateDir,
    configPath,
    dotenvPaths: [
      join(dotenvFolder, '.env'),
      ...(isDefault ? [join(home, '.config', 'openclaw', 'gateway.env')] : []),
    ],
  };
}

/** The state folder that variables name, as OpenClaw derives it; undefined where they name none. */
export function namedStateDir(env: Env, home: string): string | undefined {
  const named = setting(env.OPENCLAW_STATE_DIR);
  if (named !== undefined) return resolve(expandHome(named, home));
  const profile = profileOf(env);
  return profile === undefined ? undefined : resolve(home, `.openclaw-${profile}`);
}

function readDotenv(paths: readonly string[], files: NotedFiles, problems: string[]): Record<string, string> {
  const found: Record<string, string>[] = [];
  for (const path of paths) {
    const read = files.read(path, MAX_DOTENV_BYTES);
    if (read.state === 'failed') problems.push(`the state folder's .env cannot be read (${read.reason})`);
    if (read.state === 'read') found.push(parseDotenv(read.text));
  }
  return Object.assign({}, ...found.reverse());
}

/** Variables that openclaw.json itself sets, in `env.vars` or directly in `env`. */
function configEnv({ env }: OpenClawConfig): Record<string, string> {
  const entries = Object.entries({ ...env, ...env?.vars });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function withoutUndefined(env: Env): Record<string, string> {
  const entries = Object.entries(env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Who named the gateway decides which credentials may be sent to it. */
interface GatewayTarget {
  readonly url: URL;
  readonly named: 'exporter' | 'env' | 'remote' | 'local';
}

function targetOf(
  configured: string | undefined,
  env: Env,
  config: OpenClawConfig,
  problems: string[],
): GatewayTarget {
  const remote = config.gateway?.mode === 'remote' ? config.gateway.remote?.url : undefined;
  const candidates = [
    { named: 'exporter', text: configured, name: 'gateway.url' },
    { named: 'env', text: setting(env.OPENCLAW_GATEWAY_URL), name: 'OPENCLAW_GATEWAY_URL' },
    {
      named: 'remote',
      text: remote === undefined ? undefined : setting(substitute(remote, env).text),
      name: 'openclaw.json: gateway.remote.url',
    },
  ] as const;
  for (const { named, text, name } of candidates) {
    if (text === undefined) continue;
    const url = gatewayUrl(text);
    const isRemote = url !== undefined && remote !== undefined && gatewayUrl(remote)?.host === url.host;
    if (url !== undefined) return { url, named: named === 'exporter' && isRemote ? 'remote' : named };
    problems.push(`${name} is no URL of a gateway, such as ws://127.0.0.1:${DEFAULT_PORT}`);
  }
  const scheme = config.gateway?.tls?.enabled === true ? 'wss' : 'ws';
  return { url: new URL(`${scheme}://127.0.0.1:${portOf(env, config)}`), named: 'local' };
}

/** A gateway's URL, `http:` written as `ws:`; undefined where the text is none. */
export function gatewayUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text.replace(/^http(s?):/i, 'ws$1:')) : undefined;
  return url !== undefined && /^wss?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

function portOf(env: Env, config: OpenClawConfig): number {
  const text = /^(?:[^:]*:|\[[^\]]*\]:)?(\d{1,5})$/.exec(setting(env.OPENCLAW_GATEWAY_PORT) ?? '')?.[1];
  const named = Number(text ?? 0);
  if (named > 0 && named <= 65_535) return named;
  const configured = config.gateway?.port ?? 0;
  if (configured > 0) return configured;
  const profile = setting(env.OPENCLAW_PROFILE);
  if (profile === undefined || profile === 'default') return DEFAULT_PORT;
  return profile === 'dev' ? 19_001 : profilePort(profile);
}

/** The port that current versions derive from a profile's name (FNV-1a). */
function profilePort(profile: string): number {
  let hash = 2_166_136_261;
  for (const byte of Buffer.from(profile)) hash = Math.imul(hash ^ byte, 16_777_619);
  return 20_000 + ((hash >>> 0) % 40_000);
}

function addressOf(
  { url, named }: GatewayTarget,
  { config, files, expand }: SecretSources,
  stateDir: string,
  problems: string[],
): GatewayAddress {
  const base = addressOfUrl(url);
  const pin = () => {
    const configured =
      named === 'remote' || named === 'env' ? config.gateway?.remote?.tlsFingerprint : undefined;
    if (configured !== undefined) return fingerprintOf(configured, problems);
    if (!base.local || config.gateway?.tls?.enabled !== true) return undefined;
    const path = config.gateway.tls.certPath;
    return ownCertificate(
      path === undefined ? join(stateDir, 'gateway', 'tls', 'gateway-cert.pem') : expand(path),
      files,
      problems,
    );
  };
  return { ...base, fingerprint: base.tls ? pin() : undefined };
}

/** The address in a gateway's URL, no certificate pinned. */
export function addressOfUrl(url: URL): Omit<GatewayAddress, 'fingerprint'> {
  const tls = url.protocol === 'wss:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (tls ? 443 : 80);
  const local = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
  const shown = host.includes(':') ? `[${host}]` : host;
  return { url: `${tls ? 'wss' : 'ws'}://${shown}:${port}`, host, port, tls, local };
}

/** A SHA-256 fingerprint, with or without colons and `sha256:`, in the form of {@link GatewayAddress}; undefined where it is none. */
export function normalFingerprint(text: string): string | undefined {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .trim()
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(hex) ? (hex.match(/../g) ?? []).join(':') : undefined;
}

function fingerprintOf(text: string, problems: string[]): string | undefined {
  const normal = normalFingerprint(text);
  if (normal !== undefined) return normal;
  problems.push('openclaw.json: gateway.remote.tlsFingerprint is no SHA-256 fingerprint');
  return undefined;
}

function ownCertificate(path: string, files: NotedFiles, problems: string[]): string | undefined {
  const read = files.read(path, MAX_TOKEN_BYTES);
  try {
    if (read.state === 'read') return new X509Certificate(read.text).fingerprint256;
  } catch {
    // Not a certificate: said below, like one that cannot be read.
  }
  problems.push("the gateway's TLS certificate cannot be read, so it cannot be recognised");
  return undefined;
}

function authModeOf(config: OpenClawConfig, env: Env): AuthMode {
  const auth = config.gateway?.auth;
  const mode = auth?.mode;
  if (mode === 'token' || mode === 'password' || mode === 'none' || mode === 'trusted-proxy') return mode;
  const password = auth?.password !== undefined || setting(env.OPENCLAW_GATEWAY_PASSWORD) !== undefined;
  return password && auth?.token === undefined ? 'password' : 'token';
}

interface Holding {
  readonly sources: SecretSources;
  /** The exporter's own environment, without what `.env` adds. */
  readonly env: Env;
  readonly dotenv: Env;
  readonly service: ServiceFiles | undefined;
  readonly authMode: AuthMode;
  readonly target: GatewayTarget;
  readonly local: boolean;
}

interface Held {
  readonly credential: Credential | undefined;
  readonly all: readonly Credential[];
  readonly unresolved: readonly CredentialPlace[];
  readonly problems: readonly string[];
}

/**
 * Credentials by place, strongest first: what the gateway itself takes first (its configuration), then the
 * environment, then `.env`, then the service file. A URL from elsewhere is never given this machine's own credential.
 */
function heldCredentials(holding: Holding): Held {
  const { env, dotenv, service, authMode, target } = holding;
  const kind = authMode === 'password' ? 'password' : 'token';
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
  const all = places.flatMap(([place, { state, ...found }]) =>
    state === 'found' && 'secret' in found ? [{ place, secret: found.secret }] : [],
  );
  const unresolved = places.flatMap(([place, { state }]) => (state === 'unresolved' ? [place] : []));
  const problems = places.flatMap(([, found]) => (found.state === 'unresolved' ? [found.problem] : []));
  const onlyEnv = target.named === 'env' || (target.named === 'exporter' && !holding.local);
  const fromEnv = all.find(({ place }) => place === 'env' || place === 'dotenv');
  return { credential: onlyEnv ? fromEnv : all[0], all, unresolved, problems };
}

function configCredential({ sources, target }: Holding, kind: 'token' | 'password'): SecretOutcome {
  const gateway = sources.config.gateway;
  const own = resolveSecret(gateway?.auth?.[kind], `openclaw.json: gateway.auth.${kind}`, sources);
  const remote = () =>
    resolveSecret(gateway?.remote?.[kind], `openclaw.json: gateway.remote.${kind}`, sources);
  if (target.named === 'remote') return remote();
  return own.state === 'none' ? remote() : own;
}

/** The credential that a file holds alone; `name` is the key of the configuration that names it. */
export function fromTokenFile(
  path: string,
  name: string,
  files: NotedFiles,
  problems: string[],
): Credential | undefined {
  const read = files.read(resolve(path), MAX_TOKEN_BYTES);
  if (read.state !== 'read') {
    problems.push(`${name} cannot be read (${read.state === 'absent' ? 'ENOENT' : read.reason})`);
    return undefined;
  }
  const found = credentialOf(read.text, name);
  if (found.state === 'found') return { place: 'other', secret: found.secret };
  problems.push(found.state === 'unresolved' ? found.problem : `${name} holds nothing`);
  return undefined;
}
