import type { HealthOutcome } from '../../gateway/http.ts';
import { type LiveGateway, parsePort, preferredSocket } from '../../openclaw/locate.ts';
import type { ListeningAddress, Processes } from '../../os/processes.ts';
import type { FoundGateway } from './find.ts';
import { declaredPort } from './recognise.ts';

/** A gateway holds more than a hundred ports for browsers; its own is the lowest of them. */
const MAX_CALLS = 3;

/** Sends `/healthz` to an address. */
export type CallHealth = (address: ListeningAddress, signal: AbortSignal) => Promise<HealthOutcome>;

/** Finds the port of a gateway's process, and remembers what had to be found by calling it. */
export class ListeningPort {
  readonly #processes: Pick<Processes, 'sockets' | 'environment'>;
  readonly #callHealth: CallHealth;
  #found: { readonly process: string; readonly port: number } | undefined;

  constructor(processes: Pick<Processes, 'sockets' | 'environment'>, callHealth: CallHealth) {
    this.#processes = processes;
    this.#callHealth = callHealth;
  }

  /**
   * Where the process listens as a gateway: at the port of its command line, its lock or its environment,
   * else at the configured one, else at the lowest that answers `/healthz` as OpenClaw. Undefined where its
   * sockets are hidden and nothing names a port. Rejects only when `signal` fires.
   */
  async find(
    { row, lock }: FoundGateway,
    configuredPort: number | undefined,
    signal: AbortSignal,
  ): Promise<LiveGateway | undefined> {
    const sockets = await this.#processes.sockets(row.pid, signal);
    const environment = await this.#processes.environment(row.pid, ['OPENCLAW_GATEWAY_PORT'], signal);
    const named =
      declaredPort(row.argv) ?? lock?.port ?? parsePort(environment?.get('OPENCLAW_GATEWAY_PORT'));
    if (sockets === undefined) return named === undefined ? undefined : { listens: [], port: named };
    const at = (port: number) => sockets.filter((socket) => socket.port === port);
    if (named !== undefined) return { listens: at(named), port: named };
    if (configuredPort !== undefined && at(configuredPort).length > 0)
      return { listens: at(configuredPort), port: configuredPort };
    const ports = [...new Set(sockets.map(({ port }) => port))].sort((one, other) => one - other);
    const [lowest] = ports;
    if (lowest === undefined) return { listens: [], port: undefined };
    // One that is stopped or hangs answers nowhere, and is still at its lowest port.
    const port = (await this.#answering(`${row.pid}:${row.start}`, ports, at, signal)) ?? lowest;
    return { listens: at(port), port };
  }

  /** Once a port has answered, the process is not called again. */
  async #answering(
    process: string,
    ports: readonly number[],
    at: (port: number) => readonly ListeningAddress[],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (this.#found?.process === process) return this.#found.port;
    for (const port of ports.slice(0, MAX_CALLS)) {
      const address = preferredSocket(at(port));
      if (address === undefined || (await this.#callHealth(address, signal)).state !== 'live') continue;
      this.#found = { process, port };
      return port;
    }
    return undefined;
  }
}

/** Remembers whether a gateway has listened since its start: then silence is no start any more. */
export class ListenerMemory {
  #start: string | undefined;

  /** Whether this start of the gateway was seen to listen, now or before. */
  see(gateway: FoundGateway | undefined, isListening: boolean): boolean {
    if (gateway === undefined) return false;
    const { row, lock } = gateway;
    // A restart inside the process writes another lock.
    const start = [row.pid, row.start, lock?.createdAtMs].join(' ');
    if (isListening) this.#start = start;
    return this.#start === start;
  }
}
