import { isIP, isIPv4 } from 'node:net';
import type { ListeningAddress } from './processes.ts';

/** A listening TCP socket of /proc/net/tcp or tcp6. */
export interface ListeningSocket {
  /** An IP address; one that an IPv6 socket holds for IPv4 has its IPv4 form. */
  readonly host: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode; state 0A is LISTEN.
const LISTENING =
  /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A \S+ \S+ \S+\s+(\d+)\s+\d+\s+(\d+)(?:\s|$)/gm;

/**
 * The sockets that accept a connection to an address: those bound to it, else those bound to all addresses.
 */
export function acceptingSockets<T extends ListeningAddress>(
  sockets: readonly T[],
  { host, port }: ListeningAddress,
): readonly T[] {
  const onPort = sockets.filter((socket) => socket.port === port);
  const hosts = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  if (hosts.every((one) => isIP(one) === 0)) return onPort;
  const exact = onPort.filter((socket) => hosts.includes(socket.host));
  if (exact.length > 0) return exact;
  return onPort.filter((socket) => socket.host === '::' || (isIPv4(host) && socket.host === '0.0.0.0'));
}

/** The listening sockets of /proc/net/tcp or tcp6, whatever their address. Source: proc_pid_net(5). */
export function parseListeningSockets(text: string): ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const [, host = '', port = '', uid = '', inode = ''] of text.matchAll(LISTENING)) {
    if (inode !== '0') {
      sockets.push({ host: parseHost(host), port: Number.parseInt(port, 16), uid: Number(uid), inode });
    }
  }
  return sockets;
}

/**
 * The socket's inode in the target of a link under /proc/PID/fd, or undefined where the file is no socket.
 */
export function socketInode(link: string): string | undefined {
  return /^socket:\[(\d+)\]$/.exec(link)?.[1];
}

/**
 * An address in hexadecimal as the kernel prints it: 32-bit words in the machine's
 * byte order, little-endian here.
 */
function parseHost(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex')].reverse());
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return bytes.slice(12).join('.');
  return compressed(groups);
}

/** IPv6 in its canonical text form (RFC 5952), as every other source of addresses has it. */
function compressed(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16)).join(':');
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}
