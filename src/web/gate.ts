import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { Secret } from '../lib/secret.ts';
import type { Passwords } from './passwords.ts';
import type { WebConfig } from './web-config.ts';

/** Requests under way at once: each probe of a large fleet is one. */
const MAX_REQUESTS = 1024;
/** No endpoint reads a body. */
const MAX_BODY_BYTES = 4096;
/** From the first byte of a request to the last of its answer; a probe takes a minute at most. */
const MAX_REQUEST_MS = 120_000;

/** What requests are checked against. */
export interface GateOptions {
  readonly clock: Clock;
  readonly passwords: Passwords;
  /** What is in force now. */
  readonly web: () => WebConfig;
}

/**
 * Everything that is checked before a request reaches the application, for a server on loopback or beyond;
 * what is limited is limited over all servers together.
 */
export function gated(
  app: RequestListener,
  options: GateOptions,
): (server: { readonly isLoopback: boolean }) => RequestListener {
  let underWay = 0;
  return ({ isLoopback }) =>
    (request, response) => {
      const web = options.web();
      addHeaders(response, web.headers);
      const refusal = refusalOf(request, web, isLoopback, underWay);
      if (refusal !== undefined) return refuse(response, ...refusal);
      underWay += 1;
      const cancel = options.clock.after(MAX_REQUEST_MS, () => request.socket.destroy());
      response.once('close', () => {
        underWay -= 1;
        cancel();
      });
      authenticated(request, web, options.passwords).then(
        (verdict) => {
          if (verdict === 'right') app(request, response);
          else if (verdict === 'busy')
            refuse(response, 503, 'Too many passwords are waiting to be compared.');
          else {
            response.setHeader(
              'WWW-Authenticate',
              'Basic realm="openclaw-gateway-exporter", charset="UTF-8"',
            );
            refuse(response, 401, 'A user and a password are required.');
          }
        },
        () => refuse(response, 500, 'The password could not be compared.'),
      );
    };
}

type Refusal = readonly [status: number, text: string];

function refusalOf(
  { headers }: IncomingMessage,
  web: WebConfig,
  loopback: boolean,
  underWay: number,
): Refusal | undefined {
  if (loopback && !web.authenticates && !isOwnName(headers.host)) {
    return [421, 'Ask for 127.0.0.1 or localhost, or configure authentication (--web.config.file).'];
  }
  if (underWay >= MAX_REQUESTS) return [503, 'Too many requests at once.'];
  const length = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] !== undefined || !(length <= MAX_BODY_BYTES)) {
    return [413, 'No request needs a body here.'];
  }
  return undefined;
}

/**
 * Whether a request names this machine's loopback. A web page whose name is made to point to 127.0.0.1 (DNS
 * rebinding) names itself. HTTP/1.0 need not name a host, and no browser speaks it.
 */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined) return true;
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])\.?(?::\d{1,5})?$/i.test(host);
}

async function authenticated(request: IncomingMessage, { users }: WebConfig, passwords: Passwords) {
  if (users.size === 0) return 'right';
  const encoded = /^basic ([a-z0-9+/=]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) return 'wrong';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) return 'wrong';
  const password = new Secret(text.slice(colon + 1));
  return passwords.check(users, text.slice(0, colon), password, request.socket.remoteAddress);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(`${text}\n`);
}

/** The configured headers go in last, whatever the application sets. */
function addHeaders(response: ServerResponse, headers: ReadonlyMap<string, string>): void {
  if (headers.size === 0) return;
  const end = response.writeHead;
  response.writeHead = function writeHead(this: ServerResponse, ...args: unknown[]) {
    const given = args.at(-1);
    if (typeof given === 'object' && given !== null) {
      for (const [name, value] of Object.entries(given)) this.setHeader(name, value);
      args.pop();
    }
    for (const [name, value] of headers) this.setHeader(name, value);
    return Reflect.apply(end, this, args);
  } as typeof response.writeHead;
}
