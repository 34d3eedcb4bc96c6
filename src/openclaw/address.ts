import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { authority } from '../lib/authority.ts';
import type { NotedFiles } from '../lib/watched-files.ts';
import type { SecretSources } from './secrets.ts';

/** The gateway's address as everything else uses it. */
export interface GatewayAddress {
  /** `ws:` or `wss:` URL without path or credentials. */
  readonly url: string;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Whether it is on this machine, so that its process and files can be read. */
  readonly local: boolean;
  /** Why nothing may be sent to it: it is only a guess. Undefined where it is known. */
  readonly unknown?: string | undefined;
  /**
   * SHA-256 of the certificate to expect instead of one that an authority has signed; colon form, upper case.
   */
  readonly fingerprint?: string | undefined;
}

const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** The gateway in question. Who named it decides which credentials may be sent to it. */
export interface GatewayEndpoint {
  readonly url: URL;
  /** The exporter's configuration, OPENCLAW_GATEWAY_URL, `gateway.remote.url` of openclaw.json, or nobody. */
  readonly named: 'exporter' | 'env' | 'remote' | 'local';
}

/** A gateway's URL, `http:` written as `ws:`; undefined where the text is none. */
export function gatewayUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text.replace(/^http(s?):/i, 'ws$1:')) : undefined;
  return url !== undefined && /^wss?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
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
 * A SHA-256 fingerprint, with or without colons and `sha256:`, in the form of
 * {@link GatewayAddress}; undefined where it is none.
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
