import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { exposureProblems, isLoopback, type ListenAddress } from '../config/listen.ts';
import { formatProblem } from '../config/load.ts';
import { authority } from '../lib/authority.ts';
import type { Clock } from '../lib/clock.ts';
import { codeOf } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { findPortHolder } from '../os/own-sockets.ts';
import { Connections } from './connections.ts';
import { gated } from './gate.ts';
import { PasswordThread } from './password-thread.ts';
import { Passwords } from './passwords.ts';
import { adoptSocket } from './systemd-sockets.ts';
import { type WebConfig, WebConfigFile, type WebConfigOutcome } from './web-config.ts';

/** Whether the server listens, and under which URLs, one an address; `failed` is to be said to the user. */
export type ListenOutcome =
  | { readonly state: 'listening'; readonly server: WebServer; readonly urls: readonly string[] }
  | { readonly state: 'failed'; readonly reason: string };

/** What is served, where, and to whom. */
export interface ServeOptions {
  readonly app: RequestListener;
  readonly listen: readonly ListenAddress[];
  /** Descriptors of sockets that systemd passed; then {@link listen} is empty. */
  readonly descriptors?: readonly number[];
  /** As `--web.config.file` names it; without one everybody is answered. */
  readonly configFile: string | undefined;
  readonly allowUnauthenticatedRemote: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
};
const TLS_LIMITS = { handshakeTimeout: 5_000 };
/** After a replaced server found its port taken. */
const RETRY_MS = 1_000;
/** Longer than any probe is silent. */
const IDLE_MS = 90_000;

/** What the web configuration says, and whether it may be served under these flags. Never throws. */
export function checkWebConfig(
  file: WebConfigFile,
  listen: readonly ListenAddress[],
  allowUnauthenticatedRemote: boolean,
): WebConfigOutcome {
  const outcome = file.load();
  if (outcome.state === 'invalid' || outcome.web.authenticates) return outcome;
  const exposed = listen.flatMap((address) => exposureProblems(address, allowUnauthenticatedRemote));
  if (exposed.length === 0) return outcome;
  return {
    state: 'invalid',
    problems: exposed.map((message) => ({ path: '--web.config.file', message })),
  };
}

/** Serves the app; a taken port, a forbidden address or a bad web configuration is a value, not a throw. */
export async function serve(options: ServeOptions): Promise<ListenOutcome> {
  const { listen, configFile, allowUnauthenticatedRemote } = options;
  const file = new WebConfigFile(configFile);
  const checked = checkWebConfig(file, listen, allowUnauthenticatedRemote);
  if (checked.state === 'invalid') {
    return {
      state: 'failed',
      reason: checked.problems.map(formatProblem).join('\n'),
    };
  }
  const server = new WebServer(options, file, checked.web);
  const opened = await server.open();
  if (opened.state === 'failed') return opened;
  const scheme = checked.web.tls === undefined ? 'http' : 'https';
  return { state: 'listening', server, urls: opened.addresses.map((one) => `${scheme}://${authority(one)}`) };
}

type OpenOutcome =
  | { readonly state: 'open'; readonly addresses: readonly ListenAddress[] }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * The servers of all addresses, as one. Files of its configuration are looked at with each connection and
 * request, so that a new certificate or password counts at once; a mistake in them changes nothing.
 */
export class WebServer {
  readonly #options: ServeOptions;
  readonly #file: WebConfigFile;
  readonly #passwordThread: PasswordThread;
  readonly #listenerFor: (server: { readonly isLoopback: boolean }) => RequestListener;
  #addresses: readonly ListenAddress[];
  #web: WebConfig;
  #servers: readonly Server[] = [];
  /** What the servers that listen were made for; undefined while none does. */
  #served: WebConfig | undefined;
  /** As they were accepted: those that never finish a TLS greeting are in no list of the server's. */
  readonly #connections = new Connections();
  #closed = false;
  /** Ends when no replacement is under way or waits for its turn. */
  #replaced: Promise<void> = Promise.resolve();
  #cancelRetry: () => void = () => undefined;

