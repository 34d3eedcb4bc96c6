import { join } from 'node:path';
import type { GatewayLock } from '../../openclaw/lock.ts';
import { homeOf, namedStateDir } from '../../openclaw/paths.ts';
import type { PortListener, Processes, ProcessRow } from '../../os/processes.ts';
import { declaredPort, type Looks, looksLike } from './recognise.ts';
import type { SeenProcess } from './restarts.ts';

/** By which means the process was found, the surest first; label values of `openclaw_gateway_process_info`. */
export const FOUND_BY = ['listener', 'last_seen', 'service', 'lock_file', 'pattern'] as const;
/** One of {@link FOUND_BY}. */
export type FoundBy = (typeof FOUND_BY)[number];

/** Programs that pass a port on to another machine, container or namespace, where the gateway is then. */
const FORWARDERS = new Set([
  'docker-proxy',
  'rootlessport',
  'rootlesskit',
  'slirp4netns',
  'pasta',
  'pasta.avx2',
  'gvproxy',
  'com.docker.backe',
  'ssh',
  'sshd',
  'sshd-session',
  'socat',
  'kubectl',
]);

/** What is looked for, and what is known from elsewhere. */
export interface Search {
  readonly port: number;
  /** The state folder as configured and with symbolic links followed; absolute. */
  readonly stateDirs: readonly string[];
  readonly ownPid: number;
  /** Wall time in milliseconds. */
  readonly nowMs: number;
  readonly bootId: string;
  readonly locks: readonly GatewayLock[];
  readonly lastSeen: SeenProcess | undefined;
  readonly servicePid: number | undefined;
}

/** Who listens on the port, as far as it can be told. */
export type PortHolder =
  | { readonly kind: 'gateway' | 'nobody' }
  | { readonly kind: 'unknown'; readonly why: Unclear }
  | { readonly kind: 'foreign'; readonly pid: number; readonly comm: string };

/** Why seeing no gateway proves nothing. */
export interface Unclear {
  /** `closed`: the exporter lacks the rights to see. `ambiguous`: it saw all there is, and that does not tell. */
  readonly kind: 'closed' | 'ambiguous';
  readonly reason: string;
}

/** A gateway process, and what tells that it is one. */
export interface FoundGateway {
  readonly row: ProcessRow;
  readonly by: FoundBy;
  /** The gateway's own word for this start, where its lock can be read. */
  readonly lock: GatewayLock | undefined;
}

/** What one search for the gateway's process found. */
export interface Finding {
  readonly gateway: FoundGateway | undefined;
  readonly holder: PortHolder;
  /** Further gateways for the same port or state folder. */
  readonly duplicates: readonly ProcessRow[];
  /** Why not finding a gateway proves nothing; undefined where it does. */
  readonly unclear: Unclear | undefined;
}

/** Finds the gateway's process: by the port's listener, else by what is left when that is gone. */
export async function findGateway(
  processes: Processes,
  search: Search,
  signal: AbortSignal,
): Promise<Finding> {
  return new Finder(processes, search, signal).find();
}

type Candidate = Omit<FoundGateway, 'lock'>;

class Finder {
  readonly #processes: Processes;
  readonly #search: Search;
  readonly #signal: AbortSignal;
  #table: readonly ProcessRow[] = [];
  /** Pids, each with the lock that names it and its start. */
  readonly #locked = new Map<number, GatewayLock>();

  constructor(processes: Processes, search: Search, signal: AbortSignal) {
    this.#processes = processes;
    this.#search = search;
    this.#signal = signal;
  }

