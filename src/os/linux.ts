import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import { codeOf } from '../lib/errors.ts';
import { Slices } from '../lib/slices.ts';
import { memoryGroups, memoryLimit, parseUnit } from './cgroup.ts';
import { cleanName, type MachineFacts, readMachine, toRow } from './proc-machine.ts';
import { acceptingSockets, type ListeningSocket, parseListeningSockets, socketInode } from './proc-net.ts';
import {
  type ProcStat,
  parseCmdline,
  parseMaxOpenFiles,
  parseMemTotal,
  parseProcStat,
  parseProcStatus,
  pickEnvironment,
} from './proc-process.ts';
import {
  type Answer,
  type Descendant,
  findDescendants,
  type ListeningAddress,
  type PortListener,
  type Processes,
  type ProcessFigures,
  type ProcessRow,
} from './processes.ts';

/**
 * Kernel names of programs that can be a gateway: JavaScript runtimes, their main
 * thread, and gateways' own titles.
 */
const MAY_BE_GATEWAY = /^(?:node|bun|deno|openclaw|MainThread)/;
/**
 * By then a process has got its name, and its command line is read once more only
 * if the kernel's name changes.
 */
const NAMED_AFTER_SECONDS = 60;
/** Of so many descendants the arguments are read. */
const MAX_ARGUMENTS = 1_000;
/** A search that did not find a socket's owner is repeated only after this time. */
const FRUITLESS_SEARCH_LIVES_MS = 300_000;
/** The wall clock was set when the machine's boot seems to have moved by more than this. */
const CLOCK_STEP_MS = 2_000;

interface KeptArguments {
  readonly start: string;
  readonly comm: string;
  readonly argv: readonly string[];
}

interface KeptOwner {
  readonly inodes: string;
  readonly owner: { readonly pid: number; readonly start: string } | undefined;
  readonly foundAtMs: number;
}

/**
 * Linux' /proc, without any program. Files that a process can block (its command line, while its memory
 * is locked by a stuck disk) are read off the event loop's thread, one after another, so that they hold
 * up one look and nothing else.
 */
export class LinuxProcesses implements Processes {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #arguments = new Map<number, KeptArguments>();
  readonly #owners = new Map<number, KeptOwner>();
  #machine: MachineFacts | undefined;
  /** As of the last table. */
  #stats: readonly ProcStat[] = [];

  constructor(clock: Clock, root = '/proc') {
    this.#clock = clock;
    this.#root = root;
  }

