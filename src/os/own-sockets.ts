import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { printable } from '../lib/printable.ts';
import { parseListeningSockets, socketInode } from './proc-net.ts';
import type { ListeningAddress } from './processes.ts';

/** A gateway has some hundreds; beyond this, reading them at once would hold up everything else. */
const MAX_FILES = 4096;

/**
 * Where a process of this user listens within the exporter's network namespace, at once; none where
 * that is not told, as on systems other than Linux. For a first impression: the process collector
 * finds the same without blocking.
 */
export function listeningSockets(pid: number): ListeningAddress[] {
  try {
    const names = readdirSync(`/proc/${pid}/fd`);
    if (names.length > MAX_FILES) return [];
    const held = new Set(names.map((name) => socketInode(readLink(`/proc/${pid}/fd/${name}`))));
    return ['tcp', 'tcp6']
      .flatMap((table) => parseListeningSockets(readFileSync(`/proc/net/${table}`, 'utf8')))
      .flatMap(({ host, port, inode }) => (held.has(inode) ? [{ host, port }] : []));
  } catch {
    return [];
  }
}

/** A process and its name, as the system has it. */
interface PortHolder {
  readonly pid: number;
  readonly name: string;
}

/**
 * The process of this user that listens on a TCP port within the exporter's network namespace, at once; undefined where
 * it belongs to another user or that is not told. For a message before the program ends.
 */
export function findPortHolder(port: number): PortHolder | undefined {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const pid = pids.map(Number).find((one) => listeningSockets(one).some((socket) => socket.port === port));
    return pid === undefined
      ? undefined
      : { pid, name: printable(readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) };
  } catch {
    return undefined;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
