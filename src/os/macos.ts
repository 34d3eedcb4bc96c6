import { totalmem } from 'node:os';
import type { RunCommand } from '../lib/run-command.ts';
import type { ProcessState } from '../lib/vocabulary.ts';
import { acceptingSockets } from './proc-net.ts';
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

// Not tested on macOS: the parsers follow the documented output of ps(1) and
// lsof(8), the rest follows from them.

const PS = '/bin/ps';
const LSOF = '/usr/sbin/lsof';
const SYSCTL = '/usr/sbin/sysctl';
const COLUMNS = 'pid=,ppid=,uid=,rss=,time=,state=,lstart=,command=';
/** A full table of a busy Mac with its arguments. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;

/** A line of `ps`, with what Linux keeps in other files. */
interface PsRow extends ProcessRow {
  readonly uid: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

const STATES: Readonly<Record<string, ProcessState>> = {
  R: 'running',
  S: 'sleeping',
  I: 'sleeping',
  U: 'disk',
  T: 'stopped',
  Z: 'zombie',
};

const PS_LINE =
  /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s+([A-Z])\S*\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(.*)$/;

/**
 * Reads `ps -o pid=,ppid=,uid=,rss=,time=,state=,lstart=,command=` under LC_ALL=C. The start is in the local
 * time zone, without one; the command is one flat text, so an argument with blanks appears as several.
 */
export function parsePs(text: string): PsRow[] {
  return text.split('\n').flatMap((line) => {
    const [
      ,
      pid,
      ppid,
      uid,
      rss,
      days = '0',
      hours = '0',
      minutes,
      seconds,
      state = '',
      start = '',
      command = '',
    ] = PS_LINE.exec(line) ?? [];
    if (pid === undefined) return [];
    const argv = command.split(' ').filter((part) => part !== '');
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        uid: Number(uid),
        residentBytes: Number(rss) * 1024,
        cpuSeconds: ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds),
        state: STATES[state] ?? 'other',
        start: start.replaceAll(/\s+/g, ' '),
        startedAtMs: Date.parse(start.replaceAll(/\s+/g, ' ')),
        comm: (argv[0]?.split('/').at(-1) ?? '').slice(0, 32).replaceAll(/\p{C}/gu, '?'),
        argv: state === 'Z' ? [] : argv,
      },
    ];
  });
}

/**
 * Reads `lsof -F pn` of listening sockets: where each process listens. Fields that were
 * not asked for are passed over.
 */
export function parseLsof(text: string): Map<number, ListeningAddress[]> {
  const found = new Map<number, ListeningAddress[]>();
  for (const { pid, name } of parseLsofNames(text)) {
    const [, host = '', port = ''] = /^(.*):(\d{1,5})(?: \(LISTEN\))?$/.exec(name) ?? [];
    if (port === '') continue;
    const address = { host: host === '*' ? '0.0.0.0' : host.replace(/^\[|\]$/g, ''), port: Number(port) };
    found.set(pid, [...(found.get(pid) ?? []), address]);
  }
  return found;
}

/** Reads `lsof -F pn`: a process and what it has open, a line each. */
function parseLsofNames(text: string): { readonly pid: number; readonly name: string }[] {
  let pid = 0;
  return text.split('\n').flatMap((line) => {
    if (/^p\d+$/.test(line)) pid = Number(line.slice(1));
    return pid !== 0 && line.startsWith('n') ? [{ pid, name: line.slice(1) }] : [];
  });
}

/** macOS through its own programs. Without root, `lsof` shows only what the exporter's own user may see. */
export class MacProcesses implements Processes {
  readonly #run: RunCommand;
  readonly #ownUid: number;
  #rows: readonly PsRow[] = [];
  #boot: string | undefined;

  constructor(run: RunCommand, ownUid: number) {
    this.#run = run;
    this.#ownUid = ownUid;
  }

  async bootId(signal: AbortSignal): Promise<string> {
    this.#boot ??= (await this.#output(SYSCTL, ['-n', 'kern.bootsessionuuid'], signal)).trim();
    return this.#boot;
  }

  async table(signal: AbortSignal): Promise<readonly ProcessRow[]> {
    this.#rows = parsePs(await this.#output(PS, ['-axww', '-o', COLUMNS], signal));
    return this.#rows;
  }