  constructor(options: ServeOptions, file: WebConfigFile, web: WebConfig) {
    this.#options = options;
    this.#file = file;
    this.#web = web;
    this.#addresses = options.listen;
    this.#passwordThread = new PasswordThread(options.clock);
    const gate = gated(options.app, {
      clock: options.clock,
      passwords: new Passwords((password, hash) => this.#passwordThread.compare(password, hash)),
      web: () => this.#web,
    });
    this.#listenerFor = (server) => {
      const checked = gate(server);
      return (request, response) => {
        if (this.refresh() === 'replaced') request.socket.destroy();
        else if (this.#connections.begin(request, response)) checked(request, response);
      };
    };
  }

  /** Whether only authenticated clients are served now. */
  get authenticates(): boolean {
    return this.#web.authenticates;
  }

  /**
   * Listens on every address, with TLS where the web configuration says so; `failed` says
   * why not, and none is open then.
   */
  async open(): Promise<OpenOutcome> {
    this.#warnOfPlainPasswords();
    const web = this.#web;
    const places = await this.#findPlaces();
    if (places.state === 'failed') return places;
    const opened: ListenAddress[] = [];
    for (const { address, handle } of places.found) {
      const server = this.#create(address);
      const outcome = await listening(server, address, handle);
      if (outcome.state === 'failed') {
        await this.#shut();
        return outcome;
      }
      this.#servers = [...this.#servers, server];
      opened.push(outcome.address);
      server.on('error', (error) =>
        this.#options.logger.error('server error', { code: codeOf(error) ?? 'error' }),
      );
    }
    this.#served = web;
    // A port chosen by the system stays the same when the server is replaced.
    this.#addresses = opened;
    return { state: 'open', addresses: opened };
  }

  /** Where to listen: the addresses of the flags, or the sockets that systemd passed. */
  async #findPlaces(): Promise<PlacesOutcome> {
    const { descriptors = [], allowUnauthenticatedRemote } = this.#options;
    const found: Place[] = this.#addresses.map((address) => ({ address }));
    for (const descriptor of descriptors) {
      const adopted = await adoptSocket(descriptor);
      if (adopted.state === 'failed') return release(found, adopted.reason);
      const { address, handle } = adopted;
      const [exposed] = this.#web.authenticates ? [] : exposureProblems(address, allowUnauthenticatedRemote);
      found.push({ address, handle });
      if (exposed !== undefined) return release(found, exposed);
    }
    return { state: 'found', found };
  }