  async find(): Promise<Finding> {
    this.#table = await this.#processes.table(this.#signal);
    const candidates = await this.#named();
    const byLooks = this.#table.filter((row) => row.pid !== this.#search.ownPid && looks(row) !== 'other');
    const likely = [...new Set([...candidates.map(({ row }) => row.pid), ...byLooks.map(({ pid }) => pid)])];
    const listener = await this.#processes.listener(this.#search.port, likely, this.#signal);
    const listening = await this.#listeningGateway(listener, candidates);
    const chosen = listening ?? candidates.find(isAlive) ?? (await this.#byPattern(byLooks)) ?? candidates[0];
    const holder = await this.#holder(listener, listening, chosen);
    const gateway = chosen && { ...chosen, lock: this.#ourLock(chosen.row.pid) };
    return {
      gateway,
      holder,
      duplicates: gateway === undefined ? [] : await this.#duplicates(gateway.row, byLooks),
      unclear: gateway === undefined ? await this.#whyUnclear(holder, byLooks) : undefined,
    };
  }

  /** Processes that something names by pid, in the order of trust. */
  async #named(): Promise<Candidate[]> {
    const { lastSeen, servicePid, locks, bootId } = this.#search;
    const candidates: Candidate[] = [];
    for (const lock of locks) {
      const row = await this.#row(lock.pid);
      if (row === undefined || !matches(lock, row) || !(await this.#believes(lock))) continue;
      this.#locked.set(row.pid, lock);
      if (lock.ours) candidates.push({ row, by: 'lock_file' });
    }
    const service = servicePid === undefined ? undefined : await this.#row(servicePid);
    if (service !== undefined && looks(service) !== 'other')
      candidates.unshift({ row: service, by: 'service' });
    const last = lastSeen?.boot === bootId ? await this.#row(lastSeen.pid) : undefined;
    if (last !== undefined && last.start === lastSeen?.start)
      candidates.unshift({ row: last, by: 'last_seen' });
    return candidates;
  }

  async #believes({ writer, pid }: GatewayLock): Promise<boolean> {
    return writer === undefined || writer === (await this.#processes.userOf(pid, this.#signal));
  }

  /** The listener, if it is a gateway: known by pid, or looking like one. A stranger on the port is none. */
  async #listeningGateway(
    listener: PortListener,
    candidates: readonly Candidate[],
  ): Promise<Candidate | undefined> {
    if (listener.state !== 'process') return undefined;
    const row = await this.#row(listener.pid);
    if (row === undefined) return undefined;
    const known = candidates.some((candidate) => candidate.row.pid === row.pid);
    return known || looks(row) !== 'other' ? { row, by: 'listener' } : undefined;
  }

  /** The last resort: what looks like a gateway and like nobody else's; the oldest, so that the choice is steady. */
  async #byPattern(rows: readonly ProcessRow[]): Promise<Candidate | undefined> {
    const ancestors = this.#ancestors(this.#search.ownPid);
    const found: ProcessRow[] = [];
    for (const { pid } of rows) {
      const row = await this.#row(pid);
      if (row === undefined || ancestors.has(pid)) continue;
      if (looks(row) !== 'gateway' && !(await this.#runsInForeground(row, SURE_AFTER_MS))) continue;
      if ((await this.#belongs(row)) !== 'others') found.push(row);
    }
    const row = found.sort((a, b) => a.startedAtMs - b.startedAtMs || a.pid - b.pid)[0];
    return row && { row, by: 'pattern' };
  }

  async #holder(
    listener: PortListener,
    listening: Candidate | undefined,
    chosen: Candidate | undefined,
  ): Promise<PortHolder> {
    if (listening !== undefined) return { kind: 'gateway' };
    if (chosen !== undefined && isAlive(chosen)) {
      const listens = await this.#processes.listens(chosen.row.pid, this.#search.port, this.#signal);
      if (listens === 'yes') return { kind: 'gateway' };
      if (listens === 'unknown') return unknown('closed', 'its open files may not be looked at');
    }
    if (listener.state === 'nobody') return { kind: 'nobody' };
    if (listener.state === 'hidden') return unknown('closed', hiddenReason(listener));
    const row = await this.#row(listener.pid);
    if (row === undefined) return unknown('ambiguous', 'the process that listened has just ended');
    if (!FORWARDERS.has(row.comm)) return { kind: 'foreign', pid: row.pid, comm: row.comm };
    return unknown('ambiguous', `${row.comm} passes the port on to somewhere out of sight`);
  }

  async #duplicates(main: ProcessRow, rows: readonly ProcessRow[]): Promise<ProcessRow[]> {
    const user = await this.#processes.userOf(main.pid, this.#signal);
    const found: ProcessRow[] = [];
    for (const { pid } of rows) {
      if (pid === main.pid || this.#ancestors(pid).has(main.pid)) continue;
      const row = await this.#row(pid);
      if (row === undefined || row.state === 'zombie') continue;
      if ((await this.#processes.userOf(pid, this.#signal)) !== user) continue;
      if (await this.#isGatewayOfOurs(row, main)) found.push(row);
    }
    return found;
  }

  /** A process that calls itself only `openclaw` counts when it listens or runs as only an older gateway does. */
  async #isGatewayOfOurs(row: ProcessRow, main: ProcessRow): Promise<boolean> {
    const kind = looks(row);
    if (kind !== 'gateway' && kind !== 'openclaw') return false;
    if (kind === 'openclaw') {
      const listens = ((await this.#processes.ports(row.pid, this.#signal))?.size ?? 0) > 0;
      const older = looks(main) === 'openclaw' && (await this.#runsInForeground(row, YOUNG_MS));
      if (!listens && !older) return false;
    }
    return (await this.#belongs(row)) === 'ours';
  }

  /**
   * Whether a process named only `openclaw` is an older gateway and not a short command: OpenClaw 2026.5 starts itself
   * a second time, with a mark in the environment, for every command but a gateway in the foreground.
   */
  async #runsInForeground(row: ProcessRow, olderThanMs: number): Promise<boolean> {
    if (looks(row) !== 'openclaw' || this.#search.nowMs - row.startedAtMs < olderThanMs) return false;
    const kin = this.#table.filter(({ pid, ppid }) => pid === row.ppid || ppid === row.pid);
    if (kin.some(({ argv }) => argv[0]?.startsWith('openclaw'))) return false;
    const environment = await this.#processes.environment(row.pid, RESPAWN_VARIABLES, this.#signal);
    if (environment === undefined || environment.has('OPENCLAW_NODE_OPTIONS_READY')) return false;
    const quiet = /--no-warnings|--disable-warning/.test(environment.get('NODE_OPTIONS') ?? '');
    return !quiet && !environment.has('OPENCLAW_NO_RESPAWN');
  }

  /** Whose gateway a process is: of this port or state folder, of another profile, or not to be told. */
  async #belongs(row: ProcessRow): Promise<'ours' | 'others' | 'unclear'> {
    const lock = this.#locked.get(row.pid);
    if (lock !== undefined) return lock.ours ? 'ours' : 'others';
    const { port, stateDirs } = this.#search;
    const declared = declaredPort(row.argv);
    if (declared === port) return 'ours';
    const ports = await this.#processes.ports(row.pid, this.#signal);
    if (ports?.has(port)) return 'ours';
    const environment = await this.#processes.environment(row.pid, PLACE_VARIABLES, this.#signal);
    if (environment === undefined) return declared === undefined ? 'unclear' : 'others';
    if (declared === undefined && environment.get('OPENCLAW_GATEWAY_PORT') === String(port)) return 'ours';
    // A profile given as an option leaves no trace once the process has renamed itself; a port of its own tells.
    const elsewhere =
      ports !== undefined && ports.size > 0 && looks(row) === 'gateway' && row.argv.length === 1;
    if (elsewhere) return 'others';
    return stateDirs.includes(stateDirOf(environment)) ? 'ours' : 'others';
  }

  async #whyUnclear(holder: PortHolder, rows: readonly ProcessRow[]): Promise<Unclear | undefined> {
    if (holder.kind === 'unknown') return holder.why;
    if (await this.#processes.othersHidden(this.#signal))
      return { kind: 'closed', reason: 'processes of other users are hidden from the exporter' };
    if (this.#search.lastSeen !== undefined) return undefined;
    for (const row of rows) {
      if (looks(row) === 'openclaw' && (await this.#belongs(row)) !== 'others')
        return { kind: 'ambiguous', reason: 'a process named openclaw may be it, or a short command' };
    }
    return undefined;
  }

  #ourLock(pid: number): GatewayLock | undefined {
    const lock = this.#locked.get(pid);
    return lock?.ours ? lock : undefined;
  }

  #row(pid: number): Promise<ProcessRow | undefined> {
    if (pid === this.#search.ownPid) return Promise.resolve(undefined);
    return this.#processes.row(pid, this.#signal);
  }

  #ancestors(pid: number): ReadonlySet<number> {
    const parents = new Map(this.#table.map((row) => [row.pid, row.ppid]));
    const ancestors = new Set<number>();
    for (let one = parents.get(pid) ?? 0; one > 1 && !ancestors.has(one); one = parents.get(one) ?? 0) {
      ancestors.add(one);
    }
    return ancestors;
  }
}

/** A command has started itself a second time by then. */
const YOUNG_MS = 2_000;
/** No short command of any version runs alone for so long. */
const SURE_AFTER_MS = 60_000;

const RESPAWN_VARIABLES = ['NODE_OPTIONS', 'OPENCLAW_NODE_OPTIONS_READY', 'OPENCLAW_NO_RESPAWN'] as const;
const PLACE_VARIABLES = [
  'HOME',
  'OPENCLAW_GATEWAY_PORT',
  'OPENCLAW_HOME',
  'OPENCLAW_PROFILE',
  'OPENCLAW_STATE_DIR',
] as const;

/** The state folder a process was started for, as OpenClaw derives it. */
function stateDirOf(environment: ReadonlyMap<string, string>): string {
  const env = Object.fromEntries(environment);
  const home = homeOf(env);
  return namedStateDir(env, home) ?? join(home, '.openclaw');
}

/** Whether a lock was written by this very process, not by one that had its pid before. */
function matches(lock: GatewayLock, row: ProcessRow): boolean {
  if (/^\d+$/.test(row.start) && lock.startTime !== undefined) return row.start === String(lock.startTime);
  return looks(row) !== 'other' && row.startedAtMs <= lock.createdAtMs + 1_000;
}

function isAlive({ row }: Candidate): boolean {
  return row.state !== 'zombie';
}

function looks(row: ProcessRow): Looks {
  return looksLike(row.argv);
}

function unknown(kind: Unclear['kind'], reason: string): PortHolder {
  return { kind: 'unknown', why: { kind, reason } };
}

function hiddenReason({ uid }: { readonly uid: number | undefined }): string {
  const whose = uid === undefined ? 'a process' : `a process of user id ${uid}`;
  return `${whose} listens, which one may not be seen from here`;
}
