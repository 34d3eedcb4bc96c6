import { isIPv4 } from 'node:net';

/** Where the exporter listens; `host` without the brackets of an IPv6 address. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The address that `HOST:PORT`, `[IPV6]:PORT` or `:PORT` names; undefined where the text is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port);
  if (match === null || port > 65_535) return undefined;
  const host = match.groups?.v6 ?? match.groups?.host ?? '';
  return { host: host === '' ? '0.0.0.0' : host, port };
}

/** What speaks against listening there without asking anybody who they are. */
export function exposureProblems({ host }: ListenAddress, insisted: boolean): string[] {
  if (isLoopback(host) || insisted) return [];
  return [
    `--web.listen-address: ${host} is not loopback, and without authentication everyone who reaches it reads ` +
      'the metrics; listen on 127.0.0.1, configure authentication with --web.config.file, or insist with ' +
      '--web.allow-unauthenticated-remote',
  ];
}

/** Whether `host` names this machine's loopback and nothing else. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
