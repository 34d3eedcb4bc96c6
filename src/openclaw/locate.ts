import { isIPv4 } from 'node:net';
import { authority } from '../lib/authority.ts';
import type { ListeningAddress } from '../os/processes.ts';
import { type GatewayEndpoint, gatewayUrl } from './address.ts';
import type { ConfigReading } from './config.ts';
import { type Env, type SecretSources, substitute } from './secrets.ts';
import { setting } from './variables.ts';
import { bindsLoopbackToo } from './versions.ts';

/** Where the gateway's process listens. */
export interface LiveGateway {
  /** Its listening sockets; where {@link port} is known, only those of that port. */
  readonly listens: readonly ListeningAddress[];
  /** The port at which it is a gateway, as far as its command line, its lock or its answers tell. */
  readonly port: number | undefined;
}

/**
 * What decided the address, the strongest first: the exporter's `gateway.url`, OPENCLAW_GATEWAY_URL or
 * OPENCLAW_GATEWAY_PORT, `gateway.remote.url` of openclaw.json, the gateway's process, then openclaw.json,
 * the service file, the profile's name, and OpenClaw's default.
 */
export type AddressSource =
  | 'exporter'
  | 'env'
  | 'remote'
  | 'process'
  | 'config'
  | 'service'
  | 'profile'
  | 'default';

/** What the address follows from. */
export interface LocateQuery {
  /** The exporter's own `gateway.url`. */
  readonly url: string | undefined;
  /** The exporter's own environment, without what files add. */
  readonly env: Env;
  /** What openclaw.json and `.env` set. */
  readonly fileEnv: Env;
  readonly sources: Pick<SecretSources, 'config' | 'env'>;
  readonly reading: Pick<ConfigReading, 'unreadable' | 'broken'>;
  /** The port that the gateway's service file names. */
  readonly servicePort: number | undefined;
  /** The port that the profile's name gives; undefined where it gives none. */
  readonly profilePort: number | undefined;
  /** The gateway's version, such as `2026.9.6`; undefined where nothing tells it. */
  readonly version: string | undefined;
  readonly live: LiveGateway | undefined;
  /** IP addresses of this machine. */
  readonly addresses: () => readonly string[];
}

/** The address to connect to, and why. */
export interface Location {
  readonly target: GatewayEndpoint;
  readonly by: AddressSource;
  /**
   * Where openclaw.json, service file and profile say that the gateway listens;
   * undefined where they are unreadable.
   */
  readonly configured: ConfiguredListen | undefined;
  /** Why the address is unknown, and nothing may be concluded from {@link target}. */
  readonly unknown: string | undefined;
}

/** Where the configuration says that the gateway listens. */
export interface ConfiguredListen {
  readonly port: number;
  /** The address it binds; undefined where that depends on the machine. */
  readonly host: string | undefined;
  readonly by: Extract<AddressSource, 'config' | 'service' | 'profile' | 'default'>;
}

/** OpenClaw's port where nothing names another. */
const DEFAULT_PORT = 18_789;
const ALL_ADDRESSES = '0.0.0.0';
const LOOPBACK = '127.0.0.1';
/** Keys without which the address is unknown when their values are broken. */
const DECISIVE = ['gateway', 'gateway.port', 'gateway.bind', 'gateway.customBindHost', 'gateway.mode'];

/**
 * The gateway's address: what the user named is obeyed; then where its process listens counts, then its
 * configuration by version, then the default. A URL that is none is a problem, and passed over.
 */
export function locateGateway(query: LocateQuery, problems: string[]): Location {
  const configured = configuredListen(query);
  const remote = remoteUrl(query);
  const named = namedUrl(query, remote, problems);
  if (named !== undefined) {
    return {
      target: named,
      by: named.named === 'local' ? 'env' : named.named,
      configured,
      unknown: undefined,
    };
  }
  const { live } = query;
  const at = (address: ListeningAddress): GatewayEndpoint => ({ url: urlOf(query, address), named: 'local' });
  const ownPort = parsePort(query.env.OPENCLAW_GATEWAY_PORT);
  const known = { configured, unknown: undefined };
  if (ownPort !== undefined) return { target: at(hostFor(query, ownPort)), by: 'env', ...known };
  const livePort = live && choosePort(live, configured?.port);
  if (livePort !== undefined) return { target: at(hostFor(query, livePort)), by: 'process', ...known };
  const { port, by } = configured ?? { port: DEFAULT_PORT, by: 'default' as const };
  return { target: at(hostFor(query, port)), by, configured, unknown: whyUnknown(query) };
}

/** A gateway holds more than a hundred ports for browsers besides; its own is the lowest. */
function choosePort({ listens, port }: LiveGateway, configured: number | undefined): number | undefined {
  const ports = listens.map((one) => one.port);
  if (port !== undefined || ports.length === 0) return port;
  return configured !== undefined && ports.includes(configured) ? configured : Math.min(...ports);
}

/** Whether a process that listens there does what the configuration says. */
export function isConfigured(listens: readonly ListeningAddress[], configured: ConfiguredListen): boolean {
  const { port, host } = configured;
  return listens.some((one) => one.port === port && (host === undefined || one.host === host));
}