  /** Takes a changed web configuration; `replaced` where connections made under the one before must end. */
  refresh(): 'same' | 'changed' | 'replaced' {
    if (this.#closed || !this.#file.changed) return 'same';
    const { allowUnauthenticatedRemote, logger } = this.#options;
    const outcome = checkWebConfig(this.#file, this.#addresses, allowUnauthenticatedRemote);
    if (outcome.state === 'invalid') {
      for (const problem of outcome.problems) {
        logger.error('web configuration not reloaded', { problem: formatProblem(problem) });
      }
      return 'same';
    }
    const before = this.#web;
    if (this.#options.descriptors !== undefined && needsNewServer(before, outcome.web)) {
      // A passed socket can be opened once.
      logger.error('web configuration not reloaded', {
        problem: 'with --web.systemd-socket TLS changes by a restart',
      });
      return 'same';
    }
    this.#web = outcome.web;
    logger.info('web configuration reloaded');
    if (before.tls === undefined && this.#web.tls === undefined) return 'changed';
    if (before.clientAuth === this.#web.clientAuth && this.#renewCertificate()) return 'changed';
    this.#replace();
    return 'replaced';
  }

  /** Whether what is served is TLS and stays so: then with the present certificate. */
  #renewCertificate(): boolean {
    const { tls } = this.#web;
    const servers = this.#servers.filter((server) => server instanceof TlsServer);
    if (tls === undefined || servers.length === 0) return false;
    for (const server of servers) server.setSecureContext(tls);
    return true;
  }

  /** Ends all servers and their connections at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    this.#passwordThread.close();
    await this.#replaced;
    await this.#shut();
  }

  /**
   * One after the other: of two at once one would find the port taken by the other, whom nobody would own.
   */
  #replace(): void {
    this.#replaced = this.#replaced.then(() => this.#replaceNow());
  }

  async #replaceNow(): Promise<void> {
    if (this.#closed || this.#served === this.#web) return;
    this.#cancelRetry();
    await this.#shut();
    if (this.#closed) return;
    const outcome = await this.open();
    if (outcome.state === 'open' || this.#closed) return;
    this.#options.logger.error('not serving, trying again', { reason: outcome.reason });
    this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => this.#replace());
  }

  async #shut(): Promise<void> {
    this.#served = undefined;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#servers = [];
    this.#connections.destroy();
    await Promise.all(closed);
  }

  #create({ host }: ListenAddress): Server {
    const { tls } = this.#web;
    const listener = this.#listenerFor({ isLoopback: isLoopback(host) });
    const server =
      tls === undefined
        ? createServer(LIMITS, listener)
        : createTlsServer({ ...LIMITS, ...TLS_LIMITS, ...tls }, listener);
    server.timeout = IDLE_MS;
    this.#connections.watch(server, tls === undefined ? 'connection' : 'secureConnection');
    // Before the server's own listeners: a certificate that changed is shown to this very connection.
    server.prependListener('connection', (socket: Socket) => {
      if (this.refresh() === 'replaced') socket.destroy();
    });
    if (tls !== undefined) {
      server.prependListener('secureConnection', (socket: TLSSocket) => {
        if (!mayTalk(socket, this.#web)) socket.destroy();
      });
    }
    return server;
  }

  #warnOfPlainPasswords(): void {
    if (this.#web.tls !== undefined || this.#web.users.size === 0) return;
    for (const { host } of this.#addresses.filter((one) => !isLoopback(one.host))) {
      this.#options.logger.warn('passwords travel in clear text: configure tls_server_config', { host });
    }
  }
}

function mayTalk(socket: TLSSocket, { clientAuth }: WebConfig): boolean {
  const showedOne = Object.keys(socket.getPeerCertificate()).length > 0;
  switch (clientAuth) {
    case 'NoClientCert':
    case 'RequestClientCert':
      return true;
    case 'RequireAnyClientCert':
      return showedOne;
    case 'VerifyClientCertIfGiven':
      return !showedOne || socket.authorized;
    case 'RequireAndVerifyClientCert':
      return socket.authorized;
  }
}

/** Where a server listens; `handle` where the socket is there already. */
interface Place {
  readonly address: ListenAddress;
  readonly handle?: NetServer;
}

type PlacesOutcome =
  | { readonly state: 'found'; readonly found: readonly Place[] }
  | Extract<OpenOutcome, { readonly state: 'failed' }>;

/** Closes sockets that were taken over: an open one would keep the process alive. */
function release(places: readonly Place[], reason: string): PlacesOutcome {
  for (const { handle } of places) handle?.close();
  return { state: 'failed', reason };
}

/** Whether TLS begins, ends, or asks otherwise for client certificates. */
function needsNewServer(before: WebConfig, after: WebConfig): boolean {
  return (before.tls === undefined) !== (after.tls === undefined) || before.clientAuth !== after.clientAuth;
}

type BoundOutcome =
  | { readonly state: 'open'; readonly address: ListenAddress }
  | Extract<OpenOutcome, { readonly state: 'failed' }>;

function listening(
  server: Server,
  { host, port }: ListenAddress,
  handle: NetServer | undefined,
): Promise<BoundOutcome> {
  return new Promise((resolve) => {
    const failed = (error: unknown) => {
      const where = authority({ host, port });
      resolve({ state: 'failed', reason: `cannot listen on ${where}${explainListen(error, port)}` });
    };
    server.once('error', failed);
    const opened = () => {
      server.off('error', failed);
      const bound = server.address();
      const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
      resolve({ state: 'open', address: { host, port: actual } });
    };
    if (handle === undefined) server.listen(port, host, opened);
    else server.listen(handle, opened);
  });
}

function explainListen(error: unknown, port: number): string {
  const code = codeOf(error) ?? 'error';
  if (code !== 'EADDRINUSE') return ` (${code})`;
  const holder = findPortHolder(port);
  const who = holder === undefined ? 'another program' : `${holder.name} (pid ${holder.pid})`;
  return `: ${who} listens there; choose another port with --web.listen-address (${code})`;
}
