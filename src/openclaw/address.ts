import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { authority } from '../lib/authority.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { OpenClawConfig } from './config.ts';
import { type Env, type SecretSources, substitute } from './secrets.ts';
import { setting } from './variables.ts';

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

const DEFAULT_PORT = 18_789;
const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** The gateway in question. Who named it decides which credentials may be sent to it. */
export interface GatewayEndpoint {
  readonly url: URL;
  /** The exporter's configuration, OPENCLAW_GATEWAY_URL, `gateway.remote.url` of openclaw.json, or nobody. */
  readonly named: 'exporter' | 'env' | 'remote' | 'local';
}

/**
 * The gateway that the OpenClaw CLI would ask, unless `configured`, the exporter's own `gateway.url`, names another. A URL
 * that is none is a problem, and passed over.
 */
export function findTarget(
  configured: string | undefined,
  { config, env }: Pick<SecretSources, 'config' | 'env'>,
  problems: string[],
): GatewayEndpoint {
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

/** The target's address, with the certificate that it has to show where that is known. */
export function pinnedAddress(
  target: GatewayEndpoint,
  sources: SecretSources,
  stateDir: string,
  problems: string[],
): GatewayAddress {
  const base = addressOfUrl(target.url);
  return { ...base, fingerprint: base.tls ? pinOf(target, base, sources, stateDir, problems) : undefined };
}

function pinOf(
  { named }: GatewayEndpoint,
  { local }: Pick<GatewayAddress, 'local'>,
  { config, files, expand }: SecretSources,
  stateDir: string,
  problems: string[],
): string | undefined {
  const { remote, tls } = config.gateway ?? {};
  const configured = named === 'remote' || named === 'env' ? remote?.tlsFingerprint : undefined;
  if (configured !== undefined) return configuredPin(configured, problems);
  if (!local || tls?.enabled !== true) return undefined;
  const own = tls.certPath;
  const path = own === undefined ? join(stateDir, 'gateway', 'tls', 'gateway-cert.pem') : expand(own);
  return ownCertificate(path, files, problems);
}

/** The address in a gateway's URL, no certificate pinned. */
export function addressOfUrl(url: URL): Omit<GatewayAddress, 'fingerprint'> {
  const tls = url.protocol === 'wss:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (tls ? 443 : 80);
  const local = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
  return { url: `${tls ? 'wss' : 'ws'}://${authority({ host, port })}`, host, port, tls, local };
}

/**
 * A SHA-256 fingerprint, with or without colons and `sha256:`, in the form of {@link GatewayAddress}; undefined where it is
 * none.
 */
export function normalFingerprint(text: string): string | undefined {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .trim()
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(hex) ? (hex.match(/../g) ?? []).join(':') : undefined;
}

function configuredPin(text: string, problems: string[]): string | undefined {
  const normal = normalFingerprint(text);
  if (normal !== undefined) return normal;
  problems.push('openclaw.json: gateway.remote.tlsFingerprint is no SHA-256 fingerprint');
  return undefined;
}

function ownCertificate(path: string, files: NotedFiles, problems: string[]): string | undefined {
  const read = files.read(path, MAX_CERTIFICATE_BYTES);
  try {
    if (read.state === 'read') return new X509Certificate(read.text).fingerprint256;
  } catch {
    // Not a certificate: said below, like one that cannot be read.
  }
  problems.push("the gateway's TLS certificate cannot be read, so it cannot be recognised");
  return undefined;
}