  async bootId(signal: AbortSignal): Promise<string> {
    return (await this.#ownMachine(signal)).bootId;
  }

  async table(signal: AbortSignal): Promise<readonly ProcessRow[]> {
    const uptime = Number.parseFloat(await this.#text('uptime', signal));
    this.#noticeClockStep(uptime);
    const machine = await this.#ownMachine(signal);
    const pids = await this.#pids();
    const there = new Set(pids);
    for (const pid of this.#arguments.keys()) if (!there.has(pid)) this.#arguments.delete(pid);
    const rows: ProcessRow[] = [];
    const stats: ProcStat[] = [];
    const slices = new Slices(signal);
    for (const pid of pids) {
      const found = parseProcStat(textNow(`${this.#root}/${pid}/stat`));
      if (found === undefined) continue;
      stats.push(found);
      const named = uptime - Number(found.startTicks) / machine.hertz > NAMED_AFTER_SECONDS;
      const argv = MAY_BE_GATEWAY.test(found.comm) ? await this.#argumentsOf(found, named, signal) : [];
      rows.push(toRow(found, argv, machine));
      await slices.pause();
    }
    this.#stats = stats;
    return rows;
  }

  async descendants(pid: number, signal: AbortSignal): Promise<readonly Descendant[]> {
    const { pageBytes } = await this.#ownMachine(signal);
    const found = findDescendants(this.#stats, pid);
    const argvs: (readonly string[])[] = [];
    // One after another, as in the table; of a crowd beyond the bound the kernel's name has to do.
    for (const stat of found.slice(0, MAX_ARGUMENTS)) argvs.push(await this.#argumentsOf(stat, true, signal));
    return found.map((stat, place) => ({
      pid: stat.pid,
      ppid: stat.ppid,
      comm: cleanName(stat.comm),
      argv: argvs[place] ?? [],
      residentBytes: stat.residentPages * pageBytes,
    }));
  }

  async row(pid: number, signal: AbortSignal): Promise<ProcessRow | undefined> {
    const found = await this.#stat(pid, signal);
    if (found === undefined) return undefined;
    const argv = parseCmdline((await this.#tryText(`${pid}/cmdline`, signal)) ?? '');
    return toRow(found, argv, await this.#ownMachine(signal));
  }

  async userOf(pid: number, signal: AbortSignal): Promise<number | undefined> {
    return parseProcStatus((await this.#tryText(`${pid}/status`, signal)) ?? '').uid;
  }

  async listener(
    address: ListeningAddress,
    likely: readonly number[],
    signal: AbortSignal,
  ): Promise<PortListener> {
    const sockets = acceptingSockets(await this.#sockets('net', signal), address);
    const [first] = sockets;
    if (first === undefined) {
      this.#owners.delete(address.port);
      return { state: 'nobody' };
    }
    const inodes = new Set(sockets.map(({ inode }) => inode));
    const pid = await this.#ownerOf(address.port, inodes, likely, signal);
    return pid === undefined ? { state: 'hidden', uid: first.uid } : { state: 'process', pid };
  }

  async listens(pid: number, port: number, signal: AbortSignal): Promise<Answer> {
    const ports = await this.#portsOf(pid, signal, port);
    if (ports === 'hidden') return 'unknown';
    return ports.has(port) ? 'yes' : 'no';
  }

  async ports(pid: number, signal: AbortSignal): Promise<ReadonlySet<number> | undefined> {
    const ports = await this.#portsOf(pid, signal);
    return ports === 'hidden' ? undefined : ports;
  }

  async sockets(pid: number, signal: AbortSignal): Promise<readonly ListeningAddress[] | undefined> {
    const sockets = new Map((await this.#sockets('net', signal)).map((socket) => [socket.inode, socket]));
    const held: ListeningAddress[] = [];
    for await (const inode of this.#heldSockets(pid, signal)) {
      if (inode === 'hidden') return undefined;
      const socket = sockets.get(inode);
      if (socket !== undefined) held.push({ host: socket.host, port: socket.port });
    }
    return held;
  }

  async openFiles(
    pid: number,
    fits: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const found: string[] = [];
    for await (const target of this.#openFiles(pid, signal)) {
      if (target === 'hidden') return undefined;
      if (target.startsWith('/') && fits(target)) found.push(target);
    }
    return found;
  }

  async unitOf(pid: number, signal: AbortSignal): Promise<string | undefined> {
    return parseUnit((await this.#tryText(`${pid}/cgroup`, signal)) ?? '');
  }

  async environment(
    pid: number,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const text = await this.#tryText(`${pid}/environ`, signal);
    return text === undefined ? undefined : pickEnvironment(text, names);
  }

  async figures({ pid }: ProcessRow, signal: AbortSignal): Promise<ProcessFigures> {
    const found = await this.#stat(pid, signal);
    const { hertz } = await this.#ownMachine(signal);
    return {
      residentBytes: parseProcStatus((await this.#tryText(`${pid}/status`, signal)) ?? '').residentBytes,
      memoryLimitBytes: await this.#memoryLimit(pid, signal),
      openFds: await this.#openFds(pid),
      maxFds: parseMaxOpenFiles((await this.#tryText(`${pid}/limits`, signal)) ?? ''),
      threads: found?.threads,
      cpuSeconds: found === undefined ? undefined : (found.userTicks + found.systemTicks) / hertz,
    };
  }

  async ageMs({ start }: ProcessRow, signal: AbortSignal): Promise<number> {
    const uptime = Number.parseFloat(await this.#text('uptime', signal));
    return (uptime - Number(start) / (await this.#ownMachine(signal)).hertz) * 1000;
  }

  /** With `hidepid`, process 1 (somebody else's, unless we are root) cannot be read. */
  async othersHidden(signal: AbortSignal): Promise<boolean> {
    return (await this.#tryText('1/stat', signal)) === undefined;
  }

  async #argumentsOf(found: ProcStat, named: boolean, signal: AbortSignal): Promise<readonly string[]> {
    const { pid, comm, startTicks: start } = found;
    const kept = this.#arguments.get(pid);
    if (kept?.start === start && kept.comm === comm) return kept.argv;
    const argv = parseCmdline((await this.#tryText(`${pid}/cmdline`, signal)) ?? '');
    if (named) this.#arguments.set(pid, { start, comm, argv });
    return argv;
  }

  async #pids(): Promise<number[]> {
    return (await readdir(this.#root)).filter((name) => /^\d+$/.test(name)).map(Number);
  }

  async #ownerOf(
    port: number,
    inodes: ReadonlySet<string>,
    likely: readonly number[],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const key = [...inodes].sort().join(' ');
    const kept = this.#owners.get(port);
    if (kept?.inodes === key && (await this.#stillTrue(kept, signal))) return kept.owner?.pid;
    const others = (await this.#pids()).filter((pid) => !likely.includes(pid));
    let owner: KeptOwner['owner'];
    for (const pid of [...likely, ...others]) {
      const held = await this.#firstHeld(pid, inodes, signal);
      if (held !== 'yes') continue;
      const start = (await this.#stat(pid, signal))?.startTicks;
      if (start !== undefined) owner = { pid, start };
      break;
    }
    this.#owners.set(port, { inodes: key, owner, foundAtMs: this.#clock.monotonic() });
    return owner?.pid;
  }

  async #stillTrue({ owner, foundAtMs }: KeptOwner, signal: AbortSignal): Promise<boolean> {
    if (owner === undefined) return this.#clock.monotonic() - foundAtMs < FRUITLESS_SEARCH_LIVES_MS;
    return (await this.#stat(owner.pid, signal))?.startTicks === owner.start;
  }

  /** Whether a process holds one of these sockets. */
  async #firstHeld(pid: number, inodes: ReadonlySet<string>, signal: AbortSignal): Promise<Answer> {
    for await (const inode of this.#heldSockets(pid, signal)) {
      if (inode === 'hidden') return 'unknown';
      if (inodes.has(inode)) return 'yes';
    }
    return 'no';
  }

  /** Ports by the process' own network namespace, which need not be ours. */
  async #portsOf(pid: number, signal: AbortSignal, only?: number): Promise<ReadonlySet<number> | 'hidden'> {
    const sockets = new Map<string, number>();
    for (const { inode, port } of await this.#sockets(`${pid}/net`, signal)) {
      if (only === undefined || port === only) sockets.set(inode, port);
    }
    const ports = new Set<number>();
    if (sockets.size === 0) return ports;
    for await (const inode of this.#heldSockets(pid, signal)) {
      if (inode === 'hidden') return 'hidden';
      const port = sockets.get(inode);
      if (port !== undefined) ports.add(port);
    }
    return ports;
  }

  /** Inodes of a process' sockets. */
  async *#heldSockets(pid: number, signal: AbortSignal): AsyncGenerator<string> {
    for await (const target of this.#openFiles(pid, signal)) {
      const inode = target === 'hidden' ? target : socketInode(target);
      if (inode !== undefined) yield inode;
    }
  }

  /** What a process has open; links are read in slices, for a process may hold a hundred thousand files. */
  async *#openFiles(pid: number, signal: AbortSignal): AsyncGenerator<string> {
    const folder = `${this.#root}/${pid}/fd`;
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM') yield 'hidden';
      return;
    }
    const slices = new Slices(signal);
    for (const name of names) {
      const target = linkTarget(`${folder}/${name}`);
      if (target !== '') yield target;
      await slices.pause();
    }
  }

  async #sockets(folder: string, signal: AbortSignal): Promise<ListeningSocket[]> {
    const names = [`${folder}/tcp`, `${folder}/tcp6`];
    const texts = await Promise.all(names.map((name) => this.#tryText(name, signal)));
    return texts.flatMap((text) => parseListeningSockets(text ?? ''));
  }

  async #memoryLimit(pid: number, signal: AbortSignal): Promise<number | undefined> {
    const cgroup = (await this.#tryText(`${pid}/cgroup`, signal)) ?? '';
    const mounts = (await this.#tryText('self/mountinfo', signal)) ?? '';
    const machine = parseMemTotal((await this.#tryText('meminfo', signal)) ?? '');
    const group = await memoryLimit(memoryGroups(cgroup, mounts), signal);
    const limits = [machine, group].filter((limit) => limit !== undefined);
    return limits.length === 0 ? undefined : Math.min(...limits);
  }

  /**
   * Since Linux 6.2 the folder's size is the number of open files, told to
   * everybody; before, they are counted.
   */
  async #openFds(pid: number): Promise<number | undefined> {
    const folder = `${this.#root}/${pid}/fd`;
    try {
      const { size } = await stat(folder);
      return size > 0 ? size : (await readdir(folder)).length;
    } catch {
      return undefined;
    }
  }

  async #stat(pid: number, signal: AbortSignal): Promise<ProcStat | undefined> {
    return parseProcStat((await this.#tryText(`${pid}/stat`, signal)) ?? '');
  }

  /**
   * The kernel derives the boot's wall time from the clock as it is now, so a
   * corrected clock corrects it too.
   */
  #noticeClockStep(uptime: number): void {
    const booted = this.#clock.now() - uptime * 1000;
    if (Math.abs(booted - (this.#machine?.bootTimeMs ?? booted)) > CLOCK_STEP_MS) this.#machine = undefined;
  }

  async #ownMachine(signal: AbortSignal): Promise<MachineFacts> {
    if (this.#machine !== undefined) return this.#machine;
    this.#machine = await readMachine(this.#root, signal);
    return this.#machine;
  }

  #text(path: string, signal: AbortSignal): Promise<string> {
    return readFile(`${this.#root}/${path}`, { encoding: 'utf8', signal });
  }

  async #tryText(path: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#text(path, signal);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }
}

function textNow(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
