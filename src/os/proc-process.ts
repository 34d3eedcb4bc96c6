import type { ProcessState } from '../lib/vocabulary.ts';

/** One line of /proc/PID/stat; ticks are of the kernel's user clock. Source: proc_pid_stat(5). */
export interface ProcStat {
  readonly pid: number;
  /** May hold blanks, brackets and line ends: a process chooses it freely. */
  readonly comm: string;
  readonly state: ProcessState;
  readonly ppid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly threads: number;
  /** Pages of memory; 0 for a zombie. */
  readonly residentPages: number;
  /** Ticks after boot; kept as text, for it may exceed 2^53. */
  readonly startTicks: string;
}

const STATES: Readonly<Record<string, ProcessState>> = {
  R: 'running',
  S: 'sleeping',
  I: 'sleeping',
  D: 'disk',
  T: 'stopped',
  t: 'stopped',
  Z: 'zombie',
};
// Places after the closing bracket of the name; proc_pid_stat(5) counts from 1 at the pid.
const STATE = 0;
const PPID = 1;
const UTIME = 11;
const STIME = 12;
const THREADS = 17;
const STARTTIME = 19;
const RSS = 21;

/** Reads /proc/PID/stat; undefined where the text is none. */
export function parseProcStat(text: string): ProcStat | undefined {
  const opening = text.indexOf('(');
  const closing = text.lastIndexOf(')');
  if (opening < 1 || closing < opening) return undefined;
  const fields = text
    .slice(closing + 1)
    .trim()
    .split(/\s+/);
  const numbers = [PPID, UTIME, STIME, THREADS, RSS].map((place) => Number(fields[place] ?? Number.NaN));
  const [ppid = 0, userTicks = 0, systemTicks = 0, threads = 0, residentPages = 0] = numbers;
  const pid = Number(text.slice(0, opening));
  const startTicks = fields[STARTTIME] ?? '';
  if (![pid, ...numbers].every(Number.isInteger) || !/^\d+$/.test(startTicks)) return undefined;
  const comm = text.slice(opening + 1, closing);
  const state = STATES[fields[STATE] ?? ''] ?? 'other';
  return { pid, comm, state, ppid, userTicks, systemTicks, threads, startTicks, residentPages };
}

/** What /proc/PID/status adds; a zombie has no memory lines. Source: proc_pid_status(5). */
export interface ProcStatus {
  readonly uid: number | undefined;
  readonly residentBytes: number | undefined;
}

/** Reads /proc/PID/status. */
export function parseProcStatus(text: string): ProcStatus {
  const resident = integer(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]);
  return {
    uid: integer(/^Uid:\s*(\d+)/m.exec(text)?.[1]),
    residentBytes: resident === undefined ? undefined : resident * 1024,
  };
}

/** The soft limit of open files in /proc/PID/limits; undefined where it is unlimited or not told. */
export function parseMaxOpenFiles(text: string): number | undefined {
  return integer(/^Max open files\s+(\d+)\s/m.exec(text)?.[1]);
}

/**
 * The arguments in /proc/PID/cmdline. A process that renames itself leaves the rest of the old arguments'
 * room as zero bytes; those are dropped.
 */
export function parseCmdline(text: string): string[] {
  return text.split('\0').filter((argument) => argument !== '');
}

/** Only the variables asked for, out of /proc/PID/environ; whatever else it holds is not kept. */
export function pickEnvironment(text: string, names: readonly string[]): Map<string, string> {
  const picked = new Map<string, string>();
  for (const assignment of text.split('\0')) {
    const equals = assignment.indexOf('=');
    const name = assignment.slice(0, equals);
    if (equals > 0 && names.includes(name) && !picked.has(name))
      picked.set(name, assignment.slice(equals + 1));
  }
  return picked;
}

/** Seconds since the epoch at which the machine booted, from /proc/stat. */
export function parseBootTime(text: string): number | undefined {
  return integer(/^btime (\d+)$/m.exec(text)?.[1]);
}

/** Bytes of memory of the machine, from /proc/meminfo. */
export function parseMemTotal(text: string): number | undefined {
  const total = integer(/^MemTotal:\s*(\d+) kB$/m.exec(text)?.[1]);
  return total === undefined ? undefined : total * 1024;
}

const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;
const DEFAULT_HERTZ = 100;
const DEFAULT_PAGE_BYTES = 4096;

/** Ticks per second of the kernel's user clock, from /proc/self/auxv of a 64-bit little-endian process. */
export function parseHertz(auxv: Buffer): number {
  const hertz = Number(auxiliary(auxv, AT_CLKTCK) ?? 0n);
  return hertz > 0 && hertz <= 10_000 ? hertz : DEFAULT_HERTZ;
}

/** Bytes of a page of memory, from the same file. */
export function parsePageBytes(auxv: Buffer): number {
  const bytes = Number(auxiliary(auxv, AT_PAGESZ) ?? 0n);
  return bytes >= 512 && bytes <= 2 ** 24 ? bytes : DEFAULT_PAGE_BYTES;
}

/** One entry of the auxiliary vector. Source: getauxval(3). */
function auxiliary(auxv: Buffer, key: bigint): bigint | undefined {
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (auxv.readBigUInt64LE(at) === key) return auxv.readBigUInt64LE(at + 8);
  }
  return undefined;
}

function integer(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}
