import type { GatewayLock } from '../../openclaw/lock.ts';
import type { PortListener, Processes, ProcessRow } from '../../os/processes.ts';
import { findOwner, type Ownership, type OwnGateway } from './ownership.ts';
import { isCommand, type Looks, looksLike } from './recognise.ts';
import type { SeenProcess } from './restarts.ts';

/**
 * By which means the process was found, the surest first; label values of `openclaw_gateway_process_info`.
 */
export const FOUND_BY = ['lock_file', 'service', 'listener', 'last_seen', 'pattern'] as const;
/** One of {@link FOUND_BY}. */
export type FoundBy = (typeof FOUND_BY)[number];

/** What is looked for, and what is known from elsewhere. */
export interface Search extends OwnGateway {
  readonly ownPid: number;
  /** The exporter's own user; 0 sees everything. */
  readonly ownUid: number;
  /** Wall time in milliseconds. */
  readonly nowMs: number;
  readonly bootId: string;
  readonly locks: readonly GatewayLock[];
  readonly lastSeen: SeenProcess | undefined;
  readonly servicePid: number | undefined;
}

/** Who accepts connections to the address, as far as it can be told. */
export type PortHolder =
  | { readonly kind: 'gateway' }
  | { readonly kind: 'nobody' }
  /** Something else does; `process` is undefined where it is another user's and hidden. */
  | ({ readonly kind: 'other' } & OtherHolder)
  | { readonly kind: 'unknown'; readonly why: Unclear };

/** What holds the port and is not this gateway. */
export interface OtherHolder {
  /** Undefined where it is another user's and hidden. */
  readonly process: Pick<ProcessRow, 'pid' | 'start' | 'comm'> | undefined;
  /** Whose socket it is, where the process is hidden. */
  readonly uid: number | undefined;
  /** Whether it is, or may be, a gateway of another state folder. */
  readonly isGateway: boolean;
}

/** Why seeing no gateway proves nothing. */
export interface Unclear {
  /**
   * `closed`: the exporter lacks the rights to see. `ambiguous`: it saw all there is, and that does not tell.
   */
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
  /** Where none was found: a gateway of another user. */
  readonly stranger?: { readonly pid: number; readonly uid: number } | undefined;
}