/** A host and port in OPENCLAW_GATEWAY_PORT, which may be a port alone; undefined where it is neither. */
export function parsePort(value: string | undefined): number | undefined {
  const text = /^(?:[^:]*:|\[[^\]]*\]:)?(\d{1,5})$/.exec(setting(value) ?? '')?.[1];
  const port = Number(text ?? 0);
  return port > 0 && port <= 65_535 ? port : undefined;
}

/**
 * Of several sockets the one that a gateway treats best: as a local caller,
 * without its limits for remote ones.
 */
export function preferredSocket(listens: readonly ListeningAddress[]): ListeningAddress | undefined {
  const reachable = listens.map(({ host, port }) => ({ host: REACHED_BY[host] ?? host, port }));
  return reachable.toSorted((one, other) => rank(one) - rank(other))[0];
}

const REACHED_BY: Readonly<Record<string, string>> = { [ALL_ADDRESSES]: LOOPBACK, '::': '::1' };

function rank({ host }: ListeningAddress): number {
  if (host === LOOPBACK) return 0;
  if (host === '::1') return 1;
  return host.startsWith('127.') ? 2 : 3;
}

function namedUrl(
  { url: own, sources }: LocateQuery,
  remote: URL | string | undefined,
  problems: string[],
): GatewayEndpoint | undefined {
  const candidates = [
    { named: 'exporter', text: own, name: 'gateway.url' },
    { named: 'env', text: setting(sources.env.OPENCLAW_GATEWAY_URL), name: 'OPENCLAW_GATEWAY_URL' },
    { named: 'remote', text: remote?.toString(), name: 'openclaw.json: gateway.remote.url' },
  ] as const;
  for (const { named, text, name } of candidates) {
    if (text === undefined) continue;
    const url = gatewayUrl(text);
    const isRemote = url !== undefined && remote instanceof URL && remote.host === url.host;
    if (url !== undefined) return { url, named: named === 'exporter' && isRemote ? 'remote' : named };
    problems.push(`${name} is no URL of a gateway, such as ws://127.0.0.1:${DEFAULT_PORT}`);
  }
  return undefined;
}

/** `gateway.remote.url` in remote mode; its text where it is no URL. */
function remoteUrl({ sources: { config, env } }: LocateQuery): URL | string | undefined {
  const text = config.gateway?.mode === 'remote' ? config.gateway.remote?.url : undefined;
  const value = text === undefined ? undefined : setting(substitute(text, env).text);
  return value === undefined ? undefined : (gatewayUrl(value) ?? value);
}

function urlOf({ sources: { config } }: LocateQuery, address: ListeningAddress): URL {
  return new URL(`${config.gateway?.tls?.enabled === true ? 'wss' : 'ws'}://${authority(address)}`);
}

/**
 * The address to connect to for a port: that of the living process' socket, else
 * what the configuration binds.
 */
function hostFor(query: LocateQuery, port: number): ListeningAddress {
  const held = preferredSocket((query.live?.listens ?? []).filter((one) => one.port === port));
  return held ?? { host: configuredHost(query), port };
}

function configuredListen(query: LocateQuery): ConfiguredListen | undefined {
  if (whyUnknown(query) !== undefined) return undefined;
  const { fileEnv, sources, servicePort, profilePort } = query;
  const host = boundHost(query);
  const port = parsePort(fileEnv.OPENCLAW_GATEWAY_PORT) ?? positive(sources.config.gateway?.port);
  if (port !== undefined) return { port, host, by: 'config' };
  if (servicePort !== undefined) return { port: servicePort, host, by: 'service' };
  if (profilePort !== undefined) return { port: profilePort, host, by: 'profile' };
  return { port: DEFAULT_PORT, host, by: 'default' };
}

function positive(port: number | undefined): number | undefined {
  return port !== undefined && port > 0 ? port : undefined;
}

/** The address that the gateway binds, as its configuration and version have it. */
function boundHost({ sources, addresses }: LocateQuery): string | undefined {
  const { bind, customBindHost } = sources.config.gateway ?? {};
  if (bind === 'loopback') return LOOPBACK;
  if (bind === 'lan') return ALL_ADDRESSES;
  if (bind === 'tailnet') return addresses().find(isTailnet);
  const custom = customBindHost?.trim();
  return bind === 'custom' && custom !== undefined && isIPv4(custom) ? custom : undefined;
}

/** The address of this machine that reaches a gateway bound as configured. */
function configuredHost(query: LocateQuery): string {
  const host = boundHost(query);
  if (host === undefined || host === ALL_ADDRESSES || host === LOOPBACK) return LOOPBACK;
  const { version, addresses } = query;
  // Without the address a gateway binds all of them.
  if (!host.startsWith('127.') && !addresses().includes(host)) return LOOPBACK;
  return bindsLoopbackToo(version) ? LOOPBACK : host;
}

/** 100.64.0.0/10, which Tailscale gives its machines. */
function isTailnet(address: string): boolean {
  const [first, second = 0] = address.split('.').map(Number);
  return isIPv4(address) && first === 100 && second >= 64 && second < 128;
}

function whyUnknown({ reading: { unreadable, broken } }: LocateQuery): string | undefined {
  if (unreadable !== undefined) return `the gateway's address is unknown: ${unreadable}`;
  const key = broken.find((name) => DECISIVE.includes(name) || name.startsWith('gateway.remote'));
  return key === undefined
    ? undefined
    : `the gateway's address is unknown: openclaw.json: ${key || 'all of it'} is not what OpenClaw allows`;
}