  /** From the table of this round: one `ps` tells of all processes. */
  async row(pid: number): Promise<ProcessRow | undefined> {
    return this.#rowOf(pid);
  }

  async descendants(pid: number): Promise<readonly Descendant[]> {
    return findDescendants(this.#rows, pid);
  }

  async userOf(pid: number): Promise<number | undefined> {
    return this.#rowOf(pid)?.uid;
  }

  async listener(
    address: ListeningAddress,
    likely: readonly number[],
    signal: AbortSignal,
  ): Promise<PortListener> {
    const listening = await this.#listening([`-iTCP:${address.port}`], signal);
    const sockets = [...listening].flatMap(([pid, held]) => held.map((one) => ({ ...one, pid })));
    const pids = acceptingSockets(sockets, address).map(({ pid }) => pid);
    const pid = likely.find((one) => pids.includes(one)) ?? pids[0];
    return pid === undefined ? { state: 'nobody' } : { state: 'process', pid };
  }

  async listens(pid: number, port: number, signal: AbortSignal): Promise<Answer> {
    return (await this.ports(pid, signal))?.has(port) === true
      ? 'yes'
      : this.#blindFor(pid)
        ? 'unknown'
        : 'no';
  }

  async ports(pid: number, signal: AbortSignal): Promise<ReadonlySet<number> | undefined> {
    const sockets = await this.sockets(pid, signal);
    return sockets && new Set(sockets.map(({ port }) => port));
  }

  async sockets(pid: number, signal: AbortSignal): Promise<readonly ListeningAddress[] | undefined> {
    if (this.#blindFor(pid)) return undefined;
    const args = ['-a', '-p', String(pid), '-iTCP'];
    return (await this.#listening(args, signal)).get(pid) ?? [];
  }

  async openFiles(
    pid: number,
    fits: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    if (this.#blindFor(pid)) return undefined;
    const names = parseLsofNames(await this.#lsof(['-p', String(pid)], signal));
    return names.flatMap(({ name }) => (name.startsWith('/') && fits(name) ? [name] : []));
  }

  /** launchd keeps no control groups. */
  async unitOf(): Promise<undefined> {
    return undefined;
  }

  /** macOS shows no process' environment to others. */
  async environment(): Promise<undefined> {
    return undefined;
  }

  async figures(row: ProcessRow): Promise<ProcessFigures> {
    const found = this.#rowOf(row.pid);
    return {
      residentBytes: found?.residentBytes,
      memoryLimitBytes: totalmem(),
      openFds: undefined,
      maxFds: undefined,
      threads: undefined,
      cpuSeconds: found?.cpuSeconds,
    };
  }

  async ageMs(row: ProcessRow): Promise<number> {
    return Date.now() - row.startedAtMs;
  }

  async othersHidden(): Promise<boolean> {
    return false;
  }

  #rowOf(pid: number): PsRow | undefined {
    return this.#rows.find((row) => row.pid === pid);
  }

  #blindFor(pid: number): boolean {
    return this.#ownUid !== 0 && this.#rowOf(pid)?.uid !== this.#ownUid;
  }

  async #listening(filter: readonly string[], signal: AbortSignal): Promise<Map<number, ListeningAddress[]>> {
    return parseLsof(await this.#lsof([...filter, '-sTCP:LISTEN'], signal));
  }

  async #lsof(filter: readonly string[], signal: AbortSignal): Promise<string> {
    const env = { LC_ALL: 'C', PATH: '/bin:/usr/bin:/usr/sbin' };
    const found = await this.#run(LSOF, ['-nP', ...filter, '-Fpn'], {
      signal,
      env,
      maxBuffer: MAX_TABLE_BYTES,
    });
    // lsof ends with 1 both when nothing was found and when some of it could not be seen.
    if (found.state === 'exited') return found.stdout;
    throw new Error(`lsof gave no answer (${found.state})`);
  }

  async #output(file: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const env = { LC_ALL: 'C', PATH: '/bin:/usr/bin:/usr/sbin' };
    const outcome = await this.#run(file, args, { signal, env, maxBuffer: MAX_TABLE_BYTES });
    if (outcome.state === 'exited' && outcome.code === 0) return outcome.stdout;
    throw new Error(`${file.split('/').at(-1)} gave no answer (${outcome.state})`);
  }
}