/**
 * Finds the gateway's process: by its lock, the service manager or its last identity, else by the port's
 * listener where that is ours, else by its command line.
 */
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
  readonly #owners = new Map<number, Ownership>();

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
    const listener = await this.#processes.listener(this.#search.address, likely, this.#signal);
    const listening = await this.#listeningGateway(listener, candidates);
    const chosen =
      (await this.#listeningAnywhere(candidates)) ??
      listening ??
      candidates.find(isAlive) ??
      (await this.#byPattern(byLooks)) ??
      candidates[0];
    const holder = await this.#holder(listener, chosen);
    const gateway = chosen && { ...chosen, lock: this.#ourLock(chosen.row.pid) };
    return {
      gateway: gateway && {
        ...gateway,
        by: gateway.by === 'last_seen' && holder.kind === 'gateway' ? 'listener' : gateway.by,
      },
      holder,
      duplicates: gateway === undefined ? [] : await this.#duplicates(gateway.row, byLooks),
      unclear: gateway === undefined ? await this.#whyUnclear(holder, byLooks) : undefined,
      stranger: gateway === undefined ? await this.#findStranger(byLooks) : undefined,
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
      if ((await this.#owner(row)) === 'ours') candidates.push({ row, by: 'lock_file' });
    }
    const service = servicePid === undefined ? undefined : await this.#row(servicePid);
    if (service !== undefined && looks(service) !== 'other' && (await this.#owner(service)) !== 'others')
      candidates.push({ row: service, by: 'service' });
    const last = lastSeen?.boot === bootId ? await this.#row(lastSeen.pid) : undefined;
    if (last !== undefined && last.start === lastSeen?.start && !(await this.#isOtherUsers(last)))
      candidates.push({ row: last, by: 'last_seen' });
    return candidates;
  }

  async #believes({ writer, pid }: GatewayLock): Promise<boolean> {
    return writer === undefined || writer === (await this.#processes.userOf(pid, this.#signal));
  }

  /** The first that lives and listens at all: one that is stuck in its end holds nothing any more. */
  async #listeningAnywhere(candidates: readonly Candidate[]): Promise<Candidate | undefined> {
    for (const candidate of candidates) {
      if (!isAlive(candidate)) continue;
      const ports = await this.#processes.ports(candidate.row.pid, this.#signal);
      if (ports !== undefined && ports.size > 0) return candidate;
    }
    return undefined;
  }

  /** The listener, if it is this gateway. A stranger on the port is none, nor is another's gateway. */
  async #listeningGateway(
    listener: PortListener,
    candidates: readonly Candidate[],
  ): Promise<Candidate | undefined> {
    if (listener.state !== 'process') return undefined;
    const row = await this.#row(listener.pid);
    if (row === undefined) return undefined;
    const known = candidates.find((candidate) => candidate.row.pid === row.pid);
    if (known !== undefined) return known;
    return looks(row) !== 'other' && (await this.#owner(row)) === 'ours'
      ? { row, by: 'listener' }
      : undefined;
  }

  /**
   * The last resort: what looks like a gateway and is certainly ours; the oldest,
   * so that the choice is steady.
   */
  async #byPattern(rows: readonly ProcessRow[]): Promise<Candidate | undefined> {
    const ancestors = this.#ancestors(this.#search.ownPid);
    const found: ProcessRow[] = [];
    for (const { pid } of rows) {
      const row = await this.#row(pid);
      if (row === undefined || ancestors.has(pid)) continue;
      if (looks(row) !== 'gateway' && !(await this.#runsInForeground(row, SURE_AFTER_MS))) continue;
      if ((await this.#owner(row)) === 'ours') found.push(row);
    }
    const row = found.sort((a, b) => a.startedAtMs - b.startedAtMs || a.pid - b.pid)[0];
    return row && { row, by: 'pattern' };
  }

  async #holder(listener: PortListener, chosen: Candidate | undefined): Promise<PortHolder> {
    const pid = listener.state === 'process' ? listener.pid : undefined;
    if (chosen !== undefined && isAlive(chosen) && pid === chosen.row.pid) return { kind: 'gateway' };
    if (chosen !== undefined && isAlive(chosen) && pid === undefined) {
      const listens = await this.#processes.listens(chosen.row.pid, this.#search.address.port, this.#signal);
      if (listens === 'yes') return { kind: 'gateway' };
      if (listens === 'unknown') return unknown('closed', 'its open files may not be read');
    }
    if (listener.state === 'nobody') return { kind: 'nobody' };
    if (listener.state === 'hidden') return await this.#hiddenHolder(listener.uid);
    const row = await this.#row(listener.pid);
    if (row === undefined) return unknown('ambiguous', 'the process that listened has just ended');
    const { start, comm } = row;
    const isGateway = looks(row) === 'gateway' || looks(row) === 'openclaw';
    return { kind: 'other', process: { pid: row.pid, start, comm }, uid: undefined, isGateway };
  }

  /**
   * A socket's owner is told to everybody: one of another user is not this gateway, whatever process
   * holds it. Where no process of that user is to be seen, the exporter is in a namespace of its
   * own, and user ids tell nothing.
   */
  async #hiddenHolder(uid: number | undefined): Promise<PortHolder> {
    const { ownerUid } = this.#search;
    if (uid === undefined || ownerUid === undefined || uid === ownerUid)
      return unknown('closed', hiddenReason(uid));
    const its: ProcessRow[] = [];
    for (const row of this.#table)
      if ((await this.#processes.userOf(row.pid, this.#signal)) === uid) its.push(row);
    if (its.length === 0) return unknown('closed', hiddenReason(uid));
    return { kind: 'other', process: undefined, uid, isGateway: its.some((row) => looks(row) !== 'other') };
  }

  async #duplicates(main: ProcessRow, rows: readonly ProcessRow[]): Promise<ProcessRow[]> {
    const found: ProcessRow[] = [];
    for (const { pid } of rows) {
      const ancestors = this.#ancestors(pid);
      if (pid === main.pid || ancestors.has(main.pid) || this.#startedByCommand(ancestors)) continue;
      const row = await this.#row(pid);
      if (row === undefined || row.state === 'zombie') continue;
      if (await this.#isGatewayOfOurs(row, main)) found.push(row);
    }
    return found;
  }

  /** `openclaw gateway restart` and its like start processes of their own, which end with them. */
  #startedByCommand(ancestors: ReadonlySet<number>): boolean {
    return this.#table.some(({ pid, argv }) => ancestors.has(pid) && isCommand(argv));
  }

  /**
   * A process that calls itself only `openclaw` counts when it listens or runs as only an older gateway does.
   */
  async #isGatewayOfOurs(row: ProcessRow, main: ProcessRow): Promise<boolean> {
    const kind = looks(row);
    if (kind !== 'gateway' && kind !== 'openclaw') return false;
    if (kind === 'openclaw') {
      const listens = ((await this.#processes.ports(row.pid, this.#signal))?.size ?? 0) > 0;
      const older = looks(main) === 'openclaw' && (await this.#runsInForeground(row, YOUNG_MS));
      if (!listens && !older) return false;
    }
    return (await this.#owner(row)) === 'ours';
  }

  /**
   * Whether a process named only `openclaw` is an older gateway and not a short command:
   * OpenClaw 2026.5 starts itself a second time, with a mark in the environment, for every
   * command but a gateway in the foreground.
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

  async #owner(row: ProcessRow): Promise<Ownership> {
    const known = this.#owners.get(row.pid);
    if (known !== undefined) return known;
    const lock = this.#locked.get(row.pid);
    const owner = await findOwner(this.#processes, this.#search, row, lock, this.#signal);
    this.#owners.set(row.pid, owner);
    return owner;
  }

  async #isOtherUsers({ pid }: ProcessRow): Promise<boolean> {
    const { ownerUid } = this.#search;
    const uid = await this.#processes.userOf(pid, this.#signal);
    return ownerUid !== undefined && uid !== undefined && uid !== ownerUid;
  }

  async #findStranger(rows: readonly ProcessRow[]): Promise<Finding['stranger']> {
    const { ownerUid } = this.#search;
    for (const row of rows) {
      if (looks(row) !== 'gateway' || row.state === 'zombie') continue;
      const uid = await this.#processes.userOf(row.pid, this.#signal);
      if (ownerUid !== undefined && uid !== undefined && uid !== ownerUid) return { pid: row.pid, uid };
    }
    return undefined;
  }

  /** The exporter always sees the processes of its own user. */
  async #whyUnclear(holder: PortHolder, rows: readonly ProcessRow[]): Promise<Unclear | undefined> {
    if (holder.kind === 'unknown') return holder.why;
    const { ownUid, ownerUid, lastSeen } = this.#search;
    const isOwn = ownUid === 0 || ownUid === ownerUid;
    if (!isOwn && (await this.#processes.othersHidden(this.#signal)))
      return { kind: 'closed', reason: 'processes of other users are hidden from the exporter' };
    for (const row of rows) {
      if ((await this.#owner(row)) === 'others') continue;
      const kind = looks(row);
      if (kind === 'gateway') {
        const wayOut = isOwn ? '' : ': run the exporter as its user';
        return {
          kind: 'closed',
          reason: `process ${row.pid} may be it, and its files may not be read${wayOut}`,
        };
      }
      if (kind === 'openclaw' && lastSeen === undefined)
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

function hiddenReason(uid: number | undefined): string {
  if (uid === undefined) return 'a process listens that may not be inspected from here';
  return `a process of user id ${uid} listens that may not be inspected from here: run the exporter as that user`;
}
