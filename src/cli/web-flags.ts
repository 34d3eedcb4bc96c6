import { parseExternalUrl } from '../config/external-url.ts';
import { exposureProblems, type ListenAddress, parseListenAddress } from '../config/listen.ts';
import { isTakenPath, parseWebPath, WEB_PATH_FORM } from '../config/web-path.ts';

/** Loopback alone; the port is the gateway's plus 1,000. */
export const DEFAULT_LISTEN: ListenAddress = { host: '127.0.0.1', port: 10_789 };
/** The same as it is written. */
export const DEFAULT_LISTEN_ADDRESS = `${DEFAULT_LISTEN.host}:${DEFAULT_LISTEN.port}`;

/** Where the metrics are without `--web.telemetry-path`. */
export const DEFAULT_TELEMETRY_PATH = '/metrics';

/** On which addresses and under which paths is served. */
export interface WebFlags {
  /** Empty where the sockets are those of systemd. */
  readonly listen: readonly ListenAddress[];
  /** Whether {@link listen} is the default. */
  readonly listensAtDefault: boolean;
  /** Whether to serve on the sockets that systemd passes. */
  readonly systemdSocket: boolean;
  /** Where the metrics are; `/` puts them in the place of the status page. */
  readonly telemetryPath: string;
  /** Below which everything is served: empty, or a path without a slash at its end. */
  readonly routePrefix: string;
}

/** The values of the flags, as they were given. */
export interface WebValues {
  readonly 'web.listen-address'?: readonly string[] | undefined;
  readonly 'web.telemetry-path'?: string | undefined;
  readonly 'web.route-prefix'?: string | undefined;
  readonly 'web.external-url'?: string | undefined;
  readonly 'web.systemd-socket'?: boolean | undefined;
  readonly 'web.config.file'?: string | undefined;
  readonly 'web.allow-unauthenticated-remote'?: boolean | undefined;
}

/** These flags after defaults, and one sentence a mistake; a flag that is wrong has its default. */
export function parseWebFlags(values: WebValues): { flags: WebFlags; problems: readonly string[] } {
  const addresses = (values['web.listen-address'] ?? [DEFAULT_LISTEN_ADDRESS]).map((text) =>
    parseAddress(text, values),
  );
  const telemetry = parseTelemetryPath(values['web.telemetry-path'] ?? DEFAULT_TELEMETRY_PATH);
  const prefix = parseRoutePrefix(values);
  return {
    flags: {
      // As in Prometheus' exporter-toolkit the addresses do not count then.
      listen: values['web.systemd-socket'] ? [] : addresses.flatMap(({ listen }) => listen ?? []),
      systemdSocket: values['web.systemd-socket'] ?? false,
      listensAtDefault: values['web.listen-address'] === undefined,
      telemetryPath: telemetry.path,
      routePrefix: prefix.path,
    },
    problems: [...addresses, telemetry, prefix].flatMap(({ problems }) => problems),
  };
}

function parseAddress(text: string, values: WebValues) {
  const listen = parseListenAddress(text);
  if (listen === undefined) {
    const allowed = `host:port, such as ${DEFAULT_LISTEN_ADDRESS} or [::1]:10789`;
    return { listen, problems: [notAllowed('--web.listen-address', text, allowed)] };
  }
  // Whether a web configuration authenticates anybody is known when it is read.
  if (values['web.config.file'] !== undefined) return { listen, problems: [] };
  return {
    listen,
    problems: exposureProblems(listen, values['web.allow-unauthenticated-remote'] ?? false),
  };
}

function parseTelemetryPath(text: string) {
  const path = parseWebPath(text);
  if (path !== undefined && !isTakenPath(path)) return { path: path || '/', problems: [] };
  const allowed = `${WEB_PATH_FORM}, where no other page is`;
  return { path: DEFAULT_TELEMETRY_PATH, problems: [notAllowed('--web.telemetry-path', text, allowed)] };
}

/** As in Prometheus the path of the external URL, unless the flag says otherwise. */
function parseRoutePrefix({ 'web.route-prefix': text, 'web.external-url': url }: WebValues) {
  const external = parseExternalUrl(url ?? '');
  const given = text ?? (external === undefined ? '/' : new URL(external).pathname);
  const path = parseWebPath(given);
  if (path !== undefined) return { path, problems: [] };
  return { path: '', problems: [notAllowed('--web.route-prefix', given, WEB_PATH_FORM)] };
}

/** The sentence that refuses a flag's value. */
export function notAllowed(flag: string, value: string | undefined, allowed: string): string {
  return `${flag}: ${JSON.stringify(value)} is not allowed; allowed: ${allowed}`;
}
